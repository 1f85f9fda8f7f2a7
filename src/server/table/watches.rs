//! Who waits for which instruments: a beat wakes those whom it concerns, and costs nothing for the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Notify;

use crate::market::{InstrumentId, Rights, Symbol, SymbolPattern, VenueName};
use crate::server::bounds::{LEARNED_MAX, WATCHED_PATTERNS_MAX};
use crate::store::{Seq, Table};

/// Where someone who waits is woken.
#[derive(Debug, Default)]
pub(in crate::server) struct Watch {
    beats: AtomicU64,
    news: Notify,
}

/// All who wait.
#[derive(Debug, Default)]
pub(in crate::server) struct Watches {
    all: FxHashMap<u64, Watched>,
    next_key: u64,
    // Subscribers choose the keys of these two, so the hash is a keyed one: nobody can make them collide.
    /// Who waits for a symbol, existing or not.
    exact: HashMap<Symbol, FxHashSet<u64>>,
    globs: HashMap<Seen, Glob>,
    /// Instruments of `exact`.
    by_id: FxHashMap<InstrumentId, Symbol>,
    /// Those whose patterns are more than a beat looks through: every change wakes them.
    every: FxHashSet<u64>,
}

/// A pattern as far as its readers may see what it covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Seen {
    pattern: SymbolPattern,
    rights: Rights,
}

#[derive(Debug)]
struct Watched {
    strings: Arc<[SymbolPattern]>,
    rights: Rights,
    watch: Arc<Watch>,
    /// Newest beat that was noted.
    noted: Seq,
}

#[derive(Debug, Default)]
struct Glob {
    ids: IdSet,
    /// Instruments of the table that were looked at for them; whatever changes beyond may be one of them.
    learned: usize,
    members: FxHashSet<u64>,
}

/// Instruments of a pattern, one bit each: 12 KiB for 100,000.
#[derive(Debug, Default)]
struct IdSet(Vec<u64>);

impl Watch {
    /// Beats so far that changed something waited for.
    pub(in crate::server) fn beats(&self) -> u64 {
        self.beats.load(Relaxed)
    }

    /// Waits until one has come since the last time that this returned.
    ///
    /// # Cancel safety
    /// Nothing is lost where it is dropped before its end.
    pub(in crate::server) async fn news(&self) {
        self.news.notified().await;
    }

    /// Ends the wait.
    pub(in crate::server) fn wake(&self) {
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
}

impl Glob {
    /// Looks at so many more instruments.
    fn learn(&mut self, of: &Seen, table: &Table, count: usize) {
        let to = table.len().min(self.learned + count);
        let is_seen = |symbol: &Symbol| of.pattern.matches(symbol) && of.rights.allow(symbol);
        for id in (self.learned..to).map(InstrumentId::from_index) {
            if table.listing(id).is_some_and(|listing| is_seen(&listing.symbol)) {
                self.ids.add(id);
            }
        }
        self.learned = to;
    }
}

impl Seen {
    fn of(pattern: &SymbolPattern, rights: &Rights) -> Seen {
        let (pattern, rights) = (pattern.clone(), rights.clone());
        Seen { pattern, rights }
    }
}

impl Watches {
    /// Adds someone who waits for what changes after the table's seq and may be seen.
    pub(in crate::server) fn add(
        &mut self,
        strings: Arc<[SymbolPattern]>,
        rights: Rights,
        table: &Table,
    ) -> (u64, Arc<Watch>) {
        let key = self.next_key;
        self.next_key += 1;
        let is_new =
            |s: &&SymbolPattern| matches!(s, SymbolPattern::Glob(_)) && !self.globs.contains_key(&Seen::of(s, &rights));
        if self.globs.len() + strings.iter().filter(is_new).count() > WATCHED_PATTERNS_MAX {
            self.every.insert(key);
        } else {
            strings
                .iter()
                .for_each(|string| self.enter(key, string, &rights, table));
        }
        let (watch, noted) = (Arc::new(Watch::default()), table.seq());
        let watched = Watched {
            strings,
            rights,
            watch: watch.clone(),
            noted,
        };
        self.all.insert(key, watched);
        (key, watch)
    }

