//! Soak: 500 subscribers that do as they like, and a feed with faults, for a minute; `.ci/soak` has the same for longer.
//!
//! Whatever is drawn comes from one seed, which is printed: `TICKWIRE_SOAK_SEED` sets it, `TICKWIRE_SOAK_SECONDS` how long it
//! lasts. Every subscriber insists on each rule of the protocol all the time. When the feed has come to its end, all that
//! are left, or come back once more, have the store's values; memory was flat meanwhile.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use socket2::SockRef;
use support::follower::Follower;
use support::frame::CLOSE;
use support::peer::{Item, Options, Peer};
use support::process::Process;
use support::server::Server;
use support::{LIMIT, captures, rows};
use tickwire::client::Row;
use tickwire::market::{Symbol, SymbolPattern};
use tickwire::wire::proto;
use tickwire::wire::{Encoding, proto::client_message::Body};

const SUBSCRIBERS: usize = 500;
const THREADS: usize = 4;
const SYMBOLS: usize = 100;

/// Between two frames of the feed.
const EVERY_MS: u64 = 4;

/// Between two looks at the sockets of all.
const STEP: Duration = Duration::from_millis(20);

/// Of a subscriber's events one comes in so many steps: each has some ten a minute.
const EVENT_ODDS: u32 = 250;

/// What may be resident more at the end of the second half than at its beginning, by the line that fits best.
const GROWTH_MAX: f64 = 3.0 * 1024.0 * 1024.0;

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}

fn symbol(at: usize) -> String {
    format!("S{at:03}")
}

/// A recording of quotes as long as the soak, each symbol's own walk.
fn recording(random: &mut fastrand::Rng, seconds: u64) -> std::path::PathBuf {
    let mut prices = vec![10_000u64; SYMBOLS];
    let frames: Vec<String> = (0..seconds * 1_000 / EVERY_MS)
        .map(|number| {
            let at = random.usize(..SYMBOLS);
            prices[at] = (prices[at] + random.u64(..21)).saturating_sub(10).max(100);
            let text = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
            let (bid, ask) = (text(prices[at]), text(prices[at] + 1 + random.u64(..5)));
            let (bids, asks) = (random.u32(1..1_000).to_string(), random.u32(1..1_000).to_string());
            captures::quote(number + 1, &symbol(at), (&bid, &bids), (&ask, &asks))
        })
        .collect();
    captures::write("soak", EVERY_MS, &frames)
}

/// Serves the recording with shares of faults that the seed says.
fn serve(random: &mut fastrand::Rng, file: &Path) -> Server {
    let share = |random: &mut fastrand::Rng| f64::from(random.u32(1..50)) / 1_000.0;
    let faults = [
        format!("drop={}", share(random)),
        format!("duplicate={}", share(random)),
        format!("reorder={}", share(random)),
        format!("gap={}", share(random)),
        format!("delay=0ms..{}ms", random.u32(1..300)),
    ];
    let (file, seed) = (file.display().to_string(), random.u32(..).to_string());
    let mut args = vec![
        "replay",
        &file,
        "--listen",
        "127.0.0.1:0",
        "--wait",
        "--fault-seed",
        &seed,
    ];
    faults.iter().for_each(|fault| args.extend(["--fault", fault]));
    args.extend(["--slow-consumer-ms", "5000", "--ping-ms", "5000"]);
    Server::of_process(Process::spawn(&args))
}

/// How a subscriber reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Reads,
    /// At most so many bytes a step.
    Slow(usize),
    Stuck,
}

/// How often what happened.
#[derive(Default)]
struct Tally {
    joins: AtomicU64,
    resumes: AtomicU64,
    leaves: AtomicU64,
    resets: AtomicU64,
    requests: AtomicU64,
    slow: AtomicU64,
    let_go: AtomicU64,
    skipped: AtomicU64,
}

impl Tally {
    fn count(of: &AtomicU64) {
        of.fetch_add(1, Relaxed);
    }
}

/// One subscriber.
struct Subscriber<'a> {
    server: &'a Server,
    tally: &'a Tally,
    random: fastrand::Rng,
    encoding: Encoding,
    peer: Option<Peer>,
    follower: Follower,
    /// What it has asked for and not taken back.
    strings: Vec<String>,
    manner: Manner,
    window: u32,
}

