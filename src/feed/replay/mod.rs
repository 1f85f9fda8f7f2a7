//! Plays recordings, tapes and raw captures, as if the venues were sending; they can be driven while they play.
//!
//! `source` reads one recording (`captured`: a raw capture through its venue's parser), `merge` several as one, `faults`
//! spoils them on demand, `timeline` makes steps of the recording's own time of them, with the ends of beats: all of it
//! synchronous and the same each time. `reader` runs that ahead on a thread of its own, `player` waits (`pace`), hands over
//! and does what it is told. `plan` is what is to be played, and the epochs that follow from it.

mod beats;
mod captured;
mod faults;
mod merge;
mod pace;
mod parsers;
mod plain;
mod plan;
mod player;
mod reader;
mod source;
#[cfg(test)]
mod tests;
mod timeline;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use captured::{Captured, captured};
pub(super) use plain::build;

use super::{Feed, FeedContext, FeedError, Outlet, Run, SpecError, Told};
use crate::control::{Fault, Inflow, ReplayDesk, ReplayState, ReplayStatus, Speed};
use crate::market::{Event, Ts, VenueName, VenueState};
use crate::store::Epoch;
use crate::tape::TapeError;
use beats::{beat_after, beat_before, beat_of};
use plan::Plan;
use player::{BATCH_EVENTS_MAX, Player};
use timeline::{Step, Timeline, What};

/// Whose time a replay's beats follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayClock {
    /// Ours.
    Wall,
    /// The recording's.
    Tape,
}

/// What is to be replayed, and how.
#[derive(Clone, Debug)]
pub struct ReplayOptions {
    /// Tapes and raw captures, merged by time.
    pub files: Vec<PathBuf>,
    /// Go on behind damaged places of a tape.
    pub salvage: bool,
    /// Whose time the beats follow.
    pub clock: ReplayClock,
    /// How fast.
    pub speed: Speed,
    /// Begin with the state at this time.
    pub from: Option<Ts>,
    /// End behind this time.
    pub to: Option<Ts>,
    /// Begin again at the end.
    pub is_loop: bool,
    /// Where nothing is said, wait so long at most.
    pub max_gap: Option<Duration>,
    /// Begin paused.
    pub is_paused: bool,
    /// Begin when the first subscriber has subscribed; always so under the recording's clock.
    pub starts_at_first_subscriber: bool,
    /// Faults to make; those of sockets are the server's.
    pub faults: Vec<Fault>,
    /// The same seed makes the same faults.
    pub fault_seed: u64,
}

/// A replay that has not begun.
#[derive(Debug)]
pub struct Replay {
    plan: Arc<Plan>,
    clock: ReplayClock,
    max_gap: Option<Duration>,
    venues: Vec<VenueName>,
    status: ReplayStatus,
}

impl Replay {
    /// Looks into the recordings. Blocks on the file system; captures are read through, and under the recording's clock
    /// every file is.
    ///
    /// # Errors
    /// A file cannot be played, two of one venue overlap in time, or there is nothing between the times given.
    pub fn open(options: ReplayOptions) -> Result<Replay, SpecError> {
        let plan = Plan {
            labels: Plan::labels(&options.files, None, options.salvage)?,
            from: options.from.map(beat_before),
            to: options.to,
            is_loop: options.is_loop,
            faults: options.faults,
            fault_seed: options.fault_seed,
            is_plain: false,
        };
        let (first, last) = (plan.start(), plan.last());
        if first > last || options.from.is_some_and(|from| from < beat_before(plan.first())) {
            let labels = &plan.labels;
            return Err(SpecError::Times {
                first: plan.first(),
                last: labels.iter().map(|label| label.last).max().unwrap_or_default(),
            });
        }
        let epoch = match options.clock {
            ReplayClock::Wall => Epoch::fresh(Ts::now(), fastrand::u16(..)),
            ReplayClock::Tape => plan.epoch()?,
        };
        let waits = options.starts_at_first_subscriber || options.clock == ReplayClock::Tape;
        let state = match (options.is_paused, waits) {
            (true, _) => ReplayState::Paused,
            (false, true) => ReplayState::Waiting,
            (false, false) => ReplayState::Playing,
        };
        let status = ReplayStatus {
            state,
            speed: options.speed,
            first,
            last,
            position: first,
            pass: 1,
            updates: 0,
            epoch,
        };
        Ok(Replay {
            venues: plan.venues(),
            plan: Arc::new(plan),
            clock: options.clock,
            max_gap: options.max_gap,
            status,
        })
    }

