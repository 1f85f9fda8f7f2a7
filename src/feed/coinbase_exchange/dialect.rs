//! How Coinbase Exchange wants to be spoken to.

use serde_json::json;

use super::super::coinbase::{RULES, connections, target};
use super::super::live::{self, Dialect, Request, Rules, SocketPlan};
use super::super::parse::FrameParser;
use super::super::{Feed, FeedContext, FeedSpec, SpecError};
use super::{ANSWER, Parser, VENUE};
use crate::market::VenueName;

const URL: &str = "wss://ws-feed.exchange.coinbase.com";

/// The book without a key, in messages of 50 ms: level2 itself wants one since 2023 ("Exchange WebSocket
/// Authentication"). Its messages are those of level2; the answer calls it `level2_50`.
const BOOK: &str = "level2_batch";

/// Makes the feed `coinbase-exchange:PRODUCT,PRODUCT[?..]`.
///
/// # Errors
/// Names the option or product at fault and what is allowed.
pub(in super::super) fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let target = target(spec, context, VENUE, URL)?;
    let dialects = connections(&target, |venue, products| Box::new(Connection { venue, products }));
    live::feeds(&target, dialects, context)
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

    /// All in one message, for one product that the venue does not know refuses the whole of it in any case.
    fn sockets(&mut self) -> Vec<SocketPlan> {
        vec![SocketPlan {
            path: "/".into(),
            requests: vec![request(
                "subscribe",
                &[BOOK, "ticker", "matches", "heartbeat"],
                &self.products,
            )],
        }]
    }

    fn resync(&mut self, names: &[Box<str>]) -> Vec<Request> {
        vec![
            request("unsubscribe", &[BOOK], names),
            request("subscribe", &[BOOK], names),
        ]
    }

    /// Those of the newer feed, though this one allows more: both may be asked from one address.
    fn rules(&self) -> Rules {
        RULES
    }
}

fn request(kind: &str, channels: &[&str], products: &[impl serde::Serialize]) -> Request {
    Request {
        text: json!({"type": kind, "product_ids": products, "channels": channels}).to_string(),
        answers: vec![ANSWER.into()],
    }
}
