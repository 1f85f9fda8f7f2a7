//! What is told of a run; for programs, these names are the JSON.

use std::time::Duration;

use serde::Serialize;

use super::super::lag::{Lag, LagReport};
use super::args::BenchArgs;
use super::driver::{ProcessRun, Run};
use super::process::{ThreadReport, percent};
use super::tally::{Counts, Tally};
use crate::wire::Compression;

/// Everything. Figures are of the time measured unless they say otherwise.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    pub(super) url: String,
    pub(super) server: String,
    pub(super) subscribers: u32,
    pub(super) symbols: u32,
    #[serde(rename = "match")]
    pub(super) pattern: String,
    pub(super) same: bool,
    pub(super) seed: u64,
    pub(super) encoding: &'static str,
    pub(super) compression: &'static str,
    /// As granted.
    pub(super) interval_ms: u32,
    pub(super) joined: usize,
    pub(super) join_s: f64,
    /// 0 where not all joined: nothing was measured then.
    pub(super) measured_s: f64,
    pub(super) frames: u64,
    pub(super) frames_per_s: f64,
    pub(super) entries: u64,
    pub(super) entries_per_s: f64,
    pub(super) payload_bytes: u64,
    pub(super) payload_bytes_per_s: f64,
    pub(super) wire_bytes: u64,
    pub(super) wire_bytes_per_s: f64,
    /// Parts of snapshots; counted among the frames too.
    pub(super) snapshots: u64,
    pub(super) heartbeats: u64,
    pub(super) epochs: u64,
    pub(super) latency_ns: Option<Spread>,
    pub(super) age_ns: Option<Spread>,
    pub(super) round_trip_ns: Option<Spread>,
    /// How far the server's clock is ahead of ours.
    pub(super) clock_offset_ns: Option<i64>,
    /// It may be so much more or less: half of the shortest round trip.
    pub(super) clock_error_ns: Option<i64>,
    pub(super) skipped_beats: u64,
    /// Of all beats with changes.
    pub(super) skipped_share: f64,
    pub(super) inflate: Option<Inflate>,
    pub(super) generator: Generator,
    pub(super) process: Option<ProcessReport>,
    /// Of the whole run: messages that were lost.
    pub(super) gaps: u64,
    pub(super) checked: Checked,
    pub(super) whole_run: WholeRun,
    pub(super) is_interrupted: bool,
    pub(super) faults_total: u64,
    /// The first of them in words.
    pub(super) faults: Vec<String>,
}

/// A distribution.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Spread {
    #[serde(flatten)]
    pub(super) lag: LagReport,
    /// How many are below zero: one clock is ahead of the other.
    pub(super) negative: u64,
}

/// What inflating took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Inflate {
    pub(super) messages: u64,
    pub(super) deflated_bytes: u64,
    pub(super) inflated_bytes: u64,
    pub(super) us_per_message: f64,
}

/// What measuring itself took.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Generator {
    pub(super) threads: usize,
    pub(super) cpu_s: f64,
    pub(super) cpu_percent: f64,
    pub(super) cpu_us_per_frame: f64,
}

/// What the server took.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProcessReport {
    pub(super) pid: u32,
    pub(super) cpu_s: f64,
    pub(super) cpu_percent: f64,
    pub(super) cpu_us_per_frame: f64,
    pub(super) threads: Vec<ThreadReport>,
    pub(super) resident_bytes_before: u64,
    pub(super) resident_bytes_joined: u64,
    pub(super) resident_bytes_after: u64,
    /// What joining added; below zero where it gave memory back meanwhile.
    pub(super) resident_bytes_per_subscriber: f64,
}

/// How much was looked at; of the whole run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Checked {
    /// Messages whose seqs were checked.
    pub(super) seqs: u64,
    /// Messages decoded to the last field.
    pub(super) decoded: u64,
}

/// From the first connection to the last goodbye; what the server's own counters should say.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct WholeRun {
    pub(super) frames: u64,
    pub(super) entries: u64,
    pub(super) heartbeats: u64,
    pub(super) skipped_beats: u64,
    pub(super) wire_bytes: u64,
}

