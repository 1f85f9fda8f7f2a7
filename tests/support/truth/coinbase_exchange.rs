//! Coinbase Exchange.
//!
//! Bid and ask are the best of `snapshot` and `l2update`, never crossed; the last trade comes from `match`, with
//! `last_match` for the one before the subscription, and from `ticker` only while none of them is known; open, high, low
//! and volume from `ticker`, in the order of `sequence`. `side` is the maker's in matches: the taker did the other thing.
//! `trade_id` has no hole.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Levels, Rows, Sheet, frames, rows, text};

#[derive(Default)]
struct Product {
    sheet: Sheet,
    book: Levels,
    newest_trade: Option<u64>,
    newest_ticker: Option<u64>,
}

/// The state at the end of a capture.
pub(crate) fn of_capture(capture: &str) -> Rows {
    let mut products: BTreeMap<String, Product> = BTreeMap::new();
    for frame in frames(capture) {
        let message: Value = serde_json::from_str(frame).expect("JSON");
        let take = match message["type"].as_str() {
            Some("snapshot") => Product::snapshot,
            Some("l2update") => Product::l2update,
            Some("ticker") => Product::ticker,
            Some("match" | "last_match") => Product::matched,
            _ => continue,
        };
        let name = text(&message, "product_id").to_owned();
        take(products.entry(name).or_default(), &message);
    }
    let venue = "coinbase-exchange";
    rows(venue, products.into_iter().map(|(name, p)| (name, p.sheet)))
}

impl Product {
    fn snapshot(&mut self, message: &Value) {
        self.book = Levels::default();
        for (is_bid, key) in [(true, "bids"), (false, "asks")] {
            for level in message[key].as_array().expect("levels") {
                let text = |at: usize| level[at].as_str().expect("text");
                self.book.set(is_bid, text(0), text(1));
            }
        }
        self.told(message);
    }

    fn l2update(&mut self, message: &Value) {
        assert_ne!(self.book, Levels::default(), "an update before its snapshot: {message}");
        for change in message["changes"].as_array().expect("changes") {
            let text = |at: usize| change[at].as_str().expect("text");
            let is_bid = match text(0) {
                "buy" => true,
                "sell" => false,
                other => panic!("a third side: {other}"),
            };
            self.book.set(is_bid, text(1), text(2));
        }
        self.told(message);
    }

    fn told(&mut self, message: &Value) {
        assert!(!self.book.is_crossed(), "crossed by {message}");
        let book = &self.book;
        self.sheet.update(|sheet| sheet.put_best(book));
    }

    fn ticker(&mut self, message: &Value) {
        let number = message["sequence"].as_u64();
        if number < self.newest_ticker {
            return;
        }
        self.newest_ticker = number;
        let is_traded = self.newest_trade.is_some();
        self.sheet.update(|sheet| {
            let day = [
                ("open", "open_24h"),
                ("high", "high_24h"),
                ("low", "low_24h"),
                ("volume", "volume_24h"),
            ];
            for (name, key) in day {
                sheet.put(name, text(message, key));
            }
            if !is_traded {
                sheet.put("last_price", text(message, "price"));
            }
        });
    }

    fn matched(&mut self, message: &Value) {
        let number = message["trade_id"].as_u64().expect("a number");
        assert!(
            self.newest_trade.is_none_or(|newest| newest + 1 == number),
            "a hole before {message}"
        );
        self.newest_trade = Some(number);
        let (price, size) = (text(message, "price"), text(message, "size"));
        let is_buy = message["side"] == "sell";
        match text(message, "type") {
            "last_match" => self.sheet.update(|sheet| sheet.put_last(price, size, is_buy)),
            _ => self.sheet.trade(price, size, is_buy),
        }
    }
}
