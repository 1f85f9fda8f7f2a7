//! What a Binance capture means, worked out from its text alone: nothing here is the service's own code but
//! the type that the result is compared in.
//!
//! Bid and ask come from bookTicker, in the order of `u`; the last trade from trade, or from aggTrade where an
//! instrument has no trades. A quote counts where it changed something, a trade always. Trailing zeros do not count.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tickwire::client::Row;
use tickwire::market::TickerState;

#[derive(Default)]
struct Instrument {
    values: HashMap<&'static str, String>,
    price_decimals: usize,
    size_decimals: usize,
    update_count: u64,
    newest_quote: Option<u64>,
}

/// The state at the end of a capture.
pub(crate) fn of_capture(text: &str) -> BTreeMap<String, Row> {
    let frames = text.lines().skip(1).map(|line| {
        let (_, json) = line.split_once(' ').expect("a time and a frame");
        let mut frame: Value = serde_json::from_str(json).expect("JSON");
        match frame.get_mut("data") {
            Some(data) => data.take(),
            None => frame,
        }
    });
    let frames: Vec<Value> = frames.collect();
    let kind = |frame: &Value| frame["e"].as_str().unwrap_or_default().to_owned();
    let traded = frames.iter().filter(|f| kind(f) == "trade");
    let traded: Vec<&str> = traded.filter_map(|f| f["s"].as_str()).collect();
    let mut instruments: BTreeMap<String, Instrument> = BTreeMap::new();
    for frame in &frames {
        let name = frame["s"].as_str().unwrap_or_default();
        let kind = kind(frame);
        let is_quote = kind.is_empty() && frame["u"].is_u64();
        let is_trade = kind == "trade" || (kind == "aggTrade" && !traded.contains(&name));
        if is_quote || is_trade {
            let instrument = instruments.entry(format!("binance:{name}")).or_default();
            if is_quote {
                instrument.quote(frame);
            } else {
                instrument.trade(frame);
            }
        }
    }
    instruments.into_iter().map(|(name, i)| (name, i.row())).collect()
}

impl Instrument {
    fn quote(&mut self, frame: &Value) {
        let number = frame["u"].as_u64();
        if number <= self.newest_quote {
            return;
        }
        self.newest_quote = number;
        let before = self.values.clone();
        for (price_name, size_name, price, size) in
            [("bid_price", "bid_size", "b", "B"), ("ask_price", "ask_size", "a", "A")]
        {
            if trimmed(frame, size) == "0" {
                self.values.remove(price_name);
                self.values.remove(size_name);
            } else {
                self.put(price_name, trimmed(frame, price));
                self.put(size_name, trimmed(frame, size));
            }
        }
        self.update_count += u64::from(self.values != before);
    }

    fn trade(&mut self, frame: &Value) {
        self.put("last_price", trimmed(frame, "p"));
        self.put("last_size", trimmed(frame, "q"));
        // `m`: the buyer was waiting in the book, so the seller came to it.
        let side = if frame["m"] == true { "2" } else { "1" };
        self.values.insert("last_side", side.to_owned());
        self.update_count += 1;
    }

    fn put(&mut self, name: &'static str, text: String) {
        let decimals = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        let known = if name.ends_with("price") {
            &mut self.price_decimals
        } else {
            &mut self.size_decimals
        };
        *known = decimals.max(*known);
        self.values.insert(name, text);
    }

    fn row(self) -> Row {
        let padded = |(name, text): (&'static str, String)| {
            let decimals = match name {
                "bid_price" | "ask_price" | "last_price" => self.price_decimals,
                "last_side" => 0,
                _ => self.size_decimals,
            };
            (name, pad(&text, decimals))
        };
        Row {
            decimals: [self.price_decimals as u8, self.size_decimals as u8, 0],
            values: self.values.into_iter().map(padded).collect(),
            update_count: self.update_count,
            state: Some(TickerState::Live),
            cause: None,
        }
    }
}

/// A number's text without trailing zeros after the point.
fn trimmed(frame: &Value, key: &str) -> String {
    let text = frame[key].as_str().expect("Binance writes numbers as strings");
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
