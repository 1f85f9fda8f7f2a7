//! SIGHUP: what may change while the service runs is read anew, all of it or nothing.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::Path;

use sha2::{Digest, Sha256};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::auth::{AuthFault, AuthSettings, EXPOSED, is_exposed};
use super::log::LogLevel;
use super::serve_args::ServeArgs;
use super::settings::{SettingError, Settings};
use crate::server::{Remote, TlsError};

/// A setting's name and its value.
type Setting = (&'static str, fn(&Settings) -> String);

/// What may change.
const LIVE: &[Setting] = &[
    ("max_connections", |s| show(&s.server.connections_max)),
    ("max_connections_per_address", |s| {
        show(&s.server.limits.connections_per_address)
    }),
    ("max_handshakes_per_second", |s| {
        show(&s.server.limits.handshakes_per_second)
    }),
    ("handshake_ms", |s| show(&s.server.limits.handshake)),
    ("max_header_bytes", |s| show(&s.server.limits.header_bytes_max)),
    ("max_messages_per_second", |s| show(&s.server.limits.rates.messages)),
    ("max_symbols_per_second", |s| show(&s.server.limits.rates.symbols)),
    ("ping_ms", |s| show(&s.server.ping_interval)),
    ("trusted_proxies", |s| show(&s.server.limits.trusted_proxies)),
    ("level", |s| show(&s.log_level)),
    ("[auth]", |s| show(&s.auth)),
];

/// What the service was built with.
const FIXED: &[Setting] = &[
    ("listen", |s| show(&s.listen)),
    ("tls_cert, tls_key, tls_client_ca, tls_client_crl", |s| show(&s.tls)),
    ("feed", |s| show(&s.feeds)),
    ("shards", |s| show(&s.shards)),
    ("cores", |s| show(&s.cores)),
    ("io_uring", |s| show(&s.io_uring)),
    ("allow_control", |s| show(&s.allow_control)),
    ("allowed_origins", |s| show(&s.server.allowed_origins)),
    ("[record]", |s| show(&s.record)),
    ("state", |s| show(&s.state)),
    ("max_instruments", |s| show(&s.instruments_max)),
    ("max_symbols", |s| show(&s.symbols_max)),
    ("max_message_bytes", |s| show(&s.server.message_bytes_max)),
    ("frame_bytes_max", |s| show(&s.frame_bytes_max)),
    ("slow_consumer_ms", |s| show(&s.slow_consumer)),
    ("heartbeat_ms", |s| show(&s.heartbeat)),
    ("format", |s| show(&s.log_format)),
    ("whether there is [auth]", |s| show(&s.auth.is_some())),
    ("whether anybody may publish", |s| {
        let auth = s.auth.as_ref();
        show(&auth.is_some_and(|auth| auth.entitlements.all().any(|entitlement| entitlement.may_publish)))
    }),
];

fn show(value: &dyn std::fmt::Debug) -> String {
    format!("{value:?}")
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("{0} cannot change while the service runs: put it back, or restart")]
    Fixed(&'static str),
    #[error(transparent)]
    Auth(#[from] AuthFault),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{EXPOSED}")]
    Exposed,
}

/// Changes a running service.
pub(super) struct Reloader {
    hangups: Signal,
    /// As the command line and the environment gave them.
    args: ServeArgs,
    running: Settings,
    addr: SocketAddr,
    remote: Remote,
    level: LogLevel,
    credentials: Vec<Vec<u8>>,
}

impl Reloader {
    /// Receives the signal from now on.
    ///
    /// # Errors
    /// Where the system does not pass it on.
    pub(super) fn new(
        args: ServeArgs,
        running: Settings,
        addr: SocketAddr,
        remote: Remote,
        level: LogLevel,
    ) -> io::Result<Reloader> {
        let hangups = signal(SignalKind::hangup())?;
        let credentials = digests(&running);
        Ok(Reloader {
            hangups,
            args,
            running,
            addr,
            remote,
            level,
            credentials,
        })
    }

    /// Reads settings anew at each SIGHUP. One that comes because the terminal has gone asks for the end, as ever.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let has_terminal = io::stdin().is_terminal();
        while stop.run_until_cancelled(self.hangups.recv()).await.is_some() {
            if has_terminal && !io::stdin().is_terminal() {
                return stop.cancel();
            }
            match tokio::task::block_in_place(|| self.reload()) {
                Ok(changed) if changed.is_empty() => tracing::info!("settings read anew: nothing has changed"),
                Ok(changed) => tracing::info!(changed = changed.join(", "), "settings read anew"),
                Err(error) => tracing::error!(%error, "settings cannot be read anew: all stay as they were"),
            }
        }
    }

    /// Reads everything, and changes what may change once all of it can be used. Gives the names of what has changed.
    fn reload(&mut self) -> Result<Vec<&'static str>, ReloadError> {
        let new = Settings::collect(self.args.clone())?;
        let differs = |(_, value): &&Setting| value(&self.running) != value(&new);
        if let Some((name, _)) = FIXED.iter().find(differs) {
            return Err(ReloadError::Fixed(name));
        }
        if is_exposed(self.addr, new.auth.as_ref(), new.is_insecure) {
            return Err(ReloadError::Exposed);
        }
        let policy = new.auth.as_ref().map(AuthSettings::policy).transpose()?;
        let certificate = new.tls.as_ref().map(|files| files.load()).transpose()?;
        let mut changed: Vec<&str> = LIVE.iter().filter(differs).map(|(name, _)| *name).collect();
        let credentials = digests(&new);
        if credentials != self.credentials {
            changed.push("credentials");
        }
        let renewed = self.remote.apply(new.server.clone(), policy, certificate);
        if renewed.certificate {
            changed.push("certificate");
        }
        if renewed.authorities {
            changed.push("authorities of clients");
        }
        self.level.set(new.log_level);
        (self.running, self.credentials) = (new, credentials);
        Ok(changed)
    }
}

/// What the files of credentials hold, to know a change by; of one that cannot be read nothing.
fn digests(settings: &Settings) -> Vec<Vec<u8>> {
    let Some(auth) = &settings.auth else { return Vec::new() };
    let files: [Option<&Path>; 3] = [
        auth.tokens.as_deref(),
        auth.jwt.as_ref().map(|jwt| jwt.keys.as_path()),
        auth.certificates.as_deref(),
    ];
    let digest = |file: &Path| std::fs::read(file).map(|bytes| Sha256::digest(bytes).to_vec());
    files
        .into_iter()
        .flatten()
        .map(|file| digest(file).unwrap_or_default())
        .collect()
}
