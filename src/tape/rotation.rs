//! When a recording goes on in another file, and how its files are called. Pure but for one look into a folder.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::market::Ts;

/// What ends the name of a recording; the number stands before it.
const SUFFIXES: [&str; 2] = [".capture.gz", ".tape"];

/// When a recording goes on in a new file. Without any bound it is one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rotation {
    /// A file ends with the record during which it grew to so many bytes, compressed. What the compressor holds back at
    /// that moment comes on top, some 100 KB at most.
    pub file_bytes_max: Option<u64>,
    /// A file holds so much time at most, by the records' own times. A clock that is set to another time ends a file
    /// early, or late by as much as it was set back.
    pub span_max: Option<Duration>,
}

impl Rotation {
    /// Whether a recording is more than one file.
    pub fn is_on(&self) -> bool {
        self.file_bytes_max.is_some() || self.span_max.is_some()
    }

    /// Whether a record of time `ts` belongs to the next file, after one of these bytes that begins at `first`.
    pub(super) fn is_due(&self, file_bytes: u64, first: Ts, ts: Ts) -> bool {
        let span = Duration::from_nanos(ts.0.abs_diff(first.0));
        self.file_bytes_max.is_some_and(|max| file_bytes >= max) || self.span_max.is_some_and(|max| span >= max)
    }
}

/// The name of a recording's file of this number: `x.capture.gz` becomes `x.0001.capture.gz`.
pub(super) fn numbered(path: &Path, number: u64) -> PathBuf {
    let (stem, suffix) = split(path);
    let mut name = stem;
    name.push(format!(".{number:04}{suffix}"));
    path.with_file_name(name)
}

/// The largest number that one of the recording's files has already; 0 where there is none.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn last_number(path: &Path) -> io::Result<u64> {
    let (stem, suffix) = split(path);
    let mut head = stem;
    head.push(".");
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut last = 0;
    for entry in folder.unwrap_or(Path::new(".")).read_dir()? {
        let name: OsString = entry?.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(head.as_encoded_bytes());
        let number = rest.and_then(|rest| rest.strip_suffix(suffix.as_bytes()));
        let digits = number.filter(|number| number.len() >= 4 && number.iter().all(u8::is_ascii_digit));
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

/// What stands before the number, and what stands behind it.
fn split(path: &Path) -> (OsString, &'static str) {
    let name = path.file_name().unwrap_or_default();
    for suffix in SUFFIXES {
        let is_one = name.as_encoded_bytes().ends_with(suffix.as_bytes());
        let mut stem = Path::new(name);
        for _ in suffix.matches('.') {
            stem = stem.file_stem().map_or(stem, Path::new);
        }
        if is_one {
            return (stem.into(), suffix);
        }
    }
    (name.into(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_before_the_suffix_of_recordings_and_else_at_the_end() {
        for (path, number, want) in [
            ("x.capture.gz", 1, "x.0001.capture.gz"),
            ("/a.b/x.y.capture.gz", 23, "/a.b/x.y.0023.capture.gz"),
            ("x.capture.gz", 12_345, "x.12345.capture.gz"),
            ("x.gz", 2, "x.gz.0002"),
            ("x", 2, "x.0002"),
            (".capture.gz", 1, ".capture.0001.capture.gz"),
            ("x.tape", 1, "x.0001.tape"),
            ("/a.b/x.y.tape", 23, "/a.b/x.y.0023.tape"),
            ("x.capture.gz.tape", 2, "x.capture.gz.0002.tape"),
            ("x.tape.gz", 2, "x.tape.gz.0002"),
            (".tape", 1, ".tape.0001.tape"),
            ("tape", 1, "tape.0001"),
        ] {
            assert_eq!(numbered(Path::new(path), number), Path::new(want), "{path}");
        }
    }

    #[test]
    fn a_file_is_full_by_bytes_or_by_time_whichever_comes_first() {
        let second = Duration::from_secs(1);
        let rotation = |file_bytes_max, span_max| Rotation {
            file_bytes_max,
            span_max,
        };
        let start = Ts(5_000_000_000);
        for (what, rotation, bytes, ts, want) in [
            ("no bounds", rotation(None, None), u64::MAX, Ts(i64::MAX), false),
            (
                "small and young",
                rotation(Some(10), Some(second)),
                9,
                Ts(5_999_999_999),
                false,
            ),
            ("large", rotation(Some(10), Some(second)), 10, start, true),
            ("old", rotation(Some(10), Some(second)), 0, Ts(6_000_000_000), true),
            (
                "a little back",
                rotation(None, Some(second)),
                0,
                Ts(4_500_000_000),
                false,
            ),
            ("far back", rotation(None, Some(second)), 0, Ts(0), true),
            ("the ends of time", rotation(None, Some(second)), 0, Ts(i64::MIN), true),
        ] {
            assert_eq!(rotation.is_due(bytes, start, ts), want, "{what}");
        }
    }
}
