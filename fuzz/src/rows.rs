//! Rows of records: an input is their form in its first byte, 0 for NDJSON and 1 for CSV, and the file.

use std::path::Path;

use tickwire::tape::{CsvReader, CsvWriter, NdjsonReader, NdjsonWriter, RowsError, Taped};

use super::file::File;

/// Any bytes as rows. What is taken can be written and is then the same, in both forms.
pub fn rows(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let read = if first % 2 == 0 { read_ndjson } else { read_csv };
    let file = File::of(bytes);
    let (records, fault) = read(file.path());
    if let Some(fault) = fault {
        check_fault(&fault, bytes);
    }
    check_written(&records);
}

/// Whatever records there are, as rows they are the same records.
pub(crate) fn check_written(records: &[Taped]) {
    let mut writer = NdjsonWriter::new(Vec::new());
    records
        .iter()
        .for_each(|taped| writer.write(taped).expect("a vector takes all"));
    let text = writer.finish().expect("a vector takes all");
    check_again(&text, read_ndjson, records);
    let mut writer = CsvWriter::new(Vec::new()).expect("a vector takes all");
    records
        .iter()
        .for_each(|taped| writer.write(taped).expect("a vector takes all"));
    let text = writer.finish().expect("a vector takes all");
    check_again(&text, read_csv, records);
}

/// What was read up to the first fault.
type Outcome = (Vec<Taped>, Option<RowsError>);

fn check_again(text: &[u8], read: fn(&Path) -> Outcome, records: &[Taped]) {
    let file = File::of(text);
    let (again, fault) = read(file.path());
    let text = String::from_utf8_lossy(text);
    assert!(fault.is_none(), "{}: {text}", fault.expect("one"));
    assert_eq!(again, records, "{text}");
}

fn read_ndjson(path: &Path) -> Outcome {
    let mut reader = NdjsonReader::open(path).expect("the file that was made");
    let outcome = read_all(|out| reader.read(out));
    assert!(reader.offset() <= reader.bytes());
    assert!(outcome.1.is_some() || reader.offset() == reader.bytes());
    outcome
}

fn read_csv(path: &Path) -> Outcome {
    let mut reader = match CsvReader::open(path) {
        Ok(reader) => reader,
        Err(fault) => return (Vec::new(), Some(fault)),
    };
    let outcome = read_all(|out| reader.read(out));
    assert!(reader.offset() <= reader.bytes());
    assert!(outcome.1.is_some() || reader.offset() == reader.bytes());
    outcome
}

fn read_all(mut read: impl FnMut(&mut Vec<Taped>) -> Result<bool, RowsError>) -> Outcome {
    let mut out = Vec::new();
    loop {
        match read(&mut out) {
            Ok(true) => {}
            Ok(false) => return (out, None),
            Err(fault) => return (out, Some(fault)),
        }
    }
}

/// It names a line that there is, and is short and free of control characters.
fn check_fault(fault: &RowsError, bytes: &[u8]) {
    let words = fault.to_string();
    assert!(words.len() < 1_000, "{} bytes: {words}", words.len());
    assert!(!words.contains(char::is_control), "{words:?}");
    let RowsError::Row { line, .. } = fault else {
        panic!("the disk is at fault: {words}");
    };
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    assert!((1..=lines).contains(line), "of {lines} lines: {words}");
}
