//! A book of texts.

use std::collections::BTreeMap;

/// All levels of an instrument; the keys are in order as texts, for they are padded on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    bids: BTreeMap<String, (String, String)>,
    asks: BTreeMap<String, (String, String)>,
}

type Level<'a> = (&'a str, &'a str);

impl Levels {
    /// Sets the size at a price; nothing but zeros removes the level.
    pub(crate) fn set(&mut self, is_bid: bool, price: &str, size: &str) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        if size.contains(|c: char| matches!(c, '1'..='9')) {
            side.insert(key(price), (price.to_owned(), size.to_owned()));
        } else {
            side.remove(&key(price));
        }
    }

    /// Forgets what lies deeper.
    pub(crate) fn cut(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    pub(crate) fn best_bid(&self) -> Option<Level<'_>> {
        self.bids().next()
    }

    pub(crate) fn best_ask(&self) -> Option<Level<'_>> {
        self.asks().next()
    }

    /// From high to low.
    pub(crate) fn bids(&self) -> impl Iterator<Item = Level<'_>> {
        self.bids.values().rev().map(level)
    }

    /// From low to high.
    pub(crate) fn asks(&self) -> impl Iterator<Item = Level<'_>> {
        self.asks.values().map(level)
    }

    /// Whether somebody would pay at least what somebody asks, which no venue lets stand.
    pub(crate) fn is_crossed(&self) -> bool {
        let best = self.best_bid().zip(self.best_ask());
        best.is_some_and(|((bid, _), (ask, _))| !is_below(bid, ask))
    }
}

/// Whether a price is lower than another.
pub(crate) fn is_below(price: &str, other: &str) -> bool {
    key(price) < key(other)
}

fn level((price, size): &(String, String)) -> Level<'_> {
    (price, size)
}

fn key(number: &str) -> String {
    let (whole, digits) = number.split_once('.').unwrap_or((number, ""));
    assert!(
        whole.len() <= 20 && !number.starts_with('-'),
        "not a price of this world: {number}"
    );
    format!("{whole:0>20}.{digits}").trim_end_matches('0').to_owned()
}
