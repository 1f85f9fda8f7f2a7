//! What one peer may take, so that nobody else notices it: connections and handshakes of an address, messages and
//! subscribe work of a session.

mod addresses;
mod bucket;
mod forwarded;
mod held;
mod slot;
mod work;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub(super) use addresses::{Addresses, Taken};
pub use forwarded::{ProxyHeader, TrustedProxies};
pub(super) use held::Answers;
pub(super) use slot::{Places, Slot};
use work::PATTERN_COSTS;
pub(super) use work::{Budget, TooMuch, Work};

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
    /// Of one session.
    pub rates: Rates,
    /// Whose word is taken on who their clients are.
    pub trusted_proxies: TrustedProxies,
}

/// What a session may ask in a second; ten seconds' worth at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Messages, pings included.
    pub messages: u32,
    /// Symbols subscribed and taken back; a pattern counts as a hundred.
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

impl Limits {
    /// A bound of an address, where it has one. A proxy on this machine has it too: its clients are others'.
    fn of(&self, bound: Bound, address: IpAddr) -> Option<u32> {
        let is_spared = address.to_canonical().is_loopback() && !self.trusted_proxies.has(address);
        (bound.holds_on_loopback || !is_spared).then_some(bound.most)
    }
}
