//! How each subscriber fares: who lags, by how much, and why.

use crate::wire::{Compression, Encoding};

use super::shard::Shard;
use super::{Socket, SubscriberId};

/// One subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub id: SubscriberId,
    /// How its messages become bytes.
    pub encoding: Encoding,
    /// Whether they may be deflated.
    pub compression: Compression,
    /// Beats between two of its deltas.
    pub pace_beats: u64,
    /// Instruments held.
    pub symbols: usize,
    /// Beats with changes since the one up to which it was sent everything; its pace alone makes no lag.
    pub behind: u64,
    /// Beats for which its socket has not taken what there is.
    pub blocked_beats: u64,
    /// It was told to the log as slow and has not caught up.
    pub is_slow: bool,
    /// Beats dropped for it since it came.
    pub skipped: u64,
    /// Most deltas not yet confirmed, 0 where it confirms none.
    pub window: u32,
    /// Deltas not yet confirmed.
    pub unconfirmed: usize,
    /// Bytes that the kernel took for it, headers included and TLS not.
    pub sent_bytes: u64,
}

impl<S: Socket> Shard<S> {
    /// How all of them fare.
    pub(super) fn standings(&self) -> Vec<Standing> {
        let all = self.subscribers.iter().flatten();
        let standing = all.map(|subscriber| {
            let group = subscriber.group.map(|id| self.groups.get(id));
            Standing {
                id: subscriber.id,
                encoding: subscriber.encoding,
                compression: subscriber.compression,
                pace_beats: subscriber.pace.beats,
                symbols: group.map_or(0, |group| group.held.len()),
                behind: match self.is_current(subscriber) {
                    true => 0,
                    false => self.table.seq().0.saturating_sub(subscriber.covered.0),
                },
                blocked_beats: subscriber.blocked_for(self.wall),
                is_slow: subscriber.is_slow,
                skipped: subscriber.skipped_ever,
                window: subscriber.window,
                unconfirmed: subscriber.unconfirmed(),
                sent_bytes: subscriber.sent_bytes,
            }
        });
        standing.collect()
    }
}
