//! How Kraken is spoken to, and the feed `kraken:BTC/USD,ETH/USD`.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashSet;
use serde_json::{Value as Json, json};

use super::super::live::{self, Dialect, Request, Rules, SocketPlan, Target};
use super::super::parse::FrameParser;
use super::super::{Feed, FeedContext, FeedSpec, SpecError};
use super::bounds::{DEPTH, NAMES_PER_CONNECTION, NAMES_PER_REQUEST};
use super::{Parser, VENUE};
use crate::market::VenueName;

/// Path and version; v1 writes other messages under `/`.
const PATH: &str = "/v2";

const URL: &str = "wss://ws.kraken.com";

/// Makes the feed `kraken:NAME,NAME[?..]`.
///
/// # Errors
/// Names the option or the instrument at fault and what is allowed.
pub(in super::super) fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    spec.check_keys(live::KEYS)?;
    let target = Target::parse(spec, VENUE, URL)?;
    target.names.iter().try_for_each(|name| check(name))?;
    context.claims.take(&target.venue)?;
    let connections = target.names.chunks(NAMES_PER_CONNECTION);
    let dialects = connections.map(|names| -> Box<dyn Dialect> { Box::new(Kraken::new(&target.venue, names)) });
    live::feeds(&target, dialects.collect(), context)
}

/// Refuses what v2 never calls a pair, which the venue itself would only say once connected.
fn check(name: &str) -> Result<(), SpecError> {
    let why = match name.split_once('/') {
        _ if name == "*" => "all instruments at once cannot be asked for: name the pairs, such as `BTC/USD`",
        None => "the venue's v2 writes pairs with a slash, such as `BTC/USD`",
        Some(("XBT", _) | (_, "XBT")) => "the venue's v2 writes BTC where older versions wrote XBT, such as `BTC/USD`",
        Some(("XDG", _) | (_, "XDG")) => "the venue's v2 writes DOGE where older versions wrote XDG",
        Some(("", _) | (_, "")) => "a pair has two sides, such as `BTC/USD`",
        Some(_) => return Ok(()),
    };
    Err(SpecError::Instrument {
        name: name.into(),
        why: why.into(),
    })
}

/// One connection.
pub(super) struct Kraken {
    venue: VenueName,
    names: Arc<FxHashSet<String>>,
    /// In the order given: the first are asked for first.
    order: Vec<String>,
    /// Number of the last request. Never begins anew, so that a late answer is not taken for another's.
    last: u64,
}

impl Kraken {
    pub(super) fn new(venue: &VenueName, names: &[String]) -> Kraken {
        Kraken {
            venue: venue.clone(),
            names: Arc::new(names.iter().cloned().collect()),
            order: names.to_vec(),
            last: 0,
        }
    }

    /// A request for some symbols, answered once each; for none, answered once.
    fn request(&mut self, method: &str, mut params: Json, symbols: &[impl AsRef<str>]) -> Request {
        self.last += 1;
        if !symbols.is_empty() {
            params["symbol"] = symbols.iter().map(|name| Json::from(name.as_ref())).collect();
        }
        let text = json!({"method": method, "params": params, "req_id": self.last}).to_string();
        let answers = vec![self.last.to_string(); symbols.len().max(1)];
        Request { text, answers }
    }
}

impl Dialect for Kraken {
    fn parser(&self) -> Box<dyn FrameParser> {
        Box::new(Parser::asked(self.venue.clone(), self.names.clone()))
    }

    fn sockets(&mut self) -> Vec<SocketPlan> {
        // The precision first, then what makes instruments live, then the rest.
        let channels = [
            json!({"channel": "book", "depth": DEPTH, "snapshot": true}),
            json!({"channel": "trade", "snapshot": true}),
            // With the default trigger the day's figures move only when something was traded, and so does the last.
            json!({"channel": "ticker", "event_trigger": "bbo", "snapshot": true}),
        ];
        let reference = json!({"channel": "instrument", "snapshot": true});
        let mut requests = vec![self.request("subscribe", reference, &[""; 0])];
        let order = std::mem::take(&mut self.order);
        for channel in &channels {
            for names in order.chunks(NAMES_PER_REQUEST) {
                requests.push(self.request("subscribe", channel.clone(), names));
            }
        }
        self.order = order;
        let path = PATH.into();
        vec![SocketPlan { path, requests }]
    }

    fn resync(&mut self, names: &[Box<str>]) -> Vec<Request> {
        let mut requests = Vec::new();
        for names in names.chunks(NAMES_PER_REQUEST) {
            let book = json!({"channel": "book", "depth": DEPTH});
            requests.push(self.request("unsubscribe", book, names));
            let book = json!({"channel": "book", "depth": DEPTH, "snapshot": true});
            requests.push(self.request("subscribe", book, names));
        }
        requests
    }

    fn rules(&self) -> Rules {
        Rules {
            // The venue's limit of messages depends on its load and is not published ("Exceeded msg rate"); users report
            // twenty a second and trouble with twenty-five at once. Seven messages begin a connection.
            request_spacing: Duration::from_millis(300),
            // Cloudflare in front of the venue bars an address after some 150 attempts in ten minutes; two thirds of
            // that for all connections together leave room for what else runs at the address.
            connect_spacing: Duration::from_millis(500),
            connects_per_minute: 10,
            // Books of two connections in one parser would contradict each other, and no end of connections is announced.
            handover_after: None,
        }
    }
}
