//! A service without threads: a writer, a table, a disk of one file, and subscribers that keep what they are told.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Checkpoint, Timeline};
use crate::market::{Event, FIELDS, Field, InstrumentId, StaleCause, Symbol, TickerState, Ts, VenueState};
use crate::store::{Counts, Entry, Epoch, Seq, Table};

pub(super) const INSTRUMENTS_MAX: usize = 100;

pub(super) fn epoch(number: u64) -> Epoch {
    Epoch::new(number).expect("an epoch")
}

/// An instrument as a subscriber has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) symbol: Symbol,
    pub(super) values: [Option<i64>; FIELDS],
    pub(super) state: (TickerState, Option<StaleCause>),
    pub(super) count: u64,
}

/// All that a subscriber knows; it holds everything.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct View {
    pub(super) rows: BTreeMap<u32, Row>,
    pub(super) venues: BTreeMap<String, (VenueState, String, Ts)>,
}

impl View {
    /// What a table tells whoever knows nothing.
    pub(super) fn whole(table: &Table) -> View {
        let mut view = View::default();
        view.take(table, Seq::ZERO);
        view
    }

    /// Takes all that changed after a seq.
    fn take(&mut self, table: &Table, since: Seq) {
        for id in (0..table.len()).map(InstrumentId::from_index) {
            if let Some(entry) = table.changes_since(id, since) {
                self.entry(&entry);
            }
        }
        let news = table
            .venues()
            .enumerate()
            .filter(|(at, _)| table.is_venue_news(*at, since));
        for (_, venue) in news {
            let state = (venue.state, venue.reason.clone(), venue.since);
            self.venues.insert(venue.name.to_string(), state);
        }
    }

    fn entry(&mut self, entry: &Entry<'_>) {
        if entry.is_removed {
            self.rows.remove(&entry.id.0);
            return;
        }
        if entry.is_announced {
            let row = Row {
                symbol: entry.listing.symbol.clone(),
                values: [None; FIELDS],
                state: entry.state.expect("who is announced has a state"),
                count: 0,
            };
            self.rows.insert(entry.id.0, row);
        }
        let row = self.rows.get_mut(&entry.id.0).expect("it was announced");
        for field in Field::ALL {
            if entry.set.contains(field) {
                row.values[field.index()] = Some(entry.values[field.index()]);
            } else if entry.cleared.contains(field) {
                row.values[field.index()] = None;
            }
        }
        row.state = entry.state.unwrap_or(row.state);
        row.count = match entry.counts {
            Counts::Total(count) => count,
            Counts::Beat(updates) => row.count + u64::from(updates),
        };
    }
}

/// A subscriber, connected or not.
#[derive(Debug, Default)]
pub(super) struct Subscriber {
    position: Option<(Epoch, Seq)>,
    view: View,
    is_connected: bool,
}

/// The service.
pub(super) struct World {
    pub(super) timeline: Timeline,
    disk: Vec<u8>,
    epochs: u64,
    pub(super) subscribers: Vec<Subscriber>,
    /// The newest seq of each epoch that anyone can have seen.
    published: BTreeMap<u64, Seq>,
    /// Whose id it is, for ever.
    ids: BTreeMap<(u64, u32), Symbol>,
    /// Resumes that were honoured.
    pub(super) resumed: usize,
}

impl World {
    pub(super) fn new(subscribers: usize) -> World {
        let mut world = World {
            timeline: Timeline::empty(epoch(1), INSTRUMENTS_MAX),
            disk: Vec::new(),
            epochs: 1,
            subscribers: (0..subscribers).map(|_| Subscriber::default()).collect(),
            published: BTreeMap::new(),
            ids: BTreeMap::new(),
            resumed: 0,
        };
        world.checkpoint(false);
        world
    }

    pub(super) fn apply(&mut self, event: &Event) {
        self.timeline.writer.apply(event, Ts(5));
    }

