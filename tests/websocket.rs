//! Sockets from outside, beyond what RFC 6455 says (`tests/rfc6455.rs`): peers that are silent, go on in spite of a close,
//! vanish or read nothing.

mod support;

use std::io::{ErrorKind, Write};
use std::time::Duration;

use support::LIMIT;
use support::frame::{BINARY, PING, PONG, TEXT, masked};
use support::http::{self, upgrade};
use support::peer::Peer;
use support::request::{Ask, Said, subscribe};
use support::server::Server;
use tickwire::wire::Encoding::{self, Json, Protobuf};
use tickwire::wire::proto;

const PING_TEXT: &[u8] = br#"{"ping":{"nonce":1}}"#;

#[test]
fn a_large_message_may_still_be_under_way_when_it_is_refused() {
    let server = Server::quiet(&[]);
    let mut ws = Peer::open(&server, Protobuf);
    // The peer is faster than the close: none of what it writes may cost it the close frame.
    ws.send_frame(BINARY, &vec![0; 3_000_000]);
    assert_eq!(ws.closed().0, 1_009);
}

#[test]
fn ten_malformed_messages_in_a_row_close_and_a_good_one_starts_the_count_again() {
    let server = Server::quiet(&[]);
    for encoding in Encoding::ALL {
        let mut ws = Peer::open(&server, encoding);
        for _ in 0..3 {
            (0..9).for_each(|_| drop(ws.refused("?")));
            assert!(ws.is_alive(), "{encoding}");
        }
        (0..9).for_each(|_| drop(ws.refused("?")));
        ws.send_frame(PING, b"");
        ws.send_frame(TEXT, b"?");
        assert_eq!(ws.closed().0, 4_501, "{encoding}: a ping is no good message");
    }
}

#[test]
fn a_peer_that_answers_no_ping_is_closed_and_one_that_does_stays() {
    let server = Server::quiet(&["--ping-ms", "1000", "--heartbeat-ms", "100"]);
    let mut silent = Peer::open(&server, Protobuf);
    let mut answering = Peer::open(&server, Protobuf);
    let mut talking = Peer::open(&server, Protobuf);
    let mut pings = 0;
    while pings < 3 {
        let frame = answering.frame();
        if frame.first == PING {
            answering.send_frame(PONG, &frame.payload);
            pings += 1;
        }
        // With each heartbeat: anything that comes back is as good as a pong.
        talking.send_frame(TEXT, PING_TEXT);
        assert!(matches!(talking.answered_with(), Said::Pong(_)));
    }
    assert_eq!(silent.closed().0, 4_012);
    assert!(answering.is_alive() && talking.is_alive());
}

#[test]
fn an_answer_that_is_long_in_coming_is_not_taken_for_the_peers_silence() {
    let server = Server::quiet(&["--ping-ms", "400"]);
    let mut ws = Peer::upgrade(&server, "", &[], Protobuf);
    let epoch = ws.welcome().epoch;
    // A server behind the seq asked for waits 1 s, more than two pings' time, before it answers.
    let resume = Some(proto::Position { epoch, seq: 1 << 50 });
    let symbols = vec!["synthetic:*".to_owned()];
    ws.request(
        1,
        Ask::Subscribe(proto::Subscribe {
            symbols,
            resume,
            channel: 0,
        }),
    );
    let (mut is_answered, mut pings) = (false, 0);
    while !is_answered || pings < 2 {
        let frame = ws.frame();
        if frame.first == PING {
            ws.send_frame(PONG, &frame.payload);
            pings += 1;
        } else {
            is_answered |= matches!(ws.decode(&frame).body, Some(Said::Snapshot(snapshot)) if !snapshot.resumed);
        }
    }
    assert!(ws.is_alive());
}

#[test]
fn peers_that_vanish_leave_nothing_behind() {
    let server = Server::quiet(&[]);
    let mut healthy = Peer::open(&server, Protobuf);
    for round in 0..20 {
        let mut ws = Peer::open(&server, Encoding::ALL[round % 3]);
        ws.request(1, subscribe(&["synthetic:*"]));
        if round % 2 == 0 {
            // Gone with a reset.
            let socket = socket2::SockRef::from(&ws.stream);
            socket.set_linger(Some(Duration::ZERO)).expect("an option");
        } else {
            // Gone in the middle of a frame.
            ws.send_raw(&masked(TEXT, PING_TEXT)[..9]);
        }
    }
    // Gone before the answer to the handshake.
    server.connect().write_all(&upgrade("", &[])).expect("written");
    server.until_subscribers(1);
    assert!(healthy.is_alive());
}

#[test]
fn who_asks_and_never_reads_is_read_no_further_and_costs_no_memory() {
    let server = Server::quiet(&[]);
    let mut healthy = Peer::open(&server, Protobuf);
    let mut stream = http::connect(server.addr, Some(2_048));
    let socket = socket2::SockRef::from(&stream);
    socket.set_send_buffer_size(2_048).expect("an option");
    stream.write_all(&upgrade("?encoding=json", &[])).expect("written");
    let mut ws = Peer::answered(stream, Json);
    ws.welcome();

    // Until nothing is taken any more. A refusal repeats 100 characters of a bad symbol.
    ws.stream
        .set_write_timeout(Some(Duration::from_millis(300)))
        .expect("a limit");
    let bad = format!("a:{}", "\\u0001".repeat(200));
    let (mut sent, mut first_resident) = (Vec::new(), 0);
    let stuck = loop {
        let id = sent.len() as u64 + 1;
        let text = format!(r#"{{"request_id":{id},"subscribe":{{"symbols":["{bad}"]}}}}"#);
        let frame = masked(TEXT, text.as_bytes());
        match ws.stream.write(&frame) {
            Ok(taken) if taken == frame.len() => sent.push(id),
            Ok(taken) => break frame[taken..].to_vec(),
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                    "{error}"
                );
                break frame;
            }
        }
        assert!(
            sent.len() < 20_000,
            "the server reads on although its answers are not read"
        );
        if sent.len() == 20 {
            first_resident = server.process.resident_bytes().unwrap_or(0);
        }
    };
    let grown = server
        .process
        .resident_bytes()
        .unwrap_or(0)
        .saturating_sub(first_resident);
    assert!(grown < 4 << 20, "{grown} bytes more after {} requests", sent.len());
    assert!(healthy.is_alive(), "nobody else notices");

    // Each was kept, and is answered in order once the peer reads.
    for id in sent {
        match ws.answered_with() {
            Said::Snapshot(snapshot) => assert_eq!(snapshot.request_id, id),
            other => panic!("not an answer: {other:?}"),
        }
    }
    ws.stream.set_write_timeout(Some(LIMIT)).expect("a limit");
    ws.send_raw(&stuck);
    assert!(matches!(ws.answered_with(), Said::Snapshot(_)));
    assert!(ws.is_alive());
}
