//! Who waits for which instruments: a beat wakes those whom it concerns, and costs nothing for the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Notify;

use super::bounds::WATCHED_PATTERNS_MAX;
use super::error::ApiError;
use crate::fanout::resolve_from;
use crate::market::{InstrumentId, Symbol, SymbolPattern, VenueName};
use crate::store::{Seq, Table};

/// Where someone who waits is woken.
#[derive(Debug, Default)]
pub(super) struct Watch {
    beats: AtomicU64,
    news: Notify,
}

/// More different patterns are waited for than a beat looks through.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct WatchFault;

impl From<WatchFault> for ApiError {
    fn from(_: WatchFault) -> ApiError {
        ApiError::busy(format!(
            "more than {WATCHED_PATTERNS_MAX} different patterns are waited for: name the symbols, or come back later"
        ))
    }
}

/// All who wait.
#[derive(Debug, Default)]
pub(super) struct Watches {
    all: FxHashMap<u64, Watched>,
    next_key: u64,
    // Subscribers choose the keys of these two, so the hash is a keyed one: nobody can make them collide.
    /// Who waits for a symbol, existing or not.
    exact: HashMap<Symbol, FxHashSet<u64>>,
    globs: HashMap<SymbolPattern, Glob>,
    /// Instruments of `exact`.
    by_id: FxHashMap<InstrumentId, Symbol>,
    /// Epochs so far: ids hold for one.
    epochs: u64,
}

#[derive(Debug)]
struct Watched {
    strings: Arc<[SymbolPattern]>,
    watch: Arc<Watch>,
    /// Newest beat that was noted.
    noted: Seq,
}

#[derive(Debug, Default)]
struct Glob {
    ids: IdSet,
    members: FxHashSet<u64>,
}

/// Instruments of a pattern, one bit each: 12 KiB for 100,000.
#[derive(Debug, Default)]
struct IdSet(Vec<u64>);

/// Instruments of patterns that nobody has waited for, as far as the table went.
#[derive(Debug)]
pub(super) struct Prepared {
    epochs: u64,
    listed: usize,
    globs: Vec<(SymbolPattern, IdSet)>,
}

impl Watch {
    /// Beats so far that changed something waited for.
    pub(super) fn beats(&self) -> u64 {
        self.beats.load(Relaxed)
    }

    /// Waits until one has come since the last time that this returned.
    ///
    /// # Cancel safety
    /// Nothing is lost where it is dropped before its end.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// Ends the wait.
    pub(super) fn wake(&self) {
        self.news.notify_one();
    }
}

