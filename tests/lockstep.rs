//! Law 5 over real sockets and threads: under a tape's clock every subscriber that was there before the first beat gets
//! the same bytes, with any number of shards, however slowly it reads; and one that reads nothing holds nobody up for good.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tickwire::control::Inflow;
use tickwire::engine::{Beater, Clock, Demand, Engine, Lockstep, TICKS_QUEUED_MAX, beat_number, tick_channel};
use tickwire::fanout::{
    Allowance, CloseReason, Command, Fanout, FanoutConfig, Join, Link, Request, Shard, Socket, SubscriberId,
};
use tickwire::market::{Decimal, Event, Field, Fields, Symbol, SymbolPattern, Ts, Update};
use tickwire::store::{Epoch, Image, Table, Writer};
use tickwire::wire::proto::server_message::Body;
use tickwire::wire::{Compression, DecodeLimits, Encoding, decode_server};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(60);
const START: Ts = Ts(1_700_000_000_000_000_000);
const BEAT_NS: i64 = 10_000_000;
const SEED: u64 = 5;

fn epoch(number: u64) -> Epoch {
    Epoch::new(number).expect("an epoch")
}

fn config(clock: Clock) -> FanoutConfig {
    FanoutConfig {
        epoch: epoch(1),
        clock,
        frame_bytes_max: 16_384,
        heartbeat_beats: 5,
        slow_deadline_beats: 6_000,
        symbols_max: 10_000,
        message_bytes_max: 65_536,
        io_uring: false,
    }
}

/// A tape: single updates, beats that change hundreds of instruments, empty beats, a restore, and new epochs.
fn tape(beats: usize) -> Vec<Inflow> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut update = |at: usize| {
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::from_int(random.i64(1..1_000)));
        Event::Update(Update {
            symbol: Symbol::parse(&format!("v:S{at:03}")).expect("a symbol"),
            fields,
            ts_event: Some(START),
            ts_recv: START,
        })
    };
    let mut mirror = Writer::new(1_000);
    let (mut all, mut kept, mut ts) = (Vec::new(), Image::default(), START);
    for beat in 0..beats {
        let few = (0..3).map(|n| (beat * 7 + n) % 500);
        let events: Vec<Event> = match beat % 20 {
            0 => (0..500).map(&mut update).collect(),
            7 => Vec::new(),
            _ => few.map(&mut update).collect(),
        };
        events.iter().for_each(|event| mirror.apply(event, ts));
        if beat == beats / 4 {
            kept = mirror.image();
        }
        all.push(Inflow::Events {
            handed: Instant::now(),
            now: Some(ts),
            events: Arc::new(events),
        });
        if beat == beats / 2 {
            all.push(Inflow::Restore(Box::new(kept.clone())));
        }
        if beat % (beats / 3) == beats / 3 - 1 {
            let image = if beat > beats / 2 {
                kept.clone()
            } else {
                Image::default()
            };
            all.push(Inflow::Renew {
                epoch: epoch(2 + beat as u64),
                image: Box::new(image),
            });
        }
        ts = Ts(ts.0 + BEAT_NS);
        all.push(Inflow::Beat(ts));
    }
    all
}

#[derive(Clone, Copy, Debug)]
struct Options {
    encoding: Encoding,
    compression: Compression,
    pace_beats: u64,
}

fn join<S: Socket>(id: SubscriberId, socket: S, link: Arc<Link>, options: Options) -> Command<S> {
    Command::Join(Box::new(Join {
        id,
        socket,
        link,
        encoding: options.encoding,
        compression: options.compression,
        pace_beats: options.pace_beats,
        allowance: Allowance::everything(10_000),
        is_authenticated: false,
    }))
}

fn subscribe() -> Request {
    let strings = ["v:S0*", "v:S1*", "v:S222", "v:NEVER"];
    Request::Subscribe {
        request_id: 1,
        strings: strings.iter().map(|s| SymbolPattern::parse(s).expect(s)).collect(),
        rejected: Vec::new(),
        resume: None,
    }
}

/// A socket that takes everything.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Socket for Memory {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("one thread").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn abort(&mut self) {}
}

