//! When a recorded moment is due in a replay. Pure: the caller has the clock and does the waiting.

use std::time::{Duration, Instant};

use crate::market::Ts;

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times the original pace; above 0.
    Times(f64),
    /// Without waiting.
    Max,
}

/// The schedule of one pass over a recording.
///
/// Every moment is counted from the start, so late records do not make the later ones late: no drift. Times that step
/// back in the recording count as the newest before them.
#[derive(Clone, Debug)]
pub struct Pace {
    speed: Speed,
    started: Instant,
    first: Option<Ts>,
    newest: Ts,
}

impl Pace {
    /// Starts a pass: the first record is due at `started`.
    pub fn new(speed: Speed, started: Instant) -> Pace {
        Pace {
            speed,
            started,
            first: None,
            newest: Ts(i64::MIN),
        }
    }

    /// How long after `now` the record of time `ts` is due; zero where it is due already.
    pub fn wait(&mut self, ts: Ts, now: Instant) -> Duration {
        let first = *self.first.get_or_insert(ts);
        self.newest = self.newest.max(ts);
        let Speed::Times(speed) = self.speed else {
            return Duration::ZERO;
        };
        // A float is exact enough for a pace: an hour at nanoseconds has 42 bits.
        let recorded_ns = self.newest.0.saturating_sub(first.0) as f64;
        // Too long for a `Duration` only with a nonsense stamp: it is then never due.
        let offset = Duration::try_from_secs_f64(recorded_ns / speed / 1e9).unwrap_or(Duration::MAX);
        offset.saturating_sub(now.saturating_duration_since(self.started))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn records_are_due_at_the_original_distances_over_the_speed() {
        let start = Instant::now();
        for (speed, ms, want) in [(1.0, 100, 100), (10.0, 100, 10), (0.5, 100, 200), (1000.0, 0, 0)] {
            let mut pace = Pace::new(Speed::Times(speed), start);
            assert_eq!(pace.wait(Ts(7 * MS), start), Duration::ZERO);
            assert_eq!(
                pace.wait(Ts((7 + ms) * MS), start),
                Duration::from_millis(want),
                "{speed}"
            );
        }
    }

    #[test]
    fn a_late_record_does_not_make_the_next_one_late() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), start);
        pace.wait(Ts(0), start);
        let late = start + Duration::from_millis(150);
        assert_eq!(pace.wait(Ts(100 * MS), late), Duration::ZERO);
        assert_eq!(pace.wait(Ts(200 * MS), late), Duration::from_millis(50));
    }

    #[test]
    fn a_time_that_steps_back_counts_as_the_newest_before_it() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), start);
        pace.wait(Ts(0), start);
        pace.wait(Ts(100 * MS), start);
        assert_eq!(pace.wait(Ts(-500 * MS), start), Duration::from_millis(100));
    }

    #[test]
    fn at_full_speed_everything_is_due() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Max, start);
        assert_eq!(pace.wait(Ts(0), start), Duration::ZERO);
        assert_eq!(pace.wait(Ts(i64::MAX), start), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn waits_never_fall_and_no_stamp_breaks_them(stamps in prop::collection::vec(any::<i64>(), 1..50), speed in 0.1f64..1000.0) {
            let start = Instant::now();
            let mut pace = Pace::new(Speed::Times(speed), start);
            let mut before = Duration::ZERO;
            for ts in stamps {
                let wait = pace.wait(Ts(ts), start);
                prop_assert!(wait >= before);
                before = wait;
            }
        }
    }
}
