//! The fan-out over real sockets, beside a bare loop of `send` of as many bytes on as many sockets.
//!
//! Both run in one thread in turn, beat by beat, so that the machine's drift hits both; their CPU time is
//! compared. A regression means that something beside the system call has grown: the ratio is the whole
//! service's cost per frame over the least that any server can pay, its counting for the metrics included (`counting` shows
//! that alone). Beside them the same shard through io_uring.

mod measure;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

use measure::{cpu_ns, finish, median, per_unit, show, within};
use tickwire::engine::{Beater, Clock, Demand};
use tickwire::fanout::{Allowance, Command, FanoutConfig, Join, Link, Request, Shard, Socket, SubscriberId};
use tickwire::feed::synthetic::{EvenModel, Model};
use tickwire::market::{Event, Symbol, SymbolPattern, Ts, Update};
use tickwire::monitor::Recorder;
use tickwire::store::{Epoch, Writer};
use tickwire::wire::{Compression, Encoding};

const SEED: u64 = 7;
const INSTRUMENTS: usize = 1_000;
const SYMBOLS_EACH: usize = 20;
const BEATS: usize = 300;

/// A socket that counts what went through, to know what the bare loop has to send.
struct Counted {
    stream: Arc<TcpStream>,
    frames: Arc<std::sync::Mutex<Vec<(usize, usize)>>>,
    number: usize,
    /// Written to by io_uring, and so not counted.
    is_direct: bool,
}

