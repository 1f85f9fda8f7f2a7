//! Newest values with the beat of their last change: answers "what changed after N".

use rustc_hash::FxHashMap;

use crate::market::{FIELDS, Field, FieldSet, InstrumentId, StaleCause, Symbol, TickerState, Ts};

use super::recency::Recency;
use super::{Change, Image, InstrumentImage, Listing, SealedBeat, Seq, VenueRow, Versioned};

/// One instrument. Removed ones stay as tombstones for the epoch, so that a resume can tell.
#[derive(Clone, Debug)]
struct Row {
    listing: Listing,
    values: [i64; FIELDS],
    /// Beat of each field's last change.
    changed: [Seq; FIELDS],
    present: FieldSet,
    state: (TickerState, Option<StaleCause>),
    state_changed: Seq,
    /// Last listed or re-announced: whoever is not there yet gets everything.
    announced: Seq,
    is_removed: bool,
    /// Last changed in any way.
    last_change: Seq,
    /// The same before that: what is asked since here is of one beat.
    change_before: Seq,
    /// Last changed by a source update, which `ts_event` belongs to, or told anew.
    updated: Seq,
    /// Source updates of the last change.
    updates: u32,
    update_count: u64,
    ts_event: Option<Ts>,
    ts_trade: Option<Ts>,
}

/// How many source updates an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// In this one beat.
    Beat(u32),
    /// Since the epoch began.
    Total(u64),
}

/// What changed of one instrument after some seq: the answer that every message is made of.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Which instrument.
    pub id: InstrumentId,
    /// Symbol and precision.
    pub listing: &'a Listing,
    /// The listing is news, and `set` holds every field that has a value.
    pub is_announced: bool,
    /// The feed took it away; nothing else stands here then.
    pub is_removed: bool,
    /// Fields that changed and have a value.
    pub set: FieldSet,
    /// Fields that changed and have none.
    pub cleared: FieldSet,
    /// Values of all fields; those outside `set` mean nothing.
    pub values: &'a [i64; FIELDS],
    /// The state, where it is news.
    pub state: Option<(TickerState, Option<StaleCause>)>,
    /// Source updates.
    pub counts: Counts,
    /// The venue's stamp of the newest update in here.
    pub ts_event: Option<Ts>,
    /// The venue's stamp of the last trade.
    pub ts_trade: Option<Ts>,
}

/// The versioned table. Applies sealed beats in their order, nothing else changes it.
#[derive(Clone, Debug)]
pub struct Table {
    seq: Seq,
    rows: Vec<Row>,
    by_symbol: FxHashMap<Symbol, InstrumentId>,
    recency: Recency,
    venues: Vec<(Seq, VenueRow)>,
}

impl Default for Table {
    fn default() -> Table {
        Table::new()
    }
}

impl Table {
    /// Makes the table before the first beat.
    pub fn new() -> Table {
        let (seq, rows, venues) = (Seq::ZERO, Vec::new(), Vec::new());
        Table {
            seq,
            rows,
            by_symbol: FxHashMap::default(),
            recency: Recency::new(),
            venues,
        }
    }

    /// Makes an empty table that goes on behind a seq: the first of a new epoch.
    pub fn after(seq: Seq) -> Table {
        Table { seq, ..Table::new() }
    }

    /// Makes a table that goes on where another one was.
    ///
    /// Which field changed when is not known any more: whoever comes from before an instrument's last change is told
    /// it anew, with all its fields.
    pub fn of(versioned: &Versioned) -> Table {
        let mut table = Table::after(versioned.seq);
        let changed = &versioned.instruments_changed;
        for (image, changed) in versioned.image.instruments.iter().zip(changed) {
            let id = InstrumentId::from_index(table.rows.len());
            table.by_symbol.insert(image.listing.symbol.clone(), id);
            table.rows.push(Row::of(image, *changed));
            table.recency.push();
        }
        let mut oldest_first: Vec<usize> = (0..table.rows.len()).collect();
        oldest_first.sort_by_key(|at| changed[*at]);
        oldest_first.into_iter().for_each(|at| table.recency.touch(at));
        let venues = versioned.venues_changed.iter().copied();
        table.venues = venues.zip(versioned.image.venues.iter().cloned()).collect();
        table
    }

