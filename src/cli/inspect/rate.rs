//! How many updates there were when: bursts, silence, and the rate over the whole time.

use serde::Serialize;

use crate::market::Ts;

/// Columns of the rate over the whole time.
pub(super) const COLUMNS: usize = 60;

/// Parts of the time that are counted: 64 KB, and the columns are right to a 68th.
const BUCKETS_MAX: usize = 8_192;

/// Length of such a part at the beginning; doubled whenever the time has more of them.
const BUCKET_NS: u64 = 1_000;

/// The most updates within one span of the time, of all spans of this length one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Burst {
    span_ns: i64,
    span: i64,
    updates: u64,
    most: u64,
    most_span: i64,
}

/// When that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Most {
    pub(super) updates: u64,
    pub(super) from: Ts,
}

impl Burst {
    pub(super) fn new(span_ns: i64) -> Burst {
        Burst {
            span_ns,
            span: i64::MIN,
            updates: 0,
            most: 0,
            most_span: 0,
        }
    }

    fn take(&mut self, ts: Ts) {
        let span = ts.0.div_euclid(self.span_ns);
        if span != self.span {
            (self.span, self.updates) = (span, 0);
        }
        self.updates += 1;
        if self.updates > self.most {
            (self.most, self.most_span) = (self.updates, span);
        }
    }

    pub(super) fn most(&self) -> Option<Most> {
        (self.most > 0).then(|| Most {
            updates: self.most,
            from: Ts(self.most_span.saturating_mul(self.span_ns)),
        })
    }
}

/// The longest time between two updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Silence {
    pub(super) from: Ts,
    pub(super) ns: u64,
}

/// The times of all updates. One that steps back counts as the newest before it, as in a replay.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    pub(super) beat: Burst,
    pub(super) second: Burst,
    pub(super) silence: Option<Silence>,
    newest: Option<Ts>,
    buckets: Buckets,
}

impl Rate {
    pub(super) fn new() -> Rate {
        Rate {
            beat: Burst::new(10_000_000),
            second: Burst::new(1_000_000_000),
            silence: None,
            newest: None,
            buckets: Buckets::default(),
        }
    }

    pub(super) fn take(&mut self, ts: Ts) {
        let before = self.newest.unwrap_or(ts);
        let ts = ts.max(before);
        let silence = Silence {
            from: before,
            ns: ts.0.abs_diff(before.0),
        };
        if self.newest.replace(ts).is_some() && self.silence.is_none_or(|longest| longest.ns < silence.ns) {
            self.silence = Some(silence);
        }
        self.beat.take(ts);
        self.second.take(ts);
        self.buckets.take(ts);
    }

    /// Updates in each of [`COLUMNS`] equal parts of the time from `first` to `last`.
    pub(super) fn columns(&self, first: Ts, last: Ts) -> Columns {
        let span = last.0.abs_diff(first.0).max(1);
        let mut counts = [0.0; COLUMNS];
        let column_ns = span as f64 / COLUMNS as f64;
        // Below zero only where the clock was set back right after the first record.
        let since = |begin: Ts| i128::from(begin.0) - i128::from(first.0);
        let offset = self.buckets.first.map_or(0, since).max(0) as f64;
        for (at, count) in self.buckets.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let bucket_ns = self.buckets.bucket_ns as f64;
            let from = offset + at as f64 * bucket_ns;
            // Nothing was counted behind the end of the time.
            let to = (from + bucket_ns).min(span as f64).max(from + 1.0);
            let column = |ns: f64| ((ns / column_ns) as usize).min(COLUMNS - 1);
            let (head, tail) = (column(from), column(to));
            for (at, share) in counts.iter_mut().enumerate().take(tail + 1).skip(head) {
                let begin = from.max(at as f64 * column_ns);
                let is_last = at == COLUMNS - 1;
                let end = if is_last {
                    to
                } else {
                    to.min((at + 1) as f64 * column_ns)
                };
                *share += *count as f64 * (end - begin).max(0.0) / (to - from);
            }
        }
        // Rounded as sums, so that all together are all.
        let (mut sum, mut told) = (0.0, 0);
        let updates = counts.map(|count| {
            sum += count;
            let before = std::mem::replace(&mut told, f64::round(sum) as u64);
            told - before
        });
        Columns {
            updates: updates.to_vec(),
            column_ns: span.div_ceil(COLUMNS as u64),
        }
    }
}

/// The rate over the whole time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Columns {
    pub(super) updates: Vec<u64>,
    pub(super) column_ns: u64,
}

impl Columns {
    /// As one line: the tallest is the fastest, and a space is nothing at all.
    pub(super) fn sparkline(&self) -> String {
        const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.updates.iter().copied().max().unwrap_or(0);
        let step = |updates: &u64| match updates {
            0 => ' ',
            _ => STEPS[(u128::from(*updates) * STEPS.len() as u128).div_ceil(u128::from(most)) as usize - 1],
        };
        self.updates.iter().map(step).collect()
    }

