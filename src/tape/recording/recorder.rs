//! Records what feeds say to a tape.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::super::{TapeWriter, TapeWritten};
use super::events::EventQueue;
use super::waiting::Item;
use super::{Rotation, Tally, TapeError, Work, Worker};
use crate::monitor::{Recording, RecordingState, names};

/// A recording under way. Dropped, it ends as with [`TapeRecorder::finish`], but nobody waits for it.
#[derive(Debug)]
pub struct TapeRecorder {
    tally: Arc<Tally>,
    recording: Arc<Recording>,
    worker: Worker<TapeWritten>,
}

/// What became of the events that were offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapeTotals {
    /// What is in the files.
    pub written: TapeWritten,
    /// Events that are not.
    pub dropped: u64,
}

impl TapeRecorder {
    /// Makes the file and starts the thread. Blocks on the file system.
    ///
    /// # Errors
    /// Those of [`TapeWriter::create`], or the thread cannot be started.
    pub fn start(queue: EventQueue, path: &Path, rotation: Rotation) -> Result<TapeRecorder, TapeError> {
        let writer = TapeWriter::create(path, rotation)?;
        TapeRecorder::spawn(queue, writer, path)
    }

    pub(super) fn spawn(queue: EventQueue, writer: TapeWriter, path: &Path) -> Result<TapeRecorder, TapeError> {
        let tally = queue.tally().clone();
        let recording = Arc::new(Recording::new(path, tally.dropped().clone()));
        let worker = Worker::spawn(&tally, Events::new(queue, writer, recording.clone()))?;
        Ok(TapeRecorder {
            tally,
            recording,
            worker,
        })
    }

    /// Whether it still records; else the disk has failed.
    pub fn is_running(&self) -> bool {
        self.worker.is_running()
    }

    /// How it fares.
    pub fn state(&self) -> RecordingState {
        self.recording.state()
    }

    /// The same for whoever knows nothing of tapes; it outlives the recorder.
    pub fn shared_state(&self) -> Arc<Recording> {
        self.recording.clone()
    }

    /// Writes what waits, ends the file and waits for all of this: mostly a disk's write or two.
    ///
    /// # Errors
    /// The first of the disk; what was flushed before can be read.
    pub fn finish(self) -> Result<TapeTotals, TapeError> {
        let written = self.worker.finish()?;
        let dropped = self.tally.dropped().load(Relaxed);
        Ok(TapeTotals { written, dropped })
    }
}

/// The thread's.
struct Events {
    queue: EventQueue,
    writer: TapeWriter,
    recording: Arc<Recording>,
    /// Events taken from the queue.
    taken: u64,
    /// Those of them that can be read, as the metrics know.
    counted: u64,
    events: metrics::Counter,
    up: metrics::Gauge,
}

impl Events {
    fn new(queue: EventQueue, writer: TapeWriter, recording: Arc<Recording>) -> Events {
        let work = Events {
            queue,
            writer,
            recording,
            taken: 0,
            counted: 0,
            events: metrics::counter!(names::RECORD_EVENTS),
            up: metrics::gauge!(names::RECORD_UP),
        };
        work.up.set(1.0);
        work
    }

    /// Notes that all that was taken can be read.
    fn count(&mut self, written: TapeWritten) {
        self.events.increment(self.taken - self.counted);
        self.counted = self.taken;
        self.recording.written(written.records, written.file_bytes);
    }
}

impl Work for Events {
    type Outcome = TapeWritten;

    fn write_next(&mut self) -> Result<bool, TapeError> {
        match self.queue.next() {
            None => return Ok(false),
            Some(Item::Gap { now, events }) => self.writer.gap(now, events)?,
            Some(Item::Events { now, events }) => {
                self.taken += events.len() as u64;
                for event in events.iter() {
                    self.writer.write(now, event)?;
                }
            }
        }
        Ok(true)
    }

    fn flush(&mut self) -> Result<(), TapeError> {
        self.writer.flush()?;
        self.count(self.writer.written());
        Ok(())
    }

    fn finish(self, recorded: Result<(), TapeError>) -> Result<TapeWritten, TapeError> {
        let outcome = recorded.and_then(|()| self.writer.finish());
        self.up.set(0.0);
        match &outcome {
            Ok(written) => {
                self.recording.written(written.records, written.file_bytes);
                self.recording.ended(None);
            }
            Err(error) => {
                // What may be half on the disk is no record; what waits goes with the queue.
                self.queue.tally().lose(self.taken - self.counted);
                self.recording.ended(Some(error.to_string()));
                tracing::error!(%error, records = self.recording.state().records, "recording has stopped");
            }
        }
        outcome
    }
}