    /// The newest state of everything, and when it last changed.
    pub fn versioned(&self) -> Versioned {
        Versioned {
            seq: self.seq,
            image: Image {
                instruments: self.rows.iter().map(Row::image).collect(),
                venues: self.venues().cloned().collect(),
            },
            instruments_changed: self.rows.iter().map(|row| row.last_change).collect(),
            venues_changed: self.venues.iter().map(|(changed, _)| *changed).collect(),
        }
    }

    /// The newest beat applied.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Instruments ever listed, tombstones included: ids are 1 to this.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing was ever listed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The instrument of a symbol, a tombstone included.
    pub fn id_of(&self, symbol: &str) -> Option<InstrumentId> {
        self.by_symbol.get(symbol).copied()
    }

    /// The instrument's announcement; a tombstone keeps its last.
    pub fn listing(&self, id: InstrumentId) -> Option<&Listing> {
        self.rows.get(id.index()).map(|r| &r.listing)
    }

    /// Whether the instrument exists and was not taken away.
    pub fn is_live(&self, id: InstrumentId) -> bool {
        self.rows.get(id.index()).is_some_and(|r| !r.is_removed)
    }

    /// The instrument's own state.
    pub fn state(&self, id: InstrumentId) -> Option<TickerState> {
        self.rows.get(id.index()).map(|r| r.state.0)
    }

    /// Every venue's state.
    pub fn venues(&self) -> impl Iterator<Item = &VenueRow> {
        self.venues.iter().map(|(_, row)| row)
    }

    /// Whether the venue at this position of [`Table::venues`] changed after `since`.
    pub fn is_venue_news(&self, at: usize, since: Seq) -> bool {
        self.venues.get(at).is_some_and(|(changed, _)| *changed > since)
    }

    /// When an instrument last changed in any way, its removal included.
    pub fn last_change(&self, id: InstrumentId) -> Option<Seq> {
        self.rows.get(id.index()).map(|r| r.last_change)
    }

    /// When the venue at this position of [`Table::venues`] last changed.
    pub fn last_venue_change(&self, at: usize) -> Option<Seq> {
        self.venues.get(at).map(|(changed, _)| *changed)
    }

    /// Instruments that changed after `since`, newest first; costs what changed.
    pub fn changed_since(&self, since: Seq) -> impl Iterator<Item = InstrumentId> + '_ {
        let changed = move |at: &usize| self.rows[*at].last_change > since;
        self.recency
            .newest_first()
            .take_while(changed)
            .map(InstrumentId::from_index)
    }

    /// What changed of an instrument after `since`: with [`Seq::ZERO`] everything there is.
    ///
    /// `None` where nothing did, and for a tombstone where everything is asked for. Later than that a tombstone
    /// is told even if it was listed after `since`: the parts of a delta that broke off, or that came late, may
    /// have announced it to a subscriber whose seq is still before them.
    pub fn changes_since(&self, id: InstrumentId, since: Seq) -> Option<Entry<'_>> {
        let row = self.rows.get(id.index())?;
        if row.is_removed && since == Seq::ZERO {
            return None;
        }
        row.entry_since(id, since)
    }

    /// The same for a delta: where all changes are of one beat, it is the writer's own entry of that beat, with its
    /// updates, and with a tombstone even of what was listed in it.
    ///
    /// `counted`: updates up to here may have been counted by whoever gets it; above `since` only the total is safe.
    pub fn delta_since(&self, id: InstrumentId, since: Seq, counted: Seq) -> Option<Entry<'_>> {
        let row = self.rows.get(id.index())?;
        if row.change_before > since {
            return self.changes_since(id, since);
        }
        let mut entry = row.entry_since(id, since)?;
        if counted <= since && !entry.is_announced {
            entry.counts = Counts::Beat(row.updates);
        }
        Some(entry)
    }

    /// Applies the next beat.
    ///
    /// # Panics
    /// Where a beat is applied twice or out of order: the two halves of the store would disagree.
    pub fn apply(&mut self, beat: &SealedBeat) {
        assert!(beat.seq > self.seq, "beat {} after {}", beat.seq, self.seq);
        self.seq = beat.seq;
        for change in &beat.changes {
            self.apply_change(beat, change);
        }
        for venue in &beat.venues {
            match self.venues.iter_mut().find(|(_, row)| row.name == venue.name) {
                Some(row) => *row = (beat.seq, venue.clone()),
                None => self.venues.push((beat.seq, venue.clone())),
            }
        }
    }

    fn apply_change(&mut self, beat: &SealedBeat, change: &Change) {
        let at = change.id.index();
        if at == self.rows.len() {
            let listing = change.listing.clone().expect("an id's first change announces it");
            self.by_symbol.insert(listing.symbol.clone(), change.id);
            self.rows.push(Row::new(listing, beat.seq));
            self.recency.push();
        } else {
            self.recency.touch(at);
        }
        self.rows[at].apply(beat, change);
    }
}

