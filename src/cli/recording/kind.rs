//! What a file is, by its name.

use std::path::{Path, PathBuf};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum FileKind {
    Capture,
    Tape,
    Ndjson,
    Csv,
    Parquet,
}

/// How the names of files end, longest first.
const ENDINGS: [(&str, FileKind); 7] = [
    (".capture.gz", FileKind::Capture),
    (".capture", FileKind::Capture),
    (".tape", FileKind::Tape),
    (".ndjson", FileKind::Ndjson),
    (".jsonl", FileKind::Ndjson),
    (".csv", FileKind::Csv),
    (".parquet", FileKind::Parquet),
];

/// The name says nothing that is known.
#[derive(Debug, thiserror::Error)]
#[error("`{}` has a name that does not say what it is: it ends with {}", file.display(), ENDINGS.map(|(ending, _)| ending).join(", "))]
pub(in crate::cli) struct UnknownKind {
    file: PathBuf,
}

impl FileKind {
    /// The kind of a file of this name.
    pub(in crate::cli) fn of(path: &Path) -> Result<FileKind, UnknownKind> {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let found = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending.as_bytes()));
        found
            .map(|(_, kind)| *kind)
            .ok_or_else(|| UnknownKind { file: path.to_owned() })
    }

    /// The word for it.
    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            FileKind::Capture => "capture",
            FileKind::Tape => "tape",
            FileKind::Ndjson => "NDJSON",
            FileKind::Csv => "CSV",
            FileKind::Parquet => "Parquet",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_name_says_it() {
        for (path, kind) in [
            ("a/b.0001.capture.gz", FileKind::Capture),
            ("x.capture", FileKind::Capture),
            (".tape", FileKind::Tape),
            ("x.tape.jsonl", FileKind::Ndjson),
            ("x.ndjson", FileKind::Ndjson),
            ("x.csv", FileKind::Csv),
            ("x.parquet", FileKind::Parquet),
        ] {
            assert_eq!(FileKind::of(Path::new(path)).expect(path), kind);
        }
        for path in ["x", "x.gz", "x.TAPE", "tape", "x.tape/..", "x.tape.part"] {
            let error = FileKind::of(Path::new(path)).expect_err(path).to_string();
            assert!(error.contains(".capture.gz, .capture, .tape"), "{error}");
        }
    }
}
