//! Records as the payload of a block.

use prost::Message as _;

use super::{Taped, What, proto, words};
use crate::market::{Decimal, Event, Field, Fields, Symbol, Ts, Update, Value, VenueName};
use crate::tape::BlockFault;

/// The records of a block under way.
#[derive(Default)]
pub(super) struct Open {
    rows: proto::Records,
    bytes: usize,
}

impl Open {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn symbol(&mut self, symbol: &Symbol) -> u32 {
        let known = self.rows.symbols.iter().position(|s| s == symbol.as_str());
        known.unwrap_or_else(|| {
            self.rows.symbols.push(symbol.to_string());
            self.rows.symbols.len() - 1
        }) as u32
    }

    pub(super) fn gap(&mut self, ts: Ts, events: u64) {
        self.rows.rows.push(proto::Row {
            ts: ts.0,
            kind: 5,
            events,
            ..proto::Row::default()
        });
    }

    pub(super) fn event(&mut self, ts: Ts, event: &Event) {
        let mut row = proto::Row {
            ts: ts.0,
            ..proto::Row::default()
        };
        match event {
            Event::Update(update) => {
                row.symbol = self.symbol(&update.symbol);
                row.is_trade = update.fields.is_trade();
                row.ts_event = update.ts_event.map(|ts| ts.0);
                for (field, value) in update.fields.iter() {
                    row.fields.push(field.index() as u32);
                    let (says, decimal) = match value {
                        Value::Set(decimal) => (0, decimal),
                        Value::Cleared => (1, Decimal::ZERO),
                        Value::Misfit => (2, Decimal::ZERO),
                    };
                    row.says.push(says);
                    row.mantissas.push(decimal.mantissa());
                    row.decimals.push(u32::from(decimal.decimals()));
                }
            }
            Event::Listed {
                symbol,
                price_decimals,
                size_decimals,
                volume_decimals,
            } => {
                row.kind = 1;
                row.symbol = self.symbol(symbol);
                row.price_decimals = price_decimals.map(u32::from);
                row.size_decimals = size_decimals.map(u32::from);
                row.volume_decimals = volume_decimals.map(u32::from);
            }
            Event::Removed(symbol) => {
                row.kind = 2;
                row.symbol = self.symbol(symbol);
            }
            Event::State { symbol, state, cause } => {
                row.kind = 3;
                row.symbol = self.symbol(symbol);
                row.state = *state as u32;
                row.cause = words::cause_number(*cause);
            }
            Event::Venue { venue, state, reason } => {
                row.kind = 4;
                row.venue = venue.to_string();
                row.state = *state as u32;
                row.reason = reason.clone();
            }
        }
        self.bytes += 50 + row.reason.len();
        self.rows.rows.push(row);
    }

    /// The payload; the block is empty then.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.bytes = 0;
        std::mem::take(&mut self.rows).encode_to_vec()
    }
}

/// Appends a block's records.
pub(super) fn decode(payload: &[u8], out: &mut Vec<Taped>) -> Result<(), BlockFault> {
    const INVALID: BlockFault = BlockFault::Content("not valid");
    let rows = proto::Records::decode(payload).map_err(|_| INVALID)?;
    let symbols: Result<Vec<Symbol>, _> = rows.symbols.iter().map(|s| Symbol::parse(s)).collect();
    let symbols = symbols.map_err(|_| INVALID)?;
    for row in rows.rows {
        let symbol = || symbols.get(row.symbol as usize).cloned().ok_or(INVALID);
        let places = |d: Option<u32>| d.map(|d| u8::try_from(d).map_err(|_| INVALID)).transpose();
        let event = match row.kind {
            0 => {
                let mut fields = Fields::new();
                if row.is_trade {
                    fields.mark_trade();
                }
                for (at, field) in row.fields.iter().enumerate() {
                    let field = Field::ALL.get(*field as usize).ok_or(INVALID)?;
                    let value = match row.says.get(at) {
                        Some(0) => {
                            let mantissa = row.mantissas.get(at).ok_or(INVALID)?;
                            let decimals = row.decimals.get(at).ok_or(INVALID)?;
                            Value::Set(Decimal::new(*mantissa, *decimals as u8).ok_or(INVALID)?)
                        }
                        Some(1) => Value::Cleared,
                        Some(2) => Value::Misfit,
                        _ => return Err(INVALID),
                    };
                    fields.put(*field, value);
                }
                Event::Update(Update {
                    symbol: symbol()?,
                    fields,
                    ts_event: row.ts_event.map(Ts),
                    ts_recv: Ts(row.ts),
                })
            }
            1 => Event::Listed {
                symbol: symbol()?,
                price_decimals: places(row.price_decimals)?,
                size_decimals: places(row.size_decimals)?,
                volume_decimals: places(row.volume_decimals)?,
            },
            2 => Event::Removed(symbol()?),
            3 => Event::State {
                symbol: symbol()?,
                state: words::ticker_state(row.state)?,
                cause: words::cause(row.cause)?,
            },
            4 => Event::Venue {
                venue: VenueName::parse(&row.venue).map_err(|_| INVALID)?,
                state: words::venue_state(row.state)?,
                reason: row.reason,
            },
            5 => {
                out.push(Taped {
                    ts: Ts(row.ts),
                    what: What::Gap { events: row.events },
                });
                continue;
            }
            _ => return Err(INVALID),
        };
        out.push(Taped {
            ts: Ts(row.ts),
            what: What::Event(event),
        });
    }
    Ok(())
}
