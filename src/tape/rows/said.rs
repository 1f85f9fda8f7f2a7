//! A value of a row by its text: numbers stay text until they are exact decimals.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::market::{Decimal, DecimalError, Side, Ts, Value};

/// What stands behind a key, or in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// `null`.
    Null,
    /// A string's content; a number, `true` or `false` as it is written.
    Text(Cow<'a, str>),
    /// A list, an object, or a string of no text.
    Other,
}

/// A string of JSON that is borrowed unless it has escapes.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl<'a> Said<'a> {
    /// A value of JSON.
    pub fn of(value: &'a RawValue) -> Said<'a> {
        let raw = value.get();
        match raw.as_bytes().first() {
            Some(b'n') => Said::Null,
            Some(b'"') => match serde_json::from_str(raw) {
                Ok(Text(text)) => Said::Text(text),
                // Half of a surrogate pair.
                Err(_) => Said::Other,
            },
            Some(b'[' | b'{') | None => Said::Other,
            Some(_) => Said::Text(raw.into()),
        }
    }

    /// Exact, or a misfit where it needs more digits than there are; `None` where it is not written like a number.
    pub fn number(&self) -> Option<Value> {
        let text = match self {
            Said::Null => return Some(Value::Cleared),
            Said::Text(text) => text,
            Said::Other => return None,
        };
        match Decimal::parse(text) {
            Ok(decimal) => Some(Value::Set(decimal)),
            Err(DecimalError::Overflow(_) | DecimalError::Precision(_)) => Some(Value::Misfit),
            Err(DecimalError::Syntax(_)) => None,
        }
    }

    /// `buy` or 1, `sell` or 2.
    pub fn side(&self) -> Option<Value> {
        let side = match self {
            Said::Null => return Some(Value::Cleared),
            Said::Text(text) => match &**text {
                "buy" | "1" => Side::Buy,
                "sell" | "2" => Side::Sell,
                _ => return None,
            },
            Said::Other => return None,
        };
        Some(Value::Set(Decimal::from_int(side as i64)))
    }

    /// Nanoseconds since 1970, nothing else.
    pub fn time(&self) -> Option<Option<Ts>> {
        match self {
            Said::Null => Some(None),
            // `parse` alone would take a sign.
            Said::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => Some(Some(Ts(text.parse().ok()?))),
            _ => None,
        }
    }
}
