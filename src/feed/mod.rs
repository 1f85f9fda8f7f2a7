//! Feeds: what brings updates in. One folder a kind, all behind one trait and one bounded channel.
//!
//! The way of a frame: a [`Feed`] reads it, its venue's parser makes [`Event`]s of it, the watches correct its states,
//! [`Outlet`] hands batches of them over; [`supervise`] starts a feed again when it breaks and has it say so as data. Knows
//! nothing of the server.
//!
//! - `parse`: what every venue's parser is made of. Pure.
//! - `watch`: silence, of sockets and instruments; the one place that decides which state is shown. Pure.
//! - `live`: connecting, asking, coming back, taking over: one shape for all venues, which say in a `Dialect` what is
//!   theirs.
//! - `binance`, `coinbase`, `coinbase_exchange`, `kraken`: each a parser, a dialect, and the tests of both.
//! - `replay`, `ndjson`, `synthetic`: feeds without a venue; `stats` is the server's own.
//!
//! A new venue is one folder, one line in `registry.rs`, one in `replay/parsers.rs`, one in `benches/parse.rs`, a stand-in
//! in `tests/support/venue`, and a row in README.

pub mod binance;
#[cfg(test)]
mod captures;
mod claims;
pub mod coinbase;
pub mod coinbase_exchange;
mod error;
pub mod kraken;
pub mod live;
pub mod ndjson;
pub mod parse;
mod registry;
mod replay;
mod spec;
mod stats;
mod supervisor;
pub mod synthetic;
pub mod watch;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use tokio::sync::mpsc;

pub use claims::{Claims, Owner};
pub use error::{FeedClosed, FeedError, Lost};
pub use ndjson::push;
pub use registry::build;
pub use replay::{Captured, Inflows, Replay, ReplayClock, ReplayOptions, captured};
pub use spec::{FeedSpec, SpecError};
pub use stats::Stats;
pub use supervisor::{Ending, supervise};

use crate::control::Inflow;
use crate::market::{Event, Ts, VenueName, VenueState};
use crate::tape::{EventTap, FrameTap};

/// What a feed hands over at once, in its order.
pub type Batch = Vec<Event>;

/// What `serve` runs when no feed is given.
pub const DEFAULT_SPEC: &str = "synthetic?activity=market";

/// News being handed over.
pub type Told<'a> = Pin<Box<dyn Future<Output = Result<(), FeedClosed>> + Send + 'a>>;

/// A feed's run under way.
pub type Run<'a> = Pin<Box<dyn Future<Output = Result<FeedEnd, FeedError>> + Send + 'a>>;

/// A source of updates, such as a venue's connection or a recording.
pub trait Feed: Send + 'static {
    /// The venues whose instruments it brings: always the same, or those that its lines have named so far.
    fn venues(&self) -> &[VenueName];

    /// Runs until it ends by itself or breaks. May be called again after an error that [`FeedError::is_retryable`].
    ///
    /// Says that its venue is up once data flows; the supervisor has it say that it is down.
    ///
    /// # Cancel safety
    /// Dropping the run stops it; a batch that was not handed over is lost.
    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a>;

    /// Tells that the run is over, for this reason: its instruments are no longer live.
    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a>;
}

/// A feed came to its end by itself and is not to be started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedEnd {
    /// In words; becomes the venue's reason.
    pub reason: String,
}

/// What feeds need from the service around them.
#[derive(Clone, Debug)]
pub struct FeedContext {
    /// Turns true when the first subscriber holds a symbol; `start=first_subscriber` waits for it. Its sender lives as
    /// long as the service: once it is dropped, a feed that waits ends as if the engine were gone.
    pub first_subscriber: tokio::sync::watch::Receiver<bool>,
    /// Which venues have a feed.
    pub claims: Claims,
    /// Where connections leave each frame that they receive, while one is recorded.
    pub tap: Option<FrameTap>,
}

impl FeedContext {
    /// No venue has a feed yet, and nothing is recorded.
    pub fn new(first_subscriber: tokio::sync::watch::Receiver<bool>) -> FeedContext {
        FeedContext {
            first_subscriber,
            claims: Claims::default(),
            tap: None,
        }
    }
}

/// Makes the channel from the feeds to the engine, of at most `batches_max` batches (at least one).
pub fn channel(batches_max: usize) -> (Outlet, mpsc::Receiver<Inflow>) {
    let (sender, receiver) = mpsc::channel(batches_max.max(1));
    let recorded = None;
    (Outlet { sender, recorded }, receiver)
}