impl Row {
    fn new(listing: Listing, seq: Seq) -> Row {
        Row {
            listing,
            values: [0; FIELDS],
            changed: [Seq::ZERO; FIELDS],
            present: FieldSet::EMPTY,
            state: (TickerState::Live, None),
            state_changed: Seq::ZERO,
            announced: seq,
            is_removed: false,
            last_change: seq,
            change_before: Seq::ZERO,
            updated: Seq::ZERO,
            updates: 0,
            update_count: 0,
            ts_event: None,
            ts_trade: None,
        }
    }

    /// What an image says, as told anew in this beat.
    fn of(image: &InstrumentImage, seq: Seq) -> Row {
        Row {
            values: image.values,
            changed: [seq; FIELDS],
            present: image.present,
            state: image.state,
            state_changed: seq,
            is_removed: image.is_removed,
            updated: seq,
            update_count: image.update_count,
            ts_event: image.ts_event,
            ts_trade: image.ts_trade,
            ..Row::new(image.listing.clone(), seq)
        }
    }

    fn image(&self) -> InstrumentImage {
        let mut values = [0; FIELDS];
        for field in self.present.iter() {
            values[field.index()] = self.values[field.index()];
        }
        InstrumentImage {
            listing: self.listing.clone(),
            present: self.present,
            values,
            state: self.state,
            is_removed: self.is_removed,
            update_count: self.update_count,
            ts_event: self.ts_event,
            ts_trade: self.ts_trade,
        }
    }

    fn apply(&mut self, beat: &SealedBeat, change: &Change) {
        // A row's first beat both makes it and applies to it.
        if self.last_change < beat.seq {
            self.change_before = self.last_change;
        }
        self.last_change = beat.seq;
        self.updates = change.updates;
        self.is_removed = change.is_removed;
        if let Some(listing) = &change.listing {
            self.listing.decimals = listing.decimals;
            self.announced = beat.seq;
        }
        if change.listing.is_some() || change.is_removed {
            self.present = FieldSet::EMPTY;
        }
        for (field, value) in beat.values_of(change) {
            self.values[field.index()] = value;
        }
        for field in change.set.union(change.cleared).iter() {
            self.changed[field.index()] = beat.seq;
        }
        self.present = self.present.difference(change.cleared).union(change.set);
        if let Some(state) = change.state {
            self.state = state;
            self.state_changed = beat.seq;
        }
        self.update_count = change.update_count;
        if change.updates > 0 || change.listing.is_some() {
            self.updated = beat.seq;
            self.ts_event = change.ts_event;
        }
        self.ts_trade = change.ts_trade;
    }

    fn entry_since(&self, id: InstrumentId, since: Seq) -> Option<Entry<'_>> {
        if self.last_change <= since {
            return None;
        }
        let is_announced = self.announced > since;
        let changed = if self.is_removed {
            FieldSet::EMPTY
        } else if is_announced {
            self.present
        } else {
            self.changed_since(since)
        };
        let set = changed.intersection(self.present);
        Some(Entry {
            id,
            listing: &self.listing,
            is_announced: is_announced && !self.is_removed,
            is_removed: self.is_removed,
            set,
            cleared: changed.difference(set),
            values: &self.values,
            state: (is_announced || self.state_changed > since).then_some(self.state),
            counts: Counts::Total(self.update_count),
            ts_event: self.ts_event.filter(|_| self.updated > since),
            ts_trade: self.ts_trade,
        })
    }

    fn changed_since(&self, since: Seq) -> FieldSet {
        let changed = Field::ALL.into_iter().filter(|f| self.changed[f.index()] > since);
        changed.collect()
    }
}
