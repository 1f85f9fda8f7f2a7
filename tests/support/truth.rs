//! What a Binance capture means, worked out from its text alone: nothing here is the service's own code but
//! the type that the result is compared in.
//!
//! Bid and ask come from bookTicker, in the order of `u`; the last trade from trade, or from aggTrade where an
//! instrument has no trades; volume, open, high, low and trade count from 24hrTicker, in the order of `E`. Its `c`, `b`
//! and `a` are older than the others' and not used. A trade counts always, the others where they changed something.
//! Trailing zeros do not count.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tickwire::client::Row;
use tickwire::market::TickerState;

#[derive(Default)]
struct Instrument {
    values: HashMap<&'static str, String>,
    /// Of prices, sizes and the volume.
    decimals: [usize; 3],
    update_count: u64,
    newest_quote: Option<u64>,
    newest_ticker: Option<u64>,
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
        let take = match kind.as_str() {
            _ if is_quote => Instrument::quote,
            _ if is_trade => Instrument::trade,
            "24hrTicker" => Instrument::ticker,
            _ => continue,
        };
        take(instruments.entry(format!("binance:{name}")).or_default(), frame);
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

    fn ticker(&mut self, frame: &Value) {
        let number = frame["E"].as_u64();
        if number < self.newest_ticker {
            return;
        }
        self.newest_ticker = number;
        assert!(
            self.newest_quote.is_some() && self.values.contains_key("last_price"),
            "before a quote a ticker would give bid and ask as well, before a trade the last: {frame}"
        );
        let before = self.values.clone();
        for (name, key) in [("open", "o"), ("high", "h"), ("low", "l"), ("volume", "v")] {
            self.put(name, trimmed(frame, key));
        }
        self.values.insert("trade_count", frame["n"].to_string());
        self.update_count += u64::from(self.values != before);
    }

    fn put(&mut self, name: &'static str, text: String) {
        let decimals = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        let known = &mut self.decimals[unit(name).expect("a price, a size or the volume")];
        *known = decimals.max(*known);
        self.values.insert(name, text);
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
