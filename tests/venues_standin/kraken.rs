use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::captures;
use crate::support::venue::{Fault, Kind, Setup, Venue};

const BOOK: &str = r#"{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":25},"req_id":5}"#;
const STREAM: &str = "book:BTC/USD";

fn venue() -> Option<Venue> {
    let capture = captures::real("kraken/v2_book_btcusd_d25_20260802.capture.gz")?;
    Some(Setup::new(Kind::Kraken, &capture).start())
}

/// A connection that has got the status.
fn connect(venue: &Venue) -> Client {
    let mut client = Client::connect(venue, "/v2");
    assert_eq!(client.json()["data"][0]["system"], "online");
    client
}

/// The next frame that is no heartbeat.
fn frame(client: &mut Client) -> String {
    loop {
        match client.text() {
            text if text == r#"{"channel":"heartbeat"}"# => {}
            text => return text,
        }
    }
}

#[derive(Deserialize)]
struct Message {
    data: [Data; 1],
}

#[derive(Deserialize)]
struct Data {
    bids: Vec<Level>,
    asks: Vec<Level>,
    checksum: u32,
}

#[derive(Deserialize)]
struct Level {
    price: Box<RawValue>,
    qty: Box<RawValue>,
}

/// A book as lists that are sorted after each update: slow, and nothing like the venue's own.
#[derive(Default)]
struct Book {
    bids: Vec<(f64, String, String)>,
    asks: Vec<(f64, String, String)>,
}

impl Book {
    /// Applies a frame; whether its checksum is right.
    fn apply(&mut self, text: &str, depth: usize) -> bool {
        let Message { data: [data] } = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        for (levels, changes, sign) in [(&mut self.bids, data.bids, -1.0), (&mut self.asks, data.asks, 1.0)] {
            for Level { price, qty } in changes {
                let number: f64 = price.get().parse().expect("a number");
                levels.retain(|level| level.0 != number);
                if qty.get().parse::<f64>().expect("a number") > 0.0 {
                    levels.push((number, price.get().to_owned(), qty.get().to_owned()));
                }
            }
            levels.sort_by(|a, b| (a.0 * sign).total_cmp(&(b.0 * sign)));
            levels.truncate(depth);
        }
        let best = self.asks.iter().take(10).chain(self.bids.iter().take(10));
        let digits = |text: &str| text.replace('.', "").trim_start_matches('0').to_owned();
        let text: String = best.map(|(_, price, qty)| digits(price) + &digits(qty)).collect();
        crc32(text.as_bytes()) == data.checksum
    }
}

