//! The end of a server, in good manners and without, and what it means to those who come back.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use support::follower::Follower;
use support::peer::{Item, Options as PeerOptions, Peer};
use support::server::Server;
use support::{LIMIT, captures, eventually, in_each_encoding, rows, truth};
use tickwire::client::{Disconnect, Notice, Options, Row, Subscriber};
use tickwire::wire::proto::server_message::Body;
use tickwire::wire::{Compression, Encoding};
use tokio::time::timeout;
use tokio_stream::StreamExt;

/// What the server promises for a clean stop.
const DRAIN: Duration = Duration::from_secs(5);

const SUBSCRIBERS: usize = 200;

/// A small market; the second is what another process serves after it: other ids, one instrument less, one more.
fn before() -> Vec<String> {
    vec![
        captures::quote(1, "AAA", ("1.50", "2.00"), ("1.60", "3.00")),
        captures::quote(2, "BBB", ("7.00", "0.50"), ("7.25", "1.00")),
        captures::quote(3, "CCC", ("9.125", "1.00"), ("9.25", "1.00")),
    ]
}

fn after() -> Vec<String> {
    vec![
        captures::quote(5, "DDD", ("0.001", "2.00"), ("0.002", "3.00")),
        captures::quote(6, "CCC", ("9.5", "4.00"), ("9.75", "5.00")),
        captures::quote(7, "AAA", ("1.55", "2.00"), ("0.00", "0.00")),
    ]
}

/// A capture, what it means, and its file.
struct Market {
    truth: BTreeMap<String, Row>,
    path: PathBuf,
}

impl Market {
    fn write(name: &str, frames: &[String]) -> Market {
        let path = captures::write(name, 1, frames);
        let truth = truth::binance::of_capture(&captures::text(&path));
        Market { truth, path }
    }

