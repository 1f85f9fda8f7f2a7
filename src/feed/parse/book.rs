//! The book of a venue that sends it whole: its best levels are kept, and the best of all is told.

use crate::market::{BookSide, Decimal, Field, Fields, OrderBook};

/// Levels kept of a side. A level takes about 50 B of the tree, so a book takes at most 2 × 5,000 × 50 B = 0.5 MB.
///
/// Of BTC-USD at Coinbase, with 18,764 bids and 27,236 asks, they reach from 6.7 % below to 11.7 % above the best.
pub const BOOK_DEPTH_MAX: usize = 5_000;

type Level = Option<(Decimal, Decimal)>;

/// A book of bounded depth that never shows a wrong best level.
///
/// What does not fit is cut from the far end, and from there on the side is not known: changes of it are passed over.
/// Should the price get there, the side is empty though the venue's is not, and the book is broken and to be asked for
/// anew.
#[derive(Debug)]
pub struct QuoteBook {
    book: OrderBook,
    depth_max: usize,
    /// Whether it began with a snapshot and nothing was lost since.
    is_whole: bool,
    /// The price from which on a side is not known, where something was cut.
    bids_known_above: Option<Decimal>,
    asks_known_below: Option<Decimal>,
    /// Both best levels as told last.
    told: Option<(Level, Level)>,
}

/// What is to be told of a book.
#[derive(Clone, Debug, PartialEq)]
pub enum Quote {
    /// Nothing: the best levels are as told, or the book is not whole.
    Same,
    /// The sides whose best level is another one.
    Changed {
        /// Price and size of the sides that changed.
        fields: Fields,
        /// Whether it is the first quote since the book is whole.
        is_first: bool,
    },
    /// The book cannot be right or does not reach far enough; says how.
    Broken(&'static str),
}

impl Default for QuoteBook {
    fn default() -> QuoteBook {
        QuoteBook::with_depth(BOOK_DEPTH_MAX)
    }
}

impl QuoteBook {
    /// Not whole, and with another bound than [`BOOK_DEPTH_MAX`].
    pub fn with_depth(depth_max: usize) -> QuoteBook {
        QuoteBook {
            book: OrderBook::new(),
            depth_max,
            is_whole: false,
            bids_known_above: None,
            asks_known_below: None,
            told: None,
        }
    }

    /// Whether it began with a snapshot and nothing was lost since.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Begins a snapshot: the levels of before are gone; what was told of a whole book is remembered.
    pub fn begin(&mut self) {
        self.clear();
        self.is_whole = true;
    }

    /// Something of it is lost; returns whether something was told of it until now.
    pub fn lose(&mut self) -> bool {
        self.clear();
        self.is_whole = false;
        self.told.take().is_some()
    }

    /// Sets the size at a price; size 0 deletes the level.
    pub fn set(&mut self, side: BookSide, price: Decimal, size: Decimal) {
        let is_known = match side {
            BookSide::Bid => self.bids_known_above.is_none_or(|p| price > p),
            BookSide::Ask => self.asks_known_below.is_none_or(|p| price < p),
        };
        if !is_known {
            return;
        }
        self.book.set(side, price, size);
        if self.book.depth(side) > self.depth_max {
            let cut = self.book.pop_worst(side).map(|(price, _)| price);
            match side {
                BookSide::Bid => self.bids_known_above = cut,
                BookSide::Ask => self.asks_known_below = cut,
            }
        }
    }

    /// What is to be told after a whole message; told with it.
    pub fn quote(&mut self) -> Quote {
        if !self.is_whole {
            return Quote::Same;
        }
        let (bid, ask) = (self.book.best_bid(), self.book.best_ask());
        if (bid.is_none() && self.bids_known_above.is_some()) || (ask.is_none() && self.asks_known_below.is_some()) {
            return Quote::Broken("the levels kept of a side are used up");
        }
        if matches!((bid, ask), (Some((bid, _)), Some((ask, _))) if bid >= ask) {
            return Quote::Broken("the best bid is not below the best ask");
        }
        let told = self.told.replace((bid, ask));
        let mut fields = Fields::new();
        if told.is_none_or(|t| t.0 != bid) {
            fields.best(Field::BidPrice, Field::BidSize, bid);
        }
        if told.is_none_or(|t| t.1 != ask) {
            fields.best(Field::AskPrice, Field::AskSize, ask);
        }
        if fields.is_empty() {
            return Quote::Same;
        }
        let is_first = told.is_none();
        Quote::Changed { fields, is_first }
    }

