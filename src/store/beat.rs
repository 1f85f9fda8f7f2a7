//! What one beat changed, complete in itself: another machine could apply it.

use crate::market::{
    Decimals, Field, FieldSet, InstrumentId, StaleCause, Symbol, TickerState, Ts, VenueName, VenueState,
};

use super::Seq;

/// An instrument's announcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// `venue:NAME`
    pub symbol: Symbol,
    /// What its values are counted in.
    pub decimals: Decimals,
}

/// What a beat changed of one instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which instrument.
    pub id: InstrumentId,
    /// Present where it was listed, listed again or re-announced with more decimals; every field that
    /// has a value then stands in `set`.
    pub listing: Option<Listing>,
    /// The feed took it away; no field stands here then.
    pub is_removed: bool,
    /// Fields that changed and have a value.
    pub set: FieldSet,
    /// Fields that changed and have none now.
    pub cleared: FieldSet,
    /// Where its values begin in [`SealedBeat::values`], one for each field of `set`, in order.
    pub values_at: usize,
    /// The state, where it changed.
    pub state: Option<(TickerState, Option<StaleCause>)>,
    /// Source updates of this beat that changed something.
    pub updates: u32,
    /// The same since the epoch began.
    pub update_count: u64,
    /// The venue's stamp of the newest update in here, where `updates` is not 0 or all is told anew.
    pub ts_event: Option<Ts>,
    /// The venue's stamp of the last trade, in this beat or before.
    pub ts_trade: Option<Ts>,
}

/// A venue's state, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueRow {
    /// Which venue.
    pub name: VenueName,
    /// Its state.
    pub state: VenueState,
    /// Since when.
    pub since: Ts,
    /// In words.
    pub reason: String,
}

/// Everything that one beat changed, by ascending id. Immutable once sealed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SealedBeat {
    /// Its number.
    pub seq: Seq,
    /// Its time by the service's clock.
    pub ts: Ts,
    /// Changed instruments, ascending ids.
    pub changes: Vec<Change>,
    /// Values of all changes, side by side.
    pub values: Vec<i64>,
    /// Changed venues.
    pub venues: Vec<VenueRow>,
}

impl SealedBeat {
    /// The fields a change sets, with their values.
    pub fn values_of(&self, change: &Change) -> impl Iterator<Item = (Field, i64)> + '_ {
        change
            .set
            .iter()
            .zip(self.values.get(change.values_at..).unwrap_or_default().iter().copied())
    }
}
