//! `tickwire record`: writes what a venue sends to a raw capture, without a server.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::serve::log_to_stderr;
use crate::control::Inflow;
use crate::feed::{self, Feed, FeedContext, FeedSpec, SpecError};
use crate::market::{Event, SymbolError, VenueName, VenueState};
use crate::tape::{Recorder, Rotation, TapeError, Totals, frame_queue};

/// Kinds of feeds that a venue's frames come over; a capture of them names the venue by the same word.
const KINDS: [&str; 5] = ["binance", "binance-usdm", "coinbase", "coinbase-exchange", "kraken"];

/// Batches that feeds may have waiting to be thrown away, which takes no time.
const BATCHES_QUEUED_MAX: usize = 16;

/// How often the recorder is looked at: so long its error may wait to be told.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A year: longer is a mistake.
const SECONDS_MAX: u64 = 366 * 24 * 3600;

/// Records the frames of a venue as they come, to be replayed later.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tickwire record --raw 'day.capture.gz' --feed 'binance:BTCUSDT,ETHUSDT'
  tickwire record --raw 'short.capture.gz' --feed 'kraken:BTC/USD' --for 60
  tickwire record --raw 'week.capture.gz' --feed 'coinbase:BTC-USD' --rotate-seconds 3600

With rotation the files are numbered: week.0001.capture.gz, week.0002.capture.gz and so on. A file that is there
is never overwritten. Recordings are played with --feed 'replay:FILE'.")]
pub(super) struct RecordArgs {
    /// File to write, such as day.capture.gz
    #[arg(long, value_name = "FILE")]
    raw: PathBuf,
    /// The feed as KIND:TARGET[?KEY=VALUE&...], exactly one
    #[arg(long, value_name = "SPEC")]
    feed: Vec<String>,
    /// Go on in a new file when one has so many bytes, compressed; 65536 or more
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(65_536..))]
    rotate_bytes: Option<u64>,
    /// Go on in a new file after so many seconds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    rotate_seconds: Option<u64>,
    /// Stop after so many seconds [default: when it is interrupted]
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: Option<u64>,
}

/// Why a recording was not made, or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("{0} feeds are given: a raw recording is of exactly one, as in --feed 'binance:BTCUSDT'")]
    NotOne(usize),
    #[error("so many instruments take {0} connections, a raw recording is of one: record them in several files")]
    TooMany(usize),
    #[error("feed kind `{kind}` has no raw frames: those of {} can be recorded", KINDS.join(", "))]
    NoFrames { kind: String },
    #[error(transparent)]
    Feed(#[from] SpecError),
    #[error(transparent)]
    Venue(#[from] SymbolError),
    #[error(transparent)]
    Tape(#[from] TapeError),
    #[error("the feed has ended: {reason}")]
    Ended { reason: String },
    #[error("internal error: {0}")]
    Died(#[from] JoinError),
}

impl RecordError {
    /// Whether the user has to write something else; else venue or machine failed.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            RecordError::NotOne(_) | RecordError::TooMany(_) | RecordError::NoFrames { .. } => true,
            RecordError::Feed(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Records until `stop`, the time is up, or it cannot go on.
///
/// # Errors
/// What is asked for cannot be recorded, the disk fails, or the feed ends for good.
pub(super) async fn run(args: RecordArgs, stop: CancellationToken) -> Result<(), RecordError> {
    log_to_stderr(tracing::Level::INFO);
    // Whatever can be refused is refused before there is a file.
    let [text] = args.feed.as_slice() else {
        return Err(RecordError::NotOne(args.feed.len()));
    };
    let spec = FeedSpec::parse(text)?;
    // A recording is interest enough.
    let (_interest, first_subscriber) = watch::channel(true);
    let mut context = FeedContext::new(first_subscriber);
    if !KINDS.contains(&spec.kind()) {
        // A kind that there is not, or that is asked for wrongly, is told as everywhere.
        feed::build(&spec, &context)?;
        let kind = spec.kind().to_owned();
        return Err(RecordError::NoFrames { kind });
    }
    let (tap, queue) = frame_queue(&VenueName::parse(spec.kind())?);
    context.tap = Some(tap);
    let feeds = feed::build(&spec, &context)?;
    if feeds.len() > 1 {
        return Err(RecordError::TooMany(feeds.len()));
    }

    let rotation = Rotation {
        file_bytes_max: args.rotate_bytes,
        span_max: args.rotate_seconds.map(Duration::from_secs),
    };
    let recorder = Recorder::start(queue, &args.raw, rotation)?;
    say(&format!("recording `{text}` to `{}`", args.raw.display()));
    let limit = args.seconds.map(Duration::from_secs);
    let (totals, ended) = record(feeds, recorder, limit, &stop).await?;
    say(&summary(&totals));
    match ended {
        Some(reason) => Err(RecordError::Ended { reason }),
        None => Ok(()),
    }
}

/// Stderr may be closed; the recording goes on.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn summary(totals: &Totals) -> String {
    let Totals { written, dropped } = totals;
    let files = if written.files == 1 { "file" } else { "files" };
    format!(
        "recorded {} frames of {} bytes in {} {files} of {} bytes, {dropped} dropped, {} refused",
        written.frames, written.frame_bytes, written.files, written.file_bytes, written.refused
    )
}

/// Runs the feeds until something ends the recording; with the totals comes the venue's last word where the feeds ended by
/// themselves.
async fn record(
    feeds: Vec<Box<dyn Feed>>,
    recorder: Recorder,
    limit: Option<Duration>,
    stop: &CancellationToken,
) -> Result<(Totals, Option<String>), RecordError> {
    let end = CancellationToken::new();
    let (outlet, inlet) = feed::channel(BATCHES_QUEUED_MAX);
    let mut running = JoinSet::new();
    for feed in feeds {
        running.spawn(feed::supervise(feed, outlet.clone(), end.clone()));
    }
    drop(outlet);
    let thrown_away = tokio::spawn(throw_away(inlet));
    let have_ended = tokio::select! {
        () = stop.cancelled() => false,
        () = has_stopped(&recorder) => false,
        () = time_is_up(limit) => false,
        () = all_ended(&mut running) => true,
    };
    end.cancel();
    all_ended(&mut running).await;
    let reason = thrown_away.await?;
    // Joins a thread that waits for the disk.
    let totals = tokio::task::spawn_blocking(|| recorder.finish()).await??;
    Ok((totals, have_ended.then_some(reason)))
}

/// Empties the channel, so that no feed waits; returns why the venue was down last.
async fn throw_away(mut inlet: mpsc::Receiver<Inflow>) -> String {
    let mut last = String::new();
    while let Some(inflow) = inlet.recv().await {
        for event in inflow.into_events() {
            if let Event::Venue {
                state: VenueState::Down,
                reason,
                ..
            } = event
            {
                last = reason;
            }
        }
    }
    last
}

async fn has_stopped(recorder: &Recorder) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    while recorder.is_running() {
        look.tick().await;
    }
}

async fn time_is_up(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

async fn all_ended(running: &mut JoinSet<()>) {
    while running.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests;
