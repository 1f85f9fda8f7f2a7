//! Coinbase Exchange: several channels a request, no numbering for a connection.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::book::{Book, Level, Side};
use super::connection::Conn;
use super::recording::Frame;
use super::script::Script;

const CHANNELS: [&str; 4] = ["level2", "ticker", "matches", "heartbeat"];

/// What the venue knows of its products at the present position.
#[derive(Default)]
pub(super) struct Exchange {
    products: BTreeSet<String>,
    books: BTreeMap<String, Book>,
    /// The newest, as it was written.
    tickers: BTreeMap<String, String>,
    /// The newest, as it was written.
    matches: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    product_id: Option<&'a str>,
    #[serde(default)]
    sequence: u64,
    #[serde(default, borrow)]
    bids: Vec<(&'a str, &'a str)>,
    #[serde(default, borrow)]
    asks: Vec<(&'a str, &'a str)>,
    #[serde(default, borrow)]
    changes: Vec<(&'a str, &'a str, &'a str)>,
}

/// The frames of a capture; what it tells in answer to its subscription is where the venue's knowledge starts.
pub(super) fn load(lines: Vec<String>) -> (Box<dyn Script>, Vec<Frame>) {
    let mut venue = Exchange::default();
    let read = |text: &str| -> Option<(String, String, u64)> {
        let message: Message<'_> = serde_json::from_str(text).ok()?;
        Some((
            message.kind.to_owned(),
            message.product_id?.to_owned(),
            message.sequence,
        ))
    };
    let known = lines
        .iter()
        .filter_map(|text| read(text))
        .filter(|(kind, ..)| kind == "last_match");
    let known: HashMap<String, u64> = known.map(|(_, product, sequence)| (product, sequence)).collect();
    let mut frames = Vec::new();
    for text in lines {
        let Some((kind, product, sequence)) = read(&text) else {
            continue;
        };
        venue.products.insert(product.clone());
        let channel = match kind.as_str() {
            "l2update" => "level2",
            "ticker" => "ticker",
            "match" => "matches",
            "snapshot" | "last_match" => {
                venue.take(&text);
                continue;
            }
            _ => continue,
        };
        // The first ticker repeats the match before the subscription.
        if channel == "ticker" && known.get(&product) == Some(&sequence) {
            venue.take(&text);
        } else {
            frames.push(Frame::new(format!("{channel}:{product}"), text));
        }
    }
    (Box::new(venue), frames)
}

impl Exchange {
    fn take(&mut self, text: &str) {
        let message: Message<'_> = serde_json::from_str(text).expect("it was read before");
        let product = message.product_id.expect("it was read before");
        match message.kind {
            "ticker" => _ = self.tickers.insert(product.to_owned(), text.to_owned()),
            "match" | "last_match" => _ = self.matches.insert(product.to_owned(), text.to_owned()),
            _ => {
                let book = self.books.entry(product.to_owned()).or_default();
                message
                    .bids
                    .iter()
                    .for_each(|(price, size)| book.set(Side::Bid, price, size));
                message
                    .asks
                    .iter()
                    .for_each(|(price, size)| book.set(Side::Ask, price, size));
                for (side, price, size) in &message.changes {
                    let side = if *side == "buy" { Side::Bid } else { Side::Ask };
                    book.set(side, price, size);
                }
            }
        }
    }

