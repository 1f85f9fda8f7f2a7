//! The beat: every 10 ms it drains what feeds have sent, applies it, seals what changed, encodes each
//! changed instrument once per encoding in use, and publishes the result to every reader of the store.
//!
//! The sole writer of the store and the one timer of the service. Knows no venues and no sockets.

mod beat;
mod lockstep;
mod tape;
mod timer;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use metrics::{Counter, Histogram};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use beat::{Beater, Demand, Tick};
pub use lockstep::Lockstep;
pub use tape::beat_number;

use crate::control::Inflow;
use crate::market::Ts;
use crate::monitor::{Health, names};
use timer::Timer;

/// Time between two beats.
pub const BEAT: Duration = Duration::from_millis(10);

/// Ticks a reader may be behind: it applies them together and fans out the newest. Beyond, the engine
/// does not seal but lets the open beat grow, so the queue is bounded and so is a reader's lag.
pub const TICKS_QUEUED_MAX: usize = 8;

/// Ingest may take so much of a beat; the rest waits in its bounded channel.
const DRAIN_MAX: Duration = Duration::from_millis(5);

/// Where readers get ticks from.
pub type TickReceiver = mpsc::Receiver<Arc<Tick>>;

/// Where the engine puts ticks for a reader.
pub type TickSender = mpsc::Sender<Arc<Tick>>;

/// Makes the queue between the engine and one reader, of at most so many ticks.
pub fn tick_channel(ticks_max: usize) -> (TickSender, TickReceiver) {
    mpsc::channel(ticks_max)
}

/// Whose time the timeline's is.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Ours: a beat every 10 ms.
    Wall,
    /// The tape's: beats end where the feed says so, each once every subscriber has taken the one before.
    Tape {
        /// The time before the first beat.
        start: Ts,
        /// A beat waits so long at most for those who have not taken the one before.
        patience: Duration,
        /// Where the shards say what was taken.
        lockstep: Arc<Lockstep>,
    },
}

impl Clock {
    /// Whether it is a tape's.
    pub fn is_tape(&self) -> bool {
        matches!(self, Clock::Tape { .. })
    }

    /// The timeline's time before the first beat.
    pub fn start(&self) -> Ts {
        match self {
            Clock::Wall => Ts::now(),
            Clock::Tape { start, .. } => *start,
        }
    }
}

/// The engine's thread.
pub struct Engine {
    beater: Beater,
    inlet: mpsc::Receiver<Inflow>,
    readers: Vec<TickSender>,
    health: Arc<Health>,
    held: u64,
    held_count: Counter,
    /// When the oldest update of the open beat was applied.
    open_since: Option<Instant>,
    queue: Histogram,
    beat: Histogram,
}

impl Engine {
    /// Puts an engine together; nothing runs yet.
    pub fn new(beater: Beater, inlet: mpsc::Receiver<Inflow>, readers: Vec<TickSender>, health: Arc<Health>) -> Engine {
        Engine {
            beater,
            inlet,
            readers,
            health,
            held: 0,
            held_count: metrics::counter!(names::BEATS_HELD),
            open_since: None,
            queue: metrics::histogram!(names::HOP_SECONDS, "hop" => "queue"),
            beat: metrics::histogram!(names::HOP_SECONDS, "hop" => "beat"),
        }
    }

