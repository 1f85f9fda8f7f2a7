//! From an HTTP request to a session: the handshake of RFC 6455, section 4.2.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::socket::Stream;
use super::{Begun, SessionConfig};
use crate::fanout::CloseReason;
use crate::monitor::names;
use crate::server::door::Page;
use crate::server::door::access::Access;
use crate::server::error::ApiError;
use crate::server::limits::Slot;
use crate::server::options::{ConnectionOptions, first_offered};
use crate::server::url::TICKET;
use crate::server::{App, Peer};

/// Checks the request and prepares the session that follows the answer.
///
/// # Errors
/// With what is wrong, for peers that can see an HTTP status; a browser's socket cannot, so a request
/// with an `Origin` is upgraded and then closed with a code.
pub(in crate::server) fn upgrade(
    app: &Arc<App>,
    peer: Peer,
    query: &[(String, String)],
    headers: &HeaderMap,
    mut request: Request,
) -> Result<Response, ApiError> {
    let mut response = create_response_with_body(&request, Body::empty)
        .map_err(|error| refused("handshake", no_handshake(headers, &error)))?;
    let is_browser = headers.contains_key(header::ORIGIN);
    let client = peer.client(app, headers);
    // Others were counted when they connected.
    let is_proxied = app.live.config().limits.trusted_proxies.has(peer.addr.ip());
    if is_proxied && !app.addresses.shake_hands(client, &app.live.config().limits) {
        let words = "too many handshakes of one address: come back after a while";
        return Err(refused("rate", ApiError::rate_limited(words)));
    }
    let (guest, slot) = match admit(app, &peer, client, query, headers) {
        Ok((options, access, slot)) => (Ok((options, access)), slot),
        Err(reason) if !is_browser => {
            return Err(match &reason {
                CloseReason::TooMany => refused("too_many", ApiError::busy(reason.words())),
                CloseReason::TooManyOfOne => refused("too_many", ApiError::rate_limited(reason.words())),
                CloseReason::Forbidden(words) => refused("forbidden", ApiError::invalid(words)),
                CloseReason::BadCredentials => refused("credentials", ApiError::bad_credentials()),
                other => refused("option", ApiError::invalid(other.words())),
            });
        }
        Err(reason) => {
            let busy = || refused("too_many", ApiError::busy(reason.words()));
            let slot = Slot::of_refused(app, client).ok_or_else(busy)?;
            metrics::counter!(names::CLOSES, "code" => reason.label()).increment(1);
            (Err(reason), slot)
        }
    };
    let subprotocol = match &guest {
        Ok((options, _)) => options.subprotocol.map(HeaderValue::from_static),
        Err(_) => first_offered(headers),
    };
    if let Some(subprotocol) = subprotocol {
        response
            .headers_mut()
            .insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    }
    let upgraded = hyper::upgrade::on(&mut request);
    let app = app.clone();
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
            return;
        };
        metrics::counter!(names::CONNECTIONS).increment(1);
        let begun = Begun {
            stream: parts.io.into_inner(),
            read_ahead: parts.read_buf,
            client,
        };
        let (config, held) = (SessionConfig::of(&app.live.config()), (slot, peer));
        match guest {
            // A task of its own: this one's memory, which held the handshake, is given back.
            Ok(guest) => drop(super::begin(begun, guest, &app, config, held).map(tokio::spawn)),
            Err(reason) => super::turn_away(begun, config, &reason).await,
        }
    });
    Ok(response)
}

/// Whether somebody may connect. Only who may takes a place, and only who might has a ticket looked at, which is good once.
fn admit(
    app: &Arc<App>,
    peer: &Peer,
    client: IpAddr,
    query: &[(String, String)],
    headers: &HeaderMap,
) -> Result<(ConnectionOptions, Access, Slot), CloseReason> {
    if app.origins.page(headers) == Page::Foreign {
        let words = "pages of this `Origin` may not connect: `allowed_origins` does not name it";
        return Err(CloseReason::Forbidden(words.to_owned()));
    }
    let host = app.origins.check_host(headers, false);
    host.map_err(|fault| CloseReason::Forbidden(fault.to_string()))?;
    let options = ConnectionOptions::parse(query, headers).map_err(CloseReason::BadOption)?;
    let slot = Slot::take(app, client).ok_or(CloseReason::TooMany)?;
    let ticket = query.iter().find(|(key, _)| key == TICKET);
    let caller = app.caller(peer, headers, ticket.map(|(_, value)| value.as_str()));
    let caller = caller.map_err(|_| CloseReason::BadCredentials)?;
    Ok((options, Access::begin(app, caller, client)?, slot))
}

/// What is wrong with a request that is no handshake.
fn no_handshake(headers: &HeaderMap, error: &Error) -> ApiError {
    let is_version = matches!(error, Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader));
    if is_version && headers.contains_key(header::SEC_WEBSOCKET_VERSION) {
        return ApiError::version();
    }
    ApiError::invalid(format!("a WebSocket upgrade is needed: {error}"))
}

fn refused(reason: &'static str, error: ApiError) -> ApiError {
    metrics::counter!(names::HANDSHAKES_REFUSED, "reason" => reason).increment(1);
    error
}
