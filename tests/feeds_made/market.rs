//! The market that all recordings tell of, and its clock.

use fastrand::Rng;
use tickwire::feed::synthetic::{MarketModel, Model};
use tickwire::market::{Decimal, Field, Fields, Value};

use super::{ASSETS, SEED};

/// 2026-01-02 00:00:00 UTC.
pub(super) const START_NS: u64 = 1_767_312_000_000_000_000;

/// One instrument's newest values.
#[derive(Default)]
pub(crate) struct Row {
    values: Vec<(Field, Decimal)>,
}

/// What of an instrument changed.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) quote: bool,
    pub(super) trade: bool,
    /// The day's figures.
    pub(super) day: bool,
}

/// One update of the market.
pub(super) struct Told<'a> {
    /// The instrument's number.
    pub(super) at: usize,
    /// The first update of it, which has all values.
    pub(super) is_first: bool,
    pub(super) row: &'a Row,
    pub(super) changed: Changed,
    /// When the venue sent it: never steps back.
    pub(super) sent_ns: u64,
}

impl Row {
    pub(crate) fn get(&self, field: Field) -> Decimal {
        self.values
            .iter()
            .find(|(f, _)| *f == field)
            .map_or(Decimal::ZERO, |(_, v)| *v)
    }

    /// In units of so many decimals.
    pub(super) fn units(&self, field: Field, decimals: u8) -> i64 {
        self.get(field).scaled(decimals).expect("few digits")
    }

    /// Whether the last trade's taker sold.
    pub(super) fn is_sold(&self) -> bool {
        self.get(Field::LastSide) == Decimal::from_int(2)
    }

    fn take(&mut self, fields: &Fields) -> Changed {
        let mut changed = Changed {
            trade: fields.is_trade(),
            ..Changed::default()
        };
        for (field, value) in fields.iter() {
            let Value::Set(decimal) = value else { continue };
            self.values.retain(|(f, _)| *f != field);
            self.values.push((field, decimal));
            changed.quote |= [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize].contains(&field);
            changed.day |= [Field::Volume, Field::Open, Field::High, Field::Low, Field::TradeCount].contains(&field);
        }
        changed
    }
}

/// The model, what it has told, and when.
pub(super) struct Market {
    model: MarketModel,
    random: Rng,
    pub(super) rows: Vec<Row>,
    /// When the next frame is received.
    pub(super) ns: u64,
    sent_ns: u64,
}

impl Market {
    pub(super) fn new() -> Market {
        Market {
            model: MarketModel::new(ASSETS.len(), SEED),
            random: Rng::with_seed(SEED),
            rows: ASSETS.iter().map(|_| Row::default()).collect(),
            ns: START_NS,
            sent_ns: 0,
        }
    }

    pub(super) fn next(&mut self) -> Told<'_> {
        // Bursts: most updates come close together, then there is a pause.
        self.ns += if self.random.u8(..) < 40 {
            self.random.u64(1_000_000..40_000_000)
        } else {
            self.random.u64(50_000..900_000)
        };
        let (at, fields) = self.model.next_update();
        let row = &mut self.rows[at];
        let is_first = row.values.is_empty();
        let changed = row.take(&fields);
        self.sent_ns = self.sent_ns.max(self.ns - self.random.u64(1_000_000..6_000_000));
        Told {
            at,
            is_first,
            row,
            changed,
            sent_ns: self.sent_ns,
        }
    }
}
