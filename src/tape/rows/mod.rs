//! A recording as rows, one a record: lines of NDJSON, CSV, Parquet. Whatever a tape holds can be written as rows, and
//! the rows of NDJSON and CSV can be read again as exactly what they were.
//!
//! `key` names what a row can say; `spell` takes a record apart into keys and cells; `row` puts cells together to a
//! record again, and is strict about it. Each form of writing is one file.

mod csv;
mod error;
mod key;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;
mod row;
mod said;
mod spell;
#[cfg(test)]
mod tests;

pub use csv::{CsvReader, CsvWriter};
pub use error::{RowError, RowsError};
pub use ndjson::{NdjsonReader, NdjsonWriter};
#[cfg(feature = "parquet")]
pub use parquet::ParquetWriter;
pub use said::{Said, Text};
