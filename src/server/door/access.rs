//! Who is at the other end of a session, what that allows, and until when.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::seats::Seat;
use super::{Door, Ending};
use crate::auth::Identity;
use crate::fanout::{Allowance, CloseReason, SubscriberId};
use crate::market::Ts;
use crate::server::App;
use crate::server::bounds::AUTHENTICATE_DEADLINE;
use crate::server::limits::Slot;

/// Name of somebody who has not said yet who it is.
const NOBODY: &str = "nobody";

/// A session's peer.
pub(in crate::server) struct Access {
    app: Arc<App>,
    known: Known,
}

enum Known {
    /// It may still say who it is, for so long; what it is sent away for if it does not.
    NotYet {
        until: Instant,
        why: CloseReason,
        _place: Slot,
    },
    As {
        ending: Ending,
        seat: Seat,
    },
}

impl Known {
    fn not_yet(app: &Arc<App>, client: IpAddr, why: CloseReason) -> Result<Known, CloseReason> {
        Ok(Known::NotYet {
            until: Instant::now() + AUTHENTICATE_DEADLINE,
            why,
            _place: Slot::of_unknown(app, client).ok_or(CloseReason::TooMany)?,
        })
    }
}

impl Access {
    /// Begins with what the handshake said. Who said nothing in it, as pages cannot, may still turn out to be somebody where all
    /// who are anonymous have their places.
    ///
    /// # Errors
    /// Too many of this identity, or of those who have not said who they are.
    pub(in crate::server) fn begin(
        app: &Arc<App>,
        caller: Option<Identity>,
        client: IpAddr,
    ) -> Result<Access, CloseReason> {
        let seated = caller.map(|identity| (Seat::take(app, &identity), identity));
        let known = match seated {
            Some((Some(seat), identity)) => Known::As {
                ending: Ending::of(&app.door, identity),
                seat,
            },
            Some((None, identity)) if !identity.is_authenticated => {
                Known::not_yet(app, client, CloseReason::TooManyOfOne)?
            }
            Some((None, _)) => return Err(CloseReason::TooManyOfOne),
            None => Known::not_yet(app, client, CloseReason::NoCredentials)?,
        };
        let app = app.clone();
        Ok(Access { app, known })
    }

    /// Whether it may ask for anything but to be let in.
    ///
    /// # Errors
    /// It may not, and need not wait to hear why it is sent away.
    pub(in crate::server) fn may_ask(&self) -> Result<bool, CloseReason> {
        match &self.known {
            Known::As { .. } => Ok(true),
            Known::NotYet {
                why: CloseReason::TooManyOfOne,
                ..
            } => Err(CloseReason::TooManyOfOne),
            Known::NotYet { .. } => Ok(false),
        }
    }

    /// Whether it has shown credentials.
    pub(in crate::server) fn is_authenticated(&self) -> bool {
        self.identity().is_some_and(|identity| identity.is_authenticated)
    }

    /// Whether there are credentials at all.
    pub(in crate::server) fn takes_credentials(&self) -> bool {
        matches!(self.app.door, Door::Guarded(_))
    }

    /// Its name, for the log.
    pub(in crate::server) fn name(&self) -> Arc<str> {
        self.identity()
            .map_or_else(|| NOBODY.into(), |identity| identity.name().clone())
    }

    /// What it may have.
    pub(in crate::server) fn allowance(&self) -> Allowance {
        match self.identity() {
            Some(identity) => self.app.allowance(identity),
            None => self.app.allowance_of_nobody(),
        }
    }

    /// Takes credentials that it shows, for the first time or again.
    ///
    /// # Errors
    /// They are nobody's, or of somebody with too many connections: this one ends.
    pub(in crate::server) fn authenticate(&mut self, session: SubscriberId, token: &str) -> Result<(), CloseReason> {
        let Door::Guarded(authenticator) = &self.app.door else {
            return Ok(());
        };
        let refused = |why| {
            tracing::debug!(%session, identity = &*self.name(), %why, "credentials refused");
            CloseReason::BadCredentials
        };
        let identity = authenticator.authenticate(token, Ts::now()).map_err(refused)?;
        tracing::debug!(%session, identity = &**identity.name(), "session authenticated");
        match &mut self.known {
            Known::As { ending, seat } if seat.is_of(&identity) => *ending = Ending::of(&self.app.door, identity),
            known => {
                let seat = Seat::take(&self.app, &identity).ok_or(CloseReason::TooManyOfOne)?;
                let ending = Ending::of(&self.app.door, identity);
                *known = Known::As { ending, seat };
            }
        }
        Ok(())
    }

    /// Waits until it may not stay any longer, and says why.
    ///
    /// # Cancel safety
    /// Nothing is lost where it is dropped.
    pub(in crate::server) async fn over(&mut self) -> CloseReason {
        match &mut self.known {
            Known::NotYet { until, why, .. } => {
                sleep_until(*until).await;
                why.clone()
            }
            Known::As { ending, .. } => ending.over().await,
        }
    }

    fn identity(&self) -> Option<&Identity> {
        match &self.known {
            Known::NotYet { .. } => None,
            Known::As { ending, .. } => Some(&ending.identity),
        }
    }
}
