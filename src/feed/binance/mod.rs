//! Binance spot and USD-M futures: their frames, made into updates of tickers, and what to ask them for.
//!
//! Rules from the venue's "Web Socket Streams for Binance" and "USDⓈ-M Futures: Websocket Market Streams" and from
//! recordings; which stream feeds which field stands in [`Parser`].

mod control;
mod dialect;
mod envelope;
mod known;
mod messages;
mod parser;
#[cfg(test)]
mod tests;

pub use parser::Parser;

use super::live::{self, Dialect, KEYS, Target};
use super::{Feed, FeedContext, FeedSpec, SpecError};
use dialect::{Connection, INSTRUMENTS_MAX, Trades, Wanted};

/// The venue's name for its spot market, as captures of it say.
pub const VENUE: &str = "binance";
/// The venue's name for its USD-M futures.
pub const VENUE_USDM: &str = "binance-usdm";

const SPOT_URL: &str = "wss://stream.binance.com:9443";
const USDM_URL: &str = "wss://fstream.binance.com";

/// One of the venue's markets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Market {
    Spot,
    Usdm,
}

/// Makes the feeds of `binance:NAME,..[?trades=trade|aggTrade&..]` or `binance:*`.
///
/// # Errors
/// Names the option or instrument at fault and what is allowed.
pub(super) fn build_spot(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    build(Market::Spot, spec, context)
}

/// Makes the feeds of `binance-usdm:NAME,..[?trades=trade|aggTrade&..]` or `binance-usdm:*`.
///
/// # Errors
/// Names the option or instrument at fault and what is allowed.
pub(super) fn build_usdm(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    build(Market::Usdm, spec, context)
}

fn build(market: Market, spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    let (target, connections) = plan(market, spec)?;
    context.claims.take(&target.venue)?;
    let boxed = |connection| Box::new(connection) as Box<dyn Dialect>;
    live::feeds(&target, connections.into_iter().map(boxed).collect(), context)
}

/// What to connect to, and the connections that it takes.
fn plan(market: Market, spec: &FeedSpec) -> Result<(Target, Vec<Connection>), SpecError> {
    spec.check_keys(&[KEYS, &["trades"]].concat())?;
    // USD-M's documentation lists aggTrade alone, though it sends trade too.
    let (venue, url, trades) = match market {
        Market::Spot => (VENUE, SPOT_URL, Trades::Each),
        Market::Usdm => (VENUE_USDM, USDM_URL, Trades::Aggregated),
    };
    check_pattern(spec)?;
    let target = Target::parse(spec, venue, url)?;
    let wanted: Vec<Wanted> = if target.names == ["*"] {
        spec.option("trades", (), "leaving it out with `*`, which brings no trades,", |_| {
            None
        })?;
        vec![Wanted::All]
    } else {
        target.names.iter().try_for_each(|name| check_name(name))?;
        let trades = spec.option("trades", trades, "`trade` or `aggTrade`", |text| match text {
            "trade" => Some(Trades::Each),
            "aggTrade" => Some(Trades::Aggregated),
            _ => None,
        })?;
        let chunks = target.names.chunks(INSTRUMENTS_MAX);
        chunks.map(|names| Wanted::Names(names.to_vec(), trades)).collect()
    };
    let connection = |wanted| Connection {
        venue: target.venue.clone(),
        market,
        wanted,
    };
    let connections = wanted.into_iter().map(connection).collect();
    Ok((target, connections))
}

/// The venue has streams of one instrument and streams of all, and nothing between.
fn check_pattern(spec: &FeedSpec) -> Result<(), SpecError> {
    let target = spec.target().unwrap_or_default();
    match target.split(',').find(|name| name.contains('*')) {
        Some(name) if target != "*" => Err(SpecError::Instrument {
            name: name.into(),
            why: "names without `*` are allowed, or `*` alone for all instruments".into(),
        }),
        _ => Ok(()),
    }
}

/// The venue writes names in upper case; another case would be subscribed to and then bring another symbol.
fn check_name(name: &str) -> Result<(), SpecError> {
    let wrong = |why: String| SpecError::Instrument { name: name.into(), why };
    if !name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        return Err(wrong("letters, digits, `_`, `-` and `.` are allowed".into()));
    }
    match name.to_uppercase() {
        upper if upper != name => Err(wrong(format!("the venue writes it `{upper}`"))),
        _ => Ok(()),
    }
}
