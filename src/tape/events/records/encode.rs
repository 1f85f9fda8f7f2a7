//! Writes a block's payload.

use prost::Message as _;
use rustc_hash::FxHashMap;

use super::scan::{put_bytes, put_sint, put_varint};
use super::{Shape, number, proto, words};
use crate::market::{Decimal, Decimals, Event, FIELDS, Field, Fields, Scale, Symbol, Ts, Update, Value};

/// The records of the block under way. They become columns when it is closed, because only then all precisions are known.
#[derive(Default)]
pub(in super::super) struct Open {
    rows: Vec<Row>,
    instruments: Vec<Scaled>,
    by_symbol: FxHashMap<Symbol, u32>,
    /// Encoded, each with its tag.
    others: Vec<u8>,
    symbol_bytes: usize,
    /// Kept for their memory.
    columns: Columns,
}

struct Row {
    ts: Ts,
    /// `None` for the next of the others.
    update: Option<Said>,
}

struct Said {
    instrument: u32,
    fields: Fields,
    ts_event: Option<Ts>,
}

struct Scaled {
    symbol: Symbol,
    decimals: Decimals,
    last: [i64; FIELDS],
}

#[derive(Default)]
struct Columns {
    values: [Vec<u8>; FIELDS],
    shapes: Vec<Shape>,
    by_shape: FxHashMap<Shape, u32>,
    records: Vec<u8>,
    instruments: Vec<u8>,
    times: Times,
    event_times: Times,
    mantissas: Vec<u8>,
    decimals: Vec<u8>,
}

/// A column of times.
#[derive(Default)]
struct Times {
    first: Option<Ts>,
    newest: i64,
    behind: Vec<i64>,
}

impl Open {
    /// Bytes of what is no update, and of symbols.
    pub(in super::super) fn other_bytes(&self) -> usize {
        self.others.len() + self.symbol_bytes
    }

    /// The block's instruments.
    pub(in super::super) fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.instruments.iter().map(|instrument| &instrument.symbol)
    }

    /// Adds the mark of a gap.
    pub(in super::super) fn gap(&mut self, ts: Ts, events: u64) {
        self.other(ts, proto::other::What::Gap(events));
    }

    /// Adds an event.
    pub(in super::super) fn event(&mut self, ts: Ts, event: &Event) {
        use proto::other::What;
        match event {
            Event::Update(update) => self.update(ts, update),
            Event::Listed {
                symbol,
                price_decimals,
                size_decimals,
                volume_decimals,
            } => {
                let instrument = self.instrument(symbol);
                self.other(
                    ts,
                    What::Listed(proto::Listed {
                        instrument,
                        price_decimals: price_decimals.map(u32::from),
                        size_decimals: size_decimals.map(u32::from),
                        volume_decimals: volume_decimals.map(u32::from),
                    }),
                );
            }
            Event::Removed(symbol) => {
                let instrument = self.instrument(symbol);
                self.other(ts, What::Removed(instrument));
            }
            Event::State { symbol, state, cause } => {
                let state = proto::State {
                    instrument: self.instrument(symbol),
                    state: *state as u32,
                    cause: words::cause_number(*cause),
                };
                self.other(ts, What::State(state));
            }
            Event::Venue { venue, state, reason } => {
                let change = proto::VenueChange {
                    venue: venue.to_string(),
                    state: *state as u32,
                    reason: reason.clone(),
                };
                self.other(ts, What::Venue(change));
            }
        }
    }

    /// Writes the payload of all records; none is left then.
    pub(in super::super) fn close(&mut self, payload: &mut Vec<u8>) {
        self.columns.clear();
        for row in &self.rows {
            self.columns.times.push(row.ts);
            match &row.update {
                None => self.columns.records.push(0),
                Some(said) => self
                    .columns
                    .update(said, &mut self.instruments[said.instrument as usize]),
            }
        }
        payload.clear();
        for instrument in &self.instruments {
            let message = proto::Scaled {
                symbol: instrument.symbol.to_string(),
                price_decimals: u32::from(instrument.decimals.price),
                size_decimals: u32::from(instrument.decimals.size),
                volume_decimals: u32::from(instrument.decimals.volume),
            };
            put_bytes(payload, number::INSTRUMENTS, &message.encode_to_vec());
        }
        self.columns.put(payload);
        payload.extend_from_slice(&self.others);
        self.rows.clear();
        self.instruments.clear();
        self.by_symbol.clear();
        self.others.clear();
        self.symbol_bytes = 0;
    }

    fn update(&mut self, ts: Ts, update: &Update) {
        let instrument = self.instrument(&update.symbol);
        let decimals = &mut self.instruments[instrument as usize].decimals;
        for (field, value) in update.fields.iter() {
            let scale = field.scale();
            if let Value::Set(value) = value
                && value.decimals() > decimals.of(scale)
            {
                decimals.set(scale, value.decimals());
            }
        }
        let said = Said {
            instrument,
            fields: update.fields,
            ts_event: update.ts_event,
        };
        self.rows.push(Row { ts, update: Some(said) });
    }

    fn other(&mut self, ts: Ts, what: proto::other::What) {
        let other = proto::Other { what: Some(what) };
        put_bytes(&mut self.others, number::OTHERS, &other.encode_to_vec());
        self.rows.push(Row { ts, update: None });
    }

    fn instrument(&mut self, symbol: &Symbol) -> u32 {
        if let Some(at) = self.by_symbol.get(symbol.as_str()) {
            return *at;
        }
        let at = self.instruments.len() as u32;
        self.by_symbol.insert(symbol.clone(), at);
        self.symbol_bytes += symbol.as_str().len();
        self.instruments.push(Scaled {
            symbol: symbol.clone(),
            decimals: Decimals::default(),
            last: [0; FIELDS],
        });
        at
    }
}

