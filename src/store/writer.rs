//! The one place where values change: takes events, seals beats.

use rustc_hash::FxHashMap;

use crate::market::{
    Decimal, Event, FIELDS, Field, FieldSet, InstrumentId, Scale, Side, StaleCause, Symbol, TickerState, Ts, Update,
    Value,
};

use super::counts::ByVenue;
use super::venues::Venues;
use super::working::Working;
use super::{
    Change, Counts, Entry, Image, InstrumentImage, OWN_INSTRUMENTS_MAX, SealedBeat, Seq, StoreCounts, VenueCounts,
};

/// The writing half of the store: newest values, no versions.
#[derive(Debug)]
pub struct Writer {
    seq: Seq,
    rows: Vec<Working>,
    by_symbol: FxHashMap<Symbol, InstrumentId>,
    dirty: Vec<InstrumentId>,
    venues: Venues,
    instruments_max: usize,
    /// Instruments that are the server's own: they take no room from the feeds'.
    own: usize,
    counts: StoreCounts,
    by_venue: ByVenue,
    said_full: bool,
}

impl Writer {
    /// Makes an empty store that takes so many instruments, the server's own besides.
    pub fn new(instruments_max: usize) -> Writer {
        Writer {
            seq: Seq::ZERO,
            rows: Vec::new(),
            by_symbol: FxHashMap::default(),
            dirty: Vec::new(),
            venues: Venues::default(),
            instruments_max,
            own: 0,
            counts: StoreCounts::default(),
            by_venue: ByVenue::default(),
            said_full: false,
        }
    }

    /// Goes on behind a beat in which this was so; nothing of it is told again.
    ///
    /// `None` where the store takes less than that: then ids would not be what they were.
    pub fn resumed(instruments_max: usize, seq: Seq, image: &Image) -> Option<Writer> {
        let mut writer = Writer::new(instruments_max);
        writer.restore(image);
        if writer.rows.len() != image.instruments.len() || writer.venues.rows().len() != image.venues.len() {
            return None;
        }
        for id in writer.dirty.drain(..) {
            std::mem::take(&mut writer.rows[id.index()].open);
        }
        writer.venues.settle();
        writer.seq = seq;
        Some(writer)
    }

    /// The newest sealed beat.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// What happened so far.
    pub fn counts(&self) -> StoreCounts {
        self.counts
    }

    /// The same of each venue that has had an instrument; places stay.
    pub fn venue_counts(&self) -> &[VenueCounts] {
        self.by_venue.counts()
    }

    /// Instruments of feeds ever listed.
    pub fn len_of_feeds(&self) -> usize {
        self.rows.len() - self.own
    }

    /// Instruments ever listed.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing was ever listed.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes one event into the open beat. `now` stamps changes of venue states.
    pub fn apply(&mut self, event: &Event, now: Ts) {
        match event {
            Event::Update(update) => self.update(update),
            Event::Listed {
                symbol,
                price_decimals,
                size_decimals,
                volume_decimals,
            } => {
                if let Some(id) = self.list(symbol) {
                    let stated = [
                        (Scale::Price, price_decimals),
                        (Scale::Size, size_decimals),
                        (Scale::Volume, volume_decimals),
                    ];
                    for (scale, decimals) in stated {
                        self.grow(id, scale, decimals.unwrap_or(0));
                    }
                }
            }
            Event::Removed(symbol) => self.remove(symbol),
            Event::State { symbol, state, cause } => self.set_state(symbol, *state, *cause),
            Event::Venue { venue, state, reason } => {
                let is_taken = self.venues.set(venue, *state, reason, now);
                self.counts.refused += u64::from(!is_taken);
            }
        }
    }

    /// The newest state of everything ever listed, tombstones included.
    pub fn image(&self) -> Image {
        Image {
            instruments: self.rows.iter().map(|row| row.newest.clone()).collect(),
            venues: self.venues.rows().to_vec(),
        }
    }

    /// The instruments that are live, in the order of their listing.
    pub fn live(&self) -> impl Iterator<Item = &Symbol> {
        let is_live = |row: &&Working| !row.newest.is_removed && row.newest.state.0 == TickerState::Live;
        self.rows.iter().filter(is_live).map(|row| &row.newest.listing.symbol)
    }

    /// Makes the instruments and venues of an image what they are there; others stay. Where the image has fewer decimals
    /// than a row, the row keeps its own: they never shrink in an epoch.
    ///
    /// Each instrument that is not so already is announced anew with all its fields and its count.
    pub fn restore(&mut self, image: &Image) {
        for instrument in &image.instruments {
            self.restore_instrument(instrument);
        }
        let refused = image.venues.iter().filter(|venue| !self.venues.restore(venue)).count();
        self.counts.refused += refused as u64;
    }

