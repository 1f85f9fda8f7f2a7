//! `tickwire check`: looks at all that `serve` would refuse, starts nothing, and prints what it would run with.

mod located;
mod shown;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{ArgMatches, Args};
use tokio::sync::watch;

use self::located::{Located, Source};
use super::auth::{AuthFault, AuthSettings, EXPOSED, is_exposed};
use super::serve_args::ServeArgs;
use super::settings::{SettingError, Settings};
use crate::feed::{self, FeedContext, FeedSpec};
use crate::server::TlsError;

/// Checks a configuration without serving, and prints the effective settings with where each comes from.
#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Configuration file, as --config [default: tickwire.toml, if it is there]
    #[arg(value_name = "CONFIG", conflicts_with = "config")]
    file: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// Why `serve` would refuse.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error(transparent)]
    Setting(#[from] SettingError),
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\ntickwire: "))]
    Faults(Vec<Fault>),
    #[error("standard output: {0}")]
    Stdout(#[from] io::Error),
}

impl CheckError {
    /// Whether a setting has to be changed; else the machine lacks something.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            CheckError::Setting(error) => error.is_usage(),
            CheckError::Faults(faults) => faults.iter().any(|fault| fault.is_usage),
            CheckError::Stdout(_) => false,
        }
    }
}

/// One setting that cannot be used.
#[derive(Debug)]
pub(super) struct Fault {
    source: Source,
    why: String,
    is_usage: bool,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.why)
    }
}

/// Checks everything and prints the settings.
///
/// # Errors
/// Every setting that `serve` would refuse, each with where it comes from.
pub(super) async fn run(args: CheckArgs, matches: &ArgMatches) -> Result<(), CheckError> {
    let mut serve = args.serve;
    serve.service.config = args.file.or(serve.service.config);
    let path = Settings::config_path(&serve);
    let settings = Settings::collect(serve)?;
    let located = path.as_deref().map(Located::read).unwrap_or_default();
    let faults = faults(&settings, &located, matches).await;
    if !faults.is_empty() {
        return Err(CheckError::Faults(faults));
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(shown::shown(&settings, &located, matches).as_bytes())?;
    Ok(stdout.flush()?)
}

async fn faults(settings: &Settings, located: &Located, matches: &ArgMatches) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut refuse = |source: Source, why: String, is_usage: bool| faults.push(Fault { source, why, is_usage });
    let (listen, auth) = (&settings.listen, settings.auth.as_ref());
    match tokio::net::lookup_host(listen).await {
        Err(error) => {
            let is_usage = error.kind() == io::ErrorKind::InvalidInput;
            let why = format!("cannot listen on `{listen}`: {error}");
            refuse(located.source(matches, "server", "listen"), why, is_usage);
        }
        Ok(mut addrs) => {
            if addrs.any(|addr| is_exposed(addr, auth, settings.is_insecure)) {
                let why = format!("`{listen}`: {EXPOSED}");
                refuse(located.source(matches, "server", "listen"), why, true);
            }
        }
    }
    if let Some(Err(AuthFault { key, error })) = auth.map(AuthSettings::policy) {
        refuse(located.in_file("auth", key), error.to_string(), error.is_usage());
    }
    if let Some(files) = &settings.tls
        && let Err(error) = files.load()
    {
        let key = match error {
            TlsError::Authorities(_) => "tls_client_ca",
            TlsError::Revocations(_) => "tls_client_crl",
            TlsError::Read { .. } | TlsError::Content { .. } | TlsError::Pair { .. } => "tls_cert",
        };
        refuse(
            located.source(matches, "server", key),
            error.to_string(),
            error.is_usage(),
        );
    }
    if let Some(Err(error)) = settings.cores.as_ref().map(super::cores::Cores::check) {
        refuse(
            located.source(matches, "server", "cores"),
            error.to_string(),
            error.is_usage(),
        );
    }
    if let Some((file, rotation)) = &settings.record {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let source = located.source(matches, "record", "file");
        let is_one = rotation.file_bytes_max.is_none() && rotation.span_max.is_none();
        if folder.is_some_and(|folder| !folder.is_dir()) {
            refuse(source, format!("there is no folder for `{}`", file.display()), false);
        } else if is_one && file.exists() {
            refuse(
                source,
                format!("`{}` is there, and is never overwritten", file.display()),
                false,
            );
        }
    }
    let (_first, receiver) = watch::channel(false);
    let context = FeedContext::new(receiver);
    for (at, spec) in settings.feeds.iter().enumerate() {
        if let Err(error) = FeedSpec::parse(spec).and_then(|spec| feed::build(&spec, &context)) {
            refuse(located.feed(matches, at), error.to_string(), error.is_usage());
        }
    }
    faults
}
