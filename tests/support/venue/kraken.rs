//! Kraken spot v2: one answer per symbol, books with checksums, numbers that keep their text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::book::{Book, Level, Precision, Side};
use super::connection::Conn;
use super::instruments::Instruments;
use super::kraken_book::{DEPTHS, Message, OfSymbol, Recorded};
use super::recording::Frame;
use super::script::Script;

/// What the venue knows of its symbols at the present position.
pub(super) struct Kraken {
    instruments: Instruments,
    books: BTreeMap<String, Recorded>,
    /// The newest ticker, as it was written.
    tickers: BTreeMap<String, String>,
    refused: BTreeSet<String>,
}

/// The frames of a capture; a book's first snapshot is where the venue's knowledge starts, later ones must agree with
/// the updates between and are not played.
pub(super) fn load(lines: Vec<String>, instruments: Option<&Path>) -> (Box<dyn Script>, Vec<Frame>) {
    let mut books: BTreeMap<String, Recorded> = BTreeMap::new();
    let mut starts: BTreeMap<String, Book> = BTreeMap::new();
    let mut symbols = BTreeSet::new();
    let mut frames = Vec::new();
    for text in lines {
        let Ok(message) = serde_json::from_str::<Message<'_>>(&text) else {
            continue;
        };
        let data = message
            .data
            .first()
            .and_then(|data| serde_json::from_str::<OfSymbol<'_>>(data.get()).ok());
        let Some(symbol) = data.map(|data| data.symbol.to_owned()) else {
            continue;
        };
        symbols.insert(symbol.clone());
        if message.channel == "book" {
            let recorded = books.entry(symbol.clone()).or_default();
            let known = recorded.book.clone();
            recorded.take(&message);
            if message.kind == "snapshot" {
                let first = starts.entry(symbol).or_insert_with(|| recorded.book.clone());
                assert!(
                    known == Book::default() || known == recorded.book,
                    "the recording has a hole"
                );
                assert!(!first.best(Side::Bid, 1).is_empty(), "a book of nothing");
                continue;
            }
        }
        frames.push(Frame::new(format!("{}:{symbol}", message.channel), text));
    }
    for (symbol, recorded) in &mut books {
        let start = starts.remove(symbol).expect("a book starts with a snapshot");
        (recorded.book, recorded.before) = (start.clone(), start);
    }
    let instruments = Instruments::new(instruments, &symbols);
    let (tickers, refused) = (BTreeMap::new(), BTreeSet::new());
    (
        Box::new(Kraken {
            instruments,
            books,
            tickers,
            refused,
        }),
        frames,
    )
}

impl Kraken {
    /// The depth that is acknowledged: as many levels as the recording has, if more are asked for.
    fn depth(&self, symbol: &str, asked: usize) -> usize {
        let recorded = self.books.get(symbol).map_or(usize::MAX, |recorded| recorded.depth);
        recorded.min(asked)
    }

    /// What is subscribed or not, or why it cannot be.
    fn subscribe(&mut self, conn: &mut Conn, request: &Value, symbol: &str) -> Result<Value, String> {
        let (method, params) = (request["method"].as_str().unwrap_or_default(), &request["params"]);
        let channel = params["channel"].as_str().unwrap_or_default();
        let depth = params["depth"].as_u64().unwrap_or(10) as usize;
        match channel {
            "book" if !DEPTHS.contains(&depth) => return Err("Subscription depth not supported".to_owned()),
            "book" | "trade" | "ticker" => {}
            _ => return Err(format!("Channel not supported {channel}")),
        }
        if !self.instruments.symbols.contains(symbol) || self.refused.contains(symbol) {
            return Err(format!("Currency pair not supported {symbol}"));
        }
        let stream = format!("{channel}:{symbol}");
        let mut result = json!({"channel": channel, "symbol": symbol});
        if channel == "book" {
            result["depth"] = json!(self.depth(symbol, depth));
        }
        if method == "unsubscribe" {
            let is_known = conn.seen.streams.remove(&stream);
            return is_known
                .then_some(result)
                .ok_or_else(|| "Subscription Not Found".to_owned());
        }
        if channel == "ticker" {
            result["event_trigger"] = json!(params["event_trigger"].as_str().unwrap_or("trades"));
        }
        result["snapshot"] = json!(params["snapshot"].as_bool().unwrap_or(channel != "trade"));
        if !conn.seen.streams.insert(stream.clone()) {
            return Err("Already subscribed".to_owned());
        }
        conn.depths.insert(stream, self.depth(symbol, depth));
        Ok(result)
    }

