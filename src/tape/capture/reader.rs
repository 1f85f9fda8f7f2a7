//! Raw captures, `*.capture.gz`: gzip or plain text, first `#tickwire-capture 1 venue=NAME`, then one received frame a line,
//! `<receive time, ns since 1970> <frame>`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::{LINE_BYTES_MAX, TapeError};
use crate::market::{Ts, VenueName};

/// 64 KiB a system call; more saves nothing that can be measured.
const FILE_BUFFER_BYTES: usize = 64 << 10;

/// 4 KiB: what was inflated in the call that meets a corrupt byte is lost, so the calls are small.
const INFLATED_BUFFER_BYTES: usize = 4 << 10;

pub(super) const MAGIC: &str = "#tickwire-capture";

/// One received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its line in the file, from 1; the header is line 1.
    pub line: u64,
    /// When the recorder received it. May be before the record above.
    pub ts_recv: Ts,
    /// The frame as the venue sent it; UTF-8.
    pub frame: &'a [u8],
}

/// Reads a capture, compressed or plain, record by record.
///
/// All records before a fault come first, then the fault once, then nothing.
pub struct CaptureReader {
    file: PathBuf,
    venue: VenueName,
    lines: Lines,
    is_finished: bool,
}

impl CaptureReader {
    /// Opens a capture and reads its header. Blocks on the file system.
    ///
    /// # Errors
    /// The file is missing, unreadable, or does not begin like a capture of version 1.
    pub fn open(path: &Path) -> Result<CaptureReader, TapeError> {
        let open = |source| TapeError::Open {
            file: path.to_path_buf(),
            source,
        };
        let mut input = BufReader::with_capacity(FILE_BUFFER_BYTES, File::open(path).map_err(open)?);
        // A directory opens but cannot be read.
        let is_gzip = input.fill_buf().map_err(open)?.starts_with(&[0x1f, 0x8b]);
        let input: Box<dyn BufRead + Send> = if is_gzip {
            let inflated = MultiGzDecoder::new(input);
            Box::new(BufReader::with_capacity(INFLATED_BUFFER_BYTES, inflated))
        } else {
            Box::new(input)
        };
        CaptureReader::new(path, input, is_gzip, LINE_BYTES_MAX)
    }

    fn new(file: &Path, input: Box<dyn BufRead + Send>, is_gzip: bool, limit: usize) -> Result<Self, TapeError> {
        let mut lines = Lines::new(input, is_gzip, limit);
        if !lines.advance(file)? {
            return Err(TapeError::Header {
                file: file.to_path_buf(),
                got: String::new(),
            });
        }
        Ok(CaptureReader {
            venue: parse_header(file, &lines.line)?,
            file: file.to_path_buf(),
            lines,
            is_finished: false,
        })
    }

    /// The venue of the first line.
    pub fn venue(&self) -> &VenueName {
        &self.venue
    }

    /// The next record, `None` at the end. Blocks on the file system.
    ///
    /// # Errors
    /// The first fault; it names file and line, and the reader is finished.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, TapeError> {
        if self.is_finished {
            return Ok(None);
        }
        // Set first, taken back on success: each way out with a fault then finishes the reader.
        self.is_finished = true;
        if !self.lines.advance(&self.file)? {
            return Ok(None);
        }
        let record = parse_record(&self.file, self.lines.number, &self.lines.line)?;
        self.is_finished = false;
        Ok(Some(record))
    }
}

/// Lines of the inflated text, one at a time, of bounded length.
struct Lines {
    input: Box<dyn BufRead + Send>,
    is_gzip: bool,
    limit: usize,
    /// Of the line in `line`, from 1.
    number: u64,
    line: Vec<u8>,
}

impl Lines {
    fn new(input: Box<dyn BufRead + Send>, is_gzip: bool, limit: usize) -> Lines {
        Lines {
            input,
            is_gzip,
            limit,
            number: 0,
            line: Vec::new(),
        }
    }

