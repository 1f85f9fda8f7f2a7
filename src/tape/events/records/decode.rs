//! Reads a block's payload.

use prost::Message as _;
use rustc_hash::FxHashSet;

use super::scan::{Wire, field, sint, varint};
use super::{Shape, Taped, What, column, number, proto, words};
use crate::market::{Decimal, Decimals, Event, FIELDS, FieldSet, Fields, Scale, Symbol, Ts, Update, Value, VenueName};
use crate::store::INSTRUMENTS_MAX;
use crate::tape::BlockFault;
use crate::tape::bounds::BLOCK_RECORDS_MAX;

/// Reads blocks; keeps its memory, and the symbols.
#[derive(Default)]
pub(in super::super) struct Decoder {
    instruments: Vec<Scaled>,
    shapes: Vec<Plan>,
    /// Those of former blocks, which nearly every block has again.
    symbols: FxHashSet<Symbol>,
}

struct Scaled {
    symbol: Symbol,
    decimals: Decimals,
    /// In units, and as numbers.
    last: [(i64, Decimal); FIELDS],
}

/// How an update of a shape is read.
struct Plan {
    shape: Shape,
    /// What it says before any value.
    fields: Fields,
}

/// What is left of each column.
#[derive(Default)]
struct Columns<'a> {
    values: [&'a [u8]; FIELDS],
    records: &'a [u8],
    instruments: &'a [u8],
    times: Times<'a>,
    event_times: Times<'a>,
    mantissas: &'a [u8],
    decimals: &'a [u8],
    others: Vec<&'a [u8]>,
}

/// What is left of a column of times.
#[derive(Default)]
struct Times<'a> {
    newest: i64,
    unit: i64,
    behind: &'a [u8],
}

const SHORT: BlockFault = BlockFault::Content("a column is too short");

impl Decoder {
    /// Appends the records of a block.
    pub(in super::super) fn decode(&mut self, payload: &[u8], out: &mut Vec<Taped>) -> Result<(), BlockFault> {
        self.instruments.clear();
        self.shapes.clear();
        let mut columns = self.columns(payload)?;
        let mut others = std::mem::take(&mut columns.others).into_iter();
        let before = out.len();
        // Each has one byte or more.
        out.reserve(columns.records.len().min(BLOCK_RECORDS_MAX));
        while !columns.records.is_empty() {
            if out.len() - before >= BLOCK_RECORDS_MAX {
                return Err(BlockFault::TooLarge);
            }
            let record = varint(&mut columns.records).ok_or(SHORT)?;
            let ts = columns.times.next()?;
            let what = match (record as usize).checked_sub(1) {
                None => self.other(others.next().ok_or(SHORT)?)?,
                Some(at) => {
                    let plan = self.shapes.get(at).ok_or(BlockFault::Content("an unknown shape"))?;
                    let instrument = varint(&mut columns.instruments).ok_or(SHORT)?;
                    let instrument = scaled(&mut self.instruments, instrument)?;
                    What::Event(Event::Update(columns.update(ts, plan, instrument)?))
                }
            };
            out.push(Taped { ts, what });
        }
        if others.next().is_none() && columns.is_used_up() {
            Ok(())
        } else {
            Err(BlockFault::Content("a column is too long"))
        }
    }

