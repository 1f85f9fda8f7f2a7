//! A timing wheel: who is to be looked at in which beat. Costs nothing for those who are not due.

use super::bounds::WHEEL_SLOTS;

/// Positions of subscribers by the beat of their next visit.
#[derive(Debug)]
pub(super) struct Wheel {
    slots: Vec<Vec<u32>>,
    /// The beat up to which all were visited.
    now: u64,
}

impl Wheel {
    pub(super) fn new() -> Wheel {
        Wheel {
            slots: vec![Vec::new(); WHEEL_SLOTS],
            now: 0,
        }
    }

    /// Plans a visit; one too far away comes early, one in the past at the next beat.
    /// Says which beat it will be.
    pub(super) fn plan(&mut self, at: u64, who: u32) -> u64 {
        let at = at.clamp(self.now + 1, self.now + WHEEL_SLOTS as u64 - 1);
        self.slots[at as usize % WHEEL_SLOTS].push(who);
        at
    }

    /// Takes everyone due up to and including this beat, at most one turn of the wheel.
    pub(super) fn due(&mut self, beat: u64, out: &mut Vec<u32>) {
        let from = self.now.max(beat.saturating_sub(WHEEL_SLOTS as u64)) + 1;
        for at in from..=beat {
            out.append(&mut self.slots[at as usize % WHEEL_SLOTS]);
        }
        self.now = self.now.max(beat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_visited_once_in_its_beat_and_a_late_turn_visits_all() {
        let mut wheel = Wheel::new();
        let mut due = Vec::new();
        for (at, who) in [(3, 1), (5, 2), (0, 3), (10_000, 4)] {
            wheel.plan(at, who);
        }
        for (beat, want) in [
            (1, vec![3]),
            (2, vec![]),
            (4, vec![1]),
            (5, vec![2]),
            (300, vec![4]),
            (900, vec![]),
        ] {
            wheel.due(beat, &mut due);
            assert_eq!(std::mem::take(&mut due), want, "{beat}");
        }
    }
}
