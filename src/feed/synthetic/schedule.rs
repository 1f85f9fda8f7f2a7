//! How many updates are due by now. Pure: the caller has the clock.

use std::time::{Duration, Instant};

/// What was missed beyond this is never made up for: a burst of it would only make the next beat late too.
const CATCH_UP: Duration = Duration::from_secs(1);

/// Updates at a fixed rate, counted from the start so that nothing drifts.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    rate: u64,
    started: Instant,
    taken: u64,
}

impl Schedule {
    /// `rate` updates a second; at 0 nothing is ever due.
    pub(super) fn new(rate: u64, started: Instant) -> Schedule {
        Schedule {
            rate,
            started,
            taken: 0,
        }
    }

    /// Takes all that are due, at most a second's worth.
    pub(super) fn take_due(&mut self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started);
        let planned = elapsed.as_nanos() * u128::from(self.rate) / 1_000_000_000;
        let planned = u64::try_from(planned).unwrap_or(u64::MAX);
        let most = self.rate.saturating_mul(CATCH_UP.as_secs());
        let due = planned.saturating_sub(self.taken).min(most);
        self.taken = self.taken.max(planned);
        due
    }

    /// How long after `now` the next one is due.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let ns = (u128::from(self.taken) + 1) * 1_000_000_000;
        let ns = ns.checked_div(u128::from(self.rate)).unwrap_or(u128::MAX);
        let at = Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX));
        at.saturating_sub(now.saturating_duration_since(self.started))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_block_is_made_up_for_by_one_second_only() {
        let start = Instant::now();
        let mut schedule = Schedule::new(1000, start);
        assert_eq!(schedule.take_due(start + Duration::from_millis(10)), 10);
        assert_eq!(schedule.take_due(start + Duration::from_secs(60)), 1000);
        assert_eq!(schedule.take_due(start + Duration::from_millis(60_001)), 1);
    }

    #[test]
    fn a_slow_rate_waits_for_its_next_update() {
        let start = Instant::now();
        let mut schedule = Schedule::new(2, start);
        assert_eq!(schedule.take_due(start), 0);
        assert_eq!(schedule.wait(start), Duration::from_millis(500));
        assert_eq!(schedule.take_due(start + Duration::from_millis(500)), 1);
    }

    proptest! {
        #[test]
        fn any_looks_within_a_second_take_exactly_the_rate(steps in prop::collection::vec(0u64..900_000_000, 1..50), rate in 1u64..10_000_000) {
            let start = Instant::now();
            let mut schedule = Schedule::new(rate, start);
            let (mut at, mut taken) = (0u64, 0u64);
            for step in steps {
                at += step;
                taken += schedule.take_due(start + Duration::from_nanos(at));
            }
            prop_assert_eq!(u128::from(taken), u128::from(at) * u128::from(rate) / 1_000_000_000);
        }
    }
}
