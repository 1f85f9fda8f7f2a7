//! The configuration file, `tickwire.toml`: tables and keys as in README, anything else is an error
//! that names its line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de};

use super::cores::Cores;
use super::log::{self, LogFormat};
use super::within::{
    Connections, FrameBytes, HeaderBytes, HeartbeatMs, Instruments, IntervalMs, MessageBytes, PatienceMs, PerAddress,
    PerSecond, RotateBytes, RotateSeconds, Shards, Symbols,
};
use crate::market::SymbolPattern;
use crate::server::{AllowedOrigins, ProxyHeader, TrustedProxies};

/// A file's settings; absent ones are left to lower layers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    #[serde(default)]
    pub(super) server: ServerTable,
    #[serde(default)]
    pub(super) limits: LimitsTable,
    #[serde(default)]
    pub(super) record: RecordTable,
    #[serde(default)]
    pub(super) log: LogTable,
    /// That it is there means something, even where it is empty.
    pub(super) auth: Option<AuthTable>,
    #[serde(default)]
    pub(super) entitlement: BTreeMap<String, EntitlementTable>,
    #[serde(default)]
    pub(super) feed: Vec<FeedTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerTable {
    pub(super) listen: Option<String>,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) tls_client_ca: Option<PathBuf>,
    pub(super) tls_client_crl: Option<PathBuf>,
    pub(super) shards: Option<Shards>,
    pub(super) cores: Option<Cores>,
    pub(super) io_uring: Option<bool>,
    pub(super) allow_control: Option<bool>,
    pub(super) allowed_origins: Option<Origins>,
    pub(super) insecure: Option<bool>,
    pub(super) trusted_proxies: Option<Networks>,
    pub(super) proxy_header: Option<Header>,
    pub(super) state: Option<PathBuf>,
}

/// A list of addresses and networks.
#[derive(Debug)]
pub(super) struct Networks(pub(super) Vec<IpNet>);

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Networks, D::Error> {
        let list = Vec::<String>::deserialize(deserializer)?;
        let networks: Result<_, _> = list.iter().map(|text| TrustedProxies::network(text)).collect();
        networks.map(Networks).map_err(de::Error::custom)
    }
}

/// The header that proxies set.
#[derive(Debug)]
pub(super) struct Header(pub(super) ProxyHeader);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Header, D::Error> {
        let header = String::deserialize(deserializer)?.parse();
        header.map(Header).map_err(de::Error::custom)
    }
}

