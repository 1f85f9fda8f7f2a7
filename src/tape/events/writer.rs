//! Writes tapes: the other side of [`TapeReader`](super::TapeReader).

use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use super::block::Counts;
use super::file::TapeFile;
use super::keyframe;
use super::records::Open;
use super::{TapeError, Taped, What};
use crate::market::{Event, StaleCause, Symbol, TickerState, Ts};
use crate::store::{INSTRUMENTS_MAX, Writer};
use crate::tape::Rotation;
use crate::tape::bounds::{
    BLOCK_BYTES, BLOCK_RECORDS_MAX, KEYFRAME_RECORDS_MAX, KEYFRAME_RECORDS_MIN, KEYFRAME_RECORDS_PER_INSTRUMENT,
    REASON_BYTES_MAX,
};
use crate::tape::rotation::{last_number, numbered};
use crate::tape::sink::{Create, on_disk};

/// Writes events to one file, or to numbered ones where there is a [`Rotation`].
///
/// Each file begins with what all instruments and venues were then, so it can be played without those before it. What was
/// flushed can be read whatever happens afterwards to the process.
pub struct TapeWriter {
    path: PathBuf,
    rotation: Rotation,
    /// The largest number that a file of this name had before.
    last_number: u64,
    create: Create,
    /// `None` between two files: the next one is made for its first record, so that none is empty.
    file: Option<TapeFile>,
    /// The records that are not in the file yet.
    open: Open,
    counts: Counts,
    /// Kept for its memory.
    payload: Vec<u8>,
    /// What the records make of everything, for the keyframes.
    shadow: Writer,
    /// Instruments that a gap made stale and that no event has spoken of since.
    stale: FxHashSet<Symbol>,
    /// Records since the last keyframe.
    since_keyframe: u64,
    /// The newest time of all records.
    newest: Option<Ts>,
    /// The same at the first record of the file under way.
    first: Option<Ts>,
    limits: Limits,
    written: TapeWritten,
}

/// When blocks are closed and keyframes are due; tests choose less.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) block_records: usize,
    pub(super) keyframe_records_min: u64,
    pub(super) keyframe_records_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            block_records: BLOCK_RECORDS_MAX,
            keyframe_records_min: KEYFRAME_RECORDS_MIN,
            keyframe_records_max: KEYFRAME_RECORDS_MAX,
        }
    }
}

/// What a writer has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapeWritten {
    /// Records, gaps and what follows from them included.
    pub records: u64,
    /// Of these, updates.
    pub updates: u64,
    /// Of these, gaps.
    pub gaps: u64,
    /// Files made.
    pub files: u64,
    /// Bytes of the files; of the one under way those that have gone to the system.
    pub file_bytes: u64,
}

impl TapeWriter {
    /// Makes the file, or the first one of a rotation, with its first keyframe. Blocks on the file system, as all of this
    /// does.
    ///
    /// # Errors
    /// [`TapeError::Exists`] where a file has the name already; the file cannot be made or written. With a rotation the
    /// numbers go on behind those that are there.
    pub fn create(path: &Path, rotation: Rotation) -> Result<TapeWriter, TapeError> {
        TapeWriter::on(path, rotation, on_disk())
    }

    /// On files of another make.
    pub(in crate::tape) fn on(path: &Path, rotation: Rotation, create: Create) -> Result<TapeWriter, TapeError> {
        TapeWriter::with(path, rotation, create, Limits::default())
    }

    pub(super) fn with(
        path: &Path,
        rotation: Rotation,
        create: Create,
        limits: Limits,
    ) -> Result<TapeWriter, TapeError> {
        let mut writer = TapeWriter {
            path: path.to_path_buf(),
            rotation,
            last_number: if rotation.is_on() { before(path)? } else { 0 },
            create,
            file: None,
            open: Open::default(),
            counts: Counts::default(),
            payload: Vec::new(),
            shadow: Writer::new(INSTRUMENTS_MAX),
            stale: FxHashSet::default(),
            since_keyframe: 0,
            newest: None,
            first: None,
            limits,
            written: TapeWritten::default(),
        };
        writer.file = Some(writer.next_file()?);
        Ok(writer)
    }

