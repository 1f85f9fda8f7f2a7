//! What can go wrong in a running feed.

use crate::market::{DecimalError, SymbolError};
use crate::tape::TapeError;

/// The other end of the channel is gone: the service is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service no longer takes updates")]
pub struct FeedClosed;

/// Why a running feed broke off.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Nobody takes its updates any more.
    #[error(transparent)]
    Closed(#[from] FeedClosed),
    /// A recording is at fault; trying again would meet the same fault.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The connection to the venue failed or was never made.
    #[error("connection to the venue: {0}")]
    Connection(#[from] std::io::Error),
    /// A task of the feed itself came to an end that it must not have.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl FeedError {
    /// Whether a new attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        matches!(self, FeedError::Connection(_))
    }
}

/// Why a frame of a venue could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, or not of the shape that this kind of message has.
    #[error("not a {kind} message: {source}")]
    Shape {
        /// Which kind it says it is.
        kind: &'static str,
        /// Where it differs.
        source: serde_json::Error,
    },
    /// A number is not written like one.
    #[error("{kind} message: {source}")]
    Number {
        /// Which kind of message.
        kind: &'static str,
        /// What is wrong with it.
        source: DecimalError,
    },
    /// A time does not fit.
    #[error("{kind} message: {got} is not a time")]
    Time {
        /// Which kind of message.
        kind: &'static str,
        /// The number there.
        got: u64,
    },
    /// The venue's name of the instrument breaks the grammar of symbols.
    #[error("{kind} message: {source}")]
    Symbol {
        /// Which kind of message.
        kind: &'static str,
        /// What is wrong with it.
        source: SymbolError,
    },
    /// More distinct instruments than one connection may bring.
    #[error("{kind} message: one more instrument than the {limit} of one connection")]
    TooManySymbols {
        /// Which kind of message.
        kind: &'static str,
        /// The bound.
        limit: usize,
    },
}

impl ParseError {
    /// Kind of message and kind of fault, by which the first of each is logged.
    pub(super) fn label(&self) -> (&'static str, &'static str) {
        match self {
            ParseError::Shape { kind, .. } => (kind, "shape"),
            ParseError::Number { kind, .. } => (kind, "number"),
            ParseError::Time { kind, .. } => (kind, "time"),
            ParseError::Symbol { kind, .. } => (kind, "symbol"),
            ParseError::TooManySymbols { kind, .. } => (kind, "too many symbols"),
        }
    }
}
