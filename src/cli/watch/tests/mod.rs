//! Views made by hand, and what is shown of them.

mod lines;
mod pictures;

use crate::client::{Changed, View};
use crate::wire::proto::{Delta, Instrument, ServerMessage, Snapshot, Ticker, Venue, server_message::Body};

const SECOND: u64 = 1_000_000_000;

fn instrument(id: u32, symbol: &str) -> Instrument {
    Instrument {
        id,
        symbol: symbol.into(),
        price_decimals: 2,
        size_decimals: 3,
        ..Default::default()
    }
}

/// A live one that rose, one without a trade whose venue is ahead, and a stale one of a stale venue that fell.
pub(super) fn snapshot() -> Snapshot {
    let bitcoin = Ticker {
        id: 1,
        bid_price: Some(6_183_762),
        bid_size: Some(1_500),
        ask_price: Some(6_183_764),
        ask_size: Some(250),
        last_price: Some(6_183_763),
        last_size: Some(10),
        last_side: Some(1),
        open: Some(6_000_000),
        high: Some(6_200_000),
        low: Some(5_990_000),
        volume: Some(100),
        event_age_us: Some(3_000),
        state: Some(1),
        ..Default::default()
    };
    let ether = Ticker {
        id: 2,
        bid_price: Some(200_000),
        ask_price: Some(200_050),
        volume: Some(500),
        event_age_us: Some(-1_000),
        state: Some(1),
        ..Default::default()
    };
    let kraken = Ticker {
        id: 3,
        last_price: Some(594_000),
        last_side: Some(2),
        open: Some(600_000),
        state: Some(2),
        cause: Some(2),
        ..Default::default()
    };
    let venue = |name: &str, state, reason: &str| Venue {
        name: name.into(),
        state,
        since: SECOND,
        reason: reason.into(),
    };
    Snapshot {
        epoch: 7,
        seq: 9,
        ts: 100 * SECOND,
        instruments: vec![
            instrument(1, "binance:BTCUSDT"),
            instrument(2, "binance:ETHUSDT"),
            instrument(3, "kraken:BTC/USD"),
        ],
        tickers: vec![bitcoin, ether, kraken],
        venues: vec![venue("binance", 1, ""), venue("kraken", 2, "silent for 5 s")],
        ..Default::default()
    }
}

pub(super) fn view_of(snapshot: Snapshot) -> View {
    let mut view = View::new();
    let _ = view.apply(&ServerMessage {
        body: Some(Body::Snapshot(snapshot)),
    });
    view
}

pub(super) fn view() -> View {
    view_of(snapshot())
}

/// The same with these last prices by id.
pub(super) fn view_with(last: &[(u32, i64)]) -> View {
    let mut snapshot = snapshot();
    for (id, price) in last {
        for ticker in snapshot.tickers.iter_mut().filter(|ticker| ticker.id == *id) {
            ticker.last_price = Some(*price);
        }
    }
    view_of(snapshot)
}

/// A view to which a delta has told that these were so old, two seconds after it was asked for.
pub(super) fn told(ages: &[(u32, Option<i64>)]) -> (View, Changed) {
    let mut view = view_of(snapshot());
    let entries = ages.iter().map(|(id, age)| Ticker {
        id: *id,
        event_age_us: *age,
        ..Default::default()
    });
    let delta = Delta {
        seq: 10,
        ts: 102 * SECOND,
        tickers: entries.collect(),
        ..Default::default()
    };
    let _ = view.apply(&ServerMessage {
        body: Some(Body::Delta(delta)),
    });
    let told = view.iter().filter(|ticker| ticker.is_news());
    let symbols = told.map(|ticker| ticker.symbol().clone()).collect();
    let changed = Changed {
        symbols,
        is_everything: false,
    };
    (view, changed)
}
