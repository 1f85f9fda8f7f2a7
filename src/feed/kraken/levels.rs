//! Both sides of a book with the text of each level, of which the venue's checksum is made.
//!
//! CRC-32 over the best ten asks from low to high and then the best ten bids from high to low, each its price and its
//! size as text at the instrument's precision without point and leading zeros (the venue's "Book checksum (WebSocket
//! v2)"). A number scaled to that precision is this text once it is printed as a whole number.
//!
//! A level is written once, when it comes; with a tree of numbers, writing the best twenty anew with every message was a
//! third of the time from frame to event.

use super::bounds::{CHECKED_LEVELS, LEVELS_MAX};
use crate::market::{BookSide, Decimal};

/// Two numbers of 64 bits.
const TEXT_BYTES: usize = 2 * 19;

/// Decimals in which the venue writes an instrument's prices and sizes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Precision {
    pub(super) price: u8,
    pub(super) size: u8,
}

#[derive(Clone, Debug)]
struct Level {
    price: Decimal,
    size: Decimal,
    text: [u8; TEXT_BYTES],
    /// Of the text; `None` where a number has more decimals than the precision.
    bytes: Option<u8>,
}

/// The levels of both sides, best first, at one precision.
#[derive(Debug, Default)]
pub(super) struct Levels {
    bids: Vec<Level>,
    asks: Vec<Level>,
    precision: Precision,
}

impl Levels {
    /// Sets the size at a price; size 0 deletes the level, and one that is not there is no error.
    pub(super) fn set(&mut self, side: BookSide, price: Decimal, size: Decimal) {
        let levels = match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        };
        let at = levels.binary_search_by(|level| match side {
            BookSide::Bid => price.cmp(&level.price),
            BookSide::Ask => level.price.cmp(&price),
        });
        match at {
            Ok(at) if size.is_zero() => drop(levels.remove(at)),
            Ok(at) => levels[at] = Level::new(price, size, self.precision),
            Err(_) if size.is_zero() => {}
            Err(at) => levels.insert(at, Level::new(price, size, self.precision)),
        }
        levels.truncate(LEVELS_MAX);
    }

    /// Cuts each side to its best `depth` levels.
    pub(super) fn truncate(&mut self, depth: usize) {
        self.bids.truncate(depth);
        self.asks.truncate(depth);
    }

    /// Empties both sides.
    pub(super) fn clear(&mut self) {
        self.truncate(0);
    }

    /// The best level of a side, price and size.
    pub(super) fn best(&self, side: BookSide) -> Option<(Decimal, Decimal)> {
        let levels = match side {
            BookSide::Bid => &self.bids,
            BookSide::Ask => &self.asks,
        };
        levels.first().map(|level| (level.price, level.size))
    }

    /// The precision in use.
    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// Writes all levels at another precision.
    pub(super) fn set_precision(&mut self, precision: Precision) {
        self.precision = precision;
        for level in self.bids.iter_mut().chain(&mut self.asks) {
            *level = Level::new(level.price, level.size, precision);
        }
    }

    /// The checksum; `None` where a number cannot be written at this precision.
    pub(super) fn checksum(&self) -> Option<u32> {
        let mut text = [0; 2 * CHECKED_LEVELS * TEXT_BYTES];
        let mut end = 0;
        let asks = self.asks.iter().take(CHECKED_LEVELS);
        for level in asks.chain(self.bids.iter().take(CHECKED_LEVELS)) {
            // All of it, as a copy of known length is a few moves; the next one begins where this one's text ends.
            text.get_mut(end..end + TEXT_BYTES)?.copy_from_slice(&level.text);
            end += usize::from(level.bytes?);
        }
        Some(crc32fast::hash(text.get(..end)?))
    }
}

impl Level {
    fn new(price: Decimal, size: Decimal, precision: Precision) -> Level {
        let mut text = [0; TEXT_BYTES];
        let bytes = put_digits(&mut text, price, precision.price).and_then(|bytes| {
            let more = put_digits(text.get_mut(bytes..)?, size, precision.size)?;
            u8::try_from(bytes + more).ok()
        });
        Level {
            price,
            size,
            text,
            bytes,
        }
    }
}

