//! Which symbols each subscriber takes, and what it asks.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::client::{Options, SUBSCRIBE_BYTES_MAX};
use crate::wire::proto::{self, client_message};
use crate::wire::{Encoding, encode_client};

/// What all subscribers have in common.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) options: Options,
    pub(super) addr: SocketAddr,
    /// All to choose from, ascending.
    pub(super) symbols: Vec<String>,
    pub(super) symbols_each: usize,
    pub(super) is_same: bool,
    pub(super) seed: u64,
}

impl Plan {
    pub(super) fn encoding(&self) -> Encoding {
        self.options.encoding_asked()
    }

    /// Places among the symbols of those that a subscriber takes, ascending.
    pub(super) fn choose(&self, number: usize) -> Arc<[u32]> {
        let number = if self.is_same { 0 } else { number as u64 };
        // Neighbouring seeds would give generators that begin alike.
        let mut random = fastrand::Rng::with_seed(self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut chosen: Vec<u32> = random.choose_multiple(0..self.symbols.len() as u32, self.symbols_each);
        chosen.sort_unstable();
        chosen.into()
    }

    /// Whether a symbol is among those chosen.
    pub(super) fn is_chosen(&self, chosen: &[u32], symbol: &str) -> bool {
        let at = self.symbols.binary_search_by(|s| s.as_str().cmp(symbol));
        at.is_ok_and(|at| chosen.binary_search(&(at as u32)).is_ok())
    }

    /// The names of those chosen.
    pub(super) fn names<'a>(&'a self, chosen: &'a [u32]) -> impl Iterator<Item = &'a str> {
        chosen
            .iter()
            .filter_map(|at| self.symbols.get(*at as usize))
            .map(String::as_str)
    }

    /// The requests for those chosen, numbered from 1 on: as few as servers take.
    pub(super) fn requests(&self, chosen: &[u32]) -> Vec<Vec<u8>> {
        let mut lists: Vec<Vec<String>> = vec![Vec::new()];
        let mut bytes = 0;
        for name in self.names(chosen) {
            if bytes + name.len() > SUBSCRIBE_BYTES_MAX {
                lists.push(Vec::new());
                bytes = 0;
            }
            bytes += name.len();
            if let Some(list) = lists.last_mut() {
                list.push(name.to_owned());
            }
        }
        let request = |(request_id, symbols)| {
            let subscribe = proto::Subscribe {
                symbols,
                ..Default::default()
            };
            let body = Some(client_message::Body::Subscribe(subscribe));
            encode_client(self.encoding(), &proto::ClientMessage { request_id, body })
        };
        (1..).zip(lists).map(request).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{DecodeLimits, decode_client};

    fn plan(symbols: usize, symbols_each: usize, is_same: bool) -> Plan {
        Plan {
            options: Options::new("http://h").expect("a URL"),
            addr: ([127, 0, 0, 1], 1).into(),
            symbols: (0..symbols).map(|n| format!("a:LONG-SYMBOL-{n:05}")).collect(),
            symbols_each,
            is_same,
            seed: 1,
        }
    }

    #[test]
    fn subscribers_take_other_symbols_each_always_the_same_ones() {
        let plan = plan(1_000, 20, false);
        let sets: Vec<_> = (0..50).map(|n| plan.choose(n)).collect();
        for (number, set) in sets.iter().enumerate() {
            assert!(set.len() == 20 && set.is_sorted() && set.windows(2).all(|w| w[0] != w[1]));
            assert_eq!(*set, plan.choose(number));
        }
        assert!(sets.windows(2).all(|pair| pair[0] != pair[1]));
        let name = plan.names(&sets[0]).next().expect("a name").to_owned();
        assert!(plan.is_chosen(&sets[0], &name));
        assert!(!plan.is_chosen(&sets[0], "a:OTHER"));
    }

    #[test]
    fn with_same_all_take_the_same() {
        let plan = plan(1_000, 20, true);
        assert_eq!(plan.choose(0), plan.choose(7));
    }

    #[test]
    fn many_symbols_go_in_as_many_requests_as_servers_take() {
        let plan = plan(5_000, 5_000, false);
        let requests = plan.requests(&plan.choose(3));
        let mut names = Vec::new();
        for (at, request) in requests.iter().enumerate() {
            let limits = DecodeLimits::default();
            let message = decode_client(Encoding::Protobuf, false, request, &limits).expect("within the bounds");
            let Some(client_message::Body::Subscribe(subscribe)) = message.body else {
                panic!("a subscribe");
            };
            assert_eq!(message.request_id, at as u64 + 1);
            names.extend(subscribe.symbols);
        }
        assert_eq!((requests.len() > 1, names), (true, plan.symbols.clone()));
    }
}
