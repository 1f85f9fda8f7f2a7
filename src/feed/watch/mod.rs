//! The watches over a connection: transport, the connection's data, each instrument against its own usual rate.
//!
//! Pure state machines. `now` is the time since any start, on any clock that only goes forward: a connection's own, or
//! that of a replayed recording.

mod flow;
mod rhythm;
mod transport;

use std::time::Duration;

use rustc_hash::FxHashMap;

pub use flow::{Flow, FlowState};
use rhythm::Rhythm;
pub use transport::{Transport, TransportState};

use super::Batch;
use crate::market::{Event, StaleCause, Symbol, TickerState};

/// The shortest silence that is ever suspicious, unless the operator sets another: busy markets never pause so long, and
/// for calm ones their own rate counts.
pub const SILENCE_DEFAULT: Duration = Duration::from_secs(10);

/// Every instrument of a connection: what is wrong with it, and whether it keeps to its usual rate.
///
/// The one place that decides which state of an instrument is shown: what the parser says, what silence says and what
/// a lost connection says meet here. Lives as long as the feed, over all its connections.
#[derive(Debug)]
pub struct Watch {
    silence: Duration,
    at: FxHashMap<Symbol, usize>,
    list: Vec<Watched>,
    next_check: Duration,
}

/// Five times what all venues list: beyond, instruments are not watched.
const WATCHED_MAX: usize = 100_000;

#[derive(Debug)]
struct Watched {
    symbol: Symbol,
    /// Of quotes, or of all updates where no quote ever came: other streams of the instrument may go on while its quotes
    /// have stopped.
    rhythm: Rhythm,
    has_quotes: bool,
    /// The parser has said that it is live.
    is_confirmed: bool,
    /// No whole data came since the connection was lost.
    is_lost: bool,
    is_silent: bool,
    is_halted: bool,
    /// What the parser found.
    fault: Option<StaleCause>,
}

impl Watched {
    fn shown(&self) -> (TickerState, Option<StaleCause>) {
        let lost = self.is_lost.then_some(StaleCause::Disconnected);
        let silent = self.is_silent.then_some(StaleCause::Silent);
        match lost.or(self.fault).or(silent) {
            Some(cause) => (TickerState::Stale, Some(cause)),
            None if self.is_halted => (TickerState::Halted, None),
            None => (TickerState::Live, None),
        }
    }

    fn event(&self) -> Event {
        let (state, cause) = self.shown();
        Event::State {
            symbol: self.symbol.clone(),
            state,
            cause,
        }
    }

    /// Takes an update; whether it ends a silence.
    fn updated(&mut self, now: Duration, is_quote: bool) -> bool {
        if self.has_quotes && !is_quote {
            return false;
        }
        if !std::mem::replace(&mut self.has_quotes, is_quote) && is_quote {
            self.rhythm = Rhythm::default();
        }
        let was_silent = std::mem::take(&mut self.is_silent);
        if was_silent {
            self.rhythm.event_after_silence(now);
        } else {
            self.rhythm.event(now);
        }
        was_silent
    }

    /// Takes what the parser says.
    fn told(&mut self, state: TickerState, cause: Option<StaleCause>) {
        match state {
            TickerState::Live => {
                self.is_confirmed = true;
                self.is_lost = false;
                self.is_halted = false;
                self.fault = None;
            }
            TickerState::Halted => self.is_halted = true,
            TickerState::Stale => self.fault = cause,
        }
    }
}

impl Watch {
    /// Watches nothing yet; `silence` is the shortest one that is ever suspicious.
    pub fn new(silence: Duration) -> Watch {
        Watch {
            silence,
            at: FxHashMap::default(),
            list: Vec::new(),
            next_check: Duration::ZERO,
        }
    }

    /// Takes what a parser made, `events[from..]`: its states become those to show, and whoever was silent is live again
    /// with its update.
    pub fn note(&mut self, now: Duration, events: &mut Batch, from: usize) {
        let mut at = from;
        while let Some(event) = events.get_mut(at) {
            match event {
                Event::Update(update) => {
                    let is_quote = update.fields.is_quote();
                    if let Some(watched) = self.of(&update.symbol)
                        && watched.updated(now, is_quote)
                    {
                        let state = watched.event();
                        at += 1;
                        events.insert(at, state);
                    }
                }
                Event::State { symbol, state, cause } => {
                    if let Some(watched) = self.of(symbol) {
                        watched.told(*state, *cause);
                        (*state, *cause) = watched.shown();
                    }
                }
                Event::Removed(symbol) => self.forget(&symbol.clone()),
                Event::Listed { .. } | Event::Venue { .. } => {}
            }
            at += 1;
        }
    }

    /// When [`check`](Watch::check) is to be called next.
    pub fn next_check(&self) -> Duration {
        self.next_check
    }

    /// Says which instruments have been silent for too long.
    pub fn check(&mut self, now: Duration, out: &mut Batch) {
        // A quarter of the shortest silence is precise enough; all instruments of a connection are looked at, some 10 ns
        // each.
        self.next_check = now + self.silence / 4;
        for watched in &mut self.list {
            let allowed = watched.rhythm.allowed().map(|a| a.max(self.silence));
            let due = allowed.zip(watched.rhythm.last()).map(|(allowed, last)| last + allowed);
            // A halted market is silent by nature.
            let is_expected = !watched.is_silent && !watched.is_halted;
            if is_expected && due.is_some_and(|due| now >= due) {
                watched.is_silent = true;
                out.push(watched.event());
            }
        }
    }

    /// Says that the whole connection has fallen silent: no instrument is live before its next update.
    pub fn silent(&mut self, out: &mut Batch) {
        for watched in self.list.iter_mut().filter(|w| !w.is_silent && !w.is_halted) {
            watched.is_silent = true;
            out.push(watched.event());
        }
    }

    /// Says that the connection was lost: nothing is live before new whole data.
    pub fn lost(&mut self, out: &mut Batch) {
        for watched in &mut self.list {
            // The next connection's parser begins anew, so what the last one found is over.
            watched.is_lost = true;
            watched.is_confirmed = false;
            watched.fault = None;
            watched.is_silent = false;
            watched.rhythm.pause();
            out.push(watched.event());
        }
    }

    /// Whether the parser has said on this connection that the instrument is whole, and nothing against it since.
    pub fn is_whole(&self, symbol: &Symbol) -> bool {
        let watched = self.at.get(symbol).map(|at| &self.list[*at]);
        watched.is_some_and(|w| w.is_confirmed && w.fault.is_none())
    }

    fn of(&mut self, symbol: &Symbol) -> Option<&mut Watched> {
        let at = match self.at.get(symbol) {
            Some(at) => *at,
            None if self.list.len() >= WATCHED_MAX => return None,
            None => {
                let at = self.list.len();
                self.at.insert(symbol.clone(), at);
                self.list.push(Watched {
                    symbol: symbol.clone(),
                    rhythm: Rhythm::default(),
                    has_quotes: false,
                    is_confirmed: false,
                    is_lost: false,
                    is_silent: false,
                    is_halted: false,
                    fault: None,
                });
                at
            }
        };
        self.list.get_mut(at)
    }

    fn forget(&mut self, symbol: &Symbol) {
        let Some(at) = self.at.remove(symbol) else { return };
        self.list.swap_remove(at);
        if let Some(moved) = self.list.get(at) {
            self.at.insert(moved.symbol.clone(), at);
        }
    }
}

#[cfg(test)]
mod tests;
