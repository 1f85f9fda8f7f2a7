//! Kraken spot, WebSocket v2: books that are checked with every message, trades, tickers and reference data.
//!
//! Rules from the venue's "Spot WebSocket v2" and its "Book checksum (WebSocket v2)", and from recordings. Which channel
//! feeds which field stands in [`Parser`], how a book's break, a halt and a gap combine in `standing`, what is kept at
//! most in `bounds`.

mod answers;
mod book;
mod bounds;
mod dialect;
mod instrument;
mod levels;
mod messages;
mod pairs;
mod parser;
mod reference;
mod scan;
mod standing;
#[cfg(test)]
mod tests;

pub(super) use dialect::build;
pub use parser::Parser;

/// The venue's name, as captures of it say.
pub const VENUE: &str = "kraken";
