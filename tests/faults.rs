//! Faults below the service, with the real binary: it runs out of descriptors, the wall clock steps, it is stopped under
//! load, it is killed. Each shows, and nobody is left behind.
//!
//! A panic in one session is tried in `server::session::tests`, one in a feed in `feed::supervisor`, their count in
//! `monitor::panics`. A full disk while recording stands in `tests/record_tape.rs`, one while the store is kept in
//! `tests/state.rs`.

mod support;

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use support::follower::Follower;
use support::http::{Answer, head};
use support::peer::{Item, Options as PeerOptions, Peer};
use support::process::{Process, directory};
use support::request::{Said, subscribe};
use support::server::{QUIET, Server};
use support::siege::Neighbour;
use support::{LIMIT, eventually, rows, skipped};
use tickwire::client::{Notice, Options, Subscriber};
use tickwire::wire::Encoding::{self, Json, Protobuf};
use tokio::time::timeout;
use tokio_stream::StreamExt;

const LOAD: &str = "synthetic?symbols=100&rate=5000&seed=3";
const SOME: &str = "synthetic:S001*";

/// What the server promises for a clean stop.
const DRAIN: Duration = Duration::from_secs(5);

#[test]
#[cfg(target_os = "linux")]
fn without_descriptors_accepting_pauses_serving_goes_on_and_later_everybody_comes_in() {
    let args = ["serve", "--listen", "127.0.0.1:0", "--shards", "1", "--feed", LOAD];
    let server = Server::of_process(Process::spawn_with_few_files(100, &args));
    server.until_instruments(100);
    let neighbour = Neighbour::of(&server, SOME);
    // Asked over one connection: there may be none for another.
    let mut asker = server.connect();
    let mut refused = || {
        asker.write_all(&head("GET", "/metrics", &[])).expect("taken");
        let text = Answer::read(&mut asker, "GET").text();
        let line = text
            .lines()
            .find(|line| line.starts_with("tickwire_accepts_failed_total "));
        line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // The system takes these in; for the service they wait.
    let mut idle: Vec<TcpStream> = (0..150).map(|_| server.connect()).collect();
    let before = eventually("accepting fails", || Some(refused()).filter(|count| *count > 0.0));
    let (began, mut after) = (Instant::now(), before);
    while after < before + 10.0 {
        after = refused();
    }
    // One in 50 ms, not as often as the processor can.
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(400), "ten in {took:?}");
    assert!(
        after - before <= took.as_secs_f64() * 20.0 + 2.0,
        "{} in {took:?}",
        after - before
    );
    server.process.log_line("connections cannot be accepted");
    // One that waits is served as soon as there is room.
    let mut late = server.sent(&head("GET", "/healthz", &[]));
    idle.drain(..).for_each(drop);
    assert_eq!(Answer::read(&mut late, "GET").status, 200);
    assert!(Peer::open(&server, Json).is_alive());
    let follower = neighbour.finish(&server, SOME);
    assert!(follower.deltas > 10, "{} deltas", follower.deltas);
}

/// A library that makes the wall clock step; `None`, said aloud, where it cannot be made.
fn stepping_clock() -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/clock.c");
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clock-{}.so", std::process::id()));
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(source)
        .status();
    let is_there = cfg!(target_os = "linux") && compiled.is_ok_and(|status| status.success());
    if !is_there {
        skipped("there is no C compiler, so no clock steps");
    }
    is_there.then_some(library)
}

/// Reads so many messages; their stamps, and when each came.
fn stamps(peer: &mut Peer, count: usize) -> Vec<(u64, Instant)> {
    let ts = |said: Said| match said {
        Said::Delta(delta) => Some(delta.ts),
        Said::Heartbeat(heartbeat) => Some(heartbeat.ts),
        _ => None,
    };
    let mut messages = std::iter::repeat_with(|| peer.message());
    let stamps = messages
        .by_ref()
        .filter_map(|message| Some((ts(message.body?)?, Instant::now())));
    stamps.take(count).collect()
}

/// Where the stamps step back, and by how much.
fn step(stamps: &[(u64, Instant)]) -> Vec<(usize, Duration)> {
    let pairs = stamps.windows(2).enumerate();
    let back = pairs.filter(|(_, pair)| pair[1].0 < pair[0].0);
    back.map(|(at, pair)| (at, Duration::from_nanos(pair[0].0 - pair[1].0)))
        .collect()
}

