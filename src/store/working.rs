//! Newest values of one instrument in the writer, without versions.

use super::{Change, InstrumentImage, Listing};
use crate::market::{Decimals, FIELDS, FieldSet, InstrumentId, Scale, Symbol, TickerState};

/// Newest values of one instrument, and what the open beat has changed of them.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) newest: InstrumentImage,
    /// Where its venue's counts are.
    pub(super) venue: usize,
    /// What the open beat changed.
    pub(super) open: Open,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    pub(super) is_dirty: bool,
    pub(super) fields: FieldSet,
    pub(super) is_announced: bool,
    pub(super) has_state: bool,
    pub(super) updates: u32,
}

impl Working {
    pub(super) fn new(symbol: Symbol, venue: usize) -> Working {
        Working {
            newest: InstrumentImage {
                listing: Listing {
                    symbol,
                    decimals: Decimals::default(),
                },
                present: FieldSet::EMPTY,
                values: [0; FIELDS],
                state: (TickerState::Live, None),
                is_removed: false,
                update_count: 0,
                ts_event: None,
                ts_trade: None,
            },
            venue,
            open: Open {
                is_announced: true,
                ..Open::default()
            },
        }
    }

    /// Becomes what the image is; false where it is so already.
    ///
    /// A value that does not fit at the larger of the two precisions is left out, as any misfit.
    pub(super) fn restore(&mut self, image: &InstrumentImage) -> bool {
        let mut restored = InstrumentImage {
            listing: self.newest.listing.clone(),
            present: FieldSet::EMPTY,
            values: [0; FIELDS],
            ..image.clone()
        };
        let decimals = &mut restored.listing.decimals;
        for scale in [Scale::Price, Scale::Size, Scale::Volume] {
            decimals.set(scale, decimals.of(scale).max(image.listing.decimals.of(scale)));
        }
        for field in image.present.iter() {
            let scale = field.scale();
            let more = decimals.of(scale) - image.listing.decimals.of(scale);
            let factor = 10i64.checked_pow(u32::from(more));
            let value = factor.and_then(|factor| image.values[field.index()].checked_mul(factor));
            if let Some(value) = value {
                restored.present.insert(field);
                restored.values[field.index()] = value;
            }
        }
        let is_other = restored != self.newest;
        self.newest = restored;
        is_other
    }

    pub(super) fn seal(&mut self, id: InstrumentId, values: &mut Vec<i64>) -> Change {
        let open = std::mem::take(&mut self.open);
        // The first change of an id always announces it, even if it was taken away in the same beat.
        let is_announced = open.is_announced;
        let set = if is_announced {
            self.newest.present
        } else {
            open.fields.intersection(self.newest.present)
        };
        let cleared = if is_announced || self.newest.is_removed {
            FieldSet::EMPTY
        } else {
            open.fields.difference(set)
        };
        let values_at = values.len();
        values.extend(set.iter().map(|f| self.newest.values[f.index()]));
        Change {
            id,
            listing: is_announced.then(|| self.newest.listing.clone()),
            is_removed: self.newest.is_removed,
            set,
            cleared,
            values_at,
            state: (is_announced || open.has_state).then_some(self.newest.state),
            updates: open.updates,
            update_count: self.newest.update_count,
            ts_event: self.newest.ts_event.filter(|_| open.updates > 0 || is_announced),
            ts_trade: self.newest.ts_trade,
        }
    }
}
