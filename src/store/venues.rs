//! States of the venues in the writer.

use super::{REASON_BYTES_MAX, VENUES_MAX, VenueRow};
use crate::market::{Ts, VenueName, VenueState};

/// The venues in the order in which they were first heard of, and which of them the open beat has changed.
#[derive(Debug, Default)]
pub(super) struct Venues {
    rows: Vec<VenueRow>,
    dirty: Vec<usize>,
}

impl Venues {
    pub(super) fn rows(&self) -> &[VenueRow] {
        &self.rows
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Takes a venue's state; false where it is one too many.
    #[must_use]
    pub(super) fn set(&mut self, name: &VenueName, state: VenueState, reason: &str, now: Ts) -> bool {
        let reason = shortened(reason);
        let row = VenueRow {
            name: name.clone(),
            state,
            since: now,
            reason: reason.to_owned(),
        };
        match self.rows.iter().position(|v| v.name == *name) {
            Some(at) => {
                let old = &mut self.rows[at];
                if old.state == state && old.reason == reason {
                    return true;
                }
                let since = if old.state == state { old.since } else { now };
                *old = VenueRow { since, ..row };
                self.dirty.push(at);
            }
            None if self.rows.len() < VENUES_MAX => {
                self.dirty.push(self.rows.len());
                self.rows.push(row);
            }
            None => return false,
        }
        true
    }

    /// Makes a venue what it is in an image; false where it is one too many.
    #[must_use]
    pub(super) fn restore(&mut self, image: &VenueRow) -> bool {
        let row = VenueRow {
            reason: shortened(&image.reason).to_owned(),
            ..image.clone()
        };
        match self.rows.iter().position(|venue| venue.name == row.name) {
            Some(at) if self.rows[at] == row => {}
            // Also where only the time differs: it may have been in another state meanwhile.
            Some(at) => {
                self.rows[at] = row;
                self.dirty.push(at);
            }
            None => return self.set(&row.name, row.state, &row.reason, row.since),
        }
        true
    }

    /// What the open beat has changed, and begins the next.
    pub(super) fn seal(&mut self) -> Vec<VenueRow> {
        self.dirty.sort_unstable();
        self.dirty.dedup();
        self.dirty.drain(..).map(|at| self.rows[at].clone()).collect()
    }

    /// Nothing of what the open beat has changed is told.
    pub(super) fn settle(&mut self) {
        self.dirty.clear();
    }
}

/// A reason cut, between two characters, to what a message holds.
fn shortened(reason: &str) -> &str {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}
