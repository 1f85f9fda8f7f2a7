//! Server-sent events over real sockets: the rules of the stream, cuts, slow readers, and the end.

mod support;

use std::time::{Duration, Instant};

use support::events::{EventFollower, Events};
use support::process::Process;
use support::server::Server;
use support::{LIMIT, captures, eventually};
use tickwire::wire::proto::server_message::Body;

const ALL: &str = "synthetic:*";

/// Events that never end, of 20 instruments.
fn lively(args: &[&str]) -> Server {
    let server = Server::of("synthetic?symbols=20&rate=2000&seed=11", args);
    server.until_instruments(20);
    server
}

fn closes(server: &Server, code: u16) -> f64 {
    server.metric("tickwire_closes_total", &format!("code=\"{code}\""))
}

#[test]
fn a_stream_is_a_welcome_a_snapshot_and_deltas_by_every_rule_and_has_the_stores_values() {
    let server = lively(&[]);
    let mut stream = EventFollower::open(&server, ALL, "", None);
    assert_eq!(stream.events.answer.header("cache-control"), Some("no-store"));
    let welcome = stream.follower.welcome.clone().expect("a welcome");
    assert_eq!((welcome.interval_ms, welcome.heartbeat_ms), (10, 1_000));
    while stream.follower.deltas < 100 {
        stream.take();
        let position = (stream.follower.view.epoch(), stream.follower.view.seq());
        let id = position.0.map(|epoch| format!("{epoch}-{}", position.1));
        assert_eq!(stream.events.last_id, id, "the id is own seq");
    }
    stream.compare(&server, ALL);
    // Two of three, and what does not exist.
    let symbols = "synthetic:S0001,synthetic:S0002,synthetic:X";
    let mut few = EventFollower::open(&server, symbols, "", None);
    few.compare(&server, symbols);
    assert_eq!(few.follower.view.len(), 2);
    assert_eq!(few.follower.view.pending().len(), 1);
}

#[test]
fn a_reader_that_keeps_up_misses_no_beat_that_the_server_made() {
    let server = lively(&[]);
    let mut stream = EventFollower::open(&server, ALL, "", None);
    let late = || {
        let beat = &server.json("/v1/status")["beat"];
        (beat["left_out"].clone(), beat["held"].clone())
    };
    let until = Instant::now() + LIMIT;
    // A machine that left out a beat kept the stream from its turn too: that stretch says nothing.
    loop {
        let (before, skipped, deltas) = (late(), stream.follower.skipped, stream.follower.deltas + 150);
        while stream.follower.deltas < deltas {
            stream.take();
        }
        if late() == before && stream.follower.skipped == skipped {
            break;
        }
        assert!(Instant::now() < until, "{} beats were skipped", stream.follower.skipped);
    }
}

#[test]
fn whoever_is_cut_off_comes_back_with_its_last_id_and_gets_what_changed() {
    let server = lively(&["--frame-bytes-max", "4096"]);
    let mut stream = EventFollower::open(&server, ALL, "", None);
    for cut in 0..6 {
        let deltas = stream.follower.deltas + 10;
        while stream.follower.deltas < deltas {
            stream.take();
        }
        assert!(stream.come_back(&server, ALL), "cut {cut}: whole");
    }
    stream.compare(&server, ALL);
    // Another life of the server, and one of no server at all.
    let epoch = stream.follower.view.epoch().expect("an epoch");
    for id in ["1-5".to_owned(), format!("{epoch}-0"), format!("{epoch}-99999999")] {
        let mut events = Events::open(&server, "symbols=synthetic:*", Some(&id));
        let snapshot = std::iter::repeat_with(|| events.message().body.expect("a body"))
            .find_map(|body| match body {
                Body::Snapshot(snapshot) => Some(snapshot),
                _ => None,
            })
            .expect("a snapshot");
        assert!(!snapshot.resumed && !snapshot.tickers.is_empty(), "{id}");
    }
}