impl<'a> Subscriber<'a> {
    fn new(server: &'a Server, tally: &'a Tally, mut random: fastrand::Rng) -> Subscriber<'a> {
        Subscriber {
            server,
            tally,
            encoding: Encoding::ALL[random.usize(..3)],
            random,
            peer: None,
            follower: Follower::default(),
            strings: Vec::new(),
            manner: Manner::Reads,
            window: 0,
        }
    }

    /// Connects; with what it held before, if it held anything.
    fn connect(&mut self) {
        let query = [
            "?interval_ms=200",
            "?interval_ms=1000",
            "?interval_ms=1000&compression=deflate",
            "",
        ];
        let options = Options {
            query: query[self.random.usize(..query.len())],
            ..Options::of(self.encoding)
        };
        let mut peer = Peer::connect(self.server.addr, options);
        Tally::count(match self.strings.is_empty() {
            true => &self.tally.joins,
            false => &self.tally.resumes,
        });
        self.follower.ask_again(&mut peer);
        peer.stream.set_nonblocking(true).expect("an option");
        (self.peer, self.manner, self.window) = (Some(peer), Manner::Reads, 0);
    }

    /// Reads in its manner, and now and then does something else.
    fn step(&mut self) {
        self.read();
        if self.random.u32(..EVENT_ODDS) == 0 {
            self.event();
        }
    }

    fn read(&mut self) {
        let Some(mut peer) = self.peer.take() else { return };
        let most = match self.manner {
            Manner::Reads => 256 << 10,
            Manner::Slow(bytes) => bytes,
            Manner::Stuck => return self.peer = Some(peer),
        };
        let seq = self.follower.view.seq();
        let is_open = peer.read(most, Instant::now()).is_ok();
        while let Some(frame) = peer.frame_read() {
            match peer.item(&frame) {
                Some(Item::Message(message)) => self.follower.take(&message),
                Some(Item::Close(code)) => return self.let_go(Some(code)),
                _ => {}
            }
        }
        if !is_open {
            return self.let_go(None);
        }
        if self.window > 0 && self.follower.view.seq() > seq {
            let seq = self.follower.view.seq();
            peer.request(0, Body::Received(proto::Received { seq }));
        }
        self.peer = Some(peer);
    }

    /// The server has ended it, which it does only to those who do not read.
    fn let_go(&mut self, code: Option<u16>) {
        assert!(matches!(code, None | Some(4_008 | 4_012)), "closed with {code:?}");
        Tally::count(&self.tally.let_go);
    }

    fn event(&mut self) {
        let Some(mut peer) = self.peer.take() else {
            return self.connect();
        };
        match self.random.u32(..12) {
            0 => return self.leave(&mut peer),
            1 => {
                Tally::count(&self.tally.resets);
                SockRef::from(&peer.stream)
                    .set_linger(Some(Duration::ZERO))
                    .expect("an option");
                return;
            }
            2 => self.manner = Manner::Slow(self.random.usize(50..500)),
            3 => self.manner = Manner::Stuck,
            4 | 5 => self.manner = Manner::Reads,
            // Asked while it does not read, or while an answer is under way, the server would read it later: it has to
            // be a subscriber that waits for its answers.
            _ if !self.follower.is_settled() || self.manner != Manner::Reads => {}
            6 => self.configure(&mut peer),
            7 | 8 => self.take_back(&mut peer),
            _ => self.subscribe(&mut peer),
        }
        if self.manner != Manner::Reads {
            Tally::count(&self.tally.slow);
        }
        self.peer = Some(peer);
    }

    /// Goes for good; whoever comes next begins with nothing.
    fn leave(&mut self, peer: &mut Peer) {
        Tally::count(&self.tally.leaves);
        if self.random.bool() {
            peer.send_if_open(&support::frame::masked(CLOSE, &1_000u16.to_be_bytes()));
        }
        self.tally.skipped.fetch_add(self.follower.skipped, Relaxed);
        (self.follower, self.strings) = (Follower::default(), Vec::new());
        self.encoding = Encoding::ALL[self.random.usize(..3)];
    }

    fn subscribe(&mut self, peer: &mut Peer) {
        let some = symbol(self.random.usize(..SYMBOLS));
        let string = match self.random.u32(..10) {
            0 => "binance:*".to_owned(),
            1..4 => format!("binance:{}*", &some[..3]),
            _ => format!("binance:{some}"),
        };
        if !self.strings.contains(&string) {
            Tally::count(&self.tally.requests);
            self.follower.ask(peer, &[&string]);
            self.strings.push(string);
        }
    }

    fn take_back(&mut self, peer: &mut Peer) {
        if !self.strings.is_empty() {
            Tally::count(&self.tally.requests);
            let string = self.strings.swap_remove(self.random.usize(..self.strings.len()));
            self.follower.take_back(peer, &[string]);
        }
    }

    fn configure(&mut self, peer: &mut Peer) {
        Tally::count(&self.tally.requests);
        self.window = self.random.u32(..4) * 8;
        let interval_ms = [10, 20, 200, 1_000, 2_000][self.random.usize(..5)];
        let configure = proto::Configure {
            interval_ms: Some(interval_ms),
            window: Some(self.window),
        };
        self.follower.configure(peer, configure);
    }

    /// Comes back if it is away, reads as it should, and ends with the store's values of all that it holds.
    fn converge(mut self, all: &BTreeMap<String, Row>) {
        if self.peer.is_none() {
            self.connect();
        }
        self.manner = Manner::Reads;
        let patterns: Vec<_> = self.strings.iter().map(|s| SymbolPattern::parse(s).expect(s)).collect();
        let is_held = |text: &String| {
            let symbol = Symbol::parse(text).expect(text);
            patterns.iter().any(|pattern| pattern.matches(&symbol))
        };
        let want: BTreeMap<_, _> = all
            .iter()
            .filter(|(s, _)| is_held(s))
            .map(|(s, r)| (s.clone(), r.clone()))
            .collect();
        let until = Instant::now() + LIMIT;
        while !self.follower.is_settled() || self.follower.view.dump() != want {
            if self.peer.is_none() {
                // It was slow too long.
                self.connect();
                self.manner = Manner::Reads;
            }
            self.read();
            let has = || (self.follower.view.dump(), self.follower.is_settled());
            assert!(Instant::now() < until, "it does not converge: {:?}, {want:?}", has());
            std::thread::sleep(Duration::from_millis(1));
        }
        self.tally.skipped.fetch_add(self.follower.skipped, Relaxed);
    }
}

