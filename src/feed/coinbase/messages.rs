//! The shapes of Coinbase Advanced Trade's messages, borrowed from the frame. Numbers stay text.
//!
//! Field names as in "Advanced Trade WebSocket Channels"; fields of no use for a ticker are not read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::market::{BookSide, Side};

/// What all messages have, and the error's fields.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow, default)]
    pub(super) channel: Option<&'a str>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<&'a str>,
    #[serde(default)]
    pub(super) sequence_num: Option<u64>,
    /// Of the channel's own shape.
    #[serde(borrow, default)]
    pub(super) events: Option<&'a RawValue>,
    /// `error`, where there is no channel.
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Option<&'a str>,
    #[serde(borrow, default)]
    pub(super) message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) reason: Option<Cow<'a, str>>,
}

/// Whether an event tells all there is or what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum EventKind {
    Snapshot,
    Update,
}

/// Of channel `l2_data`, which is asked for as `level2`.
#[derive(Debug, Deserialize)]
pub(super) struct BookEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    #[serde(borrow)]
    pub(super) product_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) updates: Vec<Level<'a>>,
}

/// A price level and its size now.
#[derive(Debug, Deserialize)]
pub(super) struct Level<'a> {
    pub(super) side: LevelSide,
    #[serde(borrow, default)]
    pub(super) event_time: Option<&'a str>,
    #[serde(borrow)]
    pub(super) price_level: &'a str,
    #[serde(borrow)]
    pub(super) new_quantity: &'a str,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LevelSide {
    Bid,
    Offer,
}

impl From<LevelSide> for BookSide {
    fn from(side: LevelSide) -> BookSide {
        match side {
            LevelSide::Bid => BookSide::Bid,
            LevelSide::Offer => BookSide::Ask,
        }
    }
}

/// Of channels `ticker` and `ticker_batch`.
#[derive(Debug, Deserialize)]
pub(super) struct TickerEvent<'a> {
    #[serde(borrow)]
    pub(super) tickers: Vec<Ticker<'a>>,
}

/// Its best bid and ask are not read: the channel is not in step with `l2_data`.
#[derive(Debug, Deserialize)]
pub(super) struct Ticker<'a> {
    #[serde(borrow)]
    pub(super) product_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) price: &'a str,
    #[serde(borrow)]
    pub(super) volume_24_h: &'a str,
    #[serde(borrow)]
    pub(super) low_24_h: &'a str,
    #[serde(borrow)]
    pub(super) high_24_h: &'a str,
}

/// Of channel `market_trades`, newest trade first.
#[derive(Debug, Deserialize)]
pub(super) struct TradesEvent<'a> {
    #[serde(rename = "type")]
    pub(super) kind: EventKind,
    #[serde(borrow)]
    pub(super) trades: Vec<Trade<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(borrow)]
    pub(super) product_id: Cow<'a, str>,
    #[serde(deserialize_with = "number_in_text")]
    pub(super) trade_id: u64,
    #[serde(borrow)]
    pub(super) price: &'a str,
    #[serde(borrow)]
    pub(super) size: &'a str,
    pub(super) side: MakerSide,
    #[serde(borrow)]
    pub(super) time: &'a str,
}

/// The side of the order that rested in the book, in both of Coinbase's feeds.
///
/// "Exchange WebSocket Channels", Match: `side` is the maker order's; sell means an up-tick. Of `market_trades` the
/// documentation does not say it, the recording does: trades at the best ask are `SELL`, those at the best bid `BUY`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(in super::super) enum MakerSide {
    #[serde(rename = "BUY", alias = "buy")]
    Buy,
    #[serde(rename = "SELL", alias = "sell")]
    Sell,
}

impl MakerSide {
    /// Who took.
    pub(in super::super) fn aggressor(self) -> Side {
        match self {
            MakerSide::Buy => Side::Sell,
            MakerSide::Sell => Side::Buy,
        }
    }
}

/// Of channel `subscriptions`: all channels in force and their products.
#[derive(Debug, Deserialize)]
pub(super) struct SubscriptionsEvent {
    pub(super) subscriptions: BTreeMap<String, IgnoredAny>,
}

fn number_in_text<'de, D: serde::Deserializer<'de>>(value: D) -> Result<u64, D::Error> {
    let text: &str = Deserialize::deserialize(value)?;
    text.parse().map_err(serde::de::Error::custom)
}
