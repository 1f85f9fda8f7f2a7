//! Books as Kraken would have them, of the checks' own making, for the checksums of frames that are made up.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use tickwire::market::{BookSide, Decimal, OrderBook};

const PLACEHOLDER: &str = r#""checksum":@"#;
const LEVELS: usize = 10;
const DEPTHS: [usize; 5] = [10, 25, 100, 500, 1_000];

/// A book for each symbol.
#[derive(Default)]
pub(crate) struct Books(BTreeMap<String, Book>);

#[derive(Default)]
struct Book {
    levels: OrderBook,
    depth: usize,
    /// Most decimals written since the snapshot, of prices and of sizes.
    decimals: (u8, u8),
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    bids: Vec<Level<'a>>,
    #[serde(borrow)]
    asks: Vec<Level<'a>>,
}

#[derive(Deserialize)]
struct Level<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

impl Books {
    /// The frame with checksums in the places of those left out; 0 where there is none.
    pub(crate) fn completed(&mut self, frame: &[u8]) -> Vec<u8> {
        let Some(text) = std::str::from_utf8(frame)
            .ok()
            .filter(|text| text.contains(PLACEHOLDER))
        else {
            return frame.to_vec();
        };
        let zeros = text.replace(PLACEHOLDER, r#""checksum":0"#);
        let Ok(read) = serde_json::from_str::<Frame<'_>>(&zeros) else {
            return zeros.into_bytes();
        };
        let mut text = text.to_owned();
        for message in &read.data {
            let book = self.0.entry(message.symbol.to_owned()).or_default();
            if read.kind == "snapshot" {
                let count = message.bids.len().max(message.asks.len());
                *book = Book::default();
                book.depth = DEPTHS.into_iter().find(|depth| *depth >= count).unwrap_or(0);
            }
            let checksum = book.take(message).unwrap_or(0);
            text = text.replacen(PLACEHOLDER, &format!(r#""checksum":{checksum}"#), 1);
        }
        text.replace(PLACEHOLDER, r#""checksum":0"#).into_bytes()
    }
}

impl Book {
    /// Takes a message and gives the checksum of the book then.
    fn take(&mut self, message: &Message<'_>) -> Option<u32> {
        for (side, levels) in [(BookSide::Bid, &message.bids), (BookSide::Ask, &message.asks)] {
            for level in levels {
                let (price, size) = (level.price.get(), level.qty.get());
                self.decimals.0 = self.decimals.0.max(written(price));
                self.decimals.1 = self.decimals.1.max(written(size));
                self.levels
                    .set(side, Decimal::parse(price).ok()?, Decimal::parse(size).ok()?);
            }
        }
        self.levels.truncate(self.depth);
        let mut text = String::new();
        for side in [BookSide::Ask, BookSide::Bid] {
            for (price, size) in self.levels.levels(side).take(LEVELS) {
                for (number, decimals) in [(price, self.decimals.0), (size, self.decimals.1)] {
                    text.push_str(number.scaled(decimals)?.to_string().trim_start_matches('0'));
                }
            }
        }
        Some(crc32fast::hash(text.as_bytes()))
    }
}

fn written(number: &str) -> u8 {
    let after_point = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    u8::try_from(after_point).unwrap_or(u8::MAX)
}
