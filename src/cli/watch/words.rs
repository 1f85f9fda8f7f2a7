//! Head and foot of the picture in words.

use std::ops::Range;
use std::time::Instant;

use super::choice::Choice;
use super::traffic::Traffic;
use crate::cli::figures::{bytes, grouped, printable, signed};
use crate::cli::link::{Link, passed};
use crate::cli::terminal::shortened;
use crate::client::View;
use crate::market::VenueState;

/// What is known of the stream beside its values.
pub(super) struct Stream {
    pub(super) url: String,
    pub(super) encoding: String,
    /// The server's name and version, once it has said them.
    pub(super) server: String,
    pub(super) interval_ms: Option<u32>,
    pub(super) link: Link,
    pub(super) traffic: Traffic,
}

/// The connection; `has_values`: something is shown that may be old.
pub(super) fn connection(stream: &Stream, has_values: bool, now: Instant) -> String {
    match &stream.link {
        Link::Connecting => format!("connecting to {}", stream.url),
        Link::Connected(_) => format!("connected to {} at {}", printable(&stream.server), stream.url),
        Link::Lost { .. } => stream.link.loss(has_values, now).unwrap_or_default(),
    }
}

/// What is to be known of the stream, the most worth first.
pub(super) fn figures(stream: &Stream, view: &View, held: Option<Instant>, now: Instant) -> Vec<String> {
    let mut parts = Vec::new();
    let traffic = &stream.traffic;
    if let Some(since) = held {
        parts.push(format!("held still for {}, space goes on", passed(since, now)));
    }
    let us = |us: i64| signed(us.saturating_mul(1_000));
    let lag = traffic
        .lag_us
        .map(|(p50, p99)| format!("p50 {}, p99 {}", us(p50), us(p99)));
    parts.push(format!("lag {}", lag.unwrap_or_else(|| "-".into())));
    parts.push(format!("skipped beats {}", grouped(view.skipped())));
    let rate = traffic.bytes_per_s.map(|rate| format!("{}/s", bytes(rate)));
    parts.extend(rate);
    let pace = stream.interval_ms.map(|ms| format!(" every {ms} ms"));
    parts.push(format!("{}{}", stream.encoding, pace.unwrap_or_default()));
    match view.losses() + view.breaches() {
        0 => {}
        repairs => parts.push(format!("repairs {}", grouped(repairs))),
    }
    parts.push(format!("seq {}", view.seq()));
    if let Some(epoch) = view.epoch() {
        parts.push(format!("epoch {epoch}"));
    }
    if !view.pending().is_empty() {
        // Some are enough to see what is meant.
        let names: Vec<String> = view.pending().iter().take(5).map(|name| printable(name)).collect();
        parts.push(format!("not there yet ({}): {}", view.pending().len(), names.join(" ")));
    }
    parts
}

/// Venues with their states and reasons; those that are not up first.
pub(super) fn venues(view: &View) -> Vec<(String, bool)> {
    let venues = view.venues().iter().map(|(name, status)| {
        let text = match status.reason.as_str() {
            "" => format!("{name} {}", status.state.word()),
            reason => format!("{name} {}: {}", status.state.word(), printable(reason)),
        };
        (text, status.state == VenueState::Up)
    });
    let mut venues: Vec<_> = venues.collect();
    venues.sort_by_key(|(_, is_up)| *is_up);
    venues
}

/// Why there are no rows.
pub(super) fn nothing(stream: &Stream, filter: &str, view: &View) -> String {
    let filter = printable(filter);
    match view.is_empty() {
        false => format!("nothing matches `{filter}`, Esc shows all"),
        true if stream.link.is_up() && view.is_complete() && view.epoch().is_some() => "no instruments yet".into(),
        true => "waiting for the first values".into(),
    }
}

/// Where one is in the list, how it is ordered, and as many of the keys as there is room for.
pub(super) fn foot(choice: &Choice, window: Range<usize>, rows: usize, all: usize, width: u16) -> String {
    let width = usize::from(width);
    let filter = shortened(&printable(&choice.order.filter), (width / 4).max(8));
    let count = |rows: usize| grouped(rows as u64);
    if choice.is_typing {
        let text = format!("/{filter}▏ {} of {}", count(rows), count(all));
        return with_keys(text, &["Enter keeps it", "Esc shows all"], width);
    }
    let mut text = match (rows, window.is_empty()) {
        (0, _) => format!("0 of {}", count(all)),
        (_, true) => format!("no room for {} rows", count(rows)),
        (_, false) => format!("{}-{} of {}", count(window.start + 1), count(window.end), count(rows)),
    };
    if !filter.is_empty() {
        text = format!("{text} with `{filter}`");
    }
    let order = &choice.order;
    let reversed = if order.is_reversed { ", reversed" } else { "" };
    text = format!("{text} by {}{reversed}", order.sort.word());
    let keys = ["q end", "? help", "/ filter", "s sort", "r reverse", "space hold"];
    with_keys(text, &keys, width)
}

/// A text and what keys do, whole as far as they fit.
fn with_keys(mut text: String, keys: &[&str], width: usize) -> String {
    for key in keys {
        if text.chars().count() + 3 + key.len() > width {
            break;
        }
        text = format!("{text}   {key}");
    }
    text
}
