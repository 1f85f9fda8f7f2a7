//! Rows as CSV: one header, one column for each key, cells that have nothing to say empty.

use std::cell::Cell as Counter;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::{ROW_BYTES_MAX, RowError, RowsError, excerpt};
use super::key::{KEYS, Key};
use super::ndjson::{BATCH_RECORDS, BUFFER_BYTES, Fault, open};
use super::row::{Named, Row};
use super::said::Said;
use super::spell::{Cell, kind, spell};
use crate::tape::Taped;

/// Reads CSV as records.
pub struct CsvReader {
    file: PathBuf,
    bytes: u64,
    rows: Rows<File>,
}

impl CsvReader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// It is missing or may not be read, or its header is wrong.
    pub fn open(path: &Path) -> Result<CsvReader, RowsError> {
        let (file, bytes) = open(path)?;
        let rows = Rows::new(file).map_err(|fault| fault.at(path, 1))?;
        let file = path.to_owned();
        Ok(CsvReader { file, bytes, rows })
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.rows.input.position().byte()
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds the next records; `false` where none are left.
    ///
    /// # Errors
    /// The first row that is wrong, or a failing disk; what came before is there.
    pub fn read(&mut self, out: &mut Vec<Taped>) -> Result<bool, RowsError> {
        let before = out.len();
        while out.len() < before + BATCH_RECORDS {
            match self.rows.next(out) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => return Err(fault.at(&self.file, self.rows.line)),
            }
        }
        Ok(out.len() > before)
    }
}

/// Rows of bounded length, and what they say.
pub(super) struct Rows<R: Read> {
    input: csv::Reader<Within<R>>,
    /// Bytes that the reader may still take for the row under way.
    left: Rc<Counter<usize>>,
    columns: Vec<Key>,
    record: csv::StringRecord,
    /// On which the row read last begins, from 1.
    pub(super) line: u64,
    named: Named,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(input: R) -> Result<Rows<R>, Fault> {
        let left = Rc::default();
        let within = Within {
            input,
            left: Rc::clone(&left),
        };
        let mut builder = csv::ReaderBuilder::new();
        // Rows of another length are refused here, in our own words.
        builder.has_headers(false).flexible(true).buffer_capacity(BUFFER_BYTES);
        let mut rows = Rows {
            input: builder.from_reader(within),
            left,
            columns: Vec::new(),
            record: csv::StringRecord::new(),
            line: 1,
            named: Named::default(),
        };
        if !rows.advance()? {
            return Err(RowError::NoHeader.into());
        }
        for name in &rows.record {
            let key = Key::from_name(name).ok_or_else(|| RowError::Unknown { name: excerpt(name) })?;
            if rows.columns.contains(&key) {
                return Err(RowError::Repeated(key.name()).into());
            }
            rows.columns.push(key);
        }
        Ok(rows)
    }

    /// Adds what the next row says; `false` at the end.
    pub(super) fn next(&mut self, out: &mut Vec<Taped>) -> Result<bool, Fault> {
        if !self.advance()? {
            return Ok(false);
        }
        let (got, want) = (self.record.len(), self.columns.len());
        if got != want {
            return Err(RowError::Cells { got, want }.into());
        }
        let mut row = Row::default();
        for (key, cell) in self.columns.iter().zip(&self.record) {
            if !cell.is_empty() {
                row.put(*key, Said::Text(cell.into()), cell)?;
            }
        }
        row.finish(&mut self.named, out)?;
        Ok(true)
    }

    fn advance(&mut self) -> Result<bool, Fault> {
        self.left.set(ROW_BYTES_MAX + BUFFER_BYTES);
        self.line = self.input.position().line();
        let read = self.input.read_record(&mut self.record);
        // Blank lines are passed over.
        self.line = self.record.position().map_or(self.line, csv::Position::line);
        read.map_err(fault)
    }
}

fn fault(error: csv::Error) -> Fault {
    if matches!(error.kind(), csv::ErrorKind::Utf8 { .. }) {
        return RowError::Utf8.into();
    }
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.get_ref().is_some_and(|inner| inner.is::<TooLong>()) => {
            RowError::TooLong.into()
        }
        csv::ErrorKind::Io(error) => Fault::Read(error),
        other => RowError::Csv(format!("{other:?}")).into(),
    }
}

/// Ends the reading where one row goes on and on: a quote that is never closed would be the whole file.
struct Within<R> {
    input: R,
    left: Rc<Counter<usize>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the row is too long")]
struct TooLong;

impl<R: Read> Read for Within<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(count);
        self.left.set(left.ok_or_else(|| io::Error::other(TooLong))?);
        Ok(count)
    }
}

/// Writes records as CSV.
pub struct CsvWriter<W: Write> {
    out: csv::Writer<W>,
    cells: Cells,
}

impl<W: Write> CsvWriter<W> {
    /// Begins a file with its header.
    ///
    /// # Errors
    /// The system's.
    pub fn new(out: W) -> io::Result<CsvWriter<W>> {
        let mut builder = csv::WriterBuilder::new();
        let mut out = builder.buffer_capacity(BUFFER_BYTES).from_writer(out);
        out.write_record(Key::ALL.map(Key::name))?;
        let cells = Cells::default();
        Ok(CsvWriter { out, cells })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&mut self, taped: &Taped) -> io::Result<()> {
        self.cells.fill(taped);
        Ok(self.out.write_record(&self.cells.0)?)
    }

    /// Hands everything to the output and gives it back.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> io::Result<W> {
        self.out.into_inner().map_err(|error| error.into_error())
    }
}

/// One row's cells, in the order of the columns.
#[derive(Debug, Default)]
pub(super) struct Cells(pub(super) [String; KEYS]);

// Writing to a String does not fail, so its results are dropped below.

impl Cells {
    pub(super) fn fill(&mut self, taped: &Taped) {
        self.0.iter_mut().for_each(String::clear);
        self.0[Key::Event.index()].push_str(kind(taped).word());
        spell(taped, |key, cell| {
            let list = match (key, cell) {
                (_, Cell::Cleared) => Key::Cleared,
                (_, Cell::Misfit) => Key::Misfit,
                _ => {
                    let _ = write!(self.0[key.index()], "{cell}");
                    return;
                }
            };
            let names = &mut self.0[list.index()];
            if !names.is_empty() {
                names.push(' ');
            }
            names.push_str(key.name());
        });
    }
}
