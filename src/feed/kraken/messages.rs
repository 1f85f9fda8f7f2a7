//! The shapes of Kraken's v2 messages, borrowed from the frame.
//!
//! Names as in the venue's "Spot WebSocket v2"; what a ticker has no use for is not read. The venue writes numbers, not
//! strings: they are read from their own text.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::market::{Decimal, DecimalError, Value};

/// A string that is borrowed unless it has escapes, inside an `Option` too.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// A number, exact, with the decimals in which it was written: the checksum is made of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) value: Value,
    pub(super) decimals: u8,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Written, D::Error> {
        let text = <&RawValue>::deserialize(json)?.get();
        let value = match Decimal::parse(text) {
            Ok(decimal) => Value::Set(decimal),
            Err(DecimalError::Overflow(_) | DecimalError::Precision(_)) => Value::Misfit,
            Err(error @ DecimalError::Syntax(_)) => return Err(D::Error::custom(error)),
        };
        let decimals = decimals(text);
        Ok(Written { value, decimals })
    }
}

/// Decimals of a number as it is written: 8 in `0.00005100` and in `5.1e-7`.
fn decimals(number: &str) -> u8 {
    let (digits, exponent) = match number.find(['e', 'E']) {
        Some(at) => (&number[..at], number[at + 1..].parse().unwrap_or(0)),
        None => (number, 0i32),
    };
    let after_point = digits.find('.').map_or(0, |at| digits.len() - at - 1);
    let after_point = i32::try_from(after_point).unwrap_or(i32::MAX);
    after_point.saturating_sub(exponent).clamp(0, i32::from(u8::MAX)) as u8
}

/// One level of a book.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Level {
    pub(super) price: Written,
    pub(super) qty: Written,
}

/// `book`, snapshot and update.
#[derive(Debug, Deserialize)]
pub(super) struct Book<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(default)]
    pub(super) bids: Vec<Level>,
    #[serde(default)]
    pub(super) asks: Vec<Level>,
    pub(super) checksum: u32,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Text<'a>>,
}

/// `trade`; `side` is the taker's.
#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(borrow)]
    pub(super) side: Text<'a>,
    pub(super) price: Written,
    pub(super) qty: Written,
    pub(super) trade_id: u64,
    #[serde(borrow)]
    pub(super) timestamp: Text<'a>,
}

/// `ticker`; the venue added the number of trades and the time in 2026.
#[derive(Debug, Deserialize)]
pub(super) struct Ticker<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    pub(super) bid: Written,
    pub(super) bid_qty: Written,
    pub(super) ask: Written,
    pub(super) ask_qty: Written,
    pub(super) last: Written,
    pub(super) volume: Written,
    pub(super) low: Written,
    pub(super) high: Written,
    #[serde(default)]
    pub(super) trades: Option<u64>,
    #[serde(borrow, default)]
    pub(super) timestamp: Option<Text<'a>>,
}

/// `instrument`: all pairs, or those that changed.
#[derive(Debug, Deserialize)]
pub(super) struct Reference<'a> {
    #[serde(borrow, default)]
    pub(super) pairs: Vec<Pair<'a>>,
}

/// One pair of `instrument`.
#[derive(Debug, Deserialize)]
pub(super) struct Pair<'a> {
    #[serde(borrow)]
    pub(super) symbol: Text<'a>,
    #[serde(borrow)]
    pub(super) status: Text<'a>,
    pub(super) price_precision: u8,
    pub(super) qty_precision: u8,
}

/// `status`: the trading engine's.
#[derive(Debug, Deserialize)]
pub(super) struct System<'a> {
    #[serde(borrow)]
    pub(super) system: Text<'a>,
}

/// What a request was answered.
#[derive(Debug, Deserialize)]
pub(super) struct Granted<'a> {
    #[serde(borrow, default)]
    pub(super) channel: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) symbol: Option<Text<'a>>,
    #[serde(default)]
    pub(super) depth: Option<u64>,
    /// Words on what will change or is deprecated.
    #[serde(borrow, default)]
    pub(super) warnings: Option<&'a RawValue>,
}

