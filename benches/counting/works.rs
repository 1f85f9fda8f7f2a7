//! The works of the hot paths: a shard's turn, a beat of the engine, a venue's frames.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use tickwire::control::Inflow;
use tickwire::engine::{Beater, Clock, Demand, Engine, Tick, TickReceiver, tick_channel};
use tickwire::fanout::{Allowance, Command, FanoutConfig, Join, Link, Request, Shard, Socket, SubscriberId};
use tickwire::feed::binance::Parser;
use tickwire::feed::parse::FrameParser;
use tickwire::feed::synthetic::{EvenModel, Model};
use tickwire::market::{Event, Symbol, SymbolPattern, Ts, Update, VenueName};
use tickwire::monitor::names;
use tickwire::store::{Epoch, Writer};
use tickwire::tape::CaptureReader;
use tickwire::wire::{Compression, Encoding};

const SEED: u64 = 7;
const INSTRUMENTS: usize = 1_000;

/// What is measured.
pub(crate) trait Work {
    /// Makes ready what one round takes.
    fn prepare(&mut self);
    /// One round; how many units it was.
    fn work(&mut self) -> usize;
    /// Throws away what the round brought forth.
    fn tidy(&mut self) {}
}

fn symbols() -> Vec<Symbol> {
    let name = |n: usize| Symbol::parse(&format!("bench:S{n:04}")).expect("a symbol");
    (0..INSTRUMENTS).map(name).collect()
}

fn events(model: &mut EvenModel, symbols: &[Symbol], count: usize) -> Vec<Event> {
    let now = Ts::now();
    let event = |_| {
        let (at, fields) = model.next_update();
        Event::Update(Update {
            symbol: symbols[at].clone(),
            fields,
            ts_event: Some(now),
            ts_recv: now,
        })
    };
    (0..count).map(event).collect()
}

/// Takes everything at once.
struct Sink;

impl Socket for Sink {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn abort(&mut self) {}
}

/// A shard's turn with one beat; its unit is a subscriber.
pub(crate) struct FanOut {
    beater: Beater,
    shard: Shard<Sink>,
    model: EvenModel,
    symbols: Vec<Symbol>,
    updates: usize,
    beat: u64,
    /// The beat that is to be taken.
    tick: Vec<Arc<Tick>>,
}

impl FanOut {
    const SUBSCRIBERS: usize = 400;

    pub(crate) fn new(symbols_each: usize, updates: usize) -> FanOut {
        let (demand, epoch) = (Arc::new(Demand::default()), Epoch::new(1).expect("an epoch"));
        let config = FanoutConfig {
            epoch,
            clock: Clock::Wall,
            frame_bytes_max: 65_536,
            heartbeat_beats: 100,
            slow_deadline_beats: 3_000,
            symbols_max: 1_000,
            message_bytes_max: 65_536,
            io_uring: false,
        };
        let mut made = FanOut {
            beater: Beater::new(Writer::new(INSTRUMENTS), demand.clone(), epoch),
            shard: Shard::new(config, demand, Box::new(|| {})),
            model: EvenModel::new(INSTRUMENTS, SEED),
            symbols: symbols(),
            updates: INSTRUMENTS,
            beat: 0,
            tick: Vec::new(),
        };
        made.turn();
        let mut random = fastrand::Rng::with_seed(SEED);
        (0..Self::SUBSCRIBERS).for_each(|n| made.join(SubscriberId(n as u64), symbols_each, &mut random));
        made.updates = updates;
        (0..20).for_each(|_| made.turn());
        made
    }

    fn join(&mut self, id: SubscriberId, symbols_each: usize, random: &mut fastrand::Rng) {
        let join = Join {
            id,
            socket: Sink,
            link: Arc::new(Link::default()),
            encoding: Encoding::Protobuf,
            compression: Compression::None,
            pace_beats: 1,
            allowance: Allowance::everything(1_000),
            is_authenticated: false,
        };
        self.shard.command(Command::Join(Box::new(join)));
        let held = random.choose_multiple(self.symbols.iter(), symbols_each);
        let request = Request::Subscribe {
            request_id: 1,
            strings: held.into_iter().map(|s| SymbolPattern::Exact(s.clone())).collect(),
            rejected: Vec::new(),
            resume: None,
        };
        self.shard.command(Command::Request(id, request));
    }

