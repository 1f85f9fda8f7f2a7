//! Coinbase Exchange, the older feed in which much was recorded: its frames, made into updates of tickers, and how it
//! wants to be asked.
//!
//! Rules from the venue's "Exchange WebSocket Overview", "Channels" and "Authentication" and from recordings; which
//! channel feeds which field stands in [`Parser`].

mod dialect;
mod messages;
mod parser;
mod scan;
#[cfg(test)]
mod tests;

pub(super) use dialect::build;
pub use parser::Parser;

/// The venue's name, as captures of it say.
pub const VENUE: &str = "coinbase-exchange";

/// What every request here is answered with, if it is not refused.
const ANSWER: &str = "subscriptions";
