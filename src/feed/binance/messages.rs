//! The shapes of Binance spot's messages, borrowed from the frame. Numbers stay text.
//!
//! Field names as in "Web Socket Streams for Binance"; fields of no use for a ticker are not read.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};
use serde_json::value::RawValue;

/// A string that is borrowed unless it has escapes, inside an `Option` too.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// What tells the kinds of messages apart.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    /// Event's kind; bookTicker, snapshots and control answers have none.
    #[serde(rename = "e", borrow, default)]
    pub(super) event: Option<Text<'a>>,
    /// The message inside of a combined stream's frame.
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(rename = "u", default, deserialize_with = "present")]
    pub(super) has_update_id: bool,
    #[serde(rename = "s", default, deserialize_with = "present")]
    pub(super) has_symbol: bool,
    #[serde(rename = "lastUpdateId", default, deserialize_with = "present")]
    pub(super) has_last_update_id: bool,
    /// Present, though null, in the answer to a subscription.
    #[serde(rename = "result", default, deserialize_with = "present")]
    pub(super) has_result: bool,
    #[serde(rename = "error", default, deserialize_with = "present")]
    pub(super) has_error: bool,
    #[serde(rename = "code", default, deserialize_with = "present")]
    pub(super) has_code: bool,
}

/// `<symbol>@bookTicker`.
#[derive(Debug, Deserialize)]
pub(super) struct BookTicker<'a> {
    #[serde(rename = "u")]
    pub(super) update_id: u64,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "b", borrow)]
    pub(super) bid: Text<'a>,
    #[serde(rename = "B", borrow)]
    pub(super) bid_size: Text<'a>,
    #[serde(rename = "a", borrow)]
    pub(super) ask: Text<'a>,
    #[serde(rename = "A", borrow)]
    pub(super) ask_size: Text<'a>,
}

/// `<symbol>@trade`.
#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(rename = "t")]
    pub(super) id: u64,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "p", borrow)]
    pub(super) price: Text<'a>,
    #[serde(rename = "q", borrow)]
    pub(super) size: Text<'a>,
    #[serde(rename = "T")]
    pub(super) time: u64,
    /// Whether the buyer's order was the resting one: then the seller took.
    #[serde(rename = "m")]
    pub(super) buyer_is_maker: bool,
}

/// `<symbol>@aggTrade`: the trades of one taker's order at one price.
#[derive(Debug, Deserialize)]
pub(super) struct AggTrade<'a> {
    #[serde(rename = "a")]
    pub(super) id: u64,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "p", borrow)]
    pub(super) price: Text<'a>,
    #[serde(rename = "q", borrow)]
    pub(super) size: Text<'a>,
    #[serde(rename = "T")]
    pub(super) time: u64,
    /// Whether the buyer's order was the resting one: then the seller took.
    #[serde(rename = "m")]
    pub(super) buyer_is_maker: bool,
}

/// `<symbol>@miniTicker`, each second; `<symbol>@ticker` has the same and [`TickerRest`].
#[derive(Debug, Deserialize)]
pub(super) struct MiniTicker<'a> {
    #[serde(rename = "E")]
    pub(super) time: u64,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "c", borrow)]
    pub(super) last: Text<'a>,
    #[serde(rename = "o", borrow)]
    pub(super) open: Text<'a>,
    #[serde(rename = "h", borrow)]
    pub(super) high: Text<'a>,
    #[serde(rename = "l", borrow)]
    pub(super) low: Text<'a>,
    #[serde(rename = "v", borrow)]
    pub(super) volume: Text<'a>,
}

/// What `<symbol>@ticker` has beyond the short one.
#[derive(Debug, Deserialize)]
pub(super) struct TickerRest<'a> {
    #[serde(rename = "Q", borrow)]
    pub(super) last_size: Text<'a>,
    #[serde(rename = "b", borrow)]
    pub(super) bid: Text<'a>,
    #[serde(rename = "B", borrow)]
    pub(super) bid_size: Text<'a>,
    #[serde(rename = "a", borrow)]
    pub(super) ask: Text<'a>,
    #[serde(rename = "A", borrow)]
    pub(super) ask_size: Text<'a>,
    #[serde(rename = "n")]
    pub(super) trades: u64,
}

/// `<symbol>@depth`: only its numbers are of use here.
#[derive(Debug, Deserialize)]
pub(super) struct Depth<'a> {
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "U")]
    pub(super) first_update_id: u64,
    #[serde(rename = "u")]
    pub(super) last_update_id: u64,
}

/// Whether a key is there, whatever its value.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}
