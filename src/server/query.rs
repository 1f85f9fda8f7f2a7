//! A table for plain HTTP, so that no request ever waits for the fan-out or the fan-out for a request.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use serde::Serialize;
use tokio::sync::Semaphore;

use super::bounds::QUERIES_MAX;
use super::error::ApiError;
use super::request::sort_out;
use crate::engine::TickReceiver;
use crate::fanout::PATTERNS_MAX;
use crate::market::{InstrumentId, SymbolPattern, Ts};
use crate::store::{Epoch, Seq, Table};
use crate::wire::{Chunks, Encoding, FrameBuf, SnapshotHead, SnapshotTail};

/// The table that HTTP answers are made from.
#[derive(Debug)]
pub struct Query {
    state: RwLock<State>,
    permits: Semaphore,
    /// Most instruments of one answer.
    symbols_max: usize,
}

#[derive(Debug)]
struct State {
    epoch: Epoch,
    table: Table,
    /// Its instruments that are the server's own.
    own: usize,
    ts: Ts,
}

/// A venue as `/v1/status` shows it.
#[derive(Debug, Serialize)]
pub(super) struct VenueStatus {
    pub(super) name: String,
    pub(super) state: &'static str,
    since: String,
    reason: String,
}

/// Figures of what feeds have brought to the table.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) epoch: Epoch,
    pub(super) seq: u64,
    pub(super) instruments: usize,
    pub(super) venues: Vec<VenueStatus>,
}

#[derive(Serialize)]
struct SymbolRow<'a> {
    id: u32,
    symbol: &'a str,
    price_decimals: u8,
    size_decimals: u8,
    volume_decimals: u8,
    state: &'static str,
}

#[derive(Serialize)]
struct SymbolList<'a> {
    epoch: String,
    seq: u64,
    instruments: Vec<SymbolRow<'a>>,
}

impl Query {
    /// Starts the thread that keeps the table up to date; it ends with the engine.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn spawn(
        epoch: Epoch,
        ts: Ts,
        symbols_max: usize,
        mut ticks: TickReceiver,
    ) -> io::Result<(Arc<Query>, thread::JoinHandle<()>)> {
        let query = Arc::new(Query {
            state: RwLock::new(State {
                epoch,
                table: Table::new(),
                own: 0,
                ts,
            }),
            permits: Semaphore::new(QUERIES_MAX),
            symbols_max,
        });
        let writer = query.clone();
        let thread = thread::Builder::new().name("query".to_owned()).spawn(move || {
            while let Some(tick) = ticks.blocking_recv() {
                let mut state = writer.state.write().unwrap_or_else(PoisonError::into_inner);
                if tick.epoch != state.epoch {
                    state.epoch = tick.epoch;
                    state.table = Table::after(state.table.seq());
                    state.own = 0;
                }
                if let Some(beat) = &tick.beat {
                    let known = state.table.len();
                    let new = beat.changes.iter().filter(|change| change.id.index() >= known);
                    let listings = new.filter_map(|change| change.listing.as_ref());
                    state.own += listings.filter(|listing| listing.symbol.is_server_own()).count();
                    state.table.apply(beat);
                }
                state.ts = tick.ts;
            }
        })?;
        Ok((query, thread))
    }

    /// Figures for `/v1/status` and `/readyz`.
    pub(super) fn figures(&self) -> Figures {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let of_feeds = state.table.venues().filter(|venue| !venue.name.is_server_own());
        let venues = of_feeds.map(|venue| VenueStatus {
            name: venue.name.to_string(),
            state: venue.state.word(),
            since: venue.since.as_wire().to_string(),
            reason: venue.reason.clone(),
        });
        Figures {
            epoch: state.epoch,
            seq: state.table.seq().0,
            instruments: state.table.len() - state.own,
            venues: venues.collect(),
        }
    }

    /// Runs a query on a thread that may block, a few at a time.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Query) -> T + Send + 'static,
    ) -> Option<T> {
        let _permit = self.permits.acquire().await.ok()?;
        let this = self.clone();
        tokio::task::spawn_blocking(move || query(&this)).await.ok()
    }

    /// The answer of `/v1/symbols`; without a pattern all that feeds have brought.
    pub(super) fn symbols(&self, pattern: Option<&SymbolPattern>) -> String {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let table = &state.table;
        let ids = (0..table.len())
            .map(InstrumentId::from_index)
            .filter(|id| table.is_live(*id));
        let rows = ids.filter_map(|id| {
            let listing = table
                .listing(id)
                .filter(|l| pattern.map_or(!l.symbol.is_server_own(), |p| p.matches(&l.symbol)))?;
            Some(SymbolRow {
                id: id.0,
                symbol: listing.symbol.as_str(),
                price_decimals: listing.decimals.price,
                size_decimals: listing.decimals.size,
                volume_decimals: listing.decimals.volume,
                state: table.state(id).unwrap_or_default().word(),
            })
        });
        let list = SymbolList {
            epoch: state.epoch.to_string(),
            seq: table.seq().0,
            instruments: rows.collect(),
        };
        serde_json::to_string(&list).unwrap_or_default()
    }

    /// The answer of `/v1/snapshot`: one part, whatever its size.
    ///
    /// # Errors
    /// Where more instruments or patterns are asked for than one subscriber may hold.
    pub(super) fn snapshot(&self, symbols: &[String]) -> Result<Vec<u8>, ApiError> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let table = &state.table;
        let (strings, rejected) = sort_out(symbols.iter().map(String::as_str));
        let patterns = strings.iter().filter(|s| matches!(s, SymbolPattern::Glob(_))).count();
        if patterns > PATTERNS_MAX {
            return Err(ApiError::too_many("patterns", patterns, PATTERNS_MAX));
        }
        let mut chunks = Chunks::new(Encoding::Json);
        let mut ids: Vec<InstrumentId> = Vec::new();
        let mut pending = Vec::new();
        for string in &strings {
            match string {
                SymbolPattern::Exact(symbol) => match table.id_of(symbol.as_str()).filter(|id| table.is_live(*id)) {
                    Some(id) => ids.push(id),
                    None => pending.push(symbol.to_string()),
                },
                SymbolPattern::Glob(_) => {
                    let all = (0..table.len()).map(InstrumentId::from_index);
                    ids.extend(all.filter(|id| table.listing(*id).is_some_and(|l| string.matches(&l.symbol))));
                }
            }
        }
        ids.sort_unstable();
        ids.dedup();
        if ids.len() > self.symbols_max {
            return Err(ApiError::too_many("instruments", ids.len(), self.symbols_max));
        }
        let entries = ids.iter().filter_map(|id| table.changes_since(*id, Seq::ZERO));
        entries.for_each(|entry| chunks.push(&entry, state.ts));
        let touched = |name: &str| strings.iter().any(|s| s.touches_venue(name));
        table
            .venues()
            .filter(|v| touched(v.name.as_str()))
            .for_each(|v| chunks.push_venue(v));
        let picks: Vec<u32> = (0..chunks.len() as u32).collect();
        let (epoch, seq, ts) = (state.epoch, table.seq(), state.ts);
        let head = SnapshotHead {
            epoch,
            seq,
            ts,
            request_id: 0,
            resumed: false,
        };
        let mut frame = FrameBuf::new();
        frame.snapshot(&head, &chunks, &picks, Some(&SnapshotTail { pending, rejected }));
        Ok(frame.as_bytes().to_vec())
    }
}