    fn send_snapshot(&self, conn: &mut Conn, channel: &str, symbol: &str) {
        match (channel, self.books.get(symbol)) {
            ("book", Some(recorded)) => {
                let depth = conn.depths[&format!("book:{symbol}")];
                let side = |side| {
                    recorded
                        .book
                        .best(side, depth)
                        .into_iter()
                        .cloned()
                        .collect::<Vec<Level>>()
                };
                let (bids, asks) = (side(Side::Bid), side(Side::Ask));
                conn.send(recorded.frame("snapshot", symbol, (&bids, &asks), conn.precision));
            }
            // A pair that nobody trades.
            ("book", None) => {
                let none = Recorded::default();
                conn.send(none.frame("snapshot", symbol, (&[], &[]), conn.precision));
            }
            ("ticker", _) => {
                if let Some(ticker) = self.tickers.get(symbol) {
                    conn.send(format!(r#"{{"channel":"ticker","type":"snapshot","data":[{ticker}]}}"#));
                }
            }
            _ => {}
        }
    }

    fn symbols(&mut self, conn: &mut Conn, request: &Value) {
        let symbols = request["params"]["symbol"].as_array().into_iter().flatten();
        for symbol in symbols.filter_map(Value::as_str) {
            match self.subscribe(conn, request, symbol) {
                Ok(result) => {
                    let is_wanted = request["method"] == "subscribe" && result["snapshot"] == true;
                    answer(conn, request, json!({"result": result, "success": true}));
                    if is_wanted && !conn.is_silent {
                        self.send_snapshot(conn, request["params"]["channel"].as_str().unwrap_or_default(), symbol);
                    }
                }
                Err(error) => {
                    let mut refusal = json!({"error": error, "success": false});
                    if error.contains(symbol) {
                        refusal["symbol"] = json!(symbol);
                    }
                    answer(conn, request, refusal);
                }
            }
        }
    }

    fn instruments(&self, conn: &mut Conn, request: &Value) {
        if request["method"] == "unsubscribe" {
            conn.seen.streams.remove("instrument");
            return answer(
                conn,
                request,
                json!({"result": {"channel": "instrument"}, "success": true}),
            );
        }
        conn.seen.streams.insert("instrument".to_owned());
        answer(
            conn,
            request,
            json!({"result": {"channel": "instrument", "snapshot": true}, "success": true}),
        );
        if conn.is_silent {
            return;
        }
        let Precision { price, size } = conn.precision;
        let text = match conn.precision == Precision::default() {
            true => self.instruments.text(),
            false => self.instruments.with_decimals(self.books.keys(), price, size),
        };
        conn.send(text);
    }
}

/// Answers a request: its method and number, what is said, and times.
fn answer(conn: &mut Conn, request: &Value, mut said: Value) {
    said["method"] = request["method"].clone();
    if request["req_id"].is_u64() {
        said["req_id"] = request["req_id"].clone();
    }
    // The recordings' time is the venue's; an answer's own time means nothing to a subscriber of data.
    said["time_in"] = json!("2026-08-02T03:35:50.983359Z");
    said["time_out"] = json!("2026-08-02T03:35:50.983398Z");
    conn.send(said.to_string());
}

impl Script for Kraken {
    fn opened(&mut self, conn: &mut Conn) {
        let id = 2_950_167_385_101_900_187_u64 + conn.seen.id as u64;
        conn.send(format!(
            r#"{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"online","api_version":"v2","connection_id":{id}}}]}}"#
        ));
    }

    fn request(&mut self, conn: &mut Conn, text: &str) {
        let request: Value = serde_json::from_str(text).unwrap_or_default();
        match request["method"].as_str() {
            Some("ping") => {
                let mut pong = request.clone();
                pong["method"] = json!("pong");
                answer(conn, &pong, json!({}));
            }
            Some("subscribe" | "unsubscribe") if request["params"]["channel"] == "instrument" => {
                self.instruments(conn, &request);
            }
            Some("subscribe" | "unsubscribe") => self.symbols(conn, &request),
            _ => answer(conn, &request, json!({"error": "Malformed request", "success": false})),
        }
    }

    fn advance(&mut self, frame: &Frame) {
        let (channel, symbol) = frame.stream.split_once(':').expect("a channel and a symbol");
        let message: Message<'_> = serde_json::from_str(&frame.text).expect("it was read before");
        match (channel, self.books.get_mut(symbol)) {
            ("book", Some(recorded)) => recorded.take(&message),
            ("ticker", _) => {
                let newest = message.data.last().expect("it was read before").get();
                self.tickers.insert(symbol.to_owned(), newest.to_owned());
            }
            _ => {}
        }
    }

    fn render(&mut self, conn: &mut Conn, frame: &Frame) -> Option<Utf8Bytes> {
        let (channel, symbol) = frame.stream.split_once(':').expect("a channel and a symbol");
        let recorded = self.books.get(symbol).filter(|_| channel == "book");
        let depth = conn.depths.get(&frame.stream).copied();
        let Some((recorded, depth)) = recorded.zip(depth) else {
            return Some(frame.text.clone());
        };
        if depth == recorded.depth && conn.precision == Precision::default() {
            return Some(frame.text.clone());
        }
        let side = |side| recorded.book.changes(&recorded.before, side, depth);
        let (bids, asks) = (side(Side::Bid), side(Side::Ask));
        // What lies deeper than the subscriber looks is not told.
        let is_seen = !(bids.is_empty() && asks.is_empty());
        is_seen.then(|| recorded.frame("update", symbol, (&bids, &asks), conn.precision).into())
    }

    /// Only where nothing else was sent meanwhile.
    fn heartbeat(&mut self, conn: &mut Conn, every: Duration) {
        // Timers are not exact, and the last heartbeat itself must not count.
        if !conn.seen.streams.is_empty() && conn.last_sent.elapsed() >= every.mul_f64(0.9) {
            conn.send(r#"{"channel":"heartbeat"}"#);
        }
    }

    fn refuse(&mut self, symbol: &str) {
        self.refused.insert(symbol.to_owned());
    }
}
