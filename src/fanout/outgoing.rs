//! Frames that many subscribers are to get in one turn, gathered to be written together.

use std::io;
use std::ops::Range;
use std::os::fd::RawFd;

use crate::market::InstrumentId;
use crate::store::Seq;

use super::ring::Ring;

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

/// What is to be written, and the means.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) letters: Vec<Letter>,
    /// Frames side by side; those of one group may be in many letters.
    pub(super) frames: Vec<u8>,
    pub(super) ring: Option<Ring>,
    /// Kept for their memory.
    pub(super) sends: Vec<(RawFd, Range<usize>)>,
    pub(super) taken: Vec<io::Result<usize>>,
}
