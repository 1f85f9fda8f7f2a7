//! A market that looks like one: trends, spreads, trades with sides, day statistics, bursts, busy and quiet instruments.

use fastrand::Rng;

use super::Model;
use super::quote::{Quote, price, size};
use crate::market::{Decimal, Field, Fields, Side, Value};

/// Cents of the lowest bid that a walk can reach, and of the highest: 0.50 to 10 million.
const BID_MIN: i64 = 50;
const BID_MAX: i64 = 1_000_000_000;

/// Widest spread, in ticks.
const SPREAD_TICKS_MAX: i64 = 5;

/// Trades between two looks at the day's figures, as the venues' slower tickers give them.
const TRADES_PER_STATISTICS: u32 = 8;

/// One in so many updates begins a burst.
const BURST_ONE_IN: u32 = 400;

/// Updates of a burst: at most half a second of a busy feed.
const BURST_UPDATES: std::ops::Range<u32> = 20..200;

struct Instrument {
    quote: Quote,
    /// Smallest step of its price, in cents.
    tick: i64,
    open: i64,
    high: i64,
    low: i64,
    /// In hundred-thousandths.
    volume: i64,
    trades: i64,
    trades_untold: u32,
}

/// One instrument that everybody trades in one direction for a moment.
#[derive(Clone, Copy)]
struct Burst {
    instrument: usize,
    side: Side,
    left: u32,
}

/// Instruments of very different activity: the first is the busiest, each octave after it shares as much again.
pub struct MarketModel {
    random: Rng,
    instruments: Vec<Instrument>,
    announced: usize,
    burst: Option<Burst>,
}

impl MarketModel {
    /// Makes `symbols` instruments, at least one.
    pub fn new(symbols: usize, seed: u64) -> MarketModel {
        let mut random = Rng::with_seed(seed);
        MarketModel {
            instruments: (0..symbols.max(1)).map(|_| Instrument::new(&mut random)).collect(),
            random,
            announced: 0,
            burst: None,
        }
    }

    /// The next instrument, and the side of its burst where it has one.
    fn pick(&mut self) -> (usize, Option<Side>) {
        if let Some(burst) = self.burst {
            let left = burst.left - 1;
            self.burst = (left > 0).then_some(Burst { left, ..burst });
            // The others go on meanwhile, with a quarter of the updates.
            if self.random.u32(..4) > 0 {
                return (burst.instrument, Some(burst.side));
            }
        } else if self.random.u32(..BURST_ONE_IN) == 0 {
            let instrument = octave(self.instruments.len(), &mut self.random);
            let side = if self.random.bool() { Side::Buy } else { Side::Sell };
            let left = self.random.u32(BURST_UPDATES);
            self.burst = Some(Burst { instrument, side, left });
        }
        (octave(self.instruments.len(), &mut self.random), None)
    }
}

impl Model for MarketModel {
    fn next_update(&mut self) -> (usize, Fields) {
        if let Some(instrument) = self.instruments.get(self.announced) {
            self.announced += 1;
            return (self.announced - 1, instrument.whole());
        }
        let (at, burst) = self.pick();
        (at, self.instruments[at].change(burst, &mut self.random))
    }
}

impl Instrument {
    fn new(random: &mut Rng) -> Instrument {
        // As many instruments below 10 as between 10,000 and 100,000.
        let magnitude = 10i64.pow(random.u32(2..7));
        let tick = (magnitude / 10_000).max(1);
        let bid = magnitude / tick * tick + random.i64(0..9 * magnitude / tick) * tick;
        let quote = Quote::new(bid, tick * random.i64(1..=SPREAD_TICKS_MAX), random);
        let mut instrument = Instrument {
            tick,
            open: bid,
            high: bid + tick * random.i64(0..100),
            low: (bid - tick * random.i64(0..100)).max(BID_MIN.min(bid)),
            volume: random.i64(100_000..1_000_000_000),
            trades: random.i64(100..100_000),
            trades_untold: 0,
            quote,
        };
        // The day opened somewhere between its low and its high.
        instrument.open = random.i64(instrument.low..=instrument.high) / tick * tick;
        instrument.open = instrument.open.clamp(instrument.low, instrument.high);
        instrument
    }

    fn whole(&self) -> Fields {
        let mut fields = self.quote.whole();
        self.put_statistics(&mut fields);
        fields
    }

    /// One update. In a burst trades and moves in its direction prevail.
    fn change(&mut self, burst: Option<Side>, random: &mut Rng) -> Fields {
        if self.trades_untold >= TRADES_PER_STATISTICS {
            self.trades_untold = 0;
            let mut fields = Fields::new();
            self.put_statistics(&mut fields);
            return fields;
        }
        let (sizes, moves) = if burst.is_some() { (300, 550) } else { (660, 740) };
        match random.u32(..1000) {
            draw if draw < sizes / 2 => self.quote.change_bid_size(random),
            draw if draw < sizes => self.quote.change_ask_size(random),
            draw if draw < moves => self.shift(burst, random),
            _ => {
                let side = match burst {
                    Some(side) => side,
                    None if random.bool() => Side::Buy,
                    None => Side::Sell,
                };
                self.trade(side, random)
            }
        }
    }

