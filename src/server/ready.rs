//! `/readyz`: whether to send subscribers here, and if not, why.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::App;
use super::error::ApiError;
use super::query::VenueStatus;
use super::reply::json;
use crate::monitor::process::Descriptors;

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
}

/// Answers with 200, or with 503 and every reason there is.
///
/// # Errors
/// Where the table cannot be asked.
pub(super) async fn readyz(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    // Descriptors are counted one by one, so on the same threads as the rest.
    let looked = app.query.run(|query| (query.figures(), Descriptors::read())).await;
    let (figures, descriptors) = looked.ok_or_else(ApiError::internal)?;
    let reasons: Vec<String> = [
        feeds(&figures.venues),
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

/// One feed is enough: what the others lack is shown with each venue.
fn feeds(venues: &[VenueStatus]) -> Option<String> {
    if venues.iter().any(|venue| venue.state == "up") {
        return None;
    }
    let state = |venue: &VenueStatus| match venue.reason.as_str() {
        "" => format!("{} is {}", venue.name, venue.state),
        reason => format!("{} is {} ({reason})", venue.name, venue.state),
    };
    let states = match venues {
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

    #[test]
    fn one_feed_that_is_up_is_enough_and_without_one_each_says_why() {
        assert_eq!(feeds(&[venue("a", "down", "refused"), venue("b", "up", "")]), None);
        assert_eq!(feeds(&[]).as_deref(), Some("no feed is up: none has said anything yet"));
        let none_up = [venue("a", "down", "refused"), venue("b", "stale", "")];
        assert_eq!(
            feeds(&none_up).as_deref(),
            Some("no feed is up: a is down (refused), b is stale")
        );
    }
}
