//! Binance, spot and USD-M.
//!
//! Bid and ask come from bookTicker, in the order of `u`; the last trade from trade, or from aggTrade where an
//! instrument has no trades; volume, open, high, low and trade count from 24hrTicker, in the order of `E`. Its `c`, `b`
//! and `a` are older than the others' and not used. A trade counts always, the others where they changed something.
//! Of USD-M's trades only those of type MARKET are prices of the market.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Levels, Rows, Sheet, frames, rows, text};

#[derive(Default)]
struct Instrument {
    sheet: Sheet,
    newest_quote: Option<u64>,
    newest_ticker: Option<u64>,
}

/// The state at the end of a capture, spot's under `binance`.
pub(crate) fn of_capture(capture: &str) -> Rows {
    of_capture_as("binance", capture)
}

/// The same under another name.
pub(crate) fn of_capture_as(venue: &str, capture: &str) -> Rows {
    let frames = messages(capture);
    let kind = |frame: &Value| frame["e"].as_str().unwrap_or_default().to_owned();
    let traded = frames.iter().filter(|f| kind(f) == "trade");
    let traded: Vec<&str> = traded.filter_map(|f| f["s"].as_str()).collect();
    let mut instruments: BTreeMap<String, Instrument> = BTreeMap::new();
    for frame in &frames {
        let name = frame["s"].as_str().unwrap_or_default();
        let kind = kind(frame);
        let is_quote = kind == "bookTicker" || (kind.is_empty() && frame["u"].is_u64());
        let is_trade = kind == "trade" || (kind == "aggTrade" && !traded.contains(&name));
        let take = match kind.as_str() {
            _ if is_quote => Instrument::quote,
            _ if is_trade => Instrument::trade,
            "24hrTicker" => Instrument::ticker,
            _ => continue,
        };
        take(instruments.entry(name.to_owned()).or_default(), frame);
    }
    rows(venue, instruments.into_iter().map(|(name, i)| (name, i.sheet)))
}

/// Checks that depth and bookTicker of a one-symbol capture tell the same: after each depth message up to update `u`, the
/// best levels are those of the newest quote that is not behind `u`. Returns how often that was so, and how often of
/// those both had the same `u`.
///
/// The book starts with the snapshot in line: messages up to its `lastUpdateId` are dropped; the first one applied has
/// that id within, then each begins where the one before ended (`U` = `u` + 1; USD-M: `pu` = `u`).
pub(crate) fn depth_agrees_with_quotes(capture: &str) -> (usize, usize) {
    let frames = messages(capture);
    let mut quotes: BTreeMap<u64, &Value> = BTreeMap::new();
    let mut book = Levels::default();
    let mut last = None;
    for frame in &frames {
        if let Some(id) = frame["lastUpdateId"].as_u64() {
            last = Some(id);
            set(&mut book, frame, ["bids", "asks"]);
        } else if frame["e"] != "trade" && frame["e"] != "depthUpdate" {
            quotes.insert(number(frame, "u"), frame);
        }
    }
    let snapshot = last.expect("a snapshot in line");
    let (mut is_first, mut last) = (true, snapshot);
    let (mut all, mut met) = (0, 0);
    let depth = frames.iter().filter(|f| f["e"] == "depthUpdate");
    for frame in depth.filter(|f| number(f, "u") > snapshot) {
        let (from, to) = (number(frame, "U"), number(frame, "u"));
        match frame["pu"].as_u64() {
            _ if std::mem::take(&mut is_first) => assert!(from <= snapshot + 1, "the snapshot came too early"),
            Some(previous) => assert_eq!(previous, last, "a hole before {to}"),
            None => assert_eq!(from, last + 1, "a hole before {to}"),
        }
        last = to;
        set(&mut book, frame, ["b", "a"]);
        assert!(!book.is_crossed(), "crossed at {to}");
        let Some((&at, quote)) = quotes.range(..=to).next_back() else {
            continue;
        };
        let mut quoted = Levels::default();
        quoted.set(true, text(quote, "b"), text(quote, "B"));
        quoted.set(false, text(quote, "a"), text(quote, "A"));
        let both = [quoted.best_bid(), quoted.best_ask()];
        assert_eq!(both, [book.best_bid(), book.best_ask()], "quote {at}, depth {to}");
        all += 1;
        met += usize::from(at == to);
    }
    (all, met)
}

/// The messages without the wrapper of combined streams.
fn messages(capture: &str) -> Vec<Value> {
    let message = |frame: &str| {
        let mut frame: Value = serde_json::from_str(frame).expect("JSON");
        match frame.get_mut("data") {
            Some(data) => data.take(),
            None => frame,
        }
    };
    frames(capture).map(message).collect()
}

fn number(frame: &Value, key: &str) -> u64 {
    frame[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} is no number: {frame}"))
}

fn set(book: &mut Levels, frame: &Value, [bids, asks]: [&str; 2]) {
    for (is_bid, key) in [(true, bids), (false, asks)] {
        for level in frame[key].as_array().expect("levels") {
            let text = |at: usize| level[at].as_str().expect("text");
            book.set(is_bid, text(0), text(1));
        }
    }
}

impl Instrument {
    fn quote(&mut self, frame: &Value) {
        let number = frame["u"].as_u64();
        if number <= self.newest_quote {
            return;
        }
        self.newest_quote = number;
        let mut best = Levels::default();
        best.set(true, text(frame, "b"), text(frame, "B"));
        best.set(false, text(frame, "a"), text(frame, "A"));
        self.sheet.update(|sheet| sheet.put_best(&best));
    }

    fn trade(&mut self, frame: &Value) {
        if frame["X"].as_str().is_some_and(|how| how != "MARKET") {
            return;
        }
        // `m`: the buyer was waiting in the book, so the seller came to it.
        let is_buy = frame["m"] == false;
        self.sheet.trade(text(frame, "p"), text(frame, "q"), is_buy);
    }

    fn ticker(&mut self, frame: &Value) {
        let number = frame["E"].as_u64();
        if number < self.newest_ticker {
            return;
        }
        self.newest_ticker = number;
        assert!(
            self.newest_quote.is_some() && self.sheet.has("last_price"),
            "before a quote a ticker would give bid and ask as well, before a trade the last: {frame}"
        );
        self.sheet.update(|sheet| {
            for (name, key) in [("open", "o"), ("high", "h"), ("low", "l"), ("volume", "v")] {
                sheet.put(name, text(frame, key));
            }
            sheet.put("trade_count", &frame["n"].to_string());
        });
    }
}
