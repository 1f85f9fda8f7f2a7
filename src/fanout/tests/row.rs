//! What a subscriber knows of one instrument, and whether that is the table's.

use std::collections::BTreeMap;

use crate::market::{Decimals, Field, StaleCause, TickerState};
use crate::store::{Counts, Entry};
use crate::wire::proto;

/// One instrument as a subscriber sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub(super) symbol: String,
    pub(super) decimals: Decimals,
    pub(super) values: BTreeMap<Field, i64>,
    state: i32,
    cause: i32,
    pub(super) updates: u64,
}

impl Row {
    pub(super) fn announced(instrument: &proto::Instrument) -> Row {
        Row {
            symbol: instrument.symbol.clone(),
            decimals: Decimals::announced(instrument).expect("18 decimals at most"),
            ..Row::default()
        }
    }

    /// What the table says of an instrument.
    pub(super) fn of(entry: &Entry<'_>) -> Row {
        let (state, cause) = entry.state.expect("a whole entry has a state");
        let Counts::Total(updates) = entry.counts else {
            panic!("a whole entry counts from the start");
        };
        Row {
            symbol: entry.listing.symbol.to_string(),
            decimals: entry.listing.decimals,
            values: entry.set.iter().map(|f| (f, entry.values[f.index()])).collect(),
            state: number(state),
            cause: cause.map_or(0, cause_number),
            updates,
        }
    }

    pub(super) fn apply(&mut self, ticker: &proto::Ticker) {
        for (field, value) in values(ticker) {
            if let Some(value) = value {
                self.values.insert(field, value);
            }
            if ticker.cleared.is_some_and(|bits| bits >> field.number() & 1 == 1) {
                assert!(value.is_none(), "a field both set and cleared");
                self.values.remove(&field);
            }
        }
        if let Some(state) = ticker.state {
            (self.state, self.cause) = (state, ticker.cause.unwrap_or(0));
        }
        self.updates = match (ticker.update_count, ticker.updates) {
            (Some(total), None) => total,
            (None, updates) => self.updates + u64::from(updates.unwrap_or(1)),
            (Some(_), Some(_)) => panic!("`updates` and `update_count` in one entry"),
        };
    }
}

fn number(state: TickerState) -> i32 {
    state as i32
}

fn cause_number(cause: StaleCause) -> i32 {
    cause as i32
}

/// All values of an entry.
fn values(t: &proto::Ticker) -> [(Field, Option<i64>); 12] {
    let size = |value: Option<u64>| value.map(|v| i64::try_from(v).expect("sizes are signed inside"));
    [
        (Field::BidPrice, t.bid_price),
        (Field::BidSize, size(t.bid_size)),
        (Field::AskPrice, t.ask_price),
        (Field::AskSize, size(t.ask_size)),
        (Field::LastPrice, t.last_price),
        (Field::LastSize, size(t.last_size)),
        (Field::Volume, size(t.volume)),
        (Field::Open, t.open),
        (Field::High, t.high),
        (Field::Low, t.low),
        (Field::TradeCount, size(t.trade_count)),
        (Field::LastSide, t.last_side.map(i64::from)),
    ]
}
