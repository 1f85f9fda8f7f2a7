//! What `serve` runs with: flag, then environment, then configuration file, then default.

use std::path::PathBuf;
use std::time::Duration;

use super::auth::{AuthSettingError, AuthSettings};
use super::config::{ConfigError, ConfigFile};
use super::cores::Cores;
use super::log::LogFormat;
use super::serve_args::ServeArgs;
use super::within::{PerAddress, PerSecond, Within, rotation};
use crate::engine::{BEAT, Clock};
use crate::fanout::FanoutConfig;
use crate::feed::DEFAULT_SPEC;
use crate::server::{Bound, ClientFiles, Limits, Rates, ServerConfig, SocketFaults, TlsFiles, TrustedProxies};
use crate::store::{Epoch, INSTRUMENTS_MAX};
use crate::tape::Rotation;

/// Read where no `--config` is given, if it is there.
const CONFIG_DEFAULT: &str = "tickwire.toml";

/// Where feeds may be given in the environment, separated by white space.
pub(super) const FEED_ENV: &str = "TICKWIRE_FEED";

/// All that `serve` needs to know.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) listen: String,
    /// Where TLS is spoken.
    pub(super) tls: Option<TlsFiles>,
    pub(super) feeds: Vec<String>,
    pub(super) shards: usize,
    /// Where threads run, if they are bound at all.
    pub(super) cores: Option<Cores>,
    pub(super) allow_control: bool,
    /// Whom to believe; `None` where everybody may come in.
    pub(super) auth: Option<AuthSettings>,
    /// Other machines may come in without any credentials.
    pub(super) is_insecure: bool,
    /// The tape that everything is recorded to, if any.
    pub(super) record: Option<(PathBuf, Rotation)>,
    /// The folder that the store is kept in, if it is kept.
    pub(super) state: Option<PathBuf>,
    pub(super) instruments_max: usize,
    pub(super) log_level: tracing::Level,
    pub(super) log_format: LogFormat,
    pub(super) server: ServerConfig,
    pub(super) io_uring: bool,
    pub(super) symbols_max: usize,
    pub(super) frame_bytes_max: usize,
    pub(super) slow_consumer: Duration,
    pub(super) heartbeat: Duration,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Auth(#[from] AuthSettingError),
    #[error("there is nothing to rotate: `--record FILE`, TICKWIRE_RECORD or `file` in [record] is needed")]
    NothingRecorded,
    #[error(
        "TLS needs both: `--tls-cert FILE` (TICKWIRE_TLS_CERT, `tls_cert` in [server]) and `--tls-key FILE` (likewise)"
    )]
    HalfTls,
    #[error(
        "clients show certificates over TLS alone: `--tls-client-ca` (`tls_client_ca`) needs `--tls-cert` and `--tls-key`"
    )]
    NoTls,
    #[error(
        "nobody is known by a certificate: `--tls-client-ca` (`tls_client_ca`) needs `certificates` in [auth], the file that \
         says who they are"
    )]
    NobodyCertified,
    #[error(
        "no certificate is believed: `certificates` in [auth] needs `--tls-client-ca FILE` (TICKWIRE_TLS_CLIENT_CA, \
         `tls_client_ca` in [server]), their authorities"
    )]
    NoAuthority,
    #[error(
        "there is nothing to revoke: `--tls-client-crl` (`tls_client_crl`) needs `--tls-client-ca` (`tls_client_ca`)"
    )]
    NothingRevoked,
}

impl SettingError {
    /// Whether the user has to change a setting; else the machine failed.
    pub(super) fn is_usage(&self) -> bool {
        !matches!(self, SettingError::Config(ConfigError::Read { .. }))
    }
}

impl Settings {
    /// Puts the layers together. clap has laid flags over the environment.
    pub(super) fn collect(args: ServeArgs) -> Result<Settings, SettingError> {
        let mut file = Settings::config_path(&args)
            .as_deref()
            .map(ConfigFile::read)
            .transpose()?
            .unwrap_or_default();
        let env_feeds = std::env::var(FEED_ENV).unwrap_or_default();
        let rotates = args.record.record_rotate_bytes.is_some() || args.record.record_rotate_seconds.is_some();
        let has_cert = args.service.tls_cert.is_some() || file.server.tls_cert.is_some();
        let has_key = args.service.tls_key.is_some() || file.server.tls_key.is_some();
        if has_cert != has_key {
            return Err(SettingError::HalfTls);
        }
        let has_ca = args.service.tls_client_ca.is_some() || file.server.tls_client_ca.is_some();
        let has_crl = args.service.tls_client_crl.is_some() || file.server.tls_client_crl.is_some();
        let auth = AuthSettings::of(file.auth.take(), std::mem::take(&mut file.entitlement))?;
        let has_certificates = auth.as_ref().is_some_and(|auth| auth.certificates.is_some());
        match (has_cert, has_ca, has_certificates) {
            _ if has_crl && !has_ca => return Err(SettingError::NothingRevoked),
            (false, true, _) => return Err(SettingError::NoTls),
            (_, true, false) => return Err(SettingError::NobodyCertified),
            (_, false, true) => return Err(SettingError::NoAuthority),
            _ => {}
        }
        let settings = Settings {
            auth,
            ..Settings::layer(args, file, &env_feeds)
        };
        match settings.record {
            // In a file they may lie ready for a `--record`.
            None if rotates => Err(SettingError::NothingRecorded),
            _ => Ok(settings),
        }
    }

