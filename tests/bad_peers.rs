//! Law 2 with every kind of bad peer that was thought of, over real sockets against the real binary: what must happen to
//! them, and that nobody and nothing else notices. Each comes in two waves; `support::siege` says what is looked at after
//! each.
//!
//! Readers that read nothing, or a trickle, stand in `tests/slow_consumer.rs`, over TLS in `tests/tls.rs`, of event streams
//! in `tests/events.rs`; who asks and reads no answer in `tests/websocket.rs`; a body that falls silent in
//! `server::routes::push`. Nothing that a client sends is ever inflated: neither messages nor bodies may be compressed, and
//! `compressed_bytes_are_refused_and_nowhere_inflated` proves it.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use socket2::SockRef;
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, masked};
use support::http::{Answer, head, upgrade};
use support::peer::Peer;
use support::request::subscribe;
use support::server::Server;
use support::siege::{besieged, until_ended};
use support::{LIMIT, eventually};
use tickwire::wire::Encoding::{self, Json, Msgpack, Protobuf};
use tickwire::wire::proto::ErrorCode;

const PING_TEXT: &[u8] = br#"{"ping":{"nonce":1}}"#;

/// Runs something in so many threads at once, each with its number.
fn in_threads(count: usize, run: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for at in 0..count {
            let run = &run;
            scope.spawn(move || run(at));
        }
    });
}

/// A handshake's bytes were sent, its answer was not read.
fn shaking(server: &Server) -> TcpStream {
    server.sent(&upgrade("", &[]))
}

