//! `tickwire bench` against the real server, and against one that does what it must not.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::Value;
use support::in_each_encoding;
use support::process::{Ended, Process, run};
use support::server::Server;
use tickwire::wire::proto::server_message::Body;
use tickwire::wire::proto::{Delta, Heartbeat, Instrument, ServerMessage, Snapshot, Ticker, Welcome};
use tickwire::wire::{Encoding, encode_server};
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept_hdr};

const LIVELY: &str = "synthetic?symbols=60&rate=3000&activity=even";

fn lively(args: &[&str]) -> Server {
    let server = Server::of(LIVELY, args);
    server.until_instruments(60);
    server
}

/// Runs it to its end with `--json`; the report.
fn bench(url: &str, args: &[&str]) -> (Ended, Value) {
    let ended = run(&[&["bench", url, "--json"], args].concat());
    let report = serde_json::from_str(&ended.out).unwrap_or_else(|e| panic!("{e}: {}{}", ended.out, ended.err));
    (ended, report)
}

/// The same where nothing may be wrong.
fn well(url: &str, args: &[&str]) -> Value {
    let (ended, report) = bench(url, args);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{report}");
    assert_eq!(
        (&report["gaps"], &report["faults_total"]),
        (&0.into(), &0.into()),
        "{report}"
    );
    assert_eq!(report["joined"], report["subscribers"], "{report}");
    report
}

fn whole(report: &Value, name: &str) -> u64 {
    let found = name.split('.').try_fold(report, |value, key| value.get(key));
    found
        .and_then(Value::as_u64)
        .unwrap_or_else(|| panic!("no {name}: {report}"))
}

fn number(report: &Value, name: &str) -> f64 {
    let found = name.split('.').try_fold(report, |value, key| value.get(key));
    found
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no {name}: {report}"))
}

#[test]
fn what_it_received_is_what_the_server_says_it_sent() {
    let server = lively(&[]);
    let pid = server.process.id().to_string();
    let args = [
        "--subscribers",
        "30",
        "--symbols",
        "10",
        "--seconds",
        "2",
        "--pid",
        &pid,
    ];
    let report = well(&server.url(), &args);

    // To the last frame, and of bytes all but what the server does not count: welcomes, heartbeats, answers, closes.
    assert_eq!(
        whole(&report, "whole_run.frames") as f64,
        server.metric("tickwire_frames_total", "")
    );
    let (bytes, counted) = (
        whole(&report, "whole_run.wire_bytes") as f64,
        server.metric("tickwire_frame_bytes_total", ""),
    );
    assert!(
        counted <= bytes && bytes < counted + 30.0 * 1_000.0,
        "{counted} of {bytes}"
    );
    assert_eq!(server.metric("tickwire_closes_total", "code=\"1000\""), 30.0);

    let (frames, seconds) = (whole(&report, "frames"), number(&report, "measured_s"));
    assert!(frames > 0 && frames < whole(&report, "whole_run.frames"), "{report}");
    assert!((2.0..2.5).contains(&seconds), "{report}");
    let a_second = frames as f64 / seconds;
    assert!((number(&report, "frames_per_s") - a_second).abs() < 1.0, "{report}");
    assert!(whole(&report, "entries") >= frames && whole(&report, "payload_bytes") < whole(&report, "wire_bytes"));
    assert_eq!(whole(&report, "latency_ns.count"), frames - whole(&report, "snapshots"));
    for spread in ["latency_ns", "age_ns", "round_trip_ns"] {
        let at = |name: &str| number(&report, &format!("{spread}.{name}"));
        assert!(
            at("min") <= at("p50") && at("p50") <= at("p99") && at("p99") <= at("max"),
            "{report}"
        );
        assert!(at("p50") < 30e9, "{report}");
    }
    // The witness is decoded in full, and a share of the others.
    assert!(
        whole(&report, "checked.decoded") > whole(&report, "whole_run.frames") / 30,
        "{report}"
    );
    assert!(
        whole(&report, "checked.seqs") >= whole(&report, "whole_run.frames"),
        "{report}"
    );

    let process = &report["process"];
    assert_eq!(process["pid"].to_string(), pid);
    assert!(
        number(process, "cpu_us_per_frame") > 0.0 && whole(process, "resident_bytes_joined") > 1 << 20,
        "{process}"
    );
    let names: Vec<&str> = process["threads"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|t| t["name"].as_str())
        .collect();
    assert!(names.contains(&"shard-0") && names.contains(&"engine"), "{names:?}");
    let sum: f64 = process["threads"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|t| number(t, "cpu_s"))
        .sum();
    assert!((sum - number(process, "cpu_s")).abs() < 0.01, "{process}");
}