    /// Takes the next line without its end; `false` at the end of the file.
    fn advance(&mut self, file: &Path) -> Result<bool, TapeError> {
        self.line.clear();
        self.number += 1;
        loop {
            let bytes = match self.input.fill_buf() {
                Ok([]) => return Ok(!self.line.is_empty()),
                Ok(bytes) => bytes,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(source) => return Err(fault(file, self.number, self.is_gzip, source)),
            };
            let end = bytes.iter().position(|b| *b == b'\n');
            let taken = end.unwrap_or(bytes.len());
            if self.line.len() + taken > self.limit {
                return Err(TapeError::LineTooLong {
                    file: file.to_path_buf(),
                    line: self.number,
                    limit: self.limit,
                });
            }
            self.line.extend_from_slice(&bytes[..taken]);
            self.input.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

/// Tells a short gzip stream from a wrong one, and both from a failing disk.
fn fault(file: &Path, line: u64, is_gzip: bool, source: io::Error) -> TapeError {
    let file = file.to_path_buf();
    match source.kind() {
        ErrorKind::UnexpectedEof if is_gzip => TapeError::Truncated { file, line },
        ErrorKind::InvalidData | ErrorKind::InvalidInput if is_gzip => TapeError::Corrupt { file, line, source },
        _ => TapeError::Read { file, line, source },
    }
}

fn parse_header(file: &Path, line: &[u8]) -> Result<VenueName, TapeError> {
    let header = || TapeError::Header {
        file: file.to_path_buf(),
        got: excerpt(line),
    };
    let text = std::str::from_utf8(line).map_err(|_| header())?;
    let mut words = text.split(' ');
    if words.next() != Some(MAGIC) {
        return Err(header());
    }
    match words.next() {
        Some("1") => {}
        Some(version) if version.bytes().all(|b| b.is_ascii_digit()) && !version.is_empty() => {
            return Err(TapeError::Version {
                file: file.to_path_buf(),
                got: excerpt(version.as_bytes()),
            });
        }
        _ => return Err(header()),
    }
    let venue = words.next().and_then(|w| w.strip_prefix("venue=")).ok_or_else(header)?;
    match words.next() {
        None => VenueName::parse(venue).map_err(|_| header()),
        Some(_) => Err(header()),
    }
}

fn parse_record<'a>(file: &Path, number: u64, line: &'a [u8]) -> Result<Record<'a>, TapeError> {
    let wrong = || TapeError::Line {
        file: file.to_path_buf(),
        line: number,
        got: excerpt(line),
    };
    let text = std::str::from_utf8(line).map_err(|_| TapeError::NotUtf8 {
        file: file.to_path_buf(),
        line: number,
    })?;
    let (ns, frame) = text.split_once(' ').ok_or_else(wrong)?;
    // `parse` alone would take a sign.
    if frame.is_empty() || !ns.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    Ok(Record {
        line: number,
        ts_recv: Ts(ns.parse().map_err(|_| wrong())?),
        frame: frame.as_bytes(),
    })
}

/// Enough of a line to recognise it by, free of control characters.
fn excerpt(line: &[u8]) -> String {
    let head = &line[..line.len().min(60)];
    String::from_utf8_lossy(head)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "#tickwire-capture 1 venue=binance\n";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).expect("a vector takes all");
        encoder.finish().expect("a vector takes all")
    }

    /// Writes a file, opens it, and takes its name away again.
    fn open(name: &str, bytes: &[u8]) -> Result<CaptureReader, TapeError> {
        let path = std::env::temp_dir().join(format!("tickwire-capture-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a file for the test");
        let reader = CaptureReader::open(&path);
        let _ = std::fs::remove_file(&path);
        reader
    }

    /// Frames up to the end or the fault.
    fn drain(reader: &mut CaptureReader) -> (Vec<String>, Option<TapeError>) {
        let mut frames = Vec::new();
        loop {
            match reader.next_record() {
                Ok(Some(record)) => frames.push(String::from_utf8_lossy(record.frame).into_owned()),
                Ok(None) => return (frames, None),
                Err(e) => {
                    assert!(matches!(reader.next_record(), Ok(None)), "a fault is told once");
                    return (frames, Some(e));
                }
            }
        }
    }

    fn numbered(lines: usize) -> String {
        (0..lines).fold(HEADER.to_string(), |text, n| {
            text + &format!("{} {{\"n\":{n}}}\n", 1000 + n)
        })
    }

    #[test]
    fn records_come_with_line_time_and_frame_from_gzip_members_and_plain_text() {
        let text = format!("{HEADER}5 {{}}\n3 {{\"a\": 1}}");
        let members = [gzip(&text.as_bytes()[..40]), gzip(&text.as_bytes()[40..])].concat();
        for (name, bytes) in [
            ("plain", text.clone().into_bytes()),
            ("gzip", gzip(text.as_bytes())),
            ("members", members),
        ] {
            let mut reader = open(name, &bytes).expect(name);
            assert_eq!(reader.venue().as_str(), "binance");
            let record = reader.next_record().expect(name).expect(name);
            assert_eq!((record.line, record.ts_recv, record.frame), (2, Ts(5), &b"{}"[..]));
            let record = reader.next_record().expect(name).expect(name);
            assert_eq!(
                (record.line, record.ts_recv, record.frame),
                (3, Ts(3), &b"{\"a\": 1}"[..])
            );
            assert!(reader.next_record().expect(name).is_none());
        }
    }

    #[test]
    fn a_missing_file_and_a_directory_are_named() {
        let error = CaptureReader::open(Path::new("/nowhere/x.capture.gz"))
            .err()
            .expect("missing");
        assert!(error.to_string().contains("/nowhere/x.capture.gz"), "{error}");
        let error = CaptureReader::open(&std::env::temp_dir()).err().expect("a directory");
        assert!(matches!(error, TapeError::Open { .. }), "{error}");
    }

    #[test]
    fn what_is_no_capture_of_version_1_is_refused_at_open() {
        for (name, text) in [
            ("empty", ""),
            ("other", "{\"a\":1}\n"),
            ("no-version", "#tickwire-capture venue=binance\n"),
            ("no-venue", "#tickwire-capture 1\n"),
            ("bad-venue", "#tickwire-capture 1 venue=BIN ANCE\n"),
            ("more", "#tickwire-capture 1 venue=a b=c\n"),
        ] {
            let error = open(name, text.as_bytes()).err().expect(name);
            assert!(matches!(error, TapeError::Header { .. }), "{name}: {error}");
            assert!(
                error.to_string().contains(name) && error.to_string().contains("line 1"),
                "{error}"
            );
        }
        let error = open("two", b"#tickwire-capture 2 venue=binance\n")
            .err()
            .expect("version 2");
        assert!(
            matches!(&error, TapeError::Version { got, .. } if got == "2"),
            "{error}"
        );
    }

    #[test]
    fn a_line_that_is_no_record_ends_the_reading_after_what_came_before() {
        for (name, line) in [
            ("empty", &b""[..]),
            ("no-frame", b"12345"),
            ("empty-frame", b"12345 "),
            ("no-time", b"{\"a\":1}"),
            ("signed", b"+1 {}"),
            ("too-large", b"99999999999999999999 {}"),
        ] {
            let bytes = [HEADER.as_bytes(), b"1 {}\n", line, b"\n2 {}\n"].concat();
            let (frames, error) = drain(&mut open(name, &bytes).expect(name));
            let error = error.expect(name);
            assert_eq!(frames, ["{}"], "{name}");
            assert!(matches!(error, TapeError::Line { line: 3, .. }), "{name}: {error}");
        }
        let bytes = [HEADER.as_bytes(), b"1 {}\n2 \xff\n"].concat();
        let (_, error) = drain(&mut open("utf8", &bytes).expect("a header"));
        assert!(matches!(error, Some(TapeError::NotUtf8 { line: 3, .. })));
    }

    #[test]
    fn a_truncated_gzip_yields_all_whole_lines_before_the_cut_and_names_the_line() {
        let text = numbered(5000);
        let whole = gzip(text.as_bytes());
        let (frames, error) = drain(&mut open("cut", &whole[..whole.len() / 2]).expect("a header"));
        assert!(frames.len() > 500, "{} lines came before the cut", frames.len());
        let line_at_fault = frames.len() as u64 + 2;
        assert!(matches!(error, Some(TapeError::Truncated { line, .. }) if line == line_at_fault));

        let (frames, error) = drain(&mut open("crc", &whole[..whole.len() - 3]).expect("a header"));
        assert_eq!(frames.len(), 5000);
        assert!(matches!(error, Some(TapeError::Truncated { .. })));
    }

    #[test]
    fn a_corrupt_gzip_is_told_after_what_came_before() {
        let mut bytes = gzip(numbered(20_000).as_bytes());
        let at = bytes.len() / 2;
        // Stored-length and code tables cannot all survive this.
        bytes[at..at + 64].fill(0xff);
        let (frames, error) = drain(&mut open("corrupt", &bytes).expect("a header"));
        let error = error.expect("a fault");
        assert!(frames.len() > 5000, "{}", frames.len());
        assert!(
            error.to_string().contains(&format!("line {}", frames.len() + 2)),
            "{error}"
        );
    }

    #[test]
    fn a_line_over_the_limit_is_refused_without_being_held() {
        let text = format!("{HEADER}1 {{}}\n2 {}\n", "x".repeat(100));
        let input = Box::new(Cursor::new(text.into_bytes()));
        let mut reader = CaptureReader::new(Path::new("long"), input, false, 64).expect("a header");
        let (frames, error) = drain(&mut reader);
        assert_eq!(frames.len(), 1);
        assert!(matches!(error, Some(TapeError::LineTooLong { line: 3, limit: 64, .. })));
        assert!(reader.lines.line.capacity() <= 128);
    }

    proptest! {
        #[test]
        fn any_bytes_give_records_and_at_most_one_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let bytes = [HEADER.as_bytes(), &bytes].concat();
            let mut reader = CaptureReader::new(Path::new("any"), Box::new(Cursor::new(bytes)), false, 128).expect("a header");
            let _ = drain(&mut reader);
        }
    }
}
