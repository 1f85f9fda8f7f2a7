//! Why a frame of a venue could not be used.

use crate::market::{DecimalError, SymbolError};

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
    /// A time is not written like one, or does not fit.
    #[error("{kind} message: `{got}` is not a time")]
    Time {
        /// Which kind of message.
        kind: &'static str,
        /// What is there.
        got: String,
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
