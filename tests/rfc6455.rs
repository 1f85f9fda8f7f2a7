//! RFC 6455 from outside, section by section: what is sent, and what must come. The whole of each table is tried over real
//! sockets against the real binary, the framing in each encoding.
//!
//! Origins (4.2.2, 10.2) stand in `tests/origins.rs`, subprotocols (4.2.2) in `tests/handshake.rs`, pings that the server
//! sends and peers that break off in `tests/websocket.rs`. There are no extensions (9), so no bit of one is allowed. That
//! the server masks nothing (5.1), sets no reserved bit and fragments nothing is checked wherever a test reads a frame.

mod support;

use std::time::{Duration, Instant};

use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, masked};
use support::http::{ACCEPT, Answer, upgrade};
use support::in_each_encoding;
use support::peer::Peer;
use support::request::Said;
use support::server::Server;
use tickwire::wire::Encoding::{self, Json, Protobuf};
use tickwire::wire::proto::ErrorCode;

/// Largest message that is taken here.
const MESSAGE_BYTES_MAX: usize = 1_024;

const PING_TEXT: &[u8] = br#"{"ping":{"nonce":1}}"#;

/// The same opcodes without the final bit.
const TEXT_BEGINS: u8 = TEXT & 0x7f;
const BINARY_BEGINS: u8 = BINARY & 0x7f;
const GOES_ON: u8 = 0x00;
const ENDS: u8 = 0x80;

/// What must come of what was sent.
enum Then {
    /// The message is taken, with pongs of these payloads before its answer, the last of them at least.
    Answered(&'static [&'static [u8]]),
    /// The message is refused, and the connection stays.
    Refused,
    /// A close frame with this code and words, then the end, and nothing between.
    Closed(u16),
}
use Then::{Answered, Closed, Refused};

struct Case {
    section: &'static str,
    what: &'static str,
    sent: Vec<u8>,
    then: Then,
}

fn case(section: &'static str, what: &'static str, sent: impl AsRef<[u8]>, then: Then) -> Case {
    let sent = sent.as_ref().to_vec();
    Case {
        section,
        what,
        sent,
        then,
    }
}

/// Frames right behind one another.
fn frames(frames: &[(u8, &[u8])]) -> Vec<u8> {
    frames
        .iter()
        .flat_map(|(first, payload)| masked(*first, payload))
        .collect()
}

