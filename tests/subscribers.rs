//! `/v1/subscribers`: who lags, by how much, and what it cost, as whoever may is told.

mod support;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use serde_json::Value;
use support::auth::{bearer, make, serve};
use support::follower::Follower;
use support::frame::FRAME_BYTES_MAX;
use support::http;
use support::peer::{Item, Options, Peer};
use support::request::{Ask, Said};
use support::server::Server;
use support::{eventually, in_each_encoding};
use tickwire::market::Ts;
use tickwire::wire::Encoding;
use tickwire::wire::proto;

/// 20 changes in each beat.
const FEED: &str = "synthetic?symbols=50&rate=2000&seed=7";
const ALL: &str = "synthetic:*";

fn listed(page: &Value) -> &[Value] {
    page["listed"].as_array().expect("a list")
}

fn sessions(page: &Value) -> Vec<&str> {
    let names = listed(page).iter().map(|row| row["session"].as_str());
    names.map(|name| name.expect("a text")).collect()
}

/// The row of a session.
fn row(server: &Server, session: &str) -> Value {
    let page = server.json("/v1/subscribers");
    let found = listed(&page).iter().find(|row| row["session"] == session);
    found.unwrap_or_else(|| panic!("no {session}: {page}")).clone()
}

fn number(row: &Value, key: &str) -> u64 {
    row[key].as_u64().unwrap_or_else(|| panic!("no number {key}: {row}"))
}

/// What the server calls this session.
fn session(follower: &Follower) -> String {
    follower.welcome.as_ref().expect("a welcome").session.clone()
}

fn take_next(peer: &mut Peer, follower: &mut Follower) {
    let message = peer.message();
    follower.take(&message);
}

fn unsubscribe(symbols: &str) -> Ask {
    Ask::Unsubscribe(proto::Unsubscribe {
        symbols: vec![symbols.to_owned()],
    })
}

/// Reads all that has come and compares it with what the server says it sent.
fn compare_bytes(server: &Server, peer: &mut Peer, session: &str) {
    eventually("every byte sent has come", || {
        let told = number(&row(server, session), "bytes");
        while peer.read(FRAME_BYTES_MAX, Instant::now()).expect("it is connected") {}
        (peer.received == told).then_some(())
    });
}

#[test]
fn who_stops_reading_is_first_until_it_reads_on() {
    let server = Server::of(FEED, &["--slow-consumer-ms", "60000"]);
    server.until_instruments(50);
    let mut healthy = Peer::connect(server.addr, Options::of(Encoding::Protobuf));
    let mut healthy_follower = Follower::subscribe(&mut healthy, &[ALL]);
    let healthy_session = session(&healthy_follower);
    let mut stuck = Peer::connect(server.addr, Options::narrow(Encoding::Json));
    let mut follower = Follower::subscribe(&mut stuck, &[ALL]);
    let stuck_session = session(&follower);
    let is_enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_enough.load(Relaxed) {
                take_next(&mut healthy, &mut healthy_follower);
            }
        });
        let first = eventually("it is told as slow", || {
            let page = server.json("/v1/subscribers");
            let first = listed(&page)[0].clone();
            let is_so = first["slow"] == true && number(&first, "skipped") > 0;
            is_so.then_some((page, first))
        });
        let (page, first) = first;
        assert_eq!((&page["subscribers"], &page["slow"]), (&2.into(), &1.into()), "{page}");
        assert_eq!(sessions(&page), [stuck_session.as_str(), &healthy_session]);
        assert!(number(&first, "behind") > 0, "{first}");
        assert_eq!(
            (&first["encoding"], &first["symbols"]),
            (&"json".into(), &50.into()),
            "{first}"
        );
        eventually("it lags more and more", || {
            let now = row(&server, &stuck_session);
            let has_grown = |key: &str| number(&now, key) > number(&first, key);
            ["behind", "blocked_ms", "skipped"]
                .into_iter()
                .all(has_grown)
                .then_some(())
        });
        eventually("it has caught up", || {
            // As many as have come by now.
            while let Item::Message(message) = stuck.next(Instant::now()) {
                follower.take(&message);
            }
            let page = server.json("/v1/subscribers");
            let now = row(&server, &stuck_session);
            let is_well = page["slow"] == 0 && now["slow"] == false && now["blocked_ms"] == 0;
            // What was skipped is told to it too.
            (is_well && number(&now, "skipped") == follower.skipped).then_some(())
        });
        is_enough.store(true, Relaxed);
    });
    assert!(follower.skipped > 0 && healthy_follower.skipped == 0);
    let ack = stuck.ask(1_000, unsubscribe(ALL));
    assert!(matches!(ack, Said::Ack(_)), "{ack:?}");
    compare_bytes(&server, &mut stuck, &stuck_session);
}

