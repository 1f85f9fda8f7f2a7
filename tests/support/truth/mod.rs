//! What captures mean, worked out from their text alone, one file a market: nothing here is the service's own code but
//! the type that the result is compared in, and nothing the stand-in's.
//!
//! Each takes a whole recording as a subscriber would have got it, and panics where the recording itself is not as the
//! venue promises (a hole, a crossed book, a wrong checksum): that is a property of the recording, and what is made of
//! it by the service is compared with the result. Trailing zeros of numbers do not count.

pub(crate) mod binance;
pub(crate) mod coinbase;
pub(crate) mod coinbase_exchange;
pub(crate) mod kraken;
pub(crate) mod levels;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tickwire::client::Row;
use tickwire::market::TickerState;

pub(crate) use levels::Levels;

/// Instruments with the venue's name in front.
pub(crate) type Rows = BTreeMap<String, Row>;

/// The frames of a capture without their receive times.
pub(crate) fn frames(capture: &str) -> impl Iterator<Item = &str> {
    let lines = capture.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').expect("a time and a frame").1)
}

/// Rows under the venue's name.
pub(crate) fn rows(venue: &str, sheets: impl IntoIterator<Item = (String, Sheet)>) -> Rows {
    let row = |(name, sheet): (String, Sheet)| (format!("{venue}:{name}"), sheet.row());
    sheets.into_iter().map(row).collect()
}

/// The fields of one instrument, as texts.
#[derive(Default)]
pub(crate) struct Sheet {
    values: HashMap<&'static str, String>,
    /// Of prices, sizes and the volume: as many as any value ever needed.
    decimals: [usize; 3],
    update_count: u64,
}

impl Sheet {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub(crate) fn put(&mut self, name: &'static str, text: &str) {
        let text = trimmed(text);
        let decimals = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        if let Some(unit) = unit(name) {
            self.decimals[unit] = decimals.max(self.decimals[unit]);
        }
        self.values.insert(name, text);
    }

    pub(crate) fn clear(&mut self, name: &'static str) {
        self.values.remove(name);
    }

    /// Both best levels of a book, or none.
    pub(crate) fn put_best(&mut self, book: &Levels) {
        let names = [("bid_price", "bid_size"), ("ask_price", "ask_size")];
        for ((price_name, size_name), best) in names.into_iter().zip([book.best_bid(), book.best_ask()]) {
            match best {
                Some((price, size)) => {
                    self.put(price_name, price);
                    self.put(size_name, size);
                }
                None => {
                    self.clear(price_name);
                    self.clear(size_name);
                }
            }
        }
    }

    /// The last trade, which says nothing of when it was.
    pub(crate) fn put_last(&mut self, price: &str, size: &str, is_buy: bool) {
        self.put("last_price", price);
        self.put("last_size", size);
        self.put("last_side", if is_buy { "1" } else { "2" });
    }

    /// Precisions that the venue states; values may need more.
    pub(crate) fn state_decimals(&mut self, price: usize, size: usize, volume: usize) {
        for (known, stated) in self.decimals.iter_mut().zip([price, size, volume]) {
            *known = stated.max(*known);
        }
    }

    /// A message of the source: it counts where it changed something.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut Sheet)) {
        let before = self.values.clone();
        change(self);
        self.update_count += u64::from(self.values != before);
    }

    /// A trade that happens now: it counts, though it may be equal to the one before.
    pub(crate) fn trade(&mut self, price: &str, size: &str, is_buy: bool) {
        self.put_last(price, size, is_buy);
        self.update_count += 1;
    }

    fn row(self) -> Row {
        let padded = |(name, text): (&'static str, String)| {
            let decimals = unit(name).map_or(0, |unit| self.decimals[unit]);
            (name, pad(&text, decimals))
        };
        Row {
            decimals: self.decimals.map(|n| n as u8),
            values: self.values.into_iter().map(padded).collect(),
            update_count: self.update_count,
            state: Some(TickerState::Live),
            cause: None,
        }
    }
}

/// Which decimals a field has; a side and a count have none.
fn unit(name: &str) -> Option<usize> {
    match name {
        "bid_price" | "ask_price" | "last_price" | "open" | "high" | "low" => Some(0),
        "bid_size" | "ask_size" | "last_size" => Some(1),
        "volume" => Some(2),
        _ => None,
    }
}

/// A number that the venue writes as a string.
pub(crate) fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of[key].as_str().unwrap_or_else(|| panic!("{key} is no text: {of}"))
}

/// A number's text without trailing zeros after the point.
fn trimmed(text: &str) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    }
}

fn pad(text: &str, decimals: usize) -> String {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    match decimals {
        0 => whole.to_owned(),
        _ => format!("{whole}.{digits:0<decimals$}"),
    }
}
