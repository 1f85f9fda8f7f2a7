//! The rows of `/v1/snapshot`, in the form in which a subscriber's view gives its own.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use tickwire::client::Row;
use tickwire::market::{Field, StaleCause, TickerState};

use super::server::Server;

/// One answer of `/v1/snapshot`.
pub(crate) struct HttpSnapshot {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) rows: BTreeMap<String, Row>,
    /// State and reason by venue.
    pub(crate) venues: BTreeMap<String, (String, String)>,
}

/// Fetches a snapshot of symbols, separated by commas.
pub(crate) fn snapshot(server: &Server, symbols: &str) -> HttpSnapshot {
    read(&server.json(&format!("/v1/snapshot?symbols={symbols}")))
}

/// Reads a snapshot message in JSON.
pub(crate) fn read(body: &Value) -> HttpSnapshot {
    let snapshot = &body["snapshot"];
    assert!(snapshot.is_object(), "{body}");
    let mut rows = BTreeMap::new();
    let mut names = HashMap::new();
    for instrument in list(&snapshot["instruments"]) {
        let symbol = text(&instrument["symbol"]);
        let decimals = ["price_decimals", "size_decimals", "volume_decimals"];
        let row = Row {
            decimals: decimals.map(|key| instrument[key].as_u64().unwrap_or(0) as u8),
            values: BTreeMap::new(),
            update_count: 0,
            state: None,
            cause: None,
        };
        names.insert(instrument["id"].as_u64().expect("an id"), symbol.clone());
        rows.insert(symbol, row);
    }
    for ticker in list(&snapshot["tickers"]) {
        let symbol = &names[&ticker["id"].as_u64().expect("an id")];
        fill(rows.get_mut(symbol).expect("announced"), ticker);
    }
    let venue = |v: &Value| (text(&v["name"]), (text(&v["state"]), text(&v["reason"])));
    HttpSnapshot {
        epoch: text(&snapshot["epoch"]).parse().expect("an epoch"),
        seq: snapshot["seq"].as_u64().unwrap_or(0),
        venues: list(&snapshot["venues"]).iter().map(venue).collect(),
        rows,
    }
}

/// State and reason of a venue whose replay has ended.
pub(crate) fn played() -> (String, String) {
    ("down".to_owned(), "replay ended".to_owned())
}

fn fill(row: &mut Row, ticker: &Value) {
    for field in Field::ALL {
        let value = match &ticker[field.name()] {
            Value::Null => continue,
            Value::String(word) if word == "buy" => "1".to_owned(),
            Value::String(word) if word == "sell" => "2".to_owned(),
            Value::String(number) => number.clone(),
            other => other.to_string(),
        };
        row.values.insert(field.name(), value);
    }
    row.update_count = ticker["update_count"].as_u64().unwrap_or(0);
    row.state = match ticker["state"].as_str() {
        Some("live") => Some(TickerState::Live),
        Some("stale") => Some(TickerState::Stale),
        Some("halted") => Some(TickerState::Halted),
        _ => None,
    };
    row.cause = match ticker["cause"].as_str() {
        Some("gap") => Some(StaleCause::Gap),
        Some("disconnected") => Some(StaleCause::Disconnected),
        Some("restart") => Some(StaleCause::Restart),
        _ => None,
    };
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
