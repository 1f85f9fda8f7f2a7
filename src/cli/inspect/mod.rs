//! `tickwire inspect`: what is in a recording.

mod rate;
mod report;
mod table;
mod tally;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::log;
use super::recording::{FileKind, Progress, Source, SourceError, UnknownKind};
use report::{FileReport, Report, TapeReport};
use tally::Tally;

/// Tells what is in a tape or a raw capture, and how much of it, without playing it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tickwire inspect 'day.tape'
  tickwire inspect 'day.capture.gz' --json
  tickwire inspect 'damaged.tape' --salvage --all

Captures are named *.capture.gz or *.capture, tapes *.tape. A whole day is read in a few MB of memory.")]
pub(super) struct InspectArgs {
    /// Tape or capture to look into
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// One JSON object on stdout, for programs
    #[arg(long)]
    json: bool,
    /// All symbols, not only the 20 with the most updates
    #[arg(long)]
    all: bool,
    /// Pass over what is damaged and list it
    #[arg(long)]
    salvage: bool,
}

/// Why a file could not be inspected, or not to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum InspectError {
    #[error(transparent)]
    Name(#[from] UnknownKind),
    #[error("`{}` is {kind} by its name: tapes and captures can be inspected, and `tickwire convert` makes a tape of it", file.display())]
    NoRecording { file: PathBuf, kind: &'static str },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{fault}; what came before it is told above, and --salvage passes over what is damaged")]
    Damaged { fault: SourceError },
    #[error("standard output: {0}")]
    Stdout(io::Error),
    #[error("interrupted")]
    Interrupted,
    #[error("internal error: {0}")]
    Died(#[from] tokio::task::JoinError),
}

impl InspectError {
    /// Whether the user has to write something else; else the file or the machine is at fault.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            InspectError::Name(_) | InspectError::NoRecording { .. } => true,
            InspectError::Source(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Reads the file to its end and tells what is in it.
///
/// # Errors
/// It cannot be read, or is damaged: then what came before is told first.
pub(super) async fn run(args: InspectArgs, stop: CancellationToken) -> Result<(), InspectError> {
    log::to_stderr(tracing::Level::WARN);
    tokio::task::spawn_blocking(move || inspect(&args, &stop)).await?
}

fn inspect(args: &InspectArgs, stop: &CancellationToken) -> Result<(), InspectError> {
    let kind = FileKind::of(&args.file)?;
    let no_recording = || InspectError::NoRecording {
        file: args.file.clone(),
        kind: kind.word(),
    };
    if !matches!(kind, FileKind::Capture | FileKind::Tape) {
        return Err(no_recording());
    }
    let mut source = Source::open(&args.file, kind, args.salvage)?.ok_or_else(no_recording)?;
    let (tally, fault) = count(&mut source, stop)?;
    let mut file = about(&args.file, kind, &source);
    file.damages.extend(fault.as_ref().map(ToString::to_string));
    let report = Report::new(file, &tally, args.all);
    tell(&report, args.json).map_err(InspectError::Stdout)?;
    match fault {
        Some(fault) => Err(InspectError::Damaged { fault }),
        None => Ok(()),
    }
}

/// Counts all records up to the end or the first fault.
fn count(source: &mut Source, stop: &CancellationToken) -> Result<(Tally, Option<SourceError>), InspectError> {
    let progress = Progress::new(source.bytes());
    let (mut tally, mut batch) = (Tally::new(), Vec::new());
    loop {
        let read = source.read(&mut batch);
        batch.drain(..).for_each(|taped| tally.take(&taped));
        progress.at(source.done());
        match read {
            Ok(true) if stop.is_cancelled() => return Err(InspectError::Interrupted),
            Ok(true) => {}
            Ok(false) => return Ok((tally, None)),
            Err(fault) => return Ok((tally, Some(fault))),
        }
    }
}

fn about(path: &Path, kind: FileKind, source: &Source) -> FileReport {
    FileReport {
        file: path.display().to_string(),
        kind: kind.word(),
        // It was there a moment ago.
        bytes: path.metadata().map_or(0, |about| about.len()),
        tape: source.tape().map(|info| TapeReport {
            blocks: info.blocks,
            keyframes: info.keyframes,
            has_index: info.has_index,
        }),
        damages: source.damages(),
    }
}

fn tell(report: &Report, is_json: bool) -> io::Result<()> {
    let text = match is_json {
        true => serde_json::to_string_pretty(report)? + "\n",
        false => table::table(report),
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
