//! The beat: every 10 ms it drains what feeds have sent, applies it, seals what changed, encodes each
//! changed instrument once per encoding in use, and publishes the result to every reader of the store.
//!
//! The sole writer of the store and the one timer of the service. Knows no venues and no sockets.

mod beat;
mod timer;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use metrics::Histogram;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use beat::{Beater, Demand, Tick};

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

/// The engine's thread.
pub struct Engine {
    beater: Beater,
    inlet: mpsc::Receiver<Inflow>,
    readers: Vec<TickSender>,
    health: Arc<Health>,
    held: u64,
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
            open_since: None,
            queue: metrics::histogram!(names::HOP_SECONDS, "hop" => "queue"),
            beat: metrics::histogram!(names::HOP_SECONDS, "hop" => "beat"),
        }
    }

    /// Runs the beat on its own thread until `stop`.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn spawn(mut self, stop: CancellationToken) -> std::io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("engine".to_owned()).spawn(move || {
            let (beats, late) = (metrics::counter!(names::BEATS), metrics::counter!(names::BEATS_LATE));
            let seconds = metrics::histogram!(names::BEAT_SECONDS);
            let mut timer = Timer::new(Instant::now(), BEAT);
            while !stop.is_cancelled() {
                thread::sleep(timer.wait(Instant::now()));
                let start = Instant::now();
                let number = timer.tick(start);
                self.beat(number, start);
                let took = start.elapsed();
                beats.increment(1);
                late.absolute(timer.left_out());
                seconds.record(took.as_secs_f64());
                self.health
                    .beat(Instant::now(), took.as_micros() as u64, timer.left_out(), self.held);
            }
        })
    }

    fn beat(&mut self, number: u64, start: Instant) {
        let ts = Ts::now();
        while let Ok(inflow) = self.inlet.try_recv() {
            let Inflow::Events { handed, now, events } = inflow else {
                continue;
            };
            self.beater.apply(&events, now.unwrap_or(ts));
            let now = Instant::now();
            self.queue.record(now.saturating_duration_since(handed).as_secs_f64());
            self.open_since.get_or_insert(now);
            if start.elapsed() > DRAIN_MAX {
                break;
            }
        }
        if self.readers.iter().any(|reader| reader.capacity() == 0) {
            self.held += 1;
            metrics::counter!(names::BEATS_HELD).absolute(self.held);
            return;
        }
        let tick = Arc::new(self.beater.seal(number, ts));
        if let Some(since) = self.open_since.take() {
            self.beat.record(since.elapsed().as_secs_f64());
        }
        for reader in &self.readers {
            // A reader that has gone is being stopped; one that is full was ruled out above.
            let _ = reader.try_send(tick.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Decimal, Event, Field, Fields, Symbol, Update};
    use crate::store::{Table, Writer};

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
        let (sender, receiver) = tick_channel(ticks_max);
        let beater = Beater::new(Writer::new(10), Arc::default());
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
