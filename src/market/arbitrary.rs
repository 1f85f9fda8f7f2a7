//! Any event, for the property tests of the rooms below.

use std::ops::Range;

use proptest::prelude::*;

use super::{
    Decimal, Event, Field, Fields, Side, StaleCause, Symbol, TickerState, Ts, Update, Value, VenueName, VenueState,
};

/// Numbers that meet each other's limits: plain, precise, negative, and as large as they can be.
fn decimal() -> impl Strategy<Value = Decimal> {
    let texts = [
        "0",
        "1",
        "2",
        "61837.63",
        "61837.6",
        "0.00006547",
        "-5",
        "1e-7",
        "9223372036854775807",
        "1e-18",
        "1e18",
    ];
    prop::sample::select(texts.to_vec()).prop_map(|t| Decimal::parse(t).expect(t))
}

fn fields() -> impl Strategy<Value = Fields> {
    let value = prop_oneof![6 => decimal().prop_map(Value::Set), 1 => Just(Value::Cleared), 1 => Just(Value::Misfit)];
    let one = (prop::sample::select(Field::ALL.to_vec()), value);
    (prop::collection::vec(one, 0..4), any::<bool>(), decimal()).prop_map(|(list, is_trade, price)| {
        let mut fields = Fields::new();
        list.into_iter().for_each(|(f, v)| {
            fields.put(f, v);
        });
        if is_trade {
            fields.trade(Value::Set(price), Value::Set(Decimal::from_int(1)), Some(Side::Buy));
        }
        fields
    })
}

/// Events of these instruments, with the venue's stamps in whole microseconds from this range, and of venues `v0` to `v3`.
pub(crate) fn event(symbols: Vec<Symbol>, stamps_us: Range<i64>) -> impl Strategy<Value = Event> {
    let symbol = prop::sample::select(symbols);
    let places = || prop::option::of(0u8..=18);
    let states = prop::sample::select(vec![TickerState::Live, TickerState::Stale, TickerState::Halted]);
    let causes = prop::option::of(prop::sample::select(vec![StaleCause::Gap, StaleCause::Silent]));
    let venue_states = prop::sample::select(vec![VenueState::Up, VenueState::Stale, VenueState::Down]);
    prop_oneof![
        12 => (symbol.clone(), fields(), prop::option::of(stamps_us)).prop_map(|(symbol, fields, stamp)| {
            Event::Update(Update { symbol, fields, ts_event: stamp.map(|us| Ts(us * 1_000)), ts_recv: Ts(0) })
        }),
        1 => (symbol.clone(), places(), places(), places()).prop_map(|(symbol, p, s, v)| Event::Listed {
            symbol, price_decimals: p, size_decimals: s, volume_decimals: v }),
        3 => symbol.clone().prop_map(Event::Removed),
        2 => (symbol, states, causes).prop_map(|(symbol, state, cause)| Event::State { symbol, state, cause }),
        2 => (0u8..4, venue_states).prop_map(|(n, state)| Event::Venue {
            venue: VenueName::parse(&format!("v{n}")).expect("a venue"), state, reason: format!("r\"{n}\"") }),
    ]
}
