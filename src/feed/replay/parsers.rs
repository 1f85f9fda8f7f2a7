//! Which venues' captures can be replayed, one line each.

use super::super::parse::FrameParser;
use super::super::{binance, coinbase, coinbase_exchange, kraken};
use crate::market::VenueName;

/// Makes a new parser whose symbols get this venue name.
pub(super) type MakeParser = fn(VenueName) -> Box<dyn FrameParser>;

/// By the venue of a capture's first line.
pub(super) const PARSERS: &[(&str, MakeParser)] = &[
    (binance::VENUE, |venue| Box::new(binance::Parser::new(venue))),
    (binance::VENUE_USDM, |venue| Box::new(binance::Parser::new(venue))),
    (coinbase::VENUE, |venue| Box::new(coinbase::Parser::new(venue))),
    (coinbase_exchange::VENUE, |venue| {
        Box::new(coinbase_exchange::Parser::new(venue))
    }),
    (kraken::VENUE, |venue| Box::new(kraken::Parser::new(venue))),
];
