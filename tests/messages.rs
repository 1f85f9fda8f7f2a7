//! What a subscriber may ask, in all three encodings, and how each request is answered.

mod support;

use support::frame::{BINARY, TEXT};
use support::peer::Peer;
use support::request::{Ask, Said, subscribe};
use support::server::Server;
use tickwire::wire::Encoding::{self, Json, Msgpack, Protobuf};
use tickwire::wire::proto::{self, ErrorCode};

fn symbols(symbols: &[&str]) -> Vec<String> {
    symbols.iter().map(|s| (*s).to_owned()).collect()
}

fn unsubscribe(of: &[&str]) -> Ask {
    Ask::Unsubscribe(proto::Unsubscribe { symbols: symbols(of) })
}

fn configure(interval_ms: Option<u32>, window: Option<u32>) -> Ask {
    Ask::Configure(proto::Configure { interval_ms, window })
}

fn snapshot(said: Said) -> proto::Snapshot {
    match said {
        Said::Snapshot(snapshot) => snapshot,
        other => panic!("not a snapshot: {other:?}"),
    }
}

fn ack(said: Said) -> (u64, u32, u32, u32) {
    match said {
        Said::Ack(ack) => (ack.request_id, ack.interval_ms, ack.window, ack.symbols),
        other => panic!("not an ack: {other:?}"),
    }
}

fn error(said: Said) -> (u64, ErrorCode) {
    match said {
        Said::Error(error) => (error.request_id, error.code()),
        other => panic!("not an error: {other:?}"),
    }
}

#[test]
fn each_request_is_answered_under_its_number_in_every_encoding() {
    let server = Server::quiet(&[]);
    server.until_instruments(3);
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        let got = snapshot(ws.ask((1 << 53) - 1, subscribe(&["synthetic:S0000", "synthetic:S0001"])));
        assert_eq!((got.request_id, got.more, got.resumed), ((1 << 53) - 1, false, false));
        let names: Vec<_> = got.instruments.iter().map(|i| i.symbol.as_str()).collect();
        assert_eq!(names, ["synthetic:S0000", "synthetic:S0001"], "{encoding}");
        assert_eq!(
            got.venues.iter().map(|v| v.name.as_str()).collect::<Vec<_>>(),
            ["synthetic"]
        );

        assert_eq!(
            ack(ws.ask(2, configure(Some(95), Some(3)))),
            (2, 100, 3, 2),
            "{encoding}"
        );
        assert_eq!(ack(ws.ask(3, configure(None, None))), (3, 100, 3, 2), "{encoding}");
        assert_eq!(
            ack(ws.ask(4, configure(Some(10), Some(0)))),
            (4, 10, 0, 2),
            "{encoding}"
        );
        assert_eq!(
            ack(ws.ask(5, unsubscribe(&["synthetic:S0000"]))),
            (5, 10, 0, 1),
            "{encoding}"
        );
        assert_eq!(
            error(ws.ask(6, unsubscribe(&["synthetic:S0000"]))),
            (6, ErrorCode::NotSubscribed)
        );
        assert_eq!(
            error(ws.ask(7, unsubscribe(&["synthetic:*"]))),
            (7, ErrorCode::NotSubscribed)
        );

        // Not answered: the next answer is another request's.
        ws.request(8, Ask::Received(proto::Received { seq: got.seq }));
        let token = "secret".to_owned();
        let said = ws.ask(9, Ask::Authenticate(proto::Authenticate { token }));
        assert_eq!(error(said), (9, ErrorCode::Unsupported), "{encoding}");

        let ping = proto::Ping {
            nonce: (1 << 53) - 1,
            ts: u64::MAX,
        };
        match ws.ask(0, Ask::Ping(ping)) {
            Said::Pong(pong) => {
                assert_eq!((pong.nonce, pong.ts_client), ((1 << 53) - 1, u64::MAX), "{encoding}");
                assert!(0 < pong.ts_recv && pong.ts_recv <= pong.ts_sent, "{pong:?}");
            }
            other => panic!("not a pong: {other:?}"),
        }
    }
}

#[test]
fn an_unsubscribe_with_one_unknown_string_takes_nothing_back() {
    let server = Server::quiet(&[]);
    server.until_instruments(3);
    let mut ws = Peer::open(&server, Protobuf);
    snapshot(ws.ask(1, subscribe(&["synthetic:S0000"])));
    let said = ws.ask(2, unsubscribe(&["synthetic:S0000", "synthetic:S0001"]));
    assert_eq!(error(said), (2, ErrorCode::NotSubscribed));
    assert_eq!(ack(ws.ask(3, unsubscribe(&["synthetic:S0000"]))).3, 0);
}

