//! Lines of NDJSON: an input is the length of the pieces in which the bytes come, in its first byte, and the bytes.

use std::fmt::Write as _;

use serde::de::IgnoredAny;
use tickwire::control::LINE_BYTES_MAX;
use tickwire::feed::ndjson::{Line, LineError, Lines, Numbered, parse};
use tickwire::market::{Field, Value};

use super::numbers::Numbers;

/// A byte that stands for 40,000 spaces, so that a small input has lines of any length: two are more than allowed.
const SPACES: u8 = 1;

/// Any bytes in any pieces. Lines are those of the whole, and what a line says can be written anew.
pub fn ndjson(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let mut text = Vec::new();
    for byte in bytes {
        match *byte {
            SPACES => text.resize(text.len() + 40_000, b' '),
            byte => text.push(byte),
        }
    }
    // At 1 to 255 each: pieces from a byte to more than the longest line.
    let piece = match usize::from(*first) {
        0 => text.len().max(1),
        length @ ..=64 => length,
        length => length * 400,
    };
    let lines = split(&text, piece);
    let whole = text.strip_suffix(b"\n").unwrap_or(&text);
    let mut expected: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
    if text.is_empty() {
        expected.clear();
    }
    assert_eq!(lines.len(), expected.len());
    for (at, ((number, line), expected)) in lines.iter().zip(expected).enumerate() {
        assert_eq!(*number, at as u64 + 1);
        match line {
            Some(line) => assert!(line == expected, "line {number} is another"),
            None => assert!(expected.len() > LINE_BYTES_MAX, "line {number} is not too long"),
        }
    }
    lines
        .iter()
        .filter_map(|(_, line)| line.as_deref())
        .for_each(check_line);
}

/// All lines of a text in pieces; `None` is one that is too long.
fn split(text: &[u8], piece: usize) -> Vec<(u64, Option<Vec<u8>>)> {
    let owned = |(number, line): Numbered<'_>| (number, line.ok().map(<[u8]>::to_vec));
    let (mut lines, mut all) = (Lines::default(), Vec::new());
    for mut bytes in text.chunks(piece) {
        while let Some(line) = lines.next(&mut bytes) {
            all.push(owned(line));
        }
        assert!(bytes.is_empty());
    }
    all.extend(lines.finish().map(owned));
    assert!(lines.finish().is_none(), "the end comes once");
    all
}

fn check_line(text: &[u8]) {
    let line = match parse(text) {
        Ok(line) => line,
        Err(error) => return check_words(&error),
    };
    assert!(
        serde_json::from_slice::<IgnoredAny>(text).is_ok(),
        "no JSON, but {line:?}"
    );
    let mut numbers = Numbers::default();
    numbers.read(text);
    for (field, value) in line.fields.iter() {
        if let (false, Value::Set(number)) = (field == Field::LastSide, value) {
            numbers.check(number);
        }
    }
    let again = written(&line);
    assert_eq!(parse(again.as_bytes()).expect("what was taken"), line);
}

/// Whatever an error repeats of the line is short and free of control characters.
fn check_words(error: &LineError) {
    let words = error.to_string();
    assert!(words.len() < 800, "{} bytes: {words}", words.len());
    assert!(!words.contains(char::is_control), "{words:?}");
}

/// A line that says the same.
fn written(line: &Line<'_>) -> String {
    let mut text = format!(r#"{{"symbol":{}"#, serde_json::json!(line.symbol));
    let mut put = |key: &str, value: &dyn std::fmt::Display| write!(text, r#","{key}":{value}"#).expect("a string");
    for (field, value) in line.fields.iter() {
        match value {
            Value::Set(side) if field == Field::LastSide => put(field.name(), &side),
            Value::Set(number) => put(field.name(), &format!("\"{number}\"")),
            Value::Cleared => put(field.name(), &"null"),
            Value::Misfit => put(field.name(), &"1e99"),
        }
    }
    if let Some(ts) = line.ts_event {
        put("ts_event", &ts.0);
    }
    if let Some(state) = line.state {
        put("state", &format!("\"{}\"", state.word()));
    }
    text.push('}');
    text
}