/// Whether the server has ended a connection; what it said before is thrown away.
fn has_ended(stream: &mut TcpStream) -> bool {
    let mut sink = [0; 1_024];
    match stream.read(&mut sink) {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// A long poll of what does not change.
fn poll(server: &Server) -> Vec<u8> {
    let epoch = server.json("/v1/status")["epoch"]
        .as_str()
        .expect("an epoch")
        .to_owned();
    let target = format!("/v1/changes?symbols=a:B&epoch={epoch}&since=1&wait_ms=60000");
    head("GET", &target, &[])
}

/// Gone with a reset, whatever is under way.
fn reset(stream: &TcpStream) {
    let linger = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    linger.expect("an option");
}

#[test]
fn two_thousand_that_say_nothing_or_a_byte_at_a_time_are_let_go_in_time() {
    const COUNT: usize = 2_000;
    const HANDSHAKE: Duration = Duration::from_millis(1_500);
    let whole = upgrade("", &[]);
    besieged(&["--handshake-ms", "1500"], |server| {
        let mut open = Vec::new();
        while open.len() < COUNT {
            let stream = server.connect();
            stream.set_nonblocking(true).expect("an option");
            open.push((open.len(), stream, Instant::now()));
        }
        let (until, mut rounds) = (Instant::now() + LIMIT, 0);
        while !open.is_empty() {
            assert!(Instant::now() < until, "{} are still there", open.len());
            for (_, stream, _) in open.iter_mut().filter(|(at, ..)| at % 2 == 0) {
                // Far too slow: in time it would have said 30 bytes of its 200.
                let _ = stream.write(&whole[rounds..=rounds]);
            }
            open.retain_mut(|(_, stream, since)| {
                let is_gone = has_ended(stream);
                assert!(!is_gone || since.elapsed() >= HANDSHAKE / 2, "gone too early");
                !is_gone
            });
            if rounds == 10 {
                assert!(Peer::open(server, Protobuf).is_alive(), "others shake hands meanwhile");
            }
            rounds = (rounds + 1).min(whole.len() - 2);
            std::thread::sleep(Duration::from_millis(50));
        }
    });
}

#[test]
fn a_flood_of_handshakes_leaves_nothing_behind() {
    besieged(&[], |server| {
        let before = server.metric("tickwire_connections_total", "");
        in_threads(4, |at| {
            for turn in 0..250 {
                match (at + turn) % 4 {
                    // Without a look at the answer.
                    0 => drop(shaking(server)),
                    1 => drop(Peer::answered(shaking(server), Protobuf)),
                    2 => drop(Peer::open(server, Json)),
                    _ => {
                        let wrong = server.sent(&upgrade("?encoding=xml", &[]));
                        drop(wrong);
                    }
                }
            }
        });
        let accepted = server.metric("tickwire_connections_total", "") - before;
        assert!(accepted >= 500.0, "{accepted} were accepted");
    });
}

#[test]
fn ten_thousand_connects_and_resets_leave_nothing_behind() {
    besieged(&[], |server| {
        let poll = poll(server);
        in_threads(4, |at| {
            for turn in 0..1_250 {
                let stream = match (at + turn) % 5 {
                    0 => server.connect(),
                    1 => server.sent(&upgrade("", &[])[..40]),
                    2 => shaking(server),
                    3 => server.sent(&[upgrade("?encoding=json", &[]), masked(TEXT, PING_TEXT)].concat()),
                    _ => server.sent(&poll),
                };
                reset(&stream);
            }
        });
    });
}

/// What breaks the protocol in one frame, of each kind one: the codes are those of `tests/rfc6455.rs`.
fn breaches() -> Vec<Vec<u8>> {
    let claim = [&[BINARY, 0xff][..], &(1u64 << 62).to_be_bytes(), &[0; 4]].concat();
    vec![
        b"\x81\x02hi".to_vec(),
        masked(TEXT | 0x40, PING_TEXT),
        masked(0x83, PING_TEXT),
        masked(PING, &[0; 126]),
        masked(TEXT, b"\xed\xa0\x80"),
        masked(0x80, PING_TEXT),
        [masked(0x01, b"{"), masked(TEXT, b"}")].concat(),
        masked(CLOSE, &[3]),
        claim,
    ]
}

#[test]
fn who_breaks_the_protocol_is_let_go_even_where_it_never_answers_the_close() {
    besieged(&[], |server| {
        let breaches = breaches();
        let before = server.process.descriptors();
        let mut peers: Vec<Peer> = Vec::new();
        for at in 0..210 {
            let mut peer = Peer::open(server, Encoding::ALL[at % 3]);
            peer.send_raw(&breaches[at % breaches.len()]);
            if at % 3 == 0 {
                // It answers, as it should; the others read nothing any more.
                assert!(peer.read_to_end().is_some_and(|code| (1_002..=1_009).contains(&code)));
            }
            peers.push(peer);
        }
        // They still have their sockets; the server has not.
        server.until_subscribers(1);
        eventually("their descriptors are given back", || {
            (server.process.descriptors() <= before).then_some(())
        });
        drop(peers);
    });
}

#[test]
fn a_close_that_is_not_awaited_and_one_without_end_are_no_different() {
    besieged(&[], |server| {
        let peers: Vec<Peer> = (0..100)
            .map(|at| {
                let mut peer = Peer::open(server, Protobuf);
                peer.request(1, subscribe(&["synthetic:*"]));
                peer.send_frame(CLOSE, &1_000u16.to_be_bytes());
                if at % 2 == 0 {
                    peer.stream.shutdown(std::net::Shutdown::Write).expect("open");
                }
                peer
            })
            .collect();
        server.until_subscribers(1);
        drop(peers);
    });
}

/// Writes as fast as the socket takes it and reads nothing, until the server has ended the connection.
fn flood(server: &Server, begin: &[u8], piece: &[u8]) {
    let mut peer = Peer::open(server, Json);
    peer.send_raw(begin);
    let pieces = piece.repeat((256 << 10) / piece.len());
    let until = Instant::now() + LIMIT;
    let ended = loop {
        match peer.stream.write_all(&pieces) {
            Ok(()) => assert!(Instant::now() < until, "it is read on and on"),
            Err(error) => break error.kind(),
        }
    };
    let is_open = matches!(ended, ErrorKind::WouldBlock | ErrorKind::TimedOut);
    assert!(!is_open, "it is there, and not read");
}

#[test]
fn floods_end_their_own_connection_and_every_other_is_answered_meanwhile() {
    // More than there are threads for sessions on a small machine.
    const EACH: usize = 4;
    let floods: [(u16, &[u8], Vec<u8>); 5] = [
        (4_013, b"", masked(PING, b"?")),
        (4_013, b"", masked(PONG, b"")),
        (4_501, b"", masked(TEXT, b"?")),
        // Fragments of nothing: a message without an end.
        (1_009, b"\x01\x80\0\0\0\0", masked(0x00, b"")),
        // Garbage, behind the close frame too: there it is read and forgotten for a second.
        (1_002, b"\x83\x80\0\0\0\0", vec![b'x'; 4_096]),
    ];
    besieged(&[], |server| {
        let closes = |code: u16| server.metric("tickwire_closes_total", &format!("code=\"{code}\""));
        let before = floods.each_ref().map(|(code, ..)| closes(*code));
        let are_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut longest = Duration::ZERO;
                while !are_over.load(Relaxed) {
                    let asked = Instant::now();
                    server.page("/healthz");
                    assert!(Peer::open(server, Msgpack).is_alive());
                    longest = longest.max(asked.elapsed());
                }
                longest
            });
            for (_, begin, piece) in &floods {
                in_threads(EACH, |_| flood(server, begin, piece));
            }
            are_over.store(true, Relaxed);
            let longest = other.join().expect("others are answered");
            eprintln!("a request and a handshake took {longest:?} at most");
        });
        server.until_subscribers(1);
        for ((code, ..), before) in floods.iter().zip(before) {
            let count = floods.iter().filter(|(other, ..)| other == code).count() * EACH;
            assert_eq!(closes(*code) - before, count as f64, "{code}");
        }
    });
}

