//! Who sends a request: by its `Authorization` (RFC 6750), else by a ticket in the URL, else by the certificate that its
//! connection began with, else nobody in particular.

pub(super) mod access;
pub(super) mod control;
pub(super) mod guard;
mod origins;
mod seats;
pub(super) mod tickets;

pub use origins::{AllowedOrigins, OriginError};
pub(super) use origins::{Origins, Page};
pub(super) use seats::{Seat, Seats};

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use crate::auth::{Authenticator, ClientCertificate, Denied, Entitlement, Identity, Standing};
use crate::fanout::{Allowance, CloseReason};
use crate::market::{Rights, Ts};
use crate::server::bounds::EXPIRY_LOOK;
use crate::server::error::ApiError;
use crate::server::limits::Work;
use crate::server::options::{INTERVAL_MS, beats};
use crate::server::query_string::pairs;
use crate::server::url::{EVENTS_PATH, TICKET};
use crate::server::{App, Peer};

/// Who may come in.
pub(in crate::server) enum Door {
    /// Everybody, and sees everything.
    Open(Identity),
    /// Who is known, and others as far as they may.
    Guarded(Arc<Authenticator>),
}

impl Door {
    pub(in crate::server) fn new(authenticator: Option<Arc<Authenticator>>) -> Door {
        let everything = || Entitlement {
            name: "everything".to_owned(),
            rights: Rights::all(),
            symbols_max: None,
            connections_max: None,
            interval_ms: INTERVAL_MS,
            may_publish: true,
            may_replay: true,
            may_read_statistics: true,
        };
        match authenticator {
            Some(authenticator) => Door::Guarded(authenticator),
            None => Door::Open(Identity::anonymous(Arc::new(everything()))),
        }
    }

    /// Who knows who somebody is, where anybody is asked.
    pub(in crate::server) fn authenticator(&self) -> Option<&Arc<Authenticator>> {
        match self {
            Door::Open(_) => None,
            Door::Guarded(authenticator) => Some(authenticator),
        }
    }

    /// What a client has shown in its handshake; `None` where that was nothing, or where nobody asks.
    ///
    /// # Errors
    /// It is not believed: that of a session which was resumed is not looked at before.
    pub(in crate::server) fn certificate(
        &self,
        stream: &TlsStream<TcpStream>,
    ) -> Result<Option<ClientCertificate>, Denied> {
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        match self {
            Door::Open(_) => Ok(None),
            Door::Guarded(authenticator) => authenticator.recognise(chain, Ts::now()),
        }
    }

    /// Who shows these; `None` where nobody may come in without credentials, and there are none.
    ///
    /// # Errors
    /// The credentials are nobody's.
    pub(in crate::server) fn caller(
        &self,
        headers: &HeaderMap,
        ticket: Option<&str>,
        certificate: Option<&Arc<ClientCertificate>>,
    ) -> Result<Option<Identity>, Denied> {
        let authenticator = match self {
            Door::Open(anybody) => return Ok(Some(anybody.clone())),
            Door::Guarded(authenticator) => authenticator,
        };
        let now = Ts::now();
        match (bearer(headers)?, ticket, certificate) {
            (Some(token), ..) => authenticator.authenticate(token, now).map(Some),
            (None, Some(ticket), _) => authenticator.take_ticket(ticket, Instant::now(), now).map(Some),
            (None, None, Some(certificate)) => {
                let known = authenticator.certified(certificate, now)?;
                Ok(known.or_else(|| authenticator.anonymous()))
            }
            (None, None, None) => Ok(authenticator.anonymous()),
        }
    }
}

/// The token of the one `Authorization`; another scheme is none of ours.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Denied> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
    });
    match (token, values.next()) {
        (Some(token), None) => Ok(Some(token)),
        _ => Err(Denied::Malformed),
    }
}

