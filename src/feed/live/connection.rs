//! One connection to a venue: opens its sockets, moves frames from them through the parser to the engine, keeps the
//! watches, and hands over to the next sockets in time. Decides nothing itself: what is due is said by the pure parts.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use metrics::Histogram;
use tokio_tungstenite::tungstenite::Bytes;

use super::super::error::Lost;
use super::super::parse::{Answer, FrameParser, Heard};
use super::super::watch::{FlowState, Watch};
use super::super::{Batch, Feed, FeedClosed, FeedError, Outlet, Run, Told};
use super::desk::Desk;
use super::handover::{Handover, OVERLAP};
use super::link::{Incoming, Link};
use super::requests::Requests;
use super::resync::Resync;
use super::socket::Endpoint;
use super::{Dialect, Rules, SocketPlan};
use crate::market::{Event, Symbol, Ts, VenueName, VenueState};
use crate::monitor::names;
use crate::tape::FrameTap;

/// Events handed over at once, where so many are ready.
const BATCH_EVENTS_MAX: usize = 256;

/// Data that came for so long were good: longer than any venue takes to accept a connection, send a snapshot and drop it.
const GOOD_SPAN: Duration = Duration::from_secs(10);

/// How often the watches are looked at: twice in the shortest silence that can be set.
const TEND_EVERY: Duration = Duration::from_millis(50);

/// Kept of the next sockets: 64 MiB are 10 s of 30,000 quotes a second.
const EARLY_BYTES_MAX: usize = 64 << 20;

/// The next sockets, being opened.
type Opening = Pin<Box<dyn Future<Output = Result<Vec<Link>, Lost>> + Send>>;

/// One of a venue's connections, with its number among them.
pub(super) struct Connection {
    number: usize,
    venues: [VenueName; 1],
    dialect: Box<dyn Dialect>,
    endpoint: Endpoint,
    silence: Duration,
    desk: Arc<Desk>,
    /// Where frames are recorded.
    tap: Option<FrameTap>,
    watch: Watch,
    lag: Histogram,
    hop: Histogram,
    random: fastrand::Rng,
}

impl Connection {
    pub(super) fn new(
        number: usize,
        dialect: Box<dyn Dialect>,
        endpoint: Endpoint,
        silence: Duration,
        desk: Arc<Desk>,
        tap: Option<FrameTap>,
    ) -> Connection {
        let venue = desk.venue.clone();
        Connection {
            number,
            dialect,
            endpoint,
            silence,
            watch: Watch::new(silence),
            lag: metrics::histogram!(names::VENUE_LAG_SECONDS, "venue" => venue.as_str().to_owned()),
            hop: metrics::histogram!(names::HOP_SECONDS, "hop" => "feed"),
            venues: [venue],
            desk,
            tap,
            random: fastrand::Rng::new(),
        }
    }
}

impl Feed for Connection {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            self.desk.introduce(out).await?;
            let rules = self.dialect.rules();
            let plans = self.dialect.sockets();
            let links = self.open(plans, rules, 0).await?;
            let session = Session {
                parser: self.dialect.parser(),
                handover: Handover::new(rules.handover_after, self.desk.now()),
                links,
                opening: None,
                early: Early::default(),
                resync: Resync::default(),
                batch: Batch::new(),
                refused: Vec::new(),
                told: (VenueState::Down, 0),
                rules,
                connection: self,
                out,
            };
            session.run().await.map(|never| match never {})
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(async move {
            let mut batch = Batch::new();
            self.watch.lost(&mut batch);
            out.send(batch).await?;
            self.desk.tell(self.number, VenueState::Down, reason, out).await
        })
    }
}

impl Connection {
    /// Opens the sockets of a plan, each in a moment in which the venue may be connected to.
    fn open(&self, plans: Vec<SocketPlan>, rules: Rules, generation: u32) -> Opening {
        let (desk, endpoint, silence) = (self.desk.clone(), self.endpoint.clone(), self.silence);
        Box::pin(async move {
            let mut links = Vec::new();
            for plan in plans {
                tokio::time::sleep_until(desk.connect_slot()).await;
                metrics::counter!(names::FEED_CONNECTS, "venue" => desk.venue.as_str().to_owned()).increment(1);
                let socket = endpoint.open(&plan.path).await?;
                let requests = Requests::new(rules.request_spacing, plan.requests);
                links.push(Link::new(socket, requests, silence, desk.now(), generation));
            }
            Ok(links)
        })
    }
}

