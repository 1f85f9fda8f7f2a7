//! `tickwire bench`: what a server gives many subscribers, and what it costs.
//!
//! `driver` leads the phases; each of its threads is a `worker` with an epoll loop over `connection`s. A connection finds
//! `frame`s where they lie in the thread's one buffer and hands messages to its `subscriber`, which checks and counts.

mod args;
mod connection;
mod driver;
mod fault;
mod frame;
mod plan;
mod process;
mod report;
mod seq;
mod subscriber;
mod symbols;
mod table;
mod tally;
mod upgrade;
mod wire;
mod worker;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub(super) use args::BenchArgs;
use plan::Plan;
use process::Process;
use report::Report;

use super::credentials::CredentialError;
use crate::client::{Disconnect, OptionsError};

/// Why nothing could be measured, or what was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum BenchError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    #[error("process {pid} cannot be looked at: {source}; --pid takes a process of this machine, with Linux' /proc")]
    Process { pid: u32, source: io::Error },
    #[error(transparent)]
    Server(#[from] Disconnect),
    #[error("the server's symbols cannot be had: {0}")]
    Symbols(String),
    #[error(
        "`{pattern}` matches no instrument that the server has; a replay that waits for its first subscriber has none yet"
    )]
    None { pattern: String },
    #[error("`{pattern}` matches {found} instruments: --symbols from 1 to {found} is allowed, not {wanted}")]
    TooFew { pattern: String, found: usize, wanted: u32 },
    #[error(
        "{subscribers} subscribers need {needed} open files, and this process may have {most}: fewer, or a higher `ulimit -Hn`"
    )]
    OpenFiles { subscribers: u64, needed: u64, most: u64 },
    #[error("standard output: {0}")]
    Stdout(#[source] io::Error),
    /// Of a system call that measuring needs.
    #[error("cannot measure: {0}")]
    System(#[from] io::Error),
    #[error("interrupted; what was measured before stands above")]
    Interrupted,
    #[error("{0}")]
    Failed(String),
    #[error("internal error: a thread of the load generator has died")]
    Died,
}

impl BenchError {
    /// Whether the user has to write something else.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            BenchError::Options(_) | BenchError::Process { .. } => true,
            BenchError::Credentials(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Measures, tells, and fails where something was lost.
///
/// # Errors
/// Nothing can be measured, it was interrupted, or a subscriber was refused, disconnected or told something wrong.
pub(super) async fn run(args: BenchArgs, stop: CancellationToken) -> Result<(), BenchError> {
    let options = args.options()?;
    let process = args.pid.map(|pid| Process { pid });
    if let Some(process) = process {
        let looked = process.usage().and_then(|_| process.resident_bytes());
        looked.map_err(|source| BenchError::Process {
            pid: process.pid,
            source,
        })?;
    }
    let (addr, symbols) = tokio::select! {
        fetched = symbols::fetch(&options, &args.pattern) => fetched?,
        () = stop.cancelled() => return Err(BenchError::Interrupted),
    };
    if symbols.is_empty() {
        let pattern = args.pattern.as_str().to_owned();
        return Err(BenchError::None { pattern });
    }
    if symbols.len() < args.symbols as usize {
        return Err(BenchError::TooFew {
            pattern: args.pattern.as_str().to_owned(),
            found: symbols.len(),
            wanted: args.symbols,
        });
    }
    let plan = Arc::new(Plan {
        options,
        addr,
        symbols,
        symbols_each: args.symbols as usize,
        is_same: args.same,
        seed: args.seed,
    });
    let measuring = tokio::task::spawn_blocking(move || measure(&args, &plan, process, &stop));
    measuring.await.map_err(|_| BenchError::Died)?
}

fn measure(
    args: &BenchArgs,
    plan: &Arc<Plan>,
    process: Option<Process>,
    stop: &CancellationToken,
) -> Result<(), BenchError> {
    let seconds = Duration::from_secs(args.seconds.into());
    let run = driver::drive(plan, args.subscribers as usize, seconds, process, stop)?;
    let report = Report::new(args, &run);
    let text = match args.json {
        true => serde_json::to_string_pretty(&report).map_err(|error| BenchError::Stdout(error.into()))? + "\n",
        false => table::table(&report),
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever read it has read enough; the exit code still tells.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.map_err(BenchError::Stdout)?,
    }
    if let Some(words) = report.failure() {
        return Err(BenchError::Failed(words));
    }
    match run.is_interrupted {
        true => Err(BenchError::Interrupted),
        false => Ok(()),
    }
}
