//! The book of one instrument, checked with every message against the venue's checksum.

use super::bounds::{DEPTH_MAX, DEPTHS};
use super::levels::{Levels, Precision};
use super::messages::{Level, Written};
use crate::market::{BookSide, Decimal, Field, Fields, Value};

type Best = Option<(Decimal, Decimal)>;

/// A book, kept at the depth that the venue acknowledged.
#[derive(Debug, Default)]
pub(super) struct Book {
    levels: Levels,
    depth: Option<usize>,
    /// What the venue's reference data say.
    stated: Option<Precision>,
    /// Most decimals in the texts since the last snapshot.
    written: Precision,
    /// A snapshot came, and every checksum since held.
    is_whole: bool,
    /// The best bid and ask as told last.
    told: Option<(Best, Best)>,
}

/// What became of a message of a book.
#[derive(Debug)]
pub(super) enum Applied {
    /// The best levels, as far as they changed.
    Whole(Fields),
    /// There is no book to update: none came yet, or it was found wrong.
    NoBook,
    /// The book is not the venue's and was dropped.
    Wrong {
        /// The venue's checksum.
        expected: u32,
        /// That of the book.
        got: u32,
    },
}

impl Book {
    /// Takes a depth that the venue acknowledged; `false` where there is no such.
    pub(super) fn set_depth(&mut self, depth: u64) -> bool {
        let depth = usize::try_from(depth).ok().filter(|d| (1..=DEPTH_MAX).contains(d));
        self.depth = depth.or(self.depth);
        depth.is_some()
    }

    /// Takes what the venue's reference data say.
    pub(super) fn set_precision(&mut self, precision: Precision) {
        self.stated = Some(precision);
    }

    /// Begins anew with the venue's whole book.
    pub(super) fn snapshot(&mut self, bids: &[Level], asks: &[Level], checksum: u32) -> Applied {
        self.levels.clear();
        self.written = Precision::default();
        // Without an acknowledgement, as in a recording's middle, the smallest depth that holds the snapshot.
        let count = bids.len().max(asks.len());
        self.depth = self.depth.or_else(|| DEPTHS.into_iter().find(|d| *d >= count));
        self.is_whole = true;
        self.update(bids, asks, checksum)
    }

    /// Takes the levels that changed.
    pub(super) fn update(&mut self, bids: &[Level], asks: &[Level], checksum: u32) -> Applied {
        if !self.is_whole {
            return Applied::NoBook;
        }
        let is_held = self.set(BookSide::Bid, bids) && self.set(BookSide::Ask, asks);
        // After all levels, not after each: the venue may first add and then delete.
        self.levels.truncate(self.depth.unwrap_or(DEPTH_MAX));
        match self.check(checksum) {
            Ok(()) if is_held => Applied::Whole(self.tell()),
            Ok(()) => self.wrong(checksum, 0),
            Err(got) => self.wrong(checksum, got),
        }
    }

    fn wrong(&mut self, expected: u32, got: u32) -> Applied {
        self.levels.clear();
        self.is_whole = false;
        Applied::Wrong { expected, got }
    }

    /// Sets levels of one side; `false` where a number cannot be held.
    fn set(&mut self, side: BookSide, levels: &[Level]) -> bool {
        levels.iter().all(|level| {
            self.written.price = self.written.price.max(level.price.decimals);
            self.written.size = self.written.size.max(level.qty.decimals);
            match (held(level.price), held(level.qty)) {
                (Some(price), Some(size)) => {
                    self.levels.set(side, price, size);
                    true
                }
                _ => false,
            }
        })
    }

    /// Compares with the venue's checksum. Where the reference data and the texts disagree on the precision, as they may
    /// for a moment when it changes, either may be right.
    fn check(&mut self, expected: u32) -> Result<(), u32> {
        let in_use = self.levels.checksum();
        if in_use == Some(expected) {
            return Ok(());
        }
        let mut got = in_use;
        for precision in self.stated.into_iter().chain([self.written]) {
            if precision != self.levels.precision() {
                self.levels.set_precision(precision);
                got = self.levels.checksum();
                if got == Some(expected) {
                    return Ok(());
                }
            }
        }
        Err(got.or(in_use).unwrap_or(0))
    }

    fn tell(&mut self) -> Fields {
        let now = (self.levels.best(BookSide::Bid), self.levels.best(BookSide::Ask));
        let before = self.told.replace(now);
        let mut fields = Fields::new();
        if before.is_none_or(|b| b.0 != now.0) {
            fields.best(Field::BidPrice, Field::BidSize, now.0);
        }
        if before.is_none_or(|b| b.1 != now.1) {
            fields.best(Field::AskPrice, Field::AskSize, now.1);
        }
        fields
    }
}

fn held(number: Written) -> Option<Decimal> {
    match number.value {
        Value::Set(decimal) => Some(decimal),
        Value::Cleared | Value::Misfit => None,
    }
}
