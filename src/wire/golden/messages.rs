//! The messages of the golden files.

use crate::wire::proto::{self, client_message, server_message};

const EPOCH: u64 = 7_220_500_123_456_789;
const TS: u64 = 1_723_104_000_010_000_000;

pub(super) fn clients() -> Vec<(&'static str, proto::ClientMessage)> {
    use client_message::Body;
    let symbols = || vec!["binance:BTCUSDT".to_owned(), "kraken:*USD".to_owned()];
    let subscribe = |resume, channel| {
        Body::Subscribe(proto::Subscribe {
            symbols: symbols(),
            resume,
            channel,
        })
    };
    let resume = Some(proto::Position { epoch: EPOCH, seq: 300 });
    let message = |request_id, body| proto::ClientMessage {
        request_id,
        body: Some(body),
    };
    let token = "secret".to_owned();
    vec![
        (
            "authenticate",
            message(1, Body::Authenticate(proto::Authenticate { token })),
        ),
        ("subscribe", message(2, subscribe(None, 0))),
        (
            "subscribe_resume_book",
            message(2, subscribe(resume, proto::Channel::Book as i32)),
        ),
        (
            "unsubscribe",
            message(3, Body::Unsubscribe(proto::Unsubscribe { symbols: symbols() })),
        ),
        ("ping", message(4, Body::Ping(proto::Ping { nonce: 128, ts: TS }))),
        (
            "configure_pace",
            message(
                5,
                Body::Configure(proto::Configure {
                    interval_ms: Some(500),
                    window: None,
                }),
            ),
        ),
        (
            "configure_window_off",
            message(
                5,
                Body::Configure(proto::Configure {
                    interval_ms: None,
                    window: Some(0),
                }),
            ),
        ),
        ("received", message(0, Body::Received(proto::Received { seq: 70_000 }))),
        (
            "received_nothing_yet",
            message(0, Body::Received(proto::Received { seq: 0 })),
        ),
    ]
}

pub(super) fn servers() -> Vec<(&'static str, proto::ServerMessage)> {
    use server_message::Body;
    let bodies = vec![
        ("welcome", Body::Welcome(welcome())),
        ("snapshot", Body::Snapshot(snapshot())),
        (
            "snapshot_resumed_nothing",
            Body::Snapshot(proto::Snapshot {
                epoch: EPOCH,
                seq: 301,
                ts: TS,
                request_id: 2,
                resumed: true,
                ..Default::default()
            }),
        ),
        ("delta", Body::Delta(delta())),
        ("delta_conflated", Body::Delta(delta_conflated())),
        (
            "heartbeat",
            Body::Heartbeat(proto::Heartbeat {
                seq: 302,
                ts: TS,
                prev_seq: 301,
            }),
        ),
        (
            "ack",
            Body::Ack(proto::Ack {
                request_id: 5,
                interval_ms: 500,
                window: 8,
                symbols: 3,
            }),
        ),
        (
            "error",
            Body::Error(proto::Error {
                request_id: 6,
                code: proto::ErrorCode::TooManySymbols as i32,
                message: "at most 3".to_owned(),
            }),
        ),
        (
            "pong",
            Body::Pong(proto::Pong {
                nonce: 128,
                ts_client: TS,
                ts_recv: TS + 1,
                ts_sent: TS + 2,
            }),
        ),
        (
            "goaway",
            Body::Goaway(proto::Goaway {
                reason: "restart".to_owned(),
                reconnect_after_ms: 1500,
                url: "ws://b/v1/stream".to_owned(),
            }),
        ),
        ("deflated", Body::Deflated(vec![0x03, 0x00])),
    ];
    let message = |body| proto::ServerMessage { body: Some(body) };
    bodies.into_iter().map(|(name, body)| (name, message(body))).collect()
}

fn welcome() -> proto::Welcome {
    proto::Welcome {
        server: "tickwire/0.1.0".to_owned(),
        epoch: EPOCH,
        seq: 300,
        ts: TS,
        interval_ms: 10,
        heartbeat_ms: 1000,
        max_symbols: 10_000,
        max_message_bytes: 65_536,
        session: "s1".to_owned(),
        authenticated: true,
        frame_bytes_max: 65_536,
        clock: proto::Clock::Tape as i32,
    }
}

pub(super) fn instrument() -> proto::Instrument {
    proto::Instrument {
        id: 1,
        symbol: "binance:BTCUSDT".to_owned(),
        price_decimals: 2,
        size_decimals: 5,
        volume_decimals: 0,
    }
}

/// A snapshot and a ticker with every field that there is.
fn snapshot() -> proto::Snapshot {
    let ticker = proto::Ticker {
        id: 1,
        bid_price: Some(6_183_763),
        bid_size: Some(12_000),
        ask_price: Some(6_183_764),
        ask_size: Some(0),
        last_price: Some(-5),
        last_size: Some(1),
        volume: Some(u64::MAX),
        open: Some(i64::MIN),
        high: Some(i64::MAX),
        low: Some(0),
        event_age_us: Some(-250),
        cleared: Some(1 << 3 | 1 << 19),
        updates: Some(2),
        update_count: Some(70_000),
        state: Some(proto::TickerState::Stale as i32),
        last_age_us: Some(1_000_000),
        trade_count: Some(9),
        last_side: Some(proto::Side::Sell as i32),
        cause: Some(proto::StaleCause::Gap as i32),
    };
    proto::Snapshot {
        epoch: EPOCH,
        seq: 301,
        ts: TS,
        request_id: 2,
        removed: vec![7, 300],
        instruments: vec![instrument()],
        tickers: vec![ticker],
        venues: vec![proto::Venue {
            name: "binance".to_owned(),
            state: proto::VenueState::Up as i32,
            since: TS,
            reason: "connected".to_owned(),
        }],
        resumed: true,
        more: true,
        pending: vec!["a:B".to_owned()],
        rejected: vec![proto::Rejected {
            symbol: "b".to_owned(),
            code: proto::ErrorCode::InvalidSymbol as i32,
            message: "no venue".to_owned(),
        }],
    }
}

/// The everyday delta: two quotes, nothing else.
fn delta() -> proto::Delta {
    let quote = |id, bid_price, bid_size| proto::Ticker {
        id,
        bid_price: Some(bid_price),
        bid_size: Some(bid_size),
        event_age_us: Some(1500),
        ..Default::default()
    };
    proto::Delta {
        seq: 301,
        ts: TS,
        tickers: vec![quote(1, 6_183_763, 12_000), quote(2, 100, 7)],
        ..Default::default()
    }
}

/// Every field of a delta.
fn delta_conflated() -> proto::Delta {
    proto::Delta {
        prev_seq: Some(250),
        removed: vec![9],
        instruments: vec![instrument()],
        venues: vec![proto::Venue {
            name: "kraken".to_owned(),
            state: proto::VenueState::Down as i32,
            since: TS,
            reason: String::new(),
        }],
        skipped: 50,
        more: true,
        ..delta()
    }
}
