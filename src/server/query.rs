//! A table for plain HTTP, so that no request ever waits for the fan-out or the fan-out for a request.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use serde::Serialize;
use tokio::sync::Semaphore;

use super::asked::{Asked, Position, Since};
use super::bounds::{AHEAD_DEADLINE, QUERIES_MAX};
use super::watch::{Watch, WatchFault, Watches};
use crate::engine::{BEAT, Tick, TickReceiver};
use crate::market::{InstrumentId, SymbolPattern, Ts};
use crate::store::{Epoch, Table};

/// The table that HTTP answers are made from.
#[derive(Debug)]
pub struct Query {
    state: RwLock<State>,
    permits: Semaphore,
    /// Most instruments of one answer.
    pub(super) symbols_max: usize,
}

/// The table as of the newest tick, and who waits for the next.
#[derive(Debug)]
pub(super) struct State {
    pub(super) epoch: Epoch,
    pub(super) table: Table,
    /// Its instruments that are the server's own.
    own: usize,
    pub(super) ts: Ts,
    /// Number of the timer's beat: paces go by it.
    pub(super) wall: u64,
    watches: Watches,
}

/// A venue as `/v1/status` shows it.
#[derive(Debug, Serialize)]
pub(super) struct VenueStatus {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) since: String,
    pub(super) reason: String,
}

/// Figures of what feeds have brought to the table.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) epoch: Epoch,
    pub(super) seq: u64,
    pub(super) instruments: usize,
    /// Polls that wait, and event streams.
    pub(super) waiting: usize,
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
            state: RwLock::new(State::new(epoch, ts)),
            permits: Semaphore::new(QUERIES_MAX),
            symbols_max,
        });
        let writer = query.clone();
        let thread = thread::Builder::new().name("query".to_owned()).spawn(move || {
            let mut batch = Vec::new();
            while let Some(tick) = ticks.blocking_recv() {
                batch.push(tick);
                // Whatever has come meanwhile is taken together, so that many who wait never hold up the beat.
                while let Ok(tick) = ticks.try_recv() {
                    batch.push(tick);
                }
                let woken = writer.write(|state| state.take(&batch));
                woken.iter().for_each(|watch| watch.wake());
                batch.clear();
            }
        })?;
        Ok((query, thread))
    }

    /// Looks at the table, for some milliseconds at most.
    pub(super) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for changes of what is asked for from now on, until it is dropped.
    ///
    /// # Errors
    /// Where too many different patterns are waited for.
    pub(super) fn watch(self: &Arc<Self>, asked: &Asked) -> Result<Watching, WatchFault> {
        // The long part under the lock that holds up nobody who reads.
        let prepared = self.read(|state| state.watches.prepare(&asked.strings, &state.table));
        let (key, watch) = self.write(|state| state.watches.add(asked.strings.clone(), prepared, &state.table))?;
        let query = self.clone();
        Ok(Watching { query, key, watch })
    }

    /// Waits until the table has come to a seq of its epoch, for a second at most: other servers of one timeline may be
    /// ahead by so much.
    pub(super) async fn reach(&self, position: Position) {
        let is_ahead = |state: &State| Position::from(Some(position), state.epoch, state.table.seq()) == Since::Ahead;
        let mut look = tokio::time::interval(BEAT);
        let reached = async {
            while self.read(is_ahead) {
                look.tick().await;
            }
        };
        // Where it does not come the answer is whole.
        let _ = tokio::time::timeout(AHEAD_DEADLINE, reached).await;
    }

    /// Figures for `/v1/status` and `/readyz`.
    pub(super) fn figures(&self) -> Figures {
        self.read(Figures::of)
    }

    /// Runs a query on a thread that may block, a few at a time.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Arc<Query>) -> T + Send + 'static,
    ) -> Option<T> {
        let _permit = self.permits.acquire().await.ok()?;
        let this = self.clone();
        tokio::task::spawn_blocking(move || query(&this)).await.ok()
    }

    /// The answer of `/v1/symbols`; without a pattern all that feeds have brought.
    pub(super) fn symbols(&self, pattern: Option<&SymbolPattern>) -> String {
        self.read(|state| state.symbols(pattern))
    }
}

impl State {
    /// The table before the first beat.
    pub(super) fn new(epoch: Epoch, ts: Ts) -> State {
        State {
            epoch,
            table: Table::new(),
            own: 0,
            ts,
            wall: 0,
            watches: Watches::default(),
        }
    }

    /// Takes the next ticks, at least one, and gives those who are to wake.
    fn take(&mut self, ticks: &[Arc<Tick>]) -> Vec<Arc<Watch>> {
        let (mut changed, mut venues) = (Vec::new(), Vec::new());
        let mut is_new_epoch = false;
        for tick in ticks {
            if tick.epoch != self.epoch {
                self.epoch = tick.epoch;
                self.table = Table::after(self.table.seq());
                self.own = 0;
                self.watches.forget_instruments();
                (changed, venues, is_new_epoch) = (Vec::new(), Vec::new(), true);
            }
            if let Some(beat) = &tick.beat {
                let known = self.table.len();
                self.table.apply(beat);
                for change in &beat.changes {
                    if let Some(listing) = change.listing.as_ref().filter(|_| change.id.index() >= known) {
                        self.own += usize::from(listing.symbol.is_server_own());
                        self.watches.listed(change.id, &listing.symbol);
                    }
                    changed.push(change.id);
                }
                venues.extend(beat.venues.iter().map(|venue| venue.name.clone()));
            }
            (self.ts, self.wall) = (tick.ts, tick.wall);
        }
        if is_new_epoch {
            return self.watches.all();
        }
        self.watches.touched(self.table.seq(), &changed, &venues)
    }

    fn symbols(&self, pattern: Option<&SymbolPattern>) -> String {
        let table = &self.table;
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
            epoch: self.epoch.to_string(),
            seq: table.seq().0,
            instruments: rows.collect(),
        };
        serde_json::to_string(&list).unwrap_or_default()
    }
}

impl Figures {
    fn of(state: &State) -> Figures {
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
            waiting: state.watches.len(),
            venues: venues.collect(),
        }
    }
}

/// Someone who waits.
#[derive(Debug)]
pub(super) struct Watching {
    query: Arc<Query>,
    key: u64,
    pub(super) watch: Arc<Watch>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.query.write(|state| state.watches.remove(self.key));
    }
}
