//! Which venues' captures can be replayed, one line each.

use std::path::Path;

use super::super::parse::FrameParser;
use super::super::spec::listed;
use super::super::{SpecError, binance, coinbase, coinbase_exchange, kraken};
use crate::market::VenueName;

/// Makes a new parser whose symbols get this venue name.
pub(super) type MakeParser = fn(VenueName) -> Box<dyn FrameParser>;

/// By the venue of a capture's first line.
const PARSERS: &[(&str, MakeParser)] = &[
    (binance::VENUE, |venue| Box::new(binance::Parser::new(venue))),
    (binance::VENUE_USDM, |venue| Box::new(binance::Parser::new(venue))),
    (coinbase::VENUE, |venue| Box::new(coinbase::Parser::new(venue))),
    (coinbase_exchange::VENUE, |venue| {
        Box::new(coinbase_exchange::Parser::new(venue))
    }),
    (kraken::VENUE, |venue| Box::new(kraken::Parser::new(venue))),
];

/// The parser for the frames of a capture.
///
/// # Errors
/// Names the venue, if its frames are not understood, and those that are.
pub(super) fn parser_of(file: &Path, venue: &VenueName) -> Result<MakeParser, SpecError> {
    match PARSERS.iter().find(|(name, _)| *name == venue.as_str()) {
        Some((_, make)) => Ok(*make),
        None => Err(SpecError::VenueUnsupported {
            file: file.into(),
            venue: venue.clone(),
            supported: listed(PARSERS.iter().map(|(name, _)| *name)),
        }),
    }
}
