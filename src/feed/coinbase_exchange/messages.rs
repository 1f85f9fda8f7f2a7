//! The shapes of Coinbase Exchange's messages, borrowed from the frame. Numbers stay text.
//!
//! Field names as in "Exchange WebSocket Channels"; fields of no use for a ticker are not read.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::coinbase::MakerSide;
use crate::market::BookSide;

/// What tells the kinds of messages apart, and the error's fields.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(rename = "type", borrow, default)]
    pub(super) kind: Option<&'a str>,
    #[serde(borrow, default)]
    pub(super) message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) reason: Option<Cow<'a, str>>,
}

/// The whole book; newer ones have a time.
#[derive(Debug, Deserialize)]
pub(super) struct Snapshot<'a> {
    #[serde(borrow)]
    pub(super) product_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) bids: Vec<(&'a str, &'a str)>,
    #[serde(borrow)]
    pub(super) asks: Vec<(&'a str, &'a str)>,
    #[serde(borrow, default)]
    pub(super) time: Option<&'a str>,
}

/// Sides, prices and sizes now.
#[derive(Debug, Deserialize)]
pub(super) struct L2Update<'a> {
    #[serde(borrow)]
    pub(super) product_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) changes: Vec<(LevelSide, &'a str, &'a str)>,
    #[serde(borrow, default)]
    pub(super) time: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LevelSide {
    Buy,
    Sell,
}

impl From<LevelSide> for BookSide {
    fn from(side: LevelSide) -> BookSide {
        match side {
            LevelSide::Buy => BookSide::Bid,
            LevelSide::Sell => BookSide::Ask,
        }
    }
}

/// Its best bid and ask are not read, older ones have no sizes.
#[derive(Debug, Deserialize)]
pub(super) struct Ticker<'a> {
    #[serde(borrow)]
    pub(super) product_id: Cow<'a, str>,
    #[serde(default)]
    pub(super) sequence: Option<u64>,
    #[serde(borrow)]
    pub(super) price: &'a str,
    #[serde(borrow)]
    pub(super) open_24h: &'a str,
    #[serde(borrow)]
    pub(super) volume_24h: &'a str,
    #[serde(borrow)]
    pub(super) low_24h: &'a str,
    #[serde(borrow)]
    pub(super) high_24h: &'a str,
    #[serde(borrow, default)]
    pub(super) time: Option<&'a str>,
}

/// `match` and `last_match`.
#[derive(Debug, Deserialize)]
pub(super) struct Match<'a> {
    #[serde(borrow)]
    pub(super) product_id: Cow<'a, str>,
    pub(super) trade_id: u64,
    #[serde(borrow)]
    pub(super) price: &'a str,
    #[serde(borrow)]
    pub(super) size: &'a str,
    /// Here the maker's; the ticker's is the taker's.
    pub(super) side: MakerSide,
    #[serde(borrow)]
    pub(super) time: &'a str,
}
