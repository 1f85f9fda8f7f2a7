//! What of a delta in parts is still to be written.

use crate::market::InstrumentId;
use crate::store::{Seq, Table, VenueRow};

use super::group::Group;

/// A delta in parts of which some are still to be written. Values are taken when a part is assembled,
/// so a subscriber that stalls between two parts costs this struct and no bytes.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    pub(super) seq: Seq,
    pub(super) prev_seq: Seq,
    /// Updates up to here may have been counted when it began.
    pub(super) counted: Seq,
    pub(super) skipped: u32,
    /// Instruments up to here are done.
    pub(super) after: InstrumentId,
    /// Venues before this position are done.
    pub(super) venue_at: usize,
    /// A part went out: the others must follow.
    pub(super) is_begun: bool,
    /// Where the part that is being assembled began.
    mark: (InstrumentId, usize),
}

impl Rest {
    /// A delta of which nothing was sent.
    pub(super) fn new(seq: Seq, prev_seq: Seq, counted: Seq, skipped: u32) -> Rest {
        Rest {
            seq,
            prev_seq,
            counted,
            skipped,
            after: InstrumentId(0),
            venue_at: 0,
            is_begun: false,
            mark: (InstrumentId(0), 0),
        }
    }

    /// Leaves out all that would still come.
    pub(super) fn end_here(&mut self) {
        (self.after, self.venue_at) = (InstrumentId(u32::MAX), usize::MAX);
    }

    /// Whether that was done: the delta does not tell all up to its seq.
    pub(super) fn is_ended_here(&self) -> bool {
        self.after == InstrumentId(u32::MAX)
    }

    /// Goes on behind the first so many venues that it tells.
    pub(super) fn skip_venues(&mut self, table: &Table, group: &Group, count: usize) {
        let is_news =
            |(at, v): &(usize, &VenueRow)| table.is_venue_news(*at, self.prev_seq) && group.touches(v.name.as_str());
        let told = table.venues().enumerate().filter(is_news);
        self.venue_at = told.take(count).last().map_or(0, |(at, _)| at + 1);
    }

    /// Remembers where a part begins.
    pub(super) fn mark(&mut self) {
        self.mark = (self.after, self.venue_at);
    }

    /// The same after a part went out.
    pub(super) fn begun(self) -> Rest {
        Rest { is_begun: true, ..self }
    }

    /// The same before the part that was assembled last.
    pub(super) fn stepped_back(self) -> Rest {
        Rest {
            after: self.mark.0,
            venue_at: self.mark.1,
            ..self
        }
    }
}
