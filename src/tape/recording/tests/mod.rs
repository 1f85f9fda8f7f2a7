//! What finds no room is told in its place, whatever feeds and disk do.

mod queue;
mod recorder;
mod waiting;

use std::sync::Arc;

use super::waiting::Item;
use super::*;
use crate::market::{Decimal, Event, Field, Fields, Symbol, TickerState, Ts, Update};

type Batch = Arc<Vec<Event>>;

/// Every update is of this instrument.
fn symbol() -> Symbol {
    Symbol::parse("test:A").expect("a symbol")
}

/// An update that can be told from every other.
fn update(id: u64) -> Event {
    let mut fields = Fields::new();
    fields.set(Field::BidPrice, Decimal::from_int(id as i64));
    Event::Update(Update {
        symbol: symbol(),
        fields,
        ts_event: None,
        ts_recv: Ts(id as i64),
    })
}

/// A state that can be told from every other.
fn state(id: u64) -> Event {
    Event::State {
        symbol: Symbol::parse(&format!("test:S{id}")).expect("a symbol"),
        state: TickerState::Halted,
        cause: None,
    }
}

/// The number of an event.
fn id(event: &Event) -> u64 {
    match event {
        Event::Update(update) => update.ts_recv.0 as u64,
        Event::State { symbol, .. } => symbol.as_str()["test:S".len()..].parse().expect("a number"),
        other => panic!("not made here: {other:?}"),
    }
}

fn updates(ids: std::ops::Range<u64>) -> Batch {
    Arc::new(ids.map(update).collect())
}