impl Columns {
    fn clear(&mut self) {
        self.values.iter_mut().for_each(Vec::clear);
        self.shapes.clear();
        self.by_shape.clear();
        self.records.clear();
        self.instruments.clear();
        self.times.clear();
        self.event_times.clear();
        self.mantissas.clear();
        self.decimals.clear();
    }

    fn update(&mut self, said: &Said, instrument: &mut Scaled) {
        let mut shape = Shape {
            is_trade: said.fields.is_trade(),
            is_stamped: said.ts_event.is_some(),
            ..Shape::default()
        };
        for (field, value) in said.fields.iter() {
            match value {
                Value::Set(value) => self.value(field, value, instrument, &mut shape),
                Value::Cleared => shape.cleared.insert(field),
                Value::Misfit => shape.misfit.insert(field),
            }
        }
        let next = self.shapes.len() as u32 + 1;
        let number = *self.by_shape.entry(shape).or_insert(next);
        if number == next {
            self.shapes.push(shape);
        }
        put_varint(&mut self.records, u64::from(number));
        put_varint(&mut self.instruments, u64::from(said.instrument));
        if let Some(ts) = said.ts_event {
            self.event_times.push(ts);
        }
    }

    fn value(&mut self, field: Field, value: Decimal, instrument: &mut Scaled, shape: &mut Shape) {
        let decimals = match field.scale() {
            Scale::Whole => 0,
            scale => instrument.decimals.of(scale),
        };
        let Some(units) = value.scaled(decimals) else {
            shape.exact.insert(field);
            put_sint(&mut self.mantissas, value.mantissa());
            put_varint(&mut self.decimals, u64::from(value.decimals()));
            return;
        };
        let last = &mut instrument.last[field.index()];
        let more = units.wrapping_sub(*last);
        if more == 0 {
            shape.same.insert(field);
        } else {
            shape.changed.insert(field);
            put_sint(&mut self.values[field.index()], more);
            *last = units;
        }
    }

    fn put(&mut self, payload: &mut Vec<u8>) {
        for field in Field::ALL {
            put_bytes(payload, field.number(), &self.values[field.index()]);
        }
        for shape in &self.shapes {
            let message = proto::Shape {
                changed: words::field_bits(shape.changed),
                same: words::field_bits(shape.same),
                exact: words::field_bits(shape.exact),
                cleared: words::field_bits(shape.cleared),
                misfit: words::field_bits(shape.misfit),
                trade: shape.is_trade,
                stamped: shape.is_stamped,
            };
            // Also one that says nothing.
            put_varint(payload, u64::from(number::SHAPES << 3 | 2));
            put_varint(payload, message.encoded_len() as u64);
            payload.extend_from_slice(&message.encode_to_vec());
        }
        put_bytes(payload, number::RECORD, &self.records);
        self.times
            .put(payload, [number::TIME, number::FIRST_TIME, number::TIME_UNIT]);
        put_bytes(payload, number::INSTRUMENT, &self.instruments);
        let numbers = [number::EVENT_TIME, number::FIRST_EVENT_TIME, number::EVENT_TIME_UNIT];
        self.event_times.put(payload, numbers);
        put_bytes(payload, number::EXACT_MANTISSA, &self.mantissas);
        put_bytes(payload, number::EXACT_DECIMALS, &self.decimals);
    }
}

impl Times {
    fn clear(&mut self) {
        self.first = None;
        self.behind.clear();
    }

    fn push(&mut self, ts: Ts) {
        if self.first.is_none() {
            self.first = Some(ts);
            self.newest = ts.0;
        }
        self.behind.push(ts.0.wrapping_sub(self.newest));
        self.newest = ts.0;
    }

    /// The largest unit up to a second that all differences are whole numbers of.
    fn unit(&self) -> i64 {
        let mut unit = 1_000_000_000;
        for behind in &self.behind {
            while behind % unit != 0 {
                unit /= 10;
            }
            if unit == 1 {
                break;
            }
        }
        unit
    }

    fn put(&self, payload: &mut Vec<u8>, [times, first, in_unit]: [u32; 3]) {
        let Some(start) = self.first else { return };
        let unit = self.unit();
        let mut column = Vec::with_capacity(2 * self.behind.len());
        self.behind
            .iter()
            .for_each(|behind| put_sint(&mut column, behind / unit));
        put_bytes(payload, times, &column);
        put_varint(payload, u64::from(first << 3 | 1));
        payload.extend_from_slice(&start.0.to_le_bytes());
        put_varint(payload, u64::from(in_unit << 3));
        put_varint(payload, unit as u64);
    }
}
