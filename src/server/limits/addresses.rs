//! What each address has open, and how fast it comes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::bucket::Bucket;
use super::{Budget, Limits, TooMuch, Work};
use crate::server::bounds::{ANSWERS_KIB_OF_ONE_MAX, REFUSED_OF_ONE_MAX, UNKNOWN_OF_ONE_MAX};

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
    unknown: u32,
    refused: u32,
    /// Absent until it has a bound.
    handshakes: Option<Bucket>,
    /// What it asks over plain HTTP; absent until it has a bound.
    budget: Option<Budget>,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
enum What {
    Connection,
    Stay,
    Answer,
    Unknown,
    Refused,
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

    /// Takes what a request over plain HTTP costs.
    ///
    /// # Errors
    /// Where that is more than is left to its address.
    pub(in crate::server) fn ask(&self, address: IpAddr, work: Work, limits: &Limits) -> Result<(), TooMuch> {
        if limits.of(limits.connections_per_address, address).is_none() {
            return Ok(());
        }
        let (mut list, rates) = (self.list(), limits.rates_of_address());
        let open = list.open(Place::of(address), Instant::now());
        let budget = open.budget.take_if(|budget| budget.is_of(rates));
        let budget = open.budget.insert(budget.unwrap_or_else(|| Budget::new(rates)));
        budget.take(work)
    }

    /// One that has not said yet who it is; `None` where the address has too many.
    pub(in crate::server) fn not_say(self: &Arc<Addresses>, address: IpAddr, limits: &Limits) -> Option<Taken> {
        self.share(address, What::Unknown, 1, UNKNOWN_OF_ONE_MAX, limits)
    }

    /// One that is being told why it may not connect; `None` where the address has too many.
    pub(in crate::server) fn turn_away(self: &Arc<Addresses>, address: IpAddr, limits: &Limits) -> Option<Taken> {
        self.share(address, What::Refused, 1, REFUSED_OF_ONE_MAX, limits)
    }

    /// Holds an answer of so many KiB; `None` where the address has others, and it would be more than its share.
    pub(in crate::server) fn hold(self: &Arc<Addresses>, address: IpAddr, kib: u32, limits: &Limits) -> Option<Taken> {
        self.share(address, What::Answer, kib, ANSWERS_KIB_OF_ONE_MAX, limits)
    }

    /// Takes so many of something of which an address may have a share, where addresses are counted at all.
    fn share(
        self: &Arc<Addresses>,
        address: IpAddr,
        what: What,
        count: u32,
        most: u32,
        limits: &Limits,
    ) -> Option<Taken> {
        let is_bound = limits.of(limits.connections_per_address, address).is_some();
        self.take(address, what, count, is_bound.then_some(most))
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
            What::Unknown => &mut self.unknown,
            What::Refused => &mut self.refused,
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        let open = [self.connections, self.staying, self.answers, self.unknown, self.refused];
        let is_rested = self.handshakes.is_none_or(|bucket| bucket.is_full(now));
        open == [0; 5] && is_rested && self.budget.as_ref().is_none_or(|budget| budget.is_full(now))
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
    async fn an_address_has_a_share_of_the_places_for_who_is_unknown_and_who_is_refused() {
        let addresses = addresses(1_000, 1_000, false);
        let Limited(all, limits) = &addresses;
        let unknown: Vec<_> = (0..=UNKNOWN_OF_ONE_MAX)
            .map_while(|_| all.not_say(ip(FAR), limits))
            .collect();
        let refused: Vec<_> = (0..=REFUSED_OF_ONE_MAX)
            .map_while(|_| all.turn_away(ip(FAR), limits))
            .collect();
        assert_eq!(
            (unknown.len(), refused.len()),
            (UNKNOWN_OF_ONE_MAX as usize, REFUSED_OF_ONE_MAX as usize)
        );
        let other = ip("198.51.100.2");
        assert!(all.not_say(other, limits).is_some() && all.turn_away(other, limits).is_some());
        drop((unknown, refused));
        assert_eq!(addresses.len(), 0, "nothing is kept of who has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_address_asks_is_counted_until_it_has_rested() {
        let addresses = addresses(1_000, 1_000, false);
        let Limited(all, limits) = &addresses;
        let ask = |address: &str, work| all.ask(ip(address), work, limits);
        // 2,000 messages and 100,000 symbols a second, ten seconds' worth at once.
        assert!((0..20_000).all(|_| ask(FAR, Work::Message).is_ok()));
        assert_eq!(ask(FAR, Work::Message), Err(TooMuch::Refused));
        assert!((0..10_000).all(|_| ask(FAR, Work::PATTERN).is_ok()) && ask(FAR, Work::PATTERN).is_err());
        assert!(ask("198.51.100.2", Work::Message).is_ok() && ask("127.0.0.1", Work::Message).is_ok());
        advance(Duration::from_secs(1)).await;
        assert_eq!((0..3_000).filter(|_| ask(FAR, Work::Message).is_ok()).count(), 2_000);
        advance(Duration::from_secs(60)).await;
        assert!(
            addresses
                .0
                .list()
                .by_place
                .values()
                .all(|open| open.is_forgotten(Instant::now()))
        );
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
