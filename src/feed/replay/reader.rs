//! Reads a timeline ahead on blocking threads: the runtime neither waits for a disk nor inflates.

use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};

use super::plan::Plan;
use super::timeline::{Step, Timeline};
use crate::feed::FeedError;
use crate::market::Ts;

/// Steps handed over at once, some 300 B each. One such chunk is read while the one before is played: 600 KB.
const CHUNK_STEPS: usize = 1_024;

/// A timeline being read ahead. No thread waits while nothing is played.
pub(super) struct Ahead {
    /// Reads the next chunk; absent at the end.
    task: Option<JoinHandle<Chunk>>,
    /// Told after what came before it.
    fault: Option<FeedError>,
}

struct Chunk {
    /// What goes on behind it; absent at the end.
    timeline: Option<Box<Timeline>>,
    steps: Vec<Step>,
    fault: Option<FeedError>,
}

impl Ahead {
    /// Nothing to read.
    pub(super) fn none() -> Ahead {
        Ahead {
            task: None,
            fault: None,
        }
    }

    /// Starts reading, from the beginning or with the state at a beat.
    pub(super) fn begin(plan: Arc<Plan>, at: Option<Ts>, part: u64) -> Ahead {
        let open = move || match Timeline::open(&plan, at, part) {
            Ok(timeline) => read(Box::new(timeline)),
            Err(error) => Chunk {
                timeline: None,
                steps: Vec::new(),
                fault: Some(error.into()),
            },
        };
        Ahead {
            task: Some(spawn_blocking(open)),
            fault: None,
        }
    }

    /// Whether the next chunk is there already.
    pub(super) fn is_ready(&self) -> bool {
        self.task.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// The next steps, or the fault after them; `None` at the end.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing is lost.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<Step>, FeedError>> {
        if let Some(task) = &mut self.task {
            let read_ahead = task.await;
            self.task = None;
            match read_ahead {
                Ok(chunk) => {
                    self.fault = chunk.fault;
                    self.task = chunk.timeline.map(|timeline| spawn_blocking(|| read(timeline)));
                    if !chunk.steps.is_empty() {
                        return Some(Ok(chunk.steps));
                    }
                }
                Err(_) => self.fault = Some(FeedError::Internal("reading a recording panicked")),
            }
        }
        self.fault.take().map(Err)
    }
}

/// Reads one chunk; what is empty is the end.
fn read(mut timeline: Box<Timeline>) -> Chunk {
    let mut steps = Vec::with_capacity(CHUNK_STEPS);
    let end = |steps, fault: Option<FeedError>| Chunk {
        timeline: None,
        steps,
        fault,
    };
    while steps.len() < CHUNK_STEPS {
        match timeline.next() {
            Ok(Some(step)) => steps.push(step),
            Ok(None) => return end(steps, None),
            Err(error) => return end(steps, Some(error.into())),
        }
    }
    Chunk {
        timeline: Some(timeline),
        steps,
        fault: None,
    }
}
