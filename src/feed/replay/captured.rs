//! What a capture's frames say, with their times: through the parser of the venue, and the watches on the recording's clock.
//! Synchronous.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::parse::{FrameParser, Heard};
use super::super::spec::listed;
use super::super::watch::{Flow, FlowState, SILENCE_DEFAULT, Watch};
use super::super::{Batch, SpecError};
use super::parsers::{MakeParser, PARSERS};
use crate::market::{Event, Ts, VenueName, VenueState};
use crate::tape::{CaptureReader, TapeError};

/// A gap in a recording is looked at in so many steps at most, however long it is.
const STEPS_MAX: u32 = 1_000;

/// Reads a capture and makes events of it, as the feed that received the frames did. Each has its time, which never steps
/// back; the symbols get the name `venue`, where one is given. Blocks on the file system.
///
/// # Errors
/// The file is no capture that can be read, or one of a venue whose frames are not understood.
pub fn captured(path: &Path, venue: Option<VenueName>) -> Result<Captured, SpecError> {
    Captured::open(vec![path.to_path_buf()], venue)
}

/// The events of a capture, one by one. Everything before a fault comes first, then the fault once, then nothing.
pub struct Captured {
    reader: CaptureReader,
    /// Files that go on where the one before ended.
    rest: VecDeque<PathBuf>,
    listener: Listener,
    is_finished: bool,
}

impl Captured {
    /// Opens the files of one recording, in their order.
    pub(super) fn open(files: Vec<PathBuf>, venue: Option<VenueName>) -> Result<Captured, SpecError> {
        let mut rest = VecDeque::from(files);
        let first = rest.pop_front().ok_or(SpecError::NoFiles)?;
        let reader = CaptureReader::open(&first)?;
        let make_parser = parser_of(&first, reader.venue())?;
        let venue = venue.unwrap_or_else(|| reader.venue().clone());
        Ok(Captured {
            reader,
            rest,
            listener: Listener::new(make_parser(venue.clone()), venue),
            is_finished: false,
        })
    }

    /// The venue that its symbols name.
    pub fn venue(&self) -> &VenueName {
        &self.listener.venue
    }

    /// Takes the next frame or opens the next file; `false` at the end.
    fn advance(&mut self) -> Result<bool, TapeError> {
        if let Some(record) = self.reader.next_record()? {
            self.listener.hear(record.ts_recv, record.frame);
            return Ok(true);
        }
        let Some(file) = self.rest.pop_front() else {
            return Ok(false);
        };
        self.reader = CaptureReader::open(&file)?;
        Ok(true)
    }
}

impl Iterator for Captured {
    type Item = Result<(Ts, Event), TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.listener.ready.pop_front() {
                return Some(Ok(event));
            }
            if self.is_finished {
                return None;
            }
            match self.advance() {
                Ok(goes_on) => self.is_finished = !goes_on,
                Err(error) => {
                    self.is_finished = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

/// The parser of a capture's frames, by the venue of its first line.
fn parser_of(file: &Path, venue: &VenueName) -> Result<MakeParser, SpecError> {
    match PARSERS.iter().find(|(name, _)| *name == venue.as_str()) {
        Some((_, make)) => Ok(*make),
        None => Err(SpecError::VenueUnsupported {
            file: file.into(),
            venue: venue.clone(),
            supported: listed(PARSERS.iter().map(|(name, _)| *name)),
        }),
    }
}

/// Hears frames as a live feed does, on the recording's clock.
struct Listener {
    parser: Box<dyn FrameParser>,
    clock: Clock,
    watch: Watch,
    flow: Flow,
    venue: VenueName,
    /// As said last.
    state: VenueState,
    batch: Batch,
    /// Said and not yet taken.
    ready: VecDeque<(Ts, Event)>,
}

impl Listener {
    fn new(parser: Box<dyn FrameParser>, venue: VenueName) -> Listener {
        Listener {
            parser,
            clock: Clock::default(),
            watch: Watch::new(SILENCE_DEFAULT),
            flow: Flow::new(Duration::ZERO, SILENCE_DEFAULT),
            venue,
            state: VenueState::Down,
            batch: Batch::new(),
            ready: VecDeque::new(),
        }
    }

    /// Takes a frame, after what the silence before it means.
    fn hear(&mut self, ts_recv: Ts, frame: &[u8]) {
        let until = self.clock.at(ts_recv);
        let step = until.saturating_sub(self.clock.now) / STEPS_MAX;
        while self.watch.next_check().max(self.clock.now + step) < until {
            self.clock.now = self.watch.next_check().max(self.clock.now + step);
            self.check();
        }
        self.clock.now = until;
        // The parser has counted and logged it; a malformed message never ends a recording.
        let heard = self
            .parser
            .frame(frame, ts_recv, &mut self.batch)
            .unwrap_or(Heard::Idle);
        self.watch.note(until, &mut self.batch, 0);
        if matches!(heard, Heard::Data | Heard::Lost(_)) {
            self.flow.data(until);
        }
        if self.flow.has_begun() && matches!(self.flow.state(until), FlowState::Flowing) {
            self.say(VenueState::Up, String::new());
        }
        self.hand_over();
    }

    fn check(&mut self) {
        self.watch.check(self.clock.now, &mut self.batch);
        self.hand_over();
        if let FlowState::Silent(span) | FlowState::Dead(span) = self.flow.state(self.clock.now) {
            self.say(VenueState::Stale, format!("no data for {} s", span.as_secs()));
        }
    }

    /// A venue's state stands before what came at the same time.
    fn say(&mut self, state: VenueState, reason: String) {
        if self.state != state {
            self.state = state;
            let venue = self.venue.clone();
            let event = Event::Venue { venue, state, reason };
            self.ready.push_back((self.clock.ts(self.clock.now), event));
        }
    }

    fn hand_over(&mut self) {
        let ts = self.clock.ts(self.clock.now);
        self.ready.extend(self.batch.drain(..).map(|event| (ts, event)));
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
