//! A table for plain HTTP, so that no request ever waits for the fan-out or the fan-out for a request.

pub(super) mod asked;
pub(super) mod follow;
pub(super) mod search;
pub(super) mod waiting;
pub(super) mod watches;

use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;

use serde::{Serialize, Serializer};
use tokio::sync::{Semaphore, watch};

use crate::engine::{Tick, TickReceiver};
use crate::market::{InstrumentId, Rights, Symbol, SymbolPattern, Ts, VenueState};
use crate::server::bounds::{AHEAD_DEADLINE, LOOKED_MAX, QUERIES_MAX, TAKEN_MAX, tellers_max};
use crate::store::{Epoch, Seq, Table, VenueRow};
use asked::{Position, Since};
use follow::Scratch;
use waiting::Waiting;
use watches::{Watch, Watches};

/// The table that HTTP answers are made from.
///
/// Its lock is taken on threads that may block and on no other: while the query thread waits for a reader to end, every
/// other reader waits too.
#[derive(Debug)]
pub struct Query {
    state: RwLock<State>,
    /// Where the table has come to, for whoever may not block.
    now: watch::Sender<Now>,
    pub(in crate::server) waiting: Waiting,
    permits: Arc<Semaphore>,
    tellers: Arc<Semaphore>,
    /// One for each message of an event stream that is assembled at a time.
    scratches: Mutex<Vec<Scratch>>,
}

/// The table as of the newest tick, and who waits for the next.
#[derive(Debug)]
pub(in crate::server) struct State {
    pub(in crate::server) epoch: Epoch,
    pub(in crate::server) table: Table,
    /// Its instruments that are the server's own.
    own: usize,
    pub(in crate::server) ts: Ts,
    /// Number of the timer's beat: paces go by it.
    pub(in crate::server) wall: u64,
    pub(in crate::server) watches: Watches,
}

/// Where the table has come to.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Now {
    epoch: Epoch,
    seq: Seq,
    pub(in crate::server) wall: u64,
}

/// A venue as `/v1/status` shows it.
#[derive(Debug, Serialize)]
pub(in crate::server) struct VenueStatus {
    pub(in crate::server) name: String,
    pub(in crate::server) state: &'static str,
    pub(in crate::server) since: String,
    pub(in crate::server) reason: String,
}

/// Figures of what feeds have brought to the table, as far as the reader may see it.
#[derive(Debug)]
pub(in crate::server) struct Figures {
    pub(in crate::server) epoch: Epoch,
    pub(in crate::server) seq: u64,
    pub(in crate::server) instruments: usize,
    /// Polls that wait, and event streams.
    pub(in crate::server) waiting: usize,
    pub(in crate::server) venues: Vec<VenueStatus>,
}

/// How feeds are.
#[derive(Debug)]
pub(in crate::server) struct Feeds {
    /// Seen or not.
    pub(in crate::server) count: usize,
    /// Of these, such as are up.
    pub(in crate::server) up: usize,
    /// Those that may be seen.
    pub(in crate::server) venues: Vec<VenueStatus>,
}

#[derive(Serialize)]
struct SymbolRow {
    id: u32,
    #[serde(serialize_with = "as_text")]
    symbol: Symbol,
    price_decimals: u8,
    size_decimals: u8,
    volume_decimals: u8,
    state: &'static str,
}

fn as_text<S: Serializer>(symbol: &Symbol, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(symbol.as_str())
}

#[derive(Serialize)]
struct SymbolList {
    epoch: String,
    seq: u64,
    instruments: Vec<SymbolRow>,
}

