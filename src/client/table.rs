//! Instruments by id and by symbol, and venues; the order of one message's parts (rule 6).

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use super::limits::{INSTRUMENTS_MAX, VENUES_MAX, reason};
use super::ticker::{AnnouncementError, Ticker};
use crate::market::{InstrumentId, Symbol, Ts, VenueName, VenueState};
use crate::wire::proto;

/// A venue's feed as the server tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueStatus {
    /// The state now.
    pub state: VenueState,
    /// When it entered this state.
    pub since: Ts,
    /// Why, in the server's words; without control characters.
    pub reason: String,
}

/// A rule of the protocol that the server broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// An entry for an id that was never announced.
    #[error("values for instrument {0}, which was not announced")]
    Unannounced(u32),
    /// An announcement whose symbol breaks the grammar.
    #[error("instrument {0} is announced with a symbol that is none")]
    Symbol(u32),
    /// An announcement with more than 18 decimals.
    #[error("instrument {0} is announced with more than 18 decimals")]
    Decimals(u32),
    /// An id that was used for another instrument before.
    #[error("id {0} is used for another instrument")]
    IdReused(u32),
    /// More instruments than a view holds.
    #[error("more instruments than {INSTRUMENTS_MAX}")]
    TooMany,
    /// A snapshot with epoch 0, or a resumed one of an epoch that was not asked for.
    #[error("a snapshot of an epoch that cannot be")]
    Epoch,
}

/// The body of a data message, whichever it is.
pub(super) struct Entries<'a> {
    pub(super) removed: &'a [u32],
    pub(super) instruments: &'a [proto::Instrument],
    pub(super) tickers: &'a [proto::Ticker],
    pub(super) venues: &'a [proto::Venue],
    pub(super) ts: Ts,
    pub(super) kind: Kind,
    /// Entries without announcement are passed over: the answer that repairs the loss carries them again.
    pub(super) is_repairing: bool,
}

/// What an absent field means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Unchanged; an absent `updates` is 1.
    Delta,
    /// Unchanged.
    Resumed,
    /// No value.
    Whole,
}

/// What a message changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Instruments with new values, state or precision, in the message's order.
    pub symbols: Vec<Symbol>,
    /// Instruments that are not in the view any more.
    pub removed: Vec<Symbol>,
    /// Venues whose state was told.
    pub venues: Vec<VenueName>,
}

/// All that is known, without the question of whether it is complete.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    tickers: FxHashMap<InstrumentId, Ticker>,
    ids: BTreeMap<Symbol, InstrumentId>,
    venues: BTreeMap<VenueName, VenueStatus>,
}

impl Table {
    pub(super) fn get(&self, symbol: &str) -> Option<&Ticker> {
        self.tickers.get(self.ids.get(symbol)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ticker> {
        self.ids.values().filter_map(|id| self.tickers.get(id))
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn venues(&self) -> &BTreeMap<VenueName, VenueStatus> {
        &self.venues
    }

    /// Ids of the instruments whose symbol is meant.
    pub(super) fn ids_where(&self, is_meant: impl Fn(&Symbol) -> bool) -> FxHashSet<InstrumentId> {
        let meant = self.ids.iter().filter(|(symbol, _)| is_meant(symbol));
        meant.map(|(_, id)| *id).collect()
    }

    /// Applies a message's body in the order of rule 6; `announced` is told each announced or wholly given id.
    ///
    /// # Errors
    /// At the first breach; what came before it stays applied.
    pub(super) fn apply(
        &mut self,
        entries: &Entries<'_>,
        changes: &mut Changes,
        mut announced: impl FnMut(InstrumentId),
    ) -> Result<(), Breach> {
        for id in entries.removed {
            self.remove(InstrumentId(*id), changes);
        }
        for instrument in entries.instruments {
            self.announce(instrument, entries.kind, changes)?;
            announced(InstrumentId(instrument.id));
        }
        for entry in entries.tickers {
            let id = InstrumentId(entry.id);
            let Some(ticker) = self.tickers.get_mut(&id) else {
                if entries.is_repairing {
                    continue;
                }
                return Err(Breach::Unannounced(entry.id));
            };
            if entries.kind == Kind::Whole {
                ticker.forget();
                announced(id);
            }
            ticker.apply(entry, entries.ts, entries.kind == Kind::Delta);
            changes.symbols.push(ticker.symbol().clone());
        }
        for venue in entries.venues {
            self.set_venue(venue, changes);
        }
        Ok(())
    }

    fn announce(&mut self, instrument: &proto::Instrument, kind: Kind, changes: &mut Changes) -> Result<(), Breach> {
        let id = InstrumentId(instrument.id);
        let newer = Ticker::announced(instrument).map_err(|e| match e {
            AnnouncementError::Symbol => Breach::Symbol(id.0),
            AnnouncementError::Decimals => Breach::Decimals(id.0),
        })?;
        if let Some(known) = self.tickers.get_mut(&id) {
            if known.symbol() != newer.symbol() {
                return Err(Breach::IdReused(id.0));
            }
            known.announce_again(newer);
            if kind == Kind::Whole {
                known.forget();
            }
            changes.symbols.push(known.symbol().clone());
            return Ok(());
        }
        if self.tickers.len() >= INSTRUMENTS_MAX {
            return Err(Breach::TooMany);
        }
        changes.symbols.push(newer.symbol().clone());
        // A symbol listed anew under another id: the old one is gone, told or not.
        if let Some(older) = self.ids.insert(newer.symbol().clone(), id) {
            self.tickers.remove(&older);
        }
        self.tickers.insert(id, newer);
        Ok(())
    }

    fn set_venue(&mut self, venue: &proto::Venue, changes: &mut Changes) {
        let state = match proto::VenueState::try_from(venue.state) {
            Ok(proto::VenueState::Up) => VenueState::Up,
            Ok(proto::VenueState::Stale) => VenueState::Stale,
            Ok(proto::VenueState::Down) => VenueState::Down,
            // States that this version does not know are ignored (rule 14).
            Ok(proto::VenueState::Unspecified) | Err(_) => return,
        };
        let Ok(name) = VenueName::parse(&venue.name) else {
            return;
        };
        if self.venues.len() >= VENUES_MAX && !self.venues.contains_key(&name) {
            return;
        }
        changes.venues.push(name.clone());
        let status = VenueStatus {
            state,
            since: stamp(venue.since),
            reason: reason(&venue.reason),
        };
        self.venues.insert(name, status);
    }

    /// Drops an instrument; one that is not known is no error.
    pub(super) fn remove(&mut self, id: InstrumentId, changes: &mut Changes) {
        if let Some(ticker) = self.tickers.remove(&id) {
            self.ids.remove(ticker.symbol());
            changes.removed.push(ticker.symbol().clone());
        }
    }

    /// Drops all that is not meant.
    pub(super) fn retain(
        &mut self,
        is_meant: impl Fn(&Symbol) -> bool,
        is_touched: impl Fn(&VenueName) -> bool,
        changes: &mut Changes,
    ) {
        for id in self.ids_where(|s| !is_meant(s)) {
            self.remove(id, changes);
        }
        self.venues.retain(|name, _| is_touched(name));
    }

    /// Forgets everything: a new epoch voids every id and value (rule 4).
    pub(super) fn clear(&mut self, changes: &mut Changes) {
        changes.removed.extend(self.ids.keys().cloned());
        *self = Table::default();
    }
}

/// A wire stamp; those beyond 2262 are as good as the last one.
pub(super) fn stamp(ts: u64) -> Ts {
    Ts(i64::try_from(ts).unwrap_or(i64::MAX))
}
