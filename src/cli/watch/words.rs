//! Head and foot of the picture in words.

use std::ops::Range;
use std::time::Instant;

use super::board::Board;
use super::choice::{Choice, Sort};
use crate::cli::figures::{bytes, grouped, printable, signed};
use crate::cli::link::{Link, ahead, passed};
use crate::client::View;
use crate::market::VenueState;

/// The connection; `has_values`: something is shown that may be old.
pub(super) fn connection(board: &Board, has_values: bool, now: Instant) -> String {
    match &board.link {
        Link::Connecting => format!("connecting to {}", board.url),
        Link::Connected(_) => format!("connected to {} at {}", printable(&board.server), board.url),
        Link::Lost { since, why, next } => {
            let old = if has_values { ", values are old" } else { "" };
            let (since, next) = (passed(*since, now), ahead(*next, now));
            format!(
                "no connection for {since}, next attempt in {next}{old}: {}",
                printable(why)
            )
        }
    }
}

/// What is to be known of the stream, the most worth first.
pub(super) fn figures(board: &Board, view: &View, held: Option<Instant>, now: Instant) -> Vec<String> {
    let mut parts = Vec::new();
    let traffic = &board.traffic;
    if let Some(since) = held {
        parts.push(format!("held still for {}, space goes on", passed(since, now)));
    }
    let us = |us: i64| signed(us.saturating_mul(1_000));
    let lag = traffic.lag_us.map(|(p50, p99)| format!("{} / {}", us(p50), us(p99)));
    parts.push(format!("lag {}", lag.unwrap_or_else(|| "-".into())));
    parts.push(format!("skipped beats {}", grouped(view.skipped())));
    let rate = traffic.bytes_per_s.map(|rate| format!("{}/s", bytes(rate)));
    parts.extend(rate);
    let pace = board.interval_ms.map(|ms| format!(" every {ms} ms"));
    parts.push(format!("{}{}", board.encoding, pace.unwrap_or_default()));
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

/// Where one is in the list, and what keys do.
pub(super) fn foot(choice: &Choice, window: Range<usize>, rows: usize, all: usize) -> String {
    if choice.is_typing {
        return format!(
            "/{}▏ {rows} of {all}   Enter keeps it, Esc takes it away",
            printable(&choice.order.filter)
        );
    }
    let mut text = match rows {
        0 => "no rows".to_owned(),
        _ => format!("{}-{} of {}", window.start + 1, window.end, grouped(rows as u64)),
    };
    if !choice.order.filter.is_empty() {
        text = format!("{text} with `{}`", printable(&choice.order.filter));
    }
    let order = &choice.order;
    if order.is_reversed {
        text = format!("{text} by {}, reversed", order.sort.word());
    } else if order.sort != Sort::Symbol {
        text = format!("{text} by {}", order.sort.word());
    }
    format!("{text}   q end   ? help   / filter   s sort   r reverse   space hold")
}
