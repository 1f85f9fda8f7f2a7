//! Why a line could not be used.

use super::super::spec::listed;
use super::keys::{STATE, SYMBOL, TS_EVENT};
use super::{INSTRUMENTS_MAX, VENUES_MAX};
use crate::control::LINE_BYTES_MAX;
use crate::market::{Field, SymbolError, VenueName};

/// Most characters of what serde says, which quotes a string in full: no more than this are needed without one.
const JSON_WORDS_MAX: usize = 160;

/// Why a line could not be used. Whatever it repeats of the line is short and free of control characters.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("longer than the {LINE_BYTES_MAX} bytes that a line may have")]
    TooLong,
    /// Not text.
    #[error("not UTF-8 from byte {0} on")]
    Utf8(usize),
    /// Not JSON, or no object.
    #[error("not a JSON object: {}", shortened(.0))]
    Json(#[from] serde_json::Error),
    /// A key that no line has.
    #[error("there is no key `{key}`: allowed are {}", allowed_keys())]
    UnknownKey {
        /// As it stands there.
        key: String,
    },
    /// The same key twice.
    #[error("key `{0}` stands there more than once")]
    RepeatedKey(&'static str),
    /// A value that is not written like a number.
    #[error("`{key}`: `{got}` is no number: digits with an optional sign, point and exponent are allowed, and null")]
    Number {
        /// Which field.
        key: &'static str,
        /// As it stands there.
        got: String,
    },
    /// No side.
    #[error("`last_side`: `{0}` is no side: \"buy\", \"sell\", 1, 2 and null are allowed")]
    Side(String),
    /// No time.
    #[error("`ts_event`: `{0}` is no time: nanoseconds since 1970 are allowed, and null")]
    Time(String),
    /// No state that can be said.
    #[error("`state`: `{0}` is no state: \"live\", \"halted\" and null are allowed")]
    State(String),
    /// It speaks of no instrument.
    #[error("key `symbol` is missing: `\"symbol\": \"venue:NAME\"` is needed")]
    NoSymbol,
    /// It says nothing.
    #[error("it says nothing of its symbol: a value or a state is needed")]
    Empty,
    /// Not `venue:NAME`.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// One of the server's own symbols.
    #[error("venue `{0}` is the server's own: venues that begin with `$` are")]
    ServerOwn(String),
    /// Another feed writes this venue's instruments.
    #[error("venue `{0}` has another feed")]
    VenueTaken(VenueName),
    /// One venue too many.
    #[error("one more venue than the {VENUES_MAX} that a feed may have")]
    TooManyVenues,
    /// One instrument too many.
    #[error("one more instrument than the {INSTRUMENTS_MAX} that a feed may have")]
    TooManyInstruments,
}

impl LineError {
    /// The kind of fault, by which the first of each is logged.
    pub(super) fn label(&self) -> &'static str {
        match self {
            LineError::TooLong => "too long",
            LineError::Utf8(_) => "utf-8",
            LineError::Json(_) => "json",
            LineError::UnknownKey { .. } => "unknown key",
            LineError::RepeatedKey(_) => "repeated key",
            LineError::Number { .. } => "number",
            LineError::Side(_) => "side",
            LineError::Time(_) => "time",
            LineError::State(_) => "state",
            LineError::NoSymbol => "no symbol",
            LineError::Empty => "empty",
            LineError::Symbol(_) => "symbol",
            LineError::ServerOwn(_) => "server's own",
            LineError::VenueTaken(_) => "venue taken",
            LineError::TooManyVenues => "too many venues",
            LineError::TooManyInstruments => "too many instruments",
        }
    }
}

fn allowed_keys() -> String {
    let fields = Field::ALL.into_iter().map(Field::name);
    listed([SYMBOL].into_iter().chain(fields).chain([TS_EVENT, STATE]))
}

/// Enough of a text to recognise it by, free of control characters.
pub(super) fn excerpt(text: &str) -> String {
    let head = text.chars().take(60);
    head.map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn shortened(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.char_indices().nth(JSON_WORDS_MAX) {
        Some((end, _)) => format!("{}..", &words[..end]),
        None => words,
    }
}
