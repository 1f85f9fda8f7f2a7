//! A book of Kraken's as far as a recording knows it, and its frames with every number's own text.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::book::{Book, Level, Precision, Side};

/// The depths that can be subscribed.
pub(super) const DEPTHS: [usize; 5] = [10, 25, 100, 500, 1_000];

/// A book as far as the recording knows it.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) depth: usize,
    pub(super) book: Book,
    /// The book one update ago, for subscribers of fewer levels.
    pub(super) before: Book,
    pub(super) timestamp: String,
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    pub(super) channel: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'a str,
    #[serde(borrow)]
    pub(super) data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct OfSymbol<'a> {
    pub(super) symbol: &'a str,
}

#[derive(Deserialize)]
struct BookData<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    bids: Vec<RawLevel<'a>>,
    #[serde(borrow)]
    asks: Vec<RawLevel<'a>>,
    checksum: u32,
    #[serde(default)]
    timestamp: &'a str,
}

#[derive(Deserialize)]
struct RawLevel<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

impl Recorded {
    pub(super) fn take(&mut self, message: &Message<'_>) {
        for data in &message.data {
            let data: BookData<'_> = serde_json::from_str(data.get()).expect("a book");
            self.before = self.book.clone();
            if message.kind == "snapshot" {
                let levels = data.bids.len().max(data.asks.len());
                let depth = DEPTHS.into_iter().find(|depth| *depth >= levels);
                (self.book, self.depth) = (Book::default(), depth.expect("at most the deepest"));
            }
            for (side, levels) in [(Side::Bid, &data.bids), (Side::Ask, &data.asks)] {
                levels
                    .iter()
                    .for_each(|level| self.book.set(side, level.price.get(), level.qty.get()));
            }
            self.book.cut(self.depth);
            data.timestamp.clone_into(&mut self.timestamp);
            let own = self.book.checksum(Precision::default());
            assert_eq!(own, data.checksum, "the recording of {} has a hole", data.symbol);
        }
    }

    /// A frame of channel `book`.
    pub(super) fn frame(
        &self,
        kind: &str,
        symbol: &str,
        (bids, asks): (&[Level], &[Level]),
        precision: Precision,
    ) -> String {
        let side = |levels: &[Level]| {
            let level = |(price, size): &Level| {
                format!(
                    r#"{{"price":{},"qty":{}}}"#,
                    precision.price(price),
                    precision.size(size)
                )
            };
            levels.iter().map(level).collect::<Vec<_>>().join(",")
        };
        let (bids, asks, checksum) = (side(bids), side(asks), self.book.checksum(precision));
        // A pair of which nothing was ever recorded has no time.
        let timestamp = match self.timestamp.as_str() {
            "" => String::new(),
            known => format!(r#","timestamp":"{known}""#),
        };
        format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{bids}],"asks":[{asks}],"checksum":{checksum}{timestamp}}}]}}"#
        )
    }
}
