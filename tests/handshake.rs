//! Connecting: every row of the protocol's table, what is refused and how, and the edges of the handshake.

mod support;

use std::io::Write;

use support::frame::{CLOSE, TEXT, masked};
use support::http::{Answer, head, upgrade};
use support::peer::Peer;
use support::request::{Said, subscribe};
use support::server::Server;
use tickwire::wire::Encoding::{self, Json, Msgpack, Protobuf};

const PROTOCOL: &str = "Sec-WebSocket-Protocol";
/// A page of the server's own host.
const BROWSER: (&str, &str) = ("Origin", "https://localhost");

/// Status, code and message of a refused handshake.
fn refused(server: &Server, query: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let mut stream = server.sent(&upgrade(query, headers));
    Answer::read(&mut stream, "GET").error()
}

#[test]
fn the_encoding_comes_from_the_subprotocol_else_the_query_else_is_protobuf() {
    let server = Server::quiet(&[]);
    let offers = |offers| [(PROTOCOL, offers)];
    for (query, headers, encoding, echo) in [
        ("", vec![], Protobuf, None),
        ("?encoding=protobuf", vec![], Protobuf, None),
        ("?encoding=msgpack", vec![], Msgpack, None),
        ("?encoding=json", vec![], Json, None),
        ("?encoding=j%73on", vec![], Json, None),
        ("", offers("tickwire.v1.json").to_vec(), Json, Some("tickwire.v1.json")),
        (
            "?encoding=json",
            offers("tickwire.v1.msgpack").to_vec(),
            Msgpack,
            Some("tickwire.v1.msgpack"),
        ),
        (
            "?encoding=json",
            [offers("chat ,tickwire.v1.protobuf"), offers("tickwire.v1.json")].concat(),
            Protobuf,
            Some("tickwire.v1.protobuf"),
        ),
    ] {
        let mut ws = Peer::upgrade(&server, query, &headers, encoding);
        let echoes: Vec<_> = ws
            .answer
            .headers
            .iter()
            .filter(|(n, _)| n == "sec-websocket-protocol")
            .collect();
        let echoes: Vec<_> = echoes.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(echoes, echo.into_iter().collect::<Vec<_>>(), "{query} {headers:?}");
        let frame = ws.frame();
        assert_eq!(frame.first == TEXT, encoding == Json, "{query} {headers:?}");
        assert!(
            matches!(ws.decode(&frame).body, Some(Said::Welcome(_))),
            "{query} {headers:?}"
        );
    }
}