/// A list of origins.
#[derive(Debug)]
pub(super) struct Origins(pub(super) AllowedOrigins);

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Origins, D::Error> {
        let list = Vec::<String>::deserialize(deserializer)?;
        let origins = AllowedOrigins::of(list.iter().map(String::as_str));
        origins.map(Origins).map_err(de::Error::custom)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsTable {
    pub(super) max_connections: Option<Connections>,
    pub(super) max_connections_per_address: Option<PerAddress>,
    pub(super) max_handshakes_per_second: Option<PerSecond>,
    pub(super) handshake_ms: Option<PatienceMs>,
    pub(super) max_header_bytes: Option<HeaderBytes>,
    pub(super) max_messages_per_second: Option<PerSecond>,
    pub(super) max_symbols_per_second: Option<PerSecond>,
    pub(super) max_symbols: Option<Symbols>,
    pub(super) max_instruments: Option<Instruments>,
    pub(super) max_message_bytes: Option<MessageBytes>,
    pub(super) frame_bytes_max: Option<FrameBytes>,
    pub(super) slow_consumer_ms: Option<PatienceMs>,
    pub(super) heartbeat_ms: Option<HeartbeatMs>,
    pub(super) ping_ms: Option<PatienceMs>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordTable {
    pub(super) file: Option<PathBuf>,
    pub(super) rotate_bytes: Option<RotateBytes>,
    pub(super) rotate_seconds: Option<RotateSeconds>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogTable {
    #[serde(default, deserialize_with = "level")]
    pub(super) level: Option<tracing::Level>,
    #[serde(default, deserialize_with = "format")]
    pub(super) format: Option<LogFormat>,
}

/// Whom to believe.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthTable {
    pub(super) tokens: Option<PathBuf>,
    pub(super) jwt_keys: Option<PathBuf>,
    pub(super) jwt_audience: Option<String>,
    pub(super) jwt_issuer: Option<String>,
    pub(super) certificates: Option<PathBuf>,
    pub(super) anonymous: Option<String>,
}

/// What those may who have it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EntitlementTable {
    pub(super) symbols: Option<Patterns>,
    pub(super) max_symbols: Option<Symbols>,
    pub(super) max_connections: Option<Connections>,
    pub(super) min_interval_ms: Option<IntervalMs>,
    pub(super) max_interval_ms: Option<IntervalMs>,
    pub(super) publish: bool,
    pub(super) control_replay: bool,
    pub(super) statistics: bool,
}

/// A list of symbols and patterns.
#[derive(Debug)]
pub(super) struct Patterns(pub(super) Vec<SymbolPattern>);

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Patterns, D::Error> {
        let list = Vec::<String>::deserialize(deserializer)?;
        let patterns = list.iter().map(|text| SymbolPattern::parse(text));
        patterns
            .collect::<Result<_, _>>()
            .map(Patterns)
            .map_err(de::Error::custom)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedTable {
    pub(super) spec: String,
}

fn level<'de, D: Deserializer<'de>>(value: D) -> Result<Option<tracing::Level>, D::Error> {
    let text = String::deserialize(value)?;
    log::level(&text).map(Some).map_err(de::Error::custom)
}

fn format<'de, D: Deserializer<'de>>(value: D) -> Result<Option<LogFormat>, D::Error> {
    let text = String::deserialize(value)?;
    LogFormat::parse(&text).map(Some).map_err(de::Error::custom)
}

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConfigError {
    #[error("configuration `{}` cannot be read: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("configuration `{}`: {source}", path.display())]
    Content {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
}

impl ConfigFile {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| ConfigError::Content {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_a_file_is_an_error_that_names_its_line() {
        for (text, part) in [
            ("[server]\nlisten = \"x\"\nport = 1\n", "line 3"),
            ("[serve]\n", "line 1"),
            ("[[feed]]\nspec = \"a\"\nspeed = 1\n", "line 3"),
            ("[limits]\nmax_symbols = \"many\"\n", "line 2"),
            ("[limits]\n\nframe_bytes_max = 100\n", "line 3"),
            (
                "[limits]\nping_ms = -1\n",
                "`-1` is not allowed: a whole number from 100 to 600000 is",
            ),
            ("[server]\nallowed_origins = [\"https://a/b\"]\n", "line 2"),
            (
                "[server]\nallowed_origins = [\"a.test\"]\n",
                "`a.test` is not an origin",
            ),
            ("[server]\nshards = 257\n", "a whole number from 1 to 256"),
            ("[record]\nfile = \"x.tape\"\nrotate = 1\n", "line 3"),
            ("[record]\nrotate_bytes = 100\n", "a whole number from 65536 to"),
            ("[record]\nrotate_seconds = 0\n", "a whole number from 1 to 31622400"),
            ("[auth]\ntoken = \"x\"\n", "line 2"),
            ("[entitlement.a]\nsymbols = [\"BAD\"]\n", "line 2"),
            ("[entitlement.a]\npublish = true\npublsh = true\n", "line 3"),
            (
                "[entitlement.a]\nmin_interval_ms = 5\n",
                "a whole number from 10 to 60000",
            ),
            ("[log]\nlevel = \"loud\"\n", "line 2"),
            ("[log]\nlevel = \"loud\"\n", "error, warn, info, debug or trace"),
            ("[log]\nformat = \"xml\"\n", "`xml` is not known: text or json"),
        ] {
            let error = toml::from_str::<ConfigFile>(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