#[test]
fn a_pace_is_kept_and_silence_is_filled_with_heartbeats() {
    let server = lively(&["--heartbeat-ms", "200"]);
    let mut stream = EventFollower::open(&server, ALL, "&interval_ms=100", None);
    assert_eq!(stream.follower.welcome.as_ref().map(|w| w.interval_ms), Some(100));
    // The first comes at once, whether or not its reader has taken the snapshot.
    while stream.follower.deltas < 1 {
        stream.take();
    }
    let skipped = stream.follower.skipped;
    while stream.follower.deltas < 10 {
        stream.take();
    }
    let stamps = &stream.follower.stamps;
    // Stamps are of beats, which may come late, one by one: over all of them the pace shows.
    let span = stamps.last().zip(stamps.first()).map(|(last, first)| last - first);
    assert!(span >= Some(90_000_000 * (stamps.len() as u64 - 1)), "{stamps:?}");
    assert_eq!(stream.follower.skipped, skipped, "a pace skips nothing");
    let mut silent = EventFollower::open(&server, "synthetic:X", "", None);
    while silent.follower.heartbeats.len() < 3 {
        silent.take();
    }
    assert!(silent.events.last_id.is_some());
    assert!(silent.come_back(&server, "synthetic:X"), "a heartbeat's id resumes");
}

#[test]
fn a_pace_as_long_as_the_heartbeats_silence_has_deltas_and_no_heartbeats_between() {
    let server = lively(&["--heartbeat-ms", "500"]);
    let mut stream = EventFollower::open(&server, ALL, "&interval_ms=500", None);
    while stream.follower.deltas < 6 {
        stream.take();
    }
    assert_eq!(
        stream.follower.heartbeats.len(),
        0,
        "each delta fell due when a heartbeat did"
    );
}

#[test]
fn a_slow_reader_is_conflated_and_one_that_is_stuck_is_let_go() {
    let feed = "synthetic?symbols=200&rate=100000&seed=5";
    let server = Server::of(feed, &["--slow-consumer-ms", "1000", "--max-connections", "2"]);
    server.until_instruments(200);
    let mut slow = EventFollower::open(&server, ALL, "", Some(4_096));
    let skipped = || server.metric("tickwire_skipped_beats_total", "");
    // It rests for less than the deadline, again and again.
    while slow.follower.skipped < 50 {
        std::thread::sleep(Duration::from_millis(300));
        let deltas = slow.follower.deltas + 3;
        while slow.follower.deltas < deltas {
            slow.take();
        }
    }
    assert!(skipped() >= 50.0, "counted too: {}", skipped());
    slow.compare(&server, ALL);
    drop(slow);
    eventually("it has gone", || (closes(&server, 1_000) == 1.0).then_some(()));
    let asked = Instant::now();
    let stuck = Events::open_narrow(&server, "symbols=synthetic:*", None, Some(4_096));
    eventually("it is let go", || (closes(&server, 4_008) == 1.0).then_some(()));
    let took = asked.elapsed();
    assert!(
        took >= Duration::from_millis(950) && took < Duration::from_secs(10),
        "{took:?}"
    );
    // Its place is free: there are two.
    let _first = Events::open(&server, "symbols=synthetic:*", None);
    let _second = Events::open(&server, "symbols=synthetic:*", None);
    let third = server.get("/v1/events?symbols=synthetic:*");
    assert_eq!((third.error().0, third.header("retry-after")), (503, Some("2")));
    let mut stuck = stuck;
    while stuck.next().is_some() {}
}

