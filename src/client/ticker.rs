//! One instrument as a subscriber knows it.

use std::collections::BTreeMap;
use std::fmt;

use crate::market::{DECIMALS_MAX, FIELDS, Field, FieldSet, Scale, Side, StaleCause, Symbol, TickerState, Ts};
use crate::wire::proto;

/// A value with exactly its instrument's decimals: `mantissa` × 10^-`decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The digits; holds every `sint64` and `uint64` of the wire.
    pub mantissa: i128,
    /// Digits after the point, shown even where they are zeros.
    pub decimals: u8,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        if self.decimals == 0 {
            return write!(f, "{sign}{digits}");
        }
        // At most DECIMALS_MAX, checked when announced: 10^18 fits.
        let one = 10u128.pow(u32::from(self.decimals));
        let width = usize::from(self.decimals);
        write!(f, "{sign}{}.{:0width$}", digits / one, digits % one)
    }
}

/// What is known of one instrument.
#[derive(Clone, Debug)]
pub struct Ticker {
    symbol: Symbol,
    decimals: [u8; 3],
    /// Bits as on the wire; prices are two's complement.
    values: [u64; FIELDS],
    present: FieldSet,
    state: Option<TickerState>,
    cause: Option<StaleCause>,
    update_count: u64,
    ts: Ts,
    is_news: bool,
    age_us: Option<i64>,
    ts_event: Option<Ts>,
    ts_last: Option<Ts>,
}

/// What must be equal between any two subscribers that have caught up, and the server's table.
///
/// Stamps are not part of it: a conflated entry knows only the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Decimals of prices, sizes and volume.
    pub decimals: [u8; 3],
    /// Fields that have a value, by name, as exact decimal text; the aggressor is 1 or 2.
    pub values: BTreeMap<&'static str, String>,
    /// Updates of the source since the epoch began.
    pub update_count: u64,
    /// The instrument's own state.
    pub state: Option<TickerState>,
    /// Why it is stale.
    pub cause: Option<StaleCause>,
}

/// An entry's one rule of the protocol that its instrument breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnnouncementError {
    Symbol,
    Decimals,
}

impl Ticker {
    /// Reads an announcement; no field has a value yet.
    pub(super) fn announced(instrument: &proto::Instrument) -> Result<Ticker, AnnouncementError> {
        let symbol = Symbol::parse(&instrument.symbol).map_err(|_| AnnouncementError::Symbol)?;
        let decimals = |d: u32| u8::try_from(d).ok().filter(|d| *d <= DECIMALS_MAX);
        let all = [
            instrument.price_decimals,
            instrument.size_decimals,
            instrument.volume_decimals,
        ]
        .map(decimals);
        let [Some(price), Some(size), Some(volume)] = all else {
            return Err(AnnouncementError::Decimals);
        };
        Ok(Ticker {
            symbol,
            decimals: [price, size, volume],
            values: [0; FIELDS],
            present: FieldSet::EMPTY,
            state: None,
            cause: None,
            update_count: 0,
            ts: Ts::default(),
            is_news: false,
            age_us: None,
            ts_event: None,
            ts_last: None,
        })
    }

    /// Takes another announcement of the same instrument: its values are forgotten (rule 6).
    ///
    /// State, cause and count are no values: they stay until the entry says otherwise.
    pub(super) fn announce_again(&mut self, newer: Ticker) {
        self.decimals = newer.decimals;
        self.present = FieldSet::EMPTY;
    }

    /// Forgets everything but the announcement: a whole snapshot says it all anew (rule 4).
    pub(super) fn forget(&mut self) {
        self.present = FieldSet::EMPTY;
        self.state = None;
        self.cause = None;
        self.update_count = 0;
        self.age_us = None;
        self.ts_event = None;
        self.ts_last = None;
    }

    /// Takes an entry of a message that was assembled at `ts`; absent fields stay as they are.
    ///
    /// `in_delta`: without an `update_count` the entry stands for `updates` more, 1 if absent.
    pub(super) fn apply(&mut self, entry: &proto::Ticker, ts: Ts, in_delta: bool) {
        let cleared = entry.cleared.unwrap_or(0);
        for field in FieldSet::from_number_bits(cleared).iter() {
            self.present.remove(field);
        }
        for field in Field::ALL {
            if let Some(bits) = wire_bits(entry, field) {
                self.values[field.index()] = bits;
                self.present.insert(field);
            }
        }
        self.apply_state(entry, cleared);
        match entry.update_count {
            Some(count) => self.update_count = count,
            None if in_delta => {
                let more = u64::from(entry.updates.unwrap_or(1));
                self.update_count = self.update_count.saturating_add(more);
            }
            None => {}
        }
        self.ts = ts;
        self.is_news = in_delta;
        self.age_us = entry.event_age_us;
        self.ts_event = entry.event_age_us.map(|age| before(ts, age)).or(self.ts_event);
        self.ts_last = entry.last_age_us.map(|age| before(ts, age)).or(self.ts_last);
    }