    /// What was written so far, records of the open block included.
    pub fn written(&self) -> TapeWritten {
        let under_way = self.file.as_ref().map_or(0, TapeFile::bytes);
        TapeWritten {
            file_bytes: self.written.file_bytes + under_way,
            ..self.written
        }
    }

    /// Adds a record of an event that was taken at `ts`; an update has its own time.
    ///
    /// # Errors
    /// The disk's; the file at fault is left as it is and gets nothing more.
    pub fn write(&mut self, ts: Ts, event: &Event) -> Result<(), TapeError> {
        match event {
            Event::Update(update) => {
                if !self.stale.is_empty() && self.stale.remove(update.symbol.as_str()) {
                    let live = state(&update.symbol, TickerState::Live, None);
                    self.put(update.ts_recv, &live)?;
                }
                self.put(update.ts_recv, event)
            }
            Event::Removed(symbol) | Event::State { symbol, .. } => {
                self.stale.remove(symbol.as_str());
                self.put(ts, event)
            }
            Event::Venue { venue, state, reason } if reason.len() > REASON_BYTES_MAX => {
                let mut end = REASON_BYTES_MAX;
                while !reason.is_char_boundary(end) {
                    end -= 1;
                }
                let (venue, state, reason) = (venue.clone(), *state, reason[..end].to_owned());
                self.put(ts, &Event::Venue { venue, state, reason })
            }
            Event::Listed { .. } | Event::Venue { .. } => self.put(ts, event),
        }
    }

    /// Adds a mark that so many events were lost just before, 0 where nobody knows how many, and what follows from it, so that a replay needs no rule of
    /// its own: every live instrument is stale by a gap, until its next update makes it live.
    ///
    /// # Errors
    /// The disk's, as with [`TapeWriter::write`].
    pub fn gap(&mut self, ts: Ts, events: u64) -> Result<(), TapeError> {
        self.mark(ts, events)?;
        let live: Vec<Symbol> = self.shadow.live().cloned().collect();
        for symbol in live {
            let stale = state(&symbol, TickerState::Stale, Some(StaleCause::Gap));
            self.put(ts, &stale)?;
            self.stale.insert(symbol);
        }
        Ok(())
    }

    /// Adds a record as it was read from a tape, where what follows from a gap stands behind it already.
    ///
    /// # Errors
    /// The disk's, as with [`TapeWriter::write`].
    pub fn copy(&mut self, taped: &Taped) -> Result<(), TapeError> {
        match &taped.what {
            // Nothing follows from a venue's state, and a long reason is cut.
            What::Event(event @ Event::Venue { .. }) => self.write(taped.ts, event),
            // Behind a gap of our own.
            What::Event(event) if !self.stale.is_empty() => self.write(taped.ts, event),
            What::Event(event) => self.put(taped.ts, event),
            What::Gap { events } => self.mark(taped.ts, *events),
        }
    }

