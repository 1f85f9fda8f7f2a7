//! What one connection has shown of each instrument: its symbol, its numbering, its sources.

use rustc_hash::FxHashMap;

use super::super::{Contiguous, Growing, ParseError};
use crate::market::{Symbol, VenueName};

/// 100,000: 30 times what Binance lists; at about 200 B each it bounds a connection to 20 MB.
pub(super) const SYMBOLS_MAX: usize = 100_000;

/// One instrument on one connection.
#[derive(Debug)]
pub(super) struct Instrument {
    pub(super) symbol: Symbol,
    /// bookTicker's `u`: gives the order, is not contiguous.
    pub(super) quotes: Growing,
    /// trade's `t`.
    pub(super) trades: Contiguous,
    /// aggTrade's `a`.
    pub(super) agg_trades: Contiguous,
    /// depth's `U` to `u`.
    pub(super) depth: Contiguous,
    /// `E` of both 24 h tickers.
    pub(super) tickers: Growing,
    /// Whether trades came one by one: then aggTrade gives no last price.
    pub(super) has_trades: bool,
    /// Whether bookTicker, trade or aggTrade came: then the 24 h tickers give only what those do not.
    pub(super) has_live_source: bool,
}

/// The instruments of one connection, bounded.
pub(super) struct Instruments {
    by_name: FxHashMap<Box<str>, usize>,
    list: Vec<Instrument>,
    limit: usize,
}

impl Instruments {
    pub(super) fn new(limit: usize) -> Instruments {
        Instruments {
            by_name: FxHashMap::default(),
            list: Vec::new(),
            limit,
        }
    }

    /// The instrument of this name, new at its first message. Allocates only then.
    pub(super) fn of(
        &mut self,
        venue: &VenueName,
        kind: &'static str,
        name: &str,
    ) -> Result<&mut Instrument, ParseError> {
        let at = match self.by_name.get(name) {
            Some(at) => *at,
            None => self.add(venue, kind, name)?,
        };
        Ok(&mut self.list[at])
    }

    fn add(&mut self, venue: &VenueName, kind: &'static str, name: &str) -> Result<usize, ParseError> {
        let symbol = Symbol::new(venue, name).map_err(|source| ParseError::Symbol { kind, source })?;
        let at = self.list.len();
        if at >= self.limit {
            let limit = self.limit;
            return Err(ParseError::TooManySymbols { kind, limit });
        }
        self.by_name.insert(name.into(), at);
        self.list.push(Instrument {
            symbol,
            quotes: Growing::default(),
            trades: Contiguous::default(),
            agg_trades: Contiguous::default(),
            depth: Contiguous::default(),
            tickers: Growing::default(),
            has_trades: false,
            has_live_source: false,
        });
        Ok(at)
    }
}
