//! One run of a connection: moves frames from its sockets through the parser to the engine and keeps the watches.
//! Decides nothing itself: what is due is said by the pure parts.

use std::convert::Infallible;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use super::super::error::Lost;
use super::super::parse::{Answer, FrameParser, Heard};
use super::super::watch::FlowState;
use super::super::{Batch, FeedClosed, FeedError, Outlet};
use super::Rules;
use super::connection::{Connection, Opening};
use super::early::Early;
use super::handover::Handover;
use super::link::{Incoming, Link};
use super::resync::Resync;
use crate::market::{Event, Symbol, Ts, VenueState};
use crate::monitor::names;

/// Events handed over at once, where so many are ready.
const BATCH_EVENTS_MAX: usize = 256;

/// Data that came for so long were good: longer than any venue takes to accept a connection, send a snapshot and drop it.
const GOOD_SPAN: Duration = Duration::from_secs(10);

/// Refusals kept, and of each so much: enough to see what is wrong.
const REFUSALS_MAX: usize = 32;
const REFUSAL_CHARS_MAX: usize = 200;

/// How often the watches are looked at: twice in the shortest silence that can be set.
const TEND_EVERY: Duration = Duration::from_millis(50);

/// One run of a connection.
pub(super) struct Session<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) parser: Box<dyn FrameParser>,
    pub(super) rules: Rules,
    /// Never empty: those in use, and at a handover those of the next generation behind them.
    pub(super) links: Vec<Link>,
    /// Which of them is asked first, so that none waits for a busy one.
    turn: usize,
    pub(super) opening: Option<Opening>,
    /// What came over the next sockets so far.
    pub(super) early: Early,
    pub(super) handover: Handover,
    pub(super) resync: Resync,
    pub(super) batch: Batch,
    /// What the venue refused, in its words.
    pub(super) refused: Vec<String>,
    /// As told last, and how many refusals that named.
    pub(super) told: (VenueState, usize),
    pub(super) out: &'a Outlet,
}

/// What woke the session.
enum Woken {
    Came(usize, Result<Incoming, Lost>),
    Opened(Result<Vec<Link>, Lost>),
    Time,
}

