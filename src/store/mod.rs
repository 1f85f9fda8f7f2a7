//! The versioned table, in two halves that meet in the sealed beat.
//!
//! The [`Writer`] holds the newest values, takes events and seals what they changed into a
//! [`SealedBeat`]. A [`Table`] applies sealed beats in order and knows for every field the [`Seq`] of
//! its last change, so it answers the one question of this service, [`Table::changes_since`]. There is
//! one writer and one table for each reader that works on its own, so no lock is shared.
//!
//! Synchronous, without clock and without I/O. Knows nothing of subscribers and sockets.

mod beat;
mod counts;
mod ids;
mod image;
mod recency;
mod table;
#[cfg(test)]
mod tests;
mod venues;
mod working;
mod writer;

pub use beat::{Change, Listing, SealedBeat, VenueRow};
pub use counts::{StoreCounts, VenueCounts};
pub use ids::{Epoch, Seq};
pub use image::{Image, InstrumentImage, Versioned};
pub use table::{Counts, Entry, Table};
pub use writer::Writer;

/// Instruments a store takes unless told otherwise: about 150 MB in the writer and 300 MB in each table.
pub const INSTRUMENTS_MAX: usize = 1_000_000;

/// The server's own instruments that a store takes besides: twice as many as there are statistics at most.
pub const OWN_INSTRUMENTS_MAX: usize = 1_024;

/// Venues a store takes: one per feed and the server's own, so a thousand is far more than can be configured.
pub const VENUES_MAX: usize = 1_024;

/// Longest reason of a venue's state, in bytes: a sentence or two. Six times that, with every character escaped in
/// JSON, still fits into the smallest message there is.
pub const REASON_BYTES_MAX: usize = 256;
