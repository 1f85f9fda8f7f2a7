//! What `serve` runs with: flag, then environment, then configuration file, then default.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::{ConfigError, ConfigFile};
use super::serve_args::ServeArgs;
use crate::engine::BEAT;
use crate::fanout::FanoutConfig;
use crate::feed::DEFAULT_SPEC;
use crate::server::ServerConfig;
use crate::store::{Epoch, INSTRUMENTS_MAX};
use crate::wire::FRAME_BYTES_MIN;

/// Read where no `--config` is given, if it is there.
const CONFIG_DEFAULT: &str = "tickwire.toml";

/// Where feeds may be given in the environment, separated by white space.
const FEED_ENV: &str = "TICKWIRE_FEED";

/// Allowed values of each number.
const SHARDS: RangeInclusive<u64> = 1..=256;
const CONNECTIONS: RangeInclusive<u64> = 1..=1_000_000;
const SYMBOLS: RangeInclusive<u64> = 1..=10_000_000;
const INSTRUMENTS: RangeInclusive<u64> = 1..=10_000_000;
const MESSAGE_BYTES: RangeInclusive<u64> = 1_024..=1_048_576;
const FRAME_BYTES: RangeInclusive<u64> = FRAME_BYTES_MIN as u64..=1_048_576;
const SLOW_CONSUMER_MS: RangeInclusive<u64> = 100..=600_000;
const HEARTBEAT_MS: RangeInclusive<u64> = 100..=60_000;
const PING_MS: RangeInclusive<u64> = 100..=600_000;

/// All that `serve` needs to know.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) listen: String,
    pub(super) feeds: Vec<String>,
    pub(super) shards: usize,
    pub(super) instruments_max: usize,
    pub(super) log_level: tracing::Level,
    pub(super) server: ServerConfig,
    symbols_max: usize,
    frame_bytes_max: usize,
    slow_consumer: Duration,
    heartbeat: Duration,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettingError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{name} = {value} is not allowed: {least} to {most} is", least = allowed.start(), most = allowed.end())]
    Range {
        name: &'static str,
        value: u64,
        allowed: RangeInclusive<u64>,
    },
    #[error("log level `{0}` is not known: error, warn, info, debug or trace is allowed")]
    LogLevel(String),
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
        let config_path = args.config.clone().or_else(|| {
            let default = PathBuf::from(CONFIG_DEFAULT);
            default.exists().then_some(default)
        });
        let file = config_path
            .as_deref()
            .map(Path::new)
            .map(ConfigFile::read)
            .transpose()?
            .unwrap_or_default();
        let env_feeds = std::env::var(FEED_ENV).unwrap_or_default();
        Settings::layer(args, file, &env_feeds)
    }

    fn layer(args: ServeArgs, file: ConfigFile, env_feeds: &str) -> Result<Settings, SettingError> {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let ms = |value: u64| Duration::from_millis(value);
        let limits = file.limits;
        let level = args.log_level.or(file.log.level).unwrap_or_else(|| "info".to_owned());
        let log_level = level.parse().map_err(|_| SettingError::LogLevel(level))?;
        let number = |name, layers: [Option<u64>; 2], default, allowed: RangeInclusive<u64>| {
            let value = layers.into_iter().flatten().next().unwrap_or(default);
            if allowed.contains(&value) {
                Ok(value)
            } else {
                Err(SettingError::Range { name, value, allowed })
            }
        };
        let connections = number(
            "max_connections",
            [args.max_connections, limits.max_connections],
            16_384,
            CONNECTIONS,
        )?;
        let message_bytes = number(
            "max_message_bytes",
            [args.max_message_bytes, limits.max_message_bytes],
            65_536,
            MESSAGE_BYTES,
        )?;
        let ping_ms = number("ping_ms", [args.ping_ms, limits.ping_ms], 20_000, PING_MS)?;
        let instruments = [args.max_instruments, limits.max_instruments];
        let slow = [args.slow_consumer_ms, limits.slow_consumer_ms];
        Ok(Settings {
            listen: args
                .listen
                .or(file.server.listen)
                .unwrap_or_else(|| "127.0.0.1:7070".to_owned()),
            feeds: feeds(
                args.feed,
                env_feeds,
                file.feed.into_iter().map(|feed| feed.spec).collect(),
            ),
            shards: number("shards", [args.shards, file.server.shards], cores, SHARDS)? as usize,
            instruments_max: number("max_instruments", instruments, INSTRUMENTS_MAX as u64, INSTRUMENTS)? as usize,
            log_level,
            server: ServerConfig {
                connections_max: connections as usize,
                message_bytes_max: message_bytes as usize,
                ping_interval: ms(ping_ms),
            },
            symbols_max: number("max_symbols", [args.max_symbols, limits.max_symbols], 100_000, SYMBOLS)? as usize,
            frame_bytes_max: number(
                "frame_bytes_max",
                [args.frame_bytes_max, limits.frame_bytes_max],
                65_536,
                FRAME_BYTES,
            )? as usize,
            slow_consumer: ms(number("slow_consumer_ms", slow, 30_000, SLOW_CONSUMER_MS)?),
            heartbeat: ms(number(
                "heartbeat_ms",
                [args.heartbeat_ms, limits.heartbeat_ms],
                1_000,
                HEARTBEAT_MS,
            )?),
        })
    }

    /// What the shards are told.
    pub(super) fn fanout(&self, epoch: Epoch) -> FanoutConfig {
        let beats = |span: Duration| (span.as_millis() / BEAT.as_millis()).max(1) as u64;
        FanoutConfig {
            epoch,
            frame_bytes_max: self.frame_bytes_max,
            heartbeat_beats: beats(self.heartbeat),
            slow_deadline_beats: beats(self.slow_consumer),
            symbols_max: self.symbols_max,
            message_bytes_max: self.server.message_bytes_max,
        }
    }
}

