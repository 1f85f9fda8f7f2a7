//! What happened to events, counted.

use super::VENUES_MAX;

/// What happened to events, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Source updates taken.
    pub updates: u64,
    /// Of these, such as changed something.
    pub changed: u64,
    /// Values that did not fit and cleared their field.
    pub misfits: u64,
    /// Events refused because the store was full.
    pub refused: u64,
}

/// Updates of one venue's instruments, counted since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueCounts {
    /// Which venue; `*` for all beyond [`VENUES_MAX`].
    pub venue: Box<str>,
    /// Source updates taken.
    pub updates: u64,
    /// Of these, such as changed something.
    pub changed: u64,
    /// Of these, such as found their instrument changed already in the open beat.
    pub conflated: u64,
}

/// The counts of each venue that has had an instrument; an instrument knows its venue's place, so an update is counted
/// without looking for it.
#[derive(Debug, Default)]
pub(super) struct ByVenue(Vec<VenueCounts>);

impl ByVenue {
    pub(super) fn counts(&self) -> &[VenueCounts] {
        &self.0
    }

    /// The place of a venue, a new one if it has none. Places stay.
    pub(super) fn place(&mut self, venue: &str) -> usize {
        let known = self.0.iter().rposition(|counts| &*counts.venue == venue);
        known.unwrap_or_else(|| {
            let venue = match self.0.len() {
                ..VENUES_MAX => venue,
                VENUES_MAX => "*",
                _ => return VENUES_MAX,
            };
            self.0.push(VenueCounts {
                venue: venue.into(),
                updates: 0,
                changed: 0,
                conflated: 0,
            });
            self.0.len() - 1
        })
    }

    /// Counts an update of the venue at this place; `is_second` where one of the open beat has changed the same instrument.
    pub(super) fn took(&mut self, place: usize, has_changed: bool, is_second: bool) {
        if let Some(counts) = self.0.get_mut(place) {
            counts.updates += 1;
            counts.changed += u64::from(has_changed);
            counts.conflated += u64::from(has_changed && is_second);
        }
    }
}