#[test]
fn every_encoding_is_measured_with_and_without_compression() {
    let server = lively(&[]);
    let url = server.url();
    in_each_encoding(|encoding| {
        for compression in ["none", "deflate"] {
            let name = encoding.to_string();
            let args = [
                "--encoding",
                &name,
                "--compression",
                compression,
                "--subscribers",
                "4",
                "--symbols",
                "60",
            ];
            let report = well(&url, &[&args[..], &["--seconds", "1"]].concat());
            assert_eq!(
                (&report["encoding"], &report["compression"]),
                (&name.into(), &compression.into())
            );
            assert!(whole(&report, "entries") > whole(&report, "frames"), "{report}");
            assert!(whole(&report, "checked.decoded") > 0, "{report}");
            assert_eq!(report["inflate"].is_null(), compression == "none", "{report}");
            if compression == "deflate" {
                assert!(number(&report, "inflate.us_per_message") > 0.0, "{report}");
                assert!(
                    whole(&report, "inflate.inflated_bytes") > whole(&report, "inflate.deflated_bytes"),
                    "{report}"
                );
            }
        }
    });
}

#[test]
fn pace_sets_and_patterns_are_as_asked_for() {
    let server = lively(&[]);
    let args = [
        "--same",
        "--interval",
        "100",
        "--match",
        "synthetic:S000*",
        "--symbols",
        "10",
    ];
    let report = well(
        &server.url(),
        &[&args[..], &["--subscribers", "8", "--seconds", "1"]].concat(),
    );
    assert_eq!((&report["interval_ms"], &report["same"]), (&100.into(), &true.into()));
    let frames = whole(&report, "frames");
    assert!((8..=8 * 12).contains(&frames), "at most one in 100 ms: {report}");
    // All alike share a frame: the server builds far fewer than it sends.
    let figures = || ["tickwire_frames_total", "tickwire_frames_built_total"].map(|name| server.metric(name, ""));
    let before = figures();
    well(
        &server.url(),
        &["--same", "--subscribers", "8", "--symbols", "10", "--seconds", "1"],
    );
    let after = figures();
    let (sent, built) = (after[0] - before[0], after[1] - before[1]);
    assert!(built * 2.0 < sent, "{built} built, {sent} sent");
}

