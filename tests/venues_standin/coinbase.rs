use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::Client;
use crate::support::captures;
use crate::support::venue::{Fault, Kind, Setup, Venue};

const PRODUCTS: [&str; 2] = ["BTC-USD", "ETH-USD"];

fn advanced() -> Option<Venue> {
    let capture = captures::real("coinbase/advanced_20260809.capture.gz")?;
    Some(Setup::new(Kind::CoinbaseAdvanced, &capture).start())
}

fn subscribe(channel: &str) -> String {
    json!({"type": "subscribe", "product_ids": PRODUCTS, "channel": channel}).to_string()
}

/// Prices and sizes of a product, as far as this test needs them in order.
type Book = BTreeMap<(String, String), String>;

fn apply(book: &mut Book, message: &Value) {
    for update in message["events"][0]["updates"].as_array().expect("updates") {
        let text = |key: &str| update[key].as_str().expect("text").to_owned();
        let key = (text("side"), text("price_level"));
        match text("new_quantity").as_str() {
            "0" => _ = book.remove(&key),
            size => _ = book.insert(key, size.to_owned()),
        }
    }
}

/// Reads up to the answer `subscriptions`; messages must be numbered without a hole.
fn answer(client: &mut Client, next: &mut u64) -> Vec<Value> {
    let mut messages = Vec::new();
    loop {
        let message = client.json();
        assert_eq!(message["sequence_num"], *next, "{}", message["channel"]);
        *next += 1;
        let is_answer = message["channel"] == "subscriptions";
        messages.push(message);
        if is_answer {
            return messages;
        }
    }
}

#[test]
fn numbers_have_no_hole_whatever_is_subscribed_and_a_late_snapshot_is_the_book_of_then() {
    let Some(venue) = advanced() else {
        return;
    };
    let mut next = 0;
    let mut client = Client::connect(&venue, "/");
    client.send(&subscribe("level2"));
    let messages = answer(&mut client, &mut next);
    assert_eq!(messages.len(), 3, "two snapshots and the answer");
    let mut book = Book::new();
    apply(&mut book, &messages[0]);
    assert!(book.len() > 40_000, "a large one");

    let middle = venue.frame_count() / 2;
    venue.play_to(middle);
    let frames = venue.frames();
    let of_books = frames[..middle]
        .iter()
        .filter(|frame| frame.stream.starts_with("level2:"));
    for frame in of_books {
        let message = client.json();
        assert_eq!(message["sequence_num"], next);
        next += 1;
        let recorded: Value = serde_json::from_str(&frame.text).expect("JSON");
        assert_eq!(message["events"], recorded["events"]);
        if frame.stream == "level2:BTC-USD" {
            apply(&mut book, &message);
        }
    }
    let (mut late, mut late_next) = (Client::connect(&venue, "/"), 0);
    late.send(&subscribe("level2"));
    let mut late_book = Book::new();
    apply(&mut late_book, &answer(&mut late, &mut late_next)[0]);
    assert!(late_book == book, "the same book");
}

#[test]
fn tickers_and_trades_start_with_a_snapshot_and_heartbeats_go_on() {
    let Some(venue) = advanced() else {
        return;
    };
    let (mut client, mut next) = (Client::connect(&venue, "/"), 0);
    venue.play_to(300);
    for (channel, list) in [("ticker", "tickers"), ("market_trades", "trades")] {
        client.send(&subscribe(channel));
        let messages = answer(&mut client, &mut next);
        for (message, product) in messages.iter().zip(PRODUCTS) {
            let event = &message["events"][0];
            assert_eq!(
                (&event["type"], &event[list][0]["product_id"]),
                (&json!("snapshot"), &json!(product))
            );
        }
    }
    client.send(r#"{"type":"subscribe","channel":"heartbeats"}"#);
    let answer = answer(&mut client, &mut next).swap_remove(0);
    assert_eq!(
        answer["events"][0]["subscriptions"]["heartbeats"],
        json!(["heartbeats"])
    );
    venue.fault(Fault::Silence);
    venue.play_rest();
    for _ in 0..2 {
        let heartbeat = client.json();
        assert_eq!(
            (&heartbeat["channel"], &heartbeat["sequence_num"]),
            (&json!("heartbeats"), &json!(next))
        );
        next += 1;
    }
}

#[test]
fn a_lost_frame_leaves_a_hole_in_the_numbers() {
    let Some(venue) = advanced() else {
        return;
    };
    let (mut client, mut next) = (Client::connect(&venue, "/"), 0);
    client.send(&subscribe("market_trades"));
    answer(&mut client, &mut next);
    let lost = venue.find(0, |frame| frame.stream.starts_with("market_trades:"));
    venue.fault_at(lost, Fault::Drop);
    venue.play_rest();
    assert_eq!(client.json()["sequence_num"], next + 1);
}

#[test]
fn who_does_not_subscribe_is_disconnected() {
    let frames = vec![r#"{"type":"match","product_id":"A-B"}"#.to_owned()];
    let venue = Setup::of(Kind::CoinbaseExchange, frames)
        .subscribe_within(Duration::from_millis(200))
        .start();
    assert_eq!(Client::connect(&venue, "/").close_code(), 1008);
}

#[test]
fn advanced_refuses_what_it_does_not_know() {
    let Some(venue) = advanced() else {
        return;
    };
    let mut client = Client::connect(&venue, "/");
    for request in [
        r#"{"type":"subscribe","product_ids":["BTC-XYZ"],"channel":"ticker"}"#,
        r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"books"}"#,
        r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["ticker"]}"#,
        "{",
    ] {
        assert_eq!(client.ask(request)["type"], "error", "{request}");
    }
}

#[test]
fn exchange_answers_with_snapshots_and_goes_on_with_updates() {
    let Some(capture) = captures::real("coinbase/exchange_10products_20210417.capture.gz") else {
        return;
    };
    let venue = Setup::new(Kind::CoinbaseExchange, &capture).start();
    let mut client = Client::connect(&venue, "/");
    let answer = client
        .ask(r#"{"type":"subscribe","product_ids":["SKL-GBP"],"channels":["level2","ticker","matches","heartbeat"]}"#);
    assert_eq!(answer["channels"].as_array().map(Vec::len), Some(4));
    let snapshot = client.json();
    assert_eq!(
        (&snapshot["type"], &snapshot["asks"][0]),
        (&json!("snapshot"), &json!(["0.5762", "2865.9"]))
    );
    assert_eq!(snapshot["bids"].as_array().map(Vec::len), Some(101));
    assert_eq!(
        (client.json()["type"].clone(), client.json()["type"].clone()),
        (json!("ticker"), json!("last_match"))
    );
    venue.play_rest();
    let frames = venue.frames();
    let mut own = frames
        .iter()
        .filter(|frame| frame.stream.ends_with(":SKL-GBP"))
        .peekable();
    assert!(own.peek().is_some());
    for frame in own {
        let text = loop {
            match client.text() {
                heartbeat if heartbeat.contains(r#""type":"heartbeat""#) => {}
                text => break text,
            }
        };
        assert_eq!(text, frame.text.as_str());
    }
    let refused = client.ask(r#"{"type":"subscribe","product_ids":["XYZ-GBP"],"channels":["ticker"]}"#);
    assert_eq!(
        (&refused["type"], &refused["reason"]),
        (&json!("error"), &json!("XYZ-GBP is not a valid product"))
    );
}
