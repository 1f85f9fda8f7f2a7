//! A raw capture as events: frames through the venue's parser, and the watches on the recording's clock.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Batch;
use super::super::parse::{FrameParser, Heard};
use super::super::watch::{Flow, FlowState, SILENCE_DEFAULT, Watch};
use super::parsers::parser_of;
use crate::feed::SpecError;
use crate::market::{Event, Ts, VenueName, VenueState};
use crate::tape::{CaptureReader, TapeError};

/// A gap in a recording is looked at in so many steps at most, however long it is.
const STEPS_MAX: u32 = 1_000;

/// Reads a raw capture and gives its events in their order, each with the recording's time: the newest receive time so
/// far. Its venue gets another name where one is given. Blocks on the file system.
///
/// # Errors
/// The file is no capture, or of a venue whose frames are not understood. A fault later on comes once, after all that
/// was before it.
pub fn captured(path: &Path, venue: Option<VenueName>) -> Result<Captured, SpecError> {
    let reader = CaptureReader::open(path)?;
    let recorded = reader.venue().clone();
    let make = parser_of(path, &recorded)?;
    let venue = venue.unwrap_or(recorded);
    Ok(Captured {
        reader,
        rest: VecDeque::new(),
        parser: make(venue.clone()),
        clock: Clock::default(),
        watch: Watch::new(SILENCE_DEFAULT),
        flow: Flow::new(Duration::ZERO, SILENCE_DEFAULT),
        venue,
        state: VenueState::Down,
        batch: Batch::new(),
        ready: VecDeque::new(),
    })
}

/// The events of a raw capture.
pub struct Captured {
    reader: CaptureReader,
    rest: VecDeque<PathBuf>,
    parser: Box<dyn FrameParser>,
    clock: Clock,
    watch: Watch,
    flow: Flow,
    venue: VenueName,
    /// As said last.
    state: VenueState,
    batch: Batch,
    ready: VecDeque<(Ts, Event)>,
}

impl Captured {
    /// The venue of its events.
    pub fn venue(&self) -> &VenueName {
        &self.venue
    }

    /// Goes on in other files at its end, as one recording.
    pub(super) fn go_on_in(&mut self, files: Vec<PathBuf>) {
        self.rest = files.into();
    }

    /// Takes back the event that was given out last.
    pub(super) fn give_back(&mut self, ts: Ts, event: Event) {
        self.ready.push_front((ts, event));
    }

    /// Reads the next frame or opens the next file; `false` at the end.
    fn advance(&mut self) -> Result<bool, TapeError> {
        let Some(record) = self.reader.next_record()? else {
            let Some(file) = self.rest.pop_front() else {
                return Ok(false);
            };
            self.reader = CaptureReader::open(&file)?;
            return Ok(true);
        };
        let until = self.clock.at(record.ts_recv);
        let step = until.saturating_sub(self.clock.now) / STEPS_MAX;
        while self.watch.next_check().max(self.clock.now + step) < until {
            self.clock.now = self.watch.next_check().max(self.clock.now + step);
            self.watch.check(self.clock.now, &mut self.batch);
            if let FlowState::Silent(span) | FlowState::Dead(span) = self.flow.state(self.clock.now) {
                let (reason, last) = (format!("no data for {} s", span.as_secs()), self.batch.len());
                say(
                    &mut self.batch,
                    &mut self.state,
                    &self.venue,
                    VenueState::Stale,
                    reason,
                    last,
                );
            }
            self.ready.extend(stamped(&mut self.batch, &self.clock));
        }
        self.clock.now = until;
        // The parser has counted and logged it; a malformed message never ends a feed.
        let heard = self
            .parser
            .frame(record.frame, record.ts_recv, &mut self.batch)
            .unwrap_or(Heard::Idle);
        self.watch.note(self.clock.now, &mut self.batch, 0);
        if matches!(heard, Heard::Data | Heard::Lost(_)) {
            self.flow.data(self.clock.now);
        }
        if self.flow.has_begun() && matches!(self.flow.state(self.clock.now), FlowState::Flowing) {
            say(
                &mut self.batch,
                &mut self.state,
                &self.venue,
                VenueState::Up,
                String::new(),
                0,
            );
        }
        self.ready.extend(stamped(&mut self.batch, &self.clock));
        Ok(true)
    }
}

impl Iterator for Captured {
    type Item = Result<(Ts, Event), TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.rest.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

fn say(batch: &mut Batch, said: &mut VenueState, venue: &VenueName, state: VenueState, reason: String, at: usize) {
    if *said != state {
        *said = state;
        let venue = venue.clone();
        batch.insert(at, Event::Venue { venue, state, reason });
    }
}

fn stamped<'a>(batch: &'a mut Batch, clock: &Clock) -> impl Iterator<Item = (Ts, Event)> + use<'a> {
    let now = clock.ts();
    batch.drain(..).map(move |event| (now, event))
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

    /// The stamp of now.
    fn ts(&self) -> Ts {
        let since = i64::try_from(self.now.as_nanos()).unwrap_or(i64::MAX);
        Ts(self.first.map_or(0, |first| first.0.saturating_add(since)))
    }
}
