//! What a session may ask of the server in a second, and an address over plain HTTP.

use tokio::time::Instant;

use super::Rates;
use super::bucket::Bucket;
use crate::fanout::{PATTERNS_MAX, Request};
use crate::market::SymbolPattern;

/// Seconds of each budget that may be used at once: whoever begins subscribes everything.
const BURST_SECONDS: u32 = 10;

/// A pattern is tried on every instrument of the table, an exact symbol is looked up.
pub(super) const PATTERN_COSTS: usize = 100;

/// Refusals that may come at once, and in a second, before a session is closed with 4013: who goes on at that rate does not
/// read them.
const REFUSALS_MAX: u32 = 100;
const REFUSALS_PER_SECOND: u32 = 10;

/// What a message costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Work {
    /// Looking at it.
    Message,
    /// Looking at it, and so many symbols, which may be a pattern's worth.
    Symbols(u32),
}

/// What becomes of a message that costs too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum TooMuch {
    /// It is refused with RATE_LIMITED.
    Refused,
    /// The connection is closed with 4013.
    Closed,
}

/// One session's, or one address's over plain HTTP.
#[derive(Debug)]
pub(in crate::server) struct Budget {
    rates: Rates,
    messages: Bucket,
    symbols: Bucket,
    refusals: Bucket,
}

impl Work {
    /// As much as a pattern.
    pub(in crate::server) const PATTERN: Work = Work::Symbols(PATTERN_COSTS as u32);

    /// What a request costs before it is done.
    pub(in crate::server) fn of(request: &Request) -> Work {
        match request {
            Request::Subscribe { strings, rejected, .. } => Work::on(strings, rejected.len()),
            Request::Unsubscribe { strings, .. } => {
                let patterns = strings.iter().filter(|string| string.contains(['*', '?'])).count();
                Work::symbols(strings.len(), patterns)
            }
            _ => Work::Message,
        }
    }

    /// What it costs to look at these, and at so many that are refused.
    pub(in crate::server) fn on(strings: &[SymbolPattern], rejected: usize) -> Work {
        let is_pattern = |string: &&SymbolPattern| matches!(string, SymbolPattern::Glob(_));
        let patterns = strings.iter().filter(is_pattern).count();
        Work::symbols(strings.len() + rejected, patterns)
    }

    fn symbols(count: usize, patterns: usize) -> Work {
        let cost = count + PATTERN_COSTS * patterns.min(PATTERNS_MAX);
        Work::Symbols(u32::try_from(cost).unwrap_or(u32::MAX))
    }
}

impl Budget {
    pub(in crate::server) fn new(rates: Rates) -> Budget {
        let now = Instant::now();
        let bucket = |rate: u32| Bucket::new(rate, rate.saturating_mul(BURST_SECONDS), now);
        Budget {
            rates,
            messages: bucket(rates.messages),
            symbols: bucket(rates.symbols),
            refusals: Bucket::new(REFUSALS_PER_SECOND, REFUSALS_MAX, now),
        }
    }

    /// Takes what a message costs.
    ///
    /// # Errors
    /// Where that is more than is left.
    pub(in crate::server) fn take(&mut self, work: Work) -> Result<(), TooMuch> {
        let now = Instant::now();
        let is_allowed = match work {
            Work::Message => self.messages.take(1, now),
            Work::Symbols(count) => self.symbols.take(count, now),
        };
        match is_allowed {
            true => Ok(()),
            false if self.refusals.take(1, now) => Err(TooMuch::Refused),
            false => Err(TooMuch::Closed),
        }
    }

    /// Whether it goes by these rates.
    pub(super) fn is_of(&self, rates: Rates) -> bool {
        self.rates == rates
    }

    /// Whether nothing is missing.
    pub(super) fn is_full(&self, now: Instant) -> bool {
        [&self.messages, &self.symbols, &self.refusals]
            .iter()
            .all(|bucket| bucket.is_full(now))
    }
}