/// A masked head that claims a length in 8 bytes.
fn claims(length: u64) -> Vec<u8> {
    [&[BINARY, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat()
}

/// Section 5.1 to 5.4: masks, heads, lengths and fragments.
fn framing() -> Vec<Case> {
    let (begin, end) = PING_TEXT.split_at(4);
    let zero_masked = [&[TEXT, 0x80 | PING_TEXT.len() as u8, 0, 0, 0, 0], PING_TEXT].concat();
    let largest = format!("{:<1$}", r#"{"ping":{"nonce":1}}"#, MESSAGE_BYTES_MAX);
    let longer = vec![b' '; MESSAGE_BYTES_MAX + 1];
    let mut scattered = masked(TEXT_BEGINS, b"");
    PING_TEXT
        .iter()
        .for_each(|byte| scattered.extend(masked(GOES_ON, &[*byte])));
    scattered.extend(masked(ENDS, b""));
    let endless = [masked(TEXT_BEGINS, b""), masked(GOES_ON, b"").repeat(4_000)].concat();
    vec![
        case("5.1", "a frame without a mask", b"\x81\x02hi", Closed(1_002)),
        case("5.1", "a ping without a mask", b"\x89\x00", Closed(1_002)),
        case(
            "5.2",
            "RSV1 without an extension",
            masked(TEXT | 0x40, PING_TEXT),
            Closed(1_002),
        ),
        case("5.2", "RSV2", masked(TEXT | 0x20, PING_TEXT), Closed(1_002)),
        case("5.2", "RSV3", masked(TEXT | 0x10, PING_TEXT), Closed(1_002)),
        case(
            "5.2",
            "RSV1 on a control frame",
            masked(PING | 0x40, b""),
            Closed(1_002),
        ),
        case("5.2", "opcode 3", masked(0x83, PING_TEXT), Closed(1_002)),
        case("5.2", "opcode 7, of nothing", masked(0x87, b""), Closed(1_002)),
        case("5.2", "opcode 11", masked(0x8b, b""), Closed(1_002)),
        case("5.2", "opcode 15", masked(0x8f, b""), Closed(1_002)),
        case("5.2", "a length in 7 bits", masked(TEXT, PING_TEXT), Answered(&[])),
        case(
            "5.2",
            "the largest length, in 16 bits",
            masked(TEXT, largest.as_bytes()),
            Answered(&[]),
        ),
        case("5.2", "a byte more", masked(TEXT, &longer), Closed(1_009)),
        case("5.2", "a byte more, of binary", masked(BINARY, &longer), Closed(1_009)),
        case(
            "5.2",
            "a length in 64 bits that is only claimed",
            claims(1 << 62),
            Closed(1_009),
        ),
        case("5.3", "a mask of zeros", zero_masked, Answered(&[])),
        case(
            "5.4",
            "two fragments",
            frames(&[(TEXT_BEGINS, begin), (ENDS, end)]),
            Answered(&[]),
        ),
        case("5.4", "fragments of one byte and of none", scattered, Answered(&[])),
        case(
            "5.4",
            "control frames between fragments",
            frames(&[
                (TEXT_BEGINS, begin),
                (PING, b"now"),
                (GOES_ON, b""),
                (PONG, b""),
                (ENDS, end),
            ]),
            Answered(&[b"now"]),
        ),
        case("5.4", "an end of nothing", masked(ENDS, PING_TEXT), Closed(1_002)),
        case(
            "5.4",
            "going on with nothing",
            masked(GOES_ON, PING_TEXT),
            Closed(1_002),
        ),
        case(
            "5.4",
            "a message in the middle of another",
            frames(&[(TEXT_BEGINS, begin), (TEXT, end)]),
            Closed(1_002),
        ),
        case(
            "5.4",
            "fragments of one message in another",
            frames(&[(TEXT_BEGINS, begin), (BINARY_BEGINS, end)]),
            Closed(1_002),
        ),
        case(
            "5.4",
            "fragments that are too long together",
            frames(&[(TEXT_BEGINS, &longer[..600]), (ENDS, &longer[..600])]),
            Closed(1_009),
        ),
        case("5.4", "fragments of nothing without end", endless, Closed(1_009)),
    ]
}

/// Section 5.5: close, ping and pong.
fn control() -> Vec<Case> {
    let then_text = |first, payload: &[u8]| frames(&[(first, payload), (TEXT, PING_TEXT)]);
    let long = [b'x'; 126];
    vec![
        case("5.5", "a ping in fragments", masked(PING & 0x7f, b""), Closed(1_002)),
        case("5.5", "a close in fragments", masked(CLOSE & 0x7f, b""), Closed(1_002)),
        case("5.5", "a ping of 126 bytes", masked(PING, &long), Closed(1_002)),
        case("5.5", "a pong of 126 bytes", masked(PONG, &long), Closed(1_002)),
        case(
            "5.5",
            "a close of 126 bytes",
            masked(CLOSE, &[&[3, 232], &long[2..]].concat()),
            Closed(1_002),
        ),
        case(
            "5.5.1",
            "what stands behind a close is not read",
            frames(&[(CLOSE, &[3, 232]), (PING, b"late"), (0x83, b"")]),
            Closed(1_000),
        ),
        case(
            "5.5.1",
            "a close in the middle of a message",
            frames(&[(TEXT_BEGINS, b"{"), (CLOSE, &[3, 232])]),
            Closed(1_000),
        ),
        case("5.5.2", "a ping of nothing", then_text(PING, b""), Answered(&[b""])),
        case(
            "5.5.2",
            "a ping of 125 bytes",
            then_text(PING, &[0xff; 125]),
            Answered(&[&[0xff; 125]]),
        ),
        case(
            "5.5.3",
            "of several pings the newest is answered",
            frames(&[(PING, b"1"), (PING, b"2"), (PING, b"3"), (TEXT, PING_TEXT)]),
            Answered(&[b"1", b"2", b"3"]),
        ),
        case(
            "5.5.3",
            "a pong that nobody asked for",
            then_text(PONG, b"?"),
            Answered(&[]),
        ),
    ]
}

/// Sections 7.1 and 7.4: closing, and its codes.
fn closing() -> Vec<Case> {
    let of = |code: u16| masked(CLOSE, &[&code.to_be_bytes()[..], b"why"].concat());
    let mut cases = vec![
        case("7.1.5", "a close without a code", masked(CLOSE, b""), Closed(1_000)),
        case("7.1.6", "a code without words", masked(CLOSE, &[3, 233]), Closed(1_001)),
        case("5.5.1", "half a code", masked(CLOSE, &[3]), Closed(1_002)),
        case(
            "5.5.1",
            "words that are no UTF-8",
            masked(CLOSE, &[3, 232, 0xff, 0xfe]),
            Closed(1_007),
        ),
    ];
    for code in [1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011] {
        cases.push(case("7.4.1", "a code that is defined", of(code), Closed(code)));
    }
    for code in [3_000, 3_999, 4_000, 4_999] {
        cases.push(case(
            "7.4.2",
            "a code of libraries or of applications",
            of(code),
            Closed(code),
        ));
    }
    for code in [1_004, 1_005, 1_006, 1_015] {
        cases.push(case("7.4.1", "a code that must not be sent", of(code), Closed(1_002)));
    }
    for code in [0, 999, 1_014, 1_016, 2_999, 5_000, 65_535] {
        cases.push(case("7.4.2", "a code of nobody", of(code), Closed(1_002)));
    }
    cases
}

/// Section 8.1: UTF-8, over fragments too.
fn utf8() -> Vec<Case> {
    let text = "{\"ping\":{\"nonce\":1},\"\u{e9}\u{20ac}\u{1f4c8}\":0}".as_bytes();
    let mut cases = vec![case(
        "8.1",
        "all lengths of characters",
        masked(TEXT, text),
        Answered(&[]),
    )];
    // Before each character that is more than a byte, and inside it.
    for at in (1..text.len()).filter(|at| text[*at] >= 0x80) {
        let sent = frames(&[(TEXT_BEGINS, &text[..at]), (ENDS, &text[at..])]);
        cases.push(case("8.1", "a character over two fragments", sent, Answered(&[])));
    }
    for (what, bytes) in [
        ("a byte of no character", &b"\xff"[..]),
        ("a byte that goes on with nothing", b"\x80"),
        ("a character that is cut", b"{}\xe2\x82"),
        ("a longer spelling than needed", b"\xc0\xaf"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("beyond the last character", b"\xf4\x90\x80\x80"),
    ] {
        cases.push(case("8.1", what, masked(TEXT, bytes), Closed(1_007)));
        let parts = frames(&[(TEXT_BEGINS, bytes), (ENDS, b"")]);
        cases.push(case("8.1", what, parts, Closed(1_007)));
    }
    cases.push(case(
        "8.1",
        "valid text that is no message",
        masked(TEXT, "\u{1f4c8}".as_bytes()),
        Refused,
    ));
    cases
}

fn server() -> Server {
    Server::quiet(&["--max-message-bytes", &MESSAGE_BYTES_MAX.to_string()])
}

/// Reads up to the answer and checks the pongs before it.
fn answered(ws: &mut Peer, expected: &[&[u8]], words: &str) {
    let mut pongs = Vec::new();
    loop {
        let frame = ws.frame();
        match frame.first {
            PONG => pongs.push(frame.payload),
            TEXT | BINARY => match ws.decode(&frame).body {
                Some(Said::Pong(pong)) => {
                    assert_eq!(pong.nonce, 1, "{words}");
                    break;
                }
                Some(Said::Heartbeat(_)) => {}
                other => panic!("{words}: {other:?}"),
            },
            other => panic!("{words}: opcode {other:#x}"),
        }
    }
    // 5.5.3: of several pings only the newest need be answered, each with its own payload and in order.
    assert_eq!(pongs.last().map(Vec::as_slice), expected.last().copied(), "{words}");
    let mut rest = expected.iter();
    assert!(
        pongs.iter().all(|pong| rest.any(|sent| sent == pong)),
        "{words}: {pongs:?}"
    );
}

fn check(server: &Server, encoding: Encoding, case: &Case, send: impl Fn(&mut Peer, &[u8])) {
    let words = format!("{} {}, {encoding}", case.section, case.what);
    let mut ws = Peer::open(server, encoding);
    send(&mut ws, &case.sent);
    match case.then {
        Answered(pongs) => answered(&mut ws, pongs, &words),
        Refused => assert_eq!(ws.error().1, ErrorCode::InvalidMessage, "{words}"),
        Closed(code) => {
            let (got, reason) = ws.closed();
            assert_eq!(got, code, "{words}: {reason}");
            // 7.1.6: an echo has no need of words, whoever fails the connection says why.
            assert!(!reason.is_empty() || case.sent[0] == CLOSE, "{words}");
        }
    }
    if !matches!(case.then, Closed(_)) {
        assert!(ws.is_alive(), "{words}");
    }
}

fn check_all(cases: fn() -> Vec<Case>) {
    let server = server();
    let began = Instant::now();
    in_each_encoding(|encoding| {
        for case in cases() {
            check(&server, encoding, &case, |ws, bytes| ws.send_raw(bytes));
        }
    });
    server.until_subscribers(0);
    // 7.1.1: the server ends the connection at once, not after the second that a peer has for it.
    let connections = cases().len() as u32 * 3;
    let each = began.elapsed() / connections;
    assert!(each < Duration::from_millis(500), "{each:?} for each of {connections}");
}

#[test]
fn section_5_frames_are_read_or_end_the_connection() {
    check_all(framing);
}

#[test]
fn section_5_5_control_frames_are_answered_or_end_the_connection() {
    check_all(control);
}

#[test]
fn section_7_closes_are_answered_with_their_code_or_1002() {
    check_all(closing);
}

#[test]
fn section_8_text_is_utf8() {
    check_all(utf8);
}

#[test]
fn section_5_however_tcp_cuts_the_bytes_they_mean_the_same() {
    let server = server();
    let all = [framing(), control(), closing(), utf8()];
    std::thread::scope(|scope| {
        for cases in &all {
            let server = &server;
            scope.spawn(move || {
                for case in cases.iter().filter(|case| case.sent.len() < 300) {
                    let in_bytes = |ws: &mut Peer, bytes: &[u8]| {
                        // What was refused may be closed before its last byte: the rest need not be taken.
                        bytes.iter().for_each(|byte| ws.send_if_open(&[*byte]));
                    };
                    check(server, Json, case, in_bytes);
                }
            });
        }
    });
}

/// A handshake in which one thing is another.
fn handshake(server: &Server, from: &str, to: &str) -> Answer {
    let text = String::from_utf8(upgrade("", &[])).expect("UTF-8");
    assert!(text.contains(from), "{from}");
    Answer::read(&mut server.sent(text.replacen(from, to, 1).as_bytes()), "GET")
}

#[test]
fn section_4_2_1_what_is_no_handshake_is_refused() {
    let server = Server::quiet(&[]);
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    for (section, from, to, status) in [
        ("4.2.1, 1", "GET", "POST", 405),
        ("4.2.1, 1", "HTTP/1.1", "HTTP/1.0", 400),
        ("4.2.1, 2", "Host: localhost\r\n", "", 400),
        ("4.2.1, 3", "Upgrade: websocket", "Upgrade: h2c", 400),
        ("4.2.1, 3", "Upgrade: websocket\r\n", "", 400),
        ("4.2.1, 4", "Connection: Upgrade", "Connection: keep-alive", 400),
        ("4.2.1, 4", "Connection: Upgrade\r\n", "", 400),
        ("4.2.1, 5", "Sec-WebSocket-Key", "X-Key", 400),
        ("4.2.1, 5", KEY, "", 400),
        ("4.2.1, 5", KEY, "AAAAAAAAAAAAAAAAAAAA", 400),     // 15 bytes
        ("4.2.1, 5", KEY, "AAAAAAAAAAAAAAAAAAAAAAA=", 400), // 17 bytes
        ("4.2.1, 5", KEY, "!GhlIHNhbXBsZSBub25jZQ==", 400), // no base64
        ("4.2.1, 6", "Sec-WebSocket-Version", "X-Version", 400),
        ("4.2.2, 4", "Version: 13", "Version: 8", 426),
        ("4.2.2, 4", "Version: 13", "Version: 14", 426),
    ] {
        let answer = handshake(&server, from, to);
        let (got, _, message) = answer.error();
        assert_eq!(got, status, "{section} `{to}`: {message}");
        // 4.4: which versions there are is told.
        let versions = (status == 426).then_some("13");
        assert_eq!(answer.header("sec-websocket-version"), versions, "{section} `{to}`");
    }
    let (status, _, message) = server.get("/v1/stream").error();
    assert_eq!(status, 400);
    assert!(message.contains("WebSocket upgrade is needed"), "{message}");
    server.until_subscribers(0);
}

#[test]
fn section_4_2_2_a_handshake_is_answered_whatever_its_letters() {
    let server = Server::quiet(&[]);
    for (section, from, to) in [
        ("1.3", "GET", "GET"),
        ("4.2.1, 3", "Upgrade: websocket", "UPGRADE: WebSocket"),
        ("4.2.1, 4", "Connection: Upgrade", "connection: keep-alive, upgrade"),
        // 9.1: what is not offered back is not in use; the cases of 5.2 prove it.
        (
            "4.2.1, 9",
            "Connection",
            "Sec-WebSocket-Extensions: permessage-deflate\r\nConnection",
        ),
        ("4.2.1, 10", "Connection", "Cookie: a=b\r\nX-Own: 1\r\nConnection"),
    ] {
        let answer = handshake(&server, from, to);
        assert_eq!(answer.status, 101, "{section} `{to}`: {}", answer.text());
        let header = |name| answer.header(name).map(str::to_lowercase);
        assert_eq!(header("upgrade").as_deref(), Some("websocket"), "{section}");
        assert_eq!(header("connection").as_deref(), Some("upgrade"), "{section}");
        assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT), "{section}");
        assert_eq!(answer.header("sec-websocket-extensions"), None, "{section}");
        assert_eq!(answer.header("sec-websocket-protocol"), None, "{section}");
    }
    server.until_subscribers(0);
    let mut ws = Peer::open(&server, Protobuf);
    assert!(ws.is_alive());
}
