//! When a step of the timeline is due. Pure: the caller has the clock and does the waiting.

use std::time::{Duration, Instant};

use crate::control::Speed;
use crate::market::Ts;

/// The schedule of a replay.
///
/// Every moment is counted from an anchor, so late steps do not make the later ones late: no drift. Times here are
/// nanoseconds of the recording since the replay began, less what of gaps is not waited for.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    speed: Speed,
    /// Where nothing is said, so much of the recording's time is waited for at most.
    max_gap: i64,
    /// When `anchored` was due; absent before the first step, and while it stands still.
    anchor: Option<Instant>,
    anchored: i64,
    /// Of the step that was asked about last, and of the newest that was played.
    next: i64,
    played: i64,
    /// Of what was said last, with the recording's own time of it.
    said: i64,
    said_at: Option<Ts>,
    /// The step that was asked about last says something, at this time of the recording.
    says: Option<Ts>,
}

impl Pace {
    /// The first step is due when it is asked about.
    pub(super) fn new(speed: Speed, max_gap: Option<Duration>) -> Pace {
        Pace {
            speed,
            max_gap: max_gap.map_or(i64::MAX, |gap| i64::try_from(gap.as_nanos()).unwrap_or(i64::MAX)),
            anchor: None,
            anchored: 0,
            next: 0,
            played: 0,
            said: 0,
            said_at: None,
            says: None,
        }
    }

    /// Goes on at another speed from where it is, in the middle of a gap too.
    pub(super) fn set_speed(&mut self, speed: Speed, now: Instant) {
        if self.anchor.is_some() {
            self.anchored = self.reached(now);
            self.anchor = Some(now);
        }
        self.speed = speed;
    }

    /// Stands still: what is due next comes as long after the next question as it would come from now.
    pub(super) fn stop(&mut self, now: Instant) {
        self.anchored = self.reached(now);
        self.anchor = None;
    }

    /// Begins elsewhere: the next step is due when it is asked about.
    pub(super) fn restart(&mut self) {
        (self.anchor, self.said_at, self.says) = (None, None, None);
        (self.anchored, self.next, self.played, self.said) = (0, 0, 0, 0);
    }

    /// Begins again: the step that was played last counts as the beginning, of this time.
    pub(super) fn follow(&mut self, start: Ts) {
        self.said = self.played;
        (self.said_at, self.says) = (Some(start), None);
    }

    /// When a step of time `ts` is due; with `says` it brings something, else it may be within a gap.
    pub(super) fn due(&mut self, ts: Ts, says: bool, now: Instant) -> Instant {
        self.ask(ts, says);
        if self.anchor.is_none() {
            self.anchored = self.reached(now);
        }
        let anchor = *self.anchor.get_or_insert(now);
        let Speed::Times(speed) = self.speed else {
            return anchor;
        };
        // A float is exact enough for a pace: an hour at nanoseconds has 42 bits.
        let offset = self.next.saturating_sub(self.anchored).max(0) as f64 / speed / 1e9;
        let offset = Duration::try_from_secs_f64(offset).unwrap_or(FAR);
        anchor + offset.min(FAR)
    }

    /// Asks about a step that waits for nothing.
    pub(super) fn ask(&mut self, ts: Ts, says: bool) {
        // Times that step back count as the newest before them.
        let before = self.said_at.unwrap_or(ts);
        let since = ts.0.saturating_sub(before.0).clamp(0, self.max_gap);
        self.next = self.said.saturating_add(since);
        self.says = says.then_some(before.max(ts));
        // The first step counts from itself.
        self.said_at.get_or_insert(ts);
    }

    /// The step that was asked about last was played.
    pub(super) fn played(&mut self) {
        self.played = self.next;
        if let Some(at) = self.says.take() {
            (self.said, self.said_at) = (self.next, Some(at));
        }
    }

    /// The recording's time now, before the step that was asked about last.
    pub(super) fn position(&self, now: Instant) -> Option<Ts> {
        let since = self.reached(now).saturating_sub(self.said);
        Some(Ts(self.said_at?.0.saturating_add(since.max(0))))
    }

    /// Between the step played last and the next one.
    fn reached(&self, now: Instant) -> i64 {
        let most = self.next.max(self.played);
        match (self.anchor, self.speed) {
            (None, _) => self.anchored.clamp(self.played, most),
            // Nothing is waited for.
            (Some(_), Speed::Max) => self.played,
            (Some(anchor), Speed::Times(speed)) => {
                let passed = now.saturating_duration_since(anchor).as_nanos() as f64 * speed;
                self.anchored.saturating_add(passed as i64).clamp(self.played, most)
            }
        }
    }
}