#[test]
fn every_byte_that_a_peer_gets_is_counted() {
    let server = Server::of(FEED, &[]);
    server.until_instruments(50);
    in_each_encoding(|encoding| {
        for (query, compression) in [("", "none"), ("?compression=deflate&interval_ms=25", "deflate")] {
            let options = Options {
                query,
                ..Options::of(encoding)
            };
            let mut peer = Peer::connect(server.addr, options);
            let mut follower = Follower::subscribe(&mut peer, &[ALL]);
            while follower.deltas < 20 {
                take_next(&mut peer, &mut follower);
            }
            assert!(peer.is_alive());
            let ack = peer.ask(1_000, unsubscribe(ALL));
            assert!(matches!(ack, Said::Ack(_)), "{ack:?}");
            let session = session(&follower);
            compare_bytes(&server, &mut peer, &session);
            let row = row(&server, &session);
            // A pace is granted in whole beats.
            let interval_ms = if query.is_empty() { 10 } else { 30 };
            assert_eq!(
                (&row["encoding"], &row["compression"], number(&row, "interval_ms")),
                (&encoding.to_string().into(), &compression.into(), interval_ms)
            );
            assert_eq!((number(&row, "symbols"), number(&row, "behind")), (0, 0), "{row}");
        }
    });
    server.until_subscribers(0);
    assert_eq!(server.json("/v1/subscribers")["listed"], Value::Array(Vec::new()));
}

#[test]
fn who_confirms_nothing_is_told_with_its_window() {
    let server = Server::of(FEED, &[]);
    server.until_instruments(50);
    let mut peer = Peer::connect(server.addr, Options::of(Encoding::Msgpack));
    let session = session(&Follower::subscribe(&mut peer, &[ALL]));
    let configure = |window| {
        Ask::Configure(proto::Configure {
            interval_ms: None,
            window: Some(window),
        })
    };
    assert!(matches!(peer.ask(1_000, configure(3)), Said::Ack(ack) if ack.window == 3));
    let waits = eventually("its window is full", || {
        let row = row(&server, &session);
        (row["slow"] == true).then_some(row)
    });
    assert_eq!((number(&waits, "window"), number(&waits, "unconfirmed")), (3, 3));
    assert!(number(&waits, "behind") > 0 && number(&waits, "skipped") > 0, "{waits}");
    assert_eq!(number(&waits, "blocked_ms"), 0, "its socket is free: {waits}");
    assert!(matches!(peer.ask(1_001, configure(0)), Said::Ack(ack) if ack.window == 0));
    eventually("nothing holds it back", || {
        let row = row(&server, &session);
        let is_well = row["slow"] == false && number(&row, "window") + number(&row, "unconfirmed") == 0;
        is_well.then_some(())
    });
}

