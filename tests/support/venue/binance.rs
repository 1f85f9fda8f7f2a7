//! Binance spot and USD-M futures: streams by name, requests with an id.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::connection::Conn;
use super::recording::Frame;
use super::script::Script;

/// Streams a connection may have.
const STREAMS_MAX: usize = 1_024;
/// Messages a connection may send in a second, pings and pongs included.
const INCOMING_PER_SECOND_MAX: usize = 5;

/// Neither snapshots nor a state: a subscriber gets what is played from then on.
#[derive(Default)]
pub(super) struct Binance {
    refused: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    stream: &'a str,
}

/// The frames of a capture; what does not name its stream (an order book from REST, an answer) is no stream's.
pub(super) fn load(lines: Vec<String>) -> (Box<dyn Script>, Vec<Frame>) {
    let frame = |text: String| {
        let stream = serde_json::from_str::<Wrapped<'_>>(&text).ok()?.stream.to_owned();
        Some(Frame::new(stream, text))
    };
    let frames = lines.into_iter().filter_map(frame).collect();
    (Box::new(Binance::default()), frames)
}

/// Whether a path carries a stream: USD-M has one for quotes, books and trades and one for the rest, and says nothing
/// where a stream is asked for at the wrong one.
fn is_carried(path: &str, stream: &str) -> bool {
    let kind = stream.split('@').nth(1).unwrap_or_default();
    let is_public = kind.starts_with("bookTicker") || kind.starts_with("depth") || kind == "trade";
    match path {
        "/public/stream" => is_public,
        "/market/stream" => matches!(kind, "aggTrade" | "ticker" | "miniTicker"),
        _ => true,
    }
}

/// The same frame as with `timeUnit=MICROSECOND`.
fn in_microseconds(text: &str) -> String {
    let mut text = text.to_owned();
    for key in [r#""E":"#, r#""T":"#, r#""O":"#, r#""C":"#] {
        let found: Vec<usize> = text.match_indices(key).map(|(at, _)| at + key.len()).collect();
        for at in found.into_iter().rev() {
            let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            if digits == 13 {
                text.insert_str(at + digits, "000");
            }
        }
    }
    text
}

fn refusal(code: u32, message: &str, id: &Value) -> String {
    json!({"error": {"code": code, "msg": message}, "id": id}).to_string()
}

impl Binance {
    fn answer(conn: &mut Conn, request: &Value) -> Result<Value, (u32, String)> {
        let invalid = |what: &str| (2, format!("Invalid request: {what}"));
        let id = &request["id"];
        if !(id.is_u64() || id.as_str().is_some_and(|id| id.len() <= 36)) {
            return Err(invalid("request ID must be an unsigned integer"));
        }
        let names = || -> Result<Vec<String>, (u32, String)> {
            let params = request["params"]
                .as_array()
                .ok_or_else(|| invalid("params must be an array"))?;
            let name = |name: &Value| match name.as_str() {
                Some(name) if name.contains('@') || name.starts_with('!') => Ok(name.to_owned()),
                Some(_) => Err(invalid("invalid stream")),
                None => Err(invalid("property name must be a string")),
            };
            params.iter().map(name).collect()
        };
        match request["method"].as_str() {
            Some("SUBSCRIBE") => {
                let names = names()?;
                let new = names.iter().filter(|name| !conn.has(name)).count();
                if conn.seen.streams.len() + new > STREAMS_MAX {
                    return Err(invalid("too many streams"));
                }
                conn.seen.streams.extend(names);
                Ok(Value::Null)
            }
            Some("UNSUBSCRIBE") => {
                for name in names()? {
                    conn.seen.streams.remove(&name);
                }
                Ok(Value::Null)
            }
            Some("LIST_SUBSCRIPTIONS") => Ok(json!(conn.seen.streams)),
            _ => Err(invalid(
                "unknown variant, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`",
            )),
        }
    }
}

impl Script for Binance {
    fn opened(&mut self, conn: &mut Conn) {
        let asked = conn.query.split('&').find_map(|part| part.strip_prefix("streams="));
        let streams: Vec<String> = asked
            .into_iter()
            .flat_map(|s| s.split('/'))
            .map(str::to_owned)
            .collect();
        conn.seen
            .streams
            .extend(streams.into_iter().filter(|stream| !stream.is_empty()));
    }

    fn incoming(&mut self, conn: &mut Conn) {
        conn.count_incoming(INCOMING_PER_SECOND_MAX);
    }

    fn request(&mut self, conn: &mut Conn, text: &str) {
        let answer = match serde_json::from_str::<Value>(text) {
            Err(error) => refusal(3, &format!("Invalid JSON: {error}"), &Value::Null),
            Ok(request) => match Binance::answer(conn, &request) {
                Ok(result) => json!({"result": result, "id": request["id"]}).to_string(),
                Err((code, message)) => refusal(code, &message, &request["id"]),
            },
        };
        conn.send(answer);
    }

    fn render(&mut self, conn: &mut Conn, frame: &Frame) -> Option<Utf8Bytes> {
        let symbol = frame.stream.split('@').next().unwrap_or_default();
        let is_told = is_carried(&conn.seen.path, &frame.stream) && !self.refused.contains(symbol);
        let is_fine = conn
            .query
            .split('&')
            .any(|part| part.eq_ignore_ascii_case("timeUnit=MICROSECOND"));
        let text = || {
            if is_fine {
                in_microseconds(&frame.text).into()
            } else {
                frame.text.clone()
            }
        };
        is_told.then(text)
    }

    /// Binance acknowledges a symbol that it does not have and says nothing of it.
    fn refuse(&mut self, symbol: &str) {
        self.refused.insert(symbol.to_lowercase());
    }
}