    /// A step of the random walk, turned back at the bounds.
    fn shift(&mut self, burst: Option<Side>, random: &mut Rng) -> Fields {
        let ticks = match burst {
            Some(Side::Buy) => random.i64(0..=2),
            Some(Side::Sell) => random.i64(-2..=0),
            None => random.i64(-1..=1),
        };
        let spread = random.i64(1..=SPREAD_TICKS_MAX) * self.tick;
        let bid = self.quote.bid + ticks * self.tick;
        let bid = if (BID_MIN.max(self.tick)..BID_MAX).contains(&bid) {
            bid
        } else {
            self.quote.bid
        };
        match (bid == self.quote.bid, bid + spread == self.quote.ask) {
            (true, true) => self.quote.change_bid_size(random),
            (true, false) => self.quote.move_ask(bid + spread, random),
            (false, true) => self.quote.move_bid(bid, random),
            (false, false) => self.quote.move_both(bid, bid + spread, random),
        }
    }

    /// A buyer takes from the ask, a seller from the bid.
    fn trade(&mut self, side: Side, random: &mut Rng) -> Fields {
        let at = match side {
            Side::Buy => self.quote.ask,
            Side::Sell => self.quote.bid,
        };
        let fields = self.quote.trade(at, side, random);
        self.high = self.high.max(at);
        self.low = self.low.min(at);
        self.volume = self.volume.saturating_add(self.quote.last_size());
        self.trades += 1;
        self.trades_untold += 1;
        fields
    }

    fn put_statistics(&self, fields: &mut Fields) {
        fields
            .put(Field::Open, price(self.open))
            .put(Field::Volume, size(self.volume));
        fields
            .put(Field::High, price(self.high))
            .put(Field::Low, price(self.low));
        fields.put(Field::TradeCount, Value::Set(Decimal::from_int(self.trades)));
    }
}

/// A number below `count`, 0 the likeliest: each octave (0, 1-2, 3-6, …) has the same share, as Zipf's law has it.
///
/// In whole numbers, so that a seed means the same on every machine.
fn octave(count: usize, random: &mut Rng) -> usize {
    let octaves = usize::BITS - count.leading_zeros();
    let first = (1usize << random.u32(..octaves)) - 1;
    random.usize(first..count.min(2 * first + 1))
}

#[cfg(test)]
mod tests {
    use super::super::checks::{self, View};
    use super::*;

    const SEED: u64 = 1;

    #[test]
    fn the_first_pass_sets_all_fields_and_bid_stays_below_ask() {
        for symbols in [1, 2, 3, 50] {
            checks::rows_are_whole_and_sane(MarketModel::new(symbols, SEED), symbols, 200_000);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_updates_and_another_seed_others() {
        checks::follows_its_seed(|seed| MarketModel::new(20, seed));
    }

    #[test]
    fn busy_instruments_are_far_busier_than_quiet_ones_and_none_is_silent() {
        let counts = checks::counts(MarketModel::new(100, SEED), 100, 200_000);
        assert!(counts[0] > 20 * counts[99], "{counts:?}");
        assert!(counts.iter().all(|c| *c > 50), "{counts:?}");
    }

    #[test]
    fn trades_are_at_bid_or_ask_and_the_day_figures_follow_them() {
        let mut model = MarketModel::new(10, SEED);
        let mut view = View::new(10);
        let (mut trades, mut statistics) = (0, 0);
        for _ in 0..50_000 {
            let (at, fields) = model.next_update();
            let before = view.rows[at];
            view.apply((at, fields));
            let row = |field: Field| view.rows[at][field.index()].expect("a whole row");
            if fields.is_trade() && fields.get(Field::Volume).is_none() {
                trades += 1;
                let at = if row(Field::LastSide) == Decimal::from_int(Side::Buy as i64) {
                    Field::AskPrice
                } else {
                    Field::BidPrice
                };
                assert_eq!(row(Field::LastPrice), row(at));
            } else if fields.get(Field::Volume).is_some() {
                statistics += 1;
                assert!(before[Field::Volume.index()].is_none_or(|v| v < row(Field::Volume)));
                assert!(row(Field::Low) <= row(Field::Open) && row(Field::Open) <= row(Field::High));
                assert!(row(Field::Low) <= row(Field::LastPrice) && row(Field::LastPrice) <= row(Field::High));
            }
        }
        assert!(
            trades > 10_000 && statistics > 1000,
            "{trades} trades, {statistics} statistics"
        );
    }
}
