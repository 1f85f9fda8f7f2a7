//! Binance spot and USD-M futures: their frames, made into updates of tickers, and what to ask them for.
//!
//! Rules from the venue's "Web Socket Streams for Binance" and "USDⓈ-M Futures: Websocket Market Streams" and from
//! recordings; which stream feeds which field stands in [`Parser`].

mod control;
mod dialect;
mod envelope;
mod feed;
mod known;
mod messages;
mod parser;
#[cfg(test)]
mod tests;

pub(super) use feed::{build_spot, build_usdm};
pub use parser::Parser;

/// The venue's name for its spot market, as captures of it say.
pub const VENUE: &str = "binance";
/// The venue's name for its USD-M futures.
pub const VENUE_USDM: &str = "binance-usdm";

/// One of the venue's markets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Market {
    Spot,
    Usdm,
}