#[test]
fn a_wall_clock_that_steps_back_an_hour_is_seen_in_stamps_and_nowhere_else() {
    let Some(library) = stepping_clock() else { return };
    let library_text = library.display().to_string();
    let env = [
        ("LD_PRELOAD", library_text.as_str()),
        ("CLOCK_STEP_SECONDS", "-3600"),
        ("CLOCK_STEP_AFTER_MS", "3000"),
    ];
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--feed",
        "synthetic?symbols=20&rate=400",
    ];
    let server = Server::of_process(Process::spawn_in(directory(), &args, &env));
    let read = |query: &'static str, symbol: &str, count: usize| {
        let options = PeerOptions {
            query,
            ..PeerOptions::of(Protobuf)
        };
        let mut peer = Peer::connect(server.addr, options);
        peer.request(1, subscribe(&[symbol]));
        stamps(&mut peer, count)
    };
    std::thread::scope(|scope| {
        // Every beat; twice a second; nothing but heartbeats.
        let of = |query, symbol, count| scope.spawn(move || read(query, symbol, count));
        let (beats, paced, quiet) = (
            of("", "synthetic:*", 500),
            of("?interval_ms=500", "synthetic:*", 12),
            of("", "synthetic:NONE", 6),
        );
        for (what, stamps) in [("beats", beats), ("pace", paced), ("heartbeats", quiet)] {
            let stamps = stamps.join().expect("it reads");
            let steps = step(&stamps);
            let [(at, back)] = steps[..] else {
                panic!("{what}: {steps:?}")
            };
            assert!(back > Duration::from_secs(3_500), "{what}: {back:?}");
            // The longest time between two messages is that of the others, not an hour.
            let pause = stamps[at + 1].1 - stamps[at].1;
            assert!(pause < Duration::from_secs(10), "{what}: {pause:?} at the step");
            let after = stamps.len() - at;
            assert!(at > 0 && after > 2, "{what}: {at} before and {after} after");
        }
    });
    assert_eq!(server.page("/readyz").status, 200);
    assert_eq!(
        server.json("/v1/status")["venues"][0]["state"],
        "up",
        "nothing is silent for an hour"
    );
    let _ = std::fs::remove_file(library);
}

/// Reads on to the close frame; its code.
fn until_closed(peer: &mut Peer, follower: &mut Follower) -> u16 {
    loop {
        match peer.next(Instant::now() + LIMIT) {
            Item::Message(message) => follower.take(&message),
            Item::Close(code) => return code,
            other => panic!("no goodbye: {other:?}"),
        }
    }
}

#[test]
fn a_stop_under_load_costs_no_subscriber_its_resume() {
    const SUBSCRIBERS: usize = 120;
    let state = directory().join("state");
    let state_text = state.display().to_string();
    let server = Server::start(&["--feed", LOAD, "--state", &state_text]);
    server.until_instruments(100);
    let join = |at: usize| {
        let mut peer = Peer::connect(server.addr, PeerOptions::of(Encoding::ALL[at % 3]));
        let follower = Follower::subscribe(&mut peer, &[SOME]);
        (peer, follower)
    };
    let all: Vec<(Peer, Follower)> = (0..SUBSCRIBERS).map(join).collect();
    let addr = server.addr.to_string();
    let asked = Instant::now();
    server.process.signal("TERM");
    let mut left: Vec<Follower> = std::thread::scope(|scope| {
        let read = |(mut peer, mut follower): (Peer, Follower)| {
            scope.spawn(move || {
                assert_eq!(until_closed(&mut peer, &mut follower), 4_001);
                follower
            })
        };
        let threads: Vec<_> = all.into_iter().map(read).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a goodbye"))
            .collect()
    });
    assert_eq!(server.process.wait().code, Some(0));
    let took = asked.elapsed();
    eprintln!("{SUBSCRIBERS} were sent away under load in {took:?}");
    assert!(took <= DRAIN, "{took:?}");
    // The next process has another feed, which lets the values rest.
    let server = Server::start_at(
        &addr,
        &[
            "--feed",
            "synthetic?symbols=1&rate=1&venue=calm",
            "--state",
            &state_text,
        ],
    );
    for (at, follower) in left.iter_mut().enumerate() {
        let mut peer = Peer::connect(server.addr, PeerOptions::of(Encoding::ALL[at % 3]));
        // Insists on `resumed`.
        follower.resume(&mut peer);
        follower.compare(&mut peer, &server, SOME);
        assert_eq!(follower.view.len(), 10);
    }
    drop(server);
    let _ = std::fs::remove_dir_all(state.parent().expect("a folder"));
}

