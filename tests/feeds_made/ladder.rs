//! A book around the market's best bid and ask, with made-up levels below them.

use std::collections::BTreeMap;

use fastrand::Rng;
use tickwire::market::Field;

use super::market::Row;
use super::text::{PRICE, SIZE};

/// Levels that each side has at least, and at most where the venue cuts it.
const LEVELS: usize = 10;
/// Ticks from one new level to the next, at most.
const STEP_TICKS_MAX: i64 = 3;
/// Largest new size: 20.00000.
const SIZE_MAX: i64 = 2_000_000;
/// One change of the best levels in so many is followed by one below them.
const DEEP_ONE_IN: u32 = 4;

/// Price and size, in the market's units; size 0 says that the level is gone.
pub(super) type Level = (i64, i64);

/// Levels of both sides.
#[derive(Default)]
pub(super) struct Sides {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

pub(super) struct Ladder {
    bids: Half,
    asks: Half,
    tick: i64,
    /// Whether the venue forgets, and does not tell of, what lies deeper.
    is_cut: bool,
    random: Rng,
}

impl Ladder {
    /// A book without levels.
    pub(super) fn new(is_cut: bool, seed: u64) -> Ladder {
        Ladder {
            bids: Half::new(-1),
            asks: Half::new(1),
            tick: 0,
            is_cut,
            random: Rng::with_seed(seed),
        }
    }

    /// Takes the best levels of a row; returns what changed.
    pub(super) fn take(&mut self, row: &Row) -> Sides {
        let bid = (row.units(Field::BidPrice, PRICE), row.units(Field::BidSize, SIZE));
        let ask = (row.units(Field::AskPrice, PRICE), row.units(Field::AskSize, SIZE));
        if self.tick == 0 {
            let fits = |tick: &i64| bid.0 % tick == 0 && ask.0 % tick == 0;
            self.tick = [100, 10, 1].into_iter().find(fits).expect("one fits all");
        }
        Sides {
            bids: self.bids.take(bid, self.tick, self.is_cut, &mut self.random),
            asks: self.asks.take(ask, self.tick, self.is_cut, &mut self.random),
        }
    }

    /// Now and then, a level below the best gets another size.
    pub(super) fn deep(&mut self) -> Option<Sides> {
        if self.random.u32(..DEEP_ONE_IN) > 0 {
            return None;
        }
        let mut sides = Sides::default();
        if self.random.bool() {
            sides.bids.push(self.bids.deep(&mut self.random)?);
        } else {
            sides.asks.push(self.asks.deep(&mut self.random)?);
        }
        Some(sides)
    }

    /// All levels, best first.
    pub(super) fn whole(&self) -> Sides {
        Sides {
            bids: self.bids.best_first().collect(),
            asks: self.asks.best_first().collect(),
        }
    }
}

/// One side.
struct Half {
    /// A price times this is a rank, and the lowest rank is the best.
    sign: i64,
    /// Sizes by rank.
    sizes: BTreeMap<i64, i64>,
}

impl Half {
    fn new(sign: i64) -> Half {
        Half {
            sign,
            sizes: BTreeMap::new(),
        }
    }

    fn take(&mut self, (price, size): Level, tick: i64, is_cut: bool, random: &mut Rng) -> Vec<Level> {
        let best = self.sign * price;
        let kept = self.sizes.split_off(&best);
        let gone = std::mem::replace(&mut self.sizes, kept).into_keys();
        let mut changes: Vec<Level> = gone.map(|rank| (self.sign * rank, 0)).collect();
        if self.sizes.insert(best, size) != Some(size) {
            changes.push((price, size));
        }
        self.fill(tick, random, &mut changes);
        while is_cut && self.sizes.len() > LEVELS {
            self.sizes.pop_last();
        }
        changes
    }

    /// Adds levels at the far end where there are too few.
    fn fill(&mut self, tick: i64, random: &mut Rng, changes: &mut Vec<Level>) {
        while let Some((worst, _)) = self.sizes.last_key_value()
            && self.sizes.len() < LEVELS
        {
            let rank = worst + tick * random.i64(1..=STEP_TICKS_MAX);
            let level = (self.sign * rank, random.i64(1..=SIZE_MAX));
            if level.0 <= 0 {
                break;
            }
            self.sizes.insert(rank, level.1);
            changes.push(level);
        }
    }

    fn deep(&mut self, random: &mut Rng) -> Option<Level> {
        let at = random.usize(1..LEVELS);
        let (rank, size) = self.sizes.iter_mut().nth(at)?;
        *size = random.i64(1..=SIZE_MAX);
        Some((self.sign * rank, *size))
    }

    fn best_first(&self) -> impl Iterator<Item = Level> {
        self.sizes.iter().map(|(rank, size)| (self.sign * rank, *size))
    }
}
