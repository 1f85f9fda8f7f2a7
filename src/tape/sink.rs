//! Where the bytes of a recording go: a file on the disk, or in tests a disk that fails.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use super::TapeError;

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

/// Counts what is written, and writes nothing more after an error.
///
/// What comes after an error, on a disk that has room again, would make a file that lacks something in its middle: an
/// encoder that is dropped ends its stream, and a file of half a line would say that it is whole.
pub(super) struct Output {
    sink: Box<dyn Sink>,
    bytes: u64,
    has_failed: bool,
}

impl Output {
    /// Makes the file.
    pub(super) fn create(path: &Path, create: &mut Create) -> Result<Output, TapeError> {
        let file = path.to_path_buf();
        match create(path) {
            Ok(sink) => Ok(Output {
                sink,
                bytes: 0,
                has_failed: false,
            }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(TapeError::Exists { file }),
            Err(source) => Err(TapeError::Create { file, source }),
        }
    }

    /// Bytes written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether anything more can be written.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.has_failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        Ok(())
    }

    /// Waits until the disk has them.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.sink.sync()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
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