impl<'a> Session<'a> {
    pub(super) fn new(connection: &'a mut Connection, links: Vec<Link>, rules: Rules, out: &'a Outlet) -> Session<'a> {
        Session {
            parser: connection.dialect.parser(),
            handover: Handover::new(rules.handover_after, connection.desk.now()),
            links,
            turn: 0,
            opening: None,
            early: Early::default(),
            resync: Resync::default(),
            batch: Batch::new(),
            refused: Vec::new(),
            told: (VenueState::Down, 0),
            rules,
            connection,
            out,
        }
    }

    /// Runs until the sockets in use are lost.
    pub(super) async fn run(mut self) -> Result<Infallible, FeedError> {
        loop {
            match self.wait().await {
                Woken::Came(at, incoming) => self.take(at, incoming).await?,
                Woken::Opened(opened) => self.opened(opened),
                Woken::Time => {}
            }
            self.tend().await?;
        }
    }

    async fn wait(&mut self) -> Woken {
        let until = self.connection.desk.at(self.connection.desk.now() + TEND_EVERY);
        let (links, opening) = (&mut self.links, &mut self.opening);
        self.turn += 1;
        let turn = self.turn;
        let came = poll_fn(|context| {
            if let Some(Poll::Ready(opened)) = opening.as_mut().map(|o| o.as_mut().poll(context)) {
                return Poll::Ready(Woken::Opened(opened));
            }
            match poll_links(links, turn, context) {
                Some((at, incoming)) => Poll::Ready(Woken::Came(at, incoming)),
                None => Poll::Pending,
            }
        });
        tokio::time::timeout_at(until, came).await.unwrap_or(Woken::Time)
    }

    /// Takes what came and all that is ready behind it, and hands the events over.
    async fn take(&mut self, at: usize, incoming: Result<Incoming, Lost>) -> Result<(), FeedError> {
        let now = self.connection.desk.now();
        let mut outcome = self.incoming(at, incoming, now);
        while outcome.is_ok() && self.batch.len() < BATCH_EVENTS_MAX {
            let Some((at, incoming)) = self.ready().await else {
                break;
            };
            outcome = self.incoming(at, incoming, now);
        }
        // What came before a break is used.
        self.flush().await?;
        let took = self.connection.desk.now().saturating_sub(now);
        self.connection.hop.record(took.as_secs_f64());
        match outcome {
            Err((generation, lost)) => self.broke(generation, lost),
            Ok(()) => Ok(()),
        }
    }

    /// A frame that needs no waiting for.
    async fn ready(&mut self) -> Option<(usize, Result<Incoming, Lost>)> {
        self.turn += 1;
        let (links, turn) = (&mut self.links, self.turn);
        poll_fn(|context| Poll::Ready(poll_links(links, turn, context))).await
    }

    /// Takes one frame; an error names the generation whose socket broke.
    fn incoming(&mut self, at: usize, incoming: Result<Incoming, Lost>, now: Duration) -> Result<(), (u32, Lost)> {
        let link = &mut self.links[at];
        let incoming = incoming.map_err(|lost| (link.generation, lost))?;
        link.heard(now);
        let Incoming::Frame(frame) = incoming else {
            return Ok(());
        };
        let ts_recv = Ts::now();
        let heard = if link.generation == self.links[0].generation {
            self.parse(ts_recv, &frame, now)
        } else {
            self.keep(ts_recv, frame)
        };
        match heard {
            Heard::Data => self.links[at].flow.data(now),
            Heard::Idle => {}
            Heard::Answers(answers) => self.answered(at, &answers),
            Heard::Lost(names) => {
                self.links[at].flow.data(now);
                let random = &mut self.connection.random;
                names.into_iter().for_each(|name| self.resync.lost(name, now, random));
            }
            Heard::Ending => {
                // One that already has a successor is about to go anyway.
                if self.opening.is_none() && self.links[0].generation == self.links[self.links.len() - 1].generation {
                    tracing::info!(venue = %self.connection.desk.venue, "the venue announces the end of a connection");
                    self.handover.announced(now);
                }
            }
        }
        Ok(())
    }

    /// Makes events of a frame.
    pub(super) fn parse(&mut self, ts_recv: Ts, frame: &[u8], now: Duration) -> Heard {
        if let Some(tap) = &self.connection.tap {
            tap.record(ts_recv, frame);
        }
        let from = self.batch.len();
        // The parser has counted and logged it; a malformed message never ends a feed.
        let heard = self.parser.frame(frame, ts_recv, &mut self.batch);
        if let Some(Event::Update(update)) = self.batch[from..].last()
            && let Some(ts_event) = update.ts_event
        {
            let lag_us = ts_recv.micros_since(ts_event);
            self.connection.lag.record(lag_us as f64 / 1e6);
        }
        self.connection.watch.note(now, &mut self.batch, from);
        heard.unwrap_or(Heard::Idle)
    }

    fn answered(&mut self, at: usize, answers: &[Answer]) {
        for answer in answers {
            let is_ours = self.links[at].requests.answer(answer);
            if let Some(why) = answer.refused.as_ref().filter(|_| is_ours) {
                let why: String = why.chars().take(REFUSAL_CHARS_MAX).collect();
                tracing::warn!(venue = %self.connection.desk.venue, why, "the venue refused a request");
                if self.refused.len() < REFUSALS_MAX && !self.refused.contains(&why) {
                    self.refused.push(why);
                }
            }
        }
    }

    /// The generation in use ends the run; a next one that never came to be of use is tried again.
    fn broke(&mut self, generation: u32, lost: Lost) -> Result<(), FeedError> {
        let in_use = self.links[0].generation;
        if generation != in_use {
            self.next_failed(&lost.to_string());
            return Ok(());
        }
        if self.is_next_ready() {
            self.switch();
            return Ok(());
        }
        let was_good = self.links.iter().any(|link| link.flow.span() >= GOOD_SPAN);
        Err(FeedError::Lost { cause: lost, was_good })
    }

    /// Does what time has made due.
    async fn tend(&mut self) -> Result<(), FeedError> {
        let now = self.connection.desk.now();
        for at in 0..self.links.len() {
            let generation = self.links[at].generation;
            if let Err(lost) = self.links[at].tend(now).await {
                self.broke(generation, lost)?;
                break;
            }
        }
        if let Some(reason) = self.refused.first()
            && self.links.iter().all(|link| link.requests.is_refused())
        {
            return Err(Lost::AllRefused { reason: reason.clone() }.into());
        }
        self.hand_over(now);
        self.ask_anew(now);
        if now >= self.connection.watch.next_check() {
            self.connection.watch.check(now, &mut self.batch);
        }
        self.flush().await?;
        self.judge(now).await
    }

    /// Asks again for what lost data, on the newest socket; only once what was asked before is said, so that no queue
    /// grows and a crowd of losses is asked for together.
    fn ask_anew(&mut self, now: Duration) {
        let Connection {
            watch, desk, dialect, ..
        } = &mut *self.connection;
        let is_whole = |name: &str| Symbol::new(&desk.venue, name).is_ok_and(|symbol| watch.is_whole(&symbol));
        self.resync.settle(now, is_whole);
        let Some(link) = self.links.last_mut().filter(|link| link.requests.is_said()) else {
            return;
        };
        let names = self.resync.due(now);
        if names.is_empty() {
            return;
        }
        let venue = desk.venue.as_str().to_owned();
        metrics::counter!(names::FEED_RESYNCS, "venue" => venue).increment(names.len() as u64);
        link.requests.push(dialect.resync(&names));
    }

    /// Says how the connection is, from whether data flow.
    async fn judge(&mut self, now: Duration) -> Result<(), FeedError> {
        let in_use = self.links[0].generation;
        let (mut has_begun, mut silent) = (false, None);
        let mut dead = None;
        for link in &self.links {
            has_begun |= link.flow.has_begun();
            match link.flow.state(now) {
                FlowState::Flowing => {}
                FlowState::Silent(span) if link.generation == in_use => silent = Some(span),
                FlowState::Silent(_) => {}
                FlowState::Dead(span) => dead = Some((link.generation, span)),
            }
        }
        if let Some((generation, span)) = dead {
            self.broke(generation, Lost::NoData(span))?;
        }
        let (state, reason) = match silent {
            Some(span) => (VenueState::Stale, format!("no data for {} s", span.as_secs())),
            None if has_begun => (VenueState::Up, self.refusals()),
            None if !self.refused.is_empty() => (VenueState::Down, self.refusals()),
            None => return Ok(()),
        };
        // The edge, not the level; the seconds in the reason go on.
        let told = (state, self.refused.len());
        if told != self.told {
            self.told = told;
            if state == VenueState::Stale {
                // The venue may be well over its other connections.
                self.connection.watch.silent(&mut self.batch);
                self.flush().await?;
            }
            let Connection { desk, number, .. } = &*self.connection;
            desk.tell(*number, state, reason, self.out).await?;
        }
        Ok(())
    }

    fn refusals(&self) -> String {
        match self.refused.as_slice() {
            [] => String::new(),
            [one] => format!("refused: {one}"),
            [first, rest @ ..] => format!("refused: {first} (and {} more)", rest.len()),
        }
    }

    async fn flush(&mut self) -> Result<(), FeedClosed> {
        self.out.send(std::mem::take(&mut self.batch)).await
    }
}

/// The first frame that is ready, beginning with the link whose turn it is.
fn poll_links(links: &mut [Link], turn: usize, context: &mut Context<'_>) -> Option<(usize, Result<Incoming, Lost>)> {
    (0..links.len()).find_map(|n| {
        let at = (turn + n) % links.len();
        match links[at].poll(context) {
            Poll::Ready(incoming) => Some((at, incoming)),
            Poll::Pending => None,
        }
    })
}
