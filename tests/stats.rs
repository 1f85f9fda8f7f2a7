//! The server's own statistics: true, under the names that the README lists, and nowhere where they do not belong.

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use support::events::Events;
use support::follower::Follower;
use support::peer::{Options, Peer};
use support::process::{Process, directory, run};
use support::server::{QUIET, Server};
use support::{eventually, in_each_encoding, rows};
use tickwire::wire::Encoding;

const ALL: &str = "$stats:*";

/// A statistic's value now; `None` where it has none.
fn stat(server: &Server, name: &str) -> Option<f64> {
    let symbol = format!("$stats:{name}");
    let snapshot = rows::snapshot(server, &symbol);
    snapshot.rows.get(&symbol)?.values.get("last_price")?.parse().ok()
}

/// Waits until a statistic is as wanted.
fn until(server: &Server, name: &str, is_so: impl Fn(f64) -> bool) -> f64 {
    eventually(name, || stat(server, name).filter(|value| is_so(*value)))
}

/// Names of what is published, without the venue.
fn published(server: &Server) -> BTreeSet<String> {
    let list = server.json("/v1/symbols?match=$stats:*");
    let instruments = list["instruments"].as_array().expect("a list").iter();
    let names = instruments.map(|row| row["symbol"].as_str().expect("a symbol"));
    names
        .map(|name| name.trim_start_matches("$stats:").to_owned())
        .collect()
}

#[test]
fn rates_and_levels_are_those_of_the_load() {
    let server = Server::of("synthetic?symbols=20&rate=1000&seed=1", &[]);
    // The feed makes up for what a busy machine kept it from, so a single second may have less or more.
    for name in [
        "updates_per_s",
        "changed_updates_per_s",
        "venue.synthetic.updates_per_s",
    ] {
        let rate = until(&server, name, |rate| (950.0..=1_050.0).contains(&rate));
        eprintln!("{name}: {rate}");
    }
    eventually("all beats of a second are told, made or left out", || {
        let snapshot = rows::snapshot(&server, ALL);
        let value = |name: &str| -> Option<f64> {
            snapshot
                .rows
                .get(&format!("$stats:{name}"))?
                .values
                .get("last_price")?
                .parse()
                .ok()
        };
        let beats: f64 = value("beats_per_s")? + value("late_beats_per_s")?;
        (90.0..=110.0).contains(&beats).then_some(())
    });
    until(&server, "instruments", |count| count == 20.0);
    let peers: Vec<Peer> = Encoding::ALL.map(|encoding| Peer::open(&server, encoding)).into();
    until(&server, "subscribers", |count| count == 3.0);
    drop(peers);
    until(&server, "subscribers", |count| count == 0.0);
    until(&server, "cpu_percent", |percent| percent > 0.0);
    until(&server, "hop.queue_p99_us", |us| us > 0.0);
    if cfg!(target_os = "linux") {
        let resident = server.process.resident_bytes().unwrap_or(0) as f64;
        until(&server, "resident_bytes", |bytes| {
            (bytes - resident).abs() < 64e6 && bytes > 1e6
        });
    }
    until(&server, "venue.synthetic.state", |state| state == 1.0);
    assert_eq!(
        stat(&server, "venue.synthetic.lag_p50_us"),
        None,
        "nothing has measured it"
    );
}

#[test]
fn what_goes_out_is_counted_by_encoding_and_in_all() {
    let server = Server::of("synthetic?symbols=20&rate=1000&seed=1", &[]);
    let watching = Process::spawn(&["watch", &server.url(), "synthetic:*", "--encoding", "msgpack"]);
    for of in ["", "encoding.msgpack."] {
        until(&server, &format!("{of}frames_per_s"), |rate| {
            (50.0..=120.0).contains(&rate)
        });
        // Ten updates of twenty instruments a beat: an instrument may be in it twice.
        until(&server, &format!("{of}entries_per_s"), |rate| {
            (600.0..=1_100.0).contains(&rate)
        });
        until(&server, &format!("{of}bytes_per_s"), |rate| rate > 10_000.0);
    }
    assert_eq!(stat(&server, "encoding.json.frames_per_s"), Some(0.0));
    watching.signal("INT");
    assert_eq!(watching.wait().code, Some(0));
    until(&server, "frames_per_s", |rate| rate == 0.0);
}

