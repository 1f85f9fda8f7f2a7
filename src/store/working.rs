//! Newest values of one instrument in the writer, without versions.

use super::{Change, InstrumentImage, Listing};
use crate::market::{Decimals, FIELDS, FieldSet, InstrumentId, Scale, StaleCause, Symbol, TickerState, Ts};

/// Newest values of one instrument, and what the open beat has changed of them.
#[derive(Debug)]
pub(super) struct Working {
    pub(super) listing: Listing,
    /// Where its venue's counts are.
    pub(super) venue: usize,
    pub(super) values: [i64; FIELDS],
    pub(super) present: FieldSet,
    pub(super) state: (TickerState, Option<StaleCause>),
    pub(super) is_removed: bool,
    pub(super) update_count: u64,
    pub(super) ts_event: Option<Ts>,
    pub(super) ts_trade: Option<Ts>,
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
            listing: Listing {
                symbol,
                decimals: Decimals::default(),
            },
            venue,
            values: [0; FIELDS],
            present: FieldSet::EMPTY,
            state: (TickerState::Live, None),
            is_removed: false,
            update_count: 0,
            ts_event: None,
            ts_trade: None,
            open: Open {
                is_announced: true,
                ..Open::default()
            },
        }
    }

    pub(super) fn image(&self) -> InstrumentImage {
        let mut values = [0; FIELDS];
        for field in self.present.iter() {
            values[field.index()] = self.values[field.index()];
        }
        InstrumentImage {
            listing: self.listing.clone(),
            present: self.present,
            values,
            state: self.state,
            is_removed: self.is_removed,
            update_count: self.update_count,
            ts_event: self.ts_event,
            ts_trade: self.ts_trade,
        }
    }

    /// Becomes what the image is; false where it is so already.
    ///
    /// A value that does not fit at the larger of the two precisions is left out, as any misfit.
    pub(super) fn restore(&mut self, image: &InstrumentImage) -> bool {
        let before = self.image();
        let (mut present, mut values) = (FieldSet::EMPTY, [0; FIELDS]);
        for scale in [Scale::Price, Scale::Size, Scale::Volume] {
            let decimals = self.listing.decimals.of(scale).max(image.listing.decimals.of(scale));
            self.listing.decimals.set(scale, decimals);
        }
        for field in image.present.iter() {
            let scale = field.scale();
            let more = self.listing.decimals.of(scale) - image.listing.decimals.of(scale);
            let factor = 10i64.checked_pow(u32::from(more));
            let value = factor.and_then(|factor| image.values[field.index()].checked_mul(factor));
            if let Some(value) = value {
                present.insert(field);
                values[field.index()] = value;
            }
        }
        (self.present, self.values) = (present, values);
        (self.state, self.is_removed) = (image.state, image.is_removed);
        self.update_count = image.update_count;
        (self.ts_event, self.ts_trade) = (image.ts_event, image.ts_trade);
        self.image() != before
    }

    pub(super) fn seal(&mut self, id: InstrumentId, values: &mut Vec<i64>) -> Change {
        let open = std::mem::take(&mut self.open);
        // The first change of an id always announces it, even if it was taken away in the same beat.
        let is_announced = open.is_announced;
        let set = if is_announced {
            self.present
        } else {
            open.fields.intersection(self.present)
        };
        let cleared = if is_announced || self.is_removed {
            FieldSet::EMPTY
        } else {
            open.fields.difference(set)
        };
        let values_at = values.len();
        values.extend(set.iter().map(|f| self.values[f.index()]));
        Change {
            id,
            listing: is_announced.then(|| self.listing.clone()),
            is_removed: self.is_removed,
            set,
            cleared,
            values_at,
            state: (is_announced || open.has_state).then_some(self.state),
            updates: open.updates,
            update_count: self.update_count,
            ts_event: self.ts_event.filter(|_| open.updates > 0 || is_announced),
            ts_trade: self.ts_trade,
        }
    }
}
