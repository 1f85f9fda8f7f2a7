//! Every instrument alike: for benches. Each update changes what a real one changes.

use fastrand::Rng;

use super::Model;
use super::quote::{Quote, other_step, price, size};
use crate::market::{Field, Fields, Side};

/// Most cents that bid and ask lie from the middle.
const OFFSET_MAX: i64 = 5;

/// Cents of the lowest and highest middle: 1.00 to 100,000.00.
const MIDDLE: std::ops::Range<i64> = 100..10_000_000;

/// What an update is, in thousandths. They give the recorded shares of changed fields (bid_size 37 %, ask_size 37 %,
/// last_size 22 %, last_price 11 %, bid_price 4 %, ask_price 4 %) and of trades (26 %).
const BID_SIZE: u32 = 330;
const BID_MOVE: u32 = BID_SIZE + 40;
const ASK_SIZE: u32 = BID_MOVE + 330;
const ASK_MOVE: u32 = ASK_SIZE + 40;
const TRADE_SAME_PRICE: u32 = ASK_MOVE + 110;
const TRADE_OTHER_PRICE: u32 = TRADE_SAME_PRICE + 110;
// The rest to 1000: a trade equal to the last.

/// Picks the instrument of each update uniformly.
pub struct EvenModel {
    random: Rng,
    instruments: Vec<(i64, Quote)>,
    announced: usize,
}

impl EvenModel {
    /// Makes `symbols` instruments, at least one.
    pub fn new(symbols: usize, seed: u64) -> EvenModel {
        let mut random = Rng::with_seed(seed);
        let instruments = (0..symbols.max(1))
            .map(|_| {
                let middle = random.i64(MIDDLE);
                (middle, Quote::new(middle - 1, 2, &mut random))
            })
            .collect();
        EvenModel {
            random,
            instruments,
            announced: 0,
        }
    }
}

impl Model for EvenModel {
    fn next_update(&mut self) -> (usize, Fields) {
        if let Some((middle, quote)) = self.instruments.get(self.announced) {
            self.announced += 1;
            return (self.announced - 1, first(*middle, quote));
        }
        let random = &mut self.random;
        let at = random.usize(..self.instruments.len());
        let (middle, quote) = &mut self.instruments[at];
        let fields = match random.u32(..1000) {
            ..BID_SIZE => quote.change_bid_size(random),
            BID_SIZE..BID_MOVE => {
                let offset = other_step(*middle - quote.bid, OFFSET_MAX, random);
                quote.move_bid(*middle - offset, random)
            }
            BID_MOVE..ASK_SIZE => quote.change_ask_size(random),
            ASK_SIZE..ASK_MOVE => {
                let offset = other_step(quote.ask - *middle, OFFSET_MAX, random);
                quote.move_ask(*middle + offset, random)
            }
            ASK_MOVE..TRADE_SAME_PRICE => {
                let side = if quote.last < *middle { Side::Sell } else { Side::Buy };
                quote.trade(quote.last, side, random)
            }
            TRADE_SAME_PRICE..TRADE_OTHER_PRICE if quote.last < *middle => quote.trade(quote.ask, Side::Buy, random),
            TRADE_SAME_PRICE..TRADE_OTHER_PRICE => quote.trade(quote.bid, Side::Sell, random),
            _ => quote.trade_again(),
        };
        (at, fields)
    }
}

/// Every field, the day's figures too; those stay as they are, no recorded update of a quote or trade changes them.
fn first(middle: i64, quote: &Quote) -> Fields {
    let mut fields = quote.whole();
    fields
        .put(Field::Open, price(middle))
        .put(Field::Volume, size(quote.last_size()));
    fields
        .put(Field::High, price(middle + OFFSET_MAX))
        .put(Field::Low, price(middle - OFFSET_MAX));
    fields.set(Field::TradeCount, crate::market::Decimal::from_int(1));
    fields
}

#[cfg(test)]
mod tests {
    use super::super::checks::{self, View};
    use super::*;

    const SEED: u64 = 1;

    #[test]
    fn the_first_pass_sets_all_fields_and_bid_stays_below_ask() {
        checks::rows_are_whole_and_sane(EvenModel::new(50, SEED), 50, 20_000);
    }

    #[test]
    fn the_same_seed_gives_the_same_updates_and_another_seed_others() {
        checks::follows_its_seed(|seed| EvenModel::new(20, seed));
    }

    #[test]
    fn updates_change_what_recorded_ones_change() {
        const UPDATES: u32 = 100_000;
        let mut model = EvenModel::new(100, SEED);
        let mut view = View::new(100);
        for _ in 0..100 {
            view.apply(model.next_update());
        }
        let (mut changed, mut trades) = ([0u32; 12], 0);
        for _ in 0..UPDATES {
            let (at, fields) = model.next_update();
            trades += u32::from(fields.is_trade());
            for field in view.apply((at, fields)) {
                changed[field.index()] += 1;
            }
        }
        for (field, percent) in [
            (Field::BidSize, 37.0),
            (Field::AskSize, 37.0),
            (Field::LastSize, 22.0),
            (Field::LastPrice, 11.0),
            (Field::BidPrice, 4.0),
            (Field::AskPrice, 4.0),
        ] {
            let share = f64::from(changed[field.index()]) * 100.0 / f64::from(UPDATES);
            assert!(
                (share - percent).abs() < 0.7,
                "{field:?}: {share} %, recorded {percent} %"
            );
        }
        assert!((25_000..27_000).contains(&trades), "{trades}");
    }

    #[test]
    fn every_instrument_is_as_busy_as_the_others() {
        let counts = checks::counts(EvenModel::new(10, SEED), 10, 100_000);
        assert!(counts.iter().all(|c| (9_500..10_500).contains(c)), "{counts:?}");
    }
}
