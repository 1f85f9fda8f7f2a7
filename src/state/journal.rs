//! Writes checkpoints, counts them, and tells when that begins and ceases to fail.

use std::time::Instant;

use metrics::{Counter, Gauge, Histogram};

use super::{Checkpoint, Folder};
use crate::monitor::names;

/// A folder with its figures.
pub(super) struct Journal {
    folder: Folder,
    is_failing: bool,
    written: Counter,
    failed: Counter,
    bytes: Gauge,
    written_at: Gauge,
    seconds: Histogram,
}

impl Journal {
    pub(super) fn new(folder: Folder) -> Journal {
        Journal {
            folder,
            is_failing: false,
            written: metrics::counter!(names::STATE_WRITTEN),
            failed: metrics::counter!(names::STATE_FAILED),
            bytes: metrics::gauge!(names::STATE_BYTES),
            written_at: metrics::gauge!(names::STATE_WRITTEN_AT),
            seconds: metrics::histogram!(names::STATE_SECONDS),
        }
    }

    /// Writes one; whether it is on the disk.
    pub(super) fn save(&mut self, checkpoint: &Checkpoint) -> bool {
        let begun = Instant::now();
        let bytes = checkpoint.encode();
        let dir = self.folder.dir().display();
        match self.folder.write(&bytes) {
            Ok(()) => {
                self.written.increment(1);
                self.bytes.set(bytes.len() as f64);
                self.written_at.set(checkpoint.taken.0 as f64 / 1e9);
                self.seconds.record(begun.elapsed().as_secs_f64());
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(%dir, "checkpoints are written again");
                }
                true
            }
            Err(error) => {
                self.failed.increment(1);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(%dir, %error, "no checkpoint can be written, serving goes on without");
                }
                false
            }
        }
    }
}
