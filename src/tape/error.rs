//! What can be wrong with a recording.

use std::io;
use std::path::PathBuf;

/// What is wrong with a recording. Each names the file, and the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file is missing or may not be read.
    #[error("cannot open `{}`: {source}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system failed while reading.
    #[error("cannot read `{}` at line {line}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The line that was being read, from 1.
        line: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The first line is not that of a capture.
    #[error("`{}` line 1 is not a capture's header: `#tickwire-capture 1 venue=NAME` is expected, `{got}` is there", file.display())]
    Header {
        /// The file.
        file: PathBuf,
        /// Beginning of what is there.
        got: String,
    },
    /// A capture, but of another version.
    #[error("`{}` line 1 says capture version `{got}`: version 1 is supported", file.display())]
    Version {
        /// The file.
        file: PathBuf,
        /// The version there.
        got: String,
    },
    /// Not `<ns> <frame>`.
    #[error("`{}` line {line} is not `<receive time in ns> <frame>`: `{got}`", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Beginning of what is there.
        got: String,
    },
    /// A line is not text.
    #[error("`{}` line {line} is not UTF-8", file.display())]
    NotUtf8 {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A line is longer than the reader holds.
    #[error("`{}` line {line} is longer than {limit} bytes", file.display())]
    LineTooLong {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Most bytes of a line.
        limit: usize,
    },
    /// The gzip stream ends before its end: a recorder was stopped hard, or a copy was cut short.
    #[error("`{}` line {line}: the gzip data is truncated", file.display())]
    Truncated {
        /// The file.
        file: PathBuf,
        /// The line that could not be read whole, from 1.
        line: u64,
    },
    /// The gzip stream contradicts itself.
    #[error("`{}` line {line}: the gzip data is corrupt: {source}", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// The line that could not be read, from 1.
        line: u64,
        /// What the decompressor says.
        source: io::Error,
    },
    /// Not a tape.
    #[error("`{}` is not a tape: its first bytes are not those of one", file.display())]
    NotATape {
        /// The file.
        file: PathBuf,
    },
    /// A tape, but of another version.
    #[error("`{}` is a tape of version {got}: version 1 is supported", file.display())]
    TapeVersion {
        /// The file.
        file: PathBuf,
        /// The version there.
        got: u32,
    },
    /// A block of a tape cannot be read.
    #[error("`{}` at byte {offset}: {fault}", file.display())]
    Block {
        /// The file.
        file: PathBuf,
        /// Where the block begins.
        offset: u64,
        /// What is wrong with it.
        fault: BlockFault,
    },
    /// The system failed while reading a tape.
    #[error("cannot read `{}` at byte {offset}: {source}", file.display())]
    ReadAt {
        /// The file.
        file: PathBuf,
        /// Where.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// A recording would overwrite a file.
    #[error("`{}` is there already: a recording overwrites nothing", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// A recording's file cannot be made.
    #[error("cannot create `{}`: {source}", file.display())]
    Create {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The system failed while writing; what was written before can be read.
    #[error("cannot write `{}`: {source}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The recorder's thread cannot be started.
    #[error("the thread of the recording cannot be started: {0}")]
    Thread(#[source] io::Error),
}

/// What is wrong with a block of a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// The file ends within it: a recorder was stopped hard, or a copy was cut short.
    #[error("the block is truncated")]
    Truncated,
    /// Something else is there.
    #[error("no block begins here")]
    NoBlock,
    /// The head is damaged.
    #[error("the checksum of the block's head does not match")]
    HeadChecksum,
    /// The payload is damaged.
    #[error("the checksum of the block's payload does not match")]
    PayloadChecksum,
    /// A kind or a packing of which this version knows nothing.
    #[error("the block is of an unknown kind")]
    Unknown,
    /// It claims to hold more than any block does.
    #[error("the block is larger than any may be")]
    TooLarge,
    /// Checksums match, but the content contradicts itself or the head.
    #[error("the block's content is not valid: {0}")]
    Content(&'static str),
    /// Blocks that stood before it are not there.
    #[error("blocks before this one are missing")]
    OutOfOrder,
}
