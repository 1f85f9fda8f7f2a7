//! How far the subscribers have come with the beats of a tape's clock.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Somebody is owed something.
const BUSY: u64 = u64::MAX;

/// What each shard has brought to all of its subscribers.
#[derive(Debug)]
pub struct Lockstep {
    /// Ticks taken by each shard and brought to all of its subscribers; [`BUSY`] while somebody is owed something.
    shards: Vec<AtomicU64>,
    changed: Notify,
}

impl Lockstep {
    /// Nothing was taken, and nobody is owed anything.
    pub fn new(shards: usize) -> Lockstep {
        Lockstep {
            shards: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            changed: Notify::new(),
        }
    }

    /// A shard says that it has something under way.
    pub fn busy(&self, shard: usize) {
        self.shards[shard].store(BUSY, Ordering::Release);
    }

    /// A shard says that all of its subscribers have everything up to its so many ticks.
    pub fn idle(&self, shard: usize, ticks: u64) {
        self.shards[shard].store(ticks, Ordering::Release);
        self.changed.notify_one();
    }

    /// Whether every subscriber has everything up to so many ticks, and nobody is owed anything else.
    pub(super) fn is_at(&self, ticks: u64) -> bool {
        let is_there = |taken: u64| taken != BUSY && taken >= ticks;
        self.shards.iter().all(|shard| is_there(shard.load(Ordering::Acquire)))
    }

    /// Waits until a shard has said something new; one task may wait.
    ///
    /// # Cancel safety
    /// What was said before is not missed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}
