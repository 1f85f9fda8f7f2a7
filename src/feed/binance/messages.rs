//! The shapes of the venue's messages, borrowed from the frame. Numbers stay text.
//!
//! Field names as in "Web Socket Streams for Binance" and "USDⓈ-M Futures: Websocket Market Streams"; fields of no use
//! for a ticker are not read.

use std::borrow::Cow;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde_json::value::RawValue;

use super::super::parse::ParseError;
use super::envelope::Kind;

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
    /// Event's kind; spot's bookTicker, snapshots and control answers have none.
    #[serde(rename = "e", borrow, default)]
    pub(super) event: Option<Text<'a>>,
    /// The message inside of a combined stream's frame.
    #[serde(borrow, default)]
    pub(super) data: Option<&'a RawValue>,
    #[serde(rename = "u", default, deserialize_with = "present")]
    pub(super) has_update_id: bool,
    #[serde(rename = "s", default, deserialize_with = "present")]
    pub(super) has_symbol: bool,
    /// Present, though null, in the answer to a subscription.
    #[serde(rename = "result", default, deserialize_with = "present")]
    pub(super) has_result: bool,
    #[serde(rename = "error", default, deserialize_with = "present")]
    pub(super) has_error: bool,
    #[serde(rename = "code", default, deserialize_with = "present")]
    pub(super) has_code: bool,
}

/// A message that says in `e` of what kind it is.
pub(super) trait Message<'a>: Deserialize<'a> {
    fn event(&self) -> Option<&str>;
}

/// Reads a message of this kind, once.
///
/// # Errors
/// It is not of this shape, or says that it is of another kind. Only bookTicker may leave that out, as spot's does.
pub(super) fn read<'a, M: Message<'a>>(kind: Kind, json: &'a str) -> Result<M, ParseError> {
    let message: M = from_str(kind.word(), json)?;
    match message.event() {
        Some(event) if event == kind.word() => Ok(message),
        None if kind == Kind::BookTicker => Ok(message),
        _ => Err(ParseError::Shape {
            kind: kind.word(),
            source: serde_json::Error::custom("`e` says another kind"),
        }),
    }
}

/// Reads any JSON of this shape.
///
/// # Errors
/// Says where it differs.
pub(super) fn from_str<'a, T: Deserialize<'a>>(kind: &'static str, json: &'a str) -> Result<T, ParseError> {
    serde_json::from_str(json).map_err(|source| ParseError::Shape { kind, source })
}

/// `<symbol>@bookTicker`.
#[derive(Debug, Deserialize)]
pub(super) struct BookTicker<'a> {
    #[serde(rename = "e", borrow, default)]
    pub(super) event: Option<Text<'a>>,
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
    /// Of the matching engine; futures only.
    #[serde(rename = "T", default)]
    pub(super) time: Option<u64>,
}

/// `<symbol>@trade`.
#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(rename = "e", borrow, default)]
    pub(super) event: Option<Text<'a>>,
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
    /// How it came about; futures only.
    #[serde(rename = "X", borrow, default)]
    pub(super) execution: Option<Text<'a>>,
}

/// `<symbol>@aggTrade`: the trades of one taker's order at one price.
#[derive(Debug, Deserialize)]
pub(super) struct AggTrade<'a> {
    #[serde(rename = "e", borrow, default)]
    pub(super) event: Option<Text<'a>>,
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

/// `<symbol>@ticker` and the shorter `<symbol>@miniTicker`, each second. What only the longer has may be missing there
/// too: that of futures has no bid and ask.
#[derive(Debug, Deserialize)]
pub(super) struct DayTicker<'a> {
    #[serde(rename = "e", borrow, default)]
    pub(super) event: Option<Text<'a>>,
    #[serde(rename = "E")]
    pub(super) time: u64,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "c", borrow)]
    pub(super) last: Text<'a>,
    #[serde(rename = "Q", borrow, default)]
    pub(super) last_size: Option<Text<'a>>,
    #[serde(rename = "b", borrow, default)]
    pub(super) bid: Option<Text<'a>>,
    #[serde(rename = "B", borrow, default)]
    pub(super) bid_size: Option<Text<'a>>,
    #[serde(rename = "a", borrow, default)]
    pub(super) ask: Option<Text<'a>>,
    #[serde(rename = "A", borrow, default)]
    pub(super) ask_size: Option<Text<'a>>,
    #[serde(rename = "o", borrow)]
    pub(super) open: Text<'a>,
    #[serde(rename = "h", borrow)]
    pub(super) high: Text<'a>,
    #[serde(rename = "l", borrow)]
    pub(super) low: Text<'a>,
    #[serde(rename = "v", borrow)]
    pub(super) volume: Text<'a>,
    #[serde(rename = "n", default)]
    pub(super) trades: Option<u64>,
}

/// `<symbol>@depth`: only its numbers are of use here.
#[derive(Debug, Deserialize)]
pub(super) struct Depth<'a> {
    #[serde(rename = "e", borrow, default)]
    pub(super) event: Option<Text<'a>>,
    #[serde(rename = "s", borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(rename = "U")]
    pub(super) first_update_id: u64,
    #[serde(rename = "u")]
    pub(super) last_update_id: u64,
    /// `u` of the message before; futures only, whose `U` does not follow it.
    #[serde(rename = "pu", default)]
    pub(super) previous_update_id: Option<u64>,
}

macro_rules! messages {
    ($($name:ident),*) => {$(
        impl<'a> Message<'a> for $name<'a> {
            fn event(&self) -> Option<&str> {
                self.event.as_deref()
            }
        }
    )*};
}

messages!(BookTicker, Trade, AggTrade, DayTicker, Depth);

/// Whether a key is there, whatever its value.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}
