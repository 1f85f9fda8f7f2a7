//! The field's own words: symbols, exact decimals, ticker fields, updates and order books.
//!
//! Knows nothing of I/O, encodings or venues. Everything here is a plain value.

#[cfg(test)]
pub(crate) mod arbitrary;
mod book;
mod decimal;
mod field;
mod pattern;
mod rights;
mod symbol;
mod time;
mod update;

pub use book::{BookSide, OrderBook};
pub use decimal::{DECIMALS_MAX, Decimal, DecimalError};
pub use field::{Decimals, FIELDS, Field, FieldSet, Scale, Side, StaleCause, TickerState, VenueState};
pub use pattern::SymbolPattern;
pub use rights::Rights;
pub use symbol::{InstrumentId, Symbol, SymbolError, VENUE_BYTES_MAX, VenueName};
pub use time::Ts;
pub use update::{Event, Fields, Update, Value};