impl Query {
    /// Starts the thread that keeps the table up to date, from this one on; it ends with the engine.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn spawn(
        epoch: Epoch,
        ts: Ts,
        table: Table,
        mut ticks: TickReceiver,
    ) -> io::Result<(Arc<Query>, thread::JoinHandle<()>)> {
        let state = State::with(epoch, ts, table);
        let query = Arc::new(Query {
            now: watch::Sender::new(state.now()),
            state: RwLock::new(state),
            waiting: Waiting::new(),
            permits: Arc::new(Semaphore::new(QUERIES_MAX)),
            tellers: Arc::new(Semaphore::new(tellers_max())),
            scratches: Mutex::default(),
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
                let (woken, now) = writer.write(|state| {
                    writer.waiting.clear_up(&mut state.watches);
                    (state.take(&batch), state.now())
                });
                writer.now.send_replace(now);
                woken.iter().for_each(|watch| watch.wake());
                batch.clear();
            }
        })?;
        Ok((query, thread))
    }

    /// Looks at the table; on a thread that may block.
    pub(in crate::server) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what stands beside the table; on a thread that may block.
    pub(in crate::server) fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until the table has come to a seq of its epoch, as the reader has it, for a second at most: other servers of
    /// one timeline may be ahead by so much.
    pub(in crate::server) async fn reach(&self, position: Position, rights: &Rights) {
        let mut now = self.now.subscribe();
        let is_there = |now: &Now| Position::from(Some(position), now.epoch.under(rights), now.seq) != Since::Ahead;
        let reached = now.wait_for(is_there);
        // Where it does not come the answer is whole.
        let _ = tokio::time::timeout(AHEAD_DEADLINE, reached).await;
    }

    /// Waits until the timer's beat of the table is this one or a later one.
    pub(in crate::server) async fn reach_wall(&self, wall: u64) {
        // It fails where the sender is gone, which is this.
        let _ = self.now.subscribe().wait_for(|now| now.wall >= wall).await;
    }

    /// The timer's beat of the table.
    pub(in crate::server) fn wall(&self) -> u64 {
        self.now.borrow().wall
    }

    /// Figures for `/v1/status`.
    pub(in crate::server) fn figures(&self, rights: &Rights) -> Figures {
        let waiting = self.waiting.count();
        let patterns = rights.patterns().map_or(1, |patterns| patterns.len().max(1));
        self.in_pieces(
            |_| (0, 0),
            |(at, count), state| {
                let to = match rights.is_all() {
                    true => state.table.len(),
                    false => state.table.len().min(at + (LOOKED_MAX / patterns).max(1)),
                };
                let count = count + state.instruments(at..to, rights);
                match to == state.table.len() {
                    true => ControlFlow::Break(Figures {
                        epoch: state.epoch.under(rights),
                        seq: state.table.seq().0,
                        instruments: count,
                        waiting,
                        venues: state.venues(rights),
                    }),
                    false => ControlFlow::Continue((to, count)),
                }
            },
        )
    }

    /// How feeds are, for `/readyz`.
    pub(in crate::server) fn feeds(&self, rights: &Rights) -> Feeds {
        self.read(|state| {
            let of_feeds = || state.table.venues().filter(|venue| !venue.name.is_server_own());
            Feeds {
                count: of_feeds().count(),
                up: of_feeds().filter(|venue| venue.state == VenueState::Up).count(),
                venues: state.venues(rights),
            }
        })
    }

    /// Runs a query on a thread that may block, a few at a time.
    pub(in crate::server) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Arc<Query>) -> T + Send + 'static,
    ) -> Option<T> {
        // It is the work's: whoever asked may go before it is done.
        let permit = self.permits.clone().acquire_owned().await.ok()?;
        let this = self.clone();
        let work = move || {
            let _permit = permit;
            query(&this)
        };
        tokio::task::spawn_blocking(work).await.ok()
    }

    /// Assembles a message of an event stream on a thread that may block, in memory that is borrowed for it. Streams take
    /// turns, so that however many there are they leave processors to the others. `tell` is called until it gives something,
    /// and the table goes on between two calls.
    pub(in crate::server) async fn tell<T: Send + 'static>(
        self: &Arc<Self>,
        mut tell: impl FnMut(&State, &mut Scratch) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        let permit = self.tellers.clone().acquire_owned().await.ok()?;
        let this = self.clone();
        let told = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut scratch = this.scratches().pop().unwrap_or_default();
            let told = loop {
                if let Some(told) = this.read(|state| tell(state, &mut scratch)) {
                    break told;
                }
            };
            this.scratches().push(scratch);
            told
        });
        told.await.ok()
    }

    fn scratches(&self) -> MutexGuard<'_, Vec<Scratch>> {
        self.scratches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer of `/v1/symbols`, as far as it may be seen; without a pattern all that feeds have brought.
    pub(in crate::server) fn symbols(&self, pattern: Option<&SymbolPattern>, rights: &Rights) -> String {
        let is_meant = |symbol: &Symbol| {
            rights.allow(symbol) && pattern.map_or(!symbol.is_server_own(), |pattern| pattern.matches(symbol))
        };
        let begin = |state: &State| {
            let list = SymbolList {
                epoch: state.epoch.under(rights).to_string(),
                seq: state.table.seq().0,
                instruments: Vec::new(),
            };
            (0, list)
        };
        let list = self.in_pieces(begin, |(at, mut list), state| {
            let to = state.table.len().min(at + TAKEN_MAX);
            state.list(at..to, is_meant, &mut list.instruments);
            match to == state.table.len() {
                true => ControlFlow::Break(list),
                false => ControlFlow::Continue((to, list)),
            }
        });
        serde_json::to_string(&list).unwrap_or_default()
    }
}