    /// Seals, publishes, and sends everybody connected what is theirs.
    pub(super) fn beat(&mut self) {
        let Some(beat) = self.timeline.writer.seal(Ts(6)) else {
            return;
        };
        self.timeline.table.apply(&beat);
        self.note();
        let (epoch, table) = (self.timeline.epoch, &self.timeline.table);
        for subscriber in self.subscribers.iter_mut().filter(|s| s.is_connected) {
            let (_, since) = subscriber.position.expect("it was told when it came");
            subscriber.view.take(table, since);
            subscriber.position = Some((epoch, table.seq()));
        }
    }

    /// Notes what may be seen from now on, and that nothing was seen before as something else.
    fn note(&mut self) {
        let (epoch, table) = (self.timeline.epoch.get(), &self.timeline.table);
        let before = self.published.insert(epoch, table.seq());
        assert!(before < Some(table.seq()), "{} again in epoch {epoch}", table.seq());
        for id in (0..table.len()).map(InstrumentId::from_index) {
            let symbol = table.listing(id).expect("an id").symbol.clone();
            let first = self.ids.entry((epoch, id.0)).or_insert_with(|| symbol.clone());
            assert_eq!(*first, symbol, "{id:?} of epoch {epoch}");
        }
    }

    pub(super) fn disconnect(&mut self, at: usize) {
        self.subscribers[at].is_connected = false;
    }

    /// As the protocol's rule 5 has it; whoever comes knows exactly what there is.
    pub(super) fn connect(&mut self, at: usize) {
        let (epoch, table) = (self.timeline.epoch, &self.timeline.table);
        let subscriber = &mut self.subscribers[at];
        match subscriber.position {
            Some((of, since)) if of == epoch && since <= table.seq() && since > Seq::ZERO => {
                subscriber.view.take(table, since);
                self.resumed += 1;
            }
            _ => subscriber.view = View::whole(table),
        }
        (subscriber.position, subscriber.is_connected) = (Some((epoch, table.seq())), true);
        assert_eq!(subscriber.view, View::whole(table), "told as it is");
    }

    /// What the keeper writes.
    pub(super) fn checkpoint(&mut self, is_final: bool) {
        let checkpoint = Checkpoint {
            epoch: self.timeline.epoch,
            is_final,
            taken: Ts(7),
            state: self.timeline.table.versioned(),
        };
        self.disk = checkpoint.encode();
    }

    /// The process is gone, and with it what no checkpoint has; another one begins and everybody is cut off.
    pub(super) fn restart(&mut self) {
        let checkpoint = Checkpoint::decode(&self.disk).expect("what was written");
        self.epochs += 1;
        self.timeline = Timeline::revive(&checkpoint, epoch(self.epochs), INSTRUMENTS_MAX, Ts(8));
        self.subscribers.iter_mut().for_each(|s| s.is_connected = false);
        // Nothing changed since: an empty store has nothing to tell.
        if !checkpoint.state.image.instruments.is_empty() || !checkpoint.state.image.venues.is_empty() {
            self.looks_restarted(&checkpoint);
        }
        self.checkpoint(false);
    }

    fn looks_restarted(&self, checkpoint: &Checkpoint) {
        let state = &checkpoint.state;
        let went_on = self.timeline.epoch == checkpoint.epoch;
        assert_eq!(went_on, checkpoint.is_final);
        assert!(!went_on || self.timeline.table.seq() >= state.seq);
        let view = View::whole(&self.timeline.table);
        let kept = state.image.instruments.iter();
        let kept = kept.filter(|image| !image.is_removed && !image.listing.symbol.is_server_own());
        let kept: BTreeSet<_> = kept
            .map(|image| {
                let values = Field::ALL.map(|f| image.present.contains(f).then_some(image.values[f.index()]));
                (image.listing.symbol.clone(), values)
            })
            .collect();
        let shown: BTreeSet<_> = view.rows.values().map(|row| (row.symbol.clone(), row.values)).collect();
        assert_eq!(shown, kept, "the last values, and no others");
        let stale = (TickerState::Stale, Some(StaleCause::Restart));
        assert!(view.rows.values().all(|row| row.state == stale));
        assert!(view.venues.values().all(|(state, ..)| *state == VenueState::Down));
    }
}
