//! What stands in a data message besides instruments and venues.

use super::Encoding;
use super::proto::ErrorCode;
use crate::market::Ts;
use crate::store::{Epoch, Seq};

/// What stands at the head of a delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaHead {
    /// Everything up to here is in it.
    pub seq: Seq,
    /// Everything after here is in it.
    pub prev_seq: Seq,
    /// Of the beat in which it is assembled.
    pub ts: Ts,
    /// Beats with changes that were dropped.
    pub skipped: u32,
}

/// What stands at the head of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotHead {
    /// The timeline.
    pub epoch: Epoch,
    /// The part's seq.
    pub seq: Seq,
    /// Of the beat in which it is assembled.
    pub ts: Ts,
    /// The subscribe that it answers.
    pub request_id: u64,
    /// Only what changed.
    pub resumed: bool,
}

/// A symbol that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// As given, cut where it is longer than any symbol.
    pub symbol: String,
    /// The protocol's error code.
    pub code: ErrorCode,
    /// What was wrong and what is allowed.
    pub message: String,
}

/// What stands at the end of a snapshot's last part.
#[derive(Clone, Debug, Default)]
pub struct SnapshotTail {
    /// Accepted, not existing yet.
    pub pending: Vec<String>,
    /// Refused.
    pub rejected: Vec<Refused>,
}

impl SnapshotTail {
    /// Most bytes that it adds to a frame.
    pub fn cost(&self, encoding: Encoding) -> usize {
        let pending = self.pending.iter().map(|symbol| cost_of(encoding, symbol));
        pending.sum::<usize>() + self.rejected.iter().map(|r| r.cost(encoding)).sum::<usize>()
    }
}

impl Refused {
    /// Most bytes that it adds to a frame.
    pub fn cost(&self, encoding: Encoding) -> usize {
        cost_of(encoding, &self.symbol) + cost_of(encoding, &self.message) + 64
    }
}

fn cost_of(encoding: Encoding, text: &str) -> usize {
    match encoding {
        Encoding::Json => serde_json::to_string(text).map_or(0, |s| s.len()) + 1,
        _ => text.len() + 6,
    }
}