    /// Finds the columns, and reads the instruments and shapes.
    fn columns<'a>(&mut self, mut payload: &'a [u8]) -> Result<Columns<'a>, BlockFault> {
        let mut columns = Columns::default();
        while let Some((number, wire)) = field(&mut payload)? {
            match (number, wire) {
                (number::INSTRUMENTS, Wire::Bytes(bytes)) => self.instrument(bytes)?,
                (number::SHAPES, Wire::Bytes(bytes)) => self.shape(bytes)?,
                (number::RECORD, Wire::Bytes(bytes)) => columns.records = bytes,
                (number::TIME, Wire::Bytes(bytes)) => columns.times.behind = bytes,
                (number::FIRST_TIME, Wire::Fixed64(ts)) => columns.times.newest = ts as i64,
                (number::TIME_UNIT, Wire::Varint(unit)) => columns.times.unit = unit as i64,
                (number::INSTRUMENT, Wire::Bytes(bytes)) => columns.instruments = bytes,
                (number::EVENT_TIME, Wire::Bytes(bytes)) => columns.event_times.behind = bytes,
                (number::FIRST_EVENT_TIME, Wire::Fixed64(ts)) => columns.event_times.newest = ts as i64,
                (number::EVENT_TIME_UNIT, Wire::Varint(unit)) => columns.event_times.unit = unit as i64,
                (number::EXACT_MANTISSA, Wire::Bytes(bytes)) => columns.mantissas = bytes,
                (number::EXACT_DECIMALS, Wire::Bytes(bytes)) => columns.decimals = bytes,
                (number::OTHERS, Wire::Bytes(bytes)) => {
                    if columns.others.len() >= BLOCK_RECORDS_MAX {
                        return Err(BlockFault::TooLarge);
                    }
                    columns.others.push(bytes);
                }
                (number, Wire::Bytes(bytes)) => {
                    if let Some(at) = column(number) {
                        columns.values[at] = bytes;
                    }
                }
                _ => {}
            }
        }
        Ok(columns)
    }

    fn instrument(&mut self, bytes: &[u8]) -> Result<(), BlockFault> {
        if self.instruments.len() >= BLOCK_RECORDS_MAX {
            return Err(BlockFault::TooLarge);
        }
        let message = proto::Scaled::decode(bytes).map_err(|_| BlockFault::Content("not an instrument"))?;
        let symbol = match self.symbols.get(message.symbol.as_str()) {
            Some(symbol) => symbol.clone(),
            None => {
                let symbol = Symbol::parse(&message.symbol).map_err(|_| BlockFault::Content("not a symbol"))?;
                if self.symbols.len() >= INSTRUMENTS_MAX {
                    self.symbols.clear();
                }
                self.symbols.insert(symbol.clone());
                symbol
            }
        };
        self.instruments.push(Scaled {
            symbol,
            decimals: Decimals {
                price: words::decimals(message.price_decimals)?,
                size: words::decimals(message.size_decimals)?,
                volume: words::decimals(message.volume_decimals)?,
            },
            last: [(0, Decimal::ZERO); FIELDS],
        });
        Ok(())
    }

    fn shape(&mut self, bytes: &[u8]) -> Result<(), BlockFault> {
        if self.shapes.len() >= BLOCK_RECORDS_MAX {
            return Err(BlockFault::TooLarge);
        }
        let message = proto::Shape::decode(bytes).map_err(|_| BlockFault::Content("not a shape"))?;
        let shape = Shape {
            changed: words::fields(message.changed)?,
            same: words::fields(message.same)?,
            exact: words::fields(message.exact)?,
            cleared: words::fields(message.cleared)?,
            misfit: words::fields(message.misfit)?,
            is_trade: message.trade,
            is_stamped: message.stamped,
        };
        let sets = [shape.changed, shape.same, shape.exact, shape.cleared, shape.misfit];
        let all = sets.iter().fold(FieldSet::EMPTY, |all, set| all.union(*set));
        if all.len() != sets.iter().map(|set| set.len()).sum::<usize>() {
            return Err(BlockFault::Content("a field stands twice in a shape"));
        }
        let mut fields = Fields::new();
        if shape.is_trade {
            fields.mark_trade();
        }
        for field in shape.cleared.iter() {
            fields.clear(field);
        }
        for field in shape.misfit.iter() {
            fields.put(field, Value::Misfit);
        }
        self.shapes.push(Plan { shape, fields });
        Ok(())
    }

    fn other(&mut self, bytes: &[u8]) -> Result<What, BlockFault> {
        const UNKNOWN: BlockFault = BlockFault::Content("an unknown record");
        let other = proto::Other::decode(bytes).map_err(|_| UNKNOWN)?;
        let places = |decimals: Option<u32>| decimals.map(words::decimals).transpose();
        let mut symbol = |at: u32| Ok(scaled(&mut self.instruments, u64::from(at))?.symbol.clone());
        Ok(What::Event(match other.what.ok_or(UNKNOWN)? {
            proto::other::What::Gap(events) => return Ok(What::Gap { events }),
            proto::other::What::Listed(listed) => Event::Listed {
                symbol: symbol(listed.instrument)?,
                price_decimals: places(listed.price_decimals)?,
                size_decimals: places(listed.size_decimals)?,
                volume_decimals: places(listed.volume_decimals)?,
            },
            proto::other::What::Removed(instrument) => Event::Removed(symbol(instrument)?),
            proto::other::What::State(state) => Event::State {
                symbol: symbol(state.instrument)?,
                state: words::ticker_state(state.state)?,
                cause: words::cause(state.cause)?,
            },
            proto::other::What::Venue(change) => Event::Venue {
                venue: VenueName::parse(&change.venue).map_err(|_| BlockFault::Content("not a venue"))?,
                state: words::venue_state(change.state)?,
                reason: change.reason,
            },
        }))
    }
}

fn scaled(instruments: &mut [Scaled], at: u64) -> Result<&mut Scaled, BlockFault> {
    instruments
        .get_mut(usize::try_from(at).unwrap_or(usize::MAX))
        .ok_or(BlockFault::Content("an unknown instrument"))
}

impl Columns<'_> {
    #[inline]
    fn update(&mut self, ts_recv: Ts, plan: &Plan, instrument: &mut Scaled) -> Result<Update, BlockFault> {
        let mut fields = plan.fields;
        for field in plan.shape.changed.iter() {
            let more = sint(&mut self.values[field.index()]).ok_or(SHORT)?;
            let decimals = match field.scale() {
                Scale::Whole => 0,
                scale => instrument.decimals.of(scale),
            };
            let (units, value) = &mut instrument.last[field.index()];
            *units = units.wrapping_add(more);
            *value = Decimal::new(*units, decimals).unwrap_or_default();
            fields.set(field, *value);
        }
        for field in plan.shape.same.iter() {
            fields.set(field, instrument.last[field.index()].1);
        }
        for field in plan.shape.exact.iter() {
            let mantissa = sint(&mut self.mantissas).ok_or(SHORT)?;
            let decimals = varint(&mut self.decimals).ok_or(SHORT)?;
            let value = u8::try_from(decimals)
                .ok()
                .and_then(|decimals| Decimal::new(mantissa, decimals));
            fields.set(field, value.ok_or(BlockFault::Content("not a decimal number"))?);
        }
        let ts_event = match plan.shape.is_stamped {
            true => Some(self.event_times.next()?),
            false => None,
        };
        Ok(Update {
            symbol: instrument.symbol.clone(),
            fields,
            ts_event,
            ts_recv,
        })
    }

    fn is_used_up(&self) -> bool {
        let others = [
            self.instruments,
            self.times.behind,
            self.event_times.behind,
            self.mantissas,
            self.decimals,
        ];
        self.values.iter().chain(&others).all(|column| column.is_empty())
    }
}

impl Times<'_> {
    #[inline]
    fn next(&mut self) -> Result<Ts, BlockFault> {
        let behind = sint(&mut self.behind).ok_or(SHORT)?;
        self.newest = self.newest.wrapping_add(behind.wrapping_mul(self.unit));
        Ok(Ts(self.newest))
    }
}