    /// The configuration file, if there is one.
    pub(super) fn config_path(args: &ServeArgs) -> Option<PathBuf> {
        args.service.config.clone().or_else(|| {
            let default = PathBuf::from(CONFIG_DEFAULT);
            default.exists().then_some(default)
        })
    }

    fn layer(args: ServeArgs, file: ConfigFile, env_feeds: &str) -> Settings {
        let ServeArgs {
            feed,
            record: recording,
            state,
            service: args,
        } = args;
        let cores = args.cores.or(file.server.cores);
        let cores_count = match &cores {
            Some(cores) => cores.len() as u64,
            None => std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
        };
        let limits = file.limits;
        let heartbeat = first([args.heartbeat_ms, limits.heartbeat_ms], 1_000);
        let instruments = [args.max_instruments, limits.max_instruments];
        let slow_consumer = [args.slow_consumer_ms, limits.slow_consumer_ms];
        let message_bytes = [args.max_message_bytes, limits.max_message_bytes];
        let bound = |layers: [Option<PerAddress>; 2], default: u64| Bound {
            holds_on_loopback: layers.iter().any(Option::is_some),
            most: first(layers, default) as u32,
        };
        let limit = |layers: [Option<PerSecond>; 2], default: u64| first(layers, default) as u32;
        let handshakes = [args.max_handshakes_per_second, limits.max_handshakes_per_second];
        let connections = [args.max_connections_per_address, limits.max_connections_per_address];
        let limits_of_peers = Limits {
            connections_per_address: bound(connections, 256),
            handshakes_per_second: bound(handshakes, 50),
            handshake: Duration::from_millis(first([args.handshake_ms, limits.handshake_ms], 10_000)),
            header_bytes_max: first([args.max_header_bytes, limits.max_header_bytes], 32_768) as usize,
            rates: Rates {
                messages: limit([args.max_messages_per_second, limits.max_messages_per_second], 200),
                symbols: limit([args.max_symbols_per_second, limits.max_symbols_per_second], 10_000),
            },
            trusted_proxies: TrustedProxies {
                networks: match (args.trusted_proxies.is_empty(), file.server.trusted_proxies) {
                    (true, Some(networks)) => networks.0,
                    _ => args.trusted_proxies,
                },
                header: args
                    .proxy_header
                    .or(file.server.proxy_header.map(|header| header.0))
                    .unwrap_or_default(),
            },
        };
        let listen = args.listen.or(file.server.listen);
        let rotation = rotation(
            recording.record_rotate_bytes.or(file.record.rotate_bytes),
            recording.record_rotate_seconds.or(file.record.rotate_seconds),
        );
        let record = recording.record.or(file.record.file);
        let crl = args.tls_client_crl.or(file.server.tls_client_crl);
        let ca = args.tls_client_ca.or(file.server.tls_client_ca);
        let clients = ca.map(|ca| ClientFiles { ca, crl });
        Settings {
            tls: args
                .tls_cert
                .or(file.server.tls_cert)
                .zip(args.tls_key.or(file.server.tls_key))
                .map(|(cert, key)| TlsFiles { cert, key, clients }),
            listen: listen.unwrap_or_else(|| "127.0.0.1:7070".to_owned()),
            feeds: feeds(feed, env_feeds, file.feed.into_iter().map(|feed| feed.spec).collect()),
            shards: first([args.shards, file.server.shards], cores_count) as usize,
            cores,
            io_uring: args.io_uring.or(file.server.io_uring).unwrap_or(true),
            allow_control: args.allow_control.or(file.server.allow_control).unwrap_or(false),
            auth: None,
            is_insecure: args.insecure.or(file.server.insecure).unwrap_or(false),
            record: record.map(|file| (file, rotation)),
            state: state.or(file.server.state),
            instruments_max: first(instruments, INSTRUMENTS_MAX as u64) as usize,
            log_level: args.log_level.or(file.log.level).unwrap_or(tracing::Level::INFO),
            log_format: args.log_format.or(file.log.format).unwrap_or_default(),
            server: ServerConfig {
                connections_max: first([args.max_connections, limits.max_connections], 16_384) as usize,
                message_bytes_max: first(message_bytes, 65_536) as usize,
                ping_interval: Duration::from_millis(first([args.ping_ms, limits.ping_ms], 20_000)),
                allowed_origins: args
                    .allowed_origins
                    .or(file.server.allowed_origins.map(|list| list.0))
                    .unwrap_or_default(),
                limits: limits_of_peers,
                socket_faults: SocketFaults::default(),
            },
            symbols_max: first([args.max_symbols, limits.max_symbols], 100_000) as usize,
            frame_bytes_max: first([args.frame_bytes_max, limits.frame_bytes_max], 65_536) as usize,
            slow_consumer: Duration::from_millis(first(slow_consumer, 30_000)),
            heartbeat: Duration::from_millis(heartbeat),
        }
    }