    fn turn(&mut self) {
        self.prepare();
        self.work();
    }
}

impl Work for FanOut {
    fn prepare(&mut self) {
        let events = events(&mut self.model, &self.symbols, self.updates);
        self.beater.apply(&events, Ts::now());
        self.beat += 1;
        self.tick = vec![Arc::new(self.beater.seal(self.beat, self.beat, Ts::now()))];
    }

    fn work(&mut self) -> usize {
        self.shard.turn(&self.tick);
        Self::SUBSCRIBERS
    }
}

/// A beat of the engine: takes batches, applies and seals them; its unit is an update.
pub(crate) struct Ingest {
    engine: Engine,
    inlet: mpsc::Sender<Inflow>,
    ticks: TickReceiver,
    model: EvenModel,
    symbols: Vec<Symbol>,
    batches: usize,
    batch: usize,
    beat: u64,
}

impl Ingest {
    pub(crate) fn new(batches: usize, batch: usize) -> Ingest {
        let (sender, ticks) = tick_channel(8);
        let (inlet, inflow) = mpsc::channel(batches);
        let epoch = Epoch::new(1).expect("an epoch");
        let mut beater = Beater::new(Writer::new(INSTRUMENTS), Arc::default(), epoch);
        let (mut model, symbols) = (EvenModel::new(INSTRUMENTS, SEED), symbols());
        beater.apply(&events(&mut model, &symbols, INSTRUMENTS), Ts::now());
        Ingest {
            engine: Engine::new(beater, inflow, vec![sender], Arc::default()),
            inlet,
            ticks,
            model,
            symbols,
            batches,
            batch,
            beat: 0,
        }
    }
}

impl Work for Ingest {
    fn prepare(&mut self) {
        for _ in 0..self.batches {
            let events = events(&mut self.model, &self.symbols, self.batch);
            self.inlet.try_send(Inflow::events(events)).expect("room");
        }
        self.beat += 1;
    }

    fn work(&mut self) -> usize {
        self.engine.beat(self.beat, Instant::now());
        self.batches * self.batch
    }

    fn tidy(&mut self) {
        // A beat takes no more than half its time, of which others may have had the most.
        while self.inlet.capacity() < self.inlet.max_capacity() {
            self.engine.beat(self.beat, Instant::now());
        }
        while self.ticks.try_recv().is_ok() {}
    }
}

/// A venue's frames to events, with the lag and the hop that a connection records; its unit is a frame.
pub(crate) struct Intake {
    venue: VenueName,
    frames: Vec<(Ts, Vec<u8>)>,
    /// Frames that are ready together.
    batch: usize,
    parser: Option<Parser>,
    lag: metrics::Histogram,
    hop: metrics::Histogram,
    events: Vec<Event>,
}

impl Intake {
    pub(crate) fn new(batch: usize) -> Intake {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.capture.gz");
        let mut reader = CaptureReader::open(&path).expect("a capture");
        let (venue, mut frames) = (reader.venue().clone(), Vec::new());
        while let Some(record) = reader.next_record().expect("a record") {
            frames.push((record.ts_recv, record.frame.to_vec()));
        }
        Intake {
            lag: metrics::histogram!(names::VENUE_LAG_SECONDS, "venue" => venue.as_str().to_owned()),
            hop: metrics::histogram!(names::HOP_SECONDS, "hop" => "feed"),
            parser: None,
            events: Vec::new(),
            venue,
            frames,
            batch,
        }
    }
}

impl Work for Intake {
    fn prepare(&mut self) {
        // The venue's numbers begin anew with the frames.
        self.parser = Some(Parser::new(self.venue.clone()));
    }

    fn work(&mut self) -> usize {
        let parser = self.parser.as_mut().expect("it is prepared");
        for frames in self.frames.chunks(self.batch) {
            let start = Instant::now();
            for (ts_recv, frame) in frames {
                let from = self.events.len();
                let _ = parser.frame(frame, *ts_recv, &mut self.events);
                // As `feed::live` does it.
                if let Some(Event::Update(update)) = self.events[from..].last()
                    && let Some(ts_event) = update.ts_event
                {
                    self.lag.record(ts_recv.micros_since(ts_event) as f64 / 1e6);
                }
            }
            std::hint::black_box(&mut self.events).clear();
            self.hop.record(start.elapsed().as_secs_f64());
        }
        self.frames.len()
    }
}