    /// The fastest column's rate.
    pub(super) fn most_per_second(&self) -> f64 {
        let most = self.updates.iter().copied().max().unwrap_or(0);
        most as f64 * 1e9 / self.column_ns as f64
    }
}

/// Counts in parts of the time, whose length grows with it.
#[derive(Clone, Debug)]
struct Buckets {
    first: Option<Ts>,
    bucket_ns: u64,
    counts: Vec<u64>,
}

impl Default for Buckets {
    fn default() -> Buckets {
        Buckets {
            first: None,
            bucket_ns: BUCKET_NS,
            counts: Vec::new(),
        }
    }
}

impl Buckets {
    /// Takes times that never step back.
    fn take(&mut self, ts: Ts) {
        let since = ts.0.abs_diff(self.first.get_or_insert(ts).0);
        while since / self.bucket_ns >= BUCKETS_MAX as u64 {
            self.counts = self.counts.chunks(2).map(|pair| pair.iter().sum()).collect();
            self.bucket_ns *= 2;
        }
        let at = (since / self.bucket_ns) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    fn rate(times: &[i64]) -> Rate {
        let mut rate = Rate::new();
        times.iter().for_each(|ns| rate.take(Ts(*ns)));
        rate
    }

    #[test]
    fn bursts_and_silence_are_found_with_their_times() {
        let ms = SECOND / 1_000;
        let times = [3, 4, 5, 11, 12, 13, 14, 500, 3_000, 3_900].map(|n| SECOND + n * ms);
        let rate = rate(&times);
        let most = |updates, ns| Some(Most { updates, from: Ts(ns) });
        assert_eq!(rate.beat.most(), most(4, SECOND + 10 * ms));
        assert_eq!(rate.second.most(), most(8, SECOND));
        let silence = rate.silence.expect("ten updates");
        assert_eq!((silence.from, silence.ns), (Ts(times[7]), 2_500_000_000));
    }

    #[test]
    fn a_time_that_steps_back_is_no_silence_and_no_new_span() {
        let rate = rate(&[SECOND, 2 * SECOND, SECOND, 2 * SECOND + 1]);
        assert_eq!(rate.second.most().map(|most| most.updates), Some(3));
        assert_eq!(rate.silence.map(|silence| silence.ns), Some(1_000_000_000));
    }

    #[test]
    fn nothing_is_no_burst_and_one_is_no_silence() {
        assert_eq!((rate(&[]).beat.most(), rate(&[]).silence), (None, None));
        let one = rate(&[5]);
        assert_eq!((one.beat.most().map(|most| most.updates), one.silence), (Some(1), None));
        assert_eq!(one.columns(Ts(5), Ts(5)).updates.iter().sum::<u64>(), 1);
        assert_eq!(rate(&[]).columns(Ts(0), Ts(0)).sparkline(), " ".repeat(COLUMNS));
    }

    #[test]
    fn the_line_is_tall_where_it_is_fast_and_empty_where_nothing_is() {
        let mut times: Vec<i64> = (0..6_000).map(|n| n * SECOND / 100).collect();
        times.extend((0..3_000).map(|n| 90 * SECOND + n * SECOND / 100));
        times.extend((0..3_000).map(|n| 90 * SECOND + n * SECOND / 100));
        times.sort_unstable();
        let columns = rate(&times).columns(Ts(0), Ts(120 * SECOND));
        let line: Vec<char> = columns.sparkline().chars().collect();
        assert_eq!(line.len(), COLUMNS);
        assert!(line[1..29].iter().all(|c| *c == '▄' || *c == '▅'), "{line:?}");
        assert!(line[31..44].iter().all(|c| *c == ' '), "{line:?}");
        assert!(line[46..59].iter().all(|c| *c == '█' || *c == '▇'), "{line:?}");
        assert!(
            (columns.most_per_second() - 200.0).abs() < 5.0,
            "{}",
            columns.most_per_second()
        );
    }

    #[test]
    fn a_stamp_of_nonsense_only_makes_the_parts_long() {
        let rate = rate(&[0, 1, i64::MAX]);
        assert!(rate.buckets.counts.len() <= BUCKETS_MAX);
        let columns = rate.columns(Ts(0), Ts(i64::MAX));
        assert_eq!((columns.updates[0], columns.updates[COLUMNS - 1]), (2, 1));
        let mut wide = Rate::new();
        wide.take(Ts(i64::MIN));
        wide.take(Ts(i64::MAX));
        assert_eq!(wide.silence.map(|silence| silence.ns), Some(u64::MAX));
        assert_eq!(wide.columns(Ts(i64::MIN), Ts(i64::MAX)).updates.iter().sum::<u64>(), 2);
    }

    proptest! {
        #[test]
        fn no_update_is_lost_in_the_columns(mut times in prop::collection::vec(0i64..100 * SECOND, 1..200)) {
            times.sort_unstable();
            let (first, last) = (Ts(times[0]), Ts(times[times.len() - 1]));
            let columns = rate(&times).columns(first, last);
            prop_assert_eq!(columns.updates.iter().sum::<u64>(), times.len() as u64);
        }
    }
}
