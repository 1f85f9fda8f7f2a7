//! Everything that is counted of a recording, record by record, in memory that does not grow with it.

use rustc_hash::FxHashMap;

use super::super::lag::Lag;
use super::rate::Rate;
use crate::market::{Event, StaleCause, Symbol, TickerState, Ts, Update, VenueName, VenueState};
use crate::tape::{Taped, What};

/// What was counted.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) records: u64,
    pub(super) updates: u64,
    pub(super) trades: u64,
    pub(super) quotes: u64,
    pub(super) listed: u64,
    pub(super) removed: u64,
    pub(super) states: States,
    pub(super) stale: Causes,
    pub(super) venue_states: VenueStates,
    /// Marks of the recording itself, and the events that it lost there.
    pub(super) gaps: u64,
    pub(super) events_lost: u64,
    /// Of the first record, and the newest.
    pub(super) times: Option<(Ts, Ts)>,
    pub(super) symbols: FxHashMap<Symbol, SymbolTally>,
    /// Venues of which a state was said.
    pub(super) venues: Vec<VenueName>,
    pub(super) lag: Lag,
    pub(super) rate: Rate,
}

/// Of one instrument.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SymbolTally {
    pub(super) updates: u64,
    pub(super) trades: u64,
}

/// States of instruments.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct States {
    pub(super) live: u64,
    pub(super) stale: u64,
    pub(super) halted: u64,
}

/// Why instruments were stale.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct Causes {
    pub(super) gap: u64,
    pub(super) checksum: u64,
    pub(super) silent: u64,
    pub(super) disconnected: u64,
    pub(super) restart: u64,
    pub(super) unsaid: u64,
}

/// States of venues.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub(super) struct VenueStates {
    pub(super) up: u64,
    pub(super) stale: u64,
    pub(super) down: u64,
}

impl Tally {
    pub(super) fn new() -> Tally {
        Tally {
            records: 0,
            updates: 0,
            trades: 0,
            quotes: 0,
            listed: 0,
            removed: 0,
            states: States::default(),
            stale: Causes::default(),
            venue_states: VenueStates::default(),
            gaps: 0,
            events_lost: 0,
            times: None,
            symbols: FxHashMap::default(),
            venues: Vec::new(),
            lag: Lag::new(),
            rate: Rate::new(),
        }
    }

    pub(super) fn take(&mut self, taped: &Taped) {
        self.records += 1;
        let times = self.times.get_or_insert((taped.ts, taped.ts));
        times.1 = times.1.max(taped.ts);
        match &taped.what {
            What::Event(event) => self.event(event, taped.ts),
            What::Gap { events } => {
                self.gaps += 1;
                self.events_lost = self.events_lost.saturating_add(*events);
            }
        }
    }

    fn event(&mut self, event: &Event, ts: Ts) {
        match event {
            Event::Update(update) => self.update(update, ts),
            Event::Listed { symbol, .. } => {
                self.listed += 1;
                self.symbol(symbol);
            }
            Event::Removed(symbol) => {
                self.removed += 1;
                self.symbol(symbol);
            }
            Event::State { symbol, state, cause } => {
                self.symbol(symbol);
                let count = match state {
                    TickerState::Live => &mut self.states.live,
                    TickerState::Stale => &mut self.states.stale,
                    TickerState::Halted => &mut self.states.halted,
                };
                *count += 1;
                if *state == TickerState::Stale {
                    *self.stale.of(*cause) += 1;
                }
            }
            Event::Venue { venue, state, .. } => {
                let count = match state {
                    VenueState::Up => &mut self.venue_states.up,
                    VenueState::Stale => &mut self.venue_states.stale,
                    VenueState::Down => &mut self.venue_states.down,
                };
                *count += 1;
                if !self.venues.contains(venue) {
                    self.venues.push(venue.clone());
                }
            }
        }
    }

    fn update(&mut self, update: &Update, ts: Ts) {
        self.updates += 1;
        let is_trade = u64::from(update.fields.is_trade());
        self.trades += is_trade;
        self.quotes += u64::from(update.fields.is_quote());
        let symbol = self.symbol(&update.symbol);
        symbol.updates += 1;
        symbol.trades += is_trade;
        if let Some(ts_event) = update.ts_event {
            self.lag.take(ts_event, ts);
        }
        self.rate.take(ts);
    }

    fn symbol(&mut self, symbol: &Symbol) -> &mut SymbolTally {
        if !self.symbols.contains_key(symbol) {
            self.symbols.insert(symbol.clone(), SymbolTally::default());
        }
        self.symbols.get_mut(symbol).expect("it is there now")
    }
}

impl Causes {
    fn of(&mut self, cause: Option<StaleCause>) -> &mut u64 {
        match cause {
            Some(StaleCause::Gap) => &mut self.gap,
            Some(StaleCause::Checksum) => &mut self.checksum,
            Some(StaleCause::Silent) => &mut self.silent,
            Some(StaleCause::Disconnected) => &mut self.disconnected,
            Some(StaleCause::Restart) => &mut self.restart,
            None => &mut self.unsaid,
        }
    }
}