#[test]
fn a_table_is_for_people_and_says_what_was_measured() {
    let server = lively(&[]);
    let ended = run(&[
        "bench",
        &server.url(),
        "--subscribers",
        "3",
        "--symbols",
        "5",
        "--seconds",
        "1",
    ]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    for row in [
        "server ",
        "subscribers  3 of 3 joined",
        "frames ",
        "entries ",
        "bytes ",
        "latency      p50 ",
        "lost         0",
    ] {
        assert!(
            ended.out.lines().any(|line| line.starts_with(row)),
            "no `{row}`: {}",
            ended.out
        );
    }
}

#[test]
fn who_is_refused_fails_it_with_the_servers_words() {
    let server = lively(&["--max-symbols", "5", "--max-connections", "3"]);
    let (ended, report) = bench(&server.url(), &["--subscribers", "2", "--symbols", "6"]);
    assert_eq!(ended.code, Some(1), "{report}");
    assert!(
        ended.err.contains("0 of 2 subscribers joined") && ended.err.contains("at most 5 symbols"),
        "{}",
        ended.err
    );
    assert_eq!(report["measured_s"], 0.0, "{report}");
    server.until_subscribers(0);
    let (ended, report) = bench(&server.url(), &["--subscribers", "9", "--symbols", "5"]);
    assert_eq!(ended.code, Some(1), "{report}");
    assert!(ended.err.contains("HTTP status 503"), "{}", ended.err);
}

#[test]
fn what_cannot_be_measured_says_why() {
    let server = lively(&[]);
    let ended = run(&["bench", &server.url(), "--symbols", "61"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended.err.contains("matches 60 instruments: --symbols from 1 to 60"),
        "{}",
        ended.err
    );
    let ended = Process::spawn_with_few_files(70, &["bench", &server.url(), "--subscribers", "100"]).wait();
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(
        ended.err.contains("100 subscribers need 164 open files") && ended.err.contains("may have 70"),
        "{}",
        ended.err
    );
    let free = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let ended = run(&["bench", &format!("http://{free}")]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    assert!(ended.err.contains("cannot connect"), "{}", ended.err);
}

#[test]
fn an_interrupt_ends_it_with_what_was_measured_so_far() {
    let server = lively(&[]);
    let bench = Process::spawn(&[
        "bench",
        &server.url(),
        "--subscribers",
        "4",
        "--seconds",
        "600",
        "--json",
    ]);
    server.until_subscribers(4);
    let sent = || (server.metric("tickwire_frames_total", "") > 100.0).then_some(());
    support::eventually("some frames", sent);
    bench.signal("INT");
    let ended = bench.wait();
    let report: Value = serde_json::from_str(&ended.out).expect(&ended.out);
    assert_eq!(
        (ended.code, &report["is_interrupted"]),
        (Some(1), &true.into()),
        "{report}"
    );
    assert!(ended.err.contains("interrupted"), "{}", ended.err);
    assert!(
        whole(&report, "whole_run.frames") > 0 && number(&report, "measured_s") < 600.0,
        "{report}"
    );
}

#[test]
fn a_server_that_goes_fails_it() {
    let server = lively(&[]);
    let bench = Process::spawn(&["bench", &server.url(), "--subscribers", "4", "--seconds", "600"]);
    server.until_subscribers(4);
    server.process.signal("TERM");
    let ended = bench.wait();
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.err.contains("closed with code 4001"), "{}", ended.err);
}

/// A server of one instrument and one subscriber, which is sent these messages behind its snapshot with epoch 1 and
/// seq 5, and then a close frame where there is one.
fn scripted(script: Vec<Body>, close: Option<(u16, &'static str)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("who asks for the symbols");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("a request's head");
            head.push(byte[0]);
        }
        let body = r#"{"epoch":"1","seq":5,"instruments":[{"id":1,"symbol":"a:B"}]}"#;
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(answer.as_bytes()).expect("taken");
        let (stream, _) = listener.accept().expect("the subscriber");
        follow(stream, script, close);
    });
    url
}