    /// Serves it, played to its end.
    fn serve(&self, listen: &str) -> Server {
        let server = Server::start_at(listen, &["--feed", &captures::replay(&self.path, "speed=max")]);
        server.until_played();
        server
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        // Left behind in the build's folder at worst.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A subscriber's goodbye: delay of the goaway, close code.
fn goodbye(peer: &mut Peer, follower: &mut Follower) -> (u32, u16) {
    let until = Instant::now() + LIMIT;
    let mut delay = None;
    loop {
        match peer.next(until) {
            Item::Message(message) => {
                follower.take(&message);
                if let Some(Body::Goaway(goaway)) = message.body {
                    assert!(!goaway.reason.is_empty(), "it says why");
                    assert!(delay.replace(goaway.reconnect_after_ms).is_none(), "once");
                }
            }
            Item::Close(code) => return (delay.expect("goaway before the close"), code),
            other => panic!("no goodbye: {other:?}"),
        }
    }
}

#[test]
fn two_hundred_subscribers_are_sent_away_one_by_one_and_the_server_ends_within_its_time() {
    let server = Server::start(&["--feed", "synthetic?symbols=100&rate=5000&seed=3"]);
    let connect = |at: usize| {
        let options = PeerOptions::of(Encoding::ALL[at % 3]);
        let mut peer = Peer::connect(server.addr, options);
        let follower = Follower::subscribe(&mut peer, &["synthetic:S001*"]);
        (peer, follower)
    };
    let peers: Vec<(Peer, Follower)> = (0..SUBSCRIBERS).map(connect).collect();
    let asked = Instant::now();
    server.process.signal("TERM");
    let goodbyes: Vec<(u32, u16, Duration)> = std::thread::scope(|scope| {
        let follow = |(mut peer, mut follower)| {
            scope.spawn(move || {
                let (delay, code) = goodbye(&mut peer, &mut follower);
                (delay, code, asked.elapsed())
            })
        };
        let threads: Vec<_> = peers.into_iter().map(follow).collect();
        threads.into_iter().map(|t| t.join().expect("a goodbye")).collect()
    });
    let ended = server.process.wait();
    let took = asked.elapsed();
    eprintln!("ended after {took:?}");
    assert_eq!(ended.code, Some(0), "a clean end");
    assert!(took <= DRAIN, "{took:?}");
    assert!(goodbyes.iter().all(|(_, code, _)| *code == 4001), "{goodbyes:?}");
    let delays: BTreeSet<u32> = goodbyes.iter().map(|(delay, ..)| *delay).collect();
    assert!(delays.len() > SUBSCRIBERS / 2, "each another delay: {delays:?}");
    let closes = goodbyes.iter().map(|(.., at)| *at);
    let spread = closes.clone().max().zip(closes.min()).map(|(last, first)| last - first);
    assert!(spread > Some(Duration::from_millis(500)), "spread in time: {spread:?}");
}

#[test]
fn subscribers_that_do_not_answer_hold_up_the_end_no_longer_than_its_time() {
    let server = Server::start(&["--feed", "synthetic?symbols=1000&rate=20000&seed=4"]);
    let narrow = PeerOptions::narrow(Encoding::default());
    // One that never says anything, one in the middle of a request, one that never reads.
    let silent = Peer::connect(server.addr, narrow);
    let mut half = Peer::connect(server.addr, narrow);
    half.send_raw(&[0x82, 0xfe, 0x40]);
    let mut stuck = Peer::connect(server.addr, narrow);
    Follower::default().ask(&mut stuck, &["synthetic:*"]);
    eventually("it is stuck", || {
        (server.metric("tickwire_subscribers_slow", "") == 1.0).then_some(())
    });
    let asked = Instant::now();
    server.process.signal("TERM");
    assert_eq!(server.process.wait().code, Some(0), "a clean end");
    let took = asked.elapsed();
    eprintln!("ended after {took:?}");
    assert!(took <= DRAIN, "{took:?}");
    drop((silent, half, stuck));
}

#[test]
fn who_was_cut_off_resumes_with_all_that_changed_meanwhile_and_nothing_is_sent_whole() {
    // Every beat changes some of the thousand that are held, and each of them seldom: what a resume leaves out
    // is not mended by what comes after it.
    let server = Server::start(&["--feed", "synthetic?symbols=10000&rate=20000&seed=8"]);
    server.until_instruments(10_000);
    in_each_encoding(|encoding| cut_off_and_resume(&server, encoding));
}

fn cut_off_and_resume(server: &Server, encoding: Encoding) {
    let options = PeerOptions::of(encoding);
    let mut peer = Peer::connect(server.addr, options);
    let mut follower = Follower::subscribe(&mut peer, &["synthetic:S1*"]);
    for cut in 1..=4 {
        follower.compare(&mut peer, server, "synthetic:S1*");
        drop(peer);
        // The first resume is at once, the others after ever more beats.
        let missed = follower.view.seq() + 20 * (cut - 1);
        eventually("beats are missed", || {
            (rows::snapshot(server, "synthetic:S1000").seq >= missed).then_some(())
        });
        peer = Peer::connect(server.addr, options);
        follower.resume(&mut peer);
        assert!(follower.view.seq() >= missed, "{encoding}");
    }
    follower.compare(&mut peer, server, "synthetic:S1*");
    assert_eq!(follower.announced.len(), 1_000, "{encoding}");
}

/// Subscribers of every encoding and compression, each with the whole view of the first market.
async fn subscribers(server: &Server, market: &Market) -> Vec<Subscriber> {
    let mut all = Vec::new();
    for encoding in Encoding::ALL {
        for compression in [Compression::None, Compression::Deflate] {
            let options = Options::new(&server.url()).expect("a URL");
            let subscriber = Subscriber::new(options.encoding(encoding).compression(compression));
            subscriber
                .subscribe(["binance:*", "binance:BBB"])
                .await
                .expect("a pattern");
            let whole = timeout(LIMIT, subscriber.wait_until(|view| view.is_complete()));
            whole.await.expect("in time").expect("it does not give up");
            assert_eq!(subscriber.view().dump(), market.truth);
            all.push(subscriber);
        }
    }
    all
}

/// Follows a subscriber over to the new server; the reason of its disconnection and the goaway's delay.
async fn come_back(subscriber: &mut Subscriber) -> (Disconnect, Option<Duration>) {
    let (mut why, mut delay, mut done) = (None, None, 0);
    loop {
        let notice = timeout(LIMIT, subscriber.next()).await.expect("something happens");
        match notice.expect("it does not give up") {
            Notice::Goaway { reconnect_after, .. } => delay = Some(reconnect_after),
            // Until the new process listens, further ones follow.
            Notice::Disconnected { reason, .. } => why = why.or(Some(reason)),
            Notice::SnapshotDone { resumed, .. } => {
                assert!(!resumed, "another epoch cannot be resumed");
                done += 1;
                if done == 2 {
                    return (why.expect("the end of the first"), delay);
                }
            }
            _ => {}
        }
    }
}

/// Ends one server with `end`, serves another market on the same port, and looks at what the subscribers make of it.
async fn move_over(name: &str, end: impl FnOnce(Server), is_expected: fn(&Disconnect, Option<Duration>) -> bool) {
    let markets = [("before", before()), ("after", after())];
    let [first, second] = markets.map(|(part, frames)| Market::write(&format!("{name}-{part}"), &frames));
    let server = first.serve("127.0.0.1:0");
    let mut all = subscribers(&server, &first).await;
    let (addr, epoch) = (server.addr, all[0].view().epoch());
    end(server);
    // What was known is kept meanwhile.
    assert!(all.iter().all(|s| s.view().dump() == first.truth));
    let server = second.serve(&addr.to_string());
    let http = rows::snapshot(&server, "binance:*");
    assert_eq!(http.rows, second.truth, "/v1/snapshot");
    assert_ne!(Some(http.epoch), epoch, "another life, another epoch");
    for subscriber in &mut all {
        let (why, delay) = come_back(subscriber).await;
        assert!(is_expected(&why, delay), "{why:?}, {delay:?}");
        let view = subscriber.view();
        // The server's own statistics move the seq once a second.
        assert!(view.epoch() == Some(http.epoch) && view.seq() >= http.seq);
        assert_eq!(view.dump(), second.truth);
        assert_eq!(
            Vec::from_iter(view.pending()),
            ["binance:BBB"],
            "it does not exist any more"
        );
        assert_eq!(view.breaches(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_clean_stop_subscribers_come_to_the_next_process_and_get_a_whole_snapshot() {
    let end = |server: Server| {
        server.process.signal("TERM");
        assert_eq!(server.process.wait().code, Some(0));
    };
    move_over("stop", end, |why, delay| {
        matches!(why, Disconnect::Closed { code: 4001, .. }) && delay.is_some_and(|d| d <= DRAIN)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_subscribers_come_to_the_next_process_and_get_a_whole_snapshot() {
    let is_expected = |why: &Disconnect, delay: Option<Duration>| {
        matches!(why, Disconnect::Ended | Disconnect::Socket(_)) && delay.is_none()
    };
    move_over("kill", |server: Server| server.process.kill(), is_expected).await;
}