#[test]
fn storms_of_subscribes_are_refused_and_then_closed() {
    const ALL: &str = r#"{"subscribe":{"symbols":["synthetic:*","a:*","*:B"]}}"#;
    const NONE: &str = r#"{"unsubscribe":{"symbols":["synthetic:*","a:*","*:B"]}}"#;
    besieged(&[], |server| {
        let closed = server.metric("tickwire_closes_total", "code=\"4013\"");
        let refused = server.metric("tickwire_client_errors_total", "code=\"rate_limited\"");
        in_threads(4, |at| {
            let mut writer = Peer::open(server, Encoding::ALL[at % 3]);
            let mut reader = writer.stream.try_clone().expect("a descriptor");
            let storm = [masked(TEXT, ALL.as_bytes()), masked(TEXT, NONE.as_bytes())].concat();
            std::thread::scope(|scope| {
                // Who reads its answers is served as fast as it asks.
                scope.spawn(move || until_ended(std::slice::from_mut(&mut reader)));
                let until = Instant::now() + LIMIT;
                while writer.stream.write_all(&storm).is_ok() {
                    assert!(Instant::now() < until, "it is still served");
                }
            });
        });
        let closes = || server.metric("tickwire_closes_total", "code=\"4013\"") - closed;
        eventually("all four are closed", || (closes() == 4.0).then_some(()));
        let refusals = server.metric("tickwire_client_errors_total", "code=\"rate_limited\"") - refused;
        assert!(refusals >= 4.0 * 100.0, "{refusals} were refused before");
    });
}

#[test]
fn lengths_that_are_claimed_and_never_come_cost_what_one_message_may_have() {
    const COUNT: usize = 300;
    besieged(&["--ping-ms", "1000"], |server| {
        let before = server.process.resident_bytes().unwrap_or(0);
        let largest = [&[BINARY, 0xff][..], &65_536u64.to_be_bytes(), &[0; 4], &[0; 100]].concat();
        let mut streams: Vec<TcpStream> = (0..COUNT)
            .map(|at| {
                let mut peer = Peer::open(server, Encoding::ALL[at % 3]);
                peer.send_raw(&largest);
                peer.stream
            })
            .collect();
        server.until_subscribers(COUNT as u64 + 1);
        let grown = server.process.resident_bytes().unwrap_or(0).saturating_sub(before);
        // Beside what every subscriber has.
        let most = COUNT as u64 * (65_536 + (32 << 10));
        assert!(grown <= most, "{grown} bytes for {COUNT}");
        eprintln!("{grown} bytes more for {COUNT} messages of which only the length came");
        // They answer no ping: none is read while a message is under way.
        until_ended(&mut streams);
    });
}

/// Zeros, a thousandfold when inflated.
fn bomb() -> Vec<u8> {
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(&vec![0; 32 << 20]).expect("into memory");
    let bomb = deflate.finish().expect("into memory");
    assert!(bomb.len() < 60_000, "{} bytes", bomb.len());
    bomb
}

/// Refused before anything is inflated.
fn bombed(server: &Server, bomb: &[u8]) {
    // Protobuf's and MessagePack's `deflated`, which is the server's alone: field 15, its length in three bytes.
    let length = bomb.len() as u32;
    let varint = [length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8];
    let protobuf = [&[15 << 3 | 2][..], &varint, bomb].concat();
    let msgpack = [&[0x81, 15, 0xc5][..], &(bomb.len() as u16).to_be_bytes(), bomb].concat();
    for (encoding, first, bytes) in [
        (Protobuf, BINARY, protobuf.as_slice()),
        (Msgpack, BINARY, &msgpack),
        (Json, BINARY, bomb),
    ] {
        let mut peer = Peer::open(server, encoding);
        peer.send_frame(first, bytes);
        let (_, code, words) = peer.error();
        assert_eq!(code, ErrorCode::InvalidMessage, "{encoding}: {words}");
        assert!(peer.is_alive(), "{encoding}");
        // permessage-deflate, which was not agreed on (RFC 7692, 6).
        peer.send_frame(first | 0x40, bomb);
        assert_eq!(peer.closed().0, 1_002, "{encoding}");
    }
    let addr = server.addr;
    let head = format!(
        "POST /v1/updates HTTP/1.1\r\nHost: {addr}\r\nContent-Encoding: deflate\r\nContent-Length: {length}\r\n\r\n"
    );
    let mut stream = server.sent(head.as_bytes());
    assert_eq!(Answer::read(&mut stream, "POST").status, 415);
}

