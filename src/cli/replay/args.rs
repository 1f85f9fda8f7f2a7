//! The flags of `tickwire replay`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::super::serve_args::ServiceArgs;
use crate::control::{Fault, Speed, span};
use crate::market::{SymbolPattern, Ts};
use crate::wire::{Compression, Encoding};

/// Serves recordings as if they were live, and can be driven while it plays.
#[derive(Args, Debug)]
#[command(after_help = r#"Examples:
  tickwire replay feeds/demo.tape
  tickwire replay monday.tape tuesday.tape --speed 10 --max-gap 1s
  tickwire replay day.tape --from 2026-01-31T12:00:00Z --to 2026-01-31T13:00:00Z --loop
  tickwire replay day.tape --clock tape --speed max
  tickwire replay day.tape --fault drop=0.001 --fault delay=5ms..50ms --fault-seed 7
  tickwire replay feeds/demo.tape --frames frames.bin --symbols 'binance:*' --encoding msgpack

Recordings are tapes (tickwire record --tape) or raw captures (tickwire record --raw); several are merged by time.
While it plays, keys in the terminal drive it (any other key shows them), and so do programs on this machine
where --allow-control is given:
  curl http://127.0.0.1:7070/v1/replay
  curl -d '{"seek": "2026-01-31T12:30:00Z"}' http://127.0.0.1:7070/v1/replay

With --clock tape the same recordings give every subscriber that was there at the start the same bytes, always."#)]
pub(in crate::cli) struct ReplayArgs {
    /// Recordings, merged by time
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,
    /// 0.1 to 1000 times the original pace, or max
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub(super) speed: Speed,
    /// Begin at this time, RFC 3339 or ns since 1970 [default: the recordings' first]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) from: Option<Ts>,
    /// End after this time [default: the recordings' last]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) to: Option<Ts>,
    /// Begin again at the end, each time as a new epoch
    #[arg(long = "loop")]
    pub(super) is_loop: bool,
    /// Wait no longer than this where nothing was recorded, such as 1s or 500ms
    #[arg(long, value_name = "TIME", value_parser = gap)]
    pub(super) max_gap: Option<Duration>,
    /// Begin paused
    #[arg(long)]
    pub(super) paused: bool,
    /// Begin when the first subscriber has subscribed; always so with --clock tape
    #[arg(long)]
    pub(super) wait: bool,
    /// wall: beats every 10 ms of our time; tape: beats every 10 ms of the recording's time, each only once every
    /// subscriber has the one before
    #[arg(long, value_name = "CLOCK", default_value = "wall")]
    pub(super) clock: ClockName,
    /// Go on behind damaged places of a tape
    #[arg(long)]
    pub(super) salvage: bool,
    /// Fault to make, several times for several: drop=P, duplicate=P, reorder=P, gap=P (a share of updates, 0 to 1),
    /// delay=A..B (such as 5ms..50ms), disconnect-every=TIME, slow-socket=BYTES (a second)
    #[arg(long, value_name = "FAULT", value_parser = Fault::parse)]
    pub(super) fault: Vec<Fault>,
    /// The same seed makes the same faults
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) fault_seed: u64,
    #[command(flatten)]
    pub(super) frames: FramesArgs,
    #[command(flatten)]
    pub(super) service: ServiceArgs,
}

/// Instead of serving.
#[derive(Args, Debug)]
#[command(next_help_heading = "Frames to a file")]
pub(super) struct FramesArgs {
    /// Serve nobody: write what a subscriber would get, each message behind its length (u32, little-endian), and print
    /// the SHA-256
    #[arg(long, value_name = "OUT", requires = "symbols", conflicts_with_all = ["is_loop", "paused", "wait", "max_gap"])]
    pub(super) frames: Option<PathBuf>,
    /// Symbols or patterns of that subscriber, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "frames", value_parser = pattern)]
    pub(super) symbols: Vec<SymbolPattern>,
    /// protobuf, msgpack or json
    #[arg(long, value_name = "NAME", default_value = "protobuf", requires = "frames")]
    pub(super) encoding: Encoding,
    /// none or deflate
    #[arg(long, value_name = "NAME", default_value = "none", requires = "frames")]
    pub(super) compression: Compression,
}

/// Whose time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ClockName {
    Wall,
    Tape,
}

fn speed(text: &str) -> Result<Speed, String> {
    Speed::parse(text).ok_or_else(|| format!("{} is allowed", Speed::ALLOWED))
}

fn time(text: &str) -> Result<Ts, String> {
    Ts::parse(text).ok_or_else(|| format!("{} is allowed", Ts::ALLOWED))
}

fn pattern(text: &str) -> Result<SymbolPattern, String> {
    SymbolPattern::parse(text).map_err(|error| error.to_string())
}

fn gap(text: &str) -> Result<Duration, String> {
    span(text).ok_or_else(|| "a time with its unit is allowed, such as 500ms, 1s or 2m".to_owned())
}