fn follow(stream: TcpStream, script: Vec<Body>, close: Option<(u16, &'static str)>) {
    #[allow(clippy::result_large_err)] // the callback's type is tungstenite's
    let echo = |request: &Request, mut response: Response| {
        let protocol = request.headers()["sec-websocket-protocol"].clone();
        response.headers_mut().insert("sec-websocket-protocol", protocol);
        Ok(response)
    };
    let mut socket = accept_hdr(stream, echo).expect("an upgrade");
    send(&mut socket, Body::Welcome(Welcome::default()));
    socket.read().expect("a subscribe");
    let instruments = vec![Instrument {
        id: 1,
        symbol: "a:B".into(),
        price_decimals: 1,
        ..Default::default()
    }];
    let snapshot = Snapshot {
        epoch: 1,
        seq: 5,
        request_id: 1,
        instruments,
        tickers: vec![ticker(1)],
        ..Default::default()
    };
    send(&mut socket, Body::Snapshot(snapshot));
    script.into_iter().for_each(|body| send(&mut socket, body));
    if let Some((code, reason)) = close {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        socket.close(Some(frame)).expect("sent");
    }
    // Answers its goodbye.
    while socket.read().is_ok() {}
}

fn send(socket: &mut WebSocket<TcpStream>, body: Body) {
    let message = ServerMessage { body: Some(body) };
    let bytes = encode_server(Encoding::Protobuf, &message, &|_| None);
    socket.send(Message::binary(bytes)).expect("sent");
}

fn ticker(id: u32) -> Ticker {
    Ticker {
        id,
        last_price: Some(15),
        ..Default::default()
    }
}

fn delta(prev_seq: u64, seq: u64, id: u32) -> Body {
    Body::Delta(Delta {
        seq,
        prev_seq: Some(prev_seq),
        tickers: vec![ticker(id)],
        ..Default::default()
    })
}

const ONE: [&str; 6] = ["--subscribers", "1", "--symbols", "1", "--seconds", "1"];

#[test]
fn a_stream_without_a_hole_is_well() {
    let heartbeat = Heartbeat {
        seq: 9,
        prev_seq: 7,
        ts: 1,
    };
    let report = well(
        &scripted(
            vec![
                delta(5, 6, 1),
                delta(3, 7, 1),
                Body::Heartbeat(heartbeat),
                delta(9, 10, 1),
            ],
            None,
        ),
        &ONE,
    );
    assert_eq!(
        (whole(&report, "whole_run.frames"), whole(&report, "whole_run.entries")),
        (4, 3)
    );
}

#[test]
fn a_delta_that_is_missing_fails_it_and_is_named() {
    let url = scripted(vec![delta(5, 6, 1), delta(7, 8, 1), delta(8, 9, 1)], None);
    let (ended, report) = bench(&url, &ONE);
    assert_eq!((ended.code, whole(&report, "gaps")), (Some(1), 1), "{report}");
    let words = "a message was lost; subscriber 0: lost what came after seq 6: seq 8 came with prev_seq 7";
    assert!(ended.err.contains(words), "{}", ended.err);
    let heartbeat = Heartbeat {
        seq: 9,
        prev_seq: 8,
        ts: 1,
    };
    let (ended, report) = bench(&scripted(vec![delta(5, 6, 1), Body::Heartbeat(heartbeat)], None), &ONE);
    assert_eq!((ended.code, whole(&report, "gaps")), (Some(1), 1), "{report}");
}

#[test]
fn a_server_that_closes_fails_it_with_code_and_reason() {
    let (ended, report) = bench(&scripted(vec![delta(5, 6, 1)], Some((4004, "something broke"))), &ONE);
    assert_eq!((ended.code, whole(&report, "gaps")), (Some(1), 0), "{report}");
    assert!(
        ended
            .err
            .contains("subscriber 0: closed with code 4004: something broke"),
        "{}",
        ended.err
    );
}

#[test]
fn what_was_never_announced_and_what_is_old_fail_it() {
    let (ended, _) = bench(&scripted(vec![delta(5, 6, 2)], None), &ONE);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(
        ended.err.contains("values for instrument 2, which was not announced"),
        "{}",
        ended.err
    );
    let (ended, _) = bench(&scripted(vec![delta(4, 5, 1)], None), &ONE);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(
        ended.err.contains("seq 5 came when everything up to 5 was known"),
        "{}",
        ended.err
    );
}

#[test]
fn a_new_epoch_is_counted_and_no_loss() {
    let instruments = vec![Instrument {
        id: 7,
        symbol: "a:B".into(),
        ..Default::default()
    }];
    let renewed = Snapshot {
        epoch: 2,
        seq: 1,
        instruments,
        tickers: vec![ticker(7)],
        ..Default::default()
    };
    let report = well(
        &scripted(vec![delta(5, 6, 1), Body::Snapshot(renewed), delta(1, 2, 7)], None),
        &ONE,
    );
    assert_eq!(whole(&report, "whole_run.frames"), 4, "{report}");
}
