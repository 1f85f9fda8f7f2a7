//! Rows as Parquet: the columns of CSV, with times as timestamps and exact decimals as text. Written only.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::key::Key;
use super::spell::{Cell, kind, spell};
use crate::tape::Taped;

/// Rows that are held and written at once: some 25 MB.
const GROUP_ROWS: usize = 65_536;

/// Writes records as Parquet.
pub struct ParquetWriter<W: Write + Send> {
    out: SerializedFileWriter<W>,
    columns: Vec<Column>,
    /// Rows held.
    rows: usize,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// The system's.
    pub fn new(out: W) -> io::Result<ParquetWriter<W>> {
        let schema = parse_message_type(&schema()).expect("the schema is right");
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let properties = properties.set_created_by(concat!("tickwire ", env!("CARGO_PKG_VERSION")).into());
        Ok(ParquetWriter {
            out: SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties.build())).map_err(fault)?,
            columns: Key::ALL.map(Column::of).into(),
            rows: 0,
        })
    }

    /// Adds a record.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&mut self, taped: &Taped) -> io::Result<()> {
        let (mut cleared, mut misfit) = (String::new(), String::new());
        let columns = &mut self.columns;
        columns[Key::Event.index()].put(Cell::Word(kind(taped).word()));
        spell(taped, |key, cell| {
            let names = match cell {
                Cell::Cleared => &mut cleared,
                Cell::Misfit => &mut misfit,
                _ => return columns[key.index()].put(cell),
            };
            names.push_str(if names.is_empty() { "" } else { " " });
            names.push_str(key.name());
        });
        for (key, names) in [(Key::Cleared, &cleared), (Key::Misfit, &misfit)] {
            if !names.is_empty() {
                columns[key.index()].put(Cell::Text(names));
            }
        }
        self.rows += 1;
        self.columns
            .iter_mut()
            .for_each(|column| column.levels.resize(self.rows, 0));
        if self.rows >= GROUP_ROWS {
            self.write_group()
        } else {
            Ok(())
        }
    }

    /// Hands everything to the output and gives it back.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(mut self) -> io::Result<W> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.out.into_inner().map_err(fault)
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.out.next_row_group().map_err(fault)?;
        for column in &mut self.columns {
            let Some(mut out) = group.next_column().map_err(fault)? else {
                break;
            };
            column.write(out.untyped()).map_err(fault)?;
            out.close().map_err(fault)?;
        }
        group.close().map_err(fault)?;
        self.rows = 0;
        Ok(())
    }
}

fn fault(error: ParquetError) -> io::Error {
    io::Error::other(error)
}

/// The columns, as Parquet's own language has them.
fn schema() -> String {
    let mut schema = "message tape {".to_owned();
    for key in Key::ALL {
        let is_required = matches!(key, Key::TsRecv | Key::Event);
        let repetition = if is_required { "required" } else { "optional" };
        let (physical, logical) = match key {
            Key::TsRecv | Key::TsEvent => ("int64", " (TIMESTAMP(NANOS,true))"),
            Key::EventsLost => ("int64", " (INTEGER(64,false))"),
            Key::PriceDecimals | Key::SizeDecimals | Key::VolumeDecimals => ("int32", ""),
            Key::Trade => ("boolean", ""),
            _ => ("binary", " (STRING)"),
        };
        // Writing to a String does not fail.
        let _ = write!(schema, " {repetition} {physical} {}{logical};", key.name());
    }
    schema + " }"
}

/// A column's values that wait to be written.
struct Column {
    values: Values,
    /// For each row, 1 where it has a value.
    levels: Vec<i16>,
}

enum Values {
    Long(Vec<i64>),
    Int(Vec<i32>),
    Flag(Vec<bool>),
    Text(Vec<ByteArray>),
}

impl Column {
    fn of(key: Key) -> Column {
        let values = match key {
            Key::TsRecv | Key::TsEvent | Key::EventsLost => Values::Long(Vec::new()),
            Key::PriceDecimals | Key::SizeDecimals | Key::VolumeDecimals => Values::Int(Vec::new()),
            Key::Trade => Values::Flag(Vec::new()),
            _ => Values::Text(Vec::new()),
        };
        let levels = Vec::new();
        Column { values, levels }
    }

    fn put(&mut self, cell: Cell<'_>) {
        match (&mut self.values, cell) {
            (Values::Long(list), Cell::Time(ts)) => list.push(ts.0),
            // By its bits, as the format has unsigned numbers.
            (Values::Long(list), Cell::Count(count)) => list.push(count as i64),
            (Values::Int(list), Cell::Count(count)) => list.push(count as i32),
            (Values::Flag(list), Cell::Flag(is_so)) => list.push(is_so),
            (Values::Text(list), cell) => list.push(cell.to_string().into_bytes().into()),
            (_, other) => unreachable!("{other:?} is in a column of another kind"),
        }
        self.levels.push(1);
    }

    fn write(&mut self, out: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = Some(&self.levels[..]);
        match (&mut self.values, out) {
            (Values::Long(list), ColumnWriter::Int64ColumnWriter(out)) => {
                out.write_batch(list, levels, None)?;
                list.clear();
            }
            (Values::Int(list), ColumnWriter::Int32ColumnWriter(out)) => {
                out.write_batch(list, levels, None)?;
                list.clear();
            }
            (Values::Flag(list), ColumnWriter::BoolColumnWriter(out)) => {
                out.write_batch(list, levels, None)?;
                list.clear();
            }
            (Values::Text(list), ColumnWriter::ByteArrayColumnWriter(out)) => {
                out.write_batch(list, levels, None)?;
                list.clear();
            }
            _ => unreachable!("the schema has the same kinds in the same order"),
        }
        self.levels.clear();
        Ok(())
    }
}
