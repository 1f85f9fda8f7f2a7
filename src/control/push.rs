//! Lines of updates that the server hands to a feed.

use tokio::sync::{mpsc, oneshot};

use crate::market::Ts;

/// Longest line of updates, its end not counted: 64 KiB is a hundred times one that names every field.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// Rejected lines listed in one answer: at some 200 B each it stays at 200 KB, however wrong a body is.
pub const REJECTED_MAX: usize = 1_000;

/// Pushes that may wait for the feed: each is the piece of one request, and each request waits for its answer.
const PUSHES_QUEUED_MAX: usize = 16;

/// Lines of updates for the feed that takes them.
#[derive(Debug)]
pub struct Push {
    /// Whole lines of NDJSON; the last may lack its end.
    pub lines: Vec<u8>,
    /// The number of the first, for naming those that are rejected.
    pub first_line: u64,
    /// When they came.
    pub ts_recv: Ts,
    /// Told once all accepted ones were handed to the engine.
    pub reply: oneshot::Sender<PushOutcome>,
}

/// What became of pushed lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushOutcome {
    /// Lines taken.
    pub accepted: u64,
    /// The first [`REJECTED_MAX`] of those refused.
    pub rejected: Vec<RejectedLine>,
    /// Refused beyond those listed.
    pub rejected_more: u64,
}

/// A refused line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedLine {
    /// From 1 on; blank lines count.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

impl PushOutcome {
    /// Lists a refused line, or counts it where enough are listed.
    pub fn reject(&mut self, line: u64, message: impl FnOnce() -> String) {
        if self.rejected.len() < REJECTED_MAX {
            let message = message();
            self.rejected.push(RejectedLine { line, message });
        } else {
            self.rejected_more += 1;
        }
    }

    /// Takes the outcome of the lines that follow.
    pub fn add(&mut self, next: PushOutcome) {
        self.accepted += next.accepted;
        self.rejected_more += next.rejected_more;
        for rejected in next.rejected {
            self.reject(rejected.line, || rejected.message);
        }
    }

    /// All that were refused, listed or not.
    pub fn rejected_all(&self) -> u64 {
        self.rejected.len() as u64 + self.rejected_more
    }
}

/// Makes the channel from the server to the feed of pushed updates.
pub fn push_channel() -> (mpsc::Sender<Push>, mpsc::Receiver<Push>) {
    mpsc::channel(PUSHES_QUEUED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rejected_lines_are_listed_and_the_others_counted() {
        let piece = |first: u64, count: u64| {
            let mut outcome = PushOutcome {
                accepted: 5,
                ..PushOutcome::default()
            };
            (first..first + count).for_each(|line| outcome.reject(line, || format!("bad {line}")));
            outcome
        };
        let mut whole = piece(1, 600);
        whole.add(piece(601, 600));
        assert_eq!(
            (whole.accepted, whole.rejected.len(), whole.rejected_more),
            (10, 1_000, 200)
        );
        assert_eq!((whole.rejected_all(), whole.rejected[999].line), (1_200, 1_000));
        whole.add(piece(1_201, 1_100));
        assert_eq!((whole.rejected.len(), whole.rejected_all()), (1_000, 2_300));
    }
}