impl Report {
    pub(super) fn new(args: &BenchArgs, run: &Run) -> Report {
        let (tally, seconds) = (&run.tally, run.measured.as_secs_f64());
        let (counts, whole) = (tally.measured(), tally.whole());
        let a_second = |number: u64| ratio(number as f64, seconds);
        Report {
            url: args.url.clone(),
            server: tally.server.clone(),
            subscribers: args.subscribers,
            symbols: args.symbols,
            pattern: args.pattern.as_str().to_owned(),
            same: args.same,
            seed: args.seed,
            encoding: args.encoding.name(),
            compression: match args.compression {
                Compression::None => "none",
                Compression::Deflate => "deflate",
            },
            interval_ms: tally.interval_ms,
            joined: run.joined,
            join_s: rounded(run.join.as_secs_f64()),
            measured_s: rounded(seconds),
            frames: counts.frames(),
            frames_per_s: a_second(counts.frames()),
            entries: counts.entries,
            entries_per_s: a_second(counts.entries),
            payload_bytes: counts.payload_bytes,
            payload_bytes_per_s: a_second(counts.payload_bytes),
            wire_bytes: counts.wire_bytes,
            wire_bytes_per_s: a_second(counts.wire_bytes),
            snapshots: counts.snapshots,
            heartbeats: counts.heartbeats,
            epochs: counts.epochs,
            latency_ns: Spread::of(&tally.latency),
            age_ns: Spread::of(&tally.age),
            round_trip_ns: Spread::of(&tally.round_trip),
            clock_offset_ns: tally.clock.map(|(_, offset)| offset),
            clock_error_ns: tally.clock.map(|(round_trip, _)| round_trip / 2),
            skipped_beats: counts.skipped,
            skipped_share: match counts.skipped {
                0 => 0.0,
                skipped => skipped as f64 / (skipped + counts.whole_deltas) as f64,
            },
            inflate: Inflate::of(counts),
            generator: Generator::of(run, counts),
            process: run
                .process
                .as_ref()
                .map(|process| ProcessReport::of(process, run, counts)),
            gaps: tally.faults.losses,
            checked: Checked {
                seqs: whole.frames() + whole.heartbeats,
                decoded: whole.decoded,
            },
            whole_run: WholeRun::of(&whole),
            is_interrupted: run.is_interrupted,
            faults_total: tally.faults.total,
            faults: tally.faults.told.clone(),
        }
    }

    /// Why the run is no success, where something was wrong.
    pub(super) fn failure(&self) -> Option<String> {
        let first = self.faults.first()?;
        let lost = match self.gaps {
            0 => String::new(),
            1 => "a message was lost; ".to_owned(),
            gaps => format!("{gaps} messages were lost; "),
        };
        let joined = match (self.joined, self.subscribers) {
            (joined, all) if joined < all as usize => format!("{joined} of {all} subscribers joined; "),
            _ => String::new(),
        };
        let more = match self.faults_total {
            1 => String::new(),
            total => format!(" (the first of {total} faults)"),
        };
        Some(format!("{lost}{joined}{first}{more}"))
    }
}

impl Spread {
    fn of(lag: &Lag) -> Option<Spread> {
        lag.report().map(|report| Spread {
            lag: report,
            negative: lag.negative(),
        })
    }
}

impl Inflate {
    fn of(counts: &Counts) -> Option<Inflate> {
        (counts.inflated > 0).then(|| Inflate {
            messages: counts.inflated,
            deflated_bytes: counts.deflated_bytes,
            inflated_bytes: counts.inflated_bytes,
            us_per_message: us_each(counts.inflate_ns, counts.inflated),
        })
    }
}

impl Generator {
    fn of(run: &Run, counts: &Counts) -> Generator {
        let Tally { cpu, .. } = run.tally;
        Generator {
            threads: run.threads,
            cpu_s: rounded(cpu.as_secs_f64()),
            cpu_percent: rounded(percent(ns(cpu), run.measured.as_secs_f64())),
            cpu_us_per_frame: us_each(ns(cpu), counts.frames()),
        }
    }
}

impl ProcessReport {
    fn of(process: &ProcessRun, run: &Run, counts: &Counts) -> ProcessReport {
        let seconds = run.measured.as_secs_f64();
        let (cpu, threads) = process.after.since(&process.before, seconds);
        let grown = process.resident_joined as f64 - process.resident_before as f64;
        ProcessReport {
            pid: process.pid,
            cpu_s: rounded(cpu as f64 / 1e9),
            cpu_percent: rounded(percent(cpu, seconds)),
            cpu_us_per_frame: us_each(cpu, counts.frames()),
            threads: threads
                .into_iter()
                .map(|thread| ThreadReport {
                    cpu_s: rounded(thread.cpu_s),
                    cpu_percent: rounded(thread.cpu_percent),
                    ..thread
                })
                .collect(),
            resident_bytes_before: process.resident_before,
            resident_bytes_joined: process.resident_joined,
            resident_bytes_after: process.resident_after,
            resident_bytes_per_subscriber: ratio(grown, run.joined as f64),
        }
    }
}

impl WholeRun {
    fn of(counts: &Counts) -> WholeRun {
        WholeRun {
            frames: counts.frames(),
            entries: counts.entries,
            heartbeats: counts.heartbeats,
            skipped_beats: counts.skipped,
            wire_bytes: counts.wire_bytes,
        }
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn us_each(ns: u64, count: u64) -> f64 {
    ratio(ns as f64 / 1e3, count as f64)
}

/// 0 of nothing.
fn ratio(number: f64, by: f64) -> f64 {
    if by > 0.0 { rounded(number / by) } else { 0.0 }
}

/// Three decimals: what is behind them is noise.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
