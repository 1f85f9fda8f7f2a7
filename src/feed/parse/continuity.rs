//! What a venue's own numbering says: next, stale or a gap. Shared by all venues.

/// What a venue's own numbering says about the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// It follows, or it is the first.
    Next,
    /// It is older than, or the same as, what came before.
    Stale,
    /// Messages between are missing.
    Gap {
        /// The number that would have followed.
        expected: u64,
        /// The number that came.
        got: u64,
    },
}

/// Numbers that follow each other without a hole, such as trade ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contiguous {
    last: Option<u64>,
}

impl Contiguous {
    /// Takes the message that covers the numbers `first` to `last`; it counts as seen unless it is stale.
    ///
    /// One that overlaps what was seen and brings more is next: values are absolute, nothing is lost by it.
    pub fn check(&mut self, first: u64, last: u64) -> Continuity {
        let seen = match self.last.replace(last) {
            None => return Continuity::Next,
            Some(seen) => seen,
        };
        if last <= seen {
            self.last = Some(seen);
            return Continuity::Stale;
        }
        let expected = seen.saturating_add(1);
        if first > expected {
            return Continuity::Gap { expected, got: first };
        }
        Continuity::Next
    }
}

/// Numbers that only grow: they give the order, a loss cannot be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growing {
    last: Option<u64>,
}

impl Growing {
    /// Whether `number` is above all before it: [`Continuity::Next`] or [`Continuity::Stale`].
    pub fn check(&mut self, number: u64) -> Continuity {
        match self.last {
            Some(seen) if number <= seen => Continuity::Stale,
            _ => self.take(number),
        }
    }

    /// The same for stamps, which may come twice.
    pub fn check_or_same(&mut self, number: u64) -> Continuity {
        match self.last {
            Some(seen) if number < seen => Continuity::Stale,
            _ => self.take(number),
        }
    }

    fn take(&mut self, number: u64) -> Continuity {
        self.last = Some(number);
        Continuity::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gap_is_seen_once_and_names_both_ends() {
        let mut ids = Contiguous::default();
        let gap = Continuity::Gap { expected: 8, got: 10 };
        for (id, want) in [
            (7, Continuity::Next),
            (7, Continuity::Stale),
            (6, Continuity::Stale),
            (10, gap),
            (9, Continuity::Stale),
            (11, Continuity::Next),
        ] {
            assert_eq!(ids.check(id, id), want, "{id}");
        }
    }

    #[test]
    fn ranges_join_end_to_start_and_an_overlap_loses_nothing() {
        let mut ids = Contiguous::default();
        for (first, last, want) in [
            (1, 5, Continuity::Next),
            (6, 9, Continuity::Next),
            (8, 12, Continuity::Next),
            (10, 12, Continuity::Stale),
            (14, 20, Continuity::Gap { expected: 13, got: 14 }),
        ] {
            assert_eq!(ids.check(first, last), want, "{first}..{last}");
        }
    }

    #[test]
    fn growing_numbers_may_skip_but_not_repeat_unless_they_are_stamps() {
        let mut numbers = Growing::default();
        let mut stamps = Growing::default();
        for (number, strict, same) in [
            (5, Continuity::Next, Continuity::Next),
            (5, Continuity::Stale, Continuity::Next),
            (9, Continuity::Next, Continuity::Next),
            (8, Continuity::Stale, Continuity::Stale),
        ] {
            assert_eq!(
                (numbers.check(number), stamps.check_or_same(number)),
                (strict, same),
                "{number}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_in_order_and_gaps_are_the_holes(ids in prop::collection::vec(0u64..40, 1..60)) {
            let mut check = Contiguous::default();
            let mut seen: Option<u64> = None;
            for id in ids {
                let want = match seen {
                    Some(s) if id <= s => Continuity::Stale,
                    Some(s) if id > s + 1 => Continuity::Gap { expected: s + 1, got: id },
                    _ => Continuity::Next,
                };
                prop_assert_eq!(check.check(id, id), want);
                seen = Some(seen.map_or(id, |s| s.max(id)));
            }
        }
    }
}
