//! Numbers of a timeline.

use std::fmt;

use crate::market::Ts;

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