/// What a subscriber gets where nothing ever waits, without threads: the truth.
fn reference(tape: &[Inflow], options: Options) -> Vec<Vec<u8>> {
    let demand = Arc::new(Demand::default());
    let clock = Clock::Tape {
        start: START,
        patience: LIMIT,
        lockstep: Arc::new(Lockstep::new(1)),
    };
    let mut beater = Beater::new(Writer::new(1_000), demand.clone(), epoch(1));
    let mut shard = Shard::new(config(clock), demand, Box::new(|| {}));
    let (memory, id, mut ts) = (Memory::default(), SubscriberId(1), START);
    shard.command(join(id, memory.clone(), Arc::default(), options));
    shard.command(Command::Request(id, subscribe()));
    for inflow in tape {
        match inflow {
            Inflow::Events { now, events, .. } => beater.apply(events, now.unwrap_or(ts)),
            Inflow::Restore(image) => beater.restore(image),
            Inflow::Renew { epoch, image } => beater.renew(*epoch, image),
            Inflow::Beat(end) => {
                ts = *end;
                shard.turn(&[Arc::new(beater.seal(beat_number(ts), 0, ts))]);
                while !shard.owes_nothing() {
                    shard.turn(&[Arc::new(beater.idle(beat_number(ts), 0, ts))]);
                }
            }
        }
    }
    let bytes = memory.0.lock().expect("one thread").clone();
    let mut frames = Frames::new(options.encoding);
    frames.take(&bytes);
    frames.data
}

/// Data messages out of WebSocket frames.
struct Frames {
    encoding: Encoding,
    left: Vec<u8>,
    data: Vec<Vec<u8>>,
}

impl Frames {
    fn new(encoding: Encoding) -> Frames {
        let (left, data) = (Vec::new(), Vec::new());
        Frames { encoding, left, data }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.left.extend_from_slice(bytes);
        let mut read = 0;
        while let Some((opcode, payload, end)) = frame(&self.left[read..]) {
            if matches!(opcode, 0x81 | 0x82) && is_data(self.encoding, opcode == 0x81, payload) {
                self.data.push(payload.to_vec());
            }
            read += end;
        }
        self.left.drain(..read);
    }
}

fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (long, head) = match bytes.get(1)? {
        126 => (bytes.get(2..4)?, 4),
        127 => (bytes.get(2..10)?, 10),
        _ => (bytes.get(1..2)?, 2),
    };
    let len = long.iter().fold(0usize, |len, byte| len << 8 | usize::from(*byte));
    Some((bytes[0], bytes.get(head..head + len)?, head + len))
}

fn is_data(encoding: Encoding, is_text: bool, payload: &[u8]) -> bool {
    let message = decode_server(encoding, is_text, payload, &DecodeLimits::default()).expect("a message");
    matches!(message.body, Some(Body::Snapshot(_) | Body::Delta(_)))
}

/// The writing half of a connection.
struct Tcp(TcpStream);

impl Socket for Tcp {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn abort(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Both ends. Where little is read, little fits into them.
fn connection(reads: Reads) -> (Tcp, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let far = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
    let (near, _) = listener.accept().expect("a connection");
    near.set_nonblocking(true).expect("an option");
    near.set_nodelay(true).expect("an option");
    if reads != Reads::Everything {
        let (near, far) = (socket2::SockRef::from(&near), socket2::SockRef::from(&far));
        near.set_send_buffer_size(4_096).expect("an option");
        far.set_recv_buffer_size(4_096).expect("an option");
    }
    far.set_read_timeout(Some(LIMIT)).expect("an option");
    (Tcp(near), far)
}

/// How a subscriber reads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reads {
    Everything,
    /// So few bytes at a time that the sender always waits for it.
    Slowly,
    Nothing,
}

/// Reads until as many messages as are wanted have come.
fn read(mut far: TcpStream, encoding: Encoding, reads: Reads, wanted: usize) -> Vec<Vec<u8>> {
    let mut frames = Frames::new(encoding);
    let mut buffer = vec![0u8; if reads == Reads::Slowly { 200 } else { 1 << 16 }];
    while frames.data.len() < wanted {
        match far.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => frames.take(&buffer[..count]),
            Err(error) => panic!("after {} of {wanted} messages: {error}", frames.data.len()),
        }
    }
    frames.data
}

/// A service without HTTP: the engine, its shards and subscribers that are there before the first beat.
struct Service {
    feed: mpsc::Sender<Inflow>,
    links: Vec<Arc<Link>>,
    threads: Vec<thread::JoinHandle<()>>,
    readers: Vec<thread::JoinHandle<Vec<Vec<u8>>>>,
    /// Connections that nobody reads, open all the same.
    unread: Vec<TcpStream>,
    first: watch::Receiver<bool>,
    stop: CancellationToken,
    /// Keeps the shards running.
    fanout: Fanout<Tcp>,
}

