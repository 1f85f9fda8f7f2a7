//! Long polls and tags: a client of plain HTTP learns of changes without asking over and over.

mod support;

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::http::{Answer, head};
use support::process::Process;
use support::server::Server;
use support::{captures, eventually};

/// A server whose own feed says nothing about `own:*`, which the test pushes.
fn pushed() -> Server {
    let server = Server::quiet(&["--allow-control"]);
    push(&server, "own:A", "1.25");
    push(&server, "own:B", "2.5");
    server
}

fn push(server: &Server, symbol: &str, bid: &str) {
    let line = format!("{{\"symbol\": \"{symbol}\", \"bid_price\": \"{bid}\"}}");
    assert_eq!(server.post("/v1/updates", &line).json()["accepted"], 1, "{line}");
}

/// Epoch and seq of an answer.
fn position(answer: &Value) -> (String, u64) {
    let snapshot = &answer["snapshot"];
    let epoch = snapshot["epoch"].as_str().expect("an epoch").to_owned();
    (epoch, snapshot["seq"].as_u64().unwrap_or(0))
}

/// The symbols' position once what was pushed has come there.
fn settled(server: &Server, symbols: &str, bids: usize) -> (String, u64) {
    eventually("what was pushed is there", || {
        let answer = server.json(&format!("/v1/snapshot?symbols={symbols}"));
        let tickers = answer["snapshot"]["tickers"].as_array().map_or(0, Vec::len);
        let is_up = answer["snapshot"]["venues"][0]["state"] == "up";
        (tickers == bids && is_up).then(|| position(&answer))
    })
}

fn target(symbols: &str, (epoch, seq): &(String, u64), wait_ms: u32) -> String {
    format!("/v1/changes?symbols={symbols}&epoch={epoch}&since={seq}&wait_ms={wait_ms}")
}

fn poll(server: &Server, target: &str) -> TcpStream {
    server.sent(&head("GET", target, &[]))
}

fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).expect("an option");
    let outcome = stream.peek(&mut [0]);
    stream.set_nonblocking(false).expect("an option");
    outcome.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn a_poll_waits_and_is_answered_with_the_first_change_and_no_other() {
    let server = pushed();
    let at = settled(&server, "own:*", 2);
    let mut exact = poll(&server, &target("own:A", &at, 60_000));
    let mut pattern = poll(&server, &target("own:*", &at, 60_000));
    let mut other = poll(&server, &target("own:B", &at, 60_000));
    let mut none = poll(&server, &target("own:X", &at, 60_000));
    // The quiet feed goes on meanwhile: nobody is answered for that.
    let seq = || server.json("/v1/status")["seq"].as_u64();
    let before = seq();
    eventually("something else changes", || (seq() > before).then_some(()));
    assert!(
        [&mut exact, &mut pattern, &mut other, &mut none]
            .into_iter()
            .all(is_silent)
    );
    push(&server, "own:A", "1.375");
    for stream in [&mut exact, &mut pattern] {
        let answer = Answer::read(stream, "GET");
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        let json = answer.json();
        let snapshot = &json["snapshot"];
        assert_eq!(
            (&snapshot["resumed"], snapshot["tickers"].as_array().map(Vec::len)),
            (&true.into(), Some(1))
        );
        assert_eq!(snapshot["tickers"][0]["bid_price"], "1.375", "exact, as written");
        assert!(position(&json).1 > at.1);
    }
    // Listed while it is waited for.
    push(&server, "own:X", "7");
    let json = Answer::read(&mut none, "GET").json();
    assert_eq!(json["snapshot"]["instruments"][0]["symbol"], "own:X");
    assert!(is_silent(&mut other));
    let asked = Instant::now();
    let mut short = poll(&server, &target("own:B", &at, 300));
    let json = Answer::read(&mut short, "GET").json();
    assert!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
    assert_eq!(
        (&json["snapshot"]["resumed"], &json["snapshot"]["tickers"]),
        (&true.into(), &Value::Null)
    );
    assert!(position(&json).1 > at.1, "the newest seq");
}

