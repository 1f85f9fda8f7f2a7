//! Replays through the real binary: law 5 over real sockets, driving it over HTTP, faults of sockets.

mod support;

use std::time::{Duration, Instant};

use support::LIMIT;
use support::captures::demo;
use support::frame::{BINARY, TEXT};
use support::http::Answer;
use support::peer::{Options, Peer};
use support::process::{Process, directory, run};
use support::request::{Said, subscribe};
use support::server::Server;
use tickwire::wire::Encoding::{self, Json, Msgpack, Protobuf};
use tickwire::wire::proto;

fn replay(args: &[&str]) -> Server {
    let demo = demo().display().to_string();
    Server::of_process(Process::spawn(
        &[&["replay", &demo, "--listen", "127.0.0.1:0"], args].concat(),
    ))
}

fn drive(server: &Server, body: &str) -> Answer {
    server.post("/v1/replay", body)
}

/// The frames of a subscriber that is there from the start, as `--frames` writes them, and the SHA-256 it prints.
fn frames(encoding: &str, compression: &str) -> (Vec<u8>, String) {
    let out = directory().join("frames.bin");
    let (demo, path) = (demo().display().to_string(), out.display().to_string());
    let ended = run(&[
        "replay",
        &demo,
        "--frames",
        &path,
        "--symbols",
        "binance:*",
        "--encoding",
        encoding,
        "--compression",
        compression,
    ]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    (std::fs::read(out).expect("the frames"), ended.out.trim().to_owned())
}

/// Whether a message is of the kind that `--frames` writes, and whether it is the last of the replay.
fn is_data(message: &proto::ServerMessage) -> (bool, bool) {
    match &message.body {
        Some(Said::Snapshot(_)) => (true, false),
        Some(Said::Delta(delta)) => (true, delta.venues.iter().any(|venue| venue.reason == "replay ended")),
        _ => (false, false),
    }
}

/// What comes over the socket up to the end of the replay, in the same form.
fn received(server: &Server, encoding: Encoding, query: &'static str) -> Vec<u8> {
    let options = Options {
        query,
        ..Options::of(encoding)
    };
    let mut peer = Peer::connect(server.addr, options);
    let welcome = peer.welcome();
    assert_eq!(welcome.clock, proto::Clock::Tape as i32);
    peer.request(1, subscribe(&["binance:*"]));
    let (mut bytes, until) = (Vec::new(), Instant::now() + LIMIT);
    loop {
        assert!(Instant::now() < until, "the replay has no end");
        let frame = peer.frame();
        if !matches!(frame.first, TEXT | BINARY) {
            continue;
        }
        let (is_data, is_last) = is_data(&peer.decode(&frame));
        if is_data {
            bytes.extend((frame.payload.len() as u32).to_le_bytes());
            bytes.extend(&frame.payload);
        }
        if is_last {
            return bytes;
        }
    }
}

#[test]
fn the_same_recording_gives_the_same_bytes_over_sockets_and_into_a_file() {
    for (encoding, compression, query, shards) in [
        (Protobuf, "none", "", "1"),
        (Protobuf, "deflate", "?compression=deflate", "2"),
        (Msgpack, "none", "", "2"),
        (Json, "deflate", "?compression=deflate", "1"),
    ] {
        let (file, hash) = frames(encoding.name(), compression);
        assert!(file.len() > 10_000 && hash.len() == 64, "{hash}");
        let server = replay(&["--clock", "tape", "--speed", "max", "--shards", shards]);
        assert!(received(&server, encoding, query) == file, "{encoding:?} {compression}");
    }
}

#[test]
fn the_projects_own_recordings_have_these_frames() {
    // They change only with the recording, the store or the wire; then say why.
    for (encoding, compression, want) in [
        (
            "protobuf",
            "none",
            "c7bd8b35e32593156d1d07072a1f782bb257f20028f740ca5ab2c631b8d3f549",
        ),
        (
            "msgpack",
            "none",
            "ad05a5ccf5f2b045a890b3d89c2eadd44bccb68f7a5c20b9cb1acec78d94d1ee",
        ),
        (
            "json",
            "none",
            "ffe1a77829e366b0f3abcaf08946cdccbebb8acb016fabb4698deccf727a9ab3",
        ),
    ] {
        assert_eq!(frames(encoding, compression).1, want, "{encoding} {compression}");
    }
}

#[test]
fn a_slow_subscriber_holds_the_others_up_and_nobody_misses_a_beat() {
    let server = replay(&["--clock", "tape", "--speed", "max", "--shards", "1"]);
    let (file, _) = frames("protobuf", "none");
    // It subscribes to nothing that would start the replay before the other is there.
    let mut slow = Peer::connect(server.addr, Options::narrow(Protobuf));
    slow.welcome();
    let quick = std::thread::scope(|scope| {
        let quick = scope.spawn(|| received(&server, Protobuf, ""));
        std::thread::sleep(Duration::from_millis(300));
        quick.join().expect("no panic")
    });
    assert!(quick == file);
}

#[test]
fn it_is_driven_over_http_by_this_machine_alone_where_that_is_allowed() {
    let server = replay(&["--paused", "--speed", "max", "--allow-control"]);
    let at_start = server.json("/v1/replay");
    assert_eq!(at_start["state"], "paused");
    assert_eq!(at_start["progress"], 0.0);
    let first: i64 = at_start["first"].as_str().expect("a time").parse().expect("ns");
    let last: i64 = at_start["last"].as_str().expect("a time").parse().expect("ns");
    let stepped = drive(&server, r#"{"step": 5}"#);
    assert_eq!(stepped.status, 200, "{}", stepped.text());
    assert_eq!(stepped.json()["position"], (first + 50_000_000).to_string());
    let middle = (first + last) / 2;
    let sought = drive(&server, &format!(r#"{{"seek": "{middle}"}}"#)).json();
    assert_eq!(sought["state"], "paused");
    assert!(sought["progress"].as_f64().expect("a share") > 0.45);
    server.until_instruments(5);
    let epoch = server.json("/v1/status")["epoch"].clone();
    assert_eq!(drive(&server, r#"{"speed": 1000}"#).json()["speed"], 1000.0);
    assert_eq!(drive(&server, r#"{"resume": true}"#).status, 200);
    let ended = |status: &serde_json::Value| status["venues"][0]["reason"] == "replay ended";
    server.until_replay("its end", |replay| replay["state"] == "ended");
    server.until_status("its end, fanned out", ended);
    assert_eq!(drive(&server, r#"{"pause": true}"#).status, 400);
    assert_eq!(server.json("/v1/status")["epoch"], epoch, "forwards the epoch stays");
    let whole = server.json("/v1/snapshot?symbols=binance:*");
    // Backwards to the start: a new epoch; and again to the end: the same state.
    drive(&server, r#"{"pause": true}"#);
    assert_eq!(drive(&server, &format!(r#"{{"seek": {first}}}"#)).status, 200);
    server.until_replay("its end again", |replay| replay["state"] == "ended");
    server.until_status("a new epoch", |status| status["epoch"] != epoch && ended(status));
    let again = server.json("/v1/snapshot?symbols=binance:*");
    let values = |snapshot: &serde_json::Value| {
        let tickers = snapshot["snapshot"]["tickers"].as_array().expect("tickers").clone();
        let without_ages = |mut ticker: serde_json::Value| {
            let fields = ticker.as_object_mut().expect("an object");
            fields.retain(|name, _| !name.ends_with("_age_us"));
            ticker
        };
        tickers.into_iter().map(without_ages).collect::<Vec<_>>()
    };
    assert_eq!(values(&whole), values(&again));
    for (body, part) in [(r#"{"seek": 5}"#, "is not in the recording"), ("{}", "exactly one of")] {
        let answer = drive(&server, body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.text().contains(part), "{}", answer.text());
    }
}

#[test]
fn without_a_replay_or_without_leave_nothing_is_driven() {
    let serving = Server::quiet(&["--allow-control"]);
    assert_eq!(serving.get("/v1/replay").status, 404);
    assert_eq!(drive(&serving, r#"{"pause": true}"#).status, 404);
    let forbidden = replay(&["--paused"]);
    assert_eq!(drive(&forbidden, r#"{"resume": true}"#).status, 403);
    assert_eq!(forbidden.get("/v1/replay").status, 200);
    assert_eq!(forbidden.ask("DELETE", "/v1/replay", &[]).status, 405);
}

#[test]
fn a_subscriber_is_told_each_new_epoch_of_a_loop() {
    let server = replay(&["--clock", "tape", "--speed", "max", "--loop"]);
    let mut peer = Peer::open(&server, Protobuf);
    peer.request(1, subscribe(&["binance:ALFUSDT"]));
    let (mut epochs, mut own) = (Vec::new(), 0);
    while epochs.len() < 3 {
        match peer.said() {
            Said::Snapshot(part) => {
                assert!(part.seq >= own && !part.resumed);
                assert_eq!(part.request_id, u64::from(epochs.is_empty()));
                (own, epochs) = (part.seq, [epochs, vec![part.epoch]].concat());
            }
            Said::Delta(delta) => {
                assert!(delta.seq > own && delta.prev_seq.unwrap_or(delta.seq - 1) <= own);
                own = delta.seq;
            }
            _ => {}
        }
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 3);
}

#[test]
fn sockets_are_slow_and_break_on_demand_and_a_subscriber_lives_with_it() {
    let server = replay(&[
        "--loop",
        "--speed",
        "10",
        "--fault",
        "disconnect-every=300ms",
        "--fault",
        "slow-socket=20000",
    ]);
    let began = Instant::now();
    let mut peer = Peer::open(&server, Protobuf);
    peer.request(1, subscribe(&["binance:*"]));
    peer.read_to_end();
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(server.metric("tickwire_faults_total", r#"{kind="disconnect-every"}"#) >= 1.0);
    // The client comes back and goes on.
    let ended = run(&["watch", &server.url(), "binance:*", "--count", "300", "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(server.metric("tickwire_faults_total", r#"{kind="slow-socket"}"#) >= 1.0);
}

#[test]
fn wrong_usage_ends_with_2_and_a_wrong_file_with_1() {
    let demo = demo().display().to_string();
    for args in [
        &["replay"][..],
        &["replay", &demo, "--speed", "0"],
        &["replay", &demo, "--from", "yesterday"],
        &["replay", &demo, "--from", "2001-01-01T00:00:00Z"],
        &["replay", &demo, "--max-gap", "5"],
        &["replay", &demo, "--fault", "lose=0.5"],
        &["replay", &demo, "--frames", "x"],
        &["replay", &demo, "--symbols", "a:*"],
        &["replay", &demo, &demo],
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.err);
        assert!(!ended.err.is_empty());
    }
    let ended = run(&["replay", "/nowhere/x.tape"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("/nowhere/x.tape"), "{}", ended.err);
}

#[test]
fn a_recording_that_cannot_be_read_on_is_told_and_leaves_no_half_of_its_frames() {
    let folder = directory();
    let (damaged, out) = (folder.join("damaged.tape"), folder.join("frames.bin"));
    let mut bytes = std::fs::read(demo().with_file_name("demo.tape")).expect("the demo");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&damaged, bytes).expect("written");
    let (damaged, text) = (damaged.display().to_string(), out.display().to_string());
    let server = Server::of_process(Process::spawn(&[
        "replay",
        &damaged,
        "--listen",
        "127.0.0.1:0",
        "--speed",
        "max",
    ]));
    server.until_replay("it cannot go on", |replay| replay["state"] == "failed");

    let args = ["replay", &damaged, "--frames", &text, "--symbols", "*"];
    let ended = run(&args);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("damaged.tape") && !out.exists(), "{}", ended.err);
    std::fs::write(&out, "precious").expect("written");
    let ended = run(&[&args[..], &["--salvage"]].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("is there already"), "{}", ended.err);
    assert_eq!(std::fs::read(&out).expect("it is there"), b"precious");
}
