//! Statistics as people read them.

use std::time::Instant;

use super::board::{Board, Link};
use crate::cli::figures::{decimals, grouped, printable, signed, span};

/// Where there is no value.
const NONE: &str = "-";

/// Spans that are shown, and what they are called.
pub(super) const SPANS: [(&str, &str); 6] = [
    ("feed", "hop.feed"),
    ("queue", "hop.queue"),
    ("beat", "hop.beat"),
    ("write", "hop.write"),
    ("ping", "ping"),
    ("engine", "beat"),
];

/// A rate or a count.
pub(super) fn number(board: &Board, name: &str) -> String {
    board.value(name).map_or(NONE.into(), |value| match value {
        value if value == value.trunc() => grouped(value as u64),
        value => decimals(value),
    })
}

/// A span of time that is in microseconds.
pub(super) fn micros(board: &Board, name: &str) -> String {
    board.value(name).map_or(NONE.into(), |us| signed((us * 1e3) as i64))
}

/// Bytes, or bytes a second.
pub(super) fn bytes(board: &Board, name: &str) -> String {
    board.value(name).map_or(NONE.into(), |bytes| match bytes {
        big if big >= 1_048_576.0 => format!("{} MiB", decimals(big / 1_048_576.0)),
        some if some >= 1_024.0 => format!("{} KiB", decimals(some / 1_024.0)),
        few => format!("{few:.0} B"),
    })
}

pub(super) fn percent(board: &Board, name: &str) -> String {
    board.value(name).map_or(NONE.into(), |value| format!("{value:.1} %"))
}

/// The state of a venue's feed.
pub(super) fn state(board: &Board, venue: &str) -> &'static str {
    match board.value(&format!("venue.{venue}.state")) {
        Some(1.0) => "up",
        Some(2.0) => "stale",
        Some(3.0) => "down",
        _ => NONE,
    }
}

/// The server, its timeline and how long it runs.
pub(super) fn head(board: &Board) -> String {
    let mut parts = vec![printable(&board.server), board.url.clone()];
    if let Some(seconds) = board.value("uptime_s") {
        parts.push(format!("up {}", uptime(seconds as u64)));
    }
    if let Some(epoch) = &board.epoch {
        parts.push(format!("epoch {epoch}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("  ")
}

/// The connection, and what it means for what is shown.
pub(super) fn connection(board: &Board, now: Instant) -> String {
    let since = |at: Instant| span(now.saturating_duration_since(at).as_secs() * 1_000_000_000);
    match &board.link {
        Link::Connecting => "connecting".into(),
        Link::Connected(_) if board.is_silent(now) => {
            "connected, but the server has no statistics: a replay with --clock tape has none".into()
        }
        Link::Connected(_) if board.is_old(now) => "connected, but nothing comes: values are old".into(),
        Link::Connected(_) => "connected".into(),
        Link::Lost(at, why) if board.has_sample() => {
            format!("no connection for {}, values are old: {}", since(*at), printable(why))
        }
        Link::Lost(at, why) => format!("no connection for {}: {}", since(*at), printable(why)),
    }
}

fn uptime(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        3_600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}
