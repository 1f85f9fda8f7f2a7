//! Any valid message, for property tests.

use super::proto::{self, client_message, server_message};
use crate::market::{Field, FieldSet};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

const CHOSEN_NUMBER_END: u64 = 1 << 53;

/// A request with any of the bodies.
pub(crate) fn client() -> impl Strategy<Value = proto::ClientMessage> {
    use client_message::Body;
    let symbols = || vec(text(), 0..4);
    let position = (1u64.., any::<u64>()).prop_map(|(epoch, seq)| proto::Position { epoch, seq });
    let body = prop_oneof![
        text().prop_map(|token| Body::Authenticate(proto::Authenticate { token })),
        (symbols(), of(position), -1i32..5).prop_map(|(symbols, resume, channel)| {
            Body::Subscribe(proto::Subscribe {
                symbols,
                resume,
                channel,
            })
        }),
        symbols().prop_map(|symbols| Body::Unsubscribe(proto::Unsubscribe { symbols })),
        (0..CHOSEN_NUMBER_END, any::<u64>()).prop_map(|(nonce, ts)| Body::Ping(proto::Ping { nonce, ts })),
        (of(any::<u32>()), of(any::<u32>()))
            .prop_map(|(interval_ms, window)| Body::Configure(proto::Configure { interval_ms, window })),
        any::<u64>().prop_map(|seq| Body::Received(proto::Received { seq })),
    ];
    (0..CHOSEN_NUMBER_END, body).prop_map(|(request_id, body)| proto::ClientMessage {
        request_id,
        body: Some(body),
    })
}

/// A message with any of the bodies but `deflated`.
pub(crate) fn server() -> impl Strategy<Value = proto::ServerMessage> {
    use server_message::Body;
    let body = prop_oneof![
        welcome().prop_map(Body::Welcome),
        snapshot().prop_map(Body::Snapshot),
        delta().prop_map(Body::Delta),
        any::<[u64; 3]>().prop_map(|[seq, ts, prev_seq]| Body::Heartbeat(proto::Heartbeat { seq, ts, prev_seq })),
        (any::<u64>(), any::<[u32; 3]>()).prop_map(|(request_id, [interval_ms, window, symbols])| {
            Body::Ack(proto::Ack {
                request_id,
                interval_ms,
                window,
                symbols,
            })
        }),
        (any::<u64>(), 0i32..12, text()).prop_map(|(request_id, code, message)| {
            Body::Error(proto::Error {
                request_id,
                code,
                message,
            })
        }),
        any::<[u64; 4]>().prop_map(|[nonce, ts_client, ts_recv, ts_sent]| {
            Body::Pong(proto::Pong {
                nonce,
                ts_client,
                ts_recv,
                ts_sent,
            })
        }),
        (text(), any::<u32>(), text()).prop_map(|(reason, reconnect_after_ms, url)| {
            Body::Goaway(proto::Goaway {
                reason,
                reconnect_after_ms,
                url,
            })
        }),
    ];
    body.prop_map(|body| proto::ServerMessage { body: Some(body) })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![3 => "[a-z]{0,9}:[A-Z*/]{0,9}", 1 => "\\PC{0,6}", 1 => Just("\"\\\n\0€".to_owned())]
}

fn welcome() -> impl Strategy<Value = proto::Welcome> {
    (
        text(),
        any::<[u64; 3]>(),
        any::<[u32; 5]>(),
        text(),
        any::<bool>(),
        0i32..3,
    )
        .prop_map(|(server, longs, ints, session, authenticated, clock)| proto::Welcome {
            server,
            epoch: longs[0],
            seq: longs[1],
            ts: longs[2],
            interval_ms: ints[0],
            heartbeat_ms: ints[1],
            max_symbols: ints[2],
            max_message_bytes: ints[3],
            session,
            authenticated,
            frame_bytes_max: ints[4],
            clock,
        })
}

fn snapshot() -> impl Strategy<Value = proto::Snapshot> {
    let rejected =
        (text(), 0i32..12, text()).prop_map(|(symbol, code, message)| proto::Rejected { symbol, code, message });
    (
        any::<[u64; 4]>(),
        data(),
        any::<bool>(),
        any::<bool>(),
        vec(text(), 0..3),
        vec(rejected, 0..3),
    )
        .prop_map(
            |([epoch, seq, ts, request_id], data, resumed, more, pending, rejected)| proto::Snapshot {
                epoch,
                seq,
                ts,
                request_id,
                removed: data.0,
                instruments: data.1,
                tickers: data.2,
                venues: data.3,
                resumed,
                more,
                pending,
                rejected,
            },
        )
}

fn delta() -> impl Strategy<Value = proto::Delta> {
    (
        any::<u64>(),
        of(any::<u64>()),
        any::<u64>(),
        data(),
        any::<u32>(),
        any::<bool>(),
    )
        .prop_map(|(seq, prev_seq, ts, data, skipped, more)| proto::Delta {
            seq,
            prev_seq,
            ts,
            removed: data.0,
            instruments: data.1,
            tickers: data.2,
            venues: data.3,
            skipped,
            more,
        })
}

type Data = (Vec<u32>, Vec<proto::Instrument>, Vec<proto::Ticker>, Vec<proto::Venue>);

/// Instruments of small ids with decimals, and tickers of announced ids, so that JSON finds its decimals.
fn data() -> impl Strategy<Value = Data> {
    let instrument = (text(), 0u32..19, 0u32..19, 0u32..19);
    let venue = (text(), 0i32..5, any::<u64>(), text()).prop_map(|(name, state, since, reason)| proto::Venue {
        name,
        state,
        since,
        reason,
    });
    let announced = vec((instrument, ticker()), 0..6);
    (vec(any::<u32>(), 0..4), announced, vec(venue, 0..3)).prop_map(|(removed, announced, venues)| {
        let mut instruments = Vec::new();
        let mut tickers = Vec::new();
        for (id, ((symbol, price_decimals, size_decimals, volume_decimals), ticker)) in (0u32..).zip(announced) {
            instruments.push(proto::Instrument {
                id,
                symbol,
                price_decimals,
                size_decimals,
                volume_decimals,
            });
            tickers.push(proto::Ticker { id, ..ticker });
        }
        (removed, instruments, tickers, venues)
    })
}

fn ticker() -> impl Strategy<Value = proto::Ticker> {
    let price = || of(any::<i64>());
    let size = || of(any::<u64>());
    let cleared = any::<u64>().prop_map(|bits| FieldSet::from_number_bits(bits).to_number_bits());
    let quote = (price(), size(), price(), size(), price(), size());
    let day = (size(), price(), price(), price(), size());
    let entry = (of(any::<i64>()), of(cleared), of(any::<u32>()), size(), price());
    let states = (of(0i32..5), of(0i32..4), of(0i32..7));
    (quote, day, entry, states).prop_map(|(quote, day, entry, states)| proto::Ticker {
        id: 0,
        bid_price: quote.0,
        bid_size: quote.1,
        ask_price: quote.2,
        ask_size: quote.3,
        last_price: quote.4,
        last_size: quote.5,
        volume: day.0,
        open: day.1,
        high: day.2,
        low: day.3,
        event_age_us: entry.0,
        cleared: entry.1,
        updates: entry.2,
        update_count: entry.3,
        state: states.0,
        last_age_us: entry.4,
        trade_count: day.4,
        last_side: states.1,
        cause: states.2,
    })
}

#[test]
fn the_generated_cleared_bits_are_those_of_fields() {
    assert_eq!(
        FieldSet::from_iter(Field::ALL).to_number_bits(),
        0b1100_0000_1111_1111_1100
    );
}