/// A list from a higher layer replaces the lower.
fn feeds(flags: Vec<String>, environment: &str, file: Vec<String>) -> Vec<String> {
    let environment: Vec<String> = environment.split_whitespace().map(str::to_owned).collect();
    let layers = [flags, environment, file, vec![DEFAULT_SPEC.to_owned()]];
    layers.into_iter().find(|layer| !layer.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> ConfigFile {
        toml::from_str(text).expect(text)
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        let text = "[server]\nlisten = \"127.0.0.1:1\"\n[limits]\nmax_symbols = 5\n[[feed]]\nspec = \"a\"";
        let settings = Settings::layer(ServeArgs::default(), file(text), "").expect("settings");
        assert_eq!((settings.listen.as_str(), settings.symbols_max), ("127.0.0.1:1", 5));
        assert_eq!(settings.feeds, ["a"]);
        let args = ServeArgs {
            max_symbols: Some(6),
            feed: vec!["b".into(), "c".into()],
            ..ServeArgs::default()
        };
        let settings = Settings::layer(args, file(text), "d e").expect("settings");
        assert_eq!(
            (settings.symbols_max, settings.feeds),
            (6, vec!["b".to_owned(), "c".to_owned()])
        );
        let settings = Settings::layer(ServeArgs::default(), file(text), " d\te ").expect("settings");
        assert_eq!(settings.feeds, ["d", "e"]);
        let settings = Settings::layer(ServeArgs::default(), ConfigFile::default(), "").expect("settings");
        assert_eq!(
            (settings.listen.as_str(), settings.feeds),
            ("127.0.0.1:7070", vec![DEFAULT_SPEC.to_owned()])
        );
    }

    #[test]
    fn a_value_out_of_range_says_its_name_and_what_is_allowed() {
        let error = Settings::layer(ServeArgs::default(), file("[limits]\nframe_bytes_max = 100"), "");
        let error = error.expect_err("too small");
        assert_eq!(
            error.to_string(),
            "frame_bytes_max = 100 is not allowed: 4096 to 1048576 is"
        );
        assert!(error.is_usage());
        let error = Settings::layer(ServeArgs::default(), file("[log]\nlevel = \"loud\""), "").expect_err("no level");
        assert!(error.to_string().contains("debug"));
    }
}