impl State {
    /// The table that the first tick goes on from.
    pub(in crate::server) fn with(epoch: Epoch, ts: Ts, table: Table) -> State {
        let ids = (0..table.len()).map(InstrumentId::from_index);
        let listings = ids.filter_map(|id| table.listing(id));
        State {
            epoch,
            own: listings.filter(|listing| listing.symbol.is_server_own()).count(),
            table,
            ts,
            wall: 0,
            watches: Watches::default(),
        }
    }

    fn now(&self) -> Now {
        Now {
            epoch: self.epoch,
            seq: self.table.seq(),
            wall: self.wall,
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
        self.watches.learn(&self.table);
        if is_new_epoch {
            return self.watches.all();
        }
        self.watches.touched(self.table.seq(), &changed, &venues)
    }

    /// Venues of feeds that may be seen.
    fn venues(&self, rights: &Rights) -> Vec<VenueStatus> {
        let of_feeds = self.table.venues().filter(|venue| !venue.name.is_server_own());
        let seen = of_feeds.filter(|venue| rights.touch_venue(venue.name.as_str()));
        let status = |venue: &VenueRow| VenueStatus {
            name: venue.name.to_string(),
            state: venue.state.word(),
            since: venue.since.as_wire().to_string(),
            reason: match rights.cover_venue(venue.name.as_str()) {
                true => venue.reason.clone(),
                false => String::new(),
            },
        };
        seen.map(status).collect()
    }

    /// Instruments of feeds that may be seen among these, tombstones included. Of who may see all they are not counted one by one.
    fn instruments(&self, range: Range<usize>, rights: &Rights) -> usize {
        if rights.is_all() {
            return range.len() - self.own;
        }
        let ids = range.map(InstrumentId::from_index);
        let listings = ids.filter_map(|id| self.table.listing(id));
        let is_seen = |symbol: &Symbol| !symbol.is_server_own() && rights.allow(symbol);
        listings.filter(|listing| is_seen(&listing.symbol)).count()
    }

    /// Adds the rows of these instruments that are meant and may be seen.
    fn list(&self, range: Range<usize>, is_meant: impl Fn(&Symbol) -> bool, rows: &mut Vec<SymbolRow>) {
        let table = &self.table;
        for id in range.map(InstrumentId::from_index).filter(|id| table.is_live(*id)) {
            let Some(listing) = table.listing(id).filter(|listing| is_meant(&listing.symbol)) else {
                continue;
            };
            rows.push(SymbolRow {
                id: id.0,
                symbol: listing.symbol.clone(),
                price_decimals: listing.decimals.price,
                size_decimals: listing.decimals.size,
                volume_decimals: listing.decimals.volume,
                state: table.state(id).unwrap_or_default().word(),
            });
        }
    }
}