#[test]
fn what_changed_since_is_told_at_once_and_without_a_position_all() {
    let server = pushed();
    let at = settled(&server, "own:*", 2);
    push(&server, "own:B", "3.5");
    let resumed = server.json(&target("own:*", &at, 60_000));
    assert_eq!(resumed["snapshot"]["tickers"].as_array().map(Vec::len), Some(1));
    assert_eq!(resumed["snapshot"]["tickers"][0]["bid_price"], "3.5");
    assert!(resumed["snapshot"]["instruments"].is_null() && resumed["snapshot"]["venues"].is_null());
    let (epoch, seq) = at;
    for query in [
        String::new(),
        format!("&epoch=1&since={seq}"),
        format!("&epoch={epoch}&since=0"),
        format!("&epoch={epoch}&since=99999999&wait_ms=60000"),
    ] {
        let whole = server.json(&format!("/v1/changes?symbols=own:*,BAD,own:Y{query}"));
        let snapshot = &whole["snapshot"];
        assert_eq!(snapshot["resumed"], Value::Null, "{query}");
        assert_eq!(snapshot["tickers"].as_array().map(Vec::len), Some(2), "{query}");
        assert_eq!(snapshot["pending"], serde_json::json!(["own:Y"]));
        assert_eq!(snapshot["rejected"][0]["symbol"], "BAD");
    }
}

#[test]
fn polling_on_from_answer_to_answer_has_the_stores_values() {
    let server = Server::of("synthetic?symbols=20&rate=2000&seed=3", &[]);
    server.until_instruments(20);
    let mut values: std::collections::BTreeMap<u64, serde_json::Map<String, Value>> = Default::default();
    let mut next = "/v1/changes?symbols=synthetic:*".to_owned();
    let fields = [
        "bid_price",
        "bid_size",
        "ask_price",
        "ask_size",
        "last_price",
        "last_size",
        "update_count",
    ];
    let take = |row: &mut serde_json::Map<String, Value>, ticker: &Value| {
        for field in fields.into_iter().filter(|field| !ticker[field].is_null()) {
            row.insert(field.to_owned(), ticker[field].clone());
        }
    };
    for round in 0.. {
        let answer = server.json(&next);
        assert_eq!(answer["snapshot"]["resumed"] == true, round > 0);
        for ticker in answer["snapshot"]["tickers"].as_array().into_iter().flatten() {
            take(values.entry(ticker["id"].as_u64().expect("an id")).or_default(), ticker);
        }
        let at = position(&answer);
        next = target("synthetic:*", &at, 60_000);
        let whole = server.json("/v1/snapshot?symbols=synthetic:*");
        if round >= 20 && position(&whole) == at {
            for ticker in whole["snapshot"]["tickers"].as_array().expect("tickers") {
                let mut want = serde_json::Map::new();
                take(&mut want, ticker);
                assert_eq!(values[&ticker["id"].as_u64().expect("an id")], want);
            }
            return;
        }
        assert!(round < 2_000, "no snapshot could be compared");
    }
}

#[test]
fn a_new_epoch_answers_who_waits_with_all_there_is() {
    let frames: Vec<_> = (0..3)
        .map(|n| captures::quote(n + 1, "AAA", ("1.25", "2.00"), ("3.00", &format!("{n}.50"))))
        .collect();
    let path = captures::write("changes-loop", 400, &frames);
    let file = path.to_str().expect("UTF-8");
    let server = Server::of_process(Process::spawn(&["replay", file, "--loop", "--listen", "127.0.0.1:0"]));
    let first = eventually("an instrument", || {
        let answer = server.json("/v1/changes?symbols=binance:*");
        answer["snapshot"]["tickers"].is_array().then_some(answer)
    });
    let mut at = position(&first);
    let epoch = at.0.clone();
    let answer = eventually("a new epoch", || {
        let answer = server.json(&target("binance:*", &at, 60_000));
        at = position(&answer);
        (at.0 != epoch).then_some(answer)
    });
    assert_eq!(answer["snapshot"]["resumed"], Value::Null, "{answer}");
    std::fs::remove_file(path).expect("it was written");
}

