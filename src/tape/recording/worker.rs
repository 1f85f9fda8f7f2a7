//! The thread of a recorder: it owns the file, so that no feed ever waits for a disk.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::super::TapeError;
use super::super::bounds::{DRAIN_EVERY, FLUSH_EVERY};
use super::Tally;

/// A queue's end and the file that its items go to.
pub(in crate::tape) trait Work: Send + 'static {
    /// What is told at the end.
    type Outcome: Send + 'static;

    /// Writes the next item, if one waits; says whether one did.
    fn write_next(&mut self) -> Result<bool, TapeError>;

    /// Hands all that was written to the system, and counts it.
    fn flush(&mut self) -> Result<(), TapeError>;

    /// Ends the file and waits for the disk; or, after an error, tells that the recording has ended with it.
    fn finish(self, recorded: Result<(), TapeError>) -> Result<Self::Outcome, TapeError>;
}

/// A recorder's thread under way. Dropped, it ends as with [`Worker::finish`], but nobody waits for it.
#[derive(Debug)]
pub(in crate::tape) struct Worker<T> {
    tally: Arc<Tally>,
    /// `None` once it was waited for.
    thread: Option<JoinHandle<Result<T, TapeError>>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Starts the thread; it ends once the tally is closed, or with the disk's first error.
    pub(in crate::tape) fn spawn(tally: &Arc<Tally>, work: impl Work<Outcome = T>) -> Result<Worker<T>, TapeError> {
        let (tally, shared) = (tally.clone(), tally.clone());
        let thread = thread::Builder::new().name("recorder".into());
        let thread = thread.spawn(move || run(work, &shared)).map_err(TapeError::Thread)?;
        let thread = Some(thread);
        Ok(Worker { tally, thread })
    }

    /// Whether it still records.
    pub(in crate::tape) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Has what waits written and the file ended, and waits for it.
    ///
    /// # Errors
    /// The first of the disk.
    pub(in crate::tape) fn finish(mut self) -> Result<T, TapeError> {
        self.end();
        let thread = self.thread.take().expect("only this takes it, once");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl<T> Worker<T> {
    fn end(&self) {
        self.tally.close();
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        self.end();
    }
}

fn run<W: Work>(mut work: W, tally: &Tally) -> Result<W::Outcome, TapeError> {
    let recorded = record(&mut work, tally);
    // From here on taps only count; what waits in the queue goes with it.
    tally.close();
    work.finish(recorded)
}

/// Writes what comes until the tally is closed and nothing waits.
fn record(work: &mut impl Work, tally: &Tally) -> Result<(), TapeError> {
    let mut flushed_at = Instant::now();
    loop {
        // Asked before the queue is emptied: what was queued until the end is then in it.
        let is_ending = !tally.is_open();
        while work.write_next()? {
            flush_if_due(work, &mut flushed_at)?;
        }
        if is_ending {
            return work.flush();
        }
        tally.tell_caught_up();
        flush_if_due(work, &mut flushed_at)?;
        thread::park_timeout(DRAIN_EVERY);
    }
}

fn flush_if_due(work: &mut impl Work, flushed_at: &mut Instant) -> Result<(), TapeError> {
    if flushed_at.elapsed() < FLUSH_EVERY {
        return Ok(());
    }
    work.flush()?;
    *flushed_at = Instant::now();
    Ok(())
}
