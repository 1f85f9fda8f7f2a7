//! How long it took from one clock's stamp to another's. The first clock may be ahead: then it is below zero, and shown so.

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::market::Ts;

/// Any number of lags, within 0.1 %, in 450 KB at most for each sign.
#[derive(Debug)]
pub(super) struct Lag {
    /// Sizes of those below zero.
    ahead: Histogram<u64>,
    behind: Histogram<u64>,
    min: i64,
    max: i64,
}

/// Their distribution, in ns; least and most are exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LagReport {
    pub(super) count: u64,
    pub(super) min: i64,
    pub(super) p50: i64,
    pub(super) p90: i64,
    pub(super) p99: i64,
    pub(super) p999: i64,
    pub(super) max: i64,
}

impl Lag {
    pub(super) fn new() -> Lag {
        let histogram = || Histogram::new(3).expect("three digits are allowed");
        Lag {
            ahead: histogram(),
            behind: histogram(),
            min: i64::MAX,
            max: i64::MIN,
        }
    }

    pub(super) fn take(&mut self, ts_event: Ts, ts_recv: Ts) {
        self.take_ns(ts_recv.0.saturating_sub(ts_event.0));
    }

    pub(super) fn take_ns(&mut self, lag: i64) {
        (self.min, self.max) = (self.min.min(lag), self.max.max(lag));
        let side = if lag < 0 { &mut self.ahead } else { &mut self.behind };
        // It grows to any size by itself.
        let _ = side.record(lag.unsigned_abs());
    }

    /// Takes those of another one too.
    pub(super) fn add(&mut self, other: &Lag) {
        // Both grow to any size by themselves.
        let _ = self.ahead.add(&other.ahead);
        let _ = self.behind.add(&other.behind);
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }

    /// How many are below zero.
    pub(super) fn negative(&self) -> u64 {
        self.ahead.len()
    }

    /// `None` where there is none.
    pub(super) fn report(&self) -> Option<LagReport> {
        let count = self.ahead.len() + self.behind.len();
        (count > 0).then(|| LagReport {
            count,
            min: self.min,
            p50: self.at(count.div_ceil(2)),
            p90: self.at((count * 9).div_ceil(10)),
            p99: self.at((count * 99).div_ceil(100)),
            p999: self.at((count * 999).div_ceil(1000)),
            max: self.max,
        })
    }

    /// The lag of this rank, from 1 on.
    fn at(&self, rank: u64) -> i64 {
        let ahead = self.ahead.len();
        let lag = match rank.checked_sub(ahead) {
            // The largest of those below zero come first.
            None | Some(0) => -value(&self.ahead, ahead - rank + 1),
            Some(rank) => value(&self.behind, rank),
        };
        lag.clamp(self.min, self.max)
    }
}

fn value(histogram: &Histogram<u64>, rank: u64) -> i64 {
    let mut before = 0;
    let mut steps = histogram.iter_recorded();
    let found = steps.find(|step| {
        before += step.count_since_last_iteration();
        before >= rank
    });
    found.map_or(0, |step| i64::try_from(step.value_iterated_to()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lag(lags: &[i64]) -> Lag {
        let mut all = Lag::new();
        lags.iter().for_each(|lag| all.take(Ts(0), Ts(*lag)));
        all
    }

    #[test]
    fn without_stamps_there_is_no_distribution() {
        assert_eq!(lag(&[]).report(), None);
    }

    #[test]
    fn clocks_that_are_ahead_and_stamps_of_nonsense_are_shown_as_they_are() {
        let report = lag(&[-5_000_000, -1, 0, 7]).report().expect("four lags");
        assert_eq!((report.min, report.p50, report.max), (-5_000_000, -1, 7));
        let mut all = Lag::new();
        all.take(Ts(i64::MIN), Ts(i64::MAX));
        all.take(Ts(i64::MAX), Ts(i64::MIN));
        let report = all.report().expect("two lags");
        assert_eq!((report.min, report.max), (i64::MIN, i64::MAX));
    }

    #[test]
    fn two_distributions_added_are_that_of_all() {
        let mut all = lag(&[-3, 5]);
        all.add(&lag(&[-9, 4_000]));
        all.add(&Lag::new());
        assert_eq!(all.report(), lag(&[-3, 5, -9, 4_000]).report());
        assert_eq!(all.negative(), 2);
    }

    proptest! {
        // Each rank walks over the whole histogram.
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn each_rank_is_within_a_thousandth_of_the_sorted_list(mut lags in prop::collection::vec(-10_000_000_000i64..10_000_000_000, 1..40)) {
            let all = lag(&lags);
            lags.sort_unstable();
            for (at, want) in lags.iter().enumerate() {
                let got = all.at(at as u64 + 1);
                prop_assert!(got.abs_diff(*want) <= want.unsigned_abs() / 1_000, "{got} for {want}");
            }
            let report = all.report().expect("some");
            prop_assert_eq!((report.min, report.max), (lags[0], lags[lags.len() - 1]));
            prop_assert!(report.p50 <= report.p90 && report.p90 <= report.p99 && report.p99 <= report.p999);
        }
    }
}