/// The content of a channel's message.
#[derive(Debug)]
pub(super) enum Data<'a> {
    Book(Vec<Book<'a>>),
    Trade(Vec<Trade<'a>>),
    Ticker(Vec<Ticker<'a>>),
    Instrument(Reference<'a>),
    Status(Vec<System<'a>>),
    /// Of a channel that is not used here.
    Other,
}

/// Any message: of a channel, or the answer to a request.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    pub(super) channel: Option<Text<'a>>,
    /// `snapshot` or `update`.
    pub(super) kind: Option<Text<'a>>,
    pub(super) data: Option<Data<'a>>,
    pub(super) method: Option<Text<'a>>,
    pub(super) result: Option<Granted<'a>>,
    pub(super) error: Option<Text<'a>>,
    pub(super) symbol: Option<Text<'a>>,
    pub(super) request: Option<&'a RawValue>,
}

/// The keys of [`Frame`]. `Error` is what the venue writes when it was asked for too much at once.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Channel,
    Type,
    Data,
    Method,
    Result,
    #[serde(alias = "Error")]
    Error,
    Symbol,
    ReqId,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Frame<'a> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Frame<'a>, D::Error> {
        json.deserialize_map(FrameVisitor)
    }
}

/// Reads the content in the same pass as the rest: the venue writes the channel before it. Where it does not, the
/// content waits.
struct FrameVisitor;

impl<'de> Visitor<'de> for FrameVisitor {
    type Value = Frame<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Frame<'de>, A::Error> {
        let mut frame = Frame::default();
        let mut waiting: Option<&RawValue> = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Channel => frame.channel = map.next_value()?,
                Key::Type => frame.kind = map.next_value()?,
                Key::Method => frame.method = map.next_value()?,
                Key::Result => frame.result = map.next_value()?,
                Key::Error => frame.error = map.next_value()?,
                Key::Symbol => frame.symbol = map.next_value()?,
                Key::ReqId => frame.request = map.next_value()?,
                Key::Data => match frame.channel.as_deref() {
                    None => waiting = Some(map.next_value()?),
                    Some("book") => frame.data = Some(Data::Book(map.next_value()?)),
                    Some("trade") => frame.data = Some(Data::Trade(map.next_value()?)),
                    Some("ticker") => frame.data = Some(Data::Ticker(map.next_value()?)),
                    Some("instrument") => frame.data = Some(Data::Instrument(map.next_value()?)),
                    Some("status") => frame.data = Some(Data::Status(map.next_value()?)),
                    Some(_) => {
                        map.next_value::<IgnoredAny>()?;
                        frame.data = Some(Data::Other);
                    }
                },
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if let (Some(channel), Some(raw)) = (frame.channel.as_deref(), waiting) {
            frame.data = Some(content(channel, raw).map_err(A::Error::custom)?);
        }
        Ok(frame)
    }
}

/// Content that came before its channel.
fn content<'a>(channel: &str, raw: &'a RawValue) -> serde_json::Result<Data<'a>> {
    let json = raw.get();
    Ok(match channel {
        "book" => Data::Book(serde_json::from_str(json)?),
        "trade" => Data::Trade(serde_json::from_str(json)?),
        "ticker" => Data::Ticker(serde_json::from_str(json)?),
        "instrument" => Data::Instrument(serde_json::from_str(json)?),
        "status" => Data::Status(serde_json::from_str(json)?),
        _ => Data::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_those_that_are_written() {
        for (number, want) in [
            ("63000.0", 1),
            ("0.00005100", 8),
            ("5.1e-7", 8),
            ("1E-8", 8),
            ("1.50e1", 1),
            ("15e3", 0),
            ("58033", 0),
            ("1e-99999999999", 0),
            ("1e-300", 255),
        ] {
            assert_eq!(decimals(number), want, "{number}");
        }
    }
}
