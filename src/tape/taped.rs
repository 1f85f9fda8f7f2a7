//! Stand-in until the tape is there.
use crate::market::{Event, Ts};
/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Taped {
    /// Its time.
    pub ts: Ts,
    /// What it says.
    pub what: What,
}
/// What a record says.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum What {
    /// An event.
    Event(Event),
    /// A gap.
    Gap {
        /// How many.
        events: u64,
    },
}