/// Lets those through whom the server knows, or who need not be known, and notes who it is. Of an address only so many a second:
/// health and pages, which it does not guard, are never refused for that.
pub(in crate::server) async fn require(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    // A query that cannot be read is told by who reads it.
    let query = pairs(request.uri().query()).unwrap_or_default();
    let ticket = query
        .iter()
        .find(|(key, _)| key == TICKET)
        .map(|(_, value)| value.as_str());
    let ticket = ticket.filter(|_| request.uri().path() == EVENTS_PATH);
    if let Err(error) = app.charge(peer.client(&app, request.headers()), Work::Message) {
        return error.into_response();
    }
    match app.caller(&peer, request.headers(), ticket) {
        Ok(Some(identity)) => {
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        Ok(None) => ApiError::no_credentials().into_response(),
        Err(_) => ApiError::bad_credentials().into_response(),
    }
}

/// When somebody who is known may stay no longer.
pub(in crate::server) struct Ending {
    pub(in crate::server) identity: Identity,
    /// Whom to believe, and when that changes; nobody is asked where everybody may come in.
    policy: Option<(Arc<Authenticator>, watch::Receiver<()>)>,
}

impl Ending {
    pub(in crate::server) fn of(door: &Door, identity: Identity) -> Ending {
        let policy = match door {
            Door::Open(_) => None,
            Door::Guarded(authenticator) => {
                let mut changes = authenticator.changes();
                // It may have changed since the credentials were looked at.
                changes.mark_changed();
                Some((authenticator.clone(), changes))
            }
        };
        Ending { identity, policy }
    }

    /// Waits until credentials are worth nothing, or allow something else, and says which. Goes by the wall clock, which may
    /// be set meanwhile.
    ///
    /// # Cancel safety
    /// Nothing is lost where it is dropped.
    pub(in crate::server) async fn over(&mut self) -> CloseReason {
        loop {
            let left = self.identity.left(Ts::now());
            if left.is_some_and(|left| left.is_zero()) {
                return CloseReason::Expired;
            }
            let look = left.map(|left| left.min(EXPIRY_LOOK));
            let Some((authenticator, changes)) = &mut self.policy else {
                return std::future::pending().await;
            };
            let is_changed = tokio::select! {
                changed = changes.changed() => changed.is_ok(),
                () = tokio::time::sleep(look.unwrap_or(EXPIRY_LOOK)) => false,
            };
            match is_changed.then(|| authenticator.standing(&self.identity, Ts::now())) {
                Some(Standing::Changed) => return CloseReason::Changed,
                Some(Standing::Revoked) => return CloseReason::Expired,
                Some(Standing::Same) | None => {}
            }
        }
    }
}

impl App {
    /// Who sends a request; `None` where nobody may come in without credentials, and there are none.
    ///
    /// A browser shows its certificate whatever page has it connect, as it does with cookies: so one counts for those pages
    /// alone that may have something done. A proxy's certificate says nothing of its clients.
    ///
    /// # Errors
    /// The credentials are nobody's.
    pub(in crate::server) fn caller(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
        ticket: Option<&str>,
    ) -> Result<Option<Identity>, Denied> {
        let is_proxy = self.live.config().limits.trusted_proxies.has(peer.addr.ip());
        let counts = !is_proxy && self.origins.may_be_known(headers);
        let certificate = peer.certificate.as_ref().filter(|_| counts);
        self.door
            .caller(headers, ticket, certificate)
            .inspect_err(|why| tracing::debug!(peer = %peer.addr, %why, "credentials refused"))
    }

    /// What whoever sends a request may see, be it nothing; for what nobody is refused.
    pub(in crate::server) fn rights(&self, peer: &Peer, headers: &HeaderMap) -> Rights {
        let caller = self.caller(peer, headers, None).ok().flatten();
        caller.map_or_else(|| Rights::of([]), |identity| identity.entitlement.rights.clone())
    }

    /// What an identity may have of what the server has for anybody.
    pub(in crate::server) fn allowance(&self, identity: &Identity) -> Allowance {
        let (entitlement, anybody) = (&identity.entitlement, self.fanout.config().allowance());
        let own_max = entitlement.symbols_max.unwrap_or(usize::MAX);
        Allowance {
            rights: entitlement.rights.clone(),
            symbols_max: own_max.min(anybody.symbols_max),
            pace_beats_min: beats(*entitlement.interval_ms.start()),
            pace_beats_max: beats(*entitlement.interval_ms.end()),
        }
    }

    /// What somebody may have who has not said yet who it is.
    pub(in crate::server) fn allowance_of_nobody(&self) -> Allowance {
        Allowance {
            rights: Rights::of([]),
            ..self.fanout.config().allowance()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_taken_from_one_header_alone() {
        let of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().expect("a value"));
            }
            bearer(&headers).map(|token| token.map(str::to_owned))
        };
        assert_eq!(of(&[]), Ok(None));
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(of(&[value]), Ok(Some("abc".to_owned())), "{value}");
        }
        for values in [
            &["Basic abc"][..],
            &["Bearer"],
            &["abc"],
            &["Bearer a", "Bearer a"],
            &[""],
        ] {
            assert_eq!(of(values), Err(Denied::Malformed), "{values:?}");
        }
    }
}