    /// Forgets everything but the seq, and begins again with an image: a new epoch.
    pub fn renew(&mut self, image: &Image) {
        *self = Writer {
            seq: self.seq,
            counts: self.counts,
            by_venue: std::mem::take(&mut self.by_venue),
            said_full: self.said_full,
            ..Writer::new(self.instruments_max)
        };
        self.restore(image);
    }

    /// Closes the open beat: `None`, and no new number, where nothing changed.
    pub fn seal(&mut self, ts: Ts) -> Option<SealedBeat> {
        if self.dirty.is_empty() && !self.venues.is_dirty() {
            return None;
        }
        self.seq = self.seq.next();
        let mut beat = SealedBeat {
            seq: self.seq,
            ts,
            ..SealedBeat::default()
        };
        beat.changes.reserve_exact(self.dirty.len());
        self.dirty.sort_unstable();
        for id in self.dirty.drain(..) {
            let change = self.rows[id.index()].seal(id, &mut beat.values);
            beat.changes.push(change);
        }
        beat.venues = self.venues.seal();
        Some(beat)
    }

    /// The newest sealed beat's change as an entry, for whoever was at the beat before.
    ///
    /// To be asked right after [`Writer::seal`], while no later event has touched the values.
    pub fn entry(&self, change: &Change) -> Entry<'_> {
        let row = &self.rows[change.id.index()];
        let is_announced = change.listing.is_some();
        Entry {
            id: change.id,
            listing: &row.newest.listing,
            is_announced: is_announced && !change.is_removed,
            is_removed: change.is_removed,
            set: change.set,
            cleared: change.cleared,
            values: &row.newest.values,
            state: change.state,
            // Who forgets all values forgets the count as well.
            counts: if is_announced {
                Counts::Total(change.update_count)
            } else {
                Counts::Beat(change.updates)
            },
            ts_event: change.ts_event,
            ts_trade: change.ts_trade,
        }
    }

    fn update(&mut self, update: &Update) {
        self.counts.updates += 1;
        let Some(id) = self.list(&update.symbol) else { return };
        let mut changed = false;
        for (field, value) in update.fields.iter() {
            changed |= match value {
                Value::Set(decimal) => self.set(id, field, decimal, update.fields.is_trade()),
                Value::Cleared => self.clear(id, field),
                Value::Misfit => self.misfit(id, field, "not exactly representable"),
            };
        }
        let row = &mut self.rows[id.index()];
        self.by_venue.took(row.venue, changed, row.open.updates > 0);
        // The store made it stale when it began again, so the store ends that, as soon as its feed speaks of it.
        let is_back = row.newest.state == (TickerState::Stale, Some(StaleCause::Restart));
        if is_back {
            row.newest.state = (TickerState::Live, None);
            row.open.has_state = true;
        }
        if changed {
            self.counts.changed += 1;
            // An image may say any count.
            row.newest.update_count = row.newest.update_count.saturating_add(1);
            row.open.updates += 1;
            row.newest.ts_event = update.ts_event;
            if update.fields.is_trade() {
                row.newest.ts_trade = update.ts_event;
            }
        }
        if changed || is_back {
            self.touch(id);
        }
    }

    /// The instrument of a symbol, listed now if it was not; `None` where the store is full.
    fn list(&mut self, symbol: &Symbol) -> Option<InstrumentId> {
        if let Some(id) = self.by_symbol.get(symbol.as_str()).copied() {
            let row = &mut self.rows[id.index()];
            if row.newest.is_removed {
                row.newest.is_removed = false;
                row.newest.state = (TickerState::Live, None);
                row.open.is_announced = true;
                self.touch(id);
            }
            return Some(id);
        }
        let (listed, most) = match symbol.is_server_own() {
            true => (self.own, OWN_INSTRUMENTS_MAX),
            false => (self.len_of_feeds(), self.instruments_max),
        };
        if listed >= most {
            self.counts.refused += 1;
            if !std::mem::replace(&mut self.said_full, true) {
                tracing::error!(%symbol, most, "the store is full: this and further new instruments are refused and counted");
            }
            return None;
        }
        self.own += usize::from(symbol.is_server_own());
        let id = InstrumentId::from_index(self.rows.len());
        self.by_symbol.insert(symbol.clone(), id);
        let venue = self.by_venue.place(symbol.venue());
        self.rows.push(Working::new(symbol.clone(), venue));
        self.touch(id);
        Some(id)
    }

    fn restore_instrument(&mut self, image: &InstrumentImage) {
        let known = self.by_symbol.get(image.listing.symbol.as_str()).copied();
        let Some(id) = known.or_else(|| self.list(&image.listing.symbol)) else {
            return;
        };
        let row = &mut self.rows[id.index()];
        if row.restore(image) {
            row.open.is_announced = true;
            self.touch(id);
        }
    }

    fn set(&mut self, id: InstrumentId, field: Field, value: Decimal, is_trade: bool) -> bool {
        let is_whole_or_size = field.scale() != Scale::Price;
        if is_whole_or_size && value.is_negative() {
            return self.misfit(id, field, "below zero");
        }
        if field == Field::LastSide
            && ![Side::Buy, Side::Sell]
                .iter()
                .any(|s| Decimal::from_int(*s as i64) == value)
        {
            return self.misfit(id, field, "neither buy nor sell");
        }
        if !self.grow(id, field.scale(), value.decimals()) {
            return self.misfit(id, field, "more decimals than the other values leave room for");
        }
        let row = &mut self.rows[id.index()];
        let Some(scaled) = value.scaled(row.newest.listing.decimals.of(field.scale())) else {
            return self.misfit(id, field, "too large at this precision");
        };
        let counts_anyway = is_trade && matches!(field, Field::LastPrice | Field::LastSize);
        let is_same = row.newest.present.contains(field) && row.newest.values[field.index()] == scaled;
        if is_same && !counts_anyway {
            return false;
        }
        row.newest.values[field.index()] = scaled;
        row.newest.present.insert(field);
        row.open.fields.insert(field);
        true
    }

    fn clear(&mut self, id: InstrumentId, field: Field) -> bool {
        let row = &mut self.rows[id.index()];
        if !row.newest.present.contains(field) {
            return false;
        }
        row.newest.present.remove(field);
        row.newest.values[field.index()] = 0;
        row.open.fields.insert(field);
        true
    }

    /// A value that cannot be held: never a wrong number, never the old one.
    fn misfit(&mut self, id: InstrumentId, field: Field, why: &str) -> bool {
        self.counts.misfits += 1;
        // Edges, not levels: the first of each power of two, so that a broken venue cannot flood the log.
        if self.counts.misfits.is_power_of_two() {
            let (symbol, count) = (&self.rows[id.index()].newest.listing.symbol, self.counts.misfits);
            tracing::warn!(%symbol, field = field.name(), count, "value cleared: {why}");
        }
        self.clear(id, field)
    }

    /// Raises a precision where needed. False where a value held already would no longer fit: then the
    /// newcomer is the misfit, so that one odd value cannot blank a row for good.
    fn grow(&mut self, id: InstrumentId, scale: Scale, needed: u8) -> bool {
        let row = &mut self.rows[id.index()];
        let Some(more) = needed
            .checked_sub(row.newest.listing.decimals.of(scale))
            .filter(|more| *more > 0)
        else {
            return true;
        };
        let is_held = |f: &Field| f.scale() == scale && row.newest.present.contains(*f);
        let held: Vec<Field> = Field::ALL.into_iter().filter(is_held).collect();
        let Some(factor) = 10i64.checked_pow(u32::from(more)).filter(|_| scale != Scale::Whole) else {
            return false;
        };
        if held
            .iter()
            .any(|f| row.newest.values[f.index()].checked_mul(factor).is_none())
        {
            return false;
        }
        held.iter().for_each(|f| row.newest.values[f.index()] *= factor);
        row.newest.listing.decimals.set(scale, needed);
        row.open.is_announced = true;
        self.touch(id);
        true
    }

    fn remove(&mut self, symbol: &Symbol) {
        let Some(id) = self.by_symbol.get(symbol.as_str()).copied() else {
            return;
        };
        let row = &mut self.rows[id.index()];
        if !row.newest.is_removed {
            row.newest.is_removed = true;
            row.newest.present = FieldSet::EMPTY;
            row.newest.values = [0; FIELDS];
            row.newest.ts_event = None;
            row.newest.ts_trade = None;
            self.touch(id);
        }
    }

    fn set_state(&mut self, symbol: &Symbol, state: TickerState, cause: Option<StaleCause>) {
        // A state says nothing of an instrument that no one has listed.
        let Some(id) = self.by_symbol.get(symbol.as_str()).copied() else {
            return;
        };
        let row = &mut self.rows[id.index()];
        let new = (state, cause.filter(|_| state == TickerState::Stale));
        if !row.newest.is_removed && row.newest.state != new {
            row.newest.state = new;
            row.open.has_state = true;
            self.touch(id);
        }
    }

    fn touch(&mut self, id: InstrumentId) {
        let open = &mut self.rows[id.index()].open;
        if !std::mem::replace(&mut open.is_dirty, true) {
            self.dirty.push(id);
        }
    }
}
