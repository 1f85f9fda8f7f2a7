//! When a subscriber's deltas fall due.

use super::SubscriberId;
use super::bounds::PHASES;

/// How often a subscriber wants deltas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pace {
    /// Beats between two deltas; 1 is every beat.
    pub(super) beats: u64,
    /// At which of them.
    pub(super) phase: u64,
}

impl Pace {
    /// A subscriber's pace, in a phase that says nothing of its shard: numbers are dealt to shards in turn.
    pub(super) fn new(beats: u64, id: SubscriberId) -> Pace {
        let phases = PHASES.min(beats).max(1);
        // Fibonacci hashing: the upper bits of neighbouring numbers differ.
        let mixed = id.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        Pace {
            beats,
            phase: mixed % phases * beats / phases,
        }
    }

    /// Whether it is of fewer beats than all.
    pub(super) fn is_longer(self) -> bool {
        self.beats > 1
    }

    /// Whether a delta may go out in this beat.
    pub(super) fn is_due(self, beat: u64) -> bool {
        self.beats <= 1 || beat % self.beats == self.phase
    }

    /// Whether one of the beats after `last` up to `beat` was one of these: for beats left out.
    pub(super) fn fell_due(self, last: u64, beat: u64) -> bool {
        self.beats <= 1
            || (last + 1..=beat)
                .rev()
                .take(self.beats as usize)
                .any(|b| self.is_due(b))
    }
}
