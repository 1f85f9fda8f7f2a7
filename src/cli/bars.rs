//! Bars on stderr, and a log that does not write into them.

use std::io::{self, Write};
use std::sync::LazyLock;

use indicatif::MultiProgress;

/// All bars of the process; they are shown only where stderr is a terminal.
pub(super) fn bars() -> &'static MultiProgress {
    static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
    &BARS
}

/// Stderr with the bars taken away for the time of a write.
pub(super) struct BesideBars;

impl Write for BesideBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bars().suspend(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
