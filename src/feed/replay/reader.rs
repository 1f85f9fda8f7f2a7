//! Reads a timeline ahead on a blocking thread: the runtime neither waits for a disk nor inflates.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::plan::Plan;
use super::timeline::{Step, Timeline};
use crate::feed::{FeedError, SpecError};
use crate::market::Ts;

/// Steps handed over at once, some 300 B each.
const CHUNK_STEPS: usize = 1_024;

/// Chunks read ahead: with the two at work 1.5 MB.
const CHUNKS_AHEAD: usize = 3;

/// What is read ahead: steps, or the fault after them. A clean end is the end of the channel.
pub(super) type Steps = mpsc::Receiver<Result<Vec<Step>, FeedError>>;

/// Starts reading, from the beginning or with the state at a beat. The thread ends soon after the receiver is dropped.
pub(super) fn read_ahead(plan: Arc<Plan>, at: Option<Ts>, part: u64) -> Steps {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read(&plan, at, part, &sender) {
            // The receiver is gone only where nobody wants to know.
            let _ = sender.blocking_send(Err(error.into()));
        }
    });
    receiver
}

fn read(
    plan: &Arc<Plan>,
    at: Option<Ts>,
    part: u64,
    sender: &mpsc::Sender<Result<Vec<Step>, FeedError>>,
) -> Result<(), SpecError> {
    let mut timeline = Timeline::open(plan, at, part)?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_STEPS);
        let outcome = fill(&mut timeline, &mut chunk);
        let is_last = !matches!(outcome, Ok(true));
        if !chunk.is_empty() && sender.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
        if is_last {
            return outcome.map(|_| ());
        }
    }
}

/// Reads on until the chunk is full; `false` at the end.
fn fill(timeline: &mut Timeline, chunk: &mut Vec<Step>) -> Result<bool, SpecError> {
    while chunk.len() < CHUNK_STEPS {
        match timeline.next()? {
            Some(step) => chunk.push(step),
            None => return Ok(false),
        }
    }
    Ok(true)
}