#[test]
fn compressed_bytes_are_refused_and_nowhere_inflated() {
    let bomb = bomb();
    besieged(&["--allow-control"], |server| {
        (0..5).for_each(|_| bombed(server, &bomb));
    });
}

#[test]
fn random_bytes_end_their_connection_at_worst() {
    const SEED: u64 = 0x5eed_6455;
    eprintln!("seed {SEED:#x}");
    besieged(&["--ping-ms", "1000"], |server| {
        in_threads(3, |kind| {
            let mut random = fastrand::Rng::with_seed(SEED + kind as u64);
            let mut bytes = |count: usize| -> Vec<u8> { (0..count).map(|_| random.u8(..)).collect() };
            let mut streams = Vec::new();
            for turn in 0..100 {
                let some = bytes(1 + turn * 37 % 2_000);
                let mut stream = match kind {
                    // Where a request should be.
                    0 => server.connect(),
                    // Where frames should be.
                    _ => Peer::open(server, Encoding::ALL[turn % 3]).stream,
                };
                let sent = match kind {
                    2 => {
                        // Whole frames of any opcode, and of any content.
                        let firsts = [TEXT, BINARY, 0x01, 0x80, 0x00, PING, CLOSE, 0x8f];
                        let first = firsts[usize::from(some[0]) % firsts.len()];
                        masked(first, &some[..some.len().min(100)])
                    }
                    _ => some,
                };
                // It may have been refused in the middle.
                let _ = stream.write_all(&sent);
                streams.push(stream);
            }
            // Some wait for more: they are let go when they answer no ping, or here.
            for stream in &streams {
                let _ = stream.shutdown(std::net::Shutdown::Write);
            }
            until_ended(&mut streams);
        });
    });
}

#[test]
fn slow_bodies_hold_up_nobody_elses() {
    besieged(&["--allow-control"], |server| {
        let addr = server.addr;
        let head = format!("POST /v1/updates HTTP/1.1\r\nHost: {addr}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let mut slow: Vec<TcpStream> = (0..200).map(|_| server.sent(head.as_bytes())).collect();
        for (round, byte) in br#"{"symbol":"own:SLOW","#.iter().enumerate() {
            for stream in &mut slow {
                stream
                    .write_all(&[b"1\r\n", &[*byte][..], b"\r\n"].concat())
                    .expect("it is read");
            }
            let line = format!("{{\"symbol\":\"own:FAST\",\"last_price\":\"{round}\"}}\n");
            assert_eq!(server.post("/v1/updates", &line).json()["accepted"], 1);
        }
        // Half of them end in the middle of a line, which is then none.
        slow.iter().step_by(2).for_each(reset);
        drop(slow);
        let rows = support::rows::snapshot(server, "own:*").rows;
        assert_eq!(rows.keys().collect::<Vec<_>>(), ["own:FAST"]);
    });
}

#[test]
fn requests_over_http_whose_answers_are_not_read_are_read_no_further() {
    besieged(&[], |server| {
        let before = server.process.resident_bytes().unwrap_or(0);
        let requests = head("GET", "/v1/symbols", &[]).repeat(100);
        let stuck: Vec<TcpStream> = (0..20)
            .map(|_| {
                let mut stream = support::http::connect(server.addr, Some(4_096));
                stream
                    .set_write_timeout(Some(Duration::from_millis(100)))
                    .expect("a limit");
                let until = Instant::now() + LIMIT;
                while stream.write_all(&requests).is_ok() {
                    assert!(Instant::now() < until, "it is read on and on");
                }
                stream
            })
            .collect();
        let grown = server.process.resident_bytes().unwrap_or(0).saturating_sub(before);
        assert!(grown < 32 << 20, "{grown} bytes more for 20 that read nothing");
        drop(stuck);
    });
}

#[test]
fn polls_and_event_streams_that_are_left_are_forgotten() {
    besieged(&[], |server| {
        let poll = poll(server);
        let open = |at: usize| match at % 2 {
            0 => server.sent(&poll),
            _ => server.sent(&head("GET", "/v1/events?symbols=synthetic:*", &[])),
        };
        let waiting: Vec<TcpStream> = (0..200).map(open).collect();
        server.until_status("all wait", |status| status["waiting"] == 200);
        waiting.iter().step_by(3).for_each(reset);
        drop(waiting);
    });
}