    /// Runs the beat on its own thread until `stop`.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn spawn(self, clock: Clock, stop: CancellationToken) -> std::io::Result<thread::JoinHandle<()>> {
        let thread = thread::Builder::new().name("engine".to_owned());
        match clock {
            Clock::Wall => thread.spawn(move || self.run(&stop)),
            Clock::Tape {
                start,
                patience,
                lockstep,
            } => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
                thread.spawn(move || runtime.block_on(tape::run(self, start, patience, &lockstep, &stop)))
            }
        }
    }

    fn run(mut self, stop: &CancellationToken) {
        let mut pulse = Pulse::new();
        while !stop.is_cancelled() {
            thread::sleep(pulse.timer.wait(Instant::now()));
            let start = Instant::now();
            let number = pulse.timer.tick(start);
            self.beat(number, start);
            pulse.note(start, &self.health, self.held);
        }
        // What was handed over before the stop is in the store, for whoever keeps that.
        let now = Instant::now();
        self.beat(pulse.timer.tick(now), now);
    }

    /// One beat, which began at `start`: drains what feeds have said, seals it and publishes the tick.
    ///
    /// The thread does so by its timer; whoever measures does it by hand.
    pub fn beat(&mut self, number: u64, start: Instant) {
        let ts = Ts::now();
        while let Ok(inflow) = self.inlet.try_recv() {
            self.take(inflow, ts);
            if start.elapsed() > DRAIN_MAX {
                break;
            }
        }
        if self.readers.iter().any(|reader| reader.capacity() == 0) {
            self.held += 1;
            self.held_count.absolute(self.held);
            return;
        }
        let tick = Arc::new(self.seal(number, number, ts));
        for reader in &self.readers {
            // A reader that has gone is being stopped; one that is full was ruled out above.
            let _ = reader.try_send(tick.clone());
        }
    }

    /// Takes what a feed says into the open beat; a beat of the tape's clock ends elsewhere.
    fn take(&mut self, inflow: Inflow, ts: Ts) {
        match inflow {
            Inflow::Events { handed, now, events } => {
                self.beater.apply(&events, now.unwrap_or(ts));
                let now = Instant::now();
                self.queue.record(now.saturating_duration_since(handed).as_secs_f64());
                self.open_since.get_or_insert(now);
            }
            Inflow::Restore(image) => self.beater.restore(&image),
            Inflow::Renew { epoch, image } => self.beater.renew(epoch, &image),
            Inflow::Beat(_) => {}
        }
    }

    fn seal(&mut self, number: u64, wall: u64, ts: Ts) -> Tick {
        let tick = self.beater.seal(number, wall, ts);
        if let Some(since) = self.open_since.take() {
            self.beat.record(since.elapsed().as_secs_f64());
        }
        tick
    }
}

/// The timer, and what it says of the beat's health.
struct Pulse {
    timer: Timer,
    beats: Counter,
    late: Counter,
    seconds: Histogram,
}

impl Pulse {
    fn new() -> Pulse {
        Pulse {
            timer: Timer::new(Instant::now(), BEAT),
            beats: metrics::counter!(names::BEATS),
            late: metrics::counter!(names::BEATS_LATE),
            seconds: metrics::histogram!(names::BEAT_SECONDS),
        }
    }

    /// Notes a beat that began at `start` and is done.
    fn note(&self, start: Instant, health: &Health, held: u64) {
        let took = start.elapsed();
        self.beats.increment(1);
        self.late.absolute(self.timer.left_out());
        self.seconds.record(took.as_secs_f64());
        health.beat(Instant::now(), took.as_micros() as u64, self.timer.left_out(), held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Decimal, Event, Field, Fields, Symbol, Update};
    use crate::store::{Epoch, Table, Writer};

    fn update(price: i64) -> Inflow {
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::from_int(price));
        let symbol = Symbol::parse("a:B").expect("a symbol");
        let update = Update {
            symbol,
            fields,
            ts_event: None,
            ts_recv: Ts(0),
        };
        Inflow::events(vec![Event::Update(update)])
    }

    /// Beats by hand, so that nothing depends on time.
    fn engine(ticks_max: usize) -> (Engine, mpsc::Sender<Inflow>, TickReceiver) {
        let (updates, inlet) = mpsc::channel(100);
        let epoch = Epoch::new(7).expect("an epoch");
        let (sender, receiver) = tick_channel(ticks_max);
        let beater = Beater::new(Writer::new(10), Arc::default(), epoch);
        (
            Engine::new(beater, inlet, vec![sender], Arc::default()),
            updates,
            receiver,
        )
    }

    #[test]
    fn a_reader_that_is_behind_holds_the_beat_and_loses_nothing() {
        let (mut engine, updates, mut receiver) = engine(2);
        for beat in 1..=5 {
            updates.try_send(update(beat)).expect("room");
            engine.beat(beat as u64, Instant::now());
        }
        assert_eq!(engine.held, 3);
        let mut table = Table::new();
        let mut seqs = Vec::new();
        while let Ok(tick) = receiver.try_recv() {
            let beat = tick.beat.as_ref().expect("a change");
            table.apply(beat);
            seqs.push(beat.seq.0);
        }
        assert_eq!(seqs, [1, 2]);
        engine.beat(6, Instant::now());
        let tick = receiver.try_recv().expect("the open beat");
        let beat = tick.beat.as_ref().expect("a change");
        assert_eq!(
            (beat.seq.0, beat.values.as_slice(), beat.changes[0].updates),
            (3, &[5][..], 3)
        );
    }
}