    fn apply_state(&mut self, entry: &proto::Ticker, cleared: u64) {
        // Bits 16 and 20 are the numbers of `state` and `cause`.
        if cleared & (1 << 16) != 0 {
            self.state = None;
        }
        if cleared & (1 << 20) != 0 {
            self.cause = None;
        }
        self.cause = entry.cause.and_then(cause_of).or(self.cause);
        self.state = entry.state.and_then(state_of).or(self.state);
        if self.state != Some(TickerState::Stale) {
            self.cause = None;
        }
    }

    /// The instrument's name.
    pub fn symbol(&self) -> &Symbol {
        &self.symbol
    }

    /// A field's value; the aggressor as 1 or 2.
    pub fn value(&self, field: Field) -> Option<Number> {
        let bits = *self
            .values
            .get(field.index())
            .filter(|_| self.present.contains(field))?;
        let [price, size, volume] = self.decimals;
        Some(match field.scale() {
            Scale::Price => Number {
                mantissa: i128::from(bits.cast_signed()),
                decimals: price,
            },
            Scale::Size => Number {
                mantissa: i128::from(bits),
                decimals: size,
            },
            Scale::Volume => Number {
                mantissa: i128::from(bits),
                decimals: volume,
            },
            Scale::Whole => Number {
                mantissa: i128::from(bits),
                decimals: 0,
            },
        })
    }

    /// Fields that have a value, in the order of their numbers.
    pub fn values(&self) -> impl Iterator<Item = (Field, Number)> + '_ {
        self.present.iter().filter_map(|f| self.value(f).map(|v| (f, v)))
    }

    /// The aggressor of the last trade, where the venue says.
    pub fn last_side(&self) -> Option<Side> {
        match self.value(Field::LastSide)?.mantissa {
            1 => Some(Side::Buy),
            2 => Some(Side::Sell),
            _ => None,
        }
    }

    /// The instrument's own state, `None` while the server has not said one.
    pub fn state(&self) -> Option<TickerState> {
        self.state
    }

    /// Why it is stale.
    pub fn cause(&self) -> Option<StaleCause> {
        self.cause
    }

    /// Updates of the source since the epoch began.
    pub fn update_count(&self) -> u64 {
        self.update_count
    }

    /// The server's stamp of the newest message with something of it.
    pub fn ts(&self) -> Ts {
        self.ts
    }

    /// Whether that message told of a change: the answer to a subscribe tells values of any age.
    pub fn is_news(&self) -> bool {
        self.is_news
    }

    /// How old the newest update was when that message was assembled, where the venue stamps it; negative where the
    /// venue's clock is ahead.
    pub fn age_us(&self) -> Option<i64> {
        self.age_us
    }

    /// The venue's own stamp of the newest update that had one.
    pub fn ts_event(&self) -> Option<Ts> {
        self.ts_event
    }

    /// The venue's own stamp of the last trade.
    pub fn ts_last(&self) -> Option<Ts> {
        self.ts_last
    }

    /// The part that is equal for every subscriber that has caught up.
    pub fn row(&self) -> Row {
        Row {
            decimals: self.decimals,
            values: self.values().map(|(f, v)| (f.name(), v.to_string())).collect(),
            update_count: self.update_count,
            state: self.state,
            cause: self.cause,
        }
    }
}

fn wire_bits(entry: &proto::Ticker, field: Field) -> Option<u64> {
    match field {
        Field::BidPrice => entry.bid_price.map(i64::cast_unsigned),
        Field::BidSize => entry.bid_size,
        Field::AskPrice => entry.ask_price.map(i64::cast_unsigned),
        Field::AskSize => entry.ask_size,
        Field::LastPrice => entry.last_price.map(i64::cast_unsigned),
        Field::LastSize => entry.last_size,
        Field::Volume => entry.volume,
        Field::Open => entry.open.map(i64::cast_unsigned),
        Field::High => entry.high.map(i64::cast_unsigned),
        Field::Low => entry.low.map(i64::cast_unsigned),
        Field::TradeCount => entry.trade_count,
        // Sides that this version does not know are ignored (rule 14).
        Field::LastSide => entry
            .last_side
            .filter(|s| matches!(s, 1 | 2))
            .map(|s| u64::from(s.unsigned_abs())),
    }
}

fn state_of(number: i32) -> Option<TickerState> {
    match proto::TickerState::try_from(number).ok()? {
        proto::TickerState::Unspecified => None,
        proto::TickerState::Live => Some(TickerState::Live),
        proto::TickerState::Stale => Some(TickerState::Stale),
        proto::TickerState::Halted => Some(TickerState::Halted),
    }
}

fn cause_of(number: i32) -> Option<StaleCause> {
    match proto::StaleCause::try_from(number).ok()? {
        proto::StaleCause::Unspecified => None,
        proto::StaleCause::Gap => Some(StaleCause::Gap),
        proto::StaleCause::Silent => Some(StaleCause::Silent),
        proto::StaleCause::Disconnected => Some(StaleCause::Disconnected),
        proto::StaleCause::Checksum => Some(StaleCause::Checksum),
        proto::StaleCause::Restart => Some(StaleCause::Restart),
    }
}

/// `ts` minus an age; the age is negative where the venue's clock is ahead.
fn before(ts: Ts, age_us: i64) -> Ts {
    Ts(ts.0.saturating_sub(age_us.saturating_mul(1_000)))
}
