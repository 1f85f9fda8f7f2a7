//! Plays a timeline: waits until each step is due, hands it over, and does what it is told meanwhile.

mod told;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::ReplayClock;
use super::beats::{beat_before, beat_of};
use super::pace::Pace;
use super::plan::{Plan, epoch_after};
use super::reader::Ahead;
use super::timeline::{Step, What};
use crate::control::{Inflow, ReplayDesk, ReplayRefusal, ReplayState, ReplayStatus};
use crate::feed::{Batch, FeedClosed, FeedEnd, FeedError, Outlet};
use crate::market::{Event, Symbol, Ts};
use crate::store::{Epoch, Image};

/// Events handed over at once.
pub(super) const BATCH_EVENTS_MAX: usize = 256;

/// How often it is told where the replay is, also in the middle of a long gap.
const TELL_EVERY: Duration = Duration::from_millis(50);

type Reply = oneshot::Sender<Result<ReplayStatus, ReplayRefusal>>;

/// A replay under way.
pub(super) struct Player {
    plan: Arc<Plan>,
    clock: ReplayClock,
    desk: ReplayDesk,
    first_subscriber: watch::Receiver<bool>,
    pace: Pace,
    ahead: Ahead,
    chunk: VecDeque<Step>,
    batch: Batch,
    /// The recording's time of the batch's newest.
    batch_at: Ts,
    status: ReplayStatus,
    told: Instant,
    /// Beats to play before it stands still; the command is answered then.
    stepping: Option<(u32, Reply)>,
    /// A seek is answered once the state there was handed over.
    seeking: Option<Reply>,
    /// The epoch that the next state begins.
    renewal: Option<Epoch>,
    /// Timelines begun after the first.
    parts: u64,
    /// Steps of this pass.
    passed: u64,
    /// Whether it stands still again after a seek from its end.
    ended_paused: bool,
    /// What a plain feed has brought, to take it away at the next pass.
    brought: BTreeSet<Symbol>,
}

fn now() -> Instant {
    // Stands still where a test stops the runtime's clock.
    tokio::time::Instant::now().into_std()
}

async fn subscribed(first: &mut watch::Receiver<bool>) -> Result<(), FeedClosed> {
    first.wait_for(|there| *there).await.map(drop).map_err(|_| FeedClosed)
}

impl Player {
    pub(super) fn new(
        plan: Arc<Plan>,
        clock: ReplayClock,
        max_gap: Option<Duration>,
        desk: ReplayDesk,
        first_subscriber: watch::Receiver<bool>,
    ) -> Player {
        let status = *desk.status.borrow();
        Player {
            pace: Pace::new(status.speed, max_gap),
            plan,
            clock,
            desk,
            first_subscriber,
            // Reading begins with the run.
            ahead: Ahead::none(),
            chunk: VecDeque::new(),
            batch: Batch::new(),
            batch_at: Ts(0),
            status,
            told: now(),
            stepping: None,
            seeking: None,
            renewal: None,
            parts: 0,
            passed: 0,
            ended_paused: false,
            brought: BTreeSet::new(),
        }
    }

    /// Plays to the end; where it is driven, it then waits for what it is told next.
    pub(super) async fn run(mut self, out: &Outlet) -> Result<FeedEnd, FeedError> {
        let ended = self.play_on(out).await;
        if ended.is_err() {
            self.status.state = ReplayState::Failed;
            self.tell();
        }
        ended
    }

    async fn play_on(&mut self, out: &Outlet) -> Result<FeedEnd, FeedError> {
        self.ahead = Ahead::begin(self.plan.clone(), None, self.parts);
        loop {
            if self.is_still() {
                self.flush(out).await?;
                self.tell();
                self.stand().await?;
            } else if let Some(step) = self.chunk.front() {
                let (at, says) = (step.at, !matches!(step.what, What::Beat));
                if self.is_due(at, says, out).await?
                    && let Some(step) = self.chunk.pop_front()
                {
                    self.play(step, out).await?;
                }
            } else if !self.read(out).await?
                && let Some(end) = self.end(out).await?
            {
                return Ok(end);
            }
        }
    }