#[test]
fn new_instruments_of_a_pattern_appear() {
    let server = Server::quiet(&["--allow-control"]);
    let push = |line: &str| assert_eq!(server.post("/v1/updates", line).json()["accepted"], 1, "{line}");
    push(r#"{"symbol": "own:A", "bid_price": "1.25"}"#);
    let symbols = "own:*,own:B";
    let mut stream = EventFollower::open(&server, symbols, "", None);
    assert_eq!(stream.follower.view.pending().iter().collect::<Vec<_>>(), ["own:B"]);
    push(r#"{"symbol": "own:B", "bid_price": "2.5"}"#);
    push(r#"{"symbol": "own:C", "bid_price": "0.001", "bid_size": 7}"#);
    while stream.follower.view.len() < 3 {
        stream.take();
    }
    stream.compare(&server, symbols);
}

#[test]
fn each_pass_of_a_looping_replay_is_a_whole_snapshot_of_a_new_epoch() {
    let frames: Vec<_> = (0..30)
        .map(|n| captures::quote(n + 1, "AAA", (&format!("1.{:02}", n + 10), "2.00"), ("3.00", "1.00")))
        .collect();
    let path = captures::write("events-loop", 10, &frames);
    let file = path.to_str().expect("UTF-8");
    let server = Server::of_process(Process::spawn(&["replay", file, "--loop", "--listen", "127.0.0.1:0"]));
    let mut stream = EventFollower::open(&server, "binance:*", "", None);
    let mut epochs = vec![stream.follower.view.epoch()];
    let until = Instant::now() + LIMIT;
    while epochs.len() < 3 {
        // A snapshot that nobody asked for has no request; the follower takes it as such.
        let message = stream.events.message();
        stream.follower.take(&message);
        let epoch = stream.follower.view.epoch();
        if epochs.last() != Some(&epoch) {
            epochs.push(epoch);
        }
        assert!(Instant::now() < until, "{epochs:?}");
    }
    assert!(stream.follower.snapshots >= 3);
    std::fs::remove_file(path).expect("it was written");
}

#[test]
fn a_server_that_stops_says_so_and_when_to_come_back() {
    let server = lively(&[]);
    let mut streams: Vec<_> = (0..3)
        .map(|_| Events::open(&server, "symbols=synthetic:*", None))
        .collect();
    server.process.signal("TERM");
    let mut delays = Vec::new();
    for stream in &mut streams {
        let last = std::iter::from_fn(|| stream.next()).last().expect("events");
        assert_eq!((last.name.as_str(), last.id.as_ref()), ("goaway", None));
        delays.push(last.retry_ms.expect("a delay"));
    }
    assert!(delays.iter().all(|ms| (500..5_000).contains(ms)), "{delays:?}");
    assert_eq!(server.process.wait().code, Some(0));
}

#[test]
fn wrong_requests_are_told_what_is_allowed() {
    let server = Server::quiet(&["--max-symbols", "2"]);
    server.until_instruments(3);
    for (query, code, part) in [
        ("", "invalid_message", "`symbols` is missing"),
        ("symbols=a:B&interval_ms=9", "invalid_message", "from 10 to 60000"),
        ("symbols=a:B&interval_ms=60001", "invalid_message", "from 10 to 60000"),
        (
            "symbols=a:B&wait_ms=1",
            "invalid_message",
            "`symbols`, `interval_ms`, `ticket` are allowed",
        ),
        ("symbols=a:B&symbols=a:C", "invalid_message", "more than once"),
        ("symbols=synthetic:*", "too_many_symbols", "at most 2"),
    ] {
        let (status, word, message) = server.get(&format!("/v1/events?{query}")).error();
        assert_eq!((status, word.as_str()), (400, code), "{query}: {message}");
        assert!(message.contains(part), "{query}: {message}");
    }
    let patterns: Vec<String> = (0..65).map(|n| format!("a:{n}*")).collect();
    let many = server.get(&format!("/v1/events?symbols={}", patterns.join(",")));
    assert_eq!(many.error().1, "too_many_symbols");
    for id in ["5", "a-b", "5-", "-5", "5-6-7", "5-+6"] {
        let answer = server.ask("GET", "/v1/events?symbols=a:B", &[("Last-Event-ID", id)]);
        let (status, _, message) = answer.error();
        assert_eq!(status, 400, "{id}");
        assert!(message.contains("EPOCH-SEQ"), "{message}");
    }
    // What is wrong with one symbol is told in the snapshot, the others stand.
    let mut events = Events::open(&server, "symbols=BAD,synthetic:S0001", None);
    let snapshot = std::iter::from_fn(|| events.next())
        .find(|e| e.name == "snapshot")
        .expect("one");
    assert!(
        snapshot.data.contains(r#""rejected":[{"symbol":"BAD""#),
        "{}",
        snapshot.data
    );
}
