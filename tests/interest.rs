//! A subscriber receives what it asked for, at most once a beat, and otherwise only the heartbeat.

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use support::follower::Follower;
use support::peer::{Item, Options, Peer};
use support::server::Server;
use support::{LIMIT, captures, in_each_encoding, rows};
use tickwire::wire::Encoding;
use tickwire::wire::proto::server_message::Body;

/// Three of ten thousand.
const THREE: [&str; 3] = ["synthetic:S0007", "synthetic:S1234", "synthetic:S9999"];

/// Reads on until `is_enough`.
fn follow(peer: &mut Peer, follower: &mut Follower, is_enough: impl Fn(&Follower) -> bool) {
    let until = Instant::now() + LIMIT;
    while !is_enough(follower) {
        match peer.next(until) {
            Item::Message(message) => follower.take(&message),
            other => panic!("not enough by now ({} deltas): {other:?}", follower.deltas),
        }
    }
}

/// A server with ten thousand instruments, all of which exist by now.
fn busy_server() -> Server {
    let server = Server::start(&["--feed", "synthetic?symbols=10000&rate=20000&seed=11"]);
    server.until_instruments(10_000);
    server
}

#[test]
fn of_ten_thousand_symbols_only_the_three_asked_for_are_received() {
    let server = busy_server();
    in_each_encoding(|encoding| {
        let mut peer = Peer::connect(server.addr, Options::of(encoding));
        let mut follower = Follower::subscribe(&mut peer, &THREE);
        assert_eq!(follower.view.len(), 3, "all three exist, the snapshot is whole");
        follow(&mut peer, &mut follower, |f| f.deltas >= 15);
        let told: BTreeSet<&str> = follower.announced.values().map(String::as_str).collect();
        assert_eq!(told, BTreeSet::from(THREE), "{encoding}");
        // Two updates a second each: the frames of the ten thousand would be a hundred a second.
        let seqs = follower.view.seq() - follower.welcome.as_ref().expect("greeted").seq;
        assert!(seqs > 2 * follower.deltas, "{encoding}: {} of {seqs}", follower.deltas);
    });
}

#[test]
fn at_most_one_delta_comes_a_beat_however_many_updates_there_are() {
    let server = busy_server();
    in_each_encoding(|encoding| {
        let mut peer = Peer::connect(server.addr, Options::of(encoding));
        let mut follower = Follower::subscribe(&mut peer, &["synthetic:S1*"]);
        let before = follower.view.seq();
        // The follower insists on one a beat; 1,000 of the instruments change 2,000 times a second.
        follow(&mut peer, &mut follower, |f| f.stamps.len() >= 200);
        let beats = follower.span().as_millis() as u64 / 10 + 1;
        // A late beat of the timer is followed by one in time: a few more than the clock's beats.
        assert!(beats + 30 >= 200, "{encoding}: 200 in {beats} beats");
        assert!(follower.view.seq() - before >= 200, "{encoding}");
        assert_eq!(follower.announced.len(), 1_000, "{encoding}");
    });
}

#[test]
fn a_paced_subscriber_gets_at_most_one_delta_in_its_interval() {
    let server = busy_server();
    in_each_encoding(|encoding| {
        let paced = Options {
            query: "?interval_ms=200",
            ..Options::of(encoding)
        };
        let mut peer = Peer::connect(server.addr, paced);
        let mut follower = Follower::subscribe(&mut peer, &["synthetic:S2*"]);
        follow(&mut peer, &mut follower, |f| f.stamps.len() >= 15);
        assert_eq!(follower.welcome.as_ref().map(|w| w.interval_ms), Some(200));
        let span = follower.span();
        // 14 intervals lie between 15 deltas; two of them for a first beat that comes late on a loaded machine.
        assert!(span >= Duration::from_millis(12 * 200), "{encoding}: {span:?}");
    });
}

/// The seconds between two heartbeats by the server's clock; on a loaded machine the first may be late.
fn check_heartbeats(follower: &Follower, encoding: Encoding) {
    for pair in follower.heartbeats.windows(2) {
        let between = Duration::from_nanos(pair[1].ts - pair[0].ts);
        assert!(
            between >= Duration::from_millis(800) && between < Duration::from_secs(3),
            "{encoding}: {between:?}"
        );
    }
}

#[test]
fn when_nothing_changes_nothing_comes_but_the_heartbeat_each_second() {
    let quotes = [
        captures::quote(1, "AAA", ("1.50", "2.00"), ("1.60", "3.00")),
        captures::quote(2, "BBB", ("7.00", "0.50"), ("0.00", "0.00")),
    ];
    let path = captures::write("quiet", 1, &quotes);
    let server = Server::start(&["--feed", &captures::replay(&path, "speed=max")]);
    server.until_played();
    in_each_encoding(|encoding| {
        let mut peer = Peer::connect(server.addr, Options::of(encoding));
        let mut follower = Follower::subscribe(&mut peer, &["binance:*"]);
        follow(&mut peer, &mut follower, |f| f.heartbeats.len() >= 4);
        assert_eq!((follower.deltas, follower.snapshots), (0, 1), "{encoding}");
        check_heartbeats(&follower, encoding);
        let http = rows::snapshot(&server, "binance:*");
        // The server's own statistics move the seq, and none of these instruments.
        assert!(follower.view.seq() <= http.seq);
        assert_eq!(follower.view.dump(), http.rows);
        let b = &follower.view.dump()["binance:BBB"];
        assert!(!b.values.contains_key("ask_price"), "an empty side has no value: {b:?}");
    });
    std::fs::remove_file(path).expect("it was written");
}

#[test]
fn while_others_change_who_holds_something_quiet_gets_only_heartbeats_of_the_newest_seq() {
    let server = busy_server();
    in_each_encoding(|encoding| {
        let mut peer = Peer::connect(server.addr, Options::of(encoding));
        let mut follower = Follower::subscribe(&mut peer, &["synthetic:NONE"]);
        assert_eq!(follower.view.pending().len(), 1);
        follow(&mut peer, &mut follower, |f| f.heartbeats.len() >= 3);
        assert_eq!((follower.deltas, follower.announced.len()), (0, 0), "{encoding}");
        check_heartbeats(&follower, encoding);
        let grows = follower.heartbeats.windows(2).all(|pair| pair[0].seq < pair[1].seq);
        assert!(grows, "{encoding}: {:?}", follower.heartbeats);
    });
}

#[test]
fn what_is_taken_back_is_not_received_any_more() {
    let server = busy_server();
    in_each_encoding(|encoding| {
        let mut peer = Peer::connect(server.addr, Options::of(encoding));
        let mut follower = Follower::subscribe(&mut peer, &["synthetic:S3*", "synthetic:S3000"]);
        follow(&mut peer, &mut follower, |f| f.deltas >= 5);
        let (request, _) = follower.view.leave(&["synthetic:S3*".to_owned()], 77);
        peer.send(&request.expect("it is held"));
        loop {
            let message = peer.message();
            if let Some(Body::Ack(ack)) = &message.body {
                assert_eq!((ack.request_id, ack.symbols), (77, 1), "{encoding}");
                break;
            }
            follower.take(&message);
        }
        follower.announced.retain(|_, symbol| symbol == "synthetic:S3000");
        // The follower knows only this one now: an entry of another would not be announced.
        let deltas = follower.deltas;
        follow(&mut peer, &mut follower, |f| f.deltas >= deltas + 5);
        assert_eq!(follower.announced.len(), 1, "{encoding}");
    });
}
