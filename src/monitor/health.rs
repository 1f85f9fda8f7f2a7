//! Whether the service does its job right now, for `/readyz` and `/v1/status`.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::market::Ts;

/// A beat this late is no longer on time: ten periods, far above what a busy machine's scheduler takes.
const LATE_US: i64 = 100_000;

/// Figures of the beat, written by the engine and read by whoever asks.
#[derive(Debug, Default)]
pub struct Health {
    last_tick_ts: AtomicI64,
    beat_us: AtomicU64,
    late: AtomicU64,
    held: AtomicU64,
}

impl Health {
    /// Notes a beat: when it was, how long it took, how many the timer left out and how many were held.
    pub fn beat(&self, ts: Ts, took_us: u64, late: u64, held: u64) {
        self.last_tick_ts.store(ts.0, Relaxed);
        self.beat_us.store(took_us, Relaxed);
        self.late.store(late, Relaxed);
        self.held.store(held, Relaxed);
    }

    /// Whether the last beat is recent.
    pub fn is_on_time(&self, now: Ts) -> bool {
        now.micros_since(Ts(self.last_tick_ts.load(Relaxed))) < LATE_US
    }

    /// Microseconds that the last beat took in the engine.
    pub fn beat_us(&self) -> u64 {
        self.beat_us.load(Relaxed)
    }

    /// Beats that the timer left out since the start.
    pub fn late(&self) -> u64 {
        self.late.load(Relaxed)
    }

    /// Beats not sealed since the start for lack of room downstream.
    pub fn held(&self) -> u64 {
        self.held.load(Relaxed)
    }
}