#[test]
fn json_text_is_taken_on_a_binary_connection_and_numbers_in_any_dress() {
    let server = Server::quiet(&[]);
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        for number in ["7", "7.0", "\"7\"", "0.7e1"] {
            let text = format!(r#"{{"request_id":{number},"configure":{{"interval_ms":{number}0,"x":[]}},"later":1}}"#);
            let text = text
                .replace("\"7\"0", "\"70\"")
                .replace("7.00", "70.0")
                .replace("0.7e10", "0.7e2");
            ws.send_frame(TEXT, text.as_bytes());
            assert_eq!(ack(ws.answered_with()), (7, 70, 0, 0), "{encoding}: {text}");
        }
        ws.send_frame(TEXT, br#"{"ping":{"nonce":"3","ts":"18446744073709551615"}}"#);
        assert!(matches!(ws.answered_with(), Said::Pong(p) if (p.nonce, p.ts_client) == (3, u64::MAX)));
    }
    let mut ws = Peer::open(&server, Msgpack);
    // {1: 7.0, 6: {1: 70.0}}
    let floats = b"\x82\x01\xcb\x40\x1c\0\0\0\0\0\0\x06\x81\x01\xca\x42\x8c\0\0";
    ws.send_frame(BINARY, floats);
    assert_eq!(ack(ws.answered_with()), (7, 70, 0, 0));
}

#[test]
fn what_is_malformed_is_refused_under_its_number_where_it_has_one_and_the_connection_stays() {
    let server = Server::quiet(&[]);
    let resume = r#""subscribe":{"symbols":["a:B"],"resume":{"epoch":"0","seq":1}}"#;
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        for (text, request_id) in [
            ("", 0),
            ("garbage", 0),
            ("{}", 0),
            ("[]", 0),
            ("null", 0),
            (r#"{"request_id":5}"#, 5),
            (r#"{"request_id":5,"ping":{},"received":{}}"#, 5),
            (&format!(r#"{{"request_id":5,{resume}}}"#), 5),
            (r#"{"request_id":9007199254740992,"ping":{}}"#, 0),
            (r#"{"request_id":-1,"ping":{}}"#, 0),
            (r#"{"request_id":1.5,"ping":{}}"#, 0),
            (r#"{"request_id":5,"subscribe":{"symbols":[]}}"#, 5),
            (r#"{"request_id":5,"unsubscribe":{}}"#, 5),
            (r#"{"request_id":5,"configure":{"interval_ms":9}}"#, 5),
            (r#"{"request_id":5,"configure":{"interval_ms":60001}}"#, 5),
            (r#"{"request_id":5,"configure":{"window":1025}}"#, 5),
        ] {
            let (id, code, message) = ws.refused(text);
            assert_eq!(code, ErrorCode::InvalidMessage, "{text}: {message}");
            assert!(
                id == request_id || id == 0 && text.contains('-'),
                "{text}: {id} {message}"
            );
            assert!(!message.is_empty() && message.len() < 1_000, "{message}");
            assert!(ws.is_alive(), "{text}");
        }
    }
    for (encoding, bytes) in [
        (Protobuf, &b""[..]),
        (Protobuf, b"\x08\x05"),
        (Protobuf, b"\x08\x05\x2a\x00\x3a\x00"),
        (Protobuf, b"\xff\xff\xff\xff"),
        (Protobuf, b"\x1a\xff\xff\xff\xff\x0f"),
        (Msgpack, b""),
        (Msgpack, b"\x81\x01\x05"),
        (Msgpack, b"\x83\x01\x05\x05\x80\x07\x80"),
        (Msgpack, b"\xdf\xff\xff\xff\xff"),
        (Msgpack, b"\x90"),
        (Json, b"{\"ping\":{}}"),
    ] {
        let mut ws = Peer::open(&server, encoding);
        ws.send_frame(BINARY, bytes);
        let (_, code, message) = ws.error();
        assert_eq!(code, ErrorCode::InvalidMessage, "{bytes:?}: {message}");
        assert!(ws.is_alive());
    }
}

#[test]
fn a_channel_that_is_not_there_is_unsupported_and_an_unknown_one_too() {
    let server = Server::quiet(&[]);
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        for channel in [1, 2, 77] {
            let body = proto::Subscribe {
                symbols: symbols(&["a:B"]),
                channel,
                resume: None,
            };
            if (encoding, channel) != (Json, 77) {
                assert_eq!(
                    error(ws.ask(3, Ask::Subscribe(body))),
                    (3, ErrorCode::Unsupported),
                    "{encoding}"
                );
            }
        }
        let (id, code, _) = ws.refused(r#"{"request_id":4,"subscribe":{"symbols":["a:B"],"channel":"book"}}"#);
        assert_eq!((id, code), (4, ErrorCode::Unsupported));
        assert_eq!(
            error(ws.ask(5, unsubscribe(&["a:B"]))).1,
            ErrorCode::NotSubscribed,
            "nothing was taken"
        );
    }
}

#[test]
fn bad_symbols_are_rejected_one_by_one_and_the_others_stand() {
    let server = Server::quiet(&[]);
    server.until_instruments(3);
    let long = format!("synthetic:{}", "x".repeat(64));
    let bad = [
        "", "BTC", ":", "a:", ":B", "A:B", "a b:C", "a:B C", "a:B,C", "a:B?", "a:\u{1}", "a_b:C", &long,
    ];
    let good = ["synthetic:S0000", "other:B", "synthetic:S0000"];
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        let got = snapshot(ws.ask(1, subscribe(&[&bad[..], &good].concat())));
        let rejected: Vec<_> = got.rejected.iter().map(|r| (r.symbol.as_str(), r.code())).collect();
        let want: Vec<_> = bad.iter().map(|symbol| (*symbol, ErrorCode::InvalidSymbol)).collect();
        assert_eq!(rejected, want, "{encoding}");
        assert!(got.rejected.iter().all(|r| !r.message.is_empty()));
        assert_eq!(got.pending, ["other:B"], "{encoding}");
        assert_eq!(
            got.instruments.iter().map(|i| i.symbol.as_str()).collect::<Vec<_>>(),
            good[..1]
        );
        assert_eq!(
            ack(ws.ask(2, unsubscribe(&["other:B"]))).3,
            1,
            "a pending one was given"
        );
        let got = snapshot(ws.ask(3, subscribe(&["BTC"])));
        assert_eq!(
            (got.request_id, got.rejected.len(), got.instruments.len()),
            (3, 1, 0),
            "all of them bad"
        );
        assert_eq!(ack(ws.ask(4, configure(None, None))).3, 1, "what was held stays");
    }
}

#[test]
fn symbols_above_the_bound_are_refused_one_by_one() {
    let server = Server::quiet(&["--max-symbols", "3"]);
    server.until_instruments(3);
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        let asked = [
            "synthetic:S0000",
            "x:A",
            "synthetic:S0001",
            "x:B",
            "synthetic:S0000",
            "synthetic:*",
        ];
        let got = snapshot(ws.ask(1, subscribe(&asked)));
        let refused: Vec<_> = got.rejected.iter().map(|r| (r.symbol.as_str(), r.code())).collect();
        let too_many = ErrorCode::TooManySymbols;
        assert_eq!(refused, [("x:B", too_many), ("synthetic:*", too_many)], "{encoding}");
        assert_eq!(
            (got.pending, got.instruments.len()),
            (symbols(&["x:A"]), 2),
            "{encoding}"
        );
        assert_eq!(ack(ws.ask(2, unsubscribe(&["x:A"]))).3, 2);
        let got = snapshot(ws.ask(3, subscribe(&["synthetic:*"])));
        assert_eq!(
            (got.rejected.len(), got.instruments.len()),
            (0, 3),
            "{encoding}: what is held counts once"
        );
    }
}

#[test]
fn requests_sent_at_once_are_answered_in_order_one_by_one() {
    let server = Server::quiet(&[]);
    server.until_instruments(3);
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        for round in 0..50 {
            let id = round * 4;
            ws.request(id + 1, subscribe(&["synthetic:*"]));
            ws.request(id + 2, Ask::Ping(proto::Ping { nonce: id + 2, ts: 0 }));
            ws.request(id + 3, unsubscribe(&["synthetic:*"]));
            ws.request(id + 4, unsubscribe(&["synthetic:*"]));
        }
        for round in 0..50 {
            let id = round * 4;
            assert_eq!(snapshot(ws.answered_with()).request_id, id + 1, "{encoding}");
            assert!(
                matches!(ws.answered_with(), Said::Pong(pong) if pong.nonce == id + 2),
                "{encoding}"
            );
            assert_eq!(ack(ws.answered_with()).0, id + 3, "{encoding}");
            assert_eq!(error(ws.answered_with()).0, id + 4, "{encoding}");
        }
    }
}
