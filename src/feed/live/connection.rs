//! One connection to a venue: opens its sockets, moves frames from them through the parser to the engine, keeps the
//! watches, and hands over to the next sockets in time. Decides nothing itself: what is due is said by the pure parts.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use metrics::Histogram;

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
    /// Those in use, and at a handover those of the next generation behind them.
    links: Vec<Link>,
    opening: Option<Opening>,
    handover: Handover,
    resync: Resync,
    batch: Batch,
    /// What the venue refused, in its words.
    refused: Vec<String>,
    /// As told last, and how many refusals that named.
    told: (VenueState, usize),
    out: &'a Outlet,
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
        let (ts_recv, from) = (Ts::now(), self.batch.len());
        if let Some(tap) = &self.connection.tap {
            tap.record(ts_recv, &frame);
        }
        // The parser has counted and logged it; a malformed message never ends a feed.
        let heard = self
            .parser
            .frame(&frame, ts_recv, &mut self.batch)
            .unwrap_or(Heard::Idle);
        if let Some(Event::Update(update)) = self.batch[from..].last()
            && let Some(ts_event) = update.ts_event
        {
            self.connection.lag.record(ts_recv.micros_since(ts_event) as f64 / 1e6);
        }
        self.connection.watch.note(now, &mut self.batch, from);
        match heard {
            Heard::Data => link.flow.data(now),
            Heard::Idle => {}
            Heard::Answers(answers) => self.answered(at, &answers),
            Heard::Lost(names) => {
                link.flow.data(now);
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
        let in_use = self.links.first().map_or(0, |link| link.generation);
        if generation != in_use {
            return self.next_failed(&lost);
        }
        let is_next_ready = self.links.iter().any(|link| link.generation != in_use) && self.is_next_settled();
        if is_next_ready {
            self.links.retain(|link| link.generation != in_use);
            self.handover = Handover::new(self.rules.handover_after, self.connection.desk.now());
            return Ok(());
        }
        let was_good = self.links.iter().any(|link| link.flow.span() >= GOOD_SPAN);
        Err(FeedError::Lost { cause: lost, was_good })
    }

    fn next_failed(&mut self, lost: &Lost) -> Result<(), FeedError> {
        tracing::warn!(venue = %self.connection.desk.venue, %lost, "the next connection failed, the old one goes on");
        let in_use = self.links.first().map_or(0, |link| link.generation);
        self.links.retain(|link| link.generation == in_use);
        self.handover
            .failed(self.connection.desk.now(), &mut self.connection.random);
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

    /// Whether the next sockets have been told and have answered everything.
    fn is_next_settled(&self) -> bool {
        let in_use = self.links.first().map_or(0, |link| link.generation);
        let mut next = self.links.iter().filter(|link| link.generation != in_use);
        next.all(|link| link.settled.is_some() && link.flow.has_begun())
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
        self.hand_over(now).await;
        self.ask_anew(now);
        if now >= self.connection.watch.next_check() {
            self.connection.watch.check(now, &mut self.batch);
        }
        self.flush().await?;
        self.judge(now).await
    }

    /// Opens the next sockets in time, and lets the old ones go once both have run beside each other for a while.
    async fn hand_over(&mut self, now: Duration) {
        if self.handover.due().is_some_and(|due| now >= due) && self.opening.is_none() {
            self.handover.begun();
            let generation = self.links.last().map_or(0, |link| link.generation) + 1;
            let plans = self.connection.dialect.sockets();
            self.opening = Some(self.connection.open(plans, self.rules, generation));
        }
        let in_use = self.links.first().map_or(0, |link| link.generation);
        let settled = self
            .links
            .iter()
            .filter(|link| link.generation != in_use)
            .map(|link| link.settled);
        let overlapped = settled.clone().all(|at| at.is_some_and(|at| now >= at + OVERLAP));
        if settled.count() == 0 || !overlapped || !self.is_next_settled() {
            return;
        }
        let (old, new) = std::mem::take(&mut self.links)
            .into_iter()
            .partition(|link| link.generation == in_use);
        self.links = new;
        self.handover = Handover::new(self.rules.handover_after, now);
        metrics::counter!(names::FEED_HANDOVERS, "venue" => self.connection.desk.venue.as_str().to_owned())
            .increment(1);
        tracing::info!(venue = %self.connection.desk.venue, "handed over to the next connection");
        let old: Vec<Link> = old;
        tokio::spawn(async move {
            for link in old {
                link.close().await;
            }
        });
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
        let in_use = self.links.first().map_or(0, |link| link.generation);
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
