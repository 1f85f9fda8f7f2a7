//! Writes raw captures: the other side of [`CaptureReader`](super::CaptureReader).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::rotation::{last_number, numbered};
use super::super::sink::{Create, on_disk};
use super::file::CaptureFile;
use super::reader::MAGIC;
use super::{LINE_BYTES_MAX, Rotation, TapeError};
use crate::market::{Ts, VenueName};

/// Writes received frames to one file, or to numbered ones where there is a [`Rotation`].
///
/// What was flushed can be read whatever happens afterwards to the process; each finished file is a whole capture.
pub struct CaptureWriter {
    path: PathBuf,
    header: String,
    rotation: Rotation,
    /// The largest number that a file of this name had before.
    last_number: u64,
    create: Create,
    /// `None` between two files: the next one is made for its first record, so that none is empty.
    file: Option<CaptureFile>,
    /// Kept for its memory.
    line: Vec<u8>,
    written: Written,
}

/// What a writer has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records.
    pub frames: u64,
    /// Bytes of their frames.
    pub frame_bytes: u64,
    /// Frames that cannot be a record.
    pub refused: u64,
    /// Files made.
    pub files: u64,
    /// Bytes of the files, compressed; of the one under way those that have left the compressor.
    pub file_bytes: u64,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is a record now.
    Recorded,
    /// It cannot be one; counted.
    Refused(Refusal),
}

/// Why a frame cannot be a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A capture is text.
    #[error("the frame is not UTF-8")]
    NotUtf8,
    /// A reader would take the line for a broken one.
    #[error("the frame is empty")]
    Empty,
    /// A reader would not hold it.
    #[error("the frame's line is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// The format has no sign.
    #[error("the frame's time is before 1970")]
    Before1970,
}

impl CaptureWriter {
    /// Makes the file, or the first one of a rotation, with its first line. Blocks on the file system, as all of this does.
    ///
    /// # Errors
    /// [`TapeError::Exists`] where a file has the name already; the file cannot be made or written. With a rotation the
    /// numbers go on behind those that are there.
    pub fn create(path: &Path, venue: &VenueName, rotation: Rotation) -> Result<CaptureWriter, TapeError> {
        CaptureWriter::with(path, venue, rotation, on_disk())
    }

    pub(super) fn with(path: &Path, venue: &VenueName, rotation: Rotation, create: Create) -> Result<Self, TapeError> {
        let last = |source| TapeError::Create {
            file: path.to_path_buf(),
            source,
        };
        let mut writer = CaptureWriter {
            path: path.to_path_buf(),
            last_number: if rotation.is_on() {
                last_number(path).map_err(last)?
            } else {
                0
            },
            header: format!("{MAGIC} 1 venue={venue}\n"),
            rotation,
            create,
            file: None,
            line: Vec::new(),
            written: Written::default(),
        };
        writer.file = Some(writer.next_file()?);
        Ok(writer)
    }

    /// What was written so far.
    pub fn written(&self) -> Written {
        let under_way = self.file.as_ref().map_or(0, CaptureFile::bytes);
        Written {
            file_bytes: self.written.file_bytes + under_way,
            ..self.written
        }
    }

    /// Adds a record. Line feeds in the frame, white space in JSON, become spaces.
    ///
    /// # Errors
    /// The disk's; the file at fault is left as it is and gets nothing more.
    pub fn write(&mut self, ts_recv: Ts, frame: &[u8]) -> Result<Taken, TapeError> {
        if let Err(refusal) = self.make_line(ts_recv, frame) {
            self.written.refused += 1;
            return Ok(Taken::Refused(refusal));
        }
        self.rotate(ts_recv)?;
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let next = self.next_file()?;
                self.file.insert(next)
            }
        };
        file.write(ts_recv, &self.line)?;
        self.written.frames += 1;
        self.written.frame_bytes += frame.len() as u64;
        Ok(Taken::Recorded)
    }

    /// Hands everything written so far to the system: it can be read, even if the process is killed right after.
    ///
    /// # Errors
    /// The disk's, as with [`CaptureWriter::write`].
    pub fn flush(&mut self) -> Result<(), TapeError> {
        self.file.as_mut().map_or(Ok(()), CaptureFile::flush)
    }

    /// Ends the file and waits until the disk has it.
    ///
    /// # Errors
    /// The disk's; what was flushed before can be read.
    pub fn finish(mut self) -> Result<Written, TapeError> {
        self.end_file()?;
        Ok(self.written)
    }

    fn make_line(&mut self, ts_recv: Ts, frame: &[u8]) -> Result<(), Refusal> {
        if frame.is_empty() {
            return Err(Refusal::Empty);
        }
        if ts_recv < Ts(0) {
            return Err(Refusal::Before1970);
        }
        self.line.clear();
        // A vector takes all.
        let _ = write!(self.line, "{} ", ts_recv.0);
        let start = self.line.len();
        if start + frame.len() > LINE_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        if std::str::from_utf8(frame).is_err() {
            return Err(Refusal::NotUtf8);
        }
        self.line.extend_from_slice(frame);
        for byte in &mut self.line[start..] {
            if *byte == b'\n' {
                *byte = b' ';
            }
        }
        self.line.push(b'\n');
        Ok(())
    }

    fn rotate(&mut self, ts: Ts) -> Result<(), TapeError> {
        let Some(file) = &self.file else { return Ok(()) };
        match file.first() {
            Some(first) if self.rotation.is_due(file.bytes(), first, ts) => self.end_file(),
            _ => Ok(()),
        }
    }

    fn end_file(&mut self) -> Result<(), TapeError> {
        if let Some(file) = self.file.take() {
            self.written.file_bytes += file.finish()?;
        }
        Ok(())
    }

    fn next_file(&mut self) -> Result<CaptureFile, TapeError> {
        let path = if self.rotation.is_on() {
            numbered(&self.path, self.last_number + self.written.files + 1)
        } else {
            self.path.clone()
        };
        let file = CaptureFile::create(path, &self.header, &mut self.create)?;
        self.written.files += 1;
        Ok(file)
    }
}
