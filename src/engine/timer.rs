//! When beats are due. Pure: takes `now`.

use std::time::{Duration, Instant};

/// A schedule without drift: beat n is due at start + n × period, however long the ones before took.
#[derive(Debug)]
pub(super) struct Timer {
    start: Instant,
    period: Duration,
    /// The next beat's number.
    next: u64,
    left_out: u64,
}

impl Timer {
    pub(super) fn new(start: Instant, period: Duration) -> Timer {
        Timer {
            start,
            period,
            next: 1,
            left_out: 0,
        }
    }

    /// How long until the next beat.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        self.due(self.next).saturating_duration_since(now)
    }

    /// Begins the newest beat that is due and says its number; beats that were missed are left out.
    pub(super) fn tick(&mut self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.start).as_nanos() / self.period.as_nanos();
        let newest = u64::try_from(elapsed).unwrap_or(u64::MAX - 1).max(self.next);
        self.left_out += newest - self.next;
        self.next = newest + 1;
        newest
    }

    /// Beats left out so far.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    fn due(&self, number: u64) -> Instant {
        let nanos = self.period.as_nanos() as u64;
        self.start + Duration::from_nanos(nanos.saturating_mul(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn beats_keep_to_the_schedule_and_missed_ones_are_left_out_and_counted() {
        let start = Instant::now();
        let mut timer = Timer::new(start, 10 * MS);
        assert_eq!(timer.wait(start), 10 * MS);
        assert_eq!(timer.tick(start + 10 * MS), 1);
        assert_eq!(timer.wait(start + 13 * MS), 7 * MS);
        assert_eq!(timer.tick(start + 29 * MS), 2);
        assert_eq!(timer.wait(start + 29 * MS), MS);
        assert_eq!((timer.tick(start + 65 * MS), timer.left_out()), (6, 3));
        assert_eq!(timer.wait(start + 65 * MS), 5 * MS);
    }
}
