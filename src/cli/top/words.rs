//! Statistics as people read them.

use std::time::Instant;

use super::board::Board;
use crate::cli::figures::{self, decimals, grouped, printable, seconds, signed};
use crate::cli::link::Link;

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
    board.value(name).map_or(NONE.into(), figures::bytes)
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

/// The server, how long it runs and its timeline; as much of it as so many cells hold whole.
pub(super) fn head(board: &Board, width: usize) -> String {
    let mut parts = vec![printable(&board.server), board.url.clone()];
    if let Some(uptime) = board.value("uptime_s") {
        parts.push(format!("up {}", seconds(uptime as u64)));
    }
    if let Some(epoch) = &board.epoch {
        parts.push(format!("epoch {epoch}"));
    }
    parts.retain(|part| !part.is_empty());
    let mut text = parts.remove(0);
    for part in parts {
        if text.chars().count() + 2 + part.chars().count() > width {
            break;
        }
        text = format!("{text}  {part}");
    }
    text
}

/// The connection, and what it means for what is shown.
pub(super) fn connection(board: &Board, now: Instant) -> String {
    match &board.link {
        Link::Connecting => "connecting".into(),
        Link::Connected(_) if board.is_silent(now) => {
            "connected, but the server has no statistics: a replay with --clock tape has none".into()
        }
        Link::Connected(_) if board.is_old(now) => "connected, but nothing comes: values are old".into(),
        Link::Connected(_) => "connected".into(),
        Link::Lost { .. } => board.link.loss(board.has_sample(), now).unwrap_or_default(),
    }
}
