//! Coinbase Advanced Trade: one channel a request, one numbering for a connection's messages.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::book::{Book, Side};
use super::connection::Conn;
use super::recording::Frame;
use super::script::Script;

const CHANNELS: [&str; 6] = [
    "level2",
    "ticker",
    "ticker_batch",
    "market_trades",
    "candles",
    "heartbeats",
];
/// Trades in a snapshot.
const TRADES: usize = 100;

/// What the venue knows of its products at the present position.
pub(super) struct Coinbase {
    products: BTreeSet<String>,
    books: BTreeMap<String, Book>,
    /// The newest of each, as it was written.
    tickers: BTreeMap<String, String>,
    /// The newest first, as they were written.
    trades: BTreeMap<String, VecDeque<String>>,
    /// Of the last message played; the venue's own messages carry it too.
    timestamp: String,
    heartbeats: u64,
}

#[derive(Deserialize)]
struct Message<'a> {
    channel: &'a str,
    timestamp: &'a str,
    #[serde(borrow)]
    events: Vec<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(default, rename = "type")]
    kind: &'a str,
    product_id: Option<&'a str>,
    #[serde(default, borrow)]
    updates: Vec<Update<'a>>,
    #[serde(default, borrow)]
    tickers: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    trades: Vec<&'a RawValue>,
    #[serde(default, borrow)]
    candles: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Update<'a> {
    side: &'a str,
    price_level: &'a str,
    new_quantity: &'a str,
}

#[derive(Deserialize)]
struct OfProduct<'a> {
    product_id: &'a str,
}

fn product<'a>(of: &'a RawValue) -> &'a str {
    let of: OfProduct<'a> = serde_json::from_str(of.get()).expect("it names its product");
    of.product_id
}

/// The frames of a capture; its first snapshots are where the venue's knowledge starts and are not played.
pub(super) fn load(lines: Vec<String>) -> (Box<dyn Script>, Vec<Frame>) {
    let mut venue = Coinbase {
        products: BTreeSet::new(),
        books: BTreeMap::new(),
        tickers: BTreeMap::new(),
        trades: BTreeMap::new(),
        timestamp: String::new(),
        heartbeats: 0,
    };
    let mut frames = Vec::new();
    for text in lines {
        let Ok(message) = serde_json::from_str::<Message<'_>>(&text) else {
            continue;
        };
        let Some(stream) = stream(&message) else {
            continue;
        };
        let (_, product) = stream.split_once(':').expect("a channel and a product");
        venue.products.insert(product.to_owned());
        if message.events.iter().all(|event| event.kind == "snapshot") {
            venue.take(&message);
        } else {
            frames.push(Frame::new(stream, text));
        }
    }
    (Box::new(venue), frames)
}

/// The channel as it is subscribed, and the product; `None` for what the venue sends by itself.
fn stream(message: &Message<'_>) -> Option<String> {
    let event = message.events.first()?;
    let listed = [&event.tickers, &event.trades, &event.candles]
        .into_iter()
        .find_map(|list| list.first().copied());
    let product = event.product_id.or(listed.map(product))?;
    let channel = if message.channel == "l2_data" {
        "level2"
    } else {
        message.channel
    };
    Some(format!("{channel}:{product}"))
}

impl Coinbase {
    fn take(&mut self, message: &Message<'_>) {
        message.timestamp.clone_into(&mut self.timestamp);
        for event in &message.events {
            if let Some(product) = event.product_id {
                let book = self.books.entry(product.to_owned()).or_default();
                for update in &event.updates {
                    let side = if update.side == "bid" { Side::Bid } else { Side::Ask };
                    book.set(side, update.price_level, update.new_quantity);
                }
            }
            for ticker in &event.tickers {
                self.tickers.insert(product(ticker).to_owned(), ticker.get().to_owned());
            }
            // The newest is the first of a message.
            for trade in event.trades.iter().rev() {
                let trades = self.trades.entry(product(trade).to_owned()).or_default();
                trades.push_front(trade.get().to_owned());
                trades.truncate(TRADES);
            }
        }
    }

    fn send(&self, conn: &mut Conn, channel: &str, events: &str) {
        let (timestamp, number) = (&self.timestamp, conn.take_number());
        conn.send(format!(
            r#"{{"channel":"{channel}","timestamp":"{timestamp}","sequence_num":{number},"events":{events}}}"#
        ));
    }

