//! Tickets: what a browser shows in a URL where it can send no header. Each is good once and for a short time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::bounds::{TICKET_LIFETIME, TICKETS_MAX, TICKETS_OF_ONE_MAX};
use super::error::{Denied, Exhausted};
use super::identity::Identity;
use super::secret::{self, Hash};

/// Those that were given out and may be used yet.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    /// A ticket is found by its hash: how long that takes says nothing of the others.
    open: HashMap<Hash, Identity>,
    /// In the order in which they end; among them some that were used.
    ends: VecDeque<(Instant, Hash)>,
    /// How many each identity has open.
    of_one: HashMap<Arc<str>, usize>,
}

impl Tickets {
    /// Gives one out.
    pub(super) fn give(&mut self, identity: Identity, now: Instant) -> Result<String, Exhausted> {
        self.forget(now);
        if self
            .of_one
            .get(identity.name())
            .is_some_and(|count| *count >= TICKETS_OF_ONE_MAX)
        {
            return Err(Exhausted::OfOne);
        }
        if self.open.len() >= TICKETS_MAX {
            return Err(Exhausted::All);
        }
        let ticket = secret::random().ok_or(Exhausted::Random)?;
        let hash = Hash::of(&ticket);
        *self.of_one.entry(identity.name().clone()).or_default() += 1;
        self.ends.push_back((now + TICKET_LIFETIME, hash));
        self.open.insert(hash, identity);
        // Many that were used at once: gone through when they are the greater part.
        if self.ends.len() > 2 * self.open.len() + TICKETS_OF_ONE_MAX {
            self.ends.retain(|(_, hash)| self.open.contains_key(hash));
        }
        Ok(ticket)
    }

    /// Takes one back: whoever shows it next is nobody.
    pub(super) fn take(&mut self, ticket: &str, now: Instant) -> Result<Identity, Denied> {
        self.forget(now);
        self.close(&Hash::of(ticket)).ok_or(Denied::Ticket)
    }

    /// Takes out those whose time is over.
    fn forget(&mut self, now: Instant) {
        while let Some((_, hash)) = self.ends.front().copied().filter(|(end, _)| *end <= now) {
            self.ends.pop_front();
            self.close(&hash);
        }
    }

    fn close(&mut self, hash: &Hash) -> Option<Identity> {
        let identity = self.open.remove(hash)?;
        if let Some(count) = self.of_one.get_mut(identity.name()) {
            *count -= 1;
            if *count == 0 {
                self.of_one.remove(identity.name());
            }
        }
        Some(identity)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::Entitlement;
    use crate::auth::identity::Shown;

    fn identity(name: &str) -> Identity {
        let entitlement = Arc::new(Entitlement::example("any"));
        Identity::known(name.into(), entitlement, None, Shown::Nothing)
    }

    #[test]
    fn a_ticket_is_good_once_and_until_its_time_is_over() {
        let (mut tickets, now) = (Tickets::default(), Instant::now());
        let mut give = |at| tickets.give(identity("alice"), at).expect("a ticket");
        let [one, other, late] = [now, now, now].map(&mut give);
        let last = now + TICKET_LIFETIME - Duration::from_nanos(1);
        assert_eq!(&**tickets.take(&one, now).expect("once").name(), "alice");
        assert_eq!(tickets.take(&one, now).err(), Some(Denied::Ticket), "twice");
        assert!(tickets.take(&other, last).is_ok());
        assert_eq!(tickets.take(&late, now + TICKET_LIFETIME).err(), Some(Denied::Ticket));
        assert_eq!(tickets.take("", now).err(), Some(Denied::Ticket));
    }

    #[test]
    fn one_identity_leaves_tickets_to_the_others_and_what_was_used_or_has_ended_is_forgotten() {
        let (mut tickets, now) = (Tickets::default(), Instant::now());
        let all: Vec<String> = (0..TICKETS_OF_ONE_MAX)
            .map(|_| tickets.give(identity("alice"), now).expect("within the bound"))
            .collect();
        assert_eq!(tickets.give(identity("alice"), now).err(), Some(Exhausted::OfOne));
        assert!(tickets.give(identity("bob"), now).is_ok());
        tickets.take(&all[0], now).expect("open");
        for _ in 0..10 * TICKETS_OF_ONE_MAX {
            let ticket = tickets.give(identity("alice"), now).expect("one was used");
            tickets.take(&ticket, now).expect("open");
        }
        assert!(
            tickets.ends.len() <= 3 * TICKETS_OF_ONE_MAX + 3,
            "{}",
            tickets.ends.len()
        );
        tickets.forget(now + TICKET_LIFETIME);
        assert_eq!(
            (tickets.open.len(), tickets.ends.len(), tickets.of_one.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn all_together_are_bounded() {
        let (mut tickets, now) = (Tickets::default(), Instant::now());
        for at in 0..TICKETS_MAX {
            let name = (at / TICKETS_OF_ONE_MAX).to_string();
            tickets.give(identity(&name), now).expect("within the bound");
        }
        assert_eq!(tickets.give(identity("last"), now).err(), Some(Exhausted::All));
        assert!(tickets.give(identity("last"), now + TICKET_LIFETIME).is_ok());
    }
}
