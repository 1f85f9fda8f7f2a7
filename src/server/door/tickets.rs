//! `POST /v1/tickets`: a ticket for who shows credentials in a header, to connect where no header can be sent.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;

use super::Door;
use crate::auth::{Exhausted, Identity, TICKET_LIFETIME};
use crate::server::App;
use crate::server::error::ApiError;
use crate::server::reply::json;

#[derive(Serialize)]
struct Answer {
    ticket: String,
    expires_in_ms: u64,
}

/// Gives a ticket. It stands in a URL, which nothing here logs; so it is good once and not for long.
///
/// # Errors
/// No credentials were shown, or too many tickets are open.
pub(in crate::server) async fn give(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, ApiError> {
    let Door::Guarded(authenticator) = &app.door else {
        return Err(ApiError::missing(
            "this server takes no credentials, so no ticket is needed",
        ));
    };
    if !identity.is_authenticated {
        return Err(ApiError::no_credentials());
    }
    let given = authenticator.give_ticket(identity, Instant::now());
    let ticket = given.map_err(|why| match why {
        Exhausted::OfOne => ApiError::rate_limited(why.to_string()),
        Exhausted::All => ApiError::busy(why.to_string()),
        Exhausted::Random => ApiError::internal(),
    })?;
    let expires_in_ms = TICKET_LIFETIME.as_millis() as u64;
    let answer = Answer { ticket, expires_in_ms };
    Ok(json(serde_json::to_string(&answer).unwrap_or_default()))
}
