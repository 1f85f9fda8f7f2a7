//! An order book: price levels of both sides, kept in order.

use std::collections::BTreeMap;

use super::Decimal;

/// Which side of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BookSide {
    /// Those who buy; the best is the highest.
    Bid,
    /// Those who sell; the best is the lowest.
    Ask,
}

/// Price levels with their sizes. Holds at most what [`OrderBook::truncate`] leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderBook {
    bids: BTreeMap<Decimal, Decimal>,
    asks: BTreeMap<Decimal, Decimal>,
}

impl OrderBook {
    /// Makes an empty book.
    pub fn new() -> OrderBook {
        OrderBook::default()
    }

    /// Sets the size at a price; size 0 deletes the level, as every venue means it.
    pub fn set(&mut self, side: BookSide, price: Decimal, size: Decimal) {
        if size.is_zero() {
            self.delete(side, price);
        } else {
            self.levels_mut(side).insert(price, size);
        }
    }

    /// Deletes a level; one that is not there is no error, venues send such.
    pub fn delete(&mut self, side: BookSide, price: Decimal) {
        self.levels_mut(side).remove(&price);
    }

    /// Cuts each side to its best `depth` levels.
    pub fn truncate(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    /// Takes the worst level of a side out: the lowest bid or the highest ask.
    pub fn pop_worst(&mut self, side: BookSide) -> Option<(Decimal, Decimal)> {
        match side {
            BookSide::Bid => self.bids.pop_first(),
            BookSide::Ask => self.asks.pop_last(),
        }
    }

    /// Empties both sides.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// The highest bid, price and size.
    pub fn best_bid(&self) -> Option<(Decimal, Decimal)> {
        self.bids.last_key_value().map(|(p, s)| (*p, *s))
    }

    /// The lowest ask, price and size.
    pub fn best_ask(&self) -> Option<(Decimal, Decimal)> {
        self.asks.first_key_value().map(|(p, s)| (*p, *s))
    }

    /// Levels of one side, best first.
    pub fn levels(&self, side: BookSide) -> impl Iterator<Item = (Decimal, Decimal)> + '_ {
        let (bids, asks) = match side {
            BookSide::Bid => (Some(self.bids.iter().rev()), None),
            BookSide::Ask => (None, Some(self.asks.iter())),
        };
        bids.into_iter()
            .flatten()
            .chain(asks.into_iter().flatten())
            .map(|(p, s)| (*p, *s))
    }

    /// Number of levels of one side.
    pub fn depth(&self, side: BookSide) -> usize {
        match side {
            BookSide::Bid => self.bids.len(),
            BookSide::Ask => self.asks.len(),
        }
    }

    /// Whether the best bid is at or above the best ask: a book that missed something.
    pub fn is_crossed(&self) -> bool {
        matches!((self.best_bid(), self.best_ask()), (Some((bid, _)), Some((ask, _))) if bid >= ask)
    }

    fn levels_mut(&mut self, side: BookSide) -> &mut BTreeMap<Decimal, Decimal> {
        match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).expect(text)
    }

    #[test]
    fn levels_stay_in_order_across_different_precisions() {
        let mut book = OrderBook::new();
        for (side, price, size) in [
            (BookSide::Bid, "99.9", "1"),
            (BookSide::Bid, "99.95", "2"),
            (BookSide::Bid, "100", "3"),
            (BookSide::Ask, "100.5", "4"),
            (BookSide::Ask, "100.25", "5"),
        ] {
            book.set(side, d(price), d(size));
        }
        assert_eq!(book.best_bid(), Some((d("100"), d("3"))));
        assert_eq!(book.best_ask(), Some((d("100.25"), d("5"))));
        book.set(BookSide::Bid, d("100.00"), d("0.000"));
        assert_eq!(book.best_bid(), Some((d("99.95"), d("2"))));
        book.truncate(1);
        assert_eq!((book.depth(BookSide::Bid), book.depth(BookSide::Ask)), (1, 1));
        assert!(!book.is_crossed());
        book.set(BookSide::Bid, d("100.25"), d("1"));
        assert!(book.is_crossed());
        book.set(BookSide::Ask, d("101"), d("6"));
        assert_eq!(book.pop_worst(BookSide::Bid), Some((d("99.95"), d("2"))));
        assert_eq!(book.pop_worst(BookSide::Ask), Some((d("101"), d("6"))));
        book.clear();
        assert_eq!((book.best_bid(), book.best_ask()), (None, None));
    }

    proptest! {
        #[test]
        fn a_book_equals_a_sorted_list(ops in prop::collection::vec((any::<bool>(), 0i64..30, 0i64..4), 0..60), depth in 1usize..8) {
            let mut book = OrderBook::new();
            let mut naive: [Vec<(i64, i64)>; 2] = [Vec::new(), Vec::new()];
            for (bid, price, size) in ops {
                let side = if bid { BookSide::Bid } else { BookSide::Ask };
                book.set(side, Decimal::from_int(price), Decimal::from_int(size));
                book.truncate(depth);
                let list = &mut naive[usize::from(!bid)];
                list.retain(|(p, _)| *p != price);
                if size > 0 { list.push((price, size)); }
                list.sort();
                if bid { list.reverse(); }
                list.truncate(depth);
                let got: Vec<_> = book.levels(side).collect();
                let want: Vec<_> = list.iter().map(|(p, s)| (Decimal::from_int(*p), Decimal::from_int(*s))).collect();
                prop_assert_eq!(got, want);
            }
        }
    }
}