/// CRC32 bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[test]
fn a_book_is_acknowledged_and_comes_with_a_snapshot_whenever_it_is_asked_for() {
    let Some(venue) = venue() else {
        return;
    };
    let mut client = connect(&venue);
    let ack = client.ask(BOOK);
    assert_eq!(
        ack["result"],
        json!({"channel": "book", "depth": 25, "snapshot": true, "symbol": "BTC/USD"})
    );
    assert_eq!((&ack["success"], &ack["req_id"]), (&json!(true), &json!(5)));
    let mut book = Book::default();
    assert!(book.apply(&frame(&mut client), 25), "the first snapshot");
    venue.play_to(700);
    for recorded in &venue.frames()[..700] {
        let text = frame(&mut client);
        assert_eq!(text, recorded.text.as_str());
        assert!(book.apply(&text, 25), "{text}");
    }
    client.send(&BOOK.replace("subscribe", "unsubscribe"));
    assert!(frame(&mut client).contains(r#""success":true"#));
    // Missed, as at a real venue.
    venue.play_to(1_000);
    client.send(BOOK);
    assert!(frame(&mut client).contains(r#""success":true"#));
    let mut again = Book::default();
    let snapshot = frame(&mut client);
    assert!(
        snapshot.contains(r#""type":"snapshot""#) && again.apply(&snapshot, 25),
        "{snapshot}"
    );
    assert_ne!(again.bids, book.bids);
    venue.play_rest();
    for _ in 1_000..venue.frame_count() {
        assert!(again.apply(&frame(&mut client), 25));
    }
}

#[test]
fn fewer_levels_than_recorded_are_a_book_of_their_own() {
    let Some(venue) = venue() else {
        return;
    };
    let mut client = connect(&venue);
    assert_eq!(client.ask(&BOOK.replace("25", "10"))["result"]["depth"], 10);
    let mut book = Book::default();
    assert!(book.apply(&frame(&mut client), 10));
    assert_eq!((book.bids.len(), book.asks.len()), (10, 10));
    venue.play_rest();
    venue.send("end");
    let mut updates = 0;
    loop {
        match frame(&mut client) {
            text if text == "end" => break,
            text => assert!(book.apply(&text, 10), "{text}"),
        }
        updates += 1;
    }
    assert!((500..venue.frame_count()).contains(&updates), "{updates}");
}

#[test]
fn other_decimals_change_the_texts_and_the_checksums() {
    let Some(venue) = venue() else {
        return;
    };
    let list = r#"{"method":"subscribe","params":{"channel":"instrument"},"req_id":1}"#;
    for (price, qty) in [(1, 8), (2, 9)] {
        venue.decimals(price, qty);
        let mut client = connect(&venue);
        assert_eq!(client.ask(list)["success"], true);
        let instruments: Value = serde_json::from_str(&frame(&mut client)).expect("JSON");
        let pairs = instruments["data"]["pairs"].as_array().expect("pairs");
        assert!(pairs.len() > 100);
        let pair = pairs
            .iter()
            .find(|pair| pair["symbol"] == "BTC/USD")
            .expect("it is there");
        assert_eq!(
            (&pair["price_precision"], &pair["qty_precision"]),
            (&json!(price), &json!(qty))
        );
        client.send(BOOK);
        frame(&mut client);
        let mut book = Book::default();
        assert!(book.apply(&frame(&mut client), 25));
        venue.play_to(venue.played() + 200);
        for _ in 0..100 {
            assert!(book.apply(&frame(&mut client), 25));
        }
        let decimals = |text: &str| text.split_once('.').map_or(0, |(_, digits)| digits.len());
        let texts = book.bids.iter().map(|(_, price, qty)| (decimals(price), decimals(qty)));
        texts.for_each(|found| assert_eq!(found, (price, qty)));
    }
}

#[test]
fn a_corrupt_level_contradicts_its_checksum() {
    let Some(venue) = venue() else {
        return;
    };
    let mut client = connect(&venue);
    client.ask(BOOK);
    let mut book = Book::default();
    assert!(book.apply(&frame(&mut client), 25));
    // A size at the best price, so that the checksum covers it.
    let best = book.asks[0].1.clone();
    let at = venue.find(0, |frame| {
        frame.text.contains(&format!(r#""bids":[],"asks":[{{"price":{best},"#))
    });
    venue.fault_at(at, Fault::Corrupt);
    venue.play_to(at + 1);
    for _ in 0..at {
        assert!(book.apply(&frame(&mut client), 25));
    }
    assert!(!book.apply(&frame(&mut client), 25));
}

#[test]
fn what_is_refused_is_said_as_the_venue_says_it() {
    let Some(venue) = venue() else {
        return;
    };
    let mut client = connect(&venue);
    let bad = client.ask(&BOOK.replace("BTC/USD", "NOPE/USD"));
    assert_eq!(bad["error"], "Currency pair not supported NOPE/USD");
    assert_eq!((&bad["success"], &bad["symbol"]), (&json!(false), &json!("NOPE/USD")));
    assert_eq!(
        client.ask(&BOOK.replace("25", "11"))["error"],
        "Subscription depth not supported"
    );
    venue.refuse_symbol("BTC/USD");
    assert_eq!(client.ask(BOOK)["success"], false);
    let pong = client.ask(r#"{"method":"ping","req_id":101}"#);
    assert_eq!((&pong["method"], &pong["req_id"]), (&json!("pong"), &json!(101)));
}

#[test]
fn heartbeats_come_while_nothing_else_does_even_after_silence() {
    let Some(capture) = captures::real("kraken/v2_book_btcusd_d10_resub_20260801.capture.gz") else {
        return;
    };
    let venue = Setup::new(Kind::Kraken, &capture)
        .heartbeats(Duration::from_millis(50))
        .start();
    venue.silent_next(1);
    let mut client = connect(&venue);
    assert_eq!(client.ask(BOOK)["success"], true);
    venue.wait_subscribed(&[STREAM]);
    venue.play_rest();
    for _ in 0..3 {
        assert_eq!(client.json(), json!({"channel": "heartbeat"}));
    }
    let mut next = connect(&venue);
    assert_eq!(next.ask(BOOK)["result"]["depth"], 10, "as recorded");
    assert!(
        Book::default().apply(&frame(&mut next), 10),
        "the next connection is told"
    );
}
