//! Records what a feed's connections receive.

use std::path::Path;
use std::sync::Arc;

use super::super::recording::{Tally, Work, Worker};
use super::queue::FrameQueue;
use super::{CaptureWriter, Rotation, Taken, TapeError, Written};
use crate::monitor::names;

/// A recording under way. Dropped, it ends as with [`Recorder::finish`], but nobody waits for it.
#[derive(Debug)]
pub struct Recorder {
    tally: Arc<Tally>,
    worker: Worker<Written>,
}

/// What became of the frames that were offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// What is in the files, and what cannot be.
    pub written: Written,
    /// Frames that found the queue full.
    pub dropped: u64,
}

impl Recorder {
    /// Makes the file and starts the thread. Blocks on the file system.
    ///
    /// # Errors
    /// Those of [`CaptureWriter::create`], or the thread cannot be started.
    pub fn start(queue: FrameQueue, path: &Path, rotation: Rotation) -> Result<Recorder, TapeError> {
        let writer = CaptureWriter::create(path, queue.venue(), rotation)?;
        Recorder::spawn(queue, writer)
    }

    pub(super) fn spawn(queue: FrameQueue, writer: CaptureWriter) -> Result<Recorder, TapeError> {
        let tally = queue.tally().clone();
        let worker = Worker::spawn(&tally, Frames::new(queue, writer))?;
        Ok(Recorder { tally, worker })
    }

    /// Whether it still records; else the disk has failed, and [`Recorder::finish`] says how.
    pub fn is_running(&self) -> bool {
        self.worker.is_running()
    }

    /// Writes what waits, ends the file and waits for all of this: mostly a disk's write or two.
    ///
    /// # Errors
    /// The first of the disk; what was written before can be read.
    pub fn finish(self) -> Result<Totals, TapeError> {
        let written = self.worker.finish()?;
        // By difference, so that also those count that came in the very moment of the end.
        let taken = written.frames + written.refused;
        Ok(Totals {
            written,
            dropped: self.tally.offered().saturating_sub(taken),
        })
    }
}

/// The thread's.
struct Frames {
    queue: FrameQueue,
    writer: CaptureWriter,
    /// What the metrics know of.
    counted: Written,
    frames: metrics::Counter,
    frame_bytes: metrics::Counter,
}

impl Frames {
    fn new(queue: FrameQueue, writer: CaptureWriter) -> Frames {
        let venue = queue.venue().as_str().to_owned();
        Frames {
            queue,
            writer,
            counted: Written::default(),
            frames: metrics::counter!(names::RECORD_FRAMES, "venue" => venue.clone()),
            frame_bytes: metrics::counter!(names::RECORD_FRAME_BYTES, "venue" => venue),
        }
    }
}

impl Work for Frames {
    type Outcome = Written;

    fn write_next(&mut self) -> Result<bool, TapeError> {
        let Some(queued) = self.queue.next() else {
            return Ok(false);
        };
        if let Taken::Refused(refusal) = self.writer.write(queued.ts_recv, &queued.frame)? {
            self.queue.tally().refuse(1);
            if self.writer.written().refused == 1 {
                tracing::warn!(venue = %self.queue.venue(), %refusal, "first frame that cannot be recorded");
            }
        }
        Ok(true)
    }

    /// Counts only what can be read.
    fn flush(&mut self) -> Result<(), TapeError> {
        self.writer.flush()?;
        let written = self.writer.written();
        self.frames.increment(written.frames - self.counted.frames);
        self.frame_bytes
            .increment(written.frame_bytes - self.counted.frame_bytes);
        self.counted = written;
        Ok(())
    }

    fn finish(self, recorded: Result<(), TapeError>) -> Result<Written, TapeError> {
        let (venue, frames) = (self.queue.venue(), self.counted.frames);
        let outcome = recorded.and_then(|()| self.writer.finish());
        if let Err(error) = &outcome {
            tracing::error!(%venue, %error, frames, "recording has stopped");
        }
        outcome
    }
}
