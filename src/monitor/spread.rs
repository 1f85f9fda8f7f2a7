//! How often a span of time was measured, by its length: added to without waiting, and read as a whole.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Parts of each doubling: a span is known within a sixteenth.
const PARTS: usize = 16;
/// Bits of a span that name its part.
const PART_BITS: u32 = PARTS.trailing_zeros();
/// Below 16 ns each nanosecond has its own; each of the other 60 doublings of a `u64` has its parts.
const SLOTS: usize = PARTS + 60 * PARTS;

/// Spans measured since the start, 8 KB for each sign. Below zero is a clock that was ahead of ours.
#[derive(Debug)]
pub struct Spread {
    ahead: Box<[AtomicU64]>,
    behind: Box<[AtomicU64]>,
}

/// A [`Spread`] at one moment, or what was added between two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans {
    ahead: Vec<u64>,
    behind: Vec<u64>,
}

impl Default for Spread {
    fn default() -> Spread {
        let slots = || (0..SLOTS).map(|_| AtomicU64::new(0)).collect();
        Spread {
            ahead: slots(),
            behind: slots(),
        }
    }
}

impl Spread {
    /// Adds a span in nanoseconds: one addition.
    pub fn add(&self, ns: i64) {
        let side = if ns < 0 { &self.ahead } else { &self.behind };
        side[slot(ns.unsigned_abs())].fetch_add(1, Relaxed);
    }

    /// All of them so far.
    pub fn read(&self) -> Spans {
        let read = |side: &[AtomicU64]| side.iter().map(|slot| slot.load(Relaxed)).collect();
        Spans {
            ahead: read(&self.ahead),
            behind: read(&self.behind),
        }
    }
}

impl Spans {
    /// What came after `before`, which was read earlier, or never: then it is empty.
    #[must_use]
    pub fn since(&self, before: &Spans) -> Spans {
        let less = |now: &[u64], before: &[u64]| {
            let before = before.iter().copied().chain(std::iter::repeat(0));
            now.iter()
                .zip(before)
                .map(|(now, before)| now.saturating_sub(before))
                .collect()
        };
        Spans {
            ahead: less(&self.ahead, &before.ahead),
            behind: less(&self.behind, &before.behind),
        }
    }

    /// Puts others with these.
    pub fn add(&mut self, others: &Spans) {
        let add = |sum: &mut Vec<u64>, others: &[u64]| {
            sum.resize(sum.len().max(others.len()), 0);
            sum.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
        };
        add(&mut self.ahead, &others.ahead);
        add(&mut self.behind, &others.behind);
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.ahead.iter().chain(&self.behind).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The span in nanoseconds that so many percent do not exceed; `None` where there is none.
    pub fn percentile(&self, percent: u64) -> Option<i64> {
        let rank = (self.len() * percent).div_ceil(100).max(1);
        let mut before = 0;
        // The largest of those below zero come first.
        let ahead = self.ahead.iter().enumerate().rev();
        let ahead = ahead.map(|(at, count)| (-middle(at), count));
        let behind = self.behind.iter().enumerate();
        let behind = behind.map(|(at, count)| (middle(at), count));
        ahead.chain(behind).find_map(|(ns, count)| {
            before += count;
            (before >= rank).then_some(ns)
        })
    }
}

fn slot(ns: u64) -> usize {
    match ns.checked_ilog2().and_then(|bits| bits.checked_sub(PART_BITS)) {
        None => ns as usize,
        // Its highest bit says the doubling, the next four the part.
        Some(shift) => (shift as usize + 1) * PARTS + ((ns >> shift) as usize - PARTS),
    }
}

/// The middle of what a slot counts.
fn middle(slot: usize) -> i64 {
    let (doubling, part) = (slot / PARTS, slot % PARTS);
    let Some(shift) = doubling.checked_sub(1) else {
        return part as i64;
    };
    let (least, width) = (((PARTS + part) as u64) << shift, 1u64 << shift);
    i64::try_from(least + width / 2).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spans(all: &[i64]) -> Spans {
        let spread = Spread::default();
        all.iter().for_each(|ns| spread.add(*ns));
        spread.read()
    }

    #[test]
    fn where_nothing_was_measured_there_is_no_percentile() {
        assert_eq!(spans(&[]).percentile(50), None);
        assert_eq!(Spans::default().percentile(99), None);
        let some = spans(&[5]);
        assert!(some.since(&some).is_empty());
    }

    #[test]
    fn spans_below_zero_stay_below_zero() {
        let spans = spans(&[-3, -1, 0, 7, i64::MIN, i64::MAX]);
        assert_eq!(spans.percentile(50), Some(-1));
        assert_eq!(spans.percentile(66), Some(0));
        assert!(spans.percentile(1).is_some_and(|ns| ns < -9_000_000_000_000_000_000));
        assert!(spans.percentile(100).is_some_and(|ns| ns > 8_900_000_000_000_000_000));
    }

    #[test]
    fn what_came_since_is_neither_more_nor_less() {
        let spread = Spread::default();
        spread.add(100);
        let before = spread.read();
        spread.add(-4);
        assert_eq!(spread.read().since(&before), spans(&[-4]));
        assert_eq!(before.since(&Spans::default()), before);
    }

    proptest! {
        #[test]
        fn each_percentile_is_within_a_sixteenth_of_the_sorted_list(
            mut all in prop::collection::vec(-100_000_000_000i64..100_000_000_000, 1..50), percent in 1u64..=100,
        ) {
            let got = spans(&all).percentile(percent).expect("some");
            all.sort_unstable();
            let rank = (all.len() as u64 * percent).div_ceil(100) as usize;
            let want = all[rank - 1];
            prop_assert!(got.abs_diff(want) <= want.unsigned_abs() / 16, "{got} for {want}");
        }
    }
}
