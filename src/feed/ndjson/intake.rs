//! From lines to batches of events: which venues and instruments they bring, and what their states are. Pure but for
//! handing over; shared by feeds of lines and by pushed updates.

use std::time::Duration;

use metrics::{Counter, Histogram};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::super::parse::Tally;
use super::super::watch::{Flow, FlowState, Watch};
use super::super::{Batch, Claims, FeedClosed, Outlet, Owner};
use super::line::{Line, parse};
use super::{INSTRUMENTS_MAX, LineError, VENUES_MAX};
use crate::market::{Event, Symbol, TickerState, Ts, Update, VenueName, VenueState};
use crate::monitor::names;

/// Events handed over at once, where so many are ready.
const BATCH_EVENTS_MAX: usize = 256;

/// What lines have shown, over all connections of a feed.
pub(super) struct Intake {
    rename: Option<VenueName>,
    claims: Claims,
    owner: Owner,
    /// Names of `venues`, in the same order.
    names: Vec<VenueName>,
    venues: Vec<Venue>,
    /// By the symbol as lines write it.
    by_text: FxHashMap<Box<str>, usize>,
    instruments: Vec<Instrument>,
    watch: Watch,
    silence: Duration,
    start: Instant,
    /// Of lines, under the kind's name: a line that cannot be used has no venue.
    tally: Tally,
    hop: Histogram,
    batch: Batch,
    /// When the first line of the batch was taken.
    batch_since: Instant,
}

struct Venue {
    state: VenueState,
    /// Its lines, against their usual rate: whoever wrote them may have died.
    flow: Flow,
    updates: Counter,
    lag: Histogram,
}

struct Instrument {
    symbol: Symbol,
    venue: usize,
    /// An update came on this connection.
    is_live: bool,
}

impl Intake {
    /// Knows nothing yet. `rename` is taken already and replaces the venue of each line.
    pub(super) fn new(kind: &VenueName, rename: Option<VenueName>, claims: &Claims, silence: Duration) -> Intake {
        Intake {
            venues: rename.iter().map(|venue| Venue::new(venue, silence)).collect(),
            names: rename.iter().cloned().collect(),
            rename,
            claims: claims.clone(),
            owner: claims.owner(),
            by_text: FxHashMap::default(),
            instruments: Vec::new(),
            watch: Watch::new(silence),
            silence,
            start: Instant::now(),
            tally: Tally::new(kind),
            hop: metrics::histogram!(names::HOP_SECONDS, "hop" => "feed"),
            batch: Batch::new(),
            batch_since: Instant::now(),
        }
    }

    /// The venues that lines have named so far.
    pub(super) fn venues(&self) -> &[VenueName] {
        &self.names
    }

    /// Takes a line of this number; `false` where it is blank.
    ///
    /// # Errors
    /// Says why it is refused, which is already counted and logged; nothing of it is in the batch.
    pub(super) fn line(&mut self, number: u64, line: Result<&[u8], LineError>, ts_recv: Ts) -> Result<bool, LineError> {
        let bytes = *line.as_ref().unwrap_or(&&b""[..]);
        if line.is_ok() && bytes.trim_ascii().is_empty() {
            return Ok(false);
        }
        self.tally.frame();
        let taken = line.and_then(parse).and_then(|line| self.take(&line, ts_recv));
        taken.map(|()| true).inspect_err(|error| {
            let said = format_args!("line {number}: {error}");
            self.tally.malformed("line", error.label(), &said, bytes);
        })
    }

    fn take(&mut self, line: &Line<'_>, ts_recv: Ts) -> Result<(), LineError> {
        let at = match self.by_text.get(&*line.symbol) {
            Some(at) => *at,
            None => self.add(&line.symbol)?,
        };
        let now = Instant::now();
        if self.batch.is_empty() {
            self.batch_since = now;
        }
        let from = self.batch.len();
        let instrument = &mut self.instruments[at];
        let venue = &mut self.venues[instrument.venue];
        venue.flow.data(now - self.start);
        if std::mem::replace(&mut venue.state, VenueState::Up) != VenueState::Up {
            self.batch.push(Event::Venue {
                venue: self.names[instrument.venue].clone(),
                state: VenueState::Up,
                reason: String::new(),
            });
        }
        venue.updates.increment(1);
        if let Some(ts_event) = line.ts_event {
            venue.lag.record(ts_recv.micros_since(ts_event) as f64 / 1e6);
        }
        self.batch.push(Event::Update(Update {
            symbol: instrument.symbol.clone(),
            fields: line.fields,
            ts_event: line.ts_event,
            ts_recv,
        }));
        let live = (!std::mem::replace(&mut instrument.is_live, true)).then_some(TickerState::Live);
        for state in live.into_iter().chain(line.state) {
            self.batch.push(Event::State {
                symbol: instrument.symbol.clone(),
                state,
                cause: None,
            });
        }
        self.watch.note(now - self.start, &mut self.batch, from);
        Ok(())
    }