/// Puts the digits of a number at this precision in front of `text` and returns how many; `None` where it has more
/// decimals, is negative, or does not fit 64 bits.
fn put_digits(text: &mut [u8], number: Decimal, decimals: u8) -> Option<usize> {
    let mut left = u64::try_from(number.scaled(decimals)?).ok()?;
    let digits = left.checked_ilog10().map_or(0, |log| log as usize + 1);
    for digit in text.get_mut(..digits)?.iter_mut().rev() {
        *digit = b'0' + (left % 10) as u8;
        left /= 10;
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::OrderBook;
    use proptest::prelude::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).expect(text)
    }

    fn digits(number: Decimal, decimals: u8) -> Option<String> {
        let mut text = [0; TEXT_BYTES];
        let bytes = put_digits(&mut text, number, decimals)?;
        String::from_utf8(text[..bytes].to_vec()).ok()
    }

    /// The venue's own words: the text without point, then without leading zeros.
    fn as_documented(text: &str) -> String {
        text.replace('.', "").trim_start_matches('0').to_string()
    }

    #[test]
    fn digits_are_the_text_without_point_and_leading_zeros() {
        for (number, text, decimals) in [
            ("45285.2", "45285.2", 1),
            ("0.001", "0.00100000", 8),
            ("0", "0.00000000", 8),
            ("1e-7", "0.0000001000", 10),
            ("9223372036854775807", "9223372036854775807", 0),
        ] {
            assert_eq!(digits(d(number), decimals), Some(as_documented(text)), "{number}");
        }
        for (number, decimals) in [
            ("0.25", 1),
            ("-1", 0),
            ("1", 19),
            ("9223372036854775807", 1),
            ("1", 255),
        ] {
            assert_eq!(digits(d(number), decimals), None, "{number}");
        }
    }

    /// The example of the venue's page, with the checksum that stands there.
    #[test]
    fn the_venues_example_has_its_checksum() {
        const SUM: Option<u32> = Some(3_310_070_434);
        let asks = "45285.2 0.00100000 45286.4 1.54571953 45286.6 1.54571109 45289.6 1.54560911 45290.2 0.15890660 \
                    45291.8 1.54553491 45294.7 0.04454749 45296.1 0.35380000 45297.5 0.09945542 45299.5 0.18772827";
        let bids = "45283.5 0.10000000 45283.4 1.54582015 45282.1 0.10000000 45281.0 0.10000000 45280.3 1.54592586 \
                    45279.0 0.07990000 45277.6 0.03310103 45277.5 0.30000000 45277.3 1.54602737 45276.6 0.15445238";
        let mut levels = Levels::default();
        levels.set_precision(Precision { price: 1, size: 8 });
        for (side, numbers) in [(BookSide::Ask, asks), (BookSide::Bid, bids)] {
            let numbers: Vec<_> = numbers.split_whitespace().map(d).collect();
            numbers
                .chunks(2)
                .rev()
                .for_each(|level| levels.set(side, level[0], level[1]));
        }
        assert_eq!(levels.checksum(), SUM);
        levels.set_precision(Precision { price: 1, size: 7 });
        assert_eq!(levels.checksum(), None);
        levels.set_precision(Precision { price: 2, size: 8 });
        assert!(levels.checksum().is_some_and(|sum| Some(sum) != SUM));
        levels.set_precision(Precision { price: 1, size: 8 });
        levels.set(BookSide::Bid, d("45276.5"), d("1"));
        assert_eq!(levels.checksum(), SUM, "the eleventh is not covered");
        levels.set(BookSide::Bid, d("45276.6"), d("0"));
        assert_ne!(levels.checksum(), SUM, "now it is the tenth");
    }

    #[test]
    fn levels_beyond_the_bound_push_the_worst_out() {
        let mut levels = Levels::default();
        for price in 1..=2 * LEVELS_MAX as i64 {
            levels.set(BookSide::Bid, Decimal::from_int(price), Decimal::from_int(1));
        }
        assert_eq!(levels.bids.len(), LEVELS_MAX);
        assert_eq!(
            levels.best(BookSide::Bid).map(|best| best.0),
            Some(Decimal::from_int(2 * LEVELS_MAX as i64))
        );
    }

    #[test]
    fn the_longest_numbers_of_a_full_book_have_room() {
        let mut levels = Levels::default();
        for n in 0..CHECKED_LEVELS as i64 {
            levels.set(
                BookSide::Ask,
                Decimal::from_int(i64::MAX - n),
                Decimal::from_int(i64::MAX),
            );
            levels.set(
                BookSide::Bid,
                Decimal::from_int(i64::MAX - n),
                Decimal::from_int(i64::MAX),
            );
        }
        assert!(levels.checksum().is_some());
    }

    proptest! {
        #[test]
        fn any_number_is_written_as_the_venue_says(mantissa in 0i64..1_000_000_000_000, decimals in 0u8..=12, more in 0u8..6) {
            let number = Decimal::new(mantissa, decimals).expect("in range");
            let plain = format!("{mantissa}{}", "0".repeat(usize::from(more)));
            prop_assert_eq!(digits(number, decimals + more), Some(plain.trim_start_matches('0').to_owned()));
        }

        #[test]
        fn levels_are_those_of_an_order_book(
            ops in prop::collection::vec((any::<bool>(), 0i64..300, 0i64..4), 0..60), depth in 1usize..8
        ) {
            let (mut levels, mut book) = (Levels::default(), OrderBook::new());
            for (is_bid, price, size) in ops {
                let side = if is_bid { BookSide::Bid } else { BookSide::Ask };
                let price = Decimal::new(price, 1).expect("in range");
                levels.set(side, price, Decimal::from_int(size));
                book.set(side, price, Decimal::from_int(size));
                levels.truncate(depth);
                book.truncate(depth);
                prop_assert_eq!(levels.best(BookSide::Bid), book.best_bid());
                prop_assert_eq!(levels.best(BookSide::Ask), book.best_ask());
                for (side, own) in [(BookSide::Bid, &levels.bids), (BookSide::Ask, &levels.asks)] {
                    let own: Vec<_> = own.iter().map(|level| (level.price, level.size)).collect();
                    prop_assert_eq!(own, book.levels(side).collect::<Vec<_>>());
                }
            }
        }
    }
}