    /// Whether nothing is played until it is told so.
    fn is_still(&self) -> bool {
        self.status.state != ReplayState::Playing && self.stepping.is_none() && self.seeking.is_none()
    }

    /// Waits for what it is told, or for the first subscriber.
    async fn stand(&mut self) -> Result<(), FeedClosed> {
        let is_waiting = self.status.state == ReplayState::Waiting;
        let woken = tokio::select! {
            Some(ask) = self.desk.commands.recv() => Some(ask),
            there = subscribed(&mut self.first_subscriber), if is_waiting => {
                there?;
                None
            }
            // Nobody can tell it anything any more.
            else => std::future::pending().await,
        };
        match woken {
            Some(ask) => self.take(ask),
            None => self.status.state = ReplayState::Playing,
        }
        Ok(())
    }

    /// Waits until a step is due; `false` where it was told something meanwhile.
    async fn is_due(&mut self, at: Ts, says: bool, out: &Outlet) -> Result<bool, FeedClosed> {
        if let Ok(ask) = self.desk.commands.try_recv() {
            self.take(ask);
            return Ok(false);
        }
        // The tape's clock knows beats alone: what belongs to one comes at its end.
        let at = match self.clock {
            ReplayClock::Tape => beat_of(at),
            ReplayClock::Wall => at,
        };
        // A step told to be played, and the state of a seek, wait for nothing.
        if self.stepping.is_some() || self.seeking.is_some() {
            self.pace.ask(at, says);
            return Ok(true);
        }
        let from = now();
        let due = self.pace.due(at, says, from);
        if due <= from {
            return Ok(true);
        }
        self.flush(out).await?;
        let look_again = from + TELL_EVERY;
        tokio::select! {
            biased;
            Some(ask) = self.desk.commands.recv() => {
                self.take(ask);
                Ok(false)
            }
            () = tokio::time::sleep_until(due.min(look_again).into()) => {
                if due > look_again {
                    self.pass_time(at);
                }
                Ok(due <= look_again)
            }
        }
    }

    /// Says how far it is in a gap before a step of this time: whole beats, without that of the step.
    fn pass_time(&mut self, next: Ts) {
        let reached = self.pace.position(now()).unwrap_or(self.status.position);
        let before = beat_before(Ts(next.0.saturating_sub(1)));
        self.status.position = self.status.position.max(beat_before(reached).min(before));
        self.tell();
    }

    /// Reads on; `false` at the end.
    async fn read(&mut self, out: &Outlet) -> Result<bool, FeedError> {
        if !self.ahead.is_ready() {
            // The next may take a while.
            self.flush(out).await?;
        }
        tokio::select! {
            biased;
            Some(ask) = self.desk.commands.recv() => {
                self.take(ask);
                Ok(true)
            }
            chunk = self.ahead.next() => match chunk {
                Some(Ok(chunk)) => {
                    self.chunk = chunk.into();
                    Ok(true)
                }
                Some(Err(error)) => {
                    // What came before a fault is used.
                    self.flush(out).await?;
                    self.tell();
                    if let Some(reply) = self.seeking.take() {
                        // Whoever asked may have gone.
                        let _ = reply.send(Err(ReplayRefusal::Broken(error.to_string())));
                    }
                    Err(error)
                }
                None => Ok(false),
            },
        }
    }

