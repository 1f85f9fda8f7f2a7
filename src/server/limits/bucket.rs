//! A token bucket, kept as the one moment at which it is full again (the generic cell rate algorithm, ITU-T I.371).

use std::time::Duration;

use tokio::time::Instant;

/// So many tokens a second, and so many at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    token: Duration,
    burst: u32,
    full_at: Instant,
}

impl Bucket {
    /// A full one; `rate` tokens a second, at least one, and `burst` at once.
    pub(super) fn new(rate: u32, burst: u32, now: Instant) -> Bucket {
        Bucket {
            token: Duration::from_secs(1) / rate.max(1),
            burst,
            full_at: now,
        }
    }

    /// Takes tokens, if so many are there. Whoever wants more than the bucket holds needs a full one.
    pub(super) fn take(&mut self, tokens: u32, now: Instant) -> bool {
        let after = self.full_at.max(now) + self.token * tokens.min(self.burst);
        let is_there = after - now <= self.token * self.burst;
        if is_there {
            self.full_at = after;
        }
        is_there
    }

    /// Whether it has these measures.
    pub(super) fn is_of(&self, rate: u32, burst: u32) -> bool {
        (self.token, self.burst) == (Duration::from_secs(1) / rate.max(1), burst)
    }

    /// Whether nothing is missing.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_is_there_at_once_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        assert!((0..5).all(|_| bucket.take(1, start)));
        assert!(!bucket.take(1, start), "empty");
        assert!(!bucket.take(1, start + Duration::from_millis(99)));
        assert!(bucket.take(1, start + Duration::from_millis(100)));
        assert!(!bucket.is_full(start + Duration::from_millis(599)));
        assert!(bucket.is_full(start + Duration::from_millis(600)));
    }

    #[test]
    fn more_than_a_bucket_holds_needs_a_full_one() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 5, start);
        assert!(bucket.take(1_000_000, start));
        assert!(!bucket.take(1_000_000, start + Duration::from_millis(499)));
        assert!(bucket.take(1_000_000, start + Duration::from_millis(500)));
    }

    proptest! {
        /// In no span are more tokens given than the burst and the rate's share of it.
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            rate in 1..1_000u32,
            burst in 1..100u32,
            asks in prop::collection::vec((0..200_000u64, 1..20u32), 1..100),
        ) {
            let start = Instant::now();
            let mut bucket = Bucket::new(rate, burst, start);
            let (mut now, mut given) = (start, Vec::new());
            for (pause, tokens) in asks {
                now += Duration::from_micros(pause);
                let tokens = tokens.min(burst);
                if bucket.take(tokens, now) {
                    given.push((now, tokens));
                }
            }
            for first in 0..given.len() {
                let mut sum = 0u64;
                for (at, tokens) in &given[first..] {
                    sum += u64::from(*tokens);
                    let span = (*at - given[first].0).as_secs_f64();
                    // A token of a rate that does not divide a second is shorter by less than a nanosecond.
                    let most = f64::from(burst) + span * f64::from(rate) * (1.0 + 1e-6) + 1e-6;
                    prop_assert!(sum as f64 <= most, "{sum} in {span} s of {rate}/s and {burst}");
                }
            }
        }
    }
}
