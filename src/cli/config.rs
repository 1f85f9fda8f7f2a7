//! The configuration file, `tickwire.toml`: tables and keys as in README, anything else is an error
//! that names its line.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A file's settings; absent ones are left to lower layers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigFile {
    #[serde(default)]
    pub(super) server: ServerTable,
    #[serde(default)]
    pub(super) limits: LimitsTable,
    #[serde(default)]
    pub(super) log: LogTable,
    #[serde(default)]
    pub(super) feed: Vec<FeedTable>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServerTable {
    pub(super) listen: Option<String>,
    pub(super) shards: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsTable {
    pub(super) max_connections: Option<u64>,
    pub(super) max_symbols: Option<u64>,
    pub(super) max_instruments: Option<u64>,
    pub(super) max_message_bytes: Option<u64>,
    pub(super) frame_bytes_max: Option<u64>,
    pub(super) slow_consumer_ms: Option<u64>,
    pub(super) heartbeat_ms: Option<u64>,
    pub(super) ping_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LogTable {
    pub(super) level: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedTable {
    pub(super) spec: String,
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
    fn an_unknown_key_is_an_error_that_names_its_line() {
        for (text, part) in [
            ("[server]\nlisten = \"x\"\nport = 1\n", "line 3"),
            ("[serve]\n", "line 1"),
            ("[[feed]]\nspec = \"a\"\nspeed = 1\n", "line 3"),
            ("[limits]\nmax_symbols = \"many\"\n", "line 2"),
        ] {
            let error = toml::from_str::<ConfigFile>(text).expect_err(text).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
