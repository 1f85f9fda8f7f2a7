//! `tickwire convert`: one kind of file of records into another.

mod target;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::log;
use super::recording::{FileKind, Progress, Source, SourceError, UnknownKind};
use crate::market::Event;
use crate::tape::{Taped, What};
use target::{Target, TargetError};

/// Converts recordings: what files are, their names say.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tickwire convert 'day.capture.gz' 'day.tape'
  tickwire convert 'day.tape' 'day.csv'
  tickwire convert 'own.ndjson' 'own.tape'
  tickwire convert --salvage 'damaged.tape' 'rest.tape'

Read are captures (*.capture.gz, *.capture), tapes (*.tape), NDJSON (*.ndjson, *.jsonl) and CSV (*.csv); written are
tapes, NDJSON, CSV and, where it is built in, Parquet (*.parquet). From a tape to NDJSON or CSV and back to a tape
every record is kept. A file that is there is never overwritten, and one that is there is whole: it is called *.part
until then.")]
pub(super) struct ConvertArgs {
    /// File to read
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// File to write
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Pass over what is damaged of a tape or a capture, and tell of it
    #[arg(long)]
    salvage: bool,
}

/// Why a file was not converted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConvertError {
    #[error(transparent)]
    Name(#[from] UnknownKind),
    #[error("`{}` would be read: Parquet is written only", file.display())]
    NotRead { file: PathBuf },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("interrupted, nothing is converted")]
    Interrupted,
    #[error("internal error: {0}")]
    Died(#[from] tokio::task::JoinError),
}

impl ConvertError {
    /// Whether the user has to write something else; else a file or the machine is at fault.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            ConvertError::Name(_) | ConvertError::NotRead { .. } => true,
            ConvertError::Source(error) => error.is_usage(),
            ConvertError::Target(error) => error.is_usage(),
            ConvertError::Interrupted | ConvertError::Died(_) => false,
        }
    }
}

/// Converts the whole file, or nothing.
///
/// # Errors
/// A file cannot be read or written, or does not hold what its name says: then there is no new file.
pub(super) async fn run(args: ConvertArgs, stop: CancellationToken) -> Result<(), ConvertError> {
    log::to_stderr(tracing::Level::WARN);
    tokio::task::spawn_blocking(move || convert(&args, &stop)).await?
}

fn convert(args: &ConvertArgs, stop: &CancellationToken) -> Result<(), ConvertError> {
    // Whatever can be refused is refused before there is a file.
    let (from, to) = (FileKind::of(&args.from)?, FileKind::of(&args.to)?);
    Target::check(&args.to, to)?;
    let source = Source::open(&args.from, from, args.salvage)?;
    let mut source = source.ok_or_else(|| ConvertError::NotRead {
        file: args.from.clone(),
    })?;
    let mut target = Target::create(&args.to, to)?;
    let counts = copy(&mut source, &mut target, stop)?;
    let bytes = target.finish()?;
    for damage in source.damages() {
        say(&format!("passed over: {damage}"));
    }
    match source.begins_with() {
        0 => {}
        count => say(&format!(
            "`{}` begins with the states of {count} instruments and venues, known from the file before it: they are no \
             records and not in `{}`",
            args.from.display(),
            args.to.display()
        )),
    }
    say(&format!(
        "converted {} records, of them {} updates and {} gaps, to `{}` of {bytes} bytes",
        counts.records,
        counts.updates,
        counts.gaps,
        args.to.display()
    ));
    Ok(())
}

#[derive(Default)]
struct Counts {
    records: u64,
    updates: u64,
    gaps: u64,
}

impl Counts {
    fn take(&mut self, taped: &Taped) {
        self.records += 1;
        match &taped.what {
            What::Event(Event::Update(_)) => self.updates += 1,
            What::Event(_) => {}
            What::Gap { .. } => self.gaps += 1,
        }
    }
}

fn copy(source: &mut Source, target: &mut Target, stop: &CancellationToken) -> Result<Counts, ConvertError> {
    let progress = Progress::new(source.bytes());
    let (mut counts, mut batch) = (Counts::default(), Vec::new());
    let mut damages = source.damages().len();
    while source.read(&mut batch)? {
        // Nobody knows what stood there, so nothing is live that has not spoken since.
        if let Some(next) = batch.first().filter(|_| source.damages().len() > damages) {
            damages = source.damages().len();
            counts.records += 1;
            counts.gaps += 1;
            target.lost(next.ts)?;
        }
        for taped in batch.drain(..) {
            counts.take(&taped);
            target.write(&taped)?;
        }
        progress.at(source.done());
        if stop.is_cancelled() {
            return Err(ConvertError::Interrupted);
        }
    }
    Ok(counts)
}

/// Stderr may be closed; the file is there.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
