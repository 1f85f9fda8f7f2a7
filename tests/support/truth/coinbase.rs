//! Coinbase Advanced Trade.
//!
//! Bid and ask are the best of `l2_data`, which is never crossed after a whole message; the last trade comes from
//! `market_trades`, of a snapshot the newest one (which is none that happens now), and from `ticker` only while no trade
//! of the instrument is known; volume, high and low from `ticker`. `side` is the maker's: the taker did the other thing.
//! Messages are numbered without a hole.
//!
//! Snapshots come before all else, in the order in which the channels are asked for: who subscribes before anything is
//! played gets it so, whenever the recorder asked.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Levels, Rows, Sheet, frames, rows, text};

#[derive(Default)]
struct Product {
    sheet: Sheet,
    book: Levels,
    newest_trade: Option<u64>,
}

type Products = BTreeMap<String, Product>;

/// The state at the end of a capture.
pub(crate) fn of_capture(capture: &str) -> Rows {
    let messages = frames(capture).map(|frame| serde_json::from_str::<Value>(frame).expect("JSON"));
    // The first line is an answer of the REST interface.
    let mut messages: Vec<Value> = messages.filter(|m| m["channel"].is_string()).collect();
    for (number, message) in messages.iter().enumerate() {
        assert_eq!(message["sequence_num"], number, "the recording has no hole");
    }
    messages.sort_by_key(rank);
    let mut products = Products::new();
    for message in &messages {
        let events = message["events"].as_array().expect("events");
        let take = match text(message, "channel") {
            "l2_data" => book,
            "ticker" => ticker,
            "market_trades" => trades,
            _ => continue,
        };
        events.iter().for_each(|event| take(&mut products, event));
    }
    rows("coinbase", products.into_iter().map(|(name, p)| (name, p.sheet)))
}

/// Snapshots first, channel by channel; the others stay in their order.
fn rank(message: &Value) -> usize {
    let is_snapshot = message["events"][0]["type"] == "snapshot";
    let channels = ["l2_data", "ticker", "market_trades"];
    let channel = channels.iter().position(|name| message["channel"] == *name);
    channel.filter(|_| is_snapshot).unwrap_or(channels.len())
}

fn product<'a>(products: &'a mut Products, of: &Value) -> &'a mut Product {
    products.entry(text(of, "product_id").to_owned()).or_default()
}

fn list<'a>(event: &'a Value, key: &str) -> &'a [Value] {
    event[key].as_array().expect("a list")
}

fn book(products: &mut Products, event: &Value) {
    let Product { sheet, book, .. } = product(products, event);
    match text(event, "type") {
        "snapshot" => *book = Levels::default(),
        _ => assert_ne!(*book, Levels::default(), "an update before its snapshot"),
    }
    for level in list(event, "updates") {
        let is_bid = match text(level, "side") {
            "bid" => true,
            "offer" => false,
            other => panic!("a third side: {other}"),
        };
        book.set(is_bid, text(level, "price_level"), text(level, "new_quantity"));
    }
    assert!(!book.is_crossed(), "crossed by {event}");
    sheet.update(|sheet| sheet.put_best(book));
}

fn ticker(products: &mut Products, event: &Value) {
    for ticker in list(event, "tickers") {
        let Product {
            sheet, newest_trade, ..
        } = product(products, ticker);
        sheet.update(|sheet| {
            for (name, key) in [("high", "high_24_h"), ("low", "low_24_h"), ("volume", "volume_24_h")] {
                sheet.put(name, text(ticker, key));
            }
            if newest_trade.is_none() {
                sheet.put("last_price", text(ticker, "price"));
            }
        });
    }
}

fn trades(products: &mut Products, event: &Value) {
    let is_snapshot = event["type"] == "snapshot";
    let number = |trade: &Value| text(trade, "trade_id").parse::<u64>().expect("a number");
    let mut trades: Vec<&Value> = list(event, "trades").iter().collect();
    trades.sort_by_key(|trade| number(trade));
    for (at, trade) in trades.iter().enumerate() {
        let is_outdone = trades[at + 1..].iter().any(|t| t["product_id"] == trade["product_id"]);
        let Product {
            sheet, newest_trade, ..
        } = product(products, trade);
        if Some(number(trade)) <= *newest_trade || (is_snapshot && is_outdone) {
            continue;
        }
        *newest_trade = Some(number(trade));
        let (price, size, is_buy) = (text(trade, "price"), text(trade, "size"), trade["side"] == "SELL");
        match is_snapshot {
            true => sheet.update(|sheet| sheet.put_last(price, size, is_buy)),
            false => sheet.trade(price, size, is_buy),
        }
    }
}
