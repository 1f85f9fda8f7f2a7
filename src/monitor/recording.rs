//! What becomes of the recording of this process's feeds, for `/v1/status`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Figures of a recording, written by the recorder and read by whoever asks.
#[derive(Debug)]
pub struct Recording {
    file: PathBuf,
    is_running: AtomicBool,
    error: OnceLock<String>,
    records: AtomicU64,
    dropped: Arc<AtomicU64>,
    file_bytes: AtomicU64,
}

/// A recording at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingState {
    /// As it was asked for; with rotation its files are numbered.
    pub file: PathBuf,
    /// Whether it still records.
    pub is_running: bool,
    /// Why it has stopped, where it was not told to.
    pub error: Option<String>,
    /// What can be read, whatever becomes of the process.
    pub records: u64,
    /// Events that are not recorded.
    pub dropped: u64,
    /// Of all its files, as far as they are written.
    pub file_bytes: u64,
}

impl Recording {
    /// One that has begun. What is not recorded is counted in `dropped` by those who would not wait for the recorder.
    pub fn new(file: &Path, dropped: Arc<AtomicU64>) -> Recording {
        Recording {
            file: file.to_owned(),
            is_running: AtomicBool::new(true),
            error: OnceLock::new(),
            records: AtomicU64::new(0),
            dropped,
            file_bytes: AtomicU64::new(0),
        }
    }

    /// Notes what can be read now.
    pub fn written(&self, records: u64, file_bytes: u64) {
        self.records.store(records, Relaxed);
        self.file_bytes.store(file_bytes, Relaxed);
    }

    /// Notes the end, and what it was that ended it early.
    pub fn ended(&self, error: Option<String>) {
        if let Some(error) = error {
            let _ = self.error.set(error);
        }
        self.is_running.store(false, Relaxed);
    }

    /// All of it now.
    pub fn state(&self) -> RecordingState {
        RecordingState {
            file: self.file.clone(),
            is_running: self.is_running.load(Relaxed),
            error: self.error.get().cloned(),
            records: self.records.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            file_bytes: self.file_bytes.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_tells_how_far_it_is_and_what_ended_it_first() {
        let dropped = Arc::new(AtomicU64::new(0));
        let recording = Recording::new(Path::new("x.tape"), dropped.clone());
        recording.written(7, 900);
        dropped.store(2, Relaxed);
        let running = RecordingState {
            file: "x.tape".into(),
            is_running: true,
            error: None,
            records: 7,
            dropped: 2,
            file_bytes: 900,
        };
        assert_eq!(recording.state(), running);
        recording.ended(Some("the disk is full".into()));
        recording.ended(Some("later".into()));
        let failed = RecordingState {
            is_running: false,
            error: Some("the disk is full".into()),
            ..running
        };
        assert_eq!(recording.state(), failed);
    }
}