/// What a subscriber saw of an outage: the waits it drew, and when it was connected again.
struct Outage {
    waits: Vec<Duration>,
    back: Instant,
}

/// Follows a subscriber until it has come back and has everything.
async fn outage(subscriber: &mut Subscriber) -> Outage {
    let (mut waits, mut back) = (Vec::new(), None);
    loop {
        let notice = timeout(LIMIT, subscriber.next()).await.expect("something happens");
        match notice.expect("it does not give up") {
            Notice::Disconnected { retry_in, .. } => waits.push(retry_in),
            Notice::Connected { .. } if !waits.is_empty() => back = Some(Instant::now()),
            Notice::SnapshotDone { .. } if back.is_some() => break,
            _ => {}
        }
    }
    let back = back.expect("connected");
    Outage { waits, back }
}

/// Two values, which rest.
fn push(server: &Server, price: u32) {
    let line = |name: &str| format!("{{\"symbol\": \"own:{name}\", \"last_price\": \"{price}\"}}\n");
    let answer = server.post("/v1/updates", &(line("AAA") + &line("BBB")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    eventually("both are there", || {
        (rows::snapshot(server, "own:*").rows.len() == 2).then_some(())
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_subscribers_come_back_spread_in_time_and_converge() {
    const SUBSCRIBERS: usize = 100;
    let args = ["--allow-control", "--feed", QUIET];
    let server = Server::start(&args);
    push(&server, 1);
    let mut all = Vec::new();
    for at in 0..SUBSCRIBERS {
        let options = Options::new(&server.url())
            .expect("a URL")
            .encoding(Encoding::ALL[at % 3]);
        let subscriber = Subscriber::new(options);
        subscriber.subscribe(["own:*"]).await.expect("a pattern");
        let whole = timeout(LIMIT, subscriber.wait_until(|view| view.len() == 2)).await;
        whole.expect("in time").expect("it does not give up");
        all.push(subscriber);
    }
    let addr = server.addr.to_string();
    server.process.kill();
    let followed = all.into_iter().map(|mut subscriber| {
        tokio::spawn(async move {
            let outage = outage(&mut subscriber).await;
            (subscriber, outage)
        })
    });
    let followed: Vec<_> = followed.collect();
    // Long enough that each has tried in vain some times.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let server = tokio::task::spawn_blocking(move || {
        let server = Server::start_at(&addr, &args);
        push(&server, 2);
        server
    });
    let server = server.await.expect("it starts");
    let (mut firsts, mut backs, mut subscribers) = (Vec::new(), Vec::new(), Vec::new());
    for task in followed {
        let (subscriber, outage) = task.await.expect("it came back");
        firsts.push(outage.waits[0]);
        backs.push(outage.back);
        subscribers.push(subscriber);
    }
    // Full jitter: the first waits fill 0 to 250 ms evenly. A hundred have their mean within 30 ms of the middle.
    let mean = firsts.iter().sum::<Duration>() / SUBSCRIBERS as u32;
    let quarter = |at: u32| {
        let range = at * 62_500..(at + 1) * 62_500;
        firsts
            .iter()
            .filter(|wait| range.contains(&(wait.as_micros() as u32)))
            .count()
    };
    let quarters = [0, 1, 2, 3].map(quarter);
    assert!((95..155).contains(&mean.as_millis()), "{mean:?}");
    assert!(quarters.iter().all(|count| *count >= 8), "{quarters:?}");
    // They have come back over seconds, never many at once.
    backs.sort_unstable();
    let spread = backs[SUBSCRIBERS - 1] - backs[0];
    let within = |at: usize| {
        let behind = backs[at..].iter().map(|back| *back - backs[at]);
        behind.take_while(|behind| *behind < Duration::from_millis(100)).count()
    };
    let most = (0..SUBSCRIBERS).map(within).max().unwrap_or(0);
    eprintln!(
        "first waits {mean:?} on average, {quarters:?} by quarters; back within {spread:?}, at most {most} in 100 ms"
    );
    assert!(spread >= Duration::from_secs(1), "{spread:?}");
    assert!(most <= SUBSCRIBERS / 3, "{most} at once");
    let there = tokio::task::spawn_blocking(move || (rows::snapshot(&server, "own:*").rows, server)).await;
    let (there, _server) = there.expect("an answer");
    for subscriber in &subscribers {
        let whole = timeout(LIMIT, subscriber.wait_until(|view| view.dump() == there)).await;
        whole.expect("in time").expect("it does not give up");
        assert_eq!(subscriber.view().breaches(), 0);
    }
}
