//! How often something happens, learned from what has happened.

use std::time::Duration;

/// So many before anything is expected.
const SAMPLES_MIN: u32 = 20;

/// A silence has to be so many times the usual one. Where things happen at random at an even rate, the usual silence as
/// measured here is twice the mean time between two, and one of 10 times that comes once in e^20, or 500 million.
const USUAL_TIMES: f64 = 10.0;

/// How long the past counts, in seconds: ten minutes see a quiet spell between two bursts.
const MEMORY_SECONDS: f64 = 600.0;

/// Learns the usual silence between two events.
///
/// It is the one that a moment picked at random falls into, the sum of the squares of the gaps by the sum of the gaps:
/// a burst of a hundred updates within a millisecond does not make a pause of some seconds suspicious, as a mean would.
#[derive(Clone, Debug, Default)]
pub(super) struct Rhythm {
    last: Option<Duration>,
    samples: u32,
    /// Seconds, and seconds squared; both fade.
    sum: f64,
    squares: f64,
}

impl Rhythm {
    /// Takes an event.
    pub(super) fn event(&mut self, now: Duration) {
        self.learn(now, Duration::MAX);
    }

    /// Takes an event after a silence that was suspicious: of that only twice the usual is learned, or the next one like
    /// it would not be noticed. A market that has become calm is still learned, in some steps.
    pub(super) fn event_after_silence(&mut self, now: Duration) {
        let most = self
            .allowed()
            .map_or(Duration::MAX, |allowed| allowed * 2 / USUAL_TIMES as u32);
        self.learn(now, most);
    }

    fn learn(&mut self, now: Duration, gap_max: Duration) {
        if let Some(last) = self.last {
            let gap = now.saturating_sub(last).min(gap_max).as_secs_f64();
            let kept = 1.0 / (1.0 + gap / MEMORY_SECONDS);
            self.sum = self.sum * kept + gap;
            self.squares = self.squares * kept + gap * gap;
        }
        self.samples = self.samples.saturating_add(1);
        self.last = Some(now);
    }

    /// Time of the last event.
    pub(super) fn last(&self) -> Option<Duration> {
        self.last
    }

    /// The silence that is still usual; `None` before enough is known.
    pub(super) fn allowed(&self) -> Option<Duration> {
        if self.samples < SAMPLES_MIN {
            return None;
        }
        let usual = if self.sum > 0.0 { self.squares / self.sum } else { 0.0 };
        Duration::try_from_secs_f64(usual * USUAL_TIMES).ok()
    }

    /// Forgets when the last event was: the time until the next one is not to be learned from.
    pub(super) fn pause(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(gaps_ms: impl Iterator<Item = u64>) -> Rhythm {
        let mut rhythm = Rhythm::default();
        let mut now = Duration::ZERO;
        for gap in gaps_ms {
            rhythm.event(now);
            now += Duration::from_millis(gap);
        }
        rhythm
    }

    #[test]
    fn nothing_is_expected_before_enough_was_seen() {
        assert_eq!(learned(std::iter::repeat_n(100, 19)).allowed(), None);
        assert!(learned(std::iter::repeat_n(100, 20)).allowed().is_some());
    }

    #[test]
    fn an_even_rate_allows_ten_of_its_gaps() {
        let allowed = learned(std::iter::repeat_n(100, 1000)).allowed().expect("known");
        assert!((0.99..1.01).contains(&allowed.as_secs_f64()), "{allowed:?}");
    }

    #[test]
    fn bursts_do_not_make_the_pauses_between_them_suspicious() {
        // A hundred updates 1 ms apart, then 5 s of nothing: the mean gap is 50 ms.
        let gaps = (0..2000).map(|n| if n % 100 == 99 { 5_000 } else { 1 });
        let allowed = learned(gaps).allowed().expect("known");
        assert!((45.0..50.0).contains(&allowed.as_secs_f64()), "{allowed:?}");
    }

    #[test]
    fn what_was_long_ago_fades_and_a_pause_is_not_learned_from() {
        let slow_then_fast = (0..200).map(|_| 60_000).chain((0..36_000).map(|_| 100));
        let allowed = learned(slow_then_fast).allowed().expect("known");
        assert!(allowed < Duration::from_secs(30), "{allowed:?}");
        let mut rhythm = learned(std::iter::repeat_n(100, 1000));
        let before = rhythm.allowed();
        rhythm.pause();
        rhythm.event(Duration::from_secs(100_000));
        assert_eq!(rhythm.allowed(), before);
    }
}