    /// The instrument of a symbol that no line has named before.
    fn add(&mut self, text: &str) -> Result<usize, LineError> {
        let mut symbol = Symbol::parse(text)?;
        if symbol.is_server_own() {
            return Err(LineError::ServerOwn(symbol.venue().to_owned()));
        }
        if self.instruments.len() >= INSTRUMENTS_MAX {
            return Err(LineError::TooManyInstruments);
        }
        let venue = match &self.rename {
            Some(venue) => {
                symbol = Symbol::new(venue, symbol.name())?;
                0
            }
            None => self.venue(symbol.venue())?,
        };
        let at = self.instruments.len();
        self.by_text.insert(text.into(), at);
        self.instruments.push(Instrument {
            symbol,
            venue,
            is_live: false,
        });
        Ok(at)
    }

    fn venue(&mut self, name: &str) -> Result<usize, LineError> {
        if let Some(at) = self.names.iter().position(|known| known.as_str() == name) {
            return Ok(at);
        }
        if self.names.len() >= VENUES_MAX {
            return Err(LineError::TooManyVenues);
        }
        let venue = VenueName::parse(name)?;
        if !self.claims.take_for(self.owner, &venue) {
            return Err(LineError::VenueTaken(venue));
        }
        self.venues.push(Venue::new(&venue, self.silence));
        self.names.push(venue);
        Ok(self.names.len() - 1)
    }

    /// Whether enough is together to be handed over.
    pub(super) fn is_full(&self) -> bool {
        self.batch.len() >= BATCH_EVENTS_MAX
    }

    /// When [`Intake::check`] is to be called next.
    pub(super) fn next_check(&self) -> Instant {
        self.start + self.watch.next_check()
    }

    /// Says which venues and instruments have been silent for too long.
    pub(super) fn check(&mut self) {
        self.batch_since = Instant::now();
        let now = self.start.elapsed();
        self.watch.check(now, &mut self.batch);
        for (venue, name) in self.venues.iter_mut().zip(&self.names) {
            let is_up = venue.state == VenueState::Up;
            // Nobody can be asked to connect anew, so silent is all that it can be.
            if let (true, FlowState::Silent(span) | FlowState::Dead(span)) = (is_up, venue.flow.state(now)) {
                venue.state = VenueState::Stale;
                self.batch.push(Event::Venue {
                    venue: name.clone(),
                    state: VenueState::Stale,
                    reason: format!("no data for {} s", span.as_secs()),
                });
            }
        }
    }

    /// Says that nothing more comes, for this reason.
    pub(super) fn down(&mut self, reason: &str) {
        self.watch.lost(&mut self.batch);
        self.instruments.iter_mut().for_each(|i| i.is_live = false);
        for (venue, name) in self.venues.iter_mut().zip(&self.names) {
            venue.state = VenueState::Down;
            self.batch.push(Event::Venue {
                venue: name.clone(),
                state: VenueState::Down,
                reason: reason.to_owned(),
            });
        }
    }

    /// Hands over what is together.
    pub(super) async fn flush(&mut self, out: &Outlet) -> Result<(), FeedClosed> {
        if self.batch.is_empty() {
            return Ok(());
        }
        out.send(std::mem::take(&mut self.batch)).await?;
        self.hop.record(self.batch_since.elapsed().as_secs_f64());
        Ok(())
    }
}

impl Venue {
    fn new(name: &VenueName, silence: Duration) -> Venue {
        let label = || name.as_str().to_owned();
        Venue {
            state: VenueState::Down,
            flow: Flow::new(Duration::ZERO, silence),
            updates: metrics::counter!(names::FEED_UPDATES, "venue" => label()),
            lag: metrics::histogram!(names::VENUE_LAG_SECONDS, "venue" => label()),
        }
    }
}

#[cfg(test)]
mod tests;
