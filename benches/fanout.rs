//! The fan-out over real sockets, beside a bare loop of `send` of as many bytes on as many sockets.
//!
//! Both run in one thread in turn, beat by beat, so that the machine's drift hits both; their CPU time is
//! compared. A regression means that something beside the system call has grown: the ratio is the whole
//! service's cost per frame over the least that any server can pay, its counting for the metrics included. Beside them the
//! same shard through io_uring.

mod measure;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

use measure::{cpu_ns, finish, show, within};
use tickwire::engine::{Beater, Clock, Demand};
use tickwire::fanout::{Command, FanoutConfig, Join, Link, Request, Shard, Socket, SubscriberId};
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
    fn new(subscribers: usize, alike: bool, wants_ring: bool) -> Bench {
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
            beater: Beater::new(Writer::new(INSTRUMENTS), demand.clone(), epoch),
            shard: Shard::new(config, demand, Box::new(|| {})),
            model: EvenModel::new(INSTRUMENTS, SEED),
            symbols: (0..INSTRUMENTS).map(names).collect(),
            streams: sockets(subscribers, &done),
            frames: Arc::default(),
            beat: 0,
            done,
            has_ring: false,
        };
        bench.has_ring = wants_ring && bench.shard.use_ring().is_ok();
        bench.beat(INSTRUMENTS);
        let mut random = fastrand::Rng::with_seed(SEED);
        let same: Vec<usize> = random.choose_multiple(0..INSTRUMENTS, SYMBOLS_EACH);
        for number in 0..subscribers {
            let own = random.choose_multiple(0..INSTRUMENTS, SYMBOLS_EACH);
            bench.subscribe(number, if alike { &same } else { &own });
        }
        (0..20).for_each(|_| drop(bench.beat(200)));
        bench
    }

    fn subscribe(&mut self, number: usize, symbols: &[usize]) {
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
        };
        self.shard.command(Command::Join(Box::new(join)));
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
        self.shard.command(Command::Request(id, request));
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

fn run(name: &str, subscribers: usize, updates: usize, alike: bool, bound: f64) -> bool {
    let mut bench = Bench::new(subscribers, alike, false);
    let mut ringed = Bench::new(subscribers, alike, true);
    let bytes = vec![0u8; 1 << 20];
    let (mut ours, mut with_ring, mut bare, mut sent) = (0, 0, 0, 0);
    for _ in 0..BEATS {
        let (took, frames) = bench.beat(updates);
        ours += took;
        sent += frames.len();
        std::thread::sleep(Duration::from_millis(3));
        with_ring += ringed.beat(updates).0;
        std::thread::sleep(Duration::from_millis(3));
        bare += bench.bare(&frames, &bytes);
        std::thread::sleep(Duration::from_millis(3));
    }
    show(
        &format!("{name}: a frame, whole shard"),
        ours as f64 / sent as f64,
        "ns",
    );
    show(
        &format!("{name}: a bare send of as many bytes"),
        bare as f64 / sent as f64,
        "ns",
    );
    if ringed.has_ring {
        show(
            &format!("{name}: a frame by io_uring"),
            with_ring as f64 / sent as f64,
            "ns",
        );
        show(&format!("{name}: io_uring, ratio"), with_ring as f64 / bare as f64, "x");
    }
    within(&format!("{name}: ratio"), ours as f64 / bare as f64, bound, "x")
}

fn main() {
    let (recorder, _reader) = Recorder::new(PrometheusBuilder::new().build_recorder());
    metrics::set_global_recorder(recorder).expect("the first one");
    let mut ok = run("400 subscribers x 20 of 1000, 20k updates/s", 400, 200, false, 1.35);
    ok &= run("400 subscribers x 20 of 1000, 100k updates/s", 400, 1_000, false, 1.35);
    ok &= run("400 alike x 20 of 1000, 100k updates/s", 400, 1_000, true, 1.25);
    finish(ok);
}
