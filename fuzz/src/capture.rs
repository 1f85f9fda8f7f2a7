//! The reader of captures: an input is a file's content.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use tickwire::market::VenueName;
use tickwire::tape::CaptureReader;

use super::file::File;

/// 1 MiB: what inflates to more is only read, not compared.
const COMPARED_BYTES_MAX: u64 = 1 << 20;

/// What a file gives.
#[derive(Debug, Default, PartialEq, Eq)]
struct Content {
    /// Of the first line; `None` where the file is refused.
    venue: Option<VenueName>,
    /// Line, time and frame.
    records: Vec<(u64, i64, Vec<u8>)>,
    /// Whether there is a fault behind them.
    has_fault: bool,
}

/// Any bytes as a file. Plain text gives what its lines say, packed or not; what is cut off takes nothing before it along.
pub fn capture(input: &[u8]) {
    let read = read(input);
    if input.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        let whole = MultiGzDecoder::new(input)
            .take(COMPARED_BYTES_MAX)
            .read_to_end(&mut text);
        if whole.is_ok() && (text.len() as u64) < COMPARED_BYTES_MAX {
            assert_eq!(read, said(&text));
        }
        return;
    }
    assert_eq!(read, said(input));
    let (head, tail) = input.split_at(input.len() / 2);
    let packed = [gzip(head), gzip(tail)].concat();
    assert_eq!(self::read(&packed), read, "packed");
    // One member: what ends with a member ends well.
    let packed = gzip(input);
    let cut = self::read(&packed[..packed.len() - 1 - packed.len() / 3]);
    assert!(read.records.starts_with(&cut.records), "cut off");
    assert!(cut.has_fault || cut.venue.is_none(), "cut off, and not told");
}

fn read(bytes: &[u8]) -> Content {
    let file = File::of(bytes);
    let mut read = Content::default();
    let mut reader = match CaptureReader::open(file.path()) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(error.to_string().len() < 1_000, "{error}");
            return read;
        }
    };
    read.venue = Some(reader.venue().clone());
    loop {
        match reader.next_record() {
            Ok(Some(record)) => read
                .records
                .push((record.line, record.ts_recv.0, record.frame.to_vec())),
            Ok(None) => return read,
            Err(error) => {
                assert!(error.to_string().len() < 1_000, "{error}");
                assert!(matches!(reader.next_record(), Ok(None)), "a fault is told once");
                read.has_fault = true;
                return read;
            }
        }
    }
}

/// The same of the text, by the format's own words.
fn said(text: &[u8]) -> Content {
    let mut read = Content::default();
    let mut lines = text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n');
    let header = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let venue = header.and_then(|line| line.strip_prefix("#tickwire-capture 1 venue="));
    read.venue = venue.and_then(|name| VenueName::parse(name).ok());
    if read.venue.is_none() {
        return read;
    }
    for (number, line) in (2..).zip(lines) {
        let text = std::str::from_utf8(line).ok();
        let words = text
            .and_then(|text| text.split_once(' '))
            .filter(|(_, frame)| !frame.is_empty());
        let time = words.filter(|(time, _)| time.bytes().all(|byte| byte.is_ascii_digit()));
        let Some((time, frame)) = time.and_then(|(time, frame)| Some((time.parse().ok()?, frame))) else {
            read.has_fault = true;
            break;
        };
        read.records.push((number, time, frame.as_bytes().to_vec()));
    }
    read
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}
