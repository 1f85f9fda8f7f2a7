//! The options that every venue takes: `KIND:NAME,NAME[?url=..&ca_file=..&venue=..&silence_ms=..]`.

use std::path::PathBuf;
use std::time::Duration;

use super::super::watch::SILENCE_DEFAULT;
use super::super::{FeedSpec, SpecError};
use crate::market::{Symbol, VenueName};

/// Options of every venue; a kind may have more.
pub const KEYS: &[&str] = &["url", "ca_file", "venue", "silence_ms"];

/// Instruments in one feed: 20,000 is five times what any venue lists.
const NAMES_MAX: usize = 20_000;

/// What to connect to and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The venue's name in symbols.
    pub venue: VenueName,
    /// Instruments by the venue's own names, each once, in the order given; at least one.
    pub names: Vec<String>,
    /// `ws://HOST[:PORT]` or `wss://..`, without a slash at the end.
    pub url: String,
    /// Certificates in PEM to trust instead of the usual ones.
    pub ca_file: Option<PathBuf>,
    /// A silence shorter than this is never suspicious.
    pub silence: Duration,
}

impl Target {
    /// Reads the options that all venues have; `check_keys` is the caller's to do.
    ///
    /// # Errors
    /// Names the option or instrument at fault and what is allowed.
    pub fn parse(spec: &FeedSpec, venue: &str, url: &str) -> Result<Target, SpecError> {
        let names = spec.target().ok_or_else(|| SpecError::NoTarget {
            kind: spec.kind().into(),
            target: "NAME,NAME,...",
        })?;
        let venue = spec.venue(venue)?;
        Ok(Target {
            names: self::names(&venue, names)?,
            venue,
            url: spec.option(
                "url",
                url.to_string(),
                "`ws://HOST[:PORT]` or `wss://HOST[:PORT]`",
                base_url,
            )?,
            ca_file: spec.option("ca_file", None, "a file", |path| Some(Some(PathBuf::from(path))))?,
            silence: Duration::from_millis(spec.number(
                "silence_ms",
                SILENCE_DEFAULT.as_millis() as u64,
                100,
                3_600_000,
            )?),
        })
    }
}

fn names(venue: &VenueName, list: &str) -> Result<Vec<String>, SpecError> {
    let mut names: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for name in list.split(',') {
        let wrong = |why: String| SpecError::Instrument { name: name.into(), why };
        // A pattern is the kind's to allow or refuse; it knows what its venue can do.
        if name != "*" {
            Symbol::new(venue, name).map_err(|error| wrong(error.to_string()))?;
        }
        if !seen.insert(name) {
            return Err(wrong("it is given more than once".into()));
        }
        if names.len() == NAMES_MAX {
            return Err(wrong(format!(
                "at most {NAMES_MAX} instruments are allowed in one feed"
            )));
        }
        names.push(name.into());
    }
    Ok(names)
}

fn base_url(text: &str) -> Option<String> {
    let uri: tokio_tungstenite::tungstenite::http::Uri = text.parse().ok()?;
    let is_websocket = matches!(uri.scheme_str(), Some("ws" | "wss"));
    let is_bare = uri.query().is_none() && uri.host().is_some_and(|host| !host.is_empty());
    (is_websocket && is_bare).then(|| text.trim_end_matches('/').to_string())
}
