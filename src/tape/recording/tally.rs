//! What taps and recorder both know of the queue between them: how much was offered, how much of it was lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The counts of one queue, and whether it is open.
#[derive(Debug)]
pub(in crate::tape) struct Tally {
    /// What is recorded, for the log.
    of: String,
    /// What it counts, in the plural.
    unit: &'static str,
    /// What taps were given.
    offered: AtomicU64,
    /// What of it is not recorded. Shared with whoever shows it.
    dropped: Arc<AtomicU64>,
    dropped_metric: metrics::Counter,
    is_open: AtomicBool,
    is_behind: AtomicBool,
}

impl Tally {
    pub(in crate::tape) fn new(of: String, unit: &'static str, dropped_metric: metrics::Counter) -> Tally {
        Tally {
            of,
            unit,
            offered: AtomicU64::new(0),
            dropped: Arc::default(),
            dropped_metric,
            is_open: AtomicBool::new(true),
            is_behind: AtomicBool::new(false),
        }
    }

    /// Whether taps still queue what they are given; else they only count it.
    pub(in crate::tape) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Lets taps queue nothing more.
    pub(in crate::tape) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
    }

    /// Counts what a tap was given, before it is queued: the recorder has never taken more than was offered.
    pub(in crate::tape) fn offer(&self, count: u64) {
        self.offered.fetch_add(count, Ordering::Relaxed);
    }

    pub(in crate::tape) fn offered(&self) -> u64 {
        self.offered.load(Ordering::Relaxed)
    }

    pub(in crate::tape) fn dropped(&self) -> &Arc<AtomicU64> {
        &self.dropped
    }

    /// Counts what is not recorded, and says so the first time since the queue was empty.
    pub(in crate::tape) fn lose(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
        self.dropped_metric.increment(count);
        // A recording that has ended is not behind; why it ended was told.
        if self.is_open() && !self.is_behind.swap(true, Ordering::Relaxed) {
            tracing::warn!(of = self.of, "recording falls behind, {} are dropped", self.unit);
        }
    }

    /// Counts what the recorder took but cannot write; it is no delay.
    pub(in crate::tape) fn refuse(&self, count: u64) {
        self.dropped_metric.increment(count);
    }

    /// Says, to be called with the queue empty, that it is so again.
    pub(in crate::tape) fn tell_caught_up(&self) {
        if self.is_behind.swap(false, Ordering::Relaxed) {
            let dropped = self.dropped.load(Ordering::Relaxed);
            tracing::info!(of = self.of, dropped, "recording has caught up");
        }
    }
}