#[test]
fn who_never_reads_is_seen_as_slow_and_its_beats_as_skipped() {
    let server = Server::of(
        "synthetic?symbols=200&rate=50000&seed=5",
        &["--slow-consumer-ms", "60000"],
    );
    let mut peer = Peer::connect(server.addr, Options::narrow(Encoding::Json));
    Follower::default().ask(&mut peer, &["synthetic:*"]);
    until(&server, "slow_subscribers", |count| count == 1.0);
    until(&server, "skipped_beats_per_s", |rate| rate > 50.0);
    drop(peer);
    until(&server, "slow_subscribers", |count| count == 0.0);
    until(&server, "closes_per_s", |rate| rate == 0.0);
    until(&server, "skipped_beats_per_s", |rate| rate == 0.0);
}

#[test]
fn errors_and_round_trips_are_measured() {
    let server = Server::of(QUIET, &["--ping-ms", "500"]);
    let watching = Process::spawn(&["watch", &server.url(), ALL]);
    until(&server, "ping_p50_us", |us| us > 0.0);
    let mut peer = Peer::open(&server, Encoding::Json);
    peer.send_frame(
        support::frame::TEXT,
        br#"{"request_id": 1, "unsubscribe": {"symbols": ["a:B"]}}"#,
    );
    until(&server, "errors_per_s", |rate| rate > 0.0);
    watching.signal("INT");
    assert_eq!(watching.wait().code, Some(0));
}

#[test]
fn a_subscriber_has_them_in_each_encoding_live_and_of_a_venue_that_is_up() {
    let server = Server::quiet(&[]);
    until(&server, "uptime_s", |uptime| uptime >= 1.0);
    in_each_encoding(|encoding| {
        let mut peer = Peer::connect(server.addr, Options::of(encoding));
        let mut follower = Follower::subscribe(&mut peer, &[ALL]);
        let seconds = |follower: &Follower| {
            let ticker = follower.view.get("$stats:uptime_s").expect("it is there");
            assert!(follower.view.is_live(ticker));
            ticker.row().values["last_price"].parse::<u64>().expect("whole seconds")
        };
        let first = seconds(&follower);
        while seconds(&follower) < first + 2 {
            let message = peer.message();
            follower.take(&message);
        }
        follower.compare(&mut peer, &server, ALL);
    });
}

#[test]
fn who_asks_for_everything_of_feeds_gets_none_of_them() {
    let server = Server::of(QUIET, &["--max-instruments", "3"]);
    until(&server, "uptime_s", |uptime| uptime >= 1.0);
    // They take no room from the feeds' own, and are none of them.
    server.until_instruments(3);
    let mut peer = Peer::connect(server.addr, Options::default());
    let follower = Follower::subscribe(&mut peer, &["*"]);
    assert_eq!(follower.announced.len(), 3, "{:?}", follower.announced);
    let list = server.json("/v1/symbols");
    assert_eq!(list["instruments"].as_array().map(Vec::len), Some(3), "{list}");
    let status = server.json("/v1/status");
    assert_eq!(status["venues"].as_array().map(Vec::len), Some(1), "{status}");
    assert_eq!(server.metric("tickwire_refused_total", ""), 0.0);
    assert_eq!(server.metric("tickwire_instruments", ""), 3.0);
    assert_eq!(server.metric("tickwire_updates_total", "$stats"), 0.0);
}

#[test]
fn they_are_no_feed_that_makes_the_service_ready_or_begins_a_replay() {
    let tape = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.tape");
    let tape = tape.to_str().expect("UTF-8");
    let server = Server::start(&["--feed", &format!("replay:{tape}?start=first_subscriber")]);
    let mut peer = Peer::connect(server.addr, Options::default());
    let mut follower = Follower::subscribe(&mut peer, &[ALL]);
    while follower
        .view
        .get("$stats:uptime_s")
        .is_none_or(|ticker| ticker.values().next().is_none())
    {
        let message = peer.message();
        follower.take(&message);
    }
    let readiness = server.get("/readyz");
    assert_eq!(readiness.status, 503, "{}", readiness.text());
    assert_eq!(server.metric("tickwire_updates_total", ""), 0.0, "it has begun");
}

#[test]
fn over_http_who_asks_for_them_begins_no_replay_and_who_asks_for_more_does() {
    let tape = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.tape");
    let tape = tape.to_str().expect("UTF-8");
    let server = Server::start(&["--feed", &format!("replay:{tape}?start=first_subscriber")]);
    let mut own = Events::open(&server, "symbols=$stats:*", None);
    let _polled = server.get("/v1/changes?symbols=$stats:x&wait_ms=100");
    until(&server, "waiting_readers", |count| count == 1.0);
    while own.next().is_some_and(|event| event.name != "delta") {}
    assert_eq!(server.metric("tickwire_updates_total", ""), 0.0, "it has begun");
    let _more = Events::open(&server, "symbols=$stats:*,binance:*", None);
    until(&server, "updates_per_s", |rate| rate > 0.0);
}

