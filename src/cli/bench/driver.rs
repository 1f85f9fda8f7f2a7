//! The run as a whole: threads, phases, and what the server's process uses meanwhile.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

use super::super::bars;
use super::BenchError;
use super::plan::Plan;
use super::process::{Process, Usage};
use super::tally::Tally;
use super::worker::{Signals, Worker};

/// Subscribers of one thread: 2,000 at 100 frames a second take half a core.
const SUBSCRIBERS_PER_THREAD: usize = 2_000;

/// Open files besides subscribers: the runtime's, the polls, `/proc`.
const FILES_BESIDES: u64 = 64;

/// Between looks at how far it is.
const LOOK: Duration = Duration::from_millis(20);

/// What a run came to.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) tally: Tally,
    pub(super) threads: usize,
    pub(super) joined: usize,
    pub(super) join: Duration,
    /// Zero where not all have joined.
    pub(super) measured: Duration,
    pub(super) process: Option<ProcessRun>,
    pub(super) is_interrupted: bool,
}

/// What the server's process used.
#[derive(Clone, Debug)]
pub(super) struct ProcessRun {
    pub(super) pid: u32,
    pub(super) before: Usage,
    pub(super) after: Usage,
    pub(super) resident_before: u64,
    pub(super) resident_joined: u64,
    pub(super) resident_after: u64,
}

/// Joins all subscribers, measures, says goodbye.
///
/// # Errors
/// This machine does not allow it; what the server does wrong is in the tally.
pub(super) fn drive(
    plan: &Arc<Plan>,
    subscribers: usize,
    seconds: Duration,
    process: Option<Process>,
    stop: &CancellationToken,
) -> Result<Run, BenchError> {
    raise_open_files(subscribers as u64)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = subscribers.div_ceil(SUBSCRIBERS_PER_THREAD).clamp(1, cores);
    let signals = Arc::new(Signals::default());
    let resident_before = resident(process);
    let begun = Instant::now();
    let mut workers = Vec::new();
    for place in 0..threads {
        let worker = Worker::new(plan.clone(), signals.clone(), (place, threads), subscribers)?;
        let thread = thread::Builder::new().name(format!("bench-{place}"));
        workers.push(thread.spawn(move || worker.run())?);
    }
    let mut leader = Leader {
        workers: &workers,
        signals,
        subscribers,
        stop: stop.clone(),
        bar: bar(subscribers as u64),
    };
    let is_whole = leader.until_joined();
    let join = begun.elapsed();
    let joined = leader.signals.joined.load(Relaxed);
    let measured = match is_whole {
        true => leader.measure(seconds, process),
        false => (Duration::ZERO, None),
    };
    leader.signals.is_over.store(true, Relaxed);
    leader.bar.finish_and_clear();
    let mut tally = Tally::new();
    for worker in workers {
        tally.add(worker.join().map_err(|_| BenchError::Died)??);
    }
    let (measured, usage) = measured;
    let process = process.zip(usage).zip(resident_before);
    Ok(Run {
        tally,
        threads,
        joined,
        join,
        measured,
        process: process.map(
            |((process, (before, after, joined, end)), resident_before)| ProcessRun {
                pid: process.pid,
                before,
                after,
                resident_before,
                resident_joined: joined,
                resident_after: end,
            },
        ),
        is_interrupted: stop.is_cancelled(),
    })
}

/// Leads the threads through the phases.
struct Leader<'a> {
    workers: &'a [JoinHandle<io::Result<Tally>>],
    signals: Arc<Signals>,
    subscribers: usize,
    stop: CancellationToken,
    bar: ProgressBar,
}

/// CPU at the begin and the end, resident memory when all had joined and at the end.
type Used = (Usage, Usage, u64, u64);

impl Leader<'_> {
    /// Whether nobody wants to know any more, or a thread has failed, which its end tells.
    fn is_stopped(&self) -> bool {
        self.stop.is_cancelled() || self.workers.iter().any(JoinHandle::is_finished)
    }

    /// Whether all have joined and nobody is gone.
    fn until_joined(&mut self) -> bool {
        self.bar.set_message("joined");
        loop {
            let joined = self.signals.joined.load(Relaxed);
            self.bar.set_position(joined as u64);
            if self.signals.gone.load(Relaxed) > 0 || self.is_stopped() {
                return false;
            }
            if joined == self.subscribers {
                return true;
            }
            thread::sleep(LOOK);
        }
    }

    /// Measures for so long, or until all are gone or nobody wants to know any more.
    fn measure(&mut self, seconds: Duration, process: Option<Process>) -> (Duration, Option<Used>) {
        let resident_joined = resident(process);
        let start = Instant::now();
        let end = start + seconds;
        let _ = self.signals.window.set((start, end));
        let before = usage(process);
        self.bar.set_length(seconds.as_secs());
        self.bar.set_message("s measured");
        while Instant::now() < end && !self.is_stopped() && self.signals.gone.load(Relaxed) < self.subscribers {
            self.bar.set_position(start.elapsed().as_secs());
            thread::sleep(LOOK.min(end.saturating_duration_since(Instant::now())));
        }
        let measured = start.elapsed().min(seconds);
        let cpu = before.zip(usage(process));
        let resident = resident_joined.zip(resident(process));
        let used = cpu.zip(resident);
        (
            measured,
            used.map(|((before, after), (joined, end))| (before, after, joined, end)),
        )
    }
}

// A process that ends meanwhile leaves its subscribers: that is told, its figures are not.

fn usage(process: Option<Process>) -> Option<Usage> {
    process?.usage().ok()
}

fn resident(process: Option<Process>) -> Option<u64> {
    process?.resident_bytes().ok()
}

fn bar(subscribers: u64) -> ProgressBar {
    let bar = bars::bars().add(ProgressBar::new(subscribers));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Makes room for a socket each.
fn raise_open_files(subscribers: u64) -> Result<(), BenchError> {
    let needed = subscribers + FILES_BESIDES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(most) = limit.maximum.filter(|most| *most < needed) {
        return Err(BenchError::OpenFiles {
            subscribers,
            needed,
            most,
        });
    }
    let raised = Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    };
    Ok(setrlimit(Resource::Nofile, raised).map_err(io::Error::from)?)
}
