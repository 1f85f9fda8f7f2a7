//! Records of any kind of file, batch by batch.

use std::path::Path;

use super::FileKind;
use crate::feed::{self, SpecError};
use crate::market::{Event, Ts};
use crate::tape::{CsvReader, Damage, NdjsonReader, OnDamage, RowsError, TapeError, TapeInfo, TapeReader, Taped, What};

/// Events of a capture that are handed over at once.
const BATCH_EVENTS: usize = 1_024;

/// A file of records being read.
pub(in crate::cli) enum Source {
    Capture {
        events: Box<dyn Iterator<Item = Result<(Ts, Event), TapeError>>>,
        is_salvage: bool,
        /// The fault that was passed over, which ends the file.
        damage: Option<TapeError>,
        records: u64,
    },
    Tape(Box<TapeReader>),
    Ndjson(NdjsonReader),
    Csv(CsvReader),
}

/// Why a file cannot be read, or not any further.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum SourceError {
    #[error(transparent)]
    Capture(#[from] SpecError),
    #[error(transparent)]
    Tape(#[from] TapeError),
    #[error(transparent)]
    Rows(#[from] RowsError),
}

impl SourceError {
    /// Whether the command has to be written otherwise; else the file or the machine is at fault.
    pub(in crate::cli) fn is_usage(&self) -> bool {
        matches!(self, SourceError::Capture(error) if error.is_usage())
    }
}

impl Source {
    /// Opens a file; `None` where files of the kind cannot be read. With `is_salvage` what is damaged of a recording is
    /// passed over.
    pub(in crate::cli) fn open(path: &Path, kind: FileKind, is_salvage: bool) -> Result<Option<Source>, SourceError> {
        Ok(Some(match kind {
            FileKind::Capture => Source::Capture {
                events: Box::new(feed::captured(path, None)?),
                is_salvage,
                damage: None,
                records: 0,
            },
            FileKind::Tape => {
                let on_damage = if is_salvage { OnDamage::Salvage } else { OnDamage::Stop };
                Source::Tape(Box::new(TapeReader::open(path, on_damage)?))
            }
            FileKind::Ndjson => Source::Ndjson(NdjsonReader::open(path)?),
            FileKind::Csv => Source::Csv(CsvReader::open(path)?),
            FileKind::Parquet => return Ok(None),
        }))
    }

    /// Adds the next records; `false` where none are left.
    ///
    /// # Errors
    /// The first fault; what came before is there.
    pub(in crate::cli) fn read(&mut self, out: &mut Vec<Taped>) -> Result<bool, SourceError> {
        match self {
            Source::Capture {
                events,
                is_salvage,
                damage,
                records,
            } => {
                let before = out.len();
                while out.len() < before + BATCH_EVENTS && damage.is_none() {
                    match events.next() {
                        Some(Ok((ts, event))) => out.push(taped(ts, event)),
                        Some(Err(fault)) if *is_salvage => *damage = Some(fault),
                        Some(Err(fault)) => return Err(fault.into()),
                        None => break,
                    }
                }
                *records += (out.len() - before) as u64;
                Ok(out.len() > before)
            }
            Source::Tape(tape) => Ok(tape.read(out)?),
            Source::Ndjson(lines) => Ok(lines.read(out)?),
            Source::Csv(rows) => Ok(rows.read(out)?),
        }
    }

    /// How much was read: bytes, or of captures records.
    pub(in crate::cli) fn done(&self) -> u64 {
        match self {
            Source::Capture { records, .. } => *records,
            Source::Tape(tape) => tape.offset(),
            Source::Ndjson(lines) => lines.offset(),
            Source::Csv(rows) => rows.offset(),
        }
    }

    /// Bytes of the whole; of a capture it is not known how many are done.
    pub(in crate::cli) fn bytes(&self) -> Option<u64> {
        match self {
            Source::Capture { .. } => None,
            Source::Tape(tape) => Some(tape.bytes()),
            Source::Ndjson(lines) => Some(lines.bytes()),
            Source::Csv(rows) => Some(rows.bytes()),
        }
    }

    /// What the index of a tape says.
    pub(in crate::cli) fn tape(&self) -> Option<&TapeInfo> {
        match self {
            Source::Tape(tape) => Some(tape.info()),
            _ => None,
        }
    }

    /// Instruments and venues that are there before the first record: of a tape that goes on from another one.
    pub(in crate::cli) fn begins_with(&self) -> usize {
        match self {
            Source::Tape(tape) => tape.image().instruments.len() + tape.image().venues.len(),
            _ => 0,
        }
    }

    /// What was passed over so far, in words.
    pub(in crate::cli) fn damages(&self) -> Vec<String> {
        match self {
            Source::Capture { damage, .. } => damage.iter().map(ToString::to_string).collect(),
            Source::Tape(tape) => {
                let damage =
                    |damage: &Damage| format!("{} bytes at byte {}: {}", damage.bytes, damage.offset, damage.what);
                tape.damages().iter().map(damage).collect()
            }
            Source::Ndjson(_) | Source::Csv(_) => Vec::new(),
        }
    }
}

/// An update's time is its own.
fn taped(ts: Ts, event: Event) -> Taped {
    let ts = match &event {
        Event::Update(update) => update.ts_recv,
        _ => ts,
    };
    let what = What::Event(event);
    Taped { ts, what }
}
