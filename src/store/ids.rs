//! Numbers of a timeline.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::market::{Rights, Ts};

/// Number of a beat in which something changed. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl Seq {
    /// Before anything changed: asking for changes since here gives the snapshot.
    pub const ZERO: Seq = Seq(0);

    /// The one after.
    pub const fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One life of a timeline, 1 to 2^53 - 1, so that every number type of every client holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Takes a number, `None` outside 1 to 2^53 - 1.
    pub const fn new(number: u64) -> Option<Epoch> {
        if number == 0 || number >= 1 << 53 {
            None
        } else {
            Some(Epoch(number))
        }
    }

    /// Makes an epoch that no other start of a server has: the millisecond and eleven random bits.
    pub fn fresh(now: Ts, random: u16) -> Epoch {
        let ms = now.as_wire() / 1_000_000;
        Epoch(((ms << 11 | u64::from(random & 0x7ff)) & ((1 << 53) - 1)).max(1))
    }

    /// The timeline as read under rights: itself under all, else a number of the same range that follows from it and
    /// the patterns.
    ///
    /// Whoever comes back with other rights so names an epoch that is not its own, and is told whole.
    pub fn under(self, rights: &Rights) -> Epoch {
        let Some(patterns) = rights.patterns() else {
            return self;
        };
        let mut hash = Sha256::new();
        hash.update(self.0.to_be_bytes());
        for pattern in patterns {
            hash.update(pattern.as_str());
            // No pattern has a line end, so no two lists are hashed alike.
            hash.update(b"\n");
        }
        let folded = hash
            .finalize()
            .iter()
            .take(8)
            .fold(0, |n, byte| n << 8 | u64::from(*byte));
        Epoch((folded >> 11).max(1))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::SymbolPattern;

    fn rights(patterns: &[&str]) -> Rights {
        Rights::of(patterns.iter().map(|p| SymbolPattern::parse(p).expect(p)))
    }

    #[test]
    fn an_epoch_under_rights_is_another_one_for_each_epoch_and_each_set_of_patterns() {
        let epochs = [Epoch(1), Epoch(2), Epoch((1 << 53) - 1)];
        let sets = [&[][..], &["*"], &["a:*"], &["a:*", "b:*"], &["a:B", "a:C"], &["a:BC"]].map(rights);
        let mut seen = std::collections::HashSet::new();
        for epoch in epochs {
            assert_eq!(epoch.under(&Rights::all()), epoch);
            seen.insert(epoch);
            for rights in &sets {
                let under = epoch.under(rights);
                assert_eq!(Epoch::new(under.get()), Some(under), "in its range");
                seen.insert(under);
            }
        }
        assert_eq!(seen.len(), epochs.len() * (1 + sets.len()));
    }

    #[test]
    fn an_epoch_under_rights_is_the_same_on_every_server_and_in_any_order() {
        let under = Epoch(77).under(&rights(&["b:X", "a:*"]));
        assert_eq!(under, Epoch(77).under(&rights(&["a:*", "b:X", "b:X"])));
        // Pinned: a server of another version of the same timeline must say the same.
        assert_eq!(under.get(), 7_054_964_125_013_150);
    }
}
