//! From keys and cells to records: what belongs together, and what is missing.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use super::error::{RowError, excerpt};
use super::key::{Key, KeySet, Kind};
use super::said::Said;
use crate::market::{
    DECIMALS_MAX, Event, Field, Fields, StaleCause, Symbol, SymbolError, TickerState, Ts, Update, Value, VenueName,
    VenueState,
};
use crate::tape::{Taped, What};

/// Symbols that are held while a file is read, at 150 B each; beyond them it begins anew.
const SYMBOLS_HELD_MAX: usize = 1_000_000;

const CAUSES: [StaleCause; 5] = [
    StaleCause::Gap,
    StaleCause::Silent,
    StaleCause::Disconnected,
    StaleCause::Checksum,
    StaleCause::Restart,
];

/// What rows have named.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// By their text, so that each is allocated once.
    symbols: FxHashSet<Symbol>,
    /// Venues of which a state was said.
    venues: FxHashSet<Box<str>>,
}

impl Named {
    fn symbol(&mut self, text: &str) -> Result<Symbol, SymbolError> {
        if let Some(symbol) = self.symbols.get(text) {
            return Ok(symbol.clone());
        }
        let symbol = Symbol::parse(text)?;
        if self.symbols.len() >= SYMBOLS_HELD_MAX {
            *self = Named::default();
        }
        self.symbols.insert(symbol.clone());
        Ok(symbol)
    }

    /// Whether a venue's state is said for the first time.
    fn is_first_state(&mut self, venue: &str) -> bool {
        let is_first = !self.venues.contains(venue);
        if is_first {
            self.venues.insert(venue.into());
        }
        is_first
    }
}

/// Whether an update with these fields is a trade where its row does not say so.
pub(super) fn is_trade(fields: &Fields) -> bool {
    !matches!(fields.get(Field::LastPrice), None | Some(Value::Cleared))
}

/// What one row says, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    /// Keys that stand there.
    there: KeySet,
    /// Those that are more than `null`.
    said: KeySet,
    kind: Option<Kind>,
    symbol: Cow<'a, str>,
    venue: Cow<'a, str>,
    fields: Fields,
    is_trade: Option<bool>,
    ts_recv: Option<Ts>,
    ts_event: Option<Ts>,
    state: Cow<'a, str>,
    cause: Option<StaleCause>,
    reason: Cow<'a, str>,
    /// Of prices, sizes and the volume.
    decimals: [Option<u8>; 3],
    events_lost: u64,
}

impl<'a> Row<'a> {
    /// Takes one key and what stands behind it; `raw` is that as it is written.
    pub(super) fn put(&mut self, key: Key, said: Said<'a>, raw: &str) -> Result<(), RowError> {
        if !self.there.insert(key) {
            return Err(RowError::Repeated(key.name()));
        }
        if let Key::Value(field) = key {
            return self.value(field, &said, raw);
        }
        let got = || excerpt(raw);
        let key_name = key.name();
        let text = match said {
            Said::Null => return Ok(()),
            Said::Text(text) => text,
            Said::Other => {
                let (key, got) = (key_name, got());
                return Err(RowError::Text { key, got });
            }
        };
        self.said.insert(key);
        match key {
            Key::TsRecv => self.ts_recv = Some(time(key, &text)?),
            Key::TsEvent => self.ts_event = Some(time(key, &text)?),
            Key::Event => self.kind = Some(one_of(key, &text, &Kind::ALL, Kind::word)?),
            Key::Symbol => self.symbol = text,
            Key::Venue => self.venue = text,
            Key::Trade => self.is_trade = Some(one_of(key, &text, &[true, false], word)?),
            Key::Cleared => self.names(key, &text, Value::Cleared)?,
            Key::Misfit => self.names(key, &text, Value::Misfit)?,
            Key::State => self.state = text,
            Key::Cause => self.cause = Some(one_of(key, &text, &CAUSES, StaleCause::word)?),
            Key::Reason => self.reason = text,
            Key::PriceDecimals => self.decimals[0] = Some(decimals(key, &text)?),
            Key::SizeDecimals => self.decimals[1] = Some(decimals(key, &text)?),
            Key::VolumeDecimals => self.decimals[2] = Some(decimals(key, &text)?),
            Key::EventsLost => {
                let count = digits(&text).and_then(|text| text.parse().ok());
                let wrong = || RowError::Count {
                    key: key_name,
                    got: got(),
                };
                self.events_lost = count.ok_or_else(wrong)?;
            }
            Key::Value(_) => {}
        }
        Ok(())
    }

    fn value(&mut self, field: Field, said: &Said<'_>, raw: &str) -> Result<(), RowError> {
        let value = match field {
            Field::LastSide => said.side().or_else(|| said.number()),
            _ => said.number(),
        };
        let value = value.ok_or_else(|| RowError::Number {
            key: field.name(),
            got: excerpt(raw),
        })?;
        self.name(field, value)
    }

    /// Takes the fields of a list.
    fn names(&mut self, key: Key, text: &str, value: Value) -> Result<(), RowError> {
        for name in text.split_ascii_whitespace() {
            let field = Field::from_name(name).ok_or_else(|| RowError::Names {
                key: key.name(),
                got: excerpt(name),
            })?;
            self.name(field, value)?;
        }
        Ok(())
    }

    fn name(&mut self, field: Field, value: Value) -> Result<(), RowError> {
        if self.fields.named().contains(field) {
            return Err(RowError::Repeated(field.name()));
        }
        self.said.insert(Key::Value(field));
        self.fields.put(field, value);
        Ok(())
    }