    /// How long a subscriber may take for a frame.
    pub(super) fn slow_consumer(&self) -> Duration {
        self.slow_consumer
    }

    /// What the shards are told.
    pub(super) fn fanout(&self, epoch: Epoch, clock: Clock) -> FanoutConfig {
        let beats = |span: Duration| (span.as_millis() / BEAT.as_millis()).max(1) as u64;
        FanoutConfig {
            epoch,
            clock,
            frame_bytes_max: self.frame_bytes_max,
            heartbeat_beats: beats(self.heartbeat),
            slow_deadline_beats: beats(self.slow_consumer),
            symbols_max: self.symbols_max,
            message_bytes_max: self.server.message_bytes_max,
            io_uring: self.io_uring,
        }
    }
}

/// The highest layer's number, else the default.
fn first<const LEAST: u64, const MOST: u64>(layers: [Option<Within<LEAST, MOST>>; 2], default: u64) -> u64 {
    layers.into_iter().flatten().next().map_or(default, Within::get)
}

/// A list from a higher layer replaces the lower.
fn feeds(flags: Vec<String>, environment: &str, file: Vec<String>) -> Vec<String> {
    let environment: Vec<String> = environment.split_whitespace().map(str::to_owned).collect();
    let layers = [flags, environment, file, vec![DEFAULT_SPEC.to_owned()]];
    layers.into_iter().find(|layer| !layer.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::serve_args::RecordingArgs;
    use super::super::serve_args::ServiceArgs;
    use super::*;

    fn file(text: &str) -> ConfigFile {
        toml::from_str(text).expect(text)
    }

    #[test]
    fn a_recording_is_put_together_from_all_layers() {
        let text = "[record]\nfile = \"file.tape\"\nrotate_bytes = 70000\nrotate_seconds = 60";
        let second = |seconds| Some(Duration::from_secs(seconds));
        let of = |args, text| Settings::layer(args, file(text), "").record;
        let from_file = of(ServeArgs::default(), text).expect("a file");
        assert_eq!((from_file.0, from_file.1.span_max), ("file.tape".into(), second(60)));
        let args = || ServeArgs {
            record: RecordingArgs {
                record: Some("flag.tape".into()),
                record_rotate_seconds: Some("5".parse().expect("within")),
                ..RecordingArgs::default()
            },
            ..ServeArgs::default()
        };
        let (path, rotation) = of(args(), text).expect("a file");
        assert_eq!((path, rotation.span_max), ("flag.tape".into(), second(5)));
        assert_eq!(rotation.file_bytes_max, Some(70_000));
        assert_eq!(of(args(), "").expect("a file").1.file_bytes_max, None);
        assert_eq!(of(ServeArgs::default(), "[record]\nrotate_bytes = 70000"), None);
    }

    #[test]
    fn the_folder_for_the_store_is_that_of_the_highest_layer_and_none_by_default() {
        let text = "[server]\nstate = \"of-file\"";
        let args = || ServeArgs {
            state: Some("of-flag".into()),
            ..ServeArgs::default()
        };
        let of = |args, text| Settings::layer(args, file(text), "").state;
        assert_eq!(of(args(), text), Some("of-flag".into()));
        assert_eq!(of(ServeArgs::default(), text), Some("of-file".into()));
        assert_eq!(of(ServeArgs::default(), ""), None);
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let text = "[server]\nlisten = \"127.0.0.1:1\"\n[limits]\nmax_symbols = 5\n[[feed]]\nspec = \"a\"";
        let settings = Settings::layer(ServeArgs::default(), file(text), "");
        assert_eq!((settings.listen.as_str(), settings.symbols_max), ("127.0.0.1:1", 5));
        assert_eq!(settings.feeds, ["a"]);
        let args = ServeArgs {
            feed: vec!["b".into(), "c".into()],
            service: ServiceArgs {
                max_symbols: Some("6".parse().expect("within")),
                ..ServiceArgs::default()
            },
            ..ServeArgs::default()
        };
        let settings = Settings::layer(args, file(text), "d e");
        assert_eq!(
            (settings.symbols_max, settings.feeds),
            (6, vec!["b".to_owned(), "c".to_owned()])
        );
        let settings = Settings::layer(ServeArgs::default(), file(text), " d\te ");
        assert_eq!(settings.feeds, ["d", "e"]);
        let allowed = "[server]\nallow_control = true";
        let refusing = ServeArgs {
            service: ServiceArgs {
                allow_control: Some(false),
                ..ServiceArgs::default()
            },
            ..ServeArgs::default()
        };
        assert!(Settings::layer(ServeArgs::default(), file(allowed), "").allow_control);
        assert!(!Settings::layer(refusing, file(allowed), "").allow_control);
        let settings = Settings::layer(ServeArgs::default(), ConfigFile::default(), "");
        assert!(!settings.allow_control);
        assert_eq!(
            (settings.listen.as_str(), settings.feeds),
            ("127.0.0.1:7070", vec![DEFAULT_SPEC.to_owned()])
        );
    }
}
