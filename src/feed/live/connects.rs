//! How often a venue may be connected to: no outage of any kind makes a storm of attempts. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::Rules;

const MINUTE: Duration = Duration::from_secs(60);

/// The attempts of all connections to one venue.
#[derive(Debug)]
pub(super) struct Connects {
    spacing: Duration,
    per_minute: usize,
    /// The newest attempts, at most `per_minute`.
    taken: VecDeque<Duration>,
    /// Until when the venue asked to be left alone.
    held: Duration,
}

impl Connects {
    pub(super) fn new(rules: &Rules) -> Connects {
        Connects {
            spacing: rules.connect_spacing,
            per_minute: rules.connects_per_minute.max(1) as usize,
            taken: VecDeque::new(),
            held: Duration::ZERO,
        }
    }

    /// Leaves the venue alone until then; what it says to one connection holds for all.
    pub(super) fn hold(&mut self, until: Duration) {
        self.held = self.held.max(until);
    }

    /// Takes the next moment that is allowed, not before `at`.
    pub(super) fn take(&mut self, at: Duration) -> Duration {
        let at = at.max(self.held);
        let spaced = self.taken.back().map_or(at, |last| at.max(*last + self.spacing));
        let is_full = self.taken.len() >= self.per_minute;
        let oldest = if is_full { self.taken.pop_front() } else { None };
        let allowed = oldest.map_or(spaced, |oldest| spaced.max(oldest + MINUTE));
        self.taken.push_back(allowed);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(spacing: Duration, connects_per_minute: u32) -> Rules {
        Rules {
            request_spacing: Duration::ZERO,
            connect_spacing: spacing,
            connects_per_minute,
            handover_after: None,
        }
    }

    #[test]
    fn attempts_keep_their_distance_and_their_number_in_a_minute() {
        let s = Duration::from_secs;
        let mut connects = Connects::new(&rules(s(4), 3));
        let taken: Vec<_> = [0, 0, 1, 20, 20, 200].map(|at| connects.take(s(at)).as_secs()).to_vec();
        assert_eq!(taken, [0, 4, 8, 60, 64, 200]);
        connects.hold(s(500));
        connects.hold(s(400));
        assert_eq!(connects.take(s(201)), s(500));
    }

    proptest! {
        #[test]
        fn no_minute_has_more_than_allowed(times in prop::collection::vec(0u64..500, 1..200), per_minute in 1u32..20, spacing in 0u64..8) {
            let mut connects = Connects::new(&rules(Duration::from_secs(spacing), per_minute));
            let mut now = Duration::ZERO;
            let mut taken = Vec::new();
            for at in times {
                now = now.max(Duration::from_secs(at));
                taken.push(connects.take(now));
            }
            for (n, at) in taken.iter().enumerate() {
                let within = taken[n..].iter().filter(|t| **t < *at + MINUTE).count();
                prop_assert!(within <= per_minute as usize);
                prop_assert!(n == 0 || *at >= taken[n - 1] + Duration::from_secs(spacing));
            }
        }
    }
}
