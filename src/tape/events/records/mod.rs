//! Records as the payload of a block: `Records` of the schema, written and read by hand. Tests have prost as referee.

mod decode;
mod encode;

pub(super) use decode::Decoder;
pub(super) use encode::Open;

use super::{Taped, What, proto, scan, words};
use crate::market::{Field, FieldSet};

/// Numbers of the schema's fields; those of a column are the protocol's.
mod number {
    pub(super) const INSTRUMENTS: u32 = 1;
    pub(super) const SHAPES: u32 = 20;
    pub(super) const RECORD: u32 = 21;
    pub(super) const TIME: u32 = 22;
    pub(super) const FIRST_TIME: u32 = 23;
    pub(super) const TIME_UNIT: u32 = 24;
    pub(super) const INSTRUMENT: u32 = 25;
    pub(super) const EVENT_TIME: u32 = 26;
    pub(super) const FIRST_EVENT_TIME: u32 = 27;
    pub(super) const EVENT_TIME_UNIT: u32 = 28;
    pub(super) const EXACT_MANTISSA: u32 = 29;
    pub(super) const EXACT_DECIMALS: u32 = 30;
    pub(super) const OTHERS: u32 = 31;
}

/// What an update says of which fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Shape {
    changed: FieldSet,
    same: FieldSet,
    exact: FieldSet,
    cleared: FieldSet,
    misfit: FieldSet,
    is_trade: bool,
    is_stamped: bool,
}

/// The column of this number.
fn column(number: u32) -> Option<usize> {
    Field::from_number(number).map(Field::index)
}
