//! How far a replay at the original pace is off the recording's schedule, beat by beat.
//!
//! Prints the median and the worst delay, and the drift from the first second to the last, beside their bounds; ends
//! with 1 where one is broken.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tickwire::control::{Inflow, Speed, replay_remote};
use tickwire::feed::{FeedContext, Replay, ReplayClock, ReplayOptions, channel};
use tickwire::market::Ts;
use tokio::sync::watch;

/// A beat of what this machine's timers are late anyway: tokio's have a grain of 1 ms.
const MEDIAN_MAX: Duration = Duration::from_millis(3);

/// From the first second to the last the typical delay may grow by so much: nothing but noise.
const DRIFT_MAX: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    // `cargo bench` and `cargo test` both pass arguments that mean nothing here.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let delays = runtime.expect("a runtime").block_on(play());
    let median = |delays: &[Duration]| {
        let mut sorted = delays.to_vec();
        sorted.sort_unstable();
        sorted[sorted.len() / 2]
    };
    let (typical, worst) = (median(&delays), *delays.iter().max().expect("beats"));
    let second = 100.min(delays.len());
    let (first, last) = (median(&delays[..second]), median(&delays[delays.len() - second..]));
    let drift = last.saturating_sub(first);
    println!(
        "{} beats at the original pace: delay against the schedule",
        delays.len()
    );
    println!("  median {typical:?} (at most {MEDIAN_MAX:?}), worst {worst:?}");
    println!("  first second {first:?}, last second {last:?}: drift {drift:?} (at most {DRIFT_MAX:?})");
    if typical <= MEDIAN_MAX && drift <= DRIFT_MAX {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How late each beat of the demo recording comes.
async fn play() -> Vec<Duration> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.capture.gz");
    let replay = Replay::open(ReplayOptions {
        files: vec![file],
        salvage: false,
        clock: ReplayClock::Tape,
        speed: Speed::ORIGINAL,
        from: None,
        to: None,
        is_loop: false,
        max_gap: None,
        is_paused: false,
        starts_at_first_subscriber: false,
        faults: Vec::new(),
        fault_seed: 0,
    });
    let replay = replay.expect("the demo recording");
    let (_remote, desk) = replay_remote(replay.status());
    let context = FeedContext::new(watch::channel(true).1);
    let mut feed = replay.into_feed(&context, desk).expect("a feed");
    let (out, mut inflows) = channel(8);
    tokio::spawn(async move { feed.run(&out).await });
    let mut beats: Vec<(Ts, Instant)> = Vec::new();
    // After the end nothing comes any more.
    while let Ok(Some(inflow)) = tokio::time::timeout(Duration::from_secs(2), inflows.recv()).await {
        if let Inflow::Beat(ts) = inflow {
            beats.push((ts, Instant::now()));
        }
    }
    // The schedule is the earliest that fits all: no beat comes before it is due.
    let (origin, _) = beats[0];
    let scheduled = |ts: Ts| Duration::from_nanos((ts.0 - origin.0) as u64);
    let start = beats.iter().map(|(ts, at)| *at - scheduled(*ts)).min().expect("beats");
    beats
        .iter()
        .map(|(ts, at)| at.saturating_duration_since(start + scheduled(*ts)))
        .collect()
}
