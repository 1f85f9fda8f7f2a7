//! The flags of `tickwire bench`.

use std::path::PathBuf;

use clap::Args;

use super::super::credentials::CredentialArgs;
use super::BenchError;
use crate::client::Options;
use crate::market::SymbolPattern;
use crate::wire::{Compression, Encoding};

/// Measures a running server with many subscribers at once, and fails where a message was lost.
#[derive(Args, Clone, Debug)]
#[command(after_help = r#"Examples:
  tickwire bench 'http://127.0.0.1:7070' --subscribers 1000 --symbols 20
  tickwire bench 'http://127.0.0.1:7070' --match 'binance:*' --encoding json --compression deflate --json
  tickwire bench 'http://127.0.0.1:7070' --subscribers 5000 --interval-ms 100 --seconds 60 --pid "$(pidof tickwire)"

Subscribers join at most 500 a second; measuring begins when all have their whole snapshot. The seqs of every message are
checked, one of 64 is decoded in full, and one subscriber keeps a whole view. It ends with 0 where all joined, stayed
and lost no message, else with 1 and what happened. Of a server on another machine the latency is as good as the clocks;
the row `clock` says how far they are apart.

--json gives one object. Of the time measured: frames, entries, payload_bytes and wire_bytes (headers included), each
also as _per_s; snapshots, heartbeats, skipped_beats, skipped_share, epochs; latency_ns (beat to receipt), age_ns (venue's
stamp to receipt, of decoded frames), round_trip_ns, clock_offset_ns and clock_error_ns (of pings); inflate; generator (what measuring
itself took) and, with --pid, process. Of the whole run: joined, join_s, gaps, checked, whole_run, faults."#)]
pub(in crate::cli) struct BenchArgs {
    /// The server, such as http://127.0.0.1:7070
    pub(super) url: String,
    /// How many subscribers
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) subscribers: u32,
    /// How many symbols each of them takes
    #[arg(long, value_name = "K", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) symbols: u32,
    /// Of which instruments, such as 'binance:*'
    #[arg(long = "match", value_name = "PATTERN", default_value = "*", value_parser = pattern)]
    pub(super) pattern: SymbolPattern,
    /// The same symbols for all, not others for each
    #[arg(long)]
    pub(super) same: bool,
    /// The same seed takes the same symbols
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How messages travel: protobuf, msgpack or json
    #[arg(long, default_value = "protobuf")]
    pub(super) encoding: Encoding,
    /// Whether the server may compress: none or deflate
    #[arg(long, default_value = "none")]
    pub(super) compression: Compression,
    /// At most one delta in so many milliseconds, 10 to 60000 [default: the server's beat]
    #[arg(long, visible_alias = "interval", value_name = "MS", value_parser = clap::value_parser!(u32).range(10..=60_000))]
    pub(super) interval_ms: Option<u32>,
    /// How long to measure
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(super) seconds: u32,
    /// The server's process on this machine: its CPU and memory are measured too
    #[arg(long)]
    pub(super) pid: Option<u32>,
    /// With https://: the authorities to trust, certificates in PEM [default: those that browsers trust]
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) credentials: CredentialArgs,
    /// One JSON object on stdout, for programs
    #[arg(long)]
    pub(super) json: bool,
}

impl BenchArgs {
    /// How each subscriber connects.
    pub(super) fn options(&self) -> Result<Options, BenchError> {
        let mut options = Options::new(&self.url)?
            .encoding(self.encoding)
            .compression(self.compression);
        if let Some(ms) = self.interval_ms {
            options = options.interval_ms(ms);
        }
        if let Some(file) = &self.ca_file {
            options = options.ca_file(file)?;
        }
        Ok(self.credentials.add_to(options)?)
    }
}

fn pattern(text: &str) -> Result<SymbolPattern, String> {
    SymbolPattern::parse(text).map_err(|error| error.to_string())
}