    fn send_snapshot(&self, conn: &mut Conn, channel: &str, product: &str) {
        match channel {
            "level2" => {
                let book = self.books.get(product).cloned().unwrap_or_default();
                let side = |side| {
                    let level = |level: &Level| format!(r#"["{}","{}"]"#, level.0, level.1);
                    book.best(side, usize::MAX)
                        .into_iter()
                        .map(level)
                        .collect::<Vec<_>>()
                        .join(",")
                };
                let (bids, asks) = (side(Side::Bid), side(Side::Ask));
                conn.send(format!(
                    r#"{{"type":"snapshot","product_id":"{product}","asks":[{asks}],"bids":[{bids}]}}"#
                ));
            }
            "ticker" => {
                if let Some(ticker) = self.tickers.get(product) {
                    conn.send(ticker.clone());
                }
            }
            "matches" => {
                if let Some(last) = self.matches.get(product) {
                    conn.send(last.replacen(r#""type":"match""#, r#""type":"last_match""#, 1));
                }
            }
            _ => {}
        }
    }

    /// Channels and products of a request; a channel may name products of its own.
    fn asked(&self, request: &Value) -> Result<Vec<(String, String)>, String> {
        let ids = |value: &Value| -> Vec<String> {
            let ids = value["product_ids"].as_array().into_iter().flatten();
            ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
        };
        let channels = request["channels"].as_array().ok_or("channels is required")?;
        let mut asked = Vec::new();
        for channel in channels {
            let name = channel.as_str().or(channel["name"].as_str()).unwrap_or_default();
            let name = if name == "level2_batch" { "level2" } else { name };
            if !CHANNELS.contains(&name) {
                return Err(format!("{name} is not a valid channel"));
            }
            let mut products = ids(request);
            products.extend(ids(channel));
            if let Some(unknown) = products.iter().find(|product| !self.products.contains(*product)) {
                return Err(format!("{unknown} is not a valid product"));
            }
            asked.extend(products.into_iter().map(|product| (name.to_owned(), product)));
        }
        Ok(asked)
    }

    fn subscribe(&self, conn: &mut Conn, request: &Value, is_on: bool) -> Result<(), String> {
        let mut asked = self.asked(request)?;
        asked.retain(|(channel, product)| conn.has(&format!("{channel}:{product}")) != is_on);
        for (channel, product) in &asked {
            let stream = format!("{channel}:{product}");
            _ = if is_on {
                conn.seen.streams.insert(stream)
            } else {
                conn.seen.streams.remove(&stream)
            };
        }
        let mut channels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let streams = conn.seen.streams.clone();
        for (channel, product) in streams.iter().filter_map(|stream| stream.split_once(':')) {
            channels.entry(channel).or_default().push(product);
        }
        let list = channels
            .into_iter()
            .map(|(name, ids)| json!({"name": name, "product_ids": ids}));
        conn.send(json!({"type": "subscriptions", "channels": list.collect::<Vec<_>>()}).to_string());
        if is_on && !conn.is_silent {
            asked
                .iter()
                .for_each(|(channel, product)| self.send_snapshot(conn, channel, product));
        }
        Ok(())
    }
}

impl Script for Exchange {
    fn request(&mut self, conn: &mut Conn, text: &str) {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        let (done, message) = match request["type"].as_str() {
            Some("subscribe") => (self.subscribe(conn, &request, true), "Failed to subscribe"),
            Some("unsubscribe") => (self.subscribe(conn, &request, false), "Failed to unsubscribe"),
            _ => (
                Err("Type has to be either subscribe or unsubscribe".to_owned()),
                "Malformed JSON",
            ),
        };
        if let Err(reason) = done {
            conn.send(json!({"type": "error", "message": message, "reason": reason}).to_string());
        }
    }

    fn advance(&mut self, frame: &Frame) {
        self.take(&frame.text);
    }

    fn render(&mut self, _conn: &mut Conn, frame: &Frame) -> Option<Utf8Bytes> {
        Some(frame.text.clone())
    }

    fn heartbeat(&mut self, conn: &mut Conn, _every: Duration) {
        for product in &self.products {
            if !conn.has(&format!("heartbeat:{product}")) {
                continue;
            }
            let last = self
                .matches
                .get(product)
                .and_then(|text| serde_json::from_str::<Value>(text).ok());
            let last = last.unwrap_or_default();
            let heartbeat = json!({"type": "heartbeat", "last_trade_id": last["trade_id"], "product_id": product,
                "sequence": last["sequence"], "time": last["time"]});
            conn.send(heartbeat.to_string());
        }
    }

    fn refuse(&mut self, symbol: &str) {
        self.products.remove(symbol);
    }
}
