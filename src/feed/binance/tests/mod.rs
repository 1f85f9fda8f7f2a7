//! Tests of the parser and of what the venue is asked.

mod asking;
mod captures;
mod fields;
mod order;
mod properties;

use super::super::parse::FrameParser;
use super::super::{Batch, captures as files};
use super::{Parser, VENUE};
use crate::market::{Event, Field, StaleCause, TickerState, Ts, Update, Value, VenueName};

const BOOK: &str =
    r#"{"u":7,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}"#;
const USDM_BOOK: &str = r#"{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256314}"#;
const TICKER: &str = r#"{"e":"24hrTicker","E":1711123991960,"s":"BTCUSDT","p":"-3.9","c":"553.8","Q":"0.224","b":"553.7","B":"54.24","a":"553.9","A":"29.8","o":"557.7","h":"588.1","l":"541.7","v":"1181388.682","n":712097}"#;
const MINI: &str = r#"{"e":"24hrMiniTicker","E":1711123991961,"s":"BTCUSDT","c":"553.9","o":"557.7","h":"588.1","l":"541.7","v":"8059.2","q":"9"}"#;

const LIVE: (TickerState, Option<StaleCause>) = (TickerState::Live, None);
const GAP: (TickerState, Option<StaleCause>) = (TickerState::Stale, Some(StaleCause::Gap));

fn venue() -> VenueName {
    VenueName::parse(VENUE).expect("a venue")
}

fn parser() -> Parser {
    Parser::new(venue())
}

fn book(id: u64) -> String {
    BOOK.replace(":7", &format!(":{id}"))
}

fn trade(id: u64, price: &str) -> String {
    format!(
        r#"{{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":{id},"p":"{price}","q":"0.02","T":1723161255342,"m":true,"M":true}}"#
    )
}

/// A trade of USD-M that came about in this way.
fn executed(id: u64, how: &str) -> String {
    trade(id, "5").replace("\"m\":true", &format!("\"X\":\"{how}\",\"m\":true"))
}

fn agg_trade(id: u64, price: &str) -> String {
    format!(
        r#"{{"e":"aggTrade","E":1723161255343,"s":"BTCUSDT","a":{id},"p":"{price}","q":"0.02","f":1,"l":1,"T":1723161255342,"m":false}}"#
    )
}

/// As it comes from a combined stream.
fn combined(stream: &str, message: &str) -> String {
    format!(r#"{{"stream":"{stream}","data":{message}}}"#)
}

/// Feeds frames to a parser and returns all events.
fn events(parser: &mut Parser, frames: &[&str]) -> Batch {
    let mut out = Batch::new();
    for frame in frames {
        let outcome = parser.frame(frame.as_bytes(), Ts(5), &mut out);
        assert!(outcome.is_ok(), "{frame}: {outcome:?}");
    }
    out
}

fn updates(batch: &Batch) -> Vec<&Update> {
    batch
        .iter()
        .filter_map(|event| match event {
            Event::Update(u) => Some(u),
            _ => None,
        })
        .collect()
}

/// States in their places among the updates.
fn states(batch: &Batch) -> Vec<Option<(TickerState, Option<StaleCause>)>> {
    let state = |event: &Event| match event {
        Event::State { state, cause, .. } => Some((*state, *cause)),
        _ => None,
    };
    batch.iter().map(state).collect()
}

fn value(update: &Update, field: Field) -> Option<String> {
    match update.fields.get(field)? {
        Value::Set(decimal) => Some(decimal.to_string()),
        other => Some(format!("{other:?}")),
    }
}

fn named(update: &Update) -> Vec<&'static str> {
    update.fields.named().iter().map(Field::name).collect()
}
