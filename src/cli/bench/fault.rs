//! What must not happen to a subscriber.

use std::time::Duration;

use crate::client::{Breach, Disconnect};

/// Something wrong with one subscriber.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// Rule 1 or 2 of the protocol: what lies between was never sent, or lost.
    #[error("lost what came after seq {own}: seq {seq} came with prev_seq {prev_seq}")]
    Lost { own: u64, prev_seq: u64, seq: u64 },
    #[error("seq {seq} came when everything up to {own} was known")]
    NotGrown { own: u64, seq: u64 },
    #[error("seq {seq} came between the parts of the delta with seq {of}")]
    BetweenParts { of: u64, seq: u64 },
    #[error("values for instrument {0}, which was not announced to it")]
    Unannounced(u32),
    #[error("announced is `{0}`, which it did not ask for")]
    NotAskedFor(String),
    #[error("{0} of the symbols that it asked for are neither in its snapshots nor pending")]
    Missing(usize),
    #[error("the server broke the protocol: {0}")]
    Breach(#[from] Breach),
    #[error("{0}")]
    Disconnected(#[from] Disconnect),
    #[error("not a WebSocket frame of a server: {0}")]
    Frame(&'static str),
    #[error("a request was refused: {0}")]
    Refused(String),
    #[error("no whole snapshot within {0:?} of connecting")]
    JoinDeadline(Duration),
}

impl Fault {
    /// Whether a message is missing.
    pub(super) fn is_loss(&self) -> bool {
        matches!(self, Fault::Lost { .. })
    }
}
