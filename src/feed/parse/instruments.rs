//! What one connection has shown of each instrument: its symbol and whatever its venue's parser keeps of it.

use rustc_hash::FxHashMap;

use super::ParseError;
use crate::market::{Event, Fields, StaleCause, Symbol, TickerState, Ts, Update, VenueName};

/// 100,000: 30 times what any venue lists; at about 200 B each it bounds a connection to 20 MB. Parsers that keep books
/// have a lower one.
pub const SYMBOLS_MAX: usize = 100_000;

/// One instrument on one connection.
#[derive(Debug)]
pub struct Instrument<T> {
    /// With the venue's name in front.
    pub symbol: Symbol,
    /// Numbering, book and so on.
    pub own: T,
}

impl<T> Instrument<T> {
    /// Says what changed of it.
    pub fn update(&self, fields: Fields, ts_event: Option<Ts>, ts_recv: Ts) -> Event {
        Event::Update(Update {
            symbol: self.symbol.clone(),
            fields,
            ts_event,
            ts_recv,
        })
    }

    /// Says its state; the cause belongs to [`TickerState::Stale`].
    pub fn state(&self, state: TickerState, cause: Option<StaleCause>) -> Event {
        Event::State {
            symbol: self.symbol.clone(),
            state,
            cause,
        }
    }
}

/// The instruments of one connection, bounded.
#[derive(Debug)]
pub struct Instruments<T> {
    venue: VenueName,
    by_name: FxHashMap<Box<str>, usize>,
    list: Vec<Instrument<T>>,
    limit: usize,
}

impl<T: Default> Instruments<T> {
    /// Knows none yet and takes at most `limit`.
    pub fn new(venue: VenueName, limit: usize) -> Instruments<T> {
        Instruments {
            venue,
            by_name: FxHashMap::default(),
            list: Vec::new(),
            limit,
        }
    }

    /// The instrument of this name, new at its first message. Allocates only then.
    ///
    /// # Errors
    /// The name breaks the grammar of symbols, or is one too many.
    pub fn of(&mut self, kind: &'static str, name: &str) -> Result<&mut Instrument<T>, ParseError> {
        let at = match self.by_name.get(name) {
            Some(at) => *at,
            None => self.add(kind, name)?,
        };
        Ok(&mut self.list[at])
    }

    /// The instrument of this name, if a message of it came.
    pub fn known(&mut self, name: &str) -> Option<&mut Instrument<T>> {
        let at = *self.by_name.get(name)?;
        self.list.get_mut(at)
    }

    /// All of them with the venue's names, in no order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Instrument<T>> {
        self.list.iter_mut()
    }

    fn add(&mut self, kind: &'static str, name: &str) -> Result<usize, ParseError> {
        let symbol = Symbol::new(&self.venue, name).map_err(|source| ParseError::Symbol { kind, source })?;
        let at = self.list.len();
        if at >= self.limit {
            let limit = self.limit;
            return Err(ParseError::TooManySymbols { kind, limit });
        }
        self.by_name.insert(name.into(), at);
        self.list.push(Instrument {
            symbol,
            own: T::default(),
        });
        Ok(at)
    }
}