#[test]
fn a_session_is_told_with_its_client_and_its_beginning_and_whoever_waits_over_http_is_only_counted() {
    let server = Server::quiet(&["--trusted-proxies", "127.0.0.0/8"]);
    let before = Ts::now().as_wire();
    let mut peer = Peer::upgrade(
        &server,
        "?encoding=json",
        &[("X-Forwarded-For", "203.0.113.7")],
        Encoding::Json,
    );
    let session = peer.welcome().session;
    let row = row(&server, &session);
    assert_eq!(
        (&row["client"], &row["identity"], &row["tls"]),
        (&"203.0.113.7".into(), &"anonymous".into(), &false.into())
    );
    let since: u64 = row["since"].as_str().expect("a text").parse().expect("nanoseconds");
    assert!((before..=Ts::now().as_wire()).contains(&since), "{row}");
    let _events = server.sent(&http::head("GET", "/v1/events?symbols=synthetic:*", &[]));
    server.until_status("an event stream", |status| status["waiting"] == 1);
    let page = server.json("/v1/subscribers");
    assert_eq!(sessions(&page), [session.as_str()]);
    assert_eq!(page["subscribers"], 1);
}

#[test]
fn only_who_may_read_statistics_is_told_and_names_are_the_newest() {
    let (alice, bob) = (make("alice", "all", &[]), make("bob", "none", &[]));
    let config = "[auth]\ntokens = \"tokens.toml\"\n[entitlement.all]\nstatistics = true\n[entitlement.none]\n";
    let tokens = format!("{}{}", alice.block, bob.block);
    let server = serve(config, &[("tokens.toml", &tokens)], &["--feed", FEED]);
    assert_eq!(server.get("/v1/subscribers").error().0, 401);
    let (status, code, message) = server.ask_as(&bob.token, "GET", "/v1/subscribers").error();
    assert_eq!((status, code.as_str()), (403, "forbidden"));
    assert!(message.contains("`statistics = true`"), "{message}");
    // Before the query is looked at.
    assert_eq!(server.ask_as(&bob.token, "GET", "/v1/subscribers?limit=0").status, 403);
    let names = || {
        let answer = server.ask_as(&alice.token, "GET", "/v1/subscribers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let rows = listed(&page).iter();
        let mut names: Vec<String> = rows
            .map(|row| row["identity"].as_str().expect("a name").to_owned())
            .collect();
        names.sort();
        names
    };
    assert!(names().is_empty());
    let value = bearer(&alice.token);
    let mut known = Peer::upgrade(&server, "", &[("Authorization", &value)], Encoding::Protobuf);
    known.welcome();
    let mut unknown = Peer::upgrade(&server, "", &[], Encoding::Protobuf);
    unknown.welcome();
    assert_eq!(names(), ["alice", "nobody"]);
    let token = bob.token.clone();
    let said = unknown.ask(1, Ask::Authenticate(proto::Authenticate { token }));
    assert!(matches!(said, Said::Ack(_)), "{said:?}");
    assert_eq!(names(), ["alice", "bob"]);
    drop(known);
    eventually("whoever has gone is not listed", || (names() == ["bob"]).then_some(()));
}

#[test]
fn a_limit_is_kept_and_a_wrong_one_is_refused() {
    let server = Server::quiet(&[]);
    let peers: Vec<Peer> = Encoding::ALL.map(|encoding| Peer::open(&server, encoding)).into();
    let page = server.json("/v1/subscribers?limit=2");
    assert_eq!((listed(&page).len(), &page["subscribers"]), (2, &3.into()), "{page}");
    assert_eq!(listed(&server.json("/v1/subscribers?limit=1000")).len(), peers.len());
    for query in [
        "limit=0",
        "limit=1001",
        "limit=",
        "limit=+1",
        "limit=-1",
        "limit=x",
        "limit",
    ] {
        let (status, code, message) = server.get(&format!("/v1/subscribers?{query}")).error();
        assert_eq!((status, code.as_str()), (400, "invalid_message"), "{query}");
        assert_eq!(message, "`limit` must be a number from 1 to 1000", "{query}");
    }
    for (query, part) in [("limit=1&limit=2", "more than once"), ("most=5", "`limit` is allowed")] {
        let (status, _, message) = server.get(&format!("/v1/subscribers?{query}")).error();
        assert!(status == 400 && message.contains(part), "{query}: {message}");
    }
}
