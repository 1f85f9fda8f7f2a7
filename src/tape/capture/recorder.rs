//! Records what a feed's connections receive: a thread that owns the file, so that no connection ever waits for a disk.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::bounds::{DRAIN_EVERY, FLUSH_EVERY};
use super::queue::{FrameQueue, Gauge, Queued};
use super::{CaptureWriter, Rotation, Taken, TapeError, Written};
use crate::monitor::names;

/// A recording under way. Dropped, it ends as with [`Recorder::finish`], but nobody waits for it.
#[derive(Debug)]
pub struct Recorder {
    gauge: Arc<Gauge>,
    /// `None` once it was waited for.
    thread: Option<JoinHandle<Result<Written, TapeError>>>,
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
        let writer = CaptureWriter::create(path, &queue.gauge().venue, rotation)?;
        Recorder::spawn(queue, writer)
    }

    pub(super) fn spawn(queue: FrameQueue, writer: CaptureWriter) -> Result<Recorder, TapeError> {
        let gauge = queue.gauge().clone();
        let work = Work::new(queue, writer);
        let thread = thread::Builder::new().name("recorder".into());
        let thread = Some(thread.spawn(|| work.run()).map_err(TapeError::Thread)?);
        Ok(Recorder { gauge, thread })
    }

    /// Whether it still records; else the disk has failed, and [`Recorder::finish`] says how.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Writes what waits, ends the file and waits for all of this: mostly a disk's write or two.
    ///
    /// # Errors
    /// The first of the disk; what was written before can be read.
    pub fn finish(mut self) -> Result<Totals, TapeError> {
        let Some(thread) = self.end() else {
            return Ok(Totals::default());
        };
        let written = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        // By difference, so that also those count that came in the very moment of the end.
        let taken = written.frames + written.refused;
        Ok(Totals {
            written,
            dropped: self.gauge.offered().saturating_sub(taken),
        })
    }

    fn end(&mut self) -> Option<JoinHandle<Result<Written, TapeError>>> {
        self.gauge.close();
        let thread = self.thread.take()?;
        thread.thread().unpark();
        Some(thread)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

/// The thread's.
struct Work {
    queue: FrameQueue,
    writer: CaptureWriter,
    flushed_at: Instant,
    /// What the metrics know of.
    counted: Written,
    frames: metrics::Counter,
    frame_bytes: metrics::Counter,
}

impl Work {
    fn new(queue: FrameQueue, writer: CaptureWriter) -> Work {
        let venue = queue.gauge().venue.as_str().to_owned();
        Work {
            queue,
            writer,
            flushed_at: Instant::now(),
            counted: Written::default(),
            frames: metrics::counter!(names::RECORD_FRAMES, "venue" => venue.clone()),
            frame_bytes: metrics::counter!(names::RECORD_FRAME_BYTES, "venue" => venue),
        }
    }

    fn run(mut self) -> Result<Written, TapeError> {
        let outcome = self.record();
        // From here on taps only count; what waits in the queue goes with it.
        self.queue.gauge().close();
        let outcome = match outcome {
            Ok(()) => self.writer.finish(),
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            let frames = self.counted.frames;
            tracing::error!(venue = %self.queue.gauge().venue, %error, frames, "recording has stopped");
        }
        outcome
    }

    fn record(&mut self) -> Result<(), TapeError> {
        loop {
            // Asked before the queue is emptied: what was queued until the end is then in it.
            let is_ending = !self.queue.gauge().is_open();
            while let Some(queued) = self.queue.next() {
                self.write(&queued)?;
                self.flush_if_due()?;
            }
            if is_ending {
                return self.flush();
            }
            self.queue.gauge().tell_caught_up();
            self.flush_if_due()?;
            thread::park_timeout(DRAIN_EVERY);
        }
    }

    fn write(&mut self, queued: &Queued) -> Result<(), TapeError> {
        if let Taken::Refused(refusal) = self.writer.write(queued.ts_recv, &queued.frame)? {
            let gauge = self.queue.gauge();
            gauge.count_refused();
            if self.writer.written().refused == 1 {
                tracing::warn!(venue = %gauge.venue, %refusal, "first frame that cannot be recorded");
            }
        }
        Ok(())
    }

    fn flush_if_due(&mut self) -> Result<(), TapeError> {
        if self.flushed_at.elapsed() < FLUSH_EVERY {
            return Ok(());
        }
        self.flush()
    }

    /// Counts only what can be read.
    fn flush(&mut self) -> Result<(), TapeError> {
        self.writer.flush()?;
        self.flushed_at = Instant::now();
        let written = self.writer.written();
        self.frames.increment(written.frames - self.counted.frames);
        self.frame_bytes
            .increment(written.frame_bytes - self.counted.frame_bytes);
        self.counted = written;
        Ok(())
    }
}
