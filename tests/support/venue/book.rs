//! An order book that keeps every number's text.

use std::collections::BTreeMap;

use flate2::Crc;

/// A price as a whole number, so that prices can be put in order without a float: 10^-18 fits every venue.
type Price = i128;
const DECIMALS: usize = 18;

/// Price and size as the venue wrote them.
pub(super) type Level = (String, String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Bid,
    Ask,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
}

impl Book {
    /// Sets a level; a size of nothing removes it.
    pub(super) fn set(&mut self, side: Side, price: &str, size: &str) {
        let levels = self.side_mut(side);
        if size.bytes().any(|b| matches!(b, b'1'..=b'9')) {
            levels.insert(number(price), (price.to_owned(), size.to_owned()));
        } else {
            levels.remove(&number(price));
        }
    }

    /// Forgets what lies deeper.
    pub(super) fn cut(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    /// The best levels of a side, best first.
    pub(super) fn best(&self, side: Side, depth: usize) -> Vec<&Level> {
        match side {
            Side::Bid => self.bids.values().rev().take(depth).collect(),
            Side::Ask => self.asks.values().take(depth).collect(),
        }
    }

    fn has(&self, side: Side, price: &str) -> bool {
        let levels = if side == Side::Bid { &self.bids } else { &self.asks };
        levels.contains_key(&number(price))
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    /// What a subscriber of fewer levels has to be told to come from `before` to this book.
    ///
    /// What is pushed out by a better level is not told: the subscriber cuts its own book.
    pub(super) fn changes(&self, before: &Book, side: Side, depth: usize) -> Vec<Level> {
        let (old, new) = (before.best(side, depth), self.best(side, depth));
        let gone = old.iter().filter(|level| !self.has(side, &level.0));
        let nothing = |size: &str| size.replace(|c: char| c.is_ascii_digit(), "0");
        let gone = gone.map(|(price, size)| (price.clone(), nothing(size)));
        let changed = new.into_iter().filter(|level| !old.contains(level)).cloned();
        gone.chain(changed).collect()
    }

    /// Kraken's checksum: CRC32 of the ten best asks and bids, points and leading zeros removed.
    pub(super) fn checksum(&self, precision: Precision) -> u32 {
        let mut crc = Crc::new();
        for (price, size) in self.best(Side::Ask, 10).into_iter().chain(self.best(Side::Bid, 10)) {
            for text in [precision.price(price), precision.size(size)] {
                crc.update(text.replace('.', "").trim_start_matches('0').as_bytes());
            }
        }
        crc.sum()
    }
}

/// How many decimals a number is written with: at least these, or as many as it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Precision {
    pub(super) price: usize,
    pub(super) size: usize,
}

impl Precision {
    pub(super) fn price(self, text: &str) -> String {
        padded(text, self.price)
    }

    pub(super) fn size(self, text: &str) -> String {
        padded(text, self.size)
    }
}

fn padded(text: &str, decimals: usize) -> String {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    match decimals.max(digits.len()) {
        0 => whole.to_owned(),
        decimals => format!("{whole}.{digits:0<decimals$}"),
    }
}

fn number(text: &str) -> Price {
    let (whole, digits) = text.split_once('.').unwrap_or((text, ""));
    assert!(digits.len() <= DECIMALS, "a price of {} decimals: {text}", digits.len());
    let digits = format!("{whole}{digits:0<DECIMALS$}");
    digits.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}
