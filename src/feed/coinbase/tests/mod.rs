//! What the parser of Coinbase Advanced Trade makes of frames, and how the venue is asked.

mod asking;
mod books;
mod damage;
mod messages;
mod recordings;

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tokio::sync::watch;

use super::super::live::Dialect;
use super::super::parse::{Answer, Counts, FrameParser, Heard};
use super::super::{Batch, FeedContext, FeedSpec, captures};
use super::dialect::Connection;
use super::{Parser, build, connections, target};
use crate::market::{Decimal, Event, Field, StaleCause, TickerState, Ts, Update, Value, VenueName};
use crate::tape::CaptureReader;

const CAPTURE: &str = "coinbase/advanced_20260809.capture.gz";
pub(in super::super) const STALE: (TickerState, Option<StaleCause>) = (TickerState::Stale, Some(StaleCause::Gap));
pub(in super::super) const LIVE: (TickerState, Option<StaleCause>) = (TickerState::Live, None);

fn parser() -> Parser {
    Parser::new(VenueName::parse("coinbase").expect("a venue"))
}

fn message(number: u64, channel: &str, events: &str) -> String {
    format!(
        r#"{{"channel":"{channel}","client_id":"","timestamp":"2026-08-09T21:05:48.5Z","sequence_num":{number},"events":{events}}}"#
    )
}

/// Levels as `bid 10 1`.
fn book(number: u64, kind: &str, product: &str, levels: &[&str]) -> String {
    let levels: Vec<String> = levels
        .iter()
        .map(|level| {
            let [side, price, size] = level.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{level}");
            };
            format!(
                r#"{{"side":"{side}","event_time":"2026-08-09T21:05:48.25Z","price_level":"{price}","new_quantity":"{size}"}}"#
            )
        })
        .collect();
    let levels = levels.join(",");
    let events = format!(r#"[{{"type":"{kind}","product_id":"{product}","updates":[{levels}]}}]"#);
    message(number, "l2_data", &events)
}

fn snapshot(number: u64, product: &str) -> String {
    book(
        number,
        "snapshot",
        product,
        &["bid 10 1", "bid 9 2", "offer 11 3", "offer 12 4"],
    )
}

fn update(number: u64, level: &str) -> String {
    book(number, "update", "BTC-USD", &[level])
}

fn trade_text(id: u64, price: &str, side: &str) -> String {
    format!(
        r#"{{"product_id":"BTC-USD","trade_id":"{id}","price":"{price}","size":"0.5","time":"2026-08-09T21:05:48.167634Z","side":"{side}"}}"#
    )
}

fn trades(number: u64, kind: &str, trades: &[String]) -> String {
    let trades = trades.join(",");
    message(
        number,
        "market_trades",
        &format!(r#"[{{"type":"{kind}","trades":[{trades}]}}]"#),
    )
}

fn ticker(number: u64) -> String {
    let ticker = r#"{"type":"ticker","product_id":"BTC-USD","price":"65086.18","volume_24_h":"2867.5","low_24_h":"64675.22","high_24_h":"65252.99","low_52_w":"1","high_52_w":"2","price_percent_chg_24_h":"0.096","best_bid":"65083.66","best_ask":"65083.67","best_bid_quantity":"0.2","best_ask_quantity":"0.3"}"#;
    message(
        number,
        "ticker",
        &format!(r#"[{{"type":"update","tickers":[{ticker}]}}]"#),
    )
}

/// Feeds frames to a parser and returns all that was heard and all events.
pub(in super::super) fn run(parser: &mut dyn FrameParser, frames: &[impl AsRef<str>]) -> (Vec<Heard>, Batch) {
    let mut out = Batch::new();
    let heard = frames.iter().map(AsRef::as_ref).map(|frame| {
        let outcome = parser.frame(frame.as_bytes(), Ts(5), &mut out);
        outcome.unwrap_or_else(|error| panic!("{frame}: {error}"))
    });
    let heard = heard.collect();
    (heard, out)
}

pub(in super::super) fn updates(batch: &Batch) -> Vec<&Update> {
    let events = batch.iter();
    events
        .filter_map(|event| match event {
            Event::Update(update) => Some(update),
            _ => None,
        })
        .collect()
}

/// Each event in short: an update's fields and values, or a state.
pub(in super::super) fn told(batch: &Batch) -> Vec<String> {
    let text = |value| match value {
        Value::Set(decimal) => decimal.to_string(),
        other => format!("{other:?}"),
    };
    let event = |event: &Event| match event {
        Event::Update(u) => {
            let fields: Vec<_> = u
                .fields
                .iter()
                .map(|(f, v)| format!("{}={}", f.name(), text(v)))
                .collect();
            fields.join(" ")
        }
        Event::State { symbol, state, .. } => format!("{} {}", symbol.name(), state.word()),
        other => format!("{other:?}"),
    };
    batch.iter().map(event).collect()
}

pub(in super::super) fn states(batch: &Batch) -> Vec<(TickerState, Option<StaleCause>)> {
    let state = |event: &Event| match event {
        Event::State { state, cause, .. } => Some((*state, *cause)),
        _ => None,
    };
    batch.iter().filter_map(state).collect()
}

fn lost(names: &[&str]) -> Heard {
    Heard::Lost(names.iter().map(|n| (*n).into()).collect())
}

/// The same JSON with the keys of every object the other way round.
pub(in super::super) fn turned(json: &Json) -> String {
    match json {
        Json::Object(map) => {
            let pairs: Vec<_> = map.iter().rev().map(|(k, v)| format!("{k:?}: {}", turned(v))).collect();
            format!("{{ {} }}", pairs.join(" , "))
        }
        Json::Array(list) => format!("[{}]", list.iter().map(turned).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

fn samples() -> Vec<String> {
    vec![
        snapshot(0, "BTC-USD"),
        update(0, "bid 10 5"),
        ticker(0),
        trades(0, "update", &[trade_text(2, "1.5", "BUY"), trade_text(1, "1", "SELL")]),
        message(
            0,
            "subscriptions",
            r#"[{"subscriptions":{"level2":["A"],"ticker":["A"]}}]"#,
        ),
        r#"{"type":"error","message":"no"}"#.into(),
    ]
}

/// A book that knows nothing of the parser: whole, numbers scaled by their text.
#[derive(Default)]
pub(in super::super) struct Naive {
    bids: BTreeMap<i128, i128>,
    asks: BTreeMap<i128, i128>,
}

pub(in super::super) fn scaled(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<18}").parse().expect(text)
}

impl Naive {
    pub(in super::super) fn set(&mut self, is_bid: bool, price: &str, size: &str) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        match scaled(size) {
            0 => side.remove(&scaled(price)),
            size => side.insert(scaled(price), size),
        };
    }

    /// Price and size of the best bid, then of the best ask.
    pub(in super::super) fn best(&self) -> [i128; 4] {
        let (bid, ask) = (self.bids.last_key_value(), self.asks.first_key_value());
        let (bid, ask) = (bid.expect("a bid"), ask.expect("an ask"));
        assert!(bid.0 < ask.0, "crossed");
        [*bid.0, *bid.1, *ask.0, *ask.1]
    }
}

fn apply(book: &mut Naive, event: &Json) {
    if event["type"] == "snapshot" {
        *book = Naive::default();
    }
    for level in event["updates"].as_array().expect("levels") {
        let text = |key: &str| level[key].as_str().expect(key);
        book.set(level["side"] == "bid", text("price_level"), text("new_quantity"));
    }
}
