//! When a step of the timeline is due. Pure: the caller has the clock and does the waiting.

use std::time::{Duration, Instant};

use crate::control::Speed;
use crate::market::Ts;

/// The schedule of a replay.
///
/// Every moment is counted from an anchor, so late steps do not make the later ones late: no drift.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    speed: Speed,
    /// Where nothing is said, so much of the recording's time is waited for at most.
    max_gap: Option<Duration>,
    anchor: Instant,
    /// Nanoseconds of the recording's time, less what of gaps is not waited for: at the anchor, and when last said
    /// something.
    anchored: i64,
    said: i64,
    /// When something was said last.
    said_at: Option<Ts>,
}

impl Pace {
    /// The first step is due at `now`.
    pub(super) fn new(speed: Speed, max_gap: Option<Duration>, now: Instant) -> Pace {
        Pace {
            speed,
            max_gap,
            anchor: now,
            anchored: 0,
            said: 0,
            said_at: None,
        }
    }

    /// How fast it plays.
    pub(super) fn speed(&self) -> Speed {
        self.speed
    }

    /// Goes on from what was said last, at this speed, as if that had been due `now`.
    pub(super) fn anchor(&mut self, speed: Speed, now: Instant) {
        self.speed = speed;
        self.anchor = now;
        self.anchored = self.said;
    }

    /// Begins elsewhere: the next step is due at `now`.
    pub(super) fn restart(&mut self, now: Instant) {
        *self = Pace::new(self.speed, self.max_gap, now);
    }

    /// When a step of time `ts` is due; with `says` it brings something, else it may be within a gap.
    pub(super) fn due(&mut self, ts: Ts, says: bool) -> Instant {
        let before = *self.said_at.get_or_insert(ts);
        let most = self
            .max_gap
            .map_or(i64::MAX, |gap| i64::try_from(gap.as_nanos()).unwrap_or(i64::MAX));
        // Times that step back count as the newest before them.
        let since = ts.0.saturating_sub(before.0).clamp(0, most);
        let elapsed = self.said.saturating_add(since);
        if says {
            self.said = elapsed;
            self.said_at = Some(before.max(ts));
        }
        let Speed::Times(speed) = self.speed else {
            return self.anchor;
        };
        // A float is exact enough for a pace: an hour at nanoseconds has 42 bits.
        let offset = elapsed.saturating_sub(self.anchored).max(0) as f64 / speed / 1e9;
        let offset = Duration::try_from_secs_f64(offset).unwrap_or(FAR);
        self.anchor + offset.min(FAR)
    }
}

/// A century: later only with a nonsense stamp.
const FAR: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 1_000_000;

    fn wait(pace: &mut Pace, start: Instant, ms: i64) -> Duration {
        pace.due(Ts(ms * MS), true).saturating_duration_since(start)
    }

    #[test]
    fn steps_are_due_at_the_original_distances_over_the_speed() {
        let start = Instant::now();
        for (speed, ms, want) in [(1.0, 100, 100), (10.0, 100, 10), (0.5, 100, 200), (1000.0, 0, 0)] {
            let mut pace = Pace::new(Speed::Times(speed), None, start);
            assert_eq!(wait(&mut pace, start, 7), Duration::ZERO);
            assert_eq!(wait(&mut pace, start, 7 + ms), Duration::from_millis(want), "{speed}");
        }
        let mut pace = Pace::new(Speed::Max, None, start);
        assert_eq!(wait(&mut pace, start, 7), Duration::ZERO);
        assert_eq!(wait(&mut pace, start, i64::MAX / MS), Duration::ZERO);
    }

    #[test]
    fn of_a_gap_only_so_much_is_waited_for_and_what_follows_keeps_its_distance() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), Some(Duration::from_secs(1)), start);
        wait(&mut pace, start, 0);
        // Empty beats within the gap.
        for (ms, want) in [(500, 500), (1_500, 1_000), (3_600_000, 1_000)] {
            let due = pace.due(Ts(ms * MS), false);
            assert_eq!(due.saturating_duration_since(start), Duration::from_millis(want));
        }
        assert_eq!(wait(&mut pace, start, 3_600_000), Duration::from_millis(1_000));
        assert_eq!(wait(&mut pace, start, 3_600_100), Duration::from_millis(1_100));
    }

    #[test]
    fn another_speed_counts_from_where_it_was() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), None, start);
        wait(&mut pace, start, 0);
        wait(&mut pace, start, 100);
        pace.anchor(Speed::Times(10.0), start + Duration::from_millis(100));
        assert_eq!(wait(&mut pace, start, 200), Duration::from_millis(110));
        pace.anchor(Speed::Times(1.0), start + Duration::from_secs(5));
        assert_eq!(wait(&mut pace, start, 300), Duration::from_millis(5_100));
    }

    proptest! {
        #[test]
        fn what_is_due_never_steps_back_and_no_stamp_breaks_it(
            stamps in prop::collection::vec(any::<(i64, bool)>(), 1..50), speed in 0.1f64..1000.0,
        ) {
            let start = Instant::now();
            let mut pace = Pace::new(Speed::Times(speed), None, start);
            let mut before = start;
            for (ts, _) in stamps {
                let due = pace.due(Ts(ts), true);
                prop_assert!(due >= before);
                before = due;
            }
        }
    }
}
