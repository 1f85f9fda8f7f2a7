//! One file of a capture, while it is written.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::TapeError;
use crate::market::Ts;

/// Level 5: level 6 saved 0.5 % of the bytes for 1.3x the time, level 3 took 0.8x the time for 8 to 12 % more bytes (135,000
/// frames of Binance, a flush for each second of them). A frame takes 3 to 4 µs, so 20,000 a second are 7 % of a core.
const LEVEL: Compression = Compression::new(5);

/// Where the bytes of a file go.
pub(super) trait Sink: Write + Send {
    /// Waits until the disk has them, so that a disk's late errors are told.
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Makes a file that was not there before.
pub(super) type Create = Box<dyn FnMut(&Path) -> io::Result<Box<dyn Sink>> + Send>;

/// Makes files on the disk.
pub(super) fn on_disk() -> Create {
    Box::new(|path| Ok(Box::new(File::create_new(path)?)))
}

/// One file under way: a gzip stream of whole lines.
pub(super) struct CaptureFile {
    path: PathBuf,
    gzip: GzEncoder<Output>,
    /// Time of its first record.
    first: Option<Ts>,
    is_flushed: bool,
}

impl CaptureFile {
    /// Makes the file and writes its first line, which can be read at once.
    pub(super) fn create(path: PathBuf, header: &str, create: &mut Create) -> Result<CaptureFile, TapeError> {
        let sink = match create(&path) {
            Ok(sink) => sink,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(TapeError::Exists { file: path }),
            Err(source) => return Err(TapeError::Create { file: path, source }),
        };
        let output = Output {
            sink,
            bytes: 0,
            has_failed: false,
        };
        let mut file = CaptureFile {
            path,
            gzip: GzEncoder::new(output, LEVEL),
            first: None,
            is_flushed: false,
        };
        file.gzip.write_all(header.as_bytes()).map_err(|e| file.fault(e))?;
        file.flush()?;
        Ok(file)
    }

    /// Bytes that the file has, without those that the compressor still holds.
    pub(super) fn bytes(&self) -> u64 {
        self.gzip.get_ref().bytes
    }

    /// Time of the first record, if there is one.
    pub(super) fn first(&self) -> Option<Ts> {
        self.first
    }

    /// Adds a record's line, with its end.
    pub(super) fn write(&mut self, ts: Ts, line: &[u8]) -> Result<(), TapeError> {
        self.first.get_or_insert(ts);
        self.is_flushed = false;
        self.gzip.write_all(line).map_err(|e| self.fault(e))
    }

    /// Hands everything written so far to the system.
    pub(super) fn flush(&mut self) -> Result<(), TapeError> {
        if !self.is_flushed {
            self.gzip.flush().map_err(|e| self.fault(e))?;
            self.is_flushed = true;
        }
        Ok(())
    }

    /// Ends the stream and waits for the disk; returns the file's bytes.
    pub(super) fn finish(self) -> Result<u64, TapeError> {
        let CaptureFile { path, gzip, .. } = self;
        let finished = gzip.finish().and_then(|mut output| {
            output.sink.sync()?;
            Ok(output.bytes)
        });
        finished.map_err(|source| TapeError::Write { file: path, source })
    }

    fn fault(&self, source: io::Error) -> TapeError {
        TapeError::Write {
            file: self.path.clone(),
            source,
        }
    }
}

/// Counts what is written, and writes nothing more after an error.
///
/// An encoder that is dropped ends its stream. After an error in the middle of a line, on a disk that has room again, that
/// would make a file of half a line that says it is whole.
struct Output {
    sink: Box<dyn Sink>,
    bytes: u64,
    has_failed: bool,
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.has_failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        // All at once: the encoder does not try again what a signal interrupted.
        let written = self.sink.write_all(bytes);
        self.has_failed = written.is_err();
        written?;
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}
