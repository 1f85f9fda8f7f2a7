//! `GET /v1/changes`: what changed since a position, waited for (long poll).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use tokio::time::{Instant, sleep_until};

use super::answer::Changes;
use crate::auth::Identity;
use crate::fanout::{Allowance, CloseReason};
use crate::server::bounds::WAIT_MS_MAX;
use crate::server::door::{Ending, Seat};
use crate::server::error::ApiError;
use crate::server::limits::Slot;
use crate::server::query_string::{digits, values};
use crate::server::reply::json;
use crate::server::table::asked::{Asked, Position};
use crate::server::{App, Peer};
use crate::store::{Epoch, Seq};

/// A poll, checked.
#[derive(Debug)]
struct Poll {
    asked: Asked,
    position: Option<Position>,
    wait: Duration,
}

/// Answers at once where something changed, else with the first change, else when the time is up.
pub(in crate::server) async fn changes(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let poll = Poll::parse(uri.query(), app.allowance(&identity))?;
    let (deadline, client) = (Instant::now() + poll.wait, peer.client(&app, &headers));
    app.charge(client, poll.asked.work())?;
    if let Some(position) = poll.position {
        app.query.reach(position, poll.asked.rights()).await;
    }
    match poll.look(&app).await? {
        Changes::Nothing(_) if Instant::now() < deadline => {}
        Changes::Some(body) | Changes::Ahead(body) | Changes::Nothing(body) => {
            return Ok(json(app.hold(body, client, &peer)?));
        }
    }
    let slot = Slot::take(&app, client).ok_or_else(|| ApiError::busy(CloseReason::TooMany.words()))?;
    let seat = Seat::take(&app, &identity).ok_or_else(|| ApiError::rate_limited(CloseReason::TooManyOfOne.words()))?;
    let asked = poll.asked.clone();
    let watching = app.query.run(move |query| query.watch(&asked)).await;
    let watching = watching.ok_or_else(ApiError::internal)?;
    app.fanout.note_subscriber(&poll.asked.strings);
    let mut ending = Ending::of(&app.door, identity);
    // Dropped first: whoever is no longer counted as waiting has left its place.
    let _place = (slot, seat);
    loop {
        // Once more, for what changed before it waited.
        let is_over = Instant::now() >= deadline;
        match poll.look(&app).await? {
            Changes::Nothing(_) if !is_over => {}
            Changes::Some(body) | Changes::Ahead(body) | Changes::Nothing(body) => {
                return Ok(json(app.hold(body, client, &peer)?));
            }
        }
        tokio::select! {
            biased;
            () = app.stop.cancelled() => return Err(ApiError::busy(CloseReason::Shutdown.words())),
            reason = ending.over() => return Err(match reason {
                CloseReason::Changed => ApiError::busy(reason.words()),
                _ => ApiError::bad_credentials(),
            }),
            () = watching.watch.news() => {}
            () = sleep_until(deadline) => {}
        }
    }
}

impl Poll {
    fn parse(query: Option<&str>, allowance: Allowance) -> Result<Poll, ApiError> {
        let [symbols, epoch, since, wait_ms] = values(query, ["symbols", "epoch", "since", "wait_ms"])?;
        let asked = Asked::required(symbols, allowance)?;
        let wrong = |key: &str, value: &str, allowed: &str| {
            let shown: String = value.chars().take(60).collect();
            ApiError::invalid(format!("`{key}` is `{shown}`: {allowed} is allowed"))
        };
        let epoch = epoch.map(|text| {
            let known = digits(&text).and_then(Epoch::new);
            known.ok_or_else(|| wrong("epoch", &text, "a snapshot's epoch, from 1 to 2^53 - 1,"))
        });
        let since = since.map(|text| {
            let seq = digits(&text).map(Seq);
            seq.ok_or_else(|| wrong("since", &text, "a snapshot's seq, a whole number,"))
        });
        let position = match (epoch.transpose()?, since.transpose()?) {
            (None, None) => None,
            (Some(epoch), Some(seq)) => Some(Position {
                epoch: epoch.get(),
                seq,
            }),
            _ => {
                return Err(ApiError::invalid(
                    "`epoch` and `since` belong together: both of a snapshot, or neither for a whole one",
                ));
            }
        };
        let wait_ms = match wait_ms {
            None => 0,
            Some(text) => {
                let ms = digits(&text).filter(|ms| *ms <= WAIT_MS_MAX);
                ms.ok_or_else(|| wrong("wait_ms", &text, &format!("a whole number from 0 to {WAIT_MS_MAX}")))?
            }
        };
        let wait = Duration::from_millis(wait_ms);
        Ok(Poll { asked, position, wait })
    }

    async fn look(&self, app: &App) -> Result<Changes, ApiError> {
        let (asked, position) = (self.asked.clone(), self.position);
        let changes = app.query.run(move |query| query.changes(&asked, position)).await;
        changes.ok_or_else(ApiError::internal)?
    }
}
