//! The beats of a recording's clock: they end at multiples of 10 ms of its time.

use crate::market::Ts;

/// Nanoseconds of a beat of the tape's clock.
pub(super) const BEAT_NS: i64 = 10_000_000;

/// The end of the beat that a time belongs to.
pub(super) fn beat_of(ts: Ts) -> Ts {
    Ts(ts.0.saturating_add(BEAT_NS - 1).div_euclid(BEAT_NS) * BEAT_NS)
}

/// The newest beat that has ended at a time.
pub(super) fn beat_before(ts: Ts) -> Ts {
    Ts(ts.0.div_euclid(BEAT_NS) * BEAT_NS)
}

/// The beat behind the one of a time.
pub(super) fn beat_after(ts: Ts) -> Ts {
    Ts(beat_of(ts).0.saturating_add(BEAT_NS))
}
