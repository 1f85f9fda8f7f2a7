//! Rows as lines of JSON: the lines that `feed::ndjson` takes, with a time of receipt and the other events beside them.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::{ROW_BYTES_MAX, RowError, RowsError, excerpt};
use super::key::Key;
use super::row::{Named, Row, is_trade};
use super::said::{Said, Text};
use super::spell::{Cell, kind, spell};
use crate::market::{Event, Field};
use crate::tape::{Taped, What};

/// 256 KiB a system call.
pub(super) const BUFFER_BYTES: usize = 256 << 10;

/// Records handed over at once: some 350 KB.
pub(super) const BATCH_RECORDS: usize = 1_024;

/// Reads lines of JSON as records.
pub struct NdjsonReader {
    file: PathBuf,
    bytes: u64,
    lines: Lines<BufReader<File>>,
}

impl NdjsonReader {
    /// Opens a file.
    ///
    /// # Errors
    /// It is missing or may not be read.
    pub fn open(path: &Path) -> Result<NdjsonReader, RowsError> {
        let (file, bytes) = open(path)?;
        Ok(NdjsonReader {
            file: path.to_owned(),
            bytes,
            lines: Lines::new(BufReader::with_capacity(BUFFER_BYTES, file)),
        })
    }

    /// Bytes read so far.
    pub fn offset(&self) -> u64 {
        self.lines.offset
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds the next records; `false` where none are left.
    ///
    /// # Errors
    /// The first line that is wrong, or a failing disk; what came before is there.
    pub fn read(&mut self, out: &mut Vec<Taped>) -> Result<bool, RowsError> {
        let before = out.len();
        while out.len() < before + BATCH_RECORDS {
            match self.lines.next(out) {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => return Err(fault.at(&self.file, self.lines.number)),
            }
        }
        Ok(out.len() > before)
    }
}

/// Opens a file; with its bytes.
pub(super) fn open(path: &Path) -> Result<(File, u64), RowsError> {
    let open = |source| RowsError::Open {
        file: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(open)?;
    let about = file.metadata().map_err(open)?;
    // A directory opens but cannot be read.
    if about.is_dir() {
        return Err(open(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory")));
    }
    Ok((file, about.len()))
}

/// What stopped a reader, before it is known where.
#[derive(Debug)]
pub(super) enum Fault {
    Read(io::Error),
    Row(RowError),
}

impl From<RowError> for Fault {
    fn from(error: RowError) -> Fault {
        Fault::Row(error)
    }
}

impl Fault {
    pub(super) fn at(self, file: &Path, line: u64) -> RowsError {
        let file = file.to_owned();
        match self {
            Fault::Read(source) => RowsError::Read { file, line, source },
            Fault::Row(source) => RowsError::Row { file, line, source },
        }
    }
}

/// Lines of bounded length, and what they say.
pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
    /// Of the line read last, from 1.
    pub(super) number: u64,
    offset: u64,
    named: Named,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Lines<R> {
        Lines {
            input,
            line: Vec::new(),
            number: 0,
            offset: 0,
            named: Named::default(),
        }
    }

    /// Adds what the next line says, which is nothing where it is blank; `false` at the end.
    pub(super) fn next(&mut self, out: &mut Vec<Taped>) -> Result<bool, Fault> {
        self.line.clear();
        self.number += 1;
        let mut within = (&mut self.input).take(ROW_BYTES_MAX as u64 + 1);
        let count = within.read_until(b'\n', &mut self.line).map_err(Fault::Read)?;
        self.offset += count as u64;
        if self.line.len() > ROW_BYTES_MAX && !self.line.ends_with(b"\n") {
            return Err(RowError::TooLong.into());
        }
        if !self.line.trim_ascii().is_empty() {
            parse(&self.line)?.finish(&mut self.named, out)?;
        }
        Ok(count > 0)
    }
}

fn parse(line: &[u8]) -> Result<Row<'_>, RowError> {
    let text = std::str::from_utf8(line).map_err(|_| RowError::Utf8)?;
    let mut json = serde_json::Deserializer::from_str(text);
    let row = json.deserialize_map(Keys)?;
    json.end()?;
    row
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    /// The first fault; what follows it is read as JSON only.
    type Value = Result<Row<'de>, RowError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of a row's keys")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut row = Ok(Row::default());
        while let Some(Text(name)) = map.next_key()? {
            let Ok(under_way) = &mut row else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value: &RawValue = map.next_value()?;
            let put = match Key::from_name(&name) {
                Some(key) => under_way.put(key, Said::of(value), value.get()),
                None => Err(RowError::Unknown { name: excerpt(&name) }),
            };
            if let Err(fault) = put {
                row = Err(fault);
            }
        }
        Ok(row)
    }
}

/// Writes records as lines of JSON.
pub struct NdjsonWriter<W: Write> {
    out: BufWriter<W>,
    line: String,
}

impl<W: Write> NdjsonWriter<W> {
    /// Begins a file.
    pub fn new(out: W) -> NdjsonWriter<W> {
        NdjsonWriter {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            line: String::new(),
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&mut self, taped: &Taped) -> io::Result<()> {
        self.line.clear();
        line(taped, &mut self.line);
        self.out.write_all(self.line.as_bytes())
    }

    /// Hands everything to the output and gives it back.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(self) -> io::Result<W> {
        self.out.into_inner().map_err(|error| error.into_error())
    }
}

// Writing to a String does not fail, so its results are dropped below.

/// A record's line with its end.
///
/// What an update does not need to be read again as what it is, is left out.
fn line(taped: &Taped, line: &mut String) {
    let mut misfits = String::new();
    line.push('{');
    spell(taped, |key, cell| {
        match (key, cell) {
            (_, Cell::Misfit) => {
                misfits.push_str(if misfits.is_empty() { "" } else { " " });
                misfits.push_str(key.name());
            }
            (Key::Trade, Cell::Flag(false)) if !is_trade_implied(taped) => {}
            _ => pair(line, key, cell),
        }
        // What it is stands near the beginning, for whoever reads the file.
        if key == Key::TsRecv && has_to_say_kind(taped) {
            pair(line, Key::Event, Cell::Word(kind(taped).word()));
        }
    });
    if !misfits.is_empty() {
        pair(line, Key::Misfit, Cell::Text(&misfits));
    }
    line.push_str("}\n");
}

fn pair(line: &mut String, key: Key, cell: Cell<'_>) {
    if !line.ends_with('{') {
        line.push(',');
    }
    let _ = write!(line, "\"{}\":", key.name());
    let _ = match cell {
        Cell::Text(text) => write!(line, "{}", serde_json::Value::from(text)),
        Cell::Cleared => write!(line, "null"),
        // Counts are numbers; prices, sizes and times are strings, as on the wire.
        Cell::Count(_) | Cell::Flag(_) => write!(line, "{cell}"),
        Cell::Decimal(_) if key == Key::Value(Field::TradeCount) => write!(line, "{cell}"),
        _ => write!(line, "\"{cell}\""),
    };
}

/// An update that says something is known by itself.
fn has_to_say_kind(taped: &Taped) -> bool {
    match &taped.what {
        What::Event(Event::Update(update)) => update.fields.is_empty(),
        _ => true,
    }
}

fn is_trade_implied(taped: &Taped) -> bool {
    matches!(&taped.what, What::Event(Event::Update(update)) if is_trade(&update.fields))
}