/// One run of a connection.
struct Session<'a> {
    connection: &'a mut Connection,
    parser: Box<dyn FrameParser>,
    rules: Rules,
    /// Never empty: those in use, and at a handover those of the next generation behind them.
    links: Vec<Link>,
    opening: Option<Opening>,
    /// What came over the next sockets so far.
    early: Early,
    handover: Handover,
    resync: Resync,
    batch: Batch,
    /// What the venue refused, in its words.
    refused: Vec<String>,
    /// As told last, and how many refusals that named.
    told: (VenueState, usize),
    out: &'a Outlet,
}

/// Frames of the next sockets, kept while the old ones are still in use: to the parser they come after all of the old
/// ones, so that nothing seems to be missing while one connection runs ahead of the other.
#[derive(Default)]
struct Early {
    /// Only tells data from answers.
    parser: Option<Box<dyn FrameParser>>,
    frames: Vec<(Ts, Bytes)>,
    bytes: usize,
}

/// What woke the session.
enum Woken {
    Came(usize, Result<Incoming, Lost>),
    Opened(Result<Vec<Link>, Lost>),
    Time,
}

impl Session<'_> {
    async fn run(mut self) -> Result<Infallible, FeedError> {
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
        let came = poll_fn(|context| {
            if let Some(Poll::Ready(opened)) = opening.as_mut().map(|o| o.as_mut().poll(context)) {
                return Poll::Ready(Woken::Opened(opened));
            }
            for (at, link) in links.iter_mut().enumerate() {
                if let Poll::Ready(incoming) = link.poll(context) {
                    return Poll::Ready(Woken::Came(at, incoming));
                }
            }
            Poll::Pending
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
        let links = &mut self.links;
        poll_fn(|context| {
            let ready = links
                .iter_mut()
                .enumerate()
                .find_map(|(at, link)| match link.poll(context) {
                    Poll::Ready(incoming) => Some((at, incoming)),
                    Poll::Pending => None,
                });
            Poll::Ready(ready)
        })
        .await
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
                tracing::info!(venue = %self.connection.desk.venue, "the venue announces the end of a connection");
                self.handover.announced(now);
            }
        }
        Ok(())
    }

    /// Makes events of a frame.
    fn parse(&mut self, ts_recv: Ts, frame: &[u8], now: Duration) -> Heard {
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

    /// Keeps a frame of the next sockets until they are in use.
    fn keep(&mut self, ts_recv: Ts, frame: Bytes) -> Heard {
        let Early { parser, frames, bytes } = &mut self.early;
        // What it counts is counted again by the parser in use.
        let dialect = &self.connection.dialect;
        let make = || metrics::with_local_recorder(&metrics::NoopRecorder, || dialect.parser());
        let parser = parser.get_or_insert_with(make);
        let heard = parser.frame(&frame, ts_recv, &mut Batch::new());
        *bytes += frame.len();
        frames.push((ts_recv, frame));
        heard.unwrap_or(Heard::Idle)
    }

    fn answered(&mut self, at: usize, answers: &[Answer]) {
        for answer in answers {
            self.links[at].requests.answer(answer);
            if let Some(why) = &answer.refused {
                tracing::warn!(venue = %self.connection.desk.venue, why, "the venue refused a request");
                if !self.refused.contains(why) {
                    self.refused.push(why.clone());
                }
            }
        }
    }

    /// The generation in use ends the run; a next one that never came to be of use is tried again.
    fn broke(&mut self, generation: u32, lost: Lost) -> Result<(), FeedError> {
        let in_use = self.links[0].generation;
        if generation != in_use {
            return self.next_failed(&lost);
        }
        if self.is_next_ready() {
            self.switch();
            return Ok(());
        }
        let was_good = self.links.iter().any(|link| link.flow.span() >= GOOD_SPAN);
        Err(FeedError::Lost { cause: lost, was_good })
    }

    fn next_failed(&mut self, lost: &Lost) -> Result<(), FeedError> {
        tracing::warn!(venue = %self.connection.desk.venue, %lost, "the next connection failed, the old one goes on");
        let in_use = self.links[0].generation;
        self.links.retain(|link| link.generation == in_use);
        self.early = Early::default();
        let now = self.connection.desk.now();
        self.handover.failed(now, &mut self.connection.random);
        Ok(())
    }

    fn opened(&mut self, opened: Result<Vec<Link>, Lost>) {
        self.opening = None;
        match opened {
            Ok(links) => self.links.extend(links),
            Err(lost) => {
                let _ = self.next_failed(&lost);
            }
        }
    }

    /// Whether the next sockets can take over: all is asked and answered, and data came on each, unless none came on the
    /// old one either.
    fn is_next_ready(&self) -> bool {
        let in_use = self.links[0].generation;
        let (old, next): (Vec<&Link>, Vec<&Link>) = self.links.iter().partition(|link| link.generation == in_use);
        let is_ready = |(old, next): (&&Link, &&Link)| {
            let quiet_since = |at| old.flow.last().is_none_or(|last| last < at);
            next.settled.is_some_and(|at| next.flow.has_begun() || quiet_since(at))
        };
        !next.is_empty() && old.iter().zip(&next).all(is_ready)
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

    /// Opens the next sockets in time, and lets the old ones go once both have run beside each other for a while.
    fn hand_over(&mut self, now: Duration) {
        if self.handover.due().is_some_and(|due| now >= due) && self.opening.is_none() {
            self.handover.begun();
            let generation = self.links.last().map_or(0, |link| link.generation) + 1;
            let plans = self.connection.dialect.sockets();
            self.opening = Some(self.connection.open(plans, self.rules, generation));
        }
        let next = self
            .links
            .last()
            .filter(|link| link.generation != self.links[0].generation);
        let settled = next.and_then(|link| link.settled);
        let has_overlapped = settled.is_some_and(|at| now >= at + OVERLAP) || self.early.bytes > EARLY_BYTES_MAX;
        if has_overlapped && self.is_next_ready() {
            self.switch();
        }
    }

    /// Lets the old sockets go and takes what came over the next ones.
    fn switch(&mut self) {
        let in_use = self.links[0].generation;
        let (old, next): (Vec<Link>, Vec<Link>) = std::mem::take(&mut self.links)
            .into_iter()
            .partition(|link| link.generation == in_use);
        self.links = next;
        tokio::spawn(async move {
            for link in old {
                link.close().await;
            }
        });
        let now = self.connection.desk.now();
        for (ts_recv, frame) in std::mem::take(&mut self.early).frames {
            // What it is beyond its events was seen when it came.
            self.parse(ts_recv, &frame, now);
        }
        self.handover = Handover::new(self.rules.handover_after, now);
        let venue = self.connection.desk.venue.as_str().to_owned();
        metrics::counter!(names::FEED_HANDOVERS, "venue" => venue).increment(1);
        tracing::info!(venue = %self.connection.desk.venue, "handed over to the next connection");
    }

    /// Asks again for what lost data, on every socket in use: the venue ignores or answers what is not there.
    fn ask_anew(&mut self, now: Duration) {
        let Connection {
            watch, desk, dialect, ..
        } = &mut *self.connection;
        let is_whole = |name: &str| Symbol::new(&desk.venue, name).is_ok_and(|symbol| !watch.is_faulty(&symbol));
        self.resync.settle(now, is_whole);
        let names = self.resync.due(now);
        if names.is_empty() {
            return;
        }
        let venue = desk.venue.as_str().to_owned();
        metrics::counter!(names::FEED_RESYNCS, "venue" => venue).increment(names.len() as u64);
        let requests = dialect.resync(&names);
        if let Some(link) = self.links.last_mut() {
            link.requests.push(requests);
        }
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
            None => return Ok(()),
        };
        // The edge, not the level; the seconds in the reason go on.
        let told = (state, self.refused.len());
        if told != self.told {
            self.told = told;
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
