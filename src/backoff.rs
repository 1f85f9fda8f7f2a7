//! How long to wait before trying again: exponential with full jitter.
//!
//! Full jitter (a uniform draw between zero and the bound) spreads a crowd best; see Brooker,
//! "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Pure: the caller draws and sleeps.

use std::time::Duration;

/// First bound, as the venues' own clients use.
const FIRST: Duration = Duration::from_millis(250);
/// The bound stops growing here.
const CAP: Duration = Duration::from_secs(30);

/// Attempts since things last went well.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// Starts with the smallest bound.
    pub fn new() -> Backoff {
        Backoff::default()
    }

    /// The bound of the next wait: 250 ms, doubled each time, at most 30 s.
    pub fn bound(&self) -> Duration {
        FIRST
            .saturating_mul(1u32.checked_shl(self.attempts).unwrap_or(u32::MAX))
            .min(CAP)
    }

    /// Whether no wait was taken since things last went well.
    pub fn is_fresh(&self) -> bool {
        self.attempts == 0
    }

    /// Takes the next wait, uniform in 0 to the bound; the bound then doubles.
    pub fn next(&mut self, random: &mut fastrand::Rng) -> Duration {
        let bound = self.bound();
        self.attempts = self.attempts.saturating_add(1);
        bound.mul_f64(random.f64())
    }

    /// Starts over; to be called after some seconds of good data, not after a mere connect.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_cap_stay_under_their_bound_and_start_over() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut backoff = Backoff::new();
        for attempt in 0..40u32 {
            let bound = Duration::from_millis(250 << attempt.min(7)).min(CAP);
            assert_eq!(backoff.bound(), bound);
            assert!(backoff.next(&mut random) <= bound);
        }
        assert_eq!(backoff.bound(), CAP);
        assert!(!backoff.is_fresh());
        backoff.reset();
        assert!(backoff.is_fresh());
        assert_eq!(backoff.bound(), FIRST);
    }
}
