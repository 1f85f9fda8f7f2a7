//! `tickwire record`: writes what a venue sends to a raw capture, or what feeds make of it to a tape, without a server.

mod feeds;
mod raw;
mod tape;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::log;
use super::within::{RECORD_SECONDS_MAX, RotateBytes, RotateSeconds, rotation};
use crate::feed::SpecError;
use crate::market::SymbolError;
use crate::tape::{Rotation, TapeError};

/// Kinds of feeds that a venue's frames come over; a capture of them names the venue by the same word.
const VENUES: [&str; 5] = ["binance", "binance-usdm", "coinbase", "coinbase-exchange", "kraken"];

/// Records feeds as they come, to be replayed later: as a tape, or one venue's raw frames.
#[derive(Args, Debug)]
#[command(group(clap::ArgGroup::new("file").required(true).args(["tape", "raw"])))]
#[command(after_help = "Examples:
  tickwire record --tape 'day.tape' --feed 'binance:BTCUSDT,ETHUSDT' --feed 'kraken:BTC/USD'
  tickwire record --tape 'own.tape' --feed 'ndjson:updates.ndjson'
  tickwire record --tape 'week.tape' --feed 'coinbase:BTC-USD' --rotate-seconds 3600
  tickwire record --raw 'short.capture.gz' --feed 'kraken:BTC/USD' --for 60

A tape holds what any feeds said, and ends with them where they have an end. A raw capture holds the frames of one
venue's connection. With rotation the files are numbered: week.0001.tape, week.0002.tape and so on. A file that is
there is never overwritten. Recordings are played with --feed 'replay:FILE'.")]
pub(super) struct RecordArgs {
    /// Tape to write, such as day.tape
    #[arg(long, value_name = "FILE")]
    tape: Option<PathBuf>,
    /// Raw capture to write, such as day.capture.gz
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    // No doc comment: rustdoc would take the brackets for a link.
    #[arg(
        long,
        value_name = "SPEC",
        help = "Feed as KIND[:TARGET][?KEY=VALUE&...], several times for several feeds; for a raw capture exactly one of a \
                venue"
    )]
    feed: Vec<String>,
    /// Go on in a new file when one has so many bytes, compressed; 65536 or more
    #[arg(long, value_name = "N")]
    rotate_bytes: Option<RotateBytes>,
    /// Go on in a new file after so many seconds
    #[arg(long, value_name = "N")]
    rotate_seconds: Option<RotateSeconds>,
    /// Stop after so many seconds [default: when it is interrupted]
    #[arg(long = "for", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=RECORD_SECONDS_MAX))]
    seconds: Option<u64>,
}

/// Why a recording was not made, or did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("no feed is given: a tape needs one at least, as in --feed 'binance:BTCUSDT'")]
    NoFeed,
    #[error("{0} feeds are given: a raw recording is of exactly one, as in --feed 'binance:BTCUSDT'")]
    NotOne(usize),
    #[error("so many instruments take {0} connections, a raw recording is of one: record them in several files")]
    TooMany(usize),
    #[error("feed kind `{kind}` has no raw frames: those of {} can be recorded; a tape takes any", VENUES.join(", "))]
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
            RecordError::NoFeed | RecordError::NotOne(_) | RecordError::TooMany(_) | RecordError::NoFrames { .. } => {
                true
            }
            RecordError::Feed(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Records until `stop`, the time is up, the feeds come to their end, or it cannot go on.
///
/// # Errors
/// What is asked for cannot be recorded, the disk fails, or a feed cannot go on.
pub(super) async fn run(args: RecordArgs, stop: CancellationToken) -> Result<(), RecordError> {
    log::to_stderr(tracing::Level::INFO);
    let rotation = rotation(args.rotate_bytes, args.rotate_seconds);
    let until = Until {
        limit: args.seconds.map(Duration::from_secs),
        stop,
    };
    match (args.tape, args.raw) {
        (Some(file), _) => tape::run(&args.feed, &file, rotation, until).await,
        (None, raw) => raw::run(&args.feed, &raw.unwrap_or_default(), rotation, until).await,
    }
}

/// What ends a recording from outside.
struct Until {
    limit: Option<Duration>,
    stop: CancellationToken,
}

/// Stderr may be closed; the recording goes on.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A number with its word.
fn files(count: u64) -> String {
    format!("{count} {}", if count == 1 { "file" } else { "files" })
}

#[cfg(test)]
mod tests;