    async fn play(&mut self, step: Step, out: &Outlet) -> Result<(), FeedClosed> {
        self.passed += 1;
        match step.what {
            What::Event(event) => {
                self.note(&event);
                self.batch_at = step.at;
                self.batch.push(event);
                if self.batch.len() >= BATCH_EVENTS_MAX {
                    self.flush(out).await?;
                }
            }
            What::Image(mut image) => {
                self.flush(out).await?;
                if self.clock == ReplayClock::Wall {
                    // Venues' states are stamped by the clock of the beats.
                    image.venues.iter_mut().for_each(|venue| venue.since = Ts::now());
                }
                for instrument in &image.instruments {
                    self.bring(&instrument.listing.symbol);
                }
                if self.seeking.is_some() {
                    // What comes now stands before what was played already, if it does.
                    self.status.position = step.at;
                }
                let inflow = match self.renewal.take() {
                    Some(epoch) => Inflow::Renew { epoch, image },
                    None => Inflow::Restore(image),
                };
                out.tell_of(step.at, inflow).await?;
            }
            What::Beat => {
                self.flush(out).await?;
                if self.clock == ReplayClock::Tape {
                    out.tell(Inflow::Beat(step.at)).await?;
                }
                self.end_beat(step.at);
            }
        }
        self.pace.played();
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Update(update) => {
                self.status.updates += 1;
                self.bring(&update.symbol);
            }
            Event::Listed { symbol, .. } => self.bring(symbol),
            Event::Removed(_) | Event::State { .. } | Event::Venue { .. } => {}
        }
    }

    /// Keeps what the next pass takes away.
    fn bring(&mut self, symbol: &Symbol) {
        if self.plan.is_plain && self.plan.is_loop && !self.brought.contains(symbol) {
            self.brought.insert(symbol.clone());
        }
    }

    fn end_beat(&mut self, at: Ts) {
        self.status.position = at;
        if let Some(reply) = self.seeking.take() {
            self.answer(reply);
        }
        if let Some((left, reply)) = self.stepping.take() {
            match left {
                0 | 1 => self.answer(reply),
                left => self.stepping = Some((left - 1, reply)),
            }
        }
        if now().saturating_duration_since(self.told) >= TELL_EVERY {
            self.tell();
        }
    }

    async fn flush(&mut self, out: &Outlet) -> Result<(), FeedClosed> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let events = Arc::new(std::mem::take(&mut self.batch));
        let now = (self.clock == ReplayClock::Tape).then(|| beat_of(self.batch_at));
        let handed = Instant::now();
        out.tell_of(self.batch_at, Inflow::Events { handed, now, events }).await
    }

    /// Begins the next pass of a loop; else says how it ends, where it does not wait to be told more.
    async fn end(&mut self, out: &Outlet) -> Result<Option<FeedEnd>, FeedClosed> {
        self.flush(out).await?;
        // Without a step there is nothing to wait for, a loop would only spin.
        if self.plan.is_loop && self.passed > 0 {
            self.status.pass += 1;
            self.begin(None);
            self.pace.follow(self.plan.start());
            if self.plan.is_plain {
                let gone = std::mem::take(&mut self.brought);
                out.send(gone.into_iter().map(Event::Removed).collect()).await?;
            } else {
                let epoch = self.next_epoch(self.plan.start());
                // Where the pass begins with a state, that is what the epoch begins with.
                self.renewal = Some(epoch);
                if self.plan.from.is_none() {
                    self.renewal = None;
                    let image = Box::new(Image::default());
                    out.tell(Inflow::Renew { epoch, image }).await?;
                }
            }
            return Ok(None);
        }
        if self.plan.is_plain {
            let reason = "replay ended".into();
            return Ok(Some(FeedEnd { reason }));
        }
        self.ended_paused = self.status.state == ReplayState::Paused;
        self.status.state = ReplayState::Ended;
        self.status.position = self.status.position.max(self.plan.last());
        let stepping = self.stepping.take().map(|(_, reply)| reply);
        for reply in [self.seeking.take(), stepping].into_iter().flatten() {
            self.answer(reply);
        }
        Ok(None)
    }

    /// Begins another timeline, at the beginning or with the state at a beat.
    fn begin(&mut self, at: Option<Ts>) {
        self.parts += 1;
        self.passed = 0;
        self.ahead = Ahead::begin(self.plan.clone(), at, self.parts);
        self.chunk.clear();
        self.batch.clear();
    }

    fn next_epoch(&mut self, at: Ts) -> Epoch {
        let before = self.status.epoch;
        self.status.epoch = match self.clock {
            ReplayClock::Tape => epoch_after(before, self.parts, at, self.status.position),
            ReplayClock::Wall => Epoch::fresh(Ts::now(), fastrand::u16(..)),
        };
        self.status.epoch
    }

    fn answer(&mut self, reply: Reply) {
        self.tell();
        // Whoever asked may have gone.
        let _ = reply.send(Ok(self.status));
    }

    fn tell(&mut self) {
        self.told = now();
        let status = self.status;
        self.desk
            .status
            .send_if_modified(|told| std::mem::replace(told, status) != status);
    }
}
