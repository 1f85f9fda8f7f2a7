//! What can be wrong with a file of rows.

use std::io;
use std::path::PathBuf;

use super::key::{Key, KeySet, Kind};
use crate::market::{DECIMALS_MAX, SymbolError};

/// Longest row, 1 MiB: one with every key and the longest reason of a tape has some 100 KB.
pub(super) const ROW_BYTES_MAX: usize = 1 << 20;

/// Most characters of what serde says, which quotes a string in full: no more than this are needed without one.
const WORDS_MAX: usize = 160;

/// What is wrong with a file of rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// It is missing or may not be read.
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
    /// A row is wrong.
    #[error("`{}` line {line}: {source}", file.display())]
    Row {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        source: RowError,
    },
}

/// Why a row is not a record. Whatever it repeats of the row is short and free of control characters.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// Longer than a reader holds.
    #[error("longer than the {ROW_BYTES_MAX} bytes that a row may have")]
    TooLong,
    /// Not text.
    #[error("not UTF-8")]
    Utf8,
    /// Not JSON, or no object.
    #[error("not a JSON object: {}", shortened(.0))]
    Json(#[from] serde_json::Error),
    /// Not CSV.
    #[error("not CSV: {0}")]
    Csv(String),
    /// There is no first line.
    #[error(
        "there is no header: the first line names the columns, among them `symbol`; there are {}",
        named(KeySet::ALL)
    )]
    NoHeader,
    /// More or fewer cells than the header has.
    #[error("{got} cells, where the header has {want}")]
    Cells {
        /// In this row.
        got: usize,
        /// In the header.
        want: usize,
    },
    /// A key or column that no row has.
    #[error("there is no `{name}`: allowed are {}", named(KeySet::ALL))]
    Unknown {
        /// As it stands there.
        name: String,
    },
    /// The same key or column twice, or a field with two values.
    #[error("`{0}` stands there more than once")]
    Repeated(&'static str),
    /// A value that is not written like a number.
    #[error("`{key}`: `{got}` is no number: digits with an optional sign, point and exponent are allowed")]
    Number {
        /// Which key.
        key: &'static str,
        /// As it stands there.
        got: String,
    },
    /// No time.
    #[error("`{key}`: `{got}` is no time: nanoseconds since 1970 are allowed")]
    Time {
        /// Which key.
        key: &'static str,
        /// As it stands there.
        got: String,
    },
    /// None of some words.
    #[error("`{key}`: `{got}` is not allowed: {allowed} is")]
    Word {
        /// Which key.
        key: &'static str,
        /// As it stands there.
        got: String,
        /// The words that are.
        allowed: String,
    },
    /// No list of fields.
    #[error(
        "`{key}`: `{got}` is no field: names of fields with spaces between them are allowed, such as `bid_price bid_size`"
    )]
    Names {
        /// Which key.
        key: &'static str,
        /// As it stands there.
        got: String,
    },
    /// No precision.
    #[error("`{key}`: `{got}` is not allowed: a whole number from 0 to {DECIMALS_MAX} is")]
    Decimals {
        /// Which key.
        key: &'static str,
        /// As it stands there.
        got: String,
    },
    /// No count.
    #[error("`{key}`: `{got}` is not allowed: a whole number is")]
    Count {
        /// Which key.
        key: &'static str,
        /// As it stands there.
        got: String,
    },
    /// No text.
    #[error("`{key}`: `{got}` is no text")]
    Text {
        /// Which key.
        key: &'static str,
        /// As it stands there.
        got: String,
    },
    /// A key that such an event needs is missing.
    #[error("`{key}` is missing: an event `{event}` needs it")]
    Missing {
        /// What kind of event.
        event: &'static str,
        /// Which key.
        key: &'static str,
    },
    /// A key that such an event does not have.
    #[error("`{key}` has no meaning for an event `{event}`: allowed are {allowed}")]
    Foreign {
        /// What kind of event.
        event: &'static str,
        /// Which key.
        key: &'static str,
        /// Those that it has.
        allowed: String,
    },
    /// Nothing says when it was.
    #[error("neither `ts_recv` nor `ts_event` is there: a record needs its time, in nanoseconds since 1970")]
    NoTime,
    /// It says nothing.
    #[error("it says nothing of its symbol: a value or a state is needed")]
    Empty,
    /// Not `venue:NAME`, or no venue.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
}

impl RowError {
    pub(super) fn word(key: Key, got: &str, allowed: &[&str]) -> RowError {
        let quoted: Vec<String> = allowed.iter().map(|word| format!("`{word}`")).collect();
        RowError::Word {
            key: key.name(),
            got: excerpt(got),
            allowed: match quoted.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                _ => quoted.concat(),
            },
        }
    }

    pub(super) fn foreign(kind: Kind, key: Key) -> RowError {
        RowError::Foreign {
            event: kind.word(),
            key: key.name(),
            allowed: named(kind.keys()),
        }
    }

    pub(super) fn missing(kind: Kind, key: Key) -> RowError {
        RowError::Missing {
            event: kind.word(),
            key: key.name(),
        }
    }
}

fn named(keys: KeySet) -> String {
    keys.iter()
        .map(|key| format!("`{}`", key.name()))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Enough of a text to recognise it by, free of control characters.
pub(super) fn excerpt(text: &str) -> String {
    let head = text.chars().take(60);
    head.map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn shortened(error: &serde_json::Error) -> String {
    let words = error.to_string();
    match words.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}..", &words[..end]),
        None => words,
    }
}
