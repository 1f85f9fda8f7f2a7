//! What each address has open, and how fast it comes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Limits;
use super::bucket::Bucket;
use crate::server::bounds::ANSWERS_KIB_OF_ONE_MAX;

/// Connections beyond those that may stay: such as are being told that they may not, and plain requests of the same place.
const PLAIN_PER_ADDRESS: u32 = 64;

/// Seconds of handshakes that may come at once: a page has several sockets, and an office comes back together.
const HANDSHAKE_BURST_SECONDS: u32 = 5;

/// Addresses from which on those that have nothing open any more are looked for.
const SWEPT_FROM: usize = 1_024;

/// Where a peer is counted: an IPv4 address, or the /64 of an IPv6 address, the least that one customer is given (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place(IpAddr);

impl Place {
    fn of(address: IpAddr) -> Place {
        Place(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 => v4,
        })
    }
}

/// All addresses that have something open, or had until a moment ago.
#[derive(Debug, Default)]
pub(in crate::server) struct Addresses(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    // Peers choose their addresses, so the hash is a keyed one.
    by_place: HashMap<Place, Open>,
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Open {
    connections: u32,
    staying: u32,
    /// KiB of large answers that it has not taken.
    answers: u32,
    /// Absent until it has a bound.
    handshakes: Option<Bucket>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
enum What {
    Connection,
    Stay,
    Answer,
}

/// Something that an address has open; it is given back when this is dropped.
#[derive(Debug)]
pub(in crate::server) struct Taken {
    addresses: Arc<Addresses>,
    place: Place,
    what: What,
    count: u32,
}

impl Addresses {
    /// A connection begins; `None` where the address has too many, or too many a second.
    pub(in crate::server) fn connect(self: &Arc<Addresses>, address: IpAddr, limits: &Limits) -> Option<Taken> {
        let most = limits.of(limits.connections_per_address, address);
        let most = most.map(|most| most.saturating_add(PLAIN_PER_ADDRESS));
        self.shake_hands(address, limits)
            .then(|| self.take(address, What::Connection, 1, most))?
    }

    /// One that stays: a session, an event stream, a poll that waits; `None` where the address has too many.
    pub(in crate::server) fn stay(self: &Arc<Addresses>, address: IpAddr, limits: &Limits) -> Option<Taken> {
        self.take(
            address,
            What::Stay,
            1,
            limits.of(limits.connections_per_address, address),
        )
    }

    /// A handshake; false where they are too many a second.
    pub(in crate::server) fn shake_hands(&self, address: IpAddr, limits: &Limits) -> bool {
        let Some(rate) = limits.of(limits.handshakes_per_second, address) else {
            return true;
        };
        let (mut list, now) = (self.list(), Instant::now());
        let open = list.open(Place::of(address), now);
        let burst = rate.saturating_mul(HANDSHAKE_BURST_SECONDS);
        let bucket = open.handshakes.get_or_insert_with(|| Bucket::new(rate, burst, now));
        if !bucket.is_of(rate, burst) {
            *bucket = Bucket::new(rate, burst, now);
        }
        bucket.take(1, now)
    }

    /// Holds an answer of so many KiB; `None` where the address has others, and it would be more than its share.
    pub(in crate::server) fn hold(self: &Arc<Addresses>, address: IpAddr, kib: u32, limits: &Limits) -> Option<Taken> {
        let is_bound = limits.of(limits.connections_per_address, address).is_some();
        self.take(address, What::Answer, kib, is_bound.then_some(ANSWERS_KIB_OF_ONE_MAX))
    }

    /// Holds an answer whatever else there is.
    #[cfg(test)]
    pub(in crate::server) fn hold_unbound(self: &Arc<Addresses>, address: IpAddr, kib: u32) -> Option<Taken> {
        self.take(address, What::Answer, kib, None)
    }

    /// Takes so many; the first may be more than there are.
    fn take(self: &Arc<Addresses>, address: IpAddr, what: What, count: u32, most: Option<u32>) -> Option<Taken> {
        let place = Place::of(address);
        let mut list = self.list();
        let taken = list.open(place, Instant::now()).count(what);
        if most.is_some_and(|most| *taken > 0 && taken.saturating_add(count) > most) {
            return None;
        }
        *taken = taken.saturating_add(count);
        let addresses = self.clone();
        Some(Taken {
            addresses,
            place,
            what,
            count,
        })
    }

    fn list(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// What an address has open. The others are gone through once they have doubled.
    fn open(&mut self, place: Place, now: Instant) -> &mut Open {
        if self.by_place.len() >= self.sweep_at.max(SWEPT_FROM) {
            self.by_place.retain(|_, open| !open.is_forgotten(now));
            self.sweep_at = 2 * self.by_place.len();
        }
        self.by_place.entry(place).or_default()
    }
}

impl Open {
    fn count(&mut self, what: What) -> &mut u32 {
        match what {
            What::Connection => &mut self.connections,
            What::Stay => &mut self.staying,
            What::Answer => &mut self.answers,
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        let is_rested = self.handshakes.is_none_or(|bucket| bucket.is_full(now));
        self.connections == 0 && self.staying == 0 && self.answers == 0 && is_rested
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut list = self.addresses.list();
        let Some(open) = list.by_place.get_mut(&self.place) else {
            return;
        };
        *open.count(self.what) -= self.count;
        if open.is_forgotten(Instant::now()) {
            list.by_place.remove(&self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::server::{Bound, Rates, TrustedProxies};
    use tokio::time::advance;

    const FAR: &str = "198.51.100.1";

    /// Addresses that have these limits.
    struct Limited(Arc<Addresses>, Limits);

    impl Limited {
        fn connect(&self, address: IpAddr) -> Option<Taken> {
            self.0.connect(address, &self.1)
        }

        fn stay(&self, address: IpAddr) -> Option<Taken> {
            self.0.stay(address, &self.1)
        }

        fn shake_hands(&self, address: IpAddr) -> bool {
            self.0.shake_hands(address, &self.1)
        }

        fn len(&self) -> usize {
            self.0.list().by_place.len()
        }
    }

    fn addresses(connections: u32, handshakes: u32, holds_on_loopback: bool) -> Limited {
        let bound = |most| Bound {
            most,
            holds_on_loopback,
        };
        let limits = Limits {
            connections_per_address: bound(connections),
            handshakes_per_second: bound(handshakes),
            handshake: Duration::from_secs(10),
            header_bytes_max: 32_768,
            rates: Rates {
                messages: 200,
                symbols: 10_000,
            },
            trusted_proxies: TrustedProxies::default(),
        };
        Limited(Arc::default(), limits)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_so_many_and_what_it_gives_back_is_free_again() {
        let addresses = addresses(2, 1_000, false);
        let (first, second) = (addresses.stay(ip(FAR)), addresses.stay(ip(FAR)));
        assert!(first.is_some() && second.is_some());
        assert!(addresses.stay(ip(FAR)).is_none(), "two are allowed");
        assert!(addresses.stay(ip("198.51.100.2")).is_some(), "another's are its own");
        drop(first);
        assert!(addresses.stay(ip(FAR)).is_some());
        drop(second);
        assert!(addresses.len() == 0, "nothing is kept of who has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn ipv6_is_counted_by_64_bits_and_a_mapped_address_is_the_ipv4_one() {
        let addresses = addresses(1, 1_000, false);
        let _kept = (addresses.stay(ip("2001:db8::1")), addresses.stay(ip(FAR)));
        assert!(addresses.stay(ip("2001:db8::ffff:1")).is_none(), "the same /64");
        assert!(addresses.stay(ip("2001:db8:0:1::1")).is_some(), "the next /64");
        assert!(
            addresses.stay(ip("::ffff:198.51.100.1")).is_none(),
            "IPv4 over an IPv6 socket"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn loopback_has_no_bound_unless_one_is_set() {
        for local in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            let (unset, set) = (addresses(1, 1, false), addresses(1, 1, true));
            let both = |addresses: &Limited| {
                let first = addresses.stay(ip(local));
                first.is_some() && addresses.stay(ip(local)).is_some()
            };
            assert!(both(&unset) && !both(&set), "{local}");
            assert!((0..100).all(|_| unset.shake_hands(ip(local))), "{local}");
            assert!(!(0..100).all(|_| set.shake_hands(ip(local))), "{local}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn handshakes_come_in_a_burst_and_then_at_their_rate() {
        let addresses = addresses(1_000, 10, false);
        let come = || (0..100).filter(|_| addresses.connect(ip(FAR)).is_some()).count();
        assert_eq!(come(), 50, "five seconds' worth");
        advance(Duration::from_secs(1)).await;
        assert_eq!(come(), 10);
        assert!(addresses.connect(ip("198.51.100.2")).is_some(), "another's are its own");
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_has_a_share_of_the_large_answers_and_always_one() {
        let addresses = addresses(10, 1_000, false);
        let hold = |address: &str, kib| addresses.0.hold(ip(address), kib, &addresses.1);
        let first = hold(FAR, 3 * ANSWERS_KIB_OF_ONE_MAX).expect("one, however large");
        assert!(hold(FAR, 1).is_none());
        assert!(
            hold("198.51.100.2", ANSWERS_KIB_OF_ONE_MAX / 2).is_some(),
            "another's are its own"
        );
        drop(first);
        let halves = [(); 2].map(|()| hold(FAR, ANSWERS_KIB_OF_ONE_MAX / 2));
        assert!(halves.iter().all(Option::is_some) && hold(FAR, 1).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_proxy_on_this_machine_is_not_spared() {
        let mut addresses = addresses(1, 1, false);
        let network = TrustedProxies::network("127.0.0.1").expect("an address");
        addresses.1.trusted_proxies.networks.push(network);
        let _kept = addresses.stay(ip("127.0.0.1"));
        assert!(addresses.stay(ip("127.0.0.1")).is_none());
        assert!(!(0..100).all(|_| addresses.shake_hands(ip("127.0.0.1"))));
    }

    #[tokio::test(start_paused = true)]
    async fn another_rate_holds_at_once() {
        let mut addresses = addresses(1_000, 1_000, false);
        let _kept = addresses.connect(ip(FAR));
        addresses.1.handshakes_per_second.most = 1;
        assert_eq!((0..100).filter(|_| addresses.shake_hands(ip(FAR))).count(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn addresses_that_have_rested_are_forgotten() {
        let addresses = addresses(1, 1, false);
        let all = || (1..SWEPT_FROM as u32).map(|n| IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n)));
        all().for_each(|address| assert!(addresses.connect(address).is_some()));
        assert_eq!(addresses.len(), SWEPT_FROM - 1, "they have used their rate");
        advance(Duration::from_secs(10)).await;
        assert!(addresses.connect(ip(FAR)).is_some());
        assert_eq!(addresses.len(), 1);
    }
}
