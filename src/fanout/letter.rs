//! A frame on its way: of a group, to a subscriber, for a socket.

use std::ops::Range;
use std::os::fd::RawFd;

use crate::market::InstrumentId;
use crate::store::Seq;

/// One of a group's frames.
pub(super) struct Part {
    /// Where it stands among those on their way.
    pub(super) frame: Range<usize>,
    /// The last instrument up to here.
    pub(super) after: InstrumentId,
    /// Venues up to here.
    pub(super) venues: usize,
    /// Instruments in it.
    pub(super) entries: u32,
}

/// One subscriber's frame.
pub(super) struct Letter {
    pub(super) slot: u32,
    pub(super) frame: Range<usize>,
    pub(super) seq: Seq,
    /// Instruments in it.
    pub(super) entries: u32,
    /// Beats that it stands for.
    pub(super) beats: u32,
}

/// A frame for a socket.
pub(super) struct Send {
    /// The subscriber's slot.
    pub(super) number: u32,
    pub(super) socket: RawFd,
    pub(super) frame: Range<usize>,
}
