//! From records to keys and cells.

use std::fmt;

use super::key::{Key, Kind};
use crate::market::{Decimal, Event, Field, Side, Ts, Value};
use crate::tape::{Taped, What};

/// What stands behind a key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// A word of ours, free of anything special.
    Word(&'static str),
    /// Any text.
    Text(&'a str),
    Decimal(Decimal),
    Time(Ts),
    Count(u64),
    Flag(bool),
    /// The field has no value now.
    Cleared,
    /// The field's value could not be held.
    Misfit,
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Word(text) | Cell::Text(text) => f.write_str(text),
            Cell::Decimal(decimal) => decimal.fmt(f),
            Cell::Time(ts) => ts.0.fmt(f),
            Cell::Count(count) => count.fmt(f),
            Cell::Flag(is_so) => is_so.fmt(f),
            Cell::Cleared | Cell::Misfit => Ok(()),
        }
    }
}

/// What kind of row a record makes.
pub(super) fn kind(taped: &Taped) -> Kind {
    match &taped.what {
        What::Event(Event::Update(_)) => Kind::Update,
        What::Event(Event::State { .. }) => Kind::State,
        What::Event(Event::Listed { .. }) => Kind::Listed,
        What::Event(Event::Removed(_)) => Kind::Removed,
        What::Event(Event::Venue { .. }) => Kind::Venue,
        What::Gap { .. } => Kind::Gap,
    }
}

/// Takes a record apart. The kind of event is the caller's to write.
pub(super) fn spell<'a>(taped: &'a Taped, mut put: impl FnMut(Key, Cell<'a>)) {
    put(Key::TsRecv, Cell::Time(taped.ts));
    let event = match &taped.what {
        What::Event(event) => event,
        What::Gap { events } => return put(Key::EventsLost, Cell::Count(*events)),
    };
    match event {
        Event::Update(update) => {
            put(Key::Symbol, Cell::Text(update.symbol.as_str()));
            for (field, value) in update.fields.iter() {
                put(Key::Value(field), cell(field, value));
            }
            put(Key::Trade, Cell::Flag(update.fields.is_trade()));
            if let Some(ts) = update.ts_event {
                put(Key::TsEvent, Cell::Time(ts));
            }
        }
        Event::Listed {
            symbol,
            price_decimals,
            size_decimals,
            volume_decimals,
        } => {
            put(Key::Symbol, Cell::Text(symbol.as_str()));
            let stated = [
                (Key::PriceDecimals, price_decimals),
                (Key::SizeDecimals, size_decimals),
                (Key::VolumeDecimals, volume_decimals),
            ];
            for (key, places) in stated {
                if let Some(places) = places {
                    put(key, Cell::Count(u64::from(*places)));
                }
            }
        }
        Event::Removed(symbol) => put(Key::Symbol, Cell::Text(symbol.as_str())),
        Event::State { symbol, state, cause } => {
            put(Key::Symbol, Cell::Text(symbol.as_str()));
            put(Key::State, Cell::Word(state.word()));
            if let Some(cause) = cause {
                put(Key::Cause, Cell::Word(cause.word()));
            }
        }
        Event::Venue { venue, state, reason } => {
            put(Key::Venue, Cell::Text(venue.as_str()));
            put(Key::State, Cell::Word(state.word()));
            if !reason.is_empty() {
                put(Key::Reason, Cell::Text(reason));
            }
        }
    }
}

fn cell(field: Field, value: Value) -> Cell<'static> {
    let decimal = match value {
        Value::Set(decimal) => decimal,
        Value::Cleared => return Cell::Cleared,
        Value::Misfit => return Cell::Misfit,
    };
    let sides = [Side::Buy, Side::Sell].into_iter().filter(|_| field == Field::LastSide);
    let side = sides
        .into_iter()
        .find(|side| Decimal::from_int(*side as i64) == decimal);
    side.map_or(Cell::Decimal(decimal), |side| Cell::Word(side.word()))
}
