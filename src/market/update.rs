//! What a feed says: updates of tickers, and the events beside them.

use super::{Decimal, FIELDS, Field, FieldSet, Side, StaleCause, Symbol, TickerState, Ts, VenueName, VenueState};

/// What an update says of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The field has this value now.
    Set(Decimal),
    /// The field has no value now: an empty side of the book.
    Cleared,
    /// The venue sent a value that cannot be held exactly: cleared, and counted as misfit.
    Misfit,
}

/// The fields that one update speaks of. Fields it does not name stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    set: FieldSet,
    cleared: FieldSet,
    misfit: FieldSet,
    is_trade: bool,
    values: [Decimal; FIELDS],
}

impl Fields {
    /// Speaks of nothing.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Says a field's value.
    pub fn set(&mut self, field: Field, value: Decimal) -> &mut Fields {
        self.put(field, Value::Set(value))
    }

    /// Says that a field has no value.
    pub fn clear(&mut self, field: Field) -> &mut Fields {
        self.put(field, Value::Cleared)
    }

    /// Says a field's value, or that it has none.
    pub fn put(&mut self, field: Field, value: Value) -> &mut Fields {
        self.set.remove(field);
        self.cleared.remove(field);
        self.misfit.remove(field);
        // So that those who say the same are equal.
        self.values[field.index()] = Decimal::ZERO;
        match value {
            Value::Set(decimal) => {
                self.set.insert(field);
                self.values[field.index()] = decimal;
            }
            Value::Cleared => self.cleared.insert(field),
            Value::Misfit => self.misfit.insert(field),
        }
        self
    }

    /// Says one side's best level, or that the side is empty.
    pub fn best(&mut self, price: Field, size: Field, level: Option<(Decimal, Decimal)>) -> &mut Fields {
        match level {
            Some((p, s)) => self.set(price, p).set(size, s),
            None => self.clear(price).clear(size),
        }
    }

    /// Says a trade: last price and size count as changed, equal to the ones before or not.
    pub fn trade(&mut self, price: Value, size: Value, side: Option<Side>) -> &mut Fields {
        self.is_trade = true;
        self.put(Field::LastPrice, price).put(Field::LastSize, size);
        match side {
            Some(side) => self.set(Field::LastSide, Decimal::from_int(side as i64)),
            None => self.clear(Field::LastSide),
        }
    }

    /// Says that it is a trade, whatever it names of it: a last price or size that it does not name stays as it is.
    pub fn mark_trade(&mut self) -> &mut Fields {
        self.is_trade = true;
        self
    }

    /// Whether it speaks of the best bid or ask.
    pub fn is_quote(&self) -> bool {
        let named = self.named();
        named.contains(Field::BidPrice) || named.contains(Field::AskPrice)
    }

    /// Whether it is a trade.
    pub fn is_trade(&self) -> bool {
        self.is_trade
    }

    /// Whether it speaks of no field.
    pub fn is_empty(&self) -> bool {
        self.named().is_empty()
    }

    /// Fields it speaks of.
    pub fn named(&self) -> FieldSet {
        self.set.union(self.cleared).union(self.misfit)
    }

    /// What it says of a field.
    pub fn get(&self, field: Field) -> Option<Value> {
        if self.set.contains(field) {
            Some(Value::Set(self.values[field.index()]))
        } else if self.cleared.contains(field) {
            Some(Value::Cleared)
        } else if self.misfit.contains(field) {
            Some(Value::Misfit)
        } else {
            None
        }
    }

    /// The fields it speaks of, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (Field, Value)> + '_ {
        self.named().iter().filter_map(|f| self.get(f).map(|v| (f, v)))
    }
}

/// One change from a venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Which instrument; listed by its first update.
    pub symbol: Symbol,
    /// What changed.
    pub fields: Fields,
    /// The venue's own stamp, where it gives one.
    pub ts_event: Option<Ts>,
    /// When the bytes left the venue's socket.
    pub ts_recv: Ts,
}

/// All that a feed can say, in its order.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // nearly every event is an update, and batches are moved, not cloned
pub enum Event {
    /// A ticker changed.
    Update(Update),
    /// An instrument exists, with the precision that the venue states; `None` where it states none.
    Listed {
        /// Which instrument.
        symbol: Symbol,
        /// Decimals of prices.
        price_decimals: Option<u8>,
        /// Decimals of sizes.
        size_decimals: Option<u8>,
        /// Decimals of the volume.
        volume_decimals: Option<u8>,
    },
    /// The feed took an instrument away.
    Removed(Symbol),
    /// An instrument's own state changed; the cause belongs to [`TickerState::Stale`].
    State {
        /// Which instrument.
        symbol: Symbol,
        /// The state now.
        state: TickerState,
        /// Why it is stale.
        cause: Option<StaleCause>,
    },
    /// A venue's state changed.
    Venue {
        /// Which venue.
        venue: VenueName,
        /// The state now.
        state: VenueState,
        /// In words.
        reason: String,
    },
}
