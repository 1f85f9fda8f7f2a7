//! One file of a capture, while it is written.

use std::io::{self, Write};
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::sink::{Create, Output};
use super::TapeError;
use crate::market::Ts;

/// Level 5: level 6 saved 0.5 % of the bytes for 1.3x the time, level 3 took 0.8x the time for 8 to 12 % more bytes (135,000
/// frames of Binance, a flush for each second of them). A frame takes 3 to 4 µs, so 20,000 a second are 7 % of a core.
const LEVEL: Compression = Compression::new(5);

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
        let output = Output::create(&path, create)?;
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
        self.gzip.get_ref().bytes()
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
            output.sync()?;
            Ok(output.bytes())
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
