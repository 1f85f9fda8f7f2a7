//! The log on stderr: as text or JSON, and never more lines of one kind than can be read.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use super::bars::BesideBars;
use crate::monitor::names;

/// Lines of one place in the code within [`WINDOW`]: more than a person reads, and 100 KB a minute at most for each.
const LINES_MAX: u64 = 100;
/// For so long lines are counted together, and then it is told how many were left out.
const WINDOW: Duration = Duration::from_secs(10);

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

impl LogFormat {
    /// Reads a name.
    pub(super) fn parse(text: &str) -> Result<LogFormat, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(format!("log format `{text}` is not known: text or json is allowed")),
        }
    }

    /// Its name.
    pub(super) fn word(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

/// Reads a log level.
pub(super) fn level(text: &str) -> Result<Level, String> {
    let known = ["error", "warn", "info", "debug", "trace"].contains(&text);
    let level = text.parse().ok().filter(|_| known);
    level.ok_or_else(|| format!("log level `{text}` is not known: error, warn, info, debug or trace is allowed"))
}

/// Logs to stderr from now on, as text.
pub(super) fn to_stderr(level: Level) {
    start(level, LogFormat::Text);
}

/// Changes the level of a log that runs.
pub(super) struct LogLevel(reload::Handle<LevelFilter, Registry>);

impl LogLevel {
    /// Goes by this level from now on.
    pub(super) fn set(&self, level: Level) {
        // It fails where the log has ended, and with it whoever reads it.
        let _ = self.0.reload(LevelFilter::from(level));
    }
}

/// Logs to stderr from now on. To be called within the runtime.
pub(super) fn start(level: Level, format: LogFormat) -> LogLevel {
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(|| BesideBars)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // Nobody may read the log any more; to say so on stderr would panic.
        .log_internal_errors(false);
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let lines = Arc::new(Lines::default());
    let sparing = Sparing(lines.clone());
    let (filter, handle) = reload::Layer::new(LevelFilter::from(level));
    let log = tracing_subscriber::registry().with(filter).with(layer).with(sparing);
    // Set once in a process; a second serve in one process keeps the first's log.
    if log.try_init().is_ok() {
        tokio::spawn(async move {
            let mut windows = tokio::time::interval(WINDOW);
            loop {
                windows.tick().await;
                for (place, left_out) in lines.tell(Instant::now()) {
                    tracing::warn!(place, left_out, "lines of one kind were left out of this log");
                }
            }
        });
    }
    LogLevel(handle)
}

/// Lets so many lines of each place pass.
struct Sparing(Arc<Lines>);

impl<S: Subscriber> Layer<S> for Sparing {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        let passes = self.0.pass(metadata.callsite(), metadata.name(), Instant::now());
        if !passes {
            // Not made once: the log may begin before metrics are installed.
            metrics::counter!(names::LOG_LINES_LEFT_OUT).increment(1);
        }
        passes
    }
}

/// Lines of each place in the code; there are only so many places.
#[derive(Default)]
struct Lines(Mutex<HashMap<Identifier, OfPlace>>);

struct OfPlace {
    /// File and line.
    name: &'static str,
    since: Instant,
    passed: u64,
    left_out: u64,
}

impl Lines {
    /// Whether one more line may pass.
    fn pass(&self, place: Identifier, name: &'static str, now: Instant) -> bool {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = places.entry(place).or_insert(OfPlace {
            name,
            since: now,
            passed: 0,
            left_out: 0,
        });
        if now.saturating_duration_since(of.since) >= WINDOW {
            (of.since, of.passed) = (now, 0);
        }
        let passes = of.passed < LINES_MAX;
        of.passed += u64::from(passes);
        of.left_out += u64::from(!passes);
        passes
    }

    /// How many were left out where, since it was told last; only of windows that are over.
    fn tell(&self, now: Instant) -> Vec<(&'static str, u64)> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = places
            .values_mut()
            .filter(|of| of.left_out > 0 && now.saturating_duration_since(of.since) >= WINDOW);
        over.map(|of| (of.name, std::mem::take(&mut of.left_out))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two places in the code.
    fn places() -> [Identifier; 2] {
        let one = tracing::callsite! { name: "one", kind: tracing::metadata::Kind::EVENT, fields: message };
        let other = tracing::callsite! { name: "other", kind: tracing::metadata::Kind::EVENT, fields: message };
        [one, other].map(|place| tracing::callsite::Callsite::metadata(place).callsite())
    }

    #[test]
    fn beyond_so_many_lines_of_one_kind_they_are_counted_and_others_pass() {
        let (lines, [one, other], start) = (Lines::default(), places(), Instant::now());
        let passed = (0..LINES_MAX + 7)
            .filter(|_| lines.pass(one.clone(), "a:1", start))
            .count();
        assert_eq!(passed as u64, LINES_MAX);
        assert!(lines.pass(other, "b:2", start));
        assert_eq!(lines.tell(start + WINDOW / 2), [], "it goes on");
        assert_eq!(lines.tell(start + WINDOW), [("a:1", 7)]);
        assert_eq!(lines.tell(start + WINDOW), [], "it is told once");
        assert!(lines.pass(one, "a:1", start + WINDOW));
    }

    #[test]
    fn what_is_not_known_is_refused_with_what_is() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(LogFormat::parse(format.word()), Ok(format));
        }
        let wrong = LogFormat::parse("xml").expect_err("unknown");
        assert!(wrong.contains("`xml`") && wrong.contains("text or json"), "{wrong}");
        assert!(level("loud").is_err() && level("debug").is_ok());
    }
}
