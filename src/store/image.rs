//! The newest state of instruments and venues: what a keyframe of a tape holds, and what a store begins with.

use crate::market::{FIELDS, FieldSet, StaleCause, TickerState, Ts};

use super::{Listing, VenueRow};

/// The newest state of some instruments and venues, without versions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// In the order of their listing.
    pub instruments: Vec<InstrumentImage>,
    /// In the order in which they were first heard of.
    pub venues: Vec<VenueRow>,
}

/// The newest state of one instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct InstrumentImage {
    /// Symbol and precision.
    pub listing: Listing,
    /// Fields that have a value.
    pub present: FieldSet,
    /// Values of all fields, in units of the precision; those outside `present` are 0.
    pub values: [i64; FIELDS],
    /// Its own state.
    pub state: (TickerState, Option<StaleCause>),
    /// The feed took it away; it has no values then.
    pub is_removed: bool,
    /// Source updates that changed something.
    pub update_count: u64,
    /// The venue's stamp of the newest of them.
    pub ts_event: Option<Ts>,
    /// The venue's stamp of the last trade.
    pub ts_trade: Option<Ts>,
}
