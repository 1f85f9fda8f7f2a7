//! One line of NDJSON as an update. Pure; numbers stay text until they are exact decimals.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::LineError;
use super::error::excerpt;
use super::keys::{STATE, SYMBOL, TS_EVENT};
use crate::market::{Field, Fields, TickerState, Ts, Value};
use crate::tape::{Said, Text};

/// What a line says: `{"symbol": "venue:NAME", "bid_price": "1.23", "ts_event": "1700000000000000000"}`.
///
/// Keys besides these are the names of the protocol's `Ticker` fields. Only what is named changes: a line with
/// `last_price` is a trade, and a last size or side that it does not name stays as it is; `null` clears a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'a> {
    /// As it stands there, not checked.
    pub symbol: Cow<'a, str>,
    /// The fields that it names.
    pub fields: Fields,
    /// The venue's own stamp.
    pub ts_event: Option<Ts>,
    /// Live or halted, where the line says so.
    pub state: Option<TickerState>,
}

/// Reads one line, without its end. Allocates nothing unless a text has escapes or the line is refused.
///
/// # Errors
/// Names the key or value at fault and what is allowed.
pub fn parse(line: &[u8]) -> Result<Line<'_>, LineError> {
    let text = std::str::from_utf8(line).map_err(|error| LineError::Utf8(error.valid_up_to() + 1))?;
    let mut json = serde_json::Deserializer::from_str(text);
    let parts = json.deserialize_map(Keys)?;
    json.end()?;
    if let Some(fault) = parts.fault {
        return Err(fault);
    }
    let symbol = parts.symbol.ok_or(LineError::NoSymbol)?;
    if parts.fields.is_empty() && parts.state.is_none() {
        return Err(LineError::Empty);
    }
    Ok(Line {
        symbol,
        fields: parts.fields,
        ts_event: parts.ts_event,
        state: parts.state,
    })
}

/// What was read of a line so far.
#[derive(Default)]
struct Parts<'a> {
    symbol: Option<Cow<'a, str>>,
    fields: Fields,
    ts_event: Option<Ts>,
    has_ts_event: bool,
    state: Option<TickerState>,
    has_state: bool,
    /// The first; what follows it is read as JSON only.
    fault: Option<LineError>,
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of a symbol and its values")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Parts<'de>, M::Error> {
        let mut parts = Parts::default();
        while let Some(Text(key)) = map.next_key()? {
            if parts.fault.is_some() {
                map.next_value::<IgnoredAny>()?;
            } else if key == SYMBOL {
                let Text(symbol) = map.next_value()?;
                if parts.symbol.replace(symbol).is_some() {
                    parts.fault = Some(LineError::RepeatedKey(SYMBOL));
                }
            } else {
                let value: &RawValue = map.next_value()?;
                parts.fault = parts.take(&key, value).err();
            }
        }
        Ok(parts)
    }
}

impl Parts<'_> {
    fn take(&mut self, key: &str, value: &RawValue) -> Result<(), LineError> {
        if let Some(field) = Field::from_name(key) {
            return self.field(field, value);
        }
        let (name, is_repeated) = match key {
            TS_EVENT => (TS_EVENT, std::mem::replace(&mut self.has_ts_event, true)),
            STATE => (STATE, std::mem::replace(&mut self.has_state, true)),
            _ => return Err(LineError::UnknownKey { key: excerpt(key) }),
        };
        if is_repeated {
            return Err(LineError::RepeatedKey(name));
        }
        if name == TS_EVENT {
            self.ts_event = ts_event(value)?;
        } else {
            self.state = state(value)?;
        }
        Ok(())
    }

    fn field(&mut self, field: Field, value: &RawValue) -> Result<(), LineError> {
        if self.fields.named().contains(field) {
            return Err(LineError::RepeatedKey(field.name()));
        }
        let value = match field {
            Field::LastSide => side(value)?,
            _ => number(field.name(), value)?,
        };
        self.fields.put(field, value);
        if field == Field::LastPrice && value != Value::Cleared {
            self.fields.mark_trade();
        }
        Ok(())
    }
}

/// Exact, or a misfit where it needs more digits than there are: then the field is cleared and counted.
fn number(key: &'static str, value: &RawValue) -> Result<Value, LineError> {
    let number = Said::of(value).number();
    number.ok_or_else(|| LineError::Number {
        key,
        got: excerpt(value.get()),
    })
}

fn side(value: &RawValue) -> Result<Value, LineError> {
    let side = Said::of(value).side();
    side.ok_or_else(|| LineError::Side(excerpt(value.get())))
}

fn ts_event(value: &RawValue) -> Result<Option<Ts>, LineError> {
    let ts = Said::of(value).time();
    ts.ok_or_else(|| LineError::Time(excerpt(value.get())))
}

fn state(value: &RawValue) -> Result<Option<TickerState>, LineError> {
    let state = match Said::of(value) {
        Said::Null => return Ok(None),
        Said::Text(text) => [TickerState::Live, TickerState::Halted]
            .into_iter()
            .find(|state| state.word() == text),
        Said::Other => None,
    };
    state.map(Some).ok_or_else(|| LineError::State(excerpt(value.get())))
}

#[cfg(test)]
mod tests;
