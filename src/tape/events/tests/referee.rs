//! Blocks of records are what the schema says: prost reads what is written by hand, and writes what is read by hand.

use prost::Message as _;

use super::super::records::{Decoder, Open};
use super::*;

/// The schema's own words, turned into records one by one.
fn by_the_schema(message: &proto::Records) -> Vec<Taped> {
    let columns = |field: Field| -> &Vec<i64> {
        match field {
            Field::BidPrice => &message.bid_price,
            Field::BidSize => &message.bid_size,
            Field::AskPrice => &message.ask_price,
            Field::AskSize => &message.ask_size,
            Field::LastPrice => &message.last_price,
            Field::LastSize => &message.last_size,
            Field::Volume => &message.volume,
            Field::Open => &message.open,
            Field::High => &message.high,
            Field::Low => &message.low,
            Field::TradeCount => &message.trade_count,
            Field::LastSide => &message.last_side,
        }
    };
    let mut used = [0; 12];
    let mut last = vec![[0i64; 12]; message.instruments.len()];
    let (mut others, mut instruments) = (message.others.iter(), message.instrument.iter());
    let (mut ts, mut times) = (message.first_time, message.time.iter());
    let (mut ts_event, mut event_times) = (message.first_event_time, message.event_time.iter());
    let mut exact = message.exact_mantissa.iter().zip(&message.exact_decimals);
    let name = |at: u32| symbol(&message.instruments[at as usize].symbol);
    let mut records = Vec::new();
    for number in &message.record {
        ts = ts.wrapping_add(times.next().expect("a time").wrapping_mul(message.time_unit as i64));
        if *number == 0 {
            let other = others.next().and_then(|other| other.what.as_ref()).expect("another");
            let places = |decimals: Option<u32>| decimals.map(|decimals| decimals as u8);
            let what = match other {
                proto::other::What::Gap(events) => What::Gap { events: *events },
                proto::other::What::Removed(at) => What::Event(Event::Removed(name(*at))),
                proto::other::What::Listed(listed) => What::Event(Event::Listed {
                    symbol: name(listed.instrument),
                    price_decimals: places(listed.price_decimals),
                    size_decimals: places(listed.size_decimals),
                    volume_decimals: places(listed.volume_decimals),
                }),
                proto::other::What::State(to) => What::Event(Event::State {
                    symbol: name(to.instrument),
                    state: words::ticker_state(to.state).expect("a state"),
                    cause: words::cause(to.cause).expect("a cause"),
                }),
                proto::other::What::Venue(to) => What::Event(Event::Venue {
                    venue: VenueName::parse(&to.venue).expect("a venue"),
                    state: words::venue_state(to.state).expect("a state"),
                    reason: to.reason.clone(),
                }),
            };
            records.push(Taped { ts: Ts(ts), what });
            continue;
        }
        let shape = &message.shapes[*number as usize - 1];
        let at = *instruments.next().expect("an instrument");
        let instrument = &message.instruments[at as usize];
        let mut fields = Fields::new();
        if shape.trade {
            fields.mark_trade();
        }
        for field in Field::ALL {
            let is_in = |bits: u32| bits & 1 << field.number() != 0;
            let decimals = match field.scale() {
                crate::market::Scale::Price => instrument.price_decimals,
                crate::market::Scale::Size => instrument.size_decimals,
                crate::market::Scale::Volume => instrument.volume_decimals,
                crate::market::Scale::Whole => 0,
            };
            let last = &mut last[at as usize][field.index()];
            if is_in(shape.changed) {
                *last = last.wrapping_add(columns(field)[used[field.index()]]);
                used[field.index()] += 1;
            }
            if is_in(shape.changed | shape.same) {
                fields.set(field, Decimal::new(*last, decimals as u8).expect("18 decimals at most"));
            }
            if is_in(shape.cleared) {
                fields.clear(field);
            }
            if is_in(shape.misfit) {
                fields.put(field, Value::Misfit);
            }
            if is_in(shape.exact) {
                let (mantissa, decimals) = exact.next().expect("an exact value");
                fields.set(
                    field,
                    Decimal::new(*mantissa, *decimals as u8).expect("18 decimals at most"),
                );
            }
        }
        if shape.stamped {
            let behind = event_times.next().expect("a stamp");
            ts_event = ts_event.wrapping_add(behind.wrapping_mul(message.event_time_unit as i64));
        }
        let update = Update {
            symbol: name(at),
            fields,
            ts_event: shape.stamped.then_some(Ts(ts_event)),
            ts_recv: Ts(ts),
        };
        records.push(record(Ts(ts), Event::Update(update)));
    }
    for field in Field::ALL {
        assert_eq!(used[field.index()], columns(field).len(), "{field:?} is used up");
    }
    assert!(others.next().is_none() && instruments.next().is_none() && times.next().is_none());
    assert!(event_times.next().is_none() && exact.next().is_none());
    records
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn prost_reads_what_is_written_and_writes_what_is_read(
        events in prop::collection::vec((any_event(), prop::option::weighted(0.1, any::<u64>())), 0..60),
    ) {
        let (mut open, mut payload, mut decoder) = (Open::default(), Vec::new(), Decoder::default());
        // The same writer for several blocks: nothing of one is left for the next.
        for events in events.chunks(25) {
            let mut want = Vec::new();
            for ((ts, event), gap) in events {
                if let Some(events) = gap {
                    open.gap(*ts, *events);
                    want.push(Taped { ts: *ts, what: What::Gap { events: *events } });
                }
                open.event(*ts, event);
                want.push(record(*ts, event.clone()));
            }
            open.close(&mut payload);
            let message = proto::Records::decode(&payload[..]).expect("the schema's");
            prop_assert_eq!(&by_the_schema(&message), &want);
            let mut by_hand = Vec::new();
            decoder.decode(&payload, &mut by_hand).expect("a block");
            prop_assert_eq!(&by_hand, &want);
            by_hand.clear();
            decoder.decode(&message.encode_to_vec(), &mut by_hand).expect("a block");
            prop_assert_eq!(&by_hand, &want);
        }
    }
}

#[test]
fn what_is_equal_takes_no_bytes_and_times_are_counted_in_their_own_unit() {
    let of = symbol("v0:A");
    let mut open = Open::default();
    for n in 0..100 {
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::parse("61837.63").expect("a number"));
        fields.set(Field::BidSize, Decimal::new(1_000 + n % 2, 3).expect("a number"));
        open.event(
            Ts(n * 5_000_000),
            &Event::Update(Update {
                symbol: of.clone(),
                fields,
                ts_event: Some(Ts(7 + n * 30_000_000_000)),
                ts_recv: Ts(n * 5_000_000),
            }),
        );
    }
    let mut payload = Vec::new();
    open.close(&mut payload);
    let message = proto::Records::decode(&payload[..]).expect("the schema's");
    assert_eq!(message.bid_price, [6_183_763]);
    assert_eq!(message.bid_size[..3], [1_000, 1, -1]);
    assert_eq!((message.time_unit, message.event_time_unit), (1_000_000, 1_000_000_000));
    assert_eq!(
        (message.time[1], message.event_time[1], message.first_event_time),
        (5, 30, 7)
    );
    assert_eq!(message.shapes.len(), 2);
    // A shape, an instrument, two times and the size, a byte each.
    assert!(payload.len() < 5 * 100 + 100, "{} bytes", payload.len());
}