impl Socket for Counted {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = (&*self.stream).write(bytes)?;
        self.frames.lock().expect("one thread").push((self.number, taken));
        Ok(taken)
    }

    fn descriptor(&self) -> Option<RawFd> {
        self.is_direct.then(|| self.stream.as_raw_fd())
    }

    fn abort(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// Connected pairs; the far ends are read by a thread of their own until the bench is over.
fn sockets(count: usize, done: &Arc<AtomicBool>) -> Vec<Arc<TcpStream>> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let addr = listener.local_addr().expect("an address");
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let stream = TcpStream::connect(addr).expect("a connection");
        stream.set_nonblocking(true).expect("an option");
        far.push(stream);
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_nonblocking(true).expect("an option");
        stream.set_nodelay(true).expect("an option");
        near.push(Arc::new(stream));
    }
    let done = done.clone();
    std::thread::spawn(move || {
        let mut sink = vec![0u8; 65_536];
        while !done.load(Relaxed) {
            far.iter_mut()
                .for_each(|stream| while matches!(stream.read(&mut sink), Ok(n) if n == sink.len()) {});
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    near
}

/// What one bench is of.
#[derive(Clone, Copy)]
struct Plan {
    subscribers: usize,
    symbols_each: usize,
    /// All hold the same.
    alike: bool,
    /// Instruments that exist besides the active ones, and never change.
    idle: usize,
    wants_ring: bool,
}

impl Plan {
    fn of(subscribers: usize) -> Plan {
        Plan {
            subscribers,
            symbols_each: SYMBOLS_EACH,
            alike: false,
            idle: 0,
            wants_ring: false,
        }
    }
}

struct Bench {
    beater: Beater,
    shard: Shard<Counted>,
    model: EvenModel,
    symbols: Vec<Symbol>,
    streams: Vec<Arc<TcpStream>>,
    frames: Arc<std::sync::Mutex<Vec<(usize, usize)>>>,
    beat: u64,
    done: Arc<AtomicBool>,
    has_ring: bool,
}

impl Bench {
    fn new(plan: Plan) -> Bench {
        let demand = Arc::new(Demand::default());
        let epoch = Epoch::new(1).expect("an epoch");
        let config = FanoutConfig {
            epoch,
            clock: Clock::Wall,
            frame_bytes_max: 65_536,
            heartbeat_beats: 100,
            slow_deadline_beats: 3_000,
            symbols_max: 100_000,
            message_bytes_max: 65_536,
            io_uring: false,
        };
        let names = |n: usize| Symbol::parse(&format!("bench:S{n:04}")).expect("a symbol");
        let done = Arc::new(AtomicBool::new(false));
        let mut bench = Bench {
            beater: Beater::new(Writer::new(INSTRUMENTS + plan.idle), demand.clone(), epoch),
            shard: Shard::new(config, demand, Box::new(|| {})),
            model: EvenModel::new(INSTRUMENTS, SEED),
            symbols: (0..INSTRUMENTS).map(names).collect(),
            streams: sockets(plan.subscribers, &done),
            frames: Arc::default(),
            beat: 0,
            done,
            has_ring: false,
        };
        bench.has_ring = plan.wants_ring && bench.shard.use_ring().is_ok();
        bench.beat(INSTRUMENTS);
        bench.list_idle(plan.idle);
        let mut random = fastrand::Rng::with_seed(SEED);
        let same: Vec<usize> = random.choose_multiple(0..INSTRUMENTS, plan.symbols_each);
        for number in 0..plan.subscribers {
            let own = random.choose_multiple(0..INSTRUMENTS, plan.symbols_each);
            bench.join(number);
            bench.subscribe(number, if plan.alike { &same } else { &own });
        }
        (0..20).for_each(|_| drop(bench.beat(200)));
        bench
    }

    /// Instruments that have values and never change again.
    fn list_idle(&mut self, count: usize) {
        let now = Ts::now();
        let (_, fields) = self.model.next_update();
        let idle = |n: usize| Update {
            symbol: Symbol::parse(&format!("idle:S{n:06}")).expect("a symbol"),
            fields,
            ts_event: Some(now),
            ts_recv: now,
        };
        let events: Vec<Event> = (0..count).map(|n| Event::Update(idle(n))).collect();
        self.beater.apply(&events, now);
        self.beat(0);
    }

    fn join(&mut self, number: usize) {
        let id = SubscriberId(number as u64);
        let socket = Counted {
            stream: self.streams[number].clone(),
            frames: self.frames.clone(),
            number,
            is_direct: self.has_ring,
        };
        let (encoding, compression) = (Encoding::Protobuf, Compression::None);
        let join = Join {
            id,
            socket,
            link: Arc::new(Link::default()),
            encoding,
            compression,
            pace_beats: 1,
            allowance: Allowance::everything(100_000),
            is_authenticated: false,
        };
        self.shard.command(Command::Join(Box::new(join)));
    }

    fn subscribe(&mut self, number: usize, symbols: &[usize]) {
        let strings = symbols
            .iter()
            .map(|at| SymbolPattern::Exact(self.symbols[*at].clone()))
            .collect();
        let request = Request::Subscribe {
            request_id: 1,
            strings,
            rejected: Vec::new(),
            resume: None,
        };
        self.shard
            .command(Command::Request(SubscriberId(number as u64), request));
    }

    fn unsubscribe(&mut self, number: usize, symbol: usize) {
        let request = Request::Unsubscribe {
            request_id: 2,
            strings: vec![self.symbols[symbol].as_str().to_owned()],
        };
        self.shard
            .command(Command::Request(SubscriberId(number as u64), request));
    }

    /// One beat of updates; CPU time of the shard's turn, and what it sent.
    fn beat(&mut self, updates: usize) -> (u64, Vec<(usize, usize)>) {
        let now = Ts::now();
        let events = (0..updates).map(|_| {
            let (at, fields) = self.model.next_update();
            let symbol = self.symbols[at].clone();
            Event::Update(Update {
                symbol,
                fields,
                ts_event: Some(now),
                ts_recv: now,
            })
        });
        let events: Vec<Event> = events.collect();
        self.beater.apply(&events, now);
        self.beat += 1;
        let tick = Arc::new(self.beater.seal(self.beat, self.beat, now));
        self.frames.lock().expect("one thread").clear();
        let start = cpu_ns();
        self.shard.turn(std::slice::from_ref(&tick));
        let took = cpu_ns() - start;
        (took, self.frames.lock().expect("one thread").clone())
    }

    /// Sends as many bytes on the same sockets by a bare loop; its CPU time. Followed by nothing: the far
    /// ends only throw away.
    fn bare(&self, frames: &[(usize, usize)], bytes: &[u8]) -> u64 {
        let start = cpu_ns();
        for (number, len) in frames {
            let _ = (&*self.streams[*number]).write(&bytes[..*len]);
        }
        cpu_ns() - start
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.done.store(true, Relaxed);
    }
}

/// A whole shard's beats in turn with bare sends of as many bytes; CPU time of one frame of each.
fn beside_bare(bench: &mut Bench, updates: usize, beats: usize) -> (f64, f64) {
    let bytes = vec![0u8; 1 << 20];
    let (mut ours, mut bare, mut sent) = (0, 0, 0);
    for _ in 0..beats {
        let (took, frames) = bench.beat(updates);
        (ours, sent) = (ours + took, sent + frames.len());
        std::thread::sleep(Duration::from_millis(3));
        bare += bench.bare(&frames, &bytes);
        std::thread::sleep(Duration::from_millis(3));
    }
    (ours as f64 / sent as f64, bare as f64 / sent as f64)
}

fn run(name: &str, plan: Plan, updates: usize, bound: f64) -> bool {
    let mut bench = Bench::new(plan);
    let mut ringed = Bench::new(Plan {
        wants_ring: true,
        ..plan
    });
    let (ours, bare) = beside_bare(&mut bench, updates, BEATS);
    show(&format!("{name}: a frame, whole shard"), ours, "ns");
    show(&format!("{name}: a bare send of as many bytes"), bare, "ns");
    if ringed.has_ring {
        // It does not tell what it sent, but the beats are the same.
        let (mut plain, mut with_ring) = (0, 0);
        for _ in 0..BEATS {
            plain += bench.beat(updates).0;
            std::thread::sleep(Duration::from_millis(3));
            with_ring += ringed.beat(updates).0;
            std::thread::sleep(Duration::from_millis(3));
        }
        let saved = with_ring as f64 / plain as f64;
        show(&format!("{name}: by io_uring, beside plain"), saved, "x");
    }
    within(&format!("{name}: ratio"), ours / bare, bound, "x")
}

/// The ratio to bare sends with some plan beside that with another, in one run and turn by turn.
fn growth(name: &str, small: Plan, large: Plan, updates: usize, bound: f64) -> bool {
    let (mut small, mut large) = (Bench::new(small), Bench::new(large));
    let mut grown: Vec<f64> = (0..5)
        .map(|_| {
            let (ours, bare) = beside_bare(&mut small, updates, BEATS / 5);
            let before = ours / bare;
            let (ours, bare) = beside_bare(&mut large, updates, BEATS / 5);
            ours / bare / before
        })
        .collect();
    within(name, median(&mut grown), bound, "x")
}

/// What one more subscribe and its taking back cost where some are held; as a share of a core at 10,000 calls a second.
fn subscribe_calls(symbols_each: usize, bound: f64) -> bool {
    const CALLS: usize = 200;
    let mut bench = Bench::new(Plan {
        symbols_each,
        ..Plan::of(CALLS)
    });
    let free: Vec<usize> = (0..CALLS).map(|n| (n * 7) % INSTRUMENTS).collect();
    let both = per_unit(21, || {
        for (number, symbol) in free.iter().enumerate() {
            bench.subscribe(number, &[*symbol]);
            bench.unsubscribe(number, *symbol);
        }
        2 * CALLS as u64
    });
    let name = format!("10,000 subscribe calls a second, {symbols_each} held");
    show(&format!("{name}: one"), both, "ns");
    within(&format!("{name}: of a core"), both * 1e4 / 1e7, bound, "%")
}

fn main() {
    let (recorder, _reader) = Recorder::new(PrometheusBuilder::new().build_recorder());
    metrics::set_global_recorder(recorder).expect("the first one");
    let all = Plan::of(400);
    let alike = Plan { alike: true, ..all };
    let mut ok = run("400 subscribers x 20 of 1000, 20k updates/s", all, 200, 1.35);
    ok &= run("400 subscribers x 20 of 1000, 100k updates/s", all, 1_000, 1.35);
    ok &= run("400 alike x 20 of 1000, 100k updates/s", alike, 1_000, 1.25);
    let among_idle = Plan { idle: 99_000, ..all };
    let name = "1,000 active instruments among 100,000, beside alone";
    ok &= growth(name, all, among_idle, 1_000, 1.1);
    let name = "2,000 subscribers, beside 100";
    ok &= growth(name, Plan::of(100), Plan::of(2_000), 200, 1.1);
    ok &= subscribe_calls(SYMBOLS_EACH, 25.0);
    ok &= subscribe_calls(INSTRUMENTS - 1, 150.0);
    finish(ok);
}
