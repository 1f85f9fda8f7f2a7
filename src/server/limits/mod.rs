//! What one peer may take, so that nobody else notices it: connections and handshakes of an address, and what it asks over
//! plain HTTP; messages and subscribe work of a session.

mod addresses;
mod bucket;
mod forwarded;
mod held;
mod slot;
mod work;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::App;
use super::error::ApiError;
pub(super) use addresses::{Addresses, Taken};
pub use forwarded::{ProxyHeader, TrustedProxies};
pub(super) use held::Answers;
pub(super) use slot::{Places, Slot};
use work::PATTERN_COSTS;
pub(super) use work::{Budget, TooMuch, Work};

/// As many sessions' worth one address may ask over plain HTTP.
const SESSIONS_OF_ADDRESS: u32 = 10;

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Subscribers, event streams and waiting polls of one address at a time.
    pub connections_per_address: Bound,
    /// Connections of one address that begin in a second.
    pub handshakes_per_second: Bound,
    /// Time for a TLS handshake, and again for a request's head.
    pub handshake: Duration,
    /// Bytes of a request's head.
    pub header_bytes_max: usize,
    /// Of one session. One address has ten sessions' worth over plain HTTP, where addresses are counted.
    pub rates: Rates,
    /// Whose word is taken on who their clients are.
    pub trusted_proxies: TrustedProxies,
}

/// What may be asked in a second; ten seconds' worth at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Messages, pings included; requests over plain HTTP.
    pub messages: u32,
    /// Symbols subscribed, taken back or read; a pattern counts as a hundred.
    pub symbols: u32,
}

impl fmt::Display for Rates {
    /// What is said to a session that asks more.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rates { messages, symbols } = self;
        write!(
            f,
            "too much in too short a time: {messages} messages and {symbols} symbols a second are allowed, a pattern counts as \
             {PATTERN_COSTS}"
        )
    }
}

/// A bound for each address. Where nobody has set it, it holds for other machines alone: on a loopback address stand
/// proxies, tests and whatever else one machine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// So many are allowed.
    pub most: u32,
    /// Loopback addresses have it too.
    pub holds_on_loopback: bool,
}

impl App {
    /// Takes what a client's request over plain HTTP costs.
    ///
    /// # Errors
    /// Where that is more than is left to its address.
    pub(super) fn charge(&self, client: IpAddr, work: Work) -> Result<(), ApiError> {
        let limits = &self.live.config().limits;
        self.addresses.ask(client, work, limits).map_err(|_| {
            let Rates { messages, symbols } = limits.rates_of_address();
            ApiError::rate_limited(format!(
                "too much of one address in too short a time: {messages} requests and {symbols} symbols a second are allowed, \
                 a pattern counts as {PATTERN_COSTS}"
            ))
        })
    }
}

impl Limits {
    /// What one address may ask over plain HTTP: a poll that goes on from beat to beat asks a hundred times a second, and an office
    /// has more than one.
    fn rates_of_address(&self) -> Rates {
        Rates {
            messages: self.rates.messages.saturating_mul(SESSIONS_OF_ADDRESS),
            symbols: self.rates.symbols.saturating_mul(SESSIONS_OF_ADDRESS),
        }
    }

    /// A bound of an address, where it has one. A proxy on this machine has it too: its clients are others'.
    fn of(&self, bound: Bound, address: IpAddr) -> Option<u32> {
        let is_spared = address.to_canonical().is_loopback() && !self.trusted_proxies.has(address);
        (bound.holds_on_loopback || !is_spared).then_some(bound.most)
    }
}
