//! Binance spot: its frames, made into updates of tickers.
//!
//! Rules from the venue's "Web Socket Streams for Binance" and from recordings; which stream feeds which field stands
//! in [`Parser`].

mod messages;
mod parser;
#[cfg(test)]
mod tests;

pub use parser::Parser;

/// The venue's name, as captures of it say.
pub const VENUE: &str = "binance";
