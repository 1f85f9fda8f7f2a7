//! What is counted, one of them a thread.

use std::time::Duration;

use super::super::lag::Lag;
use super::fault::Fault;

/// Faults that are kept in words; beyond, they are counted.
const FAULTS_KEPT_MAX: usize = 20;

/// Part of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not all have joined.
    #[default]
    Before,
    /// The time that is measured.
    Measured,
    /// Goodbye.
    After,
}

/// Messages and bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Deltas, or parts of large ones.
    pub(super) deltas: u64,
    /// Of these, such as end one.
    pub(super) whole_deltas: u64,
    pub(super) entries: u64,
    /// Parts of snapshots.
    pub(super) snapshots: u64,
    pub(super) heartbeats: u64,
    pub(super) skipped: u64,
    /// New ones in place of another.
    pub(super) epochs: u64,
    /// Messages as they came.
    pub(super) payload_bytes: u64,
    /// All frames with their headers.
    pub(super) wire_bytes: u64,
    pub(super) decoded: u64,
    pub(super) inflated: u64,
    pub(super) deflated_bytes: u64,
    pub(super) inflated_bytes: u64,
    pub(super) inflate_ns: u64,
}

impl Counts {
    /// Takes those of another one too.
    pub(super) fn add(&mut self, other: &Counts) {
        self.deltas += other.deltas;
        self.whole_deltas += other.whole_deltas;
        self.entries += other.entries;
        self.snapshots += other.snapshots;
        self.heartbeats += other.heartbeats;
        self.skipped += other.skipped;
        self.epochs += other.epochs;
        self.payload_bytes += other.payload_bytes;
        self.wire_bytes += other.wire_bytes;
        self.decoded += other.decoded;
        self.inflated += other.inflated;
        self.deflated_bytes += other.deflated_bytes;
        self.inflated_bytes += other.inflated_bytes;
        self.inflate_ns += other.inflate_ns;
    }

    /// Messages that carry data.
    pub(super) fn frames(&self) -> u64 {
        self.deltas + self.snapshots
    }
}

/// All that a thread counts.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) phase: Phase,
    by_phase: [Counts; 3],
    /// Of deltas in the time measured, from the beat to the receipt.
    pub(super) latency: Lag,
    /// Of decoded entries in the time measured, from the venue's stamp to the receipt.
    pub(super) age: Lag,
    pub(super) round_trip: Lag,
    /// The shortest round trip in ns and how far the server's clock was ahead of ours then.
    pub(super) clock: Option<(i64, i64)>,
    /// As each welcome said.
    pub(super) interval_ms: u32,
    pub(super) server: String,
    pub(super) faults: Faults,
    /// CPU of the thread in the time measured.
    pub(super) cpu: Duration,
}

/// What went wrong.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) told: Vec<String>,
    pub(super) total: u64,
    pub(super) losses: u64,
}

impl Faults {
    pub(super) fn take(&mut self, number: usize, fault: &Fault) {
        self.total += 1;
        self.losses += u64::from(fault.is_loss());
        if self.told.len() < FAULTS_KEPT_MAX {
            self.told.push(format!("subscriber {number}: {fault}"));
        }
    }

    fn add(&mut self, other: Faults) {
        self.total += other.total;
        self.losses += other.losses;
        self.told.extend(other.told);
        self.told.truncate(FAULTS_KEPT_MAX);
    }
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            phase: Phase::default(),
            by_phase: [Counts::default(); 3],
            latency: Lag::new(),
            age: Lag::new(),
            round_trip: Lag::new(),
            clock: None,
            interval_ms: 0,
            server: String::new(),
            faults: Faults::default(),
            cpu: Duration::ZERO,
        }
    }

    pub(super) fn is_measured(&self) -> bool {
        self.phase == Phase::Measured
    }

    /// The counts of now.
    pub(super) fn now(&mut self) -> &mut Counts {
        &mut self.by_phase[self.phase as usize]
    }

    /// The counts of the time measured.
    pub(super) fn measured(&self) -> &Counts {
        &self.by_phase[Phase::Measured as usize]
    }

    /// The counts from the first connection to the last.
    pub(super) fn whole(&self) -> Counts {
        let mut whole = Counts::default();
        self.by_phase.iter().for_each(|counts| whole.add(counts));
        whole
    }

    /// Takes those of another thread too.
    pub(super) fn add(&mut self, other: Tally) {
        for (counts, others) in self.by_phase.iter_mut().zip(&other.by_phase) {
            counts.add(others);
        }
        self.latency.add(&other.latency);
        self.age.add(&other.age);
        self.round_trip.add(&other.round_trip);
        self.clock = [self.clock, other.clock].into_iter().flatten().min();
        self.interval_ms = self.interval_ms.max(other.interval_ms);
        if self.server.is_empty() {
            self.server = other.server;
        }
        self.faults.add(other.faults);
        self.cpu += other.cpu;
    }
}