    /// Hands everything written so far to the system: it can be read, even if the process is killed right after.
    ///
    /// # Errors
    /// The disk's, as with [`TapeWriter::write`].
    pub fn flush(&mut self) -> Result<(), TapeError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.counts.records > 0 {
            for symbol in self.open.symbols() {
                file.summary_mut().name(symbol.venue());
            }
            self.open.close(&mut self.payload);
            file.records(&self.payload, std::mem::take(&mut self.counts))?;
        }
        Ok(())
    }

    /// Ends the file and waits until the disk has it.
    ///
    /// # Errors
    /// The disk's; what was flushed before can be read.
    pub fn finish(mut self) -> Result<TapeWritten, TapeError> {
        self.end_file()?;
        Ok(self.written)
    }

    /// Adds a gap and nothing else.
    fn mark(&mut self, ts: Ts, events: u64) -> Result<(), TapeError> {
        self.rotate(ts)?;
        let counts = self.counts_at(ts)?;
        counts.gaps += 1;
        self.open.gap(ts, events);
        self.written.gaps += 1;
        self.wrote()
    }

    /// Adds a record and nothing else.
    fn put(&mut self, ts: Ts, event: &Event) -> Result<(), TapeError> {
        self.rotate(ts)?;
        let is_update = matches!(event, Event::Update(_));
        let counts = self.counts_at(ts)?;
        counts.updates += u32::from(is_update);
        self.open.event(ts, event);
        if let (Some(file), Event::Venue { venue, .. }) = (&mut self.file, event) {
            file.summary_mut().name(venue.as_str());
        }
        // Stamped as a replay stamps it: what steps back counts as the newest before it.
        self.shadow.apply(event, self.newest.unwrap_or(ts));
        self.written.updates += u64::from(is_update);
        self.wrote()
    }

    /// The open block's counts, with one more record of this time; makes the file where there is none.
    fn counts_at(&mut self, ts: Ts) -> Result<&mut Counts, TapeError> {
        match &self.file {
            Some(file) => file.check()?,
            None => self.file = Some(self.next_file()?),
        }
        let counts = &mut self.counts;
        if counts.records == 0 {
            (counts.first, counts.last) = (ts, ts);
        }
        counts.records += 1;
        counts.last = counts.last.max(ts);
        Ok(counts)
    }

    /// Behind each record: closes the block and adds a keyframe where it is time.
    fn wrote(&mut self) -> Result<(), TapeError> {
        self.written.records += 1;
        self.since_keyframe += 1;
        let most = self.shadow.len() as u64 * KEYFRAME_RECORDS_PER_INSTRUMENT;
        if self.since_keyframe >= most.clamp(self.limits.keyframe_records_min, self.limits.keyframe_records_max) {
            self.flush()?;
            self.keyframe()
        } else if self.counts.records as usize >= self.limits.block_records || self.open.other_bytes() >= BLOCK_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn keyframe(&mut self) -> Result<(), TapeError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        // What changed since is of no interest, and must not pile up.
        self.shadow.seal(Ts::default());
        let image = self.shadow.image();
        let named = file.summary().venues.clone();
        file.keyframe(keyframe::encode(&image, &named))?;
        self.since_keyframe = 0;
        Ok(())
    }

    /// Time is the newest of all records: where some are of a recording and others of now, each would else end a file.
    fn rotate(&mut self, ts: Ts) -> Result<(), TapeError> {
        let newest = self.newest.map_or(ts, |newest| newest.max(ts));
        self.newest = Some(newest);
        if let (Some(file), Some(first)) = (&self.file, self.first)
            && self.rotation.is_due(file.bytes(), first, newest)
        {
            self.end_file()?;
        }
        self.first.get_or_insert(newest);
        Ok(())
    }

    fn end_file(&mut self) -> Result<(), TapeError> {
        self.flush()?;
        if self.since_keyframe > 0 {
            self.keyframe()?;
        }
        self.first = None;
        if let Some(file) = self.file.take() {
            self.written.file_bytes += file.finish()?;
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<TapeFile, TapeError> {
        let path = if self.rotation.is_on() {
            numbered(&self.path, self.last_number + self.written.files + 1)
        } else {
            self.path.clone()
        };
        let mut file = TapeFile::create(path, &mut self.create)?;
        self.written.files += 1;
        let image = self.shadow.image();
        for instrument in &image.instruments {
            file.summary_mut().name(instrument.listing.symbol.venue());
        }
        for venue in &image.venues {
            file.summary_mut().name(venue.name.as_str());
        }
        let named = file.summary().venues.clone();
        file.keyframe(keyframe::encode(&image, &named))?;
        self.since_keyframe = 0;
        Ok(file)
    }
}

/// The largest number that the recording's files have already.
fn before(path: &Path) -> Result<u64, TapeError> {
    last_number(path).map_err(|source| TapeError::Create {
        file: path.to_path_buf(),
        source,
    })
}

fn state(symbol: &Symbol, state: TickerState, cause: Option<StaleCause>) -> Event {
    Event::State {
        symbol: symbol.clone(),
        state,
        cause,
    }
}
