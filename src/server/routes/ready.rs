//! `/readyz`: whether to send subscribers here, and if not, why.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use crate::monitor::process::Descriptors;
use crate::server::error::ApiError;
use crate::server::reply::json;
use crate::server::table::{Feeds, VenueStatus};
use crate::server::{App, Peer};

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
}

/// Answers with 200, or with 503 and every reason there is.
///
/// # Errors
/// Where the table cannot be asked.
pub(in crate::server) async fn readyz(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let rights = app.rights(&peer, &headers);
    // Descriptors are counted one by one, so on the same threads as the rest.
    let looked = app
        .query
        .run(move |query| (query.feeds(&rights), Descriptors::read()))
        .await;
    let (of_feeds, descriptors) = looked.ok_or_else(ApiError::internal)?;
    let reasons: Vec<String> = [
        feeds(&of_feeds),
        (!app.health.is_on_time(Instant::now())).then(|| "the beat is late".to_owned()),
        descriptors.and_then(descriptors_left),
        app.stop.is_cancelled().then(|| "the server is stopping".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let ready = reasons.is_empty();
    let mut response = json(serde_json::to_string(&Readiness { ready, reasons }).unwrap_or_default());
    if !ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

/// One feed is enough: what the others lack is shown with each venue that may be seen.
fn feeds(of: &Feeds) -> Option<String> {
    if of.up > 0 {
        return None;
    }
    let state = |venue: &VenueStatus| match venue.reason.as_str() {
        "" => format!("{} is {}", venue.name, venue.state),
        reason => format!("{} is {} ({reason})", venue.name, venue.state),
    };
    let states = match of.venues.as_slice() {
        [] if of.count > 0 => return Some("no feed is up".to_owned()),
        [] => "none has said anything yet".to_owned(),
        some => some.iter().map(state).collect::<Vec<_>>().join(", "),
    };
    Some(format!("no feed is up: {states}"))
}

fn descriptors_left(of: Descriptors) -> Option<String> {
    let Descriptors { open, most } = of;
    of.are_short()
        .then(|| format!("descriptors run out: {open} of {most} are open"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn venue(name: &str, state: &'static str, reason: &str) -> VenueStatus {
        VenueStatus {
            name: name.to_owned(),
            state,
            since: String::new(),
            reason: reason.to_owned(),
        }
    }

    fn of(venues: Vec<VenueStatus>, hidden: usize) -> Feeds {
        Feeds {
            count: venues.len() + hidden,
            up: venues.iter().filter(|venue| venue.state == "up").count(),
            venues,
        }
    }

    #[test]
    fn one_feed_that_is_up_is_enough_and_without_one_each_says_why() {
        let said = |venues, hidden| feeds(&of(venues, hidden));
        assert_eq!(said(vec![venue("a", "down", "refused"), venue("b", "up", "")], 0), None);
        let nothing = "no feed is up: none has said anything yet";
        assert_eq!(said(Vec::new(), 0).as_deref(), Some(nothing));
        let none_up = vec![venue("a", "down", "refused"), venue("b", "stale", "")];
        assert_eq!(
            said(none_up, 1).as_deref(),
            Some("no feed is up: a is down (refused), b is stale")
        );
        assert_eq!(said(Vec::new(), 2).as_deref(), Some("no feed is up"));
    }
}