#[test]
fn a_new_epoch_has_them_again() {
    let tape = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.tape");
    let args = [
        "replay",
        tape.to_str().expect("UTF-8"),
        "--listen",
        "127.0.0.1:0",
        "--allow-control",
    ];
    let server = Server::of_process(Process::spawn(&args));
    until(&server, "uptime_s", |uptime| uptime >= 1.0);
    let before = rows::snapshot(&server, ALL).epoch;
    // Backwards, so a new epoch begins.
    let answer = server.post("/v1/replay", r#"{"seek": "1970-01-01T00:00:00Z"}"#);
    assert!(answer.status == 200 || answer.status == 400, "{}", answer.text());
    let first = server.json("/v1/replay")["first"].clone();
    let seek = server.post("/v1/replay", &format!(r#"{{"seek": {first}}}"#));
    assert_eq!(seek.status, 200, "{}", seek.text());
    eventually("a new epoch with statistics", || {
        let now = rows::snapshot(&server, ALL);
        (now.epoch != before && now.rows.len() > 30).then_some(())
    });
}

#[test]
fn they_are_on_no_tape() {
    let directory = directory();
    let tape = directory.join("day.tape");
    let tape = tape.to_str().expect("UTF-8");
    let server = Server::of("synthetic?symbols=3&rate=100", &["--record", tape]);
    until(&server, "recorded_events_per_s", |rate| rate > 50.0);
    until(&server, "uptime_s", |uptime| uptime >= 3.0);
    server.process.signal("INT");
    assert_eq!(server.process.wait().code, Some(0));
    let lines = directory.join("day.ndjson");
    let converted = run(&["convert", tape, lines.to_str().expect("UTF-8")]);
    assert_eq!(converted.code, Some(0), "{}", converted.err);
    let text = std::fs::read_to_string(&lines).expect("lines");
    assert!(text.contains("synthetic:S0000") && !text.contains("$stats"));
    std::fs::remove_dir_all(&directory).expect("it is there");
}

#[test]
fn with_a_tapes_clock_there_are_none() {
    let tape = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.tape");
    let args = [
        "replay",
        tape.to_str().expect("UTF-8"),
        "--listen",
        "127.0.0.1:0",
        "--clock",
        "tape",
    ];
    let server = Server::of_process(Process::spawn(&args));
    // Two seconds of the timer, in which two samples would have come.
    eventually("beats", || {
        (server.metric("tickwire_beats_total", "") > 200.0).then_some(())
    });
    assert_eq!(published(&server), BTreeSet::new());
}

/// The README's table: names, and the unit that they end in.
fn listed() -> Vec<(String, String)> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md");
    let table = readme.split_once("| statistic | unit |").expect("the table").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut listed = Vec::new();
    for row in rows {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let (names, unit) = (cells.next().expect("names"), cells.next().expect("a unit"));
        listed.extend(
            names
                .split('`')
                .skip(1)
                .step_by(2)
                .map(|name| (name.to_owned(), unit.to_owned())),
        );
    }
    listed
}

#[test]
fn the_server_publishes_what_the_readme_lists_no_more_and_no_less() {
    let server = Server::start(&["--feed", QUIET, "--feed", "synthetic?symbols=1&rate=10&venue=other"]);
    until(&server, "uptime_s", |uptime| uptime >= 1.0);
    let mut want = BTreeSet::new();
    for (name, unit) in listed() {
        let ending = match unit.as_str() {
            "s" => "_s",
            "%" => "_percent",
            "B" => "_bytes",
            "B/s" => "bytes_per_s",
            "1/s" => "_per_s",
            "µs" => "_us",
            "state" => ".state",
            // A number of things is named for them.
            "" => "s",
            other => panic!("`{other}` is no unit"),
        };
        assert!(name.ends_with(ending), "{name} is in {unit}");
        let filled = ["protobuf", "msgpack", "json"].map(|e| name.replace("ENCODING", e));
        want.extend(
            filled
                .iter()
                .flat_map(|name| ["synthetic", "other"].map(|v| name.replace("VENUE", v))),
        );
    }
    assert_eq!(published(&server), want);
}