    /// Adds what the row says to `out`: one record. Where it has no time of receipt, it is a line as feeds take it: it
    /// may be an update and a state, and its venue is up with its first line.
    pub(super) fn finish(self, named: &mut Named, out: &mut Vec<Taped>) -> Result<(), RowError> {
        let kind = self.kind.unwrap_or_else(|| self.implied());
        if let Some(key) = self.said.difference(kind.keys()).iter().next() {
            return Err(RowError::foreign(kind, key));
        }
        let ts = match (self.ts_recv, kind) {
            (Some(ts), _) => Some(ts),
            // Whoever writes rows without a time of receipt has the venue's times only.
            (None, Kind::Update) => self.ts_event,
            (None, _) => return Err(RowError::missing(kind, Key::TsRecv)),
        };
        let ts = ts.ok_or(RowError::NoTime)?;
        let mut put = |event| {
            let what = What::Event(event);
            out.push(Taped { ts, what });
        };
        match kind {
            Kind::Update => {
                let (symbol, state) = (self.symbol(kind, named)?, self.said.contains(Key::State));
                if self.kind.is_none() && self.fields.is_empty() && !state {
                    return Err(RowError::Empty);
                }
                let states = [TickerState::Live, TickerState::Halted];
                let state = state.then(|| one_of(Key::State, &self.state, &states, TickerState::word));
                let state = state.transpose()?;
                let mut fields = self.fields;
                if self.is_trade.unwrap_or_else(|| is_trade(&fields)) {
                    fields.mark_trade();
                }
                if self.ts_recv.is_none() && named.is_first_state(symbol.venue()) {
                    put(Event::Venue {
                        venue: VenueName::parse(symbol.venue())?,
                        state: VenueState::Up,
                        reason: String::new(),
                    });
                }
                put(Event::Update(Update {
                    symbol: symbol.clone(),
                    fields,
                    ts_event: self.ts_event,
                    ts_recv: ts,
                }));
                if let Some(state) = state {
                    let cause = None;
                    put(Event::State { symbol, state, cause });
                }
            }
            Kind::State => {
                let states = [TickerState::Live, TickerState::Stale, TickerState::Halted];
                put(Event::State {
                    symbol: self.symbol(kind, named)?,
                    state: one_of(Key::State, self.state(kind)?, &states, TickerState::word)?,
                    cause: self.cause,
                });
            }
            Kind::Listed => {
                let [price_decimals, size_decimals, volume_decimals] = self.decimals;
                put(Event::Listed {
                    symbol: self.symbol(kind, named)?,
                    price_decimals,
                    size_decimals,
                    volume_decimals,
                });
            }
            Kind::Removed => put(Event::Removed(self.symbol(kind, named)?)),
            Kind::Venue => {
                let states = [VenueState::Up, VenueState::Stale, VenueState::Down];
                if !self.said.contains(Key::Venue) {
                    return Err(RowError::missing(kind, Key::Venue));
                }
                let venue = VenueName::parse(&self.venue)?;
                named.is_first_state(venue.as_str());
                put(Event::Venue {
                    venue,
                    state: one_of(Key::State, self.state(kind)?, &states, VenueState::word)?,
                    reason: self.reason.into_owned(),
                });
            }
            Kind::Gap => {
                if !self.said.contains(Key::EventsLost) {
                    return Err(RowError::missing(kind, Key::EventsLost));
                }
                let events = self.events_lost;
                let what = What::Gap { events };
                out.push(Taped { ts, what });
            }
        }
        Ok(())
    }

    /// What a row is that does not say it: a venue's or an instrument's state where that is all that it says.
    fn implied(&self) -> Kind {
        let state = KeySet::of(&[Key::TsRecv, Key::Symbol, Key::State]);
        let may_have = state.union(KeySet::of(&[Key::Cause]));
        if self.said.contains(Key::Venue) {
            Kind::Venue
        } else if state.difference(self.said) == KeySet::default()
            && self.said.difference(may_have) == KeySet::default()
        {
            Kind::State
        } else {
            Kind::Update
        }
    }

    fn symbol(&self, kind: Kind, named: &mut Named) -> Result<Symbol, RowError> {
        if !self.said.contains(Key::Symbol) {
            return Err(RowError::missing(kind, Key::Symbol));
        }
        Ok(named.symbol(&self.symbol)?)
    }

    fn state(&self, kind: Kind) -> Result<&str, RowError> {
        let is_there = self.said.contains(Key::State);
        is_there
            .then_some(&*self.state)
            .ok_or_else(|| RowError::missing(kind, Key::State))
    }
}

const fn word(is_so: bool) -> &'static str {
    if is_so { "true" } else { "false" }
}

fn one_of<T: Copy>(key: Key, text: &str, all: &[T], word: fn(T) -> &'static str) -> Result<T, RowError> {
    let found = all.iter().find(|one| word(**one) == text);
    found.copied().ok_or_else(|| {
        let allowed: Vec<&str> = all.iter().map(|one| word(*one)).collect();
        RowError::word(key, text, &allowed)
    })
}

/// The text where it is nothing but digits: `parse` alone would take a sign.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

/// Times before 1970 are nonsense, but where a recording has one, its rows have it too.
fn time(key: Key, text: &str) -> Result<Ts, RowError> {
    let is_plain = digits(text.strip_prefix('-').unwrap_or(text)).is_some();
    let ns = text.parse().ok().filter(|_| is_plain);
    ns.map(Ts).ok_or_else(|| RowError::Time {
        key: key.name(),
        got: excerpt(text),
    })
}

fn decimals(key: Key, text: &str) -> Result<u8, RowError> {
    let places = digits(text).and_then(|text| text.parse().ok());
    places
        .filter(|places| *places <= DECIMALS_MAX)
        .ok_or_else(|| RowError::Decimals {
            key: key.name(),
            got: excerpt(text),
        })
}