impl Service {
    async fn start(shards: usize, patience: Duration, subscribers: &[(Options, Reads, usize)]) -> Service {
        let clock = Clock::Tape {
            start: START,
            patience,
            lockstep: Arc::new(Lockstep::new(shards)),
        };
        let demand = Arc::new(Demand::default());
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards).map(|_| tick_channel(TICKS_QUEUED_MAX)).unzip();
        let (feed, inlet) = mpsc::channel(64);
        let (first, watched) = watch::channel(false);
        let config = FanoutConfig {
            slow_deadline_beats: (patience.as_millis() / 10) as u64,
            ..config(clock.clone())
        };
        let (fanout, mut threads) = Fanout::spawn(&config, &Table::new(), receivers, &demand, &first).expect("threads");
        let engine = Engine::new(
            Beater::new(Writer::new(1_000), demand, epoch(1)),
            inlet,
            senders,
            Arc::default(),
        );
        let stop = CancellationToken::new();
        threads.push(engine.spawn(clock, stop.clone()).expect("a thread"));
        let (mut links, mut readers, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for (options, reads, wanted) in subscribers.iter().copied() {
            let ((near, far), link) = (connection(reads), Arc::new(Link::default()));
            let (id, shard) = fanout.place();
            let sent = shard.send(join(id, near, link.clone(), options)).await;
            sent.unwrap_or_else(|_| panic!("the shard runs"));
            let sent = shard.send(Command::Request(id, subscribe())).await;
            sent.unwrap_or_else(|_| panic!("the shard runs"));
            while link.answers() == 0 {
                link.changed().await;
            }
            match reads {
                Reads::Nothing => unread.push(far),
                _ => readers.push(thread::spawn(move || read(far, options.encoding, reads, wanted))),
            }
            links.push(link);
        }
        Service {
            feed,
            links,
            threads,
            readers,
            unread,
            first: watched,
            stop,
            fanout,
        }
    }

    async fn play(&self, tape: &[Inflow]) {
        for inflow in tape {
            self.feed.send(inflow.clone()).await.expect("the engine runs");
        }
    }

    fn end(self) -> (Vec<Vec<Vec<u8>>>, Vec<Arc<Link>>) {
        let got = self.readers.into_iter().map(|reader| reader.join().expect("it reads"));
        let got = got.collect();
        self.stop.cancel();
        drop((self.fanout, self.unread));
        self.threads
            .into_iter()
            .for_each(|thread| thread.join().expect("it ends"));
        (got, self.links)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_bytes_with_any_number_of_shards_however_slowly_they_are_read() {
    let tape = tape(90);
    for encoding in Encoding::ALL {
        for compression in [Compression::None, Compression::Deflate] {
            let options = |pace_beats| Options {
                encoding,
                compression,
                pace_beats,
            };
            let want = reference(&tape, options(1));
            assert!(want.len() > 40, "{}", want.len());
            for shards in [1, 2] {
                let reads = [Reads::Everything, Reads::Slowly, Reads::Everything, Reads::Slowly];
                let subscribers: Vec<_> = reads.iter().map(|reads| (options(1), *reads, want.len())).collect();
                let service = Service::start(shards, LIMIT, &subscribers).await;
                assert!(*service.first.borrow(), "answered, though nothing exists yet");
                service.play(&tape).await;
                let (got, links) = tokio::task::spawn_blocking(|| service.end()).await.expect("it ends");
                for (at, got) in got.iter().enumerate() {
                    assert_eq!(
                        got.len(),
                        want.len(),
                        "messages of {at}: {encoding} {compression:?} {shards}"
                    );
                    let same = got.iter().zip(&want).take_while(|(got, want)| got == want).count();
                    assert_eq!(same, want.len(), "{at}: {encoding} {compression:?} {shards}");
                }
                assert!(
                    links
                        .iter()
                        .all(|link| link.ended() != Some(&CloseReason::SlowConsumer))
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_subscriber_is_waited_for_once_and_let_go_and_the_others_miss_nothing() {
    let tape = tape(300);
    let options = Options {
        encoding: Encoding::Json,
        compression: Compression::None,
        pace_beats: 1,
    };
    let want = reference(&tape, options);
    let patience = Duration::from_millis(300);
    let subscribers = [(options, Reads::Nothing, 0), (options, Reads::Everything, want.len())];
    for shards in [1, 2] {
        let service = Service::start(shards, patience, &subscribers).await;
        service.play(&tape).await;
        let (got, links) = tokio::task::spawn_blocking(|| service.end()).await.expect("it ends");
        assert!(got[0] == want, "{} of {} messages", got[0].len(), want.len());
        assert_eq!(links[0].ended(), Some(&CloseReason::SlowConsumer));
        assert_ne!(links[1].ended(), Some(&CloseReason::SlowConsumer));
    }
}
