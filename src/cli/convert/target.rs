//! The file that a conversion writes: under its own name only once it is whole.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::super::recording::FileKind;
use crate::market::Ts;
#[cfg(feature = "parquet")]
use crate::tape::ParquetWriter;
use crate::tape::{CsvWriter, NdjsonWriter, Rotation, TapeError, TapeWriter, Taped, What};

/// A file under way. Dropped before it is finished, it is removed.
pub(super) struct Target {
    path: PathBuf,
    part: PathBuf,
    out: Option<Out>,
}

enum Out {
    Tape(Box<TapeWriter>),
    Ndjson(NdjsonWriter<File>),
    Csv(Box<CsvWriter<File>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetWriter<File>>),
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum TargetError {
    #[error("`{}` would be written: a capture is what a venue sent, `tickwire record` makes it", file.display())]
    Capture { file: PathBuf },
    #[error("`{}`: Parquet is not built in: `cargo build --release --features parquet` builds a tickwire that has it", file.display())]
    #[cfg_attr(feature = "parquet", allow(dead_code))]
    NoParquet { file: PathBuf },
    #[error("`{}` is there already: nothing is overwritten", file.display())]
    Exists { file: PathBuf },
    #[error("`{}` is there already: another conversion is under way, or one was killed; without the file it can begin", file.display())]
    Part { file: PathBuf },
    #[error("cannot create `{}`: {source}", file.display())]
    Create { file: PathBuf, source: io::Error },
    #[error("cannot write `{}`: {source}", file.display())]
    Write { file: PathBuf, source: io::Error },
    #[error(transparent)]
    Tape(#[from] TapeError),
}

impl TargetError {
    /// Whether the user has to write something else.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, TargetError::Capture { .. } | TargetError::NoParquet { .. })
    }
}

impl Target {
    /// Whether such a file could be made, before another one is opened.
    pub(super) fn check(path: &Path, kind: FileKind) -> Result<(), TargetError> {
        let file = path.to_owned();
        match kind {
            FileKind::Capture => Err(TargetError::Capture { file }),
            FileKind::Parquet if !cfg!(feature = "parquet") => Err(TargetError::NoParquet { file }),
            // A link to nowhere is there, too.
            _ if path.symlink_metadata().is_ok() => Err(TargetError::Exists { file }),
            _ => Ok(()),
        }
    }

    /// Begins the file.
    pub(super) fn create(path: &Path, kind: FileKind) -> Result<Target, TargetError> {
        Target::check(path, kind)?;
        let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
        name.push(".part");
        let part = path.with_file_name(name);
        let exists = |part: &Path| TargetError::Part { file: part.to_owned() };
        if kind == FileKind::Tape {
            let writer = match TapeWriter::create(&part, Rotation::default()) {
                Err(TapeError::Exists { .. }) => return Err(exists(&part)),
                made => made?,
            };
            return Ok(Target::of(path, part, Out::Tape(Box::new(writer))));
        }
        let file = match File::create_new(&part) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(exists(&part)),
            made => made.map_err(|source| TargetError::Create {
                file: part.clone(),
                source,
            })?,
        };
        let mut target = Target {
            path: path.to_owned(),
            part,
            out: None,
        };
        target.out = Some(Out::begin(file, kind).map_err(|source| target.fault(source))?);
        Ok(target)
    }

    fn of(path: &Path, part: PathBuf, out: Out) -> Target {
        Target {
            path: path.to_owned(),
            part,
            out: Some(out),
        }
    }

    /// Adds a record.
    pub(super) fn write(&mut self, taped: &Taped) -> Result<(), TargetError> {
        let written = match self.out.as_mut() {
            Some(Out::Tape(tape)) => return Ok(tape.copy(taped)?),
            Some(Out::Ndjson(lines)) => lines.write(taped),
            Some(Out::Csv(rows)) => rows.write(taped),
            #[cfg(feature = "parquet")]
            Some(Out::Parquet(rows)) => rows.write(taped),
            None => Ok(()),
        };
        written.map_err(|source| self.fault(source))
    }

    /// Adds a mark that nobody knows how many records are missing here.
    pub(super) fn lost(&mut self, ts: Ts) -> Result<(), TargetError> {
        match self.out.as_mut() {
            Some(Out::Tape(tape)) => Ok(tape.gap(ts, 0)?),
            _ => self.write(&Taped {
                ts,
                what: What::Gap { events: 0 },
            }),
        }
    }

    /// Waits until the disk has it and gives it its name; returns its bytes.
    pub(super) fn finish(mut self) -> Result<u64, TargetError> {
        let finished = match self.out.take() {
            Some(Out::Tape(tape)) => {
                tape.finish()?;
                Ok(None)
            }
            Some(Out::Ndjson(lines)) => lines.finish().map(Some),
            Some(Out::Csv(rows)) => rows.finish().map(Some),
            #[cfg(feature = "parquet")]
            Some(Out::Parquet(rows)) => rows.finish().map(Some),
            None => Ok(None),
        };
        let bytes = finished.and_then(|file| {
            if let Some(file) = file {
                file.sync_all()?;
            }
            Ok(self.part.metadata()?.len())
        });
        let bytes = bytes.map_err(|source| self.fault(source))?;
        self.give_name()?;
        Ok(bytes)
    }

    /// A link fails where the name is taken, which renaming does not.
    fn give_name(&self) -> Result<(), TargetError> {
        let exists = || TargetError::Exists {
            file: self.path.clone(),
        };
        match fs::hard_link(&self.part, &self.path) {
            // The name of before goes when this is dropped.
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists()),
            // Not every file system has links.
            Err(_) if self.path.symlink_metadata().is_ok() => Err(exists()),
            Err(_) => fs::rename(&self.part, &self.path).map_err(|source| TargetError::Create {
                file: self.path.clone(),
                source,
            }),
        }
    }

    fn fault(&self, source: io::Error) -> TargetError {
        let file = self.part.clone();
        TargetError::Write { file, source }
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // An encoder that is dropped may still write what it holds.
        self.out = None;
        let _ = fs::remove_file(&self.part);
    }
}

impl Out {
    fn begin(file: File, kind: FileKind) -> io::Result<Out> {
        Ok(match kind {
            FileKind::Csv => Out::Csv(Box::new(CsvWriter::new(file)?)),
            #[cfg(feature = "parquet")]
            FileKind::Parquet => Out::Parquet(Box::new(ParquetWriter::new(file)?)),
            _ => Out::Ndjson(NdjsonWriter::new(file)),
        })
    }
}
