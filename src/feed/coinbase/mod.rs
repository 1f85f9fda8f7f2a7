//! Coinbase Advanced Trade: its frames, made into updates of tickers, and how it wants to be asked.
//!
//! Rules from the venue's "Advanced Trade WebSocket Overview", "Channels" and "Rate Limits" and from recordings; which
//! channel feeds which field stands in [`Parser`]. A product of `-USDC` is not to be had, but for USDT-USDC and
//! EURC-USDC: the venue sends the one of `-USD` in its place, under that name.

mod answers;
mod dialect;
mod messages;
mod parser;
#[cfg(test)]
pub(super) mod tests;

pub(super) use dialect::{RULES, build, connections, target};
pub(super) use messages::MakerSide;
pub use parser::Parser;

use crate::market::{Decimal, Field, Fields, Value};

/// The venue's name, as captures of it say.
pub const VENUE: &str = "coinbase";

/// Channels asked for, in this order: heartbeats first, as they keep the others open.
const CHANNELS: [&str; 4] = ["heartbeats", LEVEL2, "ticker", "market_trades"];

/// The channel by the name under which it is asked for; its messages come as `l2_data`.
const LEVEL2: &str = "level2";

/// Products that a parser takes: more than Coinbase lists. A book takes up to 0.5 MB, all of them 500 MB at the very
/// most; few books are that deep, and a live connection has a tenth of them.
pub(super) const PRODUCTS_MAX: usize = 1_000;

/// Characters of the venue's words of refusal that are handed on.
const REFUSAL_CHARS_MAX: usize = 200;

/// The last trade's fields. One that is old says the last price, but is none that happened now.
pub(super) fn last(price: Value, size: Value, side: MakerSide, is_old: bool) -> Fields {
    let mut fields = Fields::new();
    if is_old {
        let side = Decimal::from_int(side.aggressor() as i64);
        fields
            .put(Field::LastPrice, price)
            .put(Field::LastSize, size)
            .set(Field::LastSide, side);
    } else {
        fields.trade(price, size, Some(side.aggressor()));
    }
    fields
}

/// An error's words, bounded.
pub(super) fn refusal(message: Option<&str>, reason: Option<&str>) -> String {
    let words: Vec<&str> = message.into_iter().chain(reason).collect();
    words.join(": ").chars().take(REFUSAL_CHARS_MAX).collect()
}
