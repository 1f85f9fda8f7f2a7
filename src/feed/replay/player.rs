//! One pass over a recording: frames through the parser at the recorded distances, and the watches on the recording's
//! clock.

use std::time::{Duration, Instant};

use super::super::parse::{FrameParser, Heard};
use super::super::watch::{Flow, FlowState, SILENCE_DEFAULT, Watch};
use super::super::{Batch, FeedClosed, Outlet};
use super::reader::Chunk;
use crate::market::{Event, Ts, VenueName, VenueState};
use crate::tape::{Pace, Speed};

/// Events handed over at once; a frame's own events stay together.
pub(super) const BATCH_EVENTS_MAX: usize = 256;

/// A gap in a recording is looked at in so many steps at most, however long it is.
const STEPS_MAX: u32 = 1_000;

/// One pass under way.
pub(super) struct Player<'a> {
    parser: Box<dyn FrameParser>,
    pace: Pace,
    clock: Clock,
    watch: Watch,
    flow: Flow,
    batch: Batch,
    venue: &'a VenueName,
    /// As said last, in this pass or an earlier one.
    state: &'a mut VenueState,
    out: &'a Outlet,
}

impl<'a> Player<'a> {
    pub(super) fn new(
        parser: Box<dyn FrameParser>,
        speed: Speed,
        venue: &'a VenueName,
        state: &'a mut VenueState,
        out: &'a Outlet,
    ) -> Player<'a> {
        Player {
            parser,
            pace: Pace::new(speed, Instant::now()),
            clock: Clock::default(),
            watch: Watch::new(SILENCE_DEFAULT),
            flow: Flow::new(Duration::ZERO, SILENCE_DEFAULT),
            batch: Batch::new(),
            venue,
            state,
            out,
        }
    }

    /// Frames played so far.
    pub(super) fn frames(&self) -> u64 {
        self.parser.counts().frames
    }

    pub(super) async fn play(&mut self, chunk: &Chunk) -> Result<(), FeedClosed> {
        // One look at the clock for all that is due anyway.
        let mut now = Instant::now();
        for (ts_recv, frame) in chunk.iter() {
            let until = self.clock.at(ts_recv);
            let step = until.saturating_sub(self.clock.now) / STEPS_MAX;
            while self.watch.next_check().max(self.clock.now + step) < until {
                let at = self.watch.next_check().max(self.clock.now + step);
                self.wait(self.clock.ts(at), &mut now).await?;
                self.clock.now = at;
                self.check();
            }
            self.wait(ts_recv, &mut now).await?;
            self.clock.now = until;
            self.frame(ts_recv, frame);
            if self.batch.len() >= BATCH_EVENTS_MAX {
                self.flush().await?;
            }
        }
        // The next chunk may take a while to come.
        self.flush().await
    }

    /// Waits until a moment of the recording is due; what has been played is handed over before.
    async fn wait(&mut self, ts: Ts, now: &mut Instant) -> Result<(), FeedClosed> {
        if self.pace.wait(ts, *now).is_zero() {
            return Ok(());
        }
        *now = Instant::now();
        let wait = self.pace.wait(ts, *now);
        if !wait.is_zero() {
            self.flush().await?;
            tokio::time::sleep(wait).await;
            *now = Instant::now();
        }
        Ok(())
    }

    fn frame(&mut self, ts_recv: Ts, frame: &[u8]) {
        let from = self.batch.len();
        // The parser has counted and logged it; a malformed message never ends a feed.
        let heard = self
            .parser
            .frame(frame, ts_recv, &mut self.batch)
            .unwrap_or(Heard::Idle);
        self.watch.note(self.clock.now, &mut self.batch, from);
        if matches!(heard, Heard::Data | Heard::Lost(_)) {
            self.flow.data(self.clock.now);
        }
        if self.flow.has_begun() && matches!(self.flow.state(self.clock.now), FlowState::Flowing) {
            self.say(VenueState::Up, String::new(), from);
        }
    }

    fn check(&mut self) {
        self.watch.check(self.clock.now, &mut self.batch);
        if let FlowState::Silent(span) | FlowState::Dead(span) = self.flow.state(self.clock.now) {
            let (reason, last) = (format!("no data for {} s", span.as_secs()), self.batch.len());
            self.say(VenueState::Stale, reason, last);
        }
    }

    fn say(&mut self, state: VenueState, reason: String, at: usize) {
        if *self.state != state {
            *self.state = state;
            let venue = self.venue.clone();
            self.batch.insert(at, Event::Venue { venue, state, reason });
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), FeedClosed> {
        self.out.send(std::mem::take(&mut self.batch)).await
    }
}

/// The recording's time: the newest receive time so far, counted from the first.
#[derive(Debug, Default)]
struct Clock {
    first: Option<Ts>,
    now: Duration,
}

impl Clock {
    /// Time at a record; never before now.
    fn at(&mut self, ts: Ts) -> Duration {
        let first = *self.first.get_or_insert(ts);
        let since = ts.0.saturating_sub(first.0);
        Duration::from_nanos(u64::try_from(since).unwrap_or(0)).max(self.now)
    }

    /// The stamp of a time.
    fn ts(&self, at: Duration) -> Ts {
        let since = i64::try_from(at.as_nanos()).unwrap_or(i64::MAX);
        Ts(self.first.map_or(0, |first| first.0.saturating_add(since)))
    }
}
