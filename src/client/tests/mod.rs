//! Messages for the tests of the view and of the subscriber.

mod law;
mod subscriber;
mod view;

use crate::market::SymbolPattern;
use crate::wire::proto::server_message::Body;
use crate::wire::proto::{Delta, Heartbeat, Instrument, ServerMessage, Snapshot, Ticker};

pub(super) fn pattern(text: &str) -> SymbolPattern {
    SymbolPattern::parse(text).expect(text)
}

pub(super) fn instrument(id: u32, symbol: &str) -> Instrument {
    Instrument {
        id,
        symbol: symbol.into(),
        price_decimals: 2,
        size_decimals: 3,
        volume_decimals: 0,
    }
}

/// An entry with a bid, of one update.
pub(super) fn bid(id: u32, mantissa: i64) -> Ticker {
    Ticker {
        id,
        bid_price: Some(mantissa),
        ..Default::default()
    }
}

/// The same as snapshots carry it.
pub(super) fn counted(id: u32, mantissa: i64, update_count: u64) -> Ticker {
    Ticker {
        update_count: Some(update_count),
        state: Some(1),
        ..bid(id, mantissa)
    }
}

pub(super) fn whole(request_id: u64, seq: u64, instruments: Vec<Instrument>, tickers: Vec<Ticker>) -> Snapshot {
    Snapshot {
        epoch: 9,
        seq,
        request_id,
        instruments,
        tickers,
        ..Default::default()
    }
}

pub(super) fn delta(prev_seq: u64, seq: u64, tickers: Vec<Ticker>) -> Delta {
    Delta {
        seq,
        prev_seq: Some(prev_seq),
        tickers,
        ..Default::default()
    }
}

pub(super) fn message(body: Body) -> ServerMessage {
    ServerMessage { body: Some(body) }
}

impl From<Snapshot> for ServerMessage {
    fn from(snapshot: Snapshot) -> ServerMessage {
        message(Body::Snapshot(snapshot))
    }
}

impl From<Delta> for ServerMessage {
    fn from(delta: Delta) -> ServerMessage {
        message(Body::Delta(delta))
    }
}

pub(super) fn heartbeat(prev_seq: u64, seq: u64) -> ServerMessage {
    message(Body::Heartbeat(Heartbeat { seq, prev_seq, ts: 0 }))
}