#[test]
fn wrong_polls_are_told_what_is_allowed() {
    let server = Server::quiet(&["--max-symbols", "2"]);
    server.until_instruments(3);
    for (query, part) in [
        ("", "`symbols` is missing"),
        ("symbols=", "`symbols` is missing"),
        ("symbols=a:B&epoch=5", "belong together"),
        ("symbols=a:B&since=5", "belong together"),
        ("symbols=a:B&epoch=0&since=5", "`epoch` is `0`"),
        ("symbols=a:B&epoch=x&since=5", "`epoch` is `x`"),
        ("symbols=a:B&epoch=9007199254740992&since=5", "from 1 to 2^53 - 1"),
        ("symbols=a:B&epoch=5&since=-1", "`since` is `-1`"),
        ("symbols=a:B&epoch=5&since=", "`since` is ``"),
        ("symbols=a:B&since=x", "`since` is `x`"),
        ("symbols=a:B&epoch=x", "`epoch` is `x`"),
        ("symbols=a:B&wait_ms=60001", "from 0 to 60000"),
        ("symbols=a:B&wait_ms=1.5", "from 0 to 60000"),
        ("symbols=a:B&wait_ms=+1", "from 0 to 60000"),
        (
            "symbols=a:B&wait=1",
            "`symbols`, `epoch`, `since`, `wait_ms` are allowed",
        ),
        ("symbols=a:B&wait_ms=1&wait_ms=1", "more than once"),
        ("symbols=synthetic:*", "at most 2"),
    ] {
        let (status, _, message) = server.get(&format!("/v1/changes?{query}")).error();
        assert_eq!(status, 400, "{query}");
        assert!(message.contains(part), "{query}: {message}");
    }
}

#[test]
fn those_who_wait_are_as_many_as_may_connect_and_are_sent_away_when_the_server_stops() {
    let server = Server::quiet(&["--max-connections", "2"]);
    server.until_instruments(3);
    let at = position(&server.json("/v1/snapshot?symbols=own:*"));
    let target = target("own:*", &at, 60_000);
    let until_waiting = |count: u64| server.until_status("who waits", |status| status["waiting"] == count);
    let mut first = poll(&server, &target);
    let second = poll(&server, &target);
    until_waiting(2);
    let refused = server.get(&target);
    assert_eq!((refused.error().0, refused.header("retry-after")), (503, Some("2")));
    // An answer at once needs no place.
    assert_eq!(server.get("/v1/changes?symbols=own:*&wait_ms=60000").status, 200);
    // Who goes away leaves its place.
    drop(second);
    until_waiting(1);
    let mut second = poll(&server, &target);
    until_waiting(2);
    server.process.signal("TERM");
    for stream in [&mut first, &mut second] {
        let (status, code, message) = Answer::read(stream, "GET").error();
        assert_eq!((status, code.as_str()), (503, "unavailable"));
        assert!(message.contains("stopping"), "{message}");
    }
    assert_eq!(server.process.wait().code, Some(0));
}

#[test]
fn a_snapshot_that_is_known_is_not_sent_again() {
    let server = pushed();
    settled(&server, "own:*", 2);
    let target = "/v1/snapshot?symbols=own:A,own:X";
    let first = server.page(target);
    let tag = first.header("etag").expect("a tag").to_owned();
    assert!(
        tag.starts_with("W/\"") && first.header("cache-control") == Some("no-cache"),
        "{tag}"
    );
    let again = |tag: &str| server.ask("GET", target, &[("If-None-Match", tag)]);
    // Neither other instruments nor time make it another one.
    push(&server, "own:B", "9.5");
    for known in [tag.as_str(), "*", &format!("\"x\", {tag}")] {
        let mut stream = server.sent(&head("GET", target, &[("If-None-Match", known)]));
        let answer = Answer::read(&mut stream, "HEAD");
        assert_eq!(
            (answer.status, answer.header("etag")),
            (304, Some(tag.as_str())),
            "{known}"
        );
        // Nothing stands behind the head: the connection goes on.
        stream.write_all(&head("GET", "/healthz", &[])).expect("written");
        assert_eq!(Answer::read(&mut stream, "GET").text(), "ok\n");
    }
    let changed = |bid: &str, symbol: &str, before: &str| {
        push(&server, symbol, bid);
        eventually("another tag", || {
            let answer = again(before);
            let tag = answer.header("etag").expect("a tag").to_owned();
            (answer.status == 200 && tag != before).then_some(tag)
        })
    };
    let next = changed("1.5", "own:A", &tag);
    // What was pending is there.
    changed("5", "own:X", &next);
    assert_eq!(
        server
            .ask("HEAD", target, &[])
            .header("etag")
            .map(|t| t.starts_with("W/")),
        Some(true)
    );
    assert_eq!(again("\"5-6\"").status, 200);
}
