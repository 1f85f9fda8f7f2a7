//! How Coinbase Advanced Trade wants to be spoken to; what the older feed shares of it.

use std::time::Duration;

use serde_json::json;

use super::super::live::{self, Dialect, Request, Rules, SocketPlan, Target};
use super::super::parse::FrameParser;
use super::super::{Feed, FeedContext, FeedSpec, SpecError};
use super::{CHANNELS, LEVEL2, Parser, VENUE};
use crate::market::VenueName;

const URL: &str = "wss://advanced-trade-ws.coinbase.com";

/// A hole in the numbering costs a connection all its books, and each comes again as one message: 5 MB for BTC-USD,
/// most others below 0.3 MB. So a hole costs some 30 MB, and all that the venue lists is up after ten connections.
const PRODUCTS_PER_CONNECTION: usize = 100;

/// "Advanced Trade WebSocket Rate Limits": 8 messages a second from one address, so 4 leave room for a second
/// connection. One connection in 4 s is the strictest that the venue has said of its feeds.
pub(in super::super) const RULES: Rules = Rules {
    request_spacing: Duration::from_millis(250),
    connect_spacing: Duration::from_secs(4),
    connects_per_minute: 15,
    // The numbering is the connection's own.
    handover_after: None,
};

/// Makes the feed `coinbase:PRODUCT,PRODUCT[?..]`.
///
/// # Errors
/// Names the option or product at fault and what is allowed.
pub(in super::super) fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let target = target(spec, context, VENUE, URL)?;
    let dialects = connections(&target, |venue, products| Box::new(Connection { venue, products }));
    live::feeds(&target, dialects, context)
}

/// What a feed of one of both kinds connects to.
///
/// # Errors
/// Names the option or product at fault and what is allowed.
pub(in super::super) fn target(
    spec: &FeedSpec,
    context: &FeedContext,
    venue: &str,
    url: &str,
) -> Result<Target, SpecError> {
    spec.check_keys(live::KEYS)?;
    let target = Target::parse(spec, venue, url)?;
    if let Some(name) = target.names.iter().find(|name| name.contains('*')) {
        return Err(SpecError::Instrument {
            name: name.clone(),
            why: "Coinbase has no feed of all products: name each, such as `BTC-USD`".into(),
        });
    }
    context.claims.take(&target.venue)?;
    Ok(target)
}

/// Shares the products out to connections.
pub(in super::super) fn connections(
    target: &Target,
    make: impl Fn(VenueName, Vec<String>) -> Box<dyn Dialect>,
) -> Vec<Box<dyn Dialect>> {
    let shares = target.names.chunks(PRODUCTS_PER_CONNECTION);
    shares.map(|share| make(target.venue.clone(), share.to_vec())).collect()
}

/// One connection and its products.
pub(super) struct Connection {
    pub(super) venue: VenueName,
    pub(super) products: Vec<String>,
}

impl Dialect for Connection {
    fn parser(&self) -> Box<dyn FrameParser> {
        Box::new(Parser::new(self.venue.clone()))
    }

    /// One channel a message; the connection is closed if the first does not come within 5 s.
    fn sockets(&mut self) -> Vec<SocketPlan> {
        let ask = |channel: &str| Request {
            text: match channel {
                "heartbeats" => json!({"type": "subscribe", "channel": channel}).to_string(),
                _ => channel_message("subscribe", channel, &self.products),
            },
            answers: vec![channel.into()],
        };
        vec![SocketPlan {
            path: "/".into(),
            requests: CHANNELS.map(ask).into(),
        }]
    }

    /// The answer to the first names the channels that remain, level2 among them if other products have it: so it has
    /// no key, and the second's may be taken from it.
    fn resync(&mut self, names: &[Box<str>]) -> Vec<Request> {
        let request = |kind, answers| Request {
            text: channel_message(kind, LEVEL2, names),
            answers,
        };
        vec![
            request("unsubscribe", Vec::new()),
            request("subscribe", vec![LEVEL2.into()]),
        ]
    }

    fn rules(&self) -> Rules {
        RULES
    }
}

fn channel_message(kind: &str, channel: &str, products: &[impl serde::Serialize]) -> String {
    json!({"type": kind, "product_ids": products, "channel": channel}).to_string()
}