    fn clear(&mut self) {
        self.book.clear();
        self.bids_known_above = None;
        self.asks_known_below = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Value;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn d(value: i64) -> Decimal {
        Decimal::from_int(value)
    }

    fn book(depth_max: usize, levels: &[(BookSide, i64, i64)]) -> QuoteBook {
        let mut book = QuoteBook::with_depth(depth_max);
        book.begin();
        for (side, price, size) in levels {
            book.set(*side, d(*price), d(*size));
        }
        book
    }

    fn changed(quote: Quote) -> Vec<(Field, Value)> {
        match quote {
            Quote::Changed { fields, .. } => fields.iter().collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_best_is_told_when_it_changed_and_only_the_side_that_did() {
        use BookSide::{Ask, Bid};
        let mut book = book(10, &[(Bid, 9, 1), (Bid, 8, 2), (Ask, 11, 3)]);
        let quote = book.quote();
        assert!(matches!(quote, Quote::Changed { is_first: true, .. }), "{quote:?}");
        assert_eq!(changed(quote).len(), 4);
        book.set(Bid, d(8), d(5));
        assert_eq!(book.quote(), Quote::Same);
        book.set(Bid, d(9), d(0));
        assert_eq!(
            changed(book.quote()),
            [(Field::BidPrice, Value::Set(d(8))), (Field::BidSize, Value::Set(d(5)))]
        );
        book.set(Ask, d(11), d(0));
        assert_eq!(
            changed(book.quote()),
            [(Field::AskPrice, Value::Cleared), (Field::AskSize, Value::Cleared)]
        );
        book.set(Ask, d(8), d(1));
        assert!(matches!(book.quote(), Quote::Broken(_)));
        assert!(book.lose() && !book.lose());
        assert_eq!(book.quote(), Quote::Same);
        book.begin();
        let quote = book.quote();
        assert!(matches!(quote, Quote::Changed { is_first: true, .. }), "{quote:?}");
    }

    #[test]
    fn a_side_of_which_levels_were_cut_is_broken_once_it_is_used_up() {
        use BookSide::{Ask, Bid};
        let mut book = book(2, &[(Bid, 7, 1), (Bid, 9, 1), (Bid, 8, 1), (Ask, 11, 3)]);
        // Only 9 and 8 are known now: below them a level may be missing.
        book.set(Bid, d(6), d(1));
        book.set(Bid, d(9), d(0));
        assert!(changed(book.quote()).contains(&(Field::BidPrice, Value::Set(d(8)))));
        book.set(Bid, d(8), d(0));
        assert!(matches!(book.quote(), Quote::Broken(_)));
    }

    proptest! {
        #[test]
        fn a_bounded_book_shows_the_best_of_the_whole_one_or_says_that_it_cannot(
            ops in prop::collection::vec((any::<bool>(), 0i64..20, 0i64..3), 1..80), depth in 1usize..6,
        ) {
            let mut bounded = book(depth, &[]);
            let mut whole: [BTreeMap<i64, i64>; 2] = Default::default();
            let mut shown: [Level; 2] = [None, None];
            let mut was_cut = false;
            for (is_bid, price, size) in ops {
                // Bids from -20 to -1, asks from 0 on: never crossed.
                let (side, price) = if is_bid { (BookSide::Bid, price - 20) } else { (BookSide::Ask, price) };
                bounded.set(side, d(price), d(size));
                let levels = &mut whole[usize::from(!is_bid)];
                if size == 0 { levels.remove(&price); } else { levels.insert(price, size); }
                was_cut |= levels.len() > depth;
                match bounded.quote() {
                    Quote::Same => {}
                    Quote::Changed { fields, .. } => {
                        for (at, price, size) in [(0, Field::BidPrice, Field::BidSize), (1, Field::AskPrice, Field::AskSize)] {
                            match (fields.get(price), fields.get(size)) {
                                (Some(Value::Set(p)), Some(Value::Set(s))) => shown[at] = Some((p, s)),
                                (Some(_), _) => shown[at] = None,
                                (None, _) => {}
                            }
                        }
                    }
                    Quote::Broken(_) => {
                        prop_assert!(was_cut);
                        break;
                    }
                }
                let best = |(p, s): (&i64, &i64)| (d(*p), d(*s));
                prop_assert_eq!(shown[0], whole[0].last_key_value().map(best));
                prop_assert_eq!(shown[1], whole[1].first_key_value().map(best));
            }
        }
    }
}
