//! From an HTTP request to a session: the handshake of RFC 6455, section 4.2.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::error::ApiError;
use super::options::{ConnectionOptions, first_offered};
use super::origins::Page;
use super::session;
use super::slot::Slot;
use super::socket::Stream;
use super::{App, Peer};
use crate::fanout::CloseReason;
use crate::monitor::names;

/// Checks the request and prepares the session that follows the answer.
///
/// # Errors
/// With what is wrong, for peers that can see an HTTP status; a browser's socket cannot, so a request
/// with an `Origin` is upgraded and then closed with a code.
pub(super) fn upgrade(
    app: &Arc<App>,
    peer: Peer,
    query: &[(String, String)],
    headers: &HeaderMap,
    mut request: Request,
) -> Result<Response, ApiError> {
    let mut response = create_response_with_body(&request, Body::empty)
        .map_err(|error| refused("handshake", no_handshake(headers, &error)))?;
    let is_browser = headers.contains_key(header::ORIGIN);
    let mut options = ConnectionOptions::parse(query, headers).map_err(CloseReason::BadOption);
    if app.origins.page(headers) == Page::Foreign {
        let words = "pages of this `Origin` may not connect: `allowed_origins` does not name it";
        options = Err(CloseReason::Forbidden(words.to_owned()));
    } else if let Err(fault) = app.origins.check_host(headers, false) {
        options = Err(CloseReason::Forbidden(fault.to_string()));
    }
    let client = peer.client(app, headers);
    // Others were counted when they connected.
    if client != peer.addr.ip().to_canonical() && !app.addresses.shake_hands(client) {
        let words = "too many handshakes of one address: come back after a while";
        return Err(refused("rate", ApiError::rate_limited(words)));
    }
    // Only who may connect takes a place.
    let mut slot = options.as_ref().ok().and_then(|_| Slot::take(app, client));
    if slot.is_none() && options.is_ok() {
        options = Err(CloseReason::TooMany);
    }
    if let (Err(reason), false) = (&options, is_browser) {
        return Err(match reason {
            CloseReason::TooMany => refused("too_many", ApiError::busy(reason.words())),
            CloseReason::Forbidden(words) => refused("forbidden", ApiError::invalid(words)),
            other => refused("option", ApiError::invalid(other.words())),
        });
    }
    if let Err(reason) = &options {
        slot = Slot::of_refused(app);
        if slot.is_none() {
            return Err(refused("too_many", ApiError::busy(reason.words())));
        }
        metrics::counter!(names::CLOSES, "code" => reason.label()).increment(1);
    }
    let subprotocol = match &options {
        Ok(options) => options.subprotocol.map(HeaderValue::from_static),
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
        let _slot = slot;
        let _peer = peer;
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
            return;
        };
        metrics::counter!(names::CONNECTIONS).increment(1);
        let begun = session::Begun {
            stream: parts.io.into_inner(),
            read_ahead: parts.read_buf,
            client,
        };
        session::run(begun, options, &app.fanout, app.session).await;
    });
    Ok(response)
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