#[test]
fn a_pace_is_rounded_up_to_whole_beats_and_told_in_the_welcome() {
    let server = Server::quiet(&[
        "--max-symbols",
        "7",
        "--heartbeat-ms",
        "500",
        "--max-message-bytes",
        "2048",
    ]);
    for (query, interval_ms) in [
        ("", 10),
        ("?interval_ms=10", 10),
        ("?interval_ms=11", 20),
        ("?interval_ms=500", 500),
        ("?interval_ms=59999", 60_000),
        ("?interval_ms=60000&compression=none&encoding=protobuf", 60_000),
    ] {
        let welcome = Peer::upgrade(&server, query, &[], Protobuf).welcome();
        assert_eq!(welcome.interval_ms, interval_ms, "{query}");
        assert_eq!((welcome.max_symbols, welcome.heartbeat_ms), (7, 500));
        assert_eq!((welcome.max_message_bytes, welcome.frame_bytes_max), (2_048, 65_536));
        assert!((1..1 << 53).contains(&welcome.epoch) && welcome.ts > 0, "{welcome:?}");
        assert!(!welcome.session.is_empty() && !welcome.authenticated, "{welcome:?}");
        assert_eq!(welcome.server, concat!("tickwire/", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn with_deflate_a_large_answer_is_compressed_and_says_the_same() {
    let server = Server::of("synthetic?symbols=100&rate=1", &[]);
    server.until_instruments(100);
    for encoding in Encoding::ALL {
        let size = |compression: &str| {
            let query = format!("?encoding={encoding}&compression={compression}");
            let mut ws = Peer::upgrade(&server, &query, &[], encoding);
            assert!(ws.frame().payload.len() < 256, "a welcome is not worth it");
            ws.request(1, subscribe(&["synthetic:*"]));
            let frame = ws.frame();
            match ws.decode(&frame).body {
                Some(Said::Snapshot(snapshot)) => assert_eq!(snapshot.instruments.len(), 100),
                other => panic!("not a snapshot: {other:?}"),
            }
            (frame.payload.len(), frame.first)
        };
        let ((plain, _), (packed, first)) = (size("none"), size("deflate"));
        assert!(packed * 4 < plain * 3, "{encoding}: {packed} of {plain} bytes");
        assert_ne!(first, TEXT, "{encoding}: deflated bytes are no text");
    }
}

#[test]
fn a_wrong_option_is_a_400_that_says_what_is_allowed_and_a_browser_is_closed_with_the_same_words() {
    let server = Server::quiet(&[]);
    let none: &[(&str, &str)] = &[];
    for (query, headers, part) in [
        ("?encoding=xml", none, "protobuf, msgpack or json"),
        ("?encoding=JSON", none, "protobuf, msgpack or json"),
        ("?encoding=", none, "protobuf, msgpack or json"),
        ("?compression=gzip", none, "none or deflate"),
        ("?interval_ms=9", none, "10 to 60000"),
        ("?interval_ms=60001", none, "10 to 60000"),
        ("?interval_ms=1e3", none, "10 to 60000"),
        ("?interval_ms=+100", none, "10 to 60000"),
        ("?interval_ms=99999999999999999999", none, "10 to 60000"),
        ("?pace=10", none, "encoding, compression, interval_ms and ticket"),
        ("?encoding=json&encoding=json", none, "more than once"),
        ("", &[(PROTOCOL, "soap, tickwire.v2.json")], "tickwire.v1.protobuf"),
    ] {
        let (status, code, message) = refused(&server, query, headers);
        assert_eq!((status, code.as_str()), (400, "invalid_message"), "{query}: {message}");
        assert!(message.contains(part), "{query}: {message}");
        let mut ws = Peer::upgrade(&server, query, &[headers, &[BROWSER]].concat(), Protobuf);
        // Echoed though it is not known: else the browser never hears why.
        let offered = headers.iter().find(|(name, _)| *name == PROTOCOL).map(|_| "soap");
        assert_eq!(ws.answer.header("sec-websocket-protocol"), offered);
        let (code, reason) = ws.closed();
        assert_eq!(code, 4_505, "{query}: {reason}");
        assert!(
            !reason.is_empty() && message.starts_with(&reason),
            "`{reason}` is not `{message}`"
        );
    }
    let (status, _, message) = refused(&server, "?encoding=%zz", &[]);
    assert_eq!(status, 400, "{message}");
    server.until_subscribers(0);
}

#[test]
fn one_connection_too_many_is_refused_and_a_place_is_free_again_after_a_close() {
    let server = Server::quiet(&["--max-connections", "2"]);
    let mut first = Peer::open(&server, Protobuf);
    let mut second = Peer::open(&server, Json);
    let mut stream = server.sent(&upgrade("", &[]));
    let answer = Answer::read(&mut stream, "GET");
    assert_eq!((answer.error().0, answer.error().1.as_str()), (503, "unavailable"));
    assert!(answer.header("retry-after").is_some_and(|s| s.parse::<u32>().is_ok()));
    let (code, reason) = Peer::upgrade(&server, "", &[BROWSER], Protobuf).closed();
    assert_eq!((code, reason.as_str()), (4_504, "too many connections"));
    assert!(first.is_alive() && second.is_alive());

    first.send_frame(CLOSE, &1_000u16.to_be_bytes());
    assert_eq!(first.closed().0, 1_000);
    drop(first);
    server.until_subscribers(1);
    let again = (0..1_000).find_map(|_| {
        // The place is given back just after the subscriber is forgotten.
        let mut stream = server.sent(&upgrade("", &[]));
        (Answer::read(&mut stream, "GET").status == 101).then_some(stream)
    });
    assert!(again.is_some(), "a place is free again");
    assert!(second.is_alive());
}

#[test]
fn pages_that_are_refused_take_no_subscribers_place() {
    let server = Server::quiet(&["--max-connections", "1"]);
    let foreign = ("Origin", "https://evil.test");
    // They are told, and do not close: their sockets stay as long as the server bears it.
    let refused: Vec<_> = ["", "?interval_ms=1"]
        .into_iter()
        .flat_map(|query| [(query, foreign), (query, BROWSER)])
        .filter(|case| *case != ("", BROWSER))
        .map(|(query, page)| Peer::upgrade(&server, query, &[page], Protobuf))
        .collect();
    let mut only = Peer::open(&server, Protobuf);
    assert!(only.is_alive());
    drop(refused);
}

#[test]
fn what_stands_right_behind_the_handshake_in_one_segment_is_not_lost() {
    let server = Server::quiet(&[]);
    let mut bytes = upgrade("?encoding=json", &[]);
    for nonce in 1..=20 {
        bytes.extend(masked(TEXT, format!(r#"{{"ping":{{"nonce":{nonce}}}}}"#).as_bytes()));
    }
    let stream = server.sent(&bytes);
    let mut ws = Peer::answered(stream, Json);
    ws.welcome();
    for nonce in 1..=20 {
        assert!(matches!(ws.answered_with(), Said::Pong(pong) if pong.nonce == nonce));
    }
}

#[test]
fn a_handshake_and_a_message_in_single_bytes_work() {
    let server = Server::quiet(&[]);
    let mut stream = server.connect();
    for byte in upgrade("?encoding=json", &[]) {
        stream.write_all(&[byte]).expect("written");
    }
    let mut ws = Peer::answered(stream, Json);
    ws.welcome();
    for byte in masked(TEXT, br#"{"ping":{"nonce":3}}"#) {
        ws.send_raw(&[byte]);
    }
    assert!(matches!(ws.answered_with(), Said::Pong(pong) if pong.nonce == 3));
}

#[test]
fn a_connection_can_be_upgraded_after_it_was_used_for_plain_http() {
    let server = Server::quiet(&[]);
    let mut stream = server.sent(&head("GET", "/healthz", &[]));
    assert_eq!(Answer::read(&mut stream, "GET").status, 200);
    stream.write_all(&upgrade("", &[])).expect("written");
    Peer::answered(stream, Protobuf).welcome();
}
