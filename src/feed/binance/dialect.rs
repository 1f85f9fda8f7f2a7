//! How the venue is asked: which streams on which socket, in how many requests.
//!
//! Sources: "Web Socket Streams for Binance" (spot), "USDⓈ-M Futures: Websocket Market Streams" and its "Important
//! WebSocket Change Notice": since 2026-04-23 the streams of USD-M are split over `/public` and `/market`.

use std::time::Duration;

use super::super::live::{Dialect, Request, Rules, SocketPlan};
use super::super::parse::FrameParser;
use super::{Market, Parser};
use crate::market::VenueName;

/// 1024 streams a socket are allowed, an instrument has at most three: 900, the rest is margin.
pub(super) const INSTRUMENTS_MAX: usize = 300;

/// At most so many bytes a request. The venue states no limit; what browsers and proxies frame as one is 4 KiB.
const REQUEST_BYTES_MAX: usize = 4_096;

/// 50 instruments with three streams each have some 2.8 KiB: a full connection is asked for in six requests.
const REQUEST_STREAMS_MAX: usize = 150;

/// Which stream the last price comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trades {
    /// `<symbol>@trade`: each trade.
    Each,
    /// `<symbol>@aggTrade`: those of one taker's order at one price together.
    Aggregated,
}

/// What one connection brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Each instrument of the market, by its all-market streams.
    All,
    /// These, by the venue's own names, at most [`INSTRUMENTS_MAX`].
    Names(Vec<String>, Trades),
}

/// One connection to the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connection {
    pub(super) venue: VenueName,
    pub(super) market: Market,
    pub(super) wanted: Wanted,
}

impl Dialect for Connection {
    fn parser(&self) -> Box<dyn FrameParser> {
        let parser = Parser::new(self.venue.clone());
        match (self.market, &self.wanted) {
            // Spot's all-market streams have no quotes to wait for.
            (Market::Spot, Wanted::All) => Box::new(parser),
            _ => Box::new(parser.awaiting_quotes()),
        }
    }

    fn sockets(&mut self) -> Vec<SocketPlan> {
        let mut id = 0;
        let mut socket = |path: &str, streams: Vec<Vec<String>>| SocketPlan {
            path: path.into(),
            requests: requests(&streams, &mut id),
        };
        match self.market {
            Market::Spot => vec![socket("/stream", self.spot())],
            Market::Usdm => vec![
                socket("/public/stream", self.usdm_public()),
                socket("/market/stream", self.usdm_market()),
            ],
        }
    }

    /// Nothing: each message is whole.
    fn resync(&mut self, _names: &[Box<str>]) -> Vec<Request> {
        Vec::new()
    }

    fn rules(&self) -> Rules {
        Rules {
            // 3.3 a second; spot takes 5, pongs included, USD-M 10.
            request_spacing: Duration::from_millis(300),
            // 300 in 5 minutes are allowed to an address, which may have other users.
            connect_spacing: Duration::from_secs(1),
            connects_per_minute: 20,
            // The venue ends each connection after 24 h.
            handover_after: Some(Duration::from_secs(24 * 3_600 - 600)),
        }
    }
}

/// Streams, those of an instrument together.
impl Connection {
    fn spot(&self) -> Vec<Vec<String>> {
        match &self.wanted {
            // The one that spot still has: `!bookTicker` is gone, `!ticker@arr` is to go.
            Wanted::All => vec![vec!["!miniTicker@arr".into()]],
            Wanted::Names(names, Trades::Each) => streams(names, &["bookTicker", "trade", "ticker"]),
            Wanted::Names(names, Trades::Aggregated) => streams(names, &["bookTicker", "aggTrade", "ticker"]),
        }
    }

    fn usdm_public(&self) -> Vec<Vec<String>> {
        match &self.wanted {
            // Each 5 s; for all instruments there is none that is faster.
            Wanted::All => vec![vec!["!bookTicker".into()]],
            Wanted::Names(names, Trades::Each) => streams(names, &["bookTicker", "trade"]),
            Wanted::Names(names, Trades::Aggregated) => streams(names, &["bookTicker"]),
        }
    }

    fn usdm_market(&self) -> Vec<Vec<String>> {
        match &self.wanted {
            Wanted::All => vec![vec!["!miniTicker@arr".into()]],
            Wanted::Names(names, Trades::Each) => streams(names, &["ticker"]),
            Wanted::Names(names, Trades::Aggregated) => streams(names, &["aggTrade", "ticker"]),
        }
    }
}

fn streams(names: &[String], kinds: &[&str]) -> Vec<Vec<String>> {
    let of = |name: &String| {
        let name = name.to_lowercase();
        kinds.iter().map(|kind| format!("{name}@{kind}")).collect()
    };
    names.iter().map(of).collect()
}

/// As few requests as the bounds allow; the streams of an instrument stay together. `id` is the last one used.
fn requests(streams: &[Vec<String>], id: &mut u64) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut params: Vec<&String> = Vec::new();
    let mut bytes = 0;
    for group in streams {
        // In the text each has quotes and a comma; 60 bytes hold what stands around them.
        let more: usize = group.iter().map(|stream| stream.len() + 3).sum();
        let is_full = params.len() + group.len() > REQUEST_STREAMS_MAX || 60 + bytes + more > REQUEST_BYTES_MAX;
        if is_full && !params.is_empty() {
            requests.push(request(&std::mem::take(&mut params), id));
            bytes = 0;
        }
        bytes += more;
        params.extend(group);
    }
    requests.push(request(&params, id));
    requests
}

fn request(params: &[&String], id: &mut u64) -> Request {
    *id += 1;
    let params = serde_json::Value::from_iter(params.iter().map(|stream| stream.as_str()));
    Request {
        text: format!(r#"{{"method":"SUBSCRIBE","params":{params},"id":{id}}}"#),
        answers: vec![id.to_string()],
    }
}