/// A century: later only with a nonsense stamp.
const FAR: Duration = Duration::from_secs(100 * 366 * 24 * 3_600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: i64 = 1_000_000;

    /// Plays a step when it is due; how long after the start that is.
    fn wait(pace: &mut Pace, start: Instant, ms: i64) -> Duration {
        let due = pace.due(Ts(ms.saturating_mul(MS)), true, start);
        pace.played();
        due.saturating_duration_since(start)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn steps_are_due_at_the_original_distances_over_the_speed() {
        let start = Instant::now();
        for (speed, after, want) in [(1.0, 100, 100), (10.0, 100, 10), (0.5, 100, 200), (1000.0, 0, 0)] {
            let mut pace = Pace::new(Speed::Times(speed), None);
            assert_eq!(wait(&mut pace, start, 7), Duration::ZERO);
            assert_eq!(wait(&mut pace, start, 7 + after), ms(want), "{speed}");
        }
        let mut pace = Pace::new(Speed::Max, None);
        assert_eq!(wait(&mut pace, start, 7), Duration::ZERO);
        assert_eq!(wait(&mut pace, start, i64::MAX), Duration::ZERO);
    }

    #[test]
    fn of_a_gap_only_so_much_is_waited_for_and_what_follows_keeps_its_distance() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), Some(ms(1_000)));
        wait(&mut pace, start, 0);
        // Empty beats within the gap.
        for (at, want) in [(500, 500), (1_500, 1_000), (3_600_000, 1_000)] {
            let due = pace.due(Ts(at * MS), false, start);
            assert_eq!(due.saturating_duration_since(start), ms(want));
            pace.played();
        }
        assert_eq!(wait(&mut pace, start, 3_600_000), ms(1_000));
        assert_eq!(wait(&mut pace, start, 3_600_100), ms(1_100));
    }

    #[test]
    fn another_speed_counts_from_where_it_is_in_the_middle_of_a_gap_too() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), None);
        wait(&mut pace, start, 0);
        let end = Ts(10_000 * MS);
        pace.due(end, true, start);
        pace.set_speed(Speed::Times(10.0), start + ms(5_000));
        assert_eq!(pace.position(start + ms(5_000)), Some(Ts(5_000 * MS)));
        assert_eq!(pace.due(end, true, start + ms(5_000)) - start, ms(5_500));
        pace.set_speed(Speed::Max, start + ms(5_100));
        assert!(pace.due(end, true, start + ms(5_100)) <= start + ms(5_100));
        pace.played();
        pace.set_speed(Speed::Times(1.0), start + ms(5_100));
        assert_eq!(wait(&mut pace, start, 10_400), ms(5_500));
        // Whoever is late does not rush after it.
        pace.due(Ts(10_500 * MS), true, start + ms(9_000));
        pace.set_speed(Speed::Times(2.0), start + ms(9_000));
        pace.played();
        assert_eq!(wait(&mut pace, start, 10_700), ms(9_100));
    }

    #[test]
    fn who_stands_still_goes_on_from_there_and_steps_meanwhile_count() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), None);
        wait(&mut pace, start, 0);
        let end = Ts(10_000 * MS);
        pace.due(end, true, start);
        pace.stop(start + ms(4_000));
        assert_eq!(pace.position(start + ms(60_000)), Some(Ts(4_000 * MS)));
        assert_eq!(pace.due(end, true, start + ms(60_000)) - start, ms(66_000));
        pace.stop(start + ms(60_500));
        for step in [5_000, 5_010] {
            pace.ask(Ts(step * MS), false);
            pace.played();
        }
        assert_eq!(pace.due(end, true, start + ms(80_000)) - start, ms(84_990));
    }

    #[test]
    fn the_next_pass_begins_without_drift() {
        let start = Instant::now();
        let mut pace = Pace::new(Speed::Times(1.0), None);
        for pass in 0..3 {
            // Each is asked about late.
            let now = start + ms(pass * 100 + 7);
            let due = [10, 100].map(|at| {
                let due = pace.due(Ts(at * MS), true, if pass == 0 { start } else { now });
                pace.played();
                due - start
            });
            assert_eq!(due, [ms(pass * 100), ms(pass * 100 + 90)]);
            pace.follow(Ts(0));
        }
    }

    proptest! {
        #[test]
        fn what_is_due_never_steps_back_and_no_stamp_breaks_it(
            stamps in prop::collection::vec(any::<i64>(), 1..50), speed in 0.1f64..1000.0,
        ) {
            let start = Instant::now();
            let mut pace = Pace::new(Speed::Times(speed), None);
            let mut before = start;
            for ts in stamps {
                let due = pace.due(Ts(ts), true, start);
                prop_assert!(due >= before);
                pace.played();
                before = due;
            }
        }
    }
}