    fn enter(&mut self, key: u64, string: &SymbolPattern, rights: &Rights, table: &Table) {
        match string {
            SymbolPattern::Exact(symbol) => {
                if let Some(id) = table.id_of(symbol.as_str()) {
                    self.by_id.insert(id, symbol.clone());
                }
                self.exact.entry(symbol.clone()).or_default().insert(key);
            }
            SymbolPattern::Glob(_) => {
                let glob = self.globs.entry(Seen::of(string, rights)).or_default();
                glob.members.insert(key);
            }
        }
    }

    /// Takes out who waits no longer.
    pub(in crate::server) fn remove(&mut self, key: u64) {
        let Some(watched) = self.all.remove(&key) else { return };
        if self.every.remove(&key) {
            return;
        }
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
                    let seen = Seen::of(string, &watched.rights);
                    if let Some(glob) = self.globs.get_mut(&seen) {
                        glob.members.remove(&key);
                        if glob.members.is_empty() {
                            self.globs.remove(&seen);
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
    pub(in crate::server) fn listed(&mut self, id: InstrumentId, symbol: &Symbol) {
        if self.exact.contains_key(symbol) {
            self.by_id.insert(id, symbol.clone());
        }
    }

    /// Looks at instruments that patterns have not been tried on, so many at a time: many come at once with a new
    /// pattern and with a new epoch.
    pub(in crate::server) fn learn(&mut self, table: &Table) {
        let behind = |glob: &&mut Glob| glob.learned < table.len();
        let count = self.globs.values_mut().filter(behind).count();
        for (seen, glob) in &mut self.globs {
            glob.learn(seen, table, LEARNED_MAX / count.max(1));
        }
    }

    /// Begins a new epoch: ids are void.
    pub(in crate::server) fn forget_instruments(&mut self) {
        self.by_id.clear();
        self.globs.values_mut().for_each(|glob| {
            glob.ids = IdSet::default();
            glob.learned = 0;
        });
    }

    /// Notes beats up to `seq` that changed these, and gives those whom they concern.
    pub(in crate::server) fn touched(
        &mut self,
        seq: Seq,
        changed: &[InstrumentId],
        venues: &[VenueName],
    ) -> Vec<Arc<Watch>> {
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
        let newest = changed.iter().max().map_or(0, |id| id.index() + 1);
        let mut unsure: Vec<u64> = self.every.iter().copied().collect();
        for glob in self.globs.values() {
            if changed.iter().any(|id| glob.ids.has(*id)) {
                for key in &glob.members {
                    all.get_mut(key).into_iter().for_each(&mut note);
                }
            } else if newest > glob.learned {
                unsure.extend(&glob.members);
            }
        }
        for venue in venues {
            let touches = |w: &&mut Watched| {
                w.strings.iter().any(|s| s.touches_venue(venue.as_str())) && w.rights.touch_venue(venue.as_str())
            };
            all.values_mut().filter(touches).for_each(&mut note);
        }
        // They look for themselves; a beat that may not concern them is not counted as theirs.
        let unsure = unsure.iter().filter_map(|key| self.all.get(key));
        let unsure = unsure.filter(|watched| watched.noted < seq);
        touched.extend(unsure.map(|watched| watched.watch.clone()));
        touched
    }

    /// Gives everybody: all is void.
    pub(in crate::server) fn all(&self) -> Vec<Arc<Watch>> {
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
            self.wait_under(Rights::all(), strings)
        }

        fn wait_under(&mut self, rights: Rights, strings: &[&str]) -> (u64, Arc<Watch>) {
            let strings: Arc<[_]> = strings
                .iter()
                .map(|s| SymbolPattern::parse(s).expect("a string"))
                .collect();
            let added = self.watches.add(strings, rights, &self.table);
            self.watches.learn(&self.table);
            added
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
            let mut beat = self.writer.seal(Ts(1)).expect("a change");
            beat.seq = self.table.seq().next();
            self.table.apply(&beat);
            for change in beat.changes.iter().filter(|change| change.id.index() >= known) {
                let listing = change.listing.as_ref().expect("announced");
                self.watches.listed(change.id, &listing.symbol);
            }
            self.watches.learn(&self.table);
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
    fn what_may_not_be_seen_wakes_nobody_and_counts_for_nobody() {
        let mut world = World::new();
        world.beat(&["a:1", "b:1"], None);
        let only_a = Rights::of([SymbolPattern::parse("a:*").expect("a pattern")]);
        let (key, watch) = world.wait_under(only_a, &["*"]);
        let (_, all) = world.wait(&["*"]);
        let beats = || (watch.beats(), all.beats());
        assert_eq!((world.beat(&["b:1"], None), beats()), (1, (0, 1)));
        assert_eq!((world.beat(&["b:2", "c:3"], None), beats()), (1, (0, 2)));
        assert_eq!((world.beat(&[], Some("b")), beats()), (1, (0, 3)));
        assert_eq!((world.beat(&["a:2"], None), beats()), (2, (1, 4)));
        assert_eq!((world.beat(&[], Some("a")), beats()), (2, (2, 5)));
        world.watches.remove(key);
        assert_eq!(world.watches.globs.len(), 1);
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
        assert_eq!(world.beat(&["a:2", "a:1"], None), 2);
        let touched = world.watches.touched(Seq(50), &[InstrumentId::from_index(0)], &[]);
        assert_eq!((touched.len(), exact.beats(), glob.beats()), (1, 1, 2));
    }

    #[test]
    fn who_comes_beyond_the_bound_of_different_patterns_is_woken_by_every_change() {
        let mut world = World::new();
        let keys: Vec<u64> = (0..WATCHED_PATTERNS_MAX)
            .map(|n| world.wait(&[&format!("a:{n}*")]).0)
            .collect();
        let (_, alike) = world.wait(&["a:0*"]);
        let (beyond_key, beyond) = world.wait(&["b:*"]);
        assert_eq!(world.watches.globs.len(), WATCHED_PATTERNS_MAX);
        assert_eq!(world.beat(&["c:1"], None), 1);
        assert_eq!(
            (alike.beats(), beyond.beats()),
            (0, 0),
            "nobody knows whether it concerns it"
        );
        world.watches.remove(beyond_key);
        assert_eq!(world.beat(&["c:1"], None), 0);
        keys.into_iter().for_each(|key| world.watches.remove(key));
        let (_, again) = world.wait(&["b:*"]);
        assert_eq!((world.beat(&["b:1"], None), again.beats()), (1, 1));
    }

    #[test]
    fn a_pattern_learns_many_instruments_in_turns_and_wakes_for_those_it_has_not_seen() {
        let mut world = World::new();
        let (_, glob) = world.wait(&["a:*"]);
        // As if so many had come in one beat that there was no turn for the last.
        world.beat(&["a:1", "b:1"], None);
        world.watches.forget_instruments();
        let pattern = SymbolPattern::parse("a:*").expect("a pattern");
        let seen = Seen::of(&pattern, &Rights::all());
        let known = world.watches.globs.get_mut(&seen).expect("it waits");
        known.learn(&seen, &world.table, 1);
        assert_eq!(known.learned, 1);
        let touched = |watches: &mut Watches, seq: u64, at: usize| {
            watches.touched(Seq(seq), &[InstrumentId::from_index(at)], &[]).len()
        };
        assert_eq!(
            (touched(&mut world.watches, 50, 0), glob.beats()),
            (1, 2),
            "it is known"
        );
        assert_eq!(
            (touched(&mut world.watches, 51, 1), glob.beats()),
            (1, 2),
            "it may be one"
        );
        world.watches.learn(&world.table);
        assert_eq!((touched(&mut world.watches, 52, 1), glob.beats()), (0, 2), "it is none");
    }
}
