//! What is told of a recording; for programs, these names are the JSON.

use serde::Serialize;

use super::super::lag::LagReport;
use super::rate::{Burst, Columns};
use super::tally::{Causes, States, Tally, VenueStates};
use crate::market::Ts;

/// Symbols that are told unless all are asked for.
const SYMBOLS_TOLD: usize = 20;

/// The file, as far as its records do not say it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FileReport {
    pub(super) file: String,
    /// `tape` or `capture`.
    pub(super) kind: &'static str,
    pub(super) bytes: u64,
    /// Of tapes only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tape: Option<TapeReport>,
    /// In words; what is told besides comes from what could be read.
    pub(super) damages: Vec<String>,
}

/// How a tape is made.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct TapeReport {
    pub(super) blocks: u64,
    pub(super) keyframes: u64,
    pub(super) has_index: bool,
}

/// Everything. Times are RFC 3339 for people, and ns since 1970 as text for programs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) file: FileReport,
    pub(super) records: u64,
    pub(super) bytes_per_update: Option<f64>,
    pub(super) first: Option<Time>,
    pub(super) last: Option<Time>,
    pub(super) span_ns: u64,
    pub(super) events: Events,
    pub(super) breaks: Breaks,
    pub(super) venues: Vec<VenueReport>,
    pub(super) symbols_total: usize,
    /// By their updates, most first.
    pub(super) symbols: Vec<SymbolReport>,
    pub(super) lag_ns: Option<LagReport>,
    pub(super) bursts: Bursts,
    pub(super) silence: Option<SilenceReport>,
    pub(super) rate: Columns,
}

/// A moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Time {
    pub(super) ns: String,
    pub(super) utc: String,
}

/// Records by their kind.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Events {
    pub(super) updates: u64,
    /// Of the updates, as the following; some are both.
    pub(super) trades: u64,
    pub(super) quotes: u64,
    pub(super) listed: u64,
    pub(super) removed: u64,
    pub(super) states: States,
    pub(super) venue_states: VenueStates,
}

/// Where something is missing or may be.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Breaks {
    /// Marks of the recorder, which had to let events go.
    pub(super) marks: u64,
    pub(super) events_lost: u64,
    /// Instruments that became stale, by the cause.
    #[serde(flatten)]
    pub(super) stale: Causes,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct VenueReport {
    pub(super) venue: String,
    pub(super) symbols: u64,
    pub(super) updates: u64,
    pub(super) per_second: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SymbolReport {
    pub(super) symbol: String,
    pub(super) updates: u64,
    pub(super) trades: u64,
    pub(super) per_second: f64,
}

/// The most updates at once.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Bursts {
    pub(super) in_10_ms: Option<BurstReport>,
    pub(super) in_1_s: Option<BurstReport>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct BurstReport {
    pub(super) updates: u64,
    pub(super) from: Time,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct SilenceReport {
    pub(super) ns: u64,
    pub(super) from: Time,
}

impl Report {
    /// Of what was counted; with all symbols, or those with the most updates.
    pub(super) fn new(file: FileReport, tally: &Tally, has_all_symbols: bool) -> Report {
        let (first, last) = tally.times.unwrap_or_default();
        let span_ns = last.0.abs_diff(first.0);
        let per_second = |updates: u64| match span_ns {
            0 => 0.0,
            ns => rounded(updates as f64 * 1e9 / ns as f64),
        };
        let mut symbols: Vec<SymbolReport> = tally
            .symbols
            .iter()
            .map(|(symbol, counts)| SymbolReport {
                symbol: symbol.to_string(),
                updates: counts.updates,
                trades: counts.trades,
                per_second: per_second(counts.updates),
            })
            .collect();
        symbols.sort_unstable_by(|a, b| (b.updates, &a.symbol).cmp(&(a.updates, &b.symbol)));
        let mut venues: Vec<VenueReport> = Vec::new();
        let mut venue = |name: &str, symbols, updates| {
            match venues.iter_mut().find(|venue| venue.venue == name) {
                Some(venue) => {
                    venue.symbols += symbols;
                    venue.updates += updates;
                }
                None => venues.push(VenueReport {
                    venue: name.to_owned(),
                    symbols,
                    updates,
                    per_second: 0.0,
                }),
            };
        };
        tally.venues.iter().for_each(|name| venue(name.as_str(), 0, 0));
        for (symbol, counts) in &tally.symbols {
            venue(symbol.venue(), 1, counts.updates);
        }
        venues
            .iter_mut()
            .for_each(|venue| venue.per_second = per_second(venue.updates));
        venues.sort_unstable_by(|a, b| a.venue.cmp(&b.venue));
        let symbols_total = symbols.len();
        if !has_all_symbols {
            symbols.truncate(SYMBOLS_TOLD);
        }
        let burst = |burst: &Burst| {
            burst.most().map(|most| BurstReport {
                updates: most.updates,
                from: Time::of(most.from),
            })
        };
        Report {
            records: tally.records,
            bytes_per_update: (tally.updates > 0).then(|| rounded(file.bytes as f64 / tally.updates as f64)),
            file,
            first: tally.times.map(|(first, _)| Time::of(first)),
            last: tally.times.map(|(_, last)| Time::of(last)),
            span_ns,
            events: Events {
                updates: tally.updates,
                trades: tally.trades,
                quotes: tally.quotes,
                listed: tally.listed,
                removed: tally.removed,
                states: tally.states,
                venue_states: tally.venue_states,
            },
            breaks: Breaks {
                marks: tally.gaps,
                events_lost: tally.events_lost,
                stale: tally.stale,
            },
            venues,
            symbols_total,
            symbols,
            lag_ns: tally.lag.report(),
            bursts: Bursts {
                in_10_ms: burst(&tally.rate.beat),
                in_1_s: burst(&tally.rate.second),
            },
            silence: tally.rate.silence.map(|silence| SilenceReport {
                ns: silence.ns,
                from: Time::of(silence.from),
            }),
            rate: tally.rate.columns(first, last),
        }
    }
}

impl Time {
    fn of(ts: Ts) -> Time {
        // 64 bits of nanoseconds are 292 years around 1970.
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(ts.0)).unwrap_or_default();
        Time {
            ns: ts.0.to_string(),
            utc: format!("{stamp:.9}"),
        }
    }
}

/// Three decimals: what is behind them is noise.
fn rounded(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