/// Slope of the line that fits best, in bytes a second.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|p| p.0), mean(|p| p.1));
    let both: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let square: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    both / square
}

/// Looks at the server's memory until the end; in the second half it has to be flat.
fn watch_memory(server: &Server, until: Instant) {
    let began = Instant::now();
    let half = until.saturating_duration_since(began) / 2;
    let mut points = Vec::new();
    while Instant::now() < until {
        let resident = server.process.resident_bytes().unwrap_or(0);
        if began.elapsed() >= half {
            points.push((began.elapsed().as_secs_f64(), resident as f64));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    let (slope, last) = (slope(&points), points.last().map_or(0.0, |point| point.1));
    let grown = slope * half.as_secs_f64();
    eprintln!(
        "memory of the second half: {:.0} KiB at its end, {slope:.0} bytes a second",
        last / 1024.0
    );
    assert!(grown <= GROWTH_MAX, "{grown:.0} bytes more in {half:?}");
}

#[test]
fn five_hundred_that_do_as_they_like_converge_and_memory_is_flat() {
    let seconds = setting("TICKWIRE_SOAK_SECONDS", 60);
    let seed = setting("TICKWIRE_SOAK_SEED", 7);
    eprintln!("TICKWIRE_SOAK_SEED={seed} TICKWIRE_SOAK_SECONDS={seconds}");
    let mut random = fastrand::Rng::with_seed(seed);
    let file = recording(&mut random, seconds);
    let server = serve(&mut random, &file);
    let tally = Tally::default();
    let descriptors = server.process.descriptors();
    let until = Instant::now() + Duration::from_secs(seconds);
    std::thread::scope(|scope| {
        let run = |mut random: fastrand::Rng| {
            let (server, tally) = (&server, &tally);
            scope.spawn(move || {
                let some = SUBSCRIBERS / THREADS;
                let mut all: Vec<_> = (0..some)
                    .map(|_| Subscriber::new(server, tally, random.fork()))
                    .collect();
                for subscriber in &mut all {
                    subscriber.connect();
                    (0..2).for_each(|_| {
                        let mut peer = subscriber.peer.take().expect("connected");
                        subscriber.subscribe(&mut peer);
                        subscriber.peer = Some(peer);
                    });
                }
                while Instant::now() < until {
                    all.iter_mut().for_each(Subscriber::step);
                    std::thread::sleep(STEP);
                }
                // All that is recorded was played about now.
                server.until_played();
                let rest = rows::snapshot(server, "binance:*").rows;
                all.into_iter().for_each(|subscriber| subscriber.converge(&rest));
            })
        };
        let threads: Vec<_> = (0..THREADS).map(|_| run(random.fork())).collect();
        watch_memory(&server, until);
        threads
            .into_iter()
            .for_each(|thread| thread.join().expect("no rule was broken"));
    });
    server.until_subscribers(0);
    support::eventually("every descriptor is given back", || {
        (server.process.descriptors() <= descriptors + 1).then_some(())
    });
    assert_eq!(server.metric("tickwire_panics_total", ""), 0.0);
    let count = |of: &AtomicU64| of.load(Relaxed);
    eprintln!(
        "{} joins, {} resumes, {} leaves, {} resets, {} requests, {} times slow, {} let go, {} beats skipped",
        count(&tally.joins),
        count(&tally.resumes),
        count(&tally.leaves),
        count(&tally.resets),
        count(&tally.requests),
        count(&tally.slow),
        count(&tally.let_go),
        count(&tally.skipped)
    );
    assert!(count(&tally.resumes) > 50 && count(&tally.let_go) > 5 && count(&tally.skipped) > 0);
    let _ = std::fs::remove_file(file);
}