    /// The venues of its instruments.
    pub fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    /// Where it is before it begins; the timeline's time then is `first`, its epoch `epoch`.
    pub fn status(&self) -> ReplayStatus {
        self.status
    }

    /// A feed that plays it and is driven through `desk`, which begins with [`Replay::status`].
    ///
    /// # Errors
    /// Another feed brings one of its venues.
    pub fn into_feed(self, context: &FeedContext, desk: ReplayDesk) -> Result<Box<dyn Feed>, SpecError> {
        self.venues.iter().try_for_each(|venue| context.claims.take(venue))?;
        let first_subscriber = context.first_subscriber.clone();
        let status = desk.status.subscribe();
        let player = Player::new(self.plan, self.clock, self.max_gap, desk, first_subscriber);
        Ok(Box::new(ReplayFeed {
            venues: self.venues,
            clock: self.clock,
            status,
            player: Some(player),
        }))
    }

    /// All that it says, by the recording's clock; a loop is one pass. Blocks on the file system.
    ///
    /// # Errors
    /// The recordings cannot be read.
    pub fn into_inflows(self) -> Result<Inflows, SpecError> {
        Ok(Inflows {
            timeline: Timeline::open(&self.plan, None, 0)?,
            held: None,
        })
    }
}

/// A replay's whole timeline.
pub struct Inflows {
    timeline: Timeline,
    /// What ended the events before it.
    held: Option<Result<Option<Step>, TapeError>>,
}

impl Iterator for Inflows {
    type Item = Result<Inflow, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.held.take().unwrap_or_else(|| self.timeline.next());
        let step = match next {
            Ok(step) => step?,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(match step.what {
            What::Event(event) => self.events(beat_of(step.at), event),
            What::Image(image) => Inflow::Restore(image),
            What::Beat => Inflow::Beat(step.at),
        }))
    }
}

impl Inflows {
    /// All events that follow in this beat, as many as one batch has.
    fn events(&mut self, beat: Ts, first: Event) -> Inflow {
        let mut events = vec![first];
        while events.len() < BATCH_EVENTS_MAX && self.held.is_none() {
            match self.timeline.next() {
                Ok(Some(Step {
                    at,
                    what: What::Event(event),
                })) if beat_of(at) == beat => events.push(event),
                other => self.held = Some(other),
            }
        }
        taped(beat, events)
    }
}

/// Events of one beat of the recording's clock.
fn taped(beat: Ts, events: Vec<Event>) -> Inflow {
    Inflow::Events {
        handed: Instant::now(),
        now: Some(beat),
        events: Arc::new(events),
    }
}

/// A replay as a feed; it runs once.
struct ReplayFeed {
    venues: Vec<VenueName>,
    clock: ReplayClock,
    status: watch::Receiver<ReplayStatus>,
    player: Option<Player>,
}

impl Feed for ReplayFeed {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            let player = self.player.take();
            player.ok_or(FeedError::Internal("a replay runs once"))?.run(out).await
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(async move {
            let down = |venue: &VenueName| Event::Venue {
                venue: venue.clone(),
                state: VenueState::Down,
                reason: reason.clone(),
            };
            let events = self.venues.iter().map(down).collect();
            if self.clock == ReplayClock::Wall {
                return out.send(events).await;
            }
            // No beat ends otherwise.
            let beat = beat_after(self.status.borrow().position);
            out.tell(taped(beat, events)).await?;
            out.tell(Inflow::Beat(beat)).await
        })
    }
}