    /// What a new subscriber of a channel gets before anything else.
    fn send_snapshot(&self, conn: &mut Conn, channel: &str, product: &str) {
        match channel {
            "level2" => {
                let updates = self.levels(product);
                let events = format!(r#"[{{"type":"snapshot","product_id":"{product}","updates":[{updates}]}}]"#);
                self.send(conn, "l2_data", &events);
            }
            "ticker" | "ticker_batch" => {
                if let Some(ticker) = self.tickers.get(product) {
                    self.send(
                        conn,
                        channel,
                        &format!(r#"[{{"type":"snapshot","tickers":[{ticker}]}}]"#),
                    );
                }
            }
            "market_trades" => {
                if let Some(trades) = self.trades.get(product) {
                    let trades: Vec<&str> = trades.iter().map(String::as_str).collect();
                    let events = format!(r#"[{{"type":"snapshot","trades":[{}]}}]"#, trades.join(","));
                    self.send(conn, channel, &events);
                }
            }
            _ => {}
        }
    }

    fn levels(&self, product: &str) -> String {
        let book = self.books.get(product).cloned().unwrap_or_default();
        let mut levels = Vec::new();
        for (name, side) in [("bid", Side::Bid), ("offer", Side::Ask)] {
            for (price, size) in book.best(side, usize::MAX) {
                let time = &self.timestamp;
                levels.push(format!(
                    r#"{{"side":"{name}","event_time":"{time}","price_level":"{price}","new_quantity":"{size}"}}"#
                ));
            }
        }
        levels.join(",")
    }

    /// The channels of a connection, as they are told after each request.
    fn send_subscriptions(&self, conn: &mut Conn) {
        let mut channels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let streams = conn.seen.streams.clone();
        for stream in &streams {
            let (channel, product) = stream.split_once(':').expect("a channel and a product");
            channels.entry(channel).or_default().push(product);
        }
        let events = json!([{"subscriptions": channels}]).to_string();
        self.send(conn, "subscriptions", &events);
    }

    fn subscribe(&self, conn: &mut Conn, request: &Value, is_on: bool) -> Result<(), String> {
        let channel = request["channel"]
            .as_str()
            .ok_or("channel is required, one a message")?;
        if !CHANNELS.contains(&channel) {
            return Err(format!("{channel} is not a valid channel"));
        }
        let asked = request["product_ids"].as_array();
        let mut products: Vec<String> = match (channel, asked) {
            ("heartbeats", _) => vec!["heartbeats".to_owned()],
            (_, None) => self.products.iter().cloned().collect(),
            (_, Some(ids)) => ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
        };
        if let Some(unknown) = products
            .iter()
            .find(|p| channel != "heartbeats" && !self.products.contains(*p))
        {
            return Err(format!("{unknown} is not a valid product"));
        }
        products.retain(|product| conn.has(&format!("{channel}:{product}")) != is_on);
        for product in products {
            let stream = format!("{channel}:{product}");
            if !is_on {
                conn.seen.streams.remove(&stream);
                continue;
            }
            conn.seen.streams.insert(stream);
            if !conn.is_silent {
                self.send_snapshot(conn, channel, &product);
            }
        }
        self.send_subscriptions(conn);
        Ok(())
    }
}

impl Script for Coinbase {
    fn request(&mut self, conn: &mut Conn, text: &str) {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let done = match request["type"].as_str() {
            Some("subscribe") => self.subscribe(conn, &request, true),
            Some("unsubscribe") => self.subscribe(conn, &request, false),
            _ => Err("subscribe or unsubscribe required".to_owned()),
        };
        if let Err(message) = done {
            conn.send(json!({"type": "error", "message": message}).to_string());
        }
    }

    fn advance(&mut self, frame: &Frame) {
        let message = serde_json::from_str(&frame.text).expect("it was read before");
        self.take(&message);
    }

    fn render(&mut self, conn: &mut Conn, frame: &Frame) -> Option<Utf8Bytes> {
        Some(self.numbered(conn, &frame.text))
    }

    fn numbered(&self, conn: &mut Conn, text: &str) -> Utf8Bytes {
        const KEY: &str = r#""sequence_num":"#;
        let Some(at) = text.find(KEY).map(|at| at + KEY.len()) else {
            return text.into();
        };
        let rest = text[at..].trim_start_matches(|c: char| c.is_ascii_digit());
        format!("{}{}{rest}", &text[..at], conn.take_number()).into()
    }

    fn heartbeat(&mut self, conn: &mut Conn, _every: Duration) {
        if conn.has("heartbeats:heartbeats") {
            self.heartbeats += 1;
            let time = &self.timestamp;
            let events = json!([{"current_time": time, "heartbeat_counter": self.heartbeats}]).to_string();
            self.send(conn, "heartbeats", &events);
        }
    }

    fn refuse(&mut self, symbol: &str) {
        self.products.remove(symbol);
    }
}
