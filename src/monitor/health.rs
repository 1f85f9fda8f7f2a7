//! Whether the service does its job right now, for `/readyz` and `/v1/status`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// A beat this late is no longer on time: ten periods, far above what a busy machine's scheduler takes.
const LATE_US: u64 = 100_000;

/// Figures of the beat, written by the engine and read by whoever asks.
#[derive(Debug)]
pub struct Health {
    started: Instant,
    /// Microseconds from the start to the end of the last beat, by the monotonic clock.
    last_us: AtomicU64,
    beat_us: AtomicU64,
    late: AtomicU64,
    held: AtomicU64,
}

impl Default for Health {
    fn default() -> Health {
        let zero = || AtomicU64::new(0);
        Health {
            started: Instant::now(),
            last_us: zero(),
            beat_us: zero(),
            late: zero(),
            held: zero(),
        }
    }
}

impl Health {
    /// Notes a beat: how long it took, how many the timer left out and how many were held.
    pub fn beat(&self, now: Instant, took_us: u64, late: u64, held: u64) {
        self.last_us.store(self.us_at(now), Relaxed);
        self.beat_us.store(took_us, Relaxed);
        self.late.store(late, Relaxed);
        self.held.store(held, Relaxed);
    }

    /// Whether the last beat is recent.
    pub fn is_on_time(&self, now: Instant) -> bool {
        self.us_at(now).saturating_sub(self.last_us.load(Relaxed)) < LATE_US
    }

    /// Microseconds that the last beat took in the engine.
    pub fn beat_us(&self) -> u64 {
        self.beat_us.load(Relaxed)
    }

    /// Beats that the timer left out since the start.
    pub fn late(&self) -> u64 {
        self.late.load(Relaxed)
    }

    /// Beats not sealed since the start for lack of room downstream.
    pub fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }

    fn us_at(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.started).as_micros() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_beat_is_on_time_for_ten_periods() {
        let health = Health::default();
        let now = health.started + Duration::from_secs(5);
        assert!(!health.is_on_time(now));
        health.beat(now, 300, 1, 2);
        assert!(health.is_on_time(now + Duration::from_millis(99)));
        assert!(!health.is_on_time(now + Duration::from_millis(100)));
        assert_eq!((health.beat_us(), health.late(), health.held()), (300, 1, 2));
    }
}
