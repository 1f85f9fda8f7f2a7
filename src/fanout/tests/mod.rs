//! The fan-out's promises, without a thread and without a socket.

mod clock;
mod control;
mod deltas;
mod law;
mod lockstep;
mod model;
mod paces;
mod rights;
mod row;
mod sharing;
mod slow;
mod snapshots;
mod socket;
mod symbols;
mod twin;
mod view;
pub(super) mod world;

use crate::market::*;

/// A bid, which lists its instrument if it is the first.
fn bid(symbol: &str, price: i64) -> Event {
    let mut fields = Fields::new();
    fields.set(Field::BidPrice, Decimal::from_int(price));
    Event::Update(Update {
        symbol: Symbol::parse(symbol).expect(symbol),
        fields,
        ts_event: None,
        ts_recv: Ts(0),
    })
}

/// The same bid on so many instruments with long names, `v:0...` and on.
fn bids(count: usize, price: i64) -> Vec<Event> {
    let symbol = |n: usize| format!("v:{n:03}{}", "X".repeat(50));
    (0..count).map(|n| bid(&symbol(n), price)).collect()
}

/// The same instruments taken away and listed again within a beat: a delta with all their names.
fn relisted(count: usize, price: i64) -> Vec<Event> {
    let again = |event: Event| match &event {
        Event::Update(update) => vec![Event::Removed(update.symbol.clone()), event],
        _ => vec![event],
    };
    bids(count, price).into_iter().flat_map(again).collect()
}

fn removed(symbol: &str) -> Event {
    Event::Removed(Symbol::parse(symbol).expect(symbol))
}

fn venue(name: &str, state: VenueState) -> Event {
    let reason = String::new();
    let venue = VenueName::parse(name).expect(name);
    Event::Venue { venue, state, reason }
}
