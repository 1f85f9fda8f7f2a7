//! What came in the last seconds: how old it was, and how many bytes. Pure; `now` is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::age::{LOOKED_AT_MOST, lag_us};
use crate::client::{Changed, View};

/// Figures are over so many seconds.
const SECONDS: usize = 5;

/// Ages kept of one second.
const AGES_MOST: usize = 2_000;

/// The last seconds.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    /// In microseconds, the second that runs last.
    ages: VecDeque<Vec<i64>>,
    /// Bytes so far when a second began.
    bytes: VecDeque<(Instant, u64)>,
    /// As shown: p50 and p99.
    pub(super) lag_us: Option<(i64, i64)>,
    /// As shown.
    pub(super) bytes_per_s: Option<f64>,
}

impl Traffic {
    /// Takes how old newest values were when the server sent them.
    pub(super) fn take(&mut self, view: &View, changed: &Changed) {
        let Some(ages) = self.ages.back_mut() else { return };
        let every = changed.symbols.len() / LOOKED_AT_MOST + 1;
        let tickers = changed
            .symbols
            .iter()
            .step_by(every)
            .filter_map(|symbol| view.get(symbol.as_str()));
        let left = AGES_MOST.saturating_sub(ages.len());
        ages.extend(tickers.filter_map(lag_us).take(left));
    }

    /// Makes the figures anew where a second has passed.
    pub(super) fn second(&mut self, received_bytes: u64, now: Instant) {
        let is_early = |(at, _): &(Instant, u64)| now.saturating_duration_since(*at) < Duration::from_secs(1);
        if self.bytes.back().is_some_and(is_early) {
            return;
        }
        let mut all: Vec<i64> = self.ages.iter().flatten().copied().collect();
        all.sort_unstable();
        let rank = |of: usize| all.get((all.len() * of).div_ceil(100).saturating_sub(1)).copied();
        self.lag_us = rank(50).zip(rank(99));
        self.bytes_per_s = self.bytes.front().map(|(at, before)| {
            let seconds = now.saturating_duration_since(*at).as_secs_f64();
            received_bytes.saturating_sub(*before) as f64 / seconds
        });
        self.ages.push_back(Vec::new());
        self.bytes.push_back((now, received_bytes));
        if self.ages.len() > SECONDS {
            self.ages.pop_front();
            self.bytes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::watch::tests::told;

    #[test]
    fn figures_are_of_the_last_seconds_and_made_once_a_second() {
        let start = Instant::now();
        // The second venue is 1 ms ahead; the third says nothing, nor what was recorded.
        let (view, changed) = told(&[(1, Some(3_000)), (2, Some(-1_000)), (3, None)]);
        let (recorded, of_it) = told(&[(1, Some(400 * 86_400_000_000))]);
        let s = Duration::from_secs;
        let mut traffic = Traffic::default();
        traffic.second(1_000, start);
        assert_eq!((traffic.lag_us, traffic.bytes_per_s), (None, None));
        traffic.take(&view, &changed);
        traffic.take(&recorded, &of_it);
        traffic.second(9_000, start + s(1) / 2);
        assert_eq!(traffic.bytes_per_s, None);
        traffic.second(5_000, start + s(2));
        assert_eq!(
            (traffic.lag_us, traffic.bytes_per_s),
            (Some((-1_000, 3_000)), Some(2_000.0))
        );
        for second in 3..9 {
            traffic.second(5_000, start + s(second));
        }
        assert_eq!((traffic.lag_us, traffic.bytes_per_s), (None, Some(0.0)));
    }
}