/// Tells that a venue is down, for feeds whose venue's state is all that there is to say.
async fn tell_down(venue: &VenueName, reason: String, out: &Outlet) -> Result<(), FeedClosed> {
    let venue = venue.clone();
    let state = VenueState::Down;
    out.send(vec![Event::Venue { venue, state, reason }]).await
}

/// Where feeds hand over their batches. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outlet {
    sender: mpsc::Sender<Inflow>,
    recorded: Option<Recorded>,
}

impl Outlet {
    /// What is handed over is recorded too, from here on.
    pub fn with_tap(self, tap: EventTap) -> Outlet {
        let recorded = Some(Recorded::new(tap));
        Outlet { recorded, ..self }
    }

    /// Hands a batch over, waiting while the channel is full: the engine's pace bounds the feeds.
    ///
    /// # Errors
    /// [`FeedClosed`] once the engine is gone.
    ///
    /// # Cancel safety
    /// Dropped before it is done, the batch was not handed over.
    pub async fn send(&self, batch: Batch) -> Result<(), FeedClosed> {
        if batch.is_empty() {
            return Ok(());
        }
        self.tell(Inflow::events(batch)).await
    }

    /// Hands over anything that the engine takes; the same holds.
    ///
    /// # Errors
    /// [`FeedClosed`] once the engine is gone.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing was handed over.
    pub async fn tell(&self, inflow: Inflow) -> Result<(), FeedClosed> {
        // Room first: what is recorded is handed over, and the other way round.
        let room = self.sender.reserve().await.map_err(|_| FeedClosed)?;
        if let Some(recorded) = &self.recorded {
            recorded.record(&inflow);
        }
        room.send(inflow);
        Ok(())
    }

    /// The same of something that a recording has at this time: it is recorded under it, and so is what follows until
    /// another is told. Of an update its own time counts anyway.
    ///
    /// # Errors
    /// [`FeedClosed`] once the engine is gone.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing was handed over.
    pub(crate) async fn tell_of(&self, at: Ts, inflow: Inflow) -> Result<(), FeedClosed> {
        if let Some(recorded) = &self.recorded {
            recorded.time.store(at.0, Relaxed);
        }
        self.tell(inflow).await
    }

    /// The same channel and recorder for one feed, whose time is its own.
    fn of_one_feed(self) -> Outlet {
        let recorded = self.recorded.map(|recorded| Recorded::new(recorded.tap));
        Outlet { recorded, ..self }
    }
}

/// A feed's way to the recorder.
#[derive(Clone, Debug)]
struct Recorded {
    tap: EventTap,
    /// Of the recording that the feed plays, in ns since 1970. A venue's end is then recorded where the recording ends, and
    /// not years behind it.
    time: Arc<AtomicI64>,
}

impl Recorded {
    /// No recording's time: ours counts.
    const OURS: i64 = i64::MIN;

    fn new(tap: EventTap) -> Recorded {
        let time = Arc::new(AtomicI64::new(Recorded::OURS));
        Recorded { tap, time }
    }

    fn record(&self, inflow: &Inflow) {
        let time = || match self.time.load(Relaxed) {
            Recorded::OURS => Ts::now(),
            time => Ts(time),
        };
        match inflow {
            Inflow::Events { events, .. } => self.tap.record(time(), events),
            // What a tape begins with that is not the first of its recording.
            Inflow::Restore(image) => {
                let now = time();
                self.tap.record(now, &Arc::new(image.events(now)));
            }
            // Said by replays that are driven alone, and have been recorded before.
            Inflow::Renew { .. } | Inflow::Beat(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::market::Symbol;
    use crate::tape::event_queue;

    fn batch(symbols: &[&str]) -> Batch {
        let removed = |symbol: &&str| Event::Removed(Symbol::parse(symbol).expect("a symbol"));
        symbols.iter().map(removed).collect()
    }

    #[tokio::test]
    async fn what_is_handed_over_is_recorded_and_nothing_else_is() {
        let (tap, queue) = event_queue();
        let (out, mut inlet) = channel(1);
        let out = out.with_tap(tap);
        out.send(batch(&[])).await.expect("it is open");
        out.send(batch(&["a:A", "a:B"])).await.expect("it is open");
        assert_eq!(queue.waiting(), 2);
        // There is no room: dropped in the middle, it was neither handed over nor recorded.
        assert!(out.send(batch(&["a:C"])).now_or_never().is_none());
        assert_eq!(queue.waiting(), 2);
        assert_eq!(inlet.recv().await.expect("a batch").into_events().len(), 2);
        out.send(batch(&["a:C"])).await.expect("it is open");
        assert_eq!(queue.waiting(), 3);
        drop(inlet);
        out.send(batch(&["a:D"])).await.expect_err("it is closed");
        assert_eq!(queue.waiting(), 3);
    }
}
