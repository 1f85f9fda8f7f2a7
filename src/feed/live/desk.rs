//! What the connections to one venue share: the venue's state, which is one for all, and how often anyone may connect.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::super::{FeedClosed, Outlet};
use super::Rules;
use super::connects::Connects;
use crate::market::{Event, VenueName, VenueState};

/// One venue's desk.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) venue: VenueName,
    start: Instant,
    connects: Mutex<Connects>,
    /// Held while a change is handed over, so that two connections' news arrive in their order.
    standing: tokio::sync::Mutex<Standing>,
}

impl Desk {
    pub(super) fn new(venue: VenueName, rules: &Rules, connections: usize) -> Desk {
        Desk {
            venue,
            start: Instant::now(),
            connects: Mutex::new(Connects::new(rules)),
            standing: tokio::sync::Mutex::new(Standing::new(connections)),
        }
    }

    /// Time since the desk was made: the clock of its connections.
    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The moment of that clock.
    pub(super) fn at(&self, time: Duration) -> Instant {
        self.start + time
    }

    /// Has nobody connect for so long.
    pub(super) fn hold(&self, wait: Duration) {
        let until = self.now() + wait;
        let mut connects = self.connects.lock().unwrap_or_else(PoisonError::into_inner);
        connects.hold(until);
    }

    /// Takes the next moment in which a connection may be made.
    pub(super) fn connect_slot(&self) -> Instant {
        let now = self.now();
        let mut connects = self.connects.lock().unwrap_or_else(PoisonError::into_inner);
        self.at(connects.take(now))
    }

    /// Says that the venue exists, before anything of it is known; later calls say nothing new.
    pub(super) async fn introduce(&self, out: &Outlet) -> Result<(), FeedClosed> {
        let mut standing = self.standing.lock().await;
        match standing.introduction() {
            None => Ok(()),
            Some(state) => out.send(vec![self.event(state)]).await,
        }
    }

    /// Takes a connection's state and tells the venue's, where that changed by it.
    pub(super) async fn tell(
        &self,
        connection: usize,
        state: VenueState,
        reason: String,
        out: &Outlet,
    ) -> Result<(), FeedClosed> {
        let mut standing = self.standing.lock().await;
        match standing.report(connection, state, reason) {
            None => Ok(()),
            Some(state) => out.send(vec![self.event(state)]).await,
        }
    }

    fn event(&self, (state, reason): (VenueState, String)) -> Event {
        Event::Venue {
            venue: self.venue.clone(),
            state,
            reason,
        }
    }
}

/// The states of all connections and what follows for the venue.
#[derive(Debug)]
struct Standing {
    connections: Vec<(VenueState, String)>,
    told: Option<(VenueState, String)>,
}

impl Standing {
    fn new(connections: usize) -> Standing {
        Standing {
            connections: vec![(VenueState::Down, "connecting".into()); connections.max(1)],
            told: None,
        }
    }

    fn report(&mut self, connection: usize, state: VenueState, reason: String) -> Option<(VenueState, String)> {
        self.connections[connection] = (state, reason);
        let whole = self.whole();
        (self.told.as_ref() != Some(&whole)).then(|| self.told.insert(whole).clone())
    }

    fn introduction(&mut self) -> Option<(VenueState, String)> {
        let whole = self.whole();
        self.told.is_none().then(|| self.told.insert(whole).clone())
    }

    /// The venue is as well as its best connection; instruments of the others say themselves that they are stale.
    fn whole(&self) -> (VenueState, String) {
        let rank = |state: VenueState| match state {
            VenueState::Up => 0,
            VenueState::Stale => 1,
            VenueState::Down => 2,
        };
        let best = self.connections.iter().min_by_key(|(state, _)| rank(*state));
        let Some((state, reason)) = best.cloned() else {
            return (VenueState::Down, String::new());
        };
        let worse = self.connections.iter().filter(|(other, _)| rank(*other) > rank(state));
        let worse: Vec<&str> = worse.map(|(_, reason)| reason.as_str()).collect();
        match worse.first() {
            None => (state, reason),
            Some(why) => {
                let (count, all) = (worse.len(), self.connections.len());
                (state, format!("{count} of {all} connections are not up: {why}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_venue_is_as_well_as_its_best_connection_and_names_the_others() {
        use VenueState::{Down, Stale, Up};
        let mut standing = Standing::new(2);
        for (connection, state, reason, want) in [
            (0, Up, "", Some((Up, "1 of 2 connections are not up: connecting"))),
            (1, Up, "", Some((Up, ""))),
            (1, Up, "", None),
            (
                0,
                Stale,
                "no data",
                Some((Up, "1 of 2 connections are not up: no data")),
            ),
            (1, Down, "reset", Some((Stale, "1 of 2 connections are not up: reset"))),
            (0, Down, "closed", Some((Down, "closed"))),
            (1, Down, "reset", None),
            (0, Up, "", Some((Up, "1 of 2 connections are not up: reset"))),
        ] {
            let told = standing.report(connection, state, reason.into());
            let told = told.as_ref().map(|(state, reason)| (*state, reason.as_str()));
            assert_eq!(told, want, "{connection} {state:?} {reason}");
        }
    }
}