impl IdSet {
    fn add(&mut self, id: InstrumentId) {
        let (word, bit) = (id.index() / 64, id.index() % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    fn has(&self, id: InstrumentId) -> bool {
        let word = self.0.get(id.index() / 64);
        word.is_some_and(|word| word >> (id.index() % 64) & 1 == 1)
    }

    fn extend(&mut self, pattern: &SymbolPattern, table: &Table, from: usize) {
        resolve_from(std::slice::from_ref(pattern), table, from).for_each(|id| self.add(id));
    }
}

impl Watches {
    /// Finds the instruments of patterns that are new here.
    pub(super) fn prepare(&self, strings: &[SymbolPattern], table: &Table) -> Prepared {
        let is_new = |s: &&SymbolPattern| matches!(s, SymbolPattern::Glob(_)) && !self.globs.contains_key(*s);
        let find = |pattern: &SymbolPattern| {
            let mut ids = IdSet::default();
            ids.extend(pattern, table, 0);
            (pattern.clone(), ids)
        };
        Prepared {
            epochs: self.epochs,
            listed: table.len(),
            globs: strings.iter().filter(is_new).map(find).collect(),
        }
    }

    /// Adds someone who waits for what changes after the table's seq.
    ///
    /// # Errors
    /// Where more different patterns would be waited for than a beat looks through.
    pub(super) fn add(
        &mut self,
        strings: Arc<[SymbolPattern]>,
        prepared: Prepared,
        table: &Table,
    ) -> Result<(u64, Arc<Watch>), WatchFault> {
        let is_new = |s: &&SymbolPattern| matches!(s, SymbolPattern::Glob(_)) && !self.globs.contains_key(*s);
        if self.globs.len() + strings.iter().filter(is_new).count() > WATCHED_PATTERNS_MAX {
            return Err(WatchFault);
        }
        let is_fresh = prepared.epochs == self.epochs;
        let listed = if is_fresh { prepared.listed } else { 0 };
        let mut found: HashMap<SymbolPattern, IdSet> = prepared.globs.into_iter().filter(|_| is_fresh).collect();
        let key = self.next_key;
        self.next_key += 1;
        for string in strings.iter() {
            match string {
                SymbolPattern::Exact(symbol) => {
                    if let Some(id) = table.id_of(symbol.as_str()) {
                        self.by_id.insert(id, symbol.clone());
                    }
                    self.exact.entry(symbol.clone()).or_default().insert(key);
                }
                SymbolPattern::Glob(_) => {
                    let glob = self.globs.entry(string.clone()).or_insert_with(|| {
                        // One that its last member left just now was not prepared.
                        let (from, mut ids) = found.remove(string).map_or((0, IdSet::default()), |ids| (listed, ids));
                        ids.extend(string, table, from);
                        let members = FxHashSet::default();
                        Glob { ids, members }
                    });
                    glob.members.insert(key);
                }
            }
        }
        let (watch, noted) = (Arc::new(Watch::default()), table.seq());
        let watched = Watched {
            strings,
            watch: watch.clone(),
            noted,
        };
        self.all.insert(key, watched);
        Ok((key, watch))
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Takes out who waits no longer.
    pub(super) fn remove(&mut self, key: u64) {
        let Some(watched) = self.all.remove(&key) else { return };
        for string in watched.strings.iter() {
            match string {
                SymbolPattern::Exact(symbol) => {
                    if let Some(members) = self.exact.get_mut(symbol) {
                        members.remove(&key);
                        if members.is_empty() {
                            self.exact.remove(symbol);
                        }
                    }
                }
                SymbolPattern::Glob(_) => {
                    if let Some(glob) = self.globs.get_mut(string) {
                        glob.members.remove(&key);
                        if glob.members.is_empty() {
                            self.globs.remove(string);
                        }
                    }
                }
            }
        }
        // Symbols that nobody waits for any more: gone through once they are the greater part.
        if self.by_id.len() > 2 * self.exact.len() {
            self.by_id.retain(|_, symbol| self.exact.contains_key(symbol));
        }
    }

    /// Learns of an instrument that was listed for the first time.
    pub(super) fn listed(&mut self, id: InstrumentId, symbol: &Symbol) {
        if self.exact.contains_key(symbol) {
            self.by_id.insert(id, symbol.clone());
        }
        let meant = self.globs.iter_mut().filter(|(pattern, _)| pattern.matches(symbol));
        meant.for_each(|(_, glob)| glob.ids.add(id));
    }

    /// Begins a new epoch: ids are void.
    pub(super) fn forget_instruments(&mut self) {
        self.epochs += 1;
        self.by_id.clear();
        self.globs.values_mut().for_each(|glob| glob.ids = IdSet::default());
    }

    /// Notes beats up to `seq` that changed these, and gives those whom they concern.
    pub(super) fn touched(&mut self, seq: Seq, changed: &[InstrumentId], venues: &[VenueName]) -> Vec<Arc<Watch>> {
        let mut touched = Vec::new();
        if self.all.is_empty() || (changed.is_empty() && venues.is_empty()) {
            return touched;
        }
        let mut note = |watched: &mut Watched| {
            if watched.noted < seq {
                watched.noted = seq;
                watched.watch.beats.fetch_add(1, Relaxed);
                touched.push(watched.watch.clone());
            }
        };
        let all = &mut self.all;
        for symbol in changed.iter().filter_map(|id| self.by_id.get(id)) {
            for key in self.exact.get(symbol).into_iter().flatten() {
                all.get_mut(key).into_iter().for_each(&mut note);
            }
        }
        for glob in self.globs.values() {
            if changed.iter().any(|id| glob.ids.has(*id)) {
                for key in &glob.members {
                    all.get_mut(key).into_iter().for_each(&mut note);
                }
            }
        }
        for venue in venues {
            let touches = |w: &&mut Watched| w.strings.iter().any(|s| s.touches_venue(venue.as_str()));
            all.values_mut().filter(touches).for_each(&mut note);
        }
        touched
    }

    /// Gives everybody: all is void.
    pub(super) fn all(&self) -> Vec<Arc<Watch>> {
        self.all.values().map(|watched| watched.watch.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Decimal, Event, Field, Fields, Ts, Update, VenueState};
    use crate::store::Writer;

    /// A market whose beats the watches are told of.
    struct World {
        writer: Writer,
        table: Table,
        watches: Watches,
    }

    impl World {
        fn new() -> World {
            let (writer, table) = (Writer::new(100), Table::new());
            World {
                writer,
                table,
                watches: Watches::default(),
            }
        }

        fn wait(&mut self, strings: &[&str]) -> (u64, Arc<Watch>) {
            let strings: Arc<[_]> = strings
                .iter()
                .map(|s| SymbolPattern::parse(s).expect("a string"))
                .collect();
            let prepared = self.watches.prepare(&strings, &self.table);
            self.watches.add(strings, prepared, &self.table).expect("few patterns")
        }

        /// One beat; how many it wakes.
        fn beat(&mut self, symbols: &[&str], venue: Option<&str>) -> usize {
            for symbol in symbols {
                let symbol = Symbol::parse(symbol).expect("a symbol");
                let mut fields = Fields::new();
                fields.set(Field::BidPrice, Decimal::from_int(self.table.seq().0 as i64 + 1));
                let (ts_event, ts_recv) = (None, Ts(1));
                let update = Update {
                    symbol,
                    fields,
                    ts_event,
                    ts_recv,
                };
                self.writer.apply(&Event::Update(update), Ts(1));
            }
            if let Some(venue) = venue {
                let event = Event::Venue {
                    venue: VenueName::parse(venue).expect("a venue"),
                    state: VenueState::Up,
                    reason: format!("at {}", self.table.seq()),
                };
                self.writer.apply(&event, Ts(1));
            }
            let known = self.table.len();
            let beat = self.writer.seal(Ts(1)).expect("a change");
            self.table.apply(&beat);
            for change in beat.changes.iter().filter(|change| change.id.index() >= known) {
                let listing = change.listing.as_ref().expect("announced");
                self.watches.listed(change.id, &listing.symbol);
            }
            let changed: Vec<_> = beat.changes.iter().map(|change| change.id).collect();
            let venues: Vec<_> = beat.venues.iter().map(|venue| venue.name.clone()).collect();
            self.watches.touched(beat.seq, &changed, &venues).len()
        }
    }

    #[test]
    fn a_beat_wakes_those_whom_it_concerns_and_nobody_else() {
        let mut world = World::new();
        world.beat(&["a:1"], None);
        let (_, exact) = world.wait(&["a:1"]);
        let (_, both) = world.wait(&["a:1", "a:*"]);
        let (_, later) = world.wait(&["b:2"]);
        let (_, pattern) = world.wait(&["b:*"]);
        let beats = || [&exact, &both, &later, &pattern].map(|watch| watch.beats());
        assert_eq!(world.beat(&["a:1"], None), 2);
        assert_eq!(beats(), [1, 1, 0, 0]);
        assert_eq!(world.beat(&["c:3", "a:4"], None), 1);
        assert_eq!(beats(), [1, 2, 0, 0]);
        assert_eq!(world.beat(&["b:2"], None), 2, "listed after they began to wait");
        assert_eq!(world.beat(&["b:2", "b:5"], None), 2);
        assert_eq!(beats(), [1, 2, 2, 2]);
        assert_eq!(world.beat(&[], Some("b")), 2);
        assert_eq!(beats(), [1, 2, 3, 3]);
    }

    #[test]
    fn who_has_gone_leaves_nothing_behind() {
        let mut world = World::new();
        let keys: Vec<u64> = (0..50)
            .map(|n| world.wait(&[&format!("a:{n}"), "a:1", "a:*", &format!("a:{n}*")]).0)
            .collect();
        world.beat(&["a:1", "a:2", "a:3"], None);
        assert_eq!(world.watches.globs.len(), 51);
        keys.into_iter().for_each(|key| world.watches.remove(key));
        let Watches {
            all,
            exact,
            globs,
            by_id,
            ..
        } = &world.watches;
        assert_eq!((all.len(), exact.len(), globs.len(), by_id.len()), (0, 0, 0, 0));
        assert_eq!(world.beat(&["a:1"], None), 0);
    }

    #[test]
    fn a_new_epoch_voids_ids_and_they_are_learned_anew() {
        let mut world = World::new();
        world.beat(&["a:1", "a:2"], None);
        let (_, exact) = world.wait(&["a:1"]);
        let (_, glob) = world.wait(&["*2"]);
        world.watches.forget_instruments();
        assert_eq!(world.watches.all().len(), 2);
        (world.writer, world.table) = (Writer::new(100), Table::after(world.table.seq()));
        // The same ids as before, of other symbols.
        while world.writer.seal(Ts(1)).is_some() {}
        let symbols = ["a:2", "a:1"].map(|s| Symbol::parse(s).expect("a symbol"));
        symbols
            .iter()
            .enumerate()
            .for_each(|(at, symbol)| world.watches.listed(InstrumentId::from_index(at), symbol));
        let touched = world.watches.touched(Seq(50), &[InstrumentId::from_index(0)], &[]);
        assert_eq!((touched.len(), exact.beats(), glob.beats()), (1, 0, 1));
    }

    #[test]
    fn different_patterns_are_bounded_and_alike_ones_count_once() {
        let mut world = World::new();
        for n in 0..WATCHED_PATTERNS_MAX {
            world.wait(&[&format!("a:{n}*")]);
        }
        world.wait(&["a:0*"]);
        let strings: Arc<[_]> = [SymbolPattern::parse("b:*").expect("a pattern")].into();
        let prepared = world.watches.prepare(&strings, &world.table);
        let refused = world.watches.add(strings, prepared, &world.table);
        assert_eq!(refused.map(|_| ()), Err(WatchFault));
    }
}
