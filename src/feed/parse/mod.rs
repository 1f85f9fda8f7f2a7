//! What every venue's parser is made of: the trait, exact values, the venue's own numbering, counts.
//!
//! Pure: no clock, no socket. A live connection and a replay use the same parser.

mod book;
mod continuity;
mod error;
mod instruments;
mod scan;
mod tally;
mod values;

pub use book::{BOOK_DEPTH_MAX, Quote, QuoteBook};
pub use continuity::{Contiguous, Continuity, Growing};
pub use error::ParseError;
pub use instruments::{Instrument, Instruments, SYMBOLS_MAX};
pub use scan::Scan;
pub use tally::{Counts, Tally};
pub use values::{decimal, level, millis_or_micros, rfc3339, shape, whole};

use super::Batch;
use crate::market::Ts;

/// A venue's parser of frames, as a connection or a replay uses it. One lives as long as the connection does.
///
/// On an instrument's state it says three things in [`Event::State`](crate::market::Event::State): STALE with GAP or
/// CHECKSUM where the venue's own numbering or checksum shows a break; LIVE with the first data of each connection, and
/// again after a break, that make the quote whole; HALTED where the venue says so. What silence and lost connections
/// mean is not its business.
pub trait FrameParser: Send {
    /// Makes events of a frame, added to `out`, and says what the frame was.
    ///
    /// # Errors
    /// Says what is malformed. It is already counted and logged and never ends a feed; nothing of the message at
    /// fault is in `out`.
    fn frame(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError>;

    /// What was counted so far.
    fn counts(&self) -> Counts;
}

/// What a frame was, beyond the events made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Market data, of use or passed over.
    Data,
    /// A sign of life without data, or a message of no meaning here.
    Idle,
    /// Answers to requests.
    Answers(Vec<Answer>),
    /// Data of these instruments, by the venue's own names, were lost: they are to be asked for anew.
    Lost(Vec<Box<str>>),
    /// The venue will end this connection soon.
    Ending,
}

/// A venue's answer to one request, or to one part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it answers: one of the keys that the request waits for.
    pub key: String,
    /// In the venue's words, where it refused.
    pub refused: Option<String>,
}
