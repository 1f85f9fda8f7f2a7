//! `POST /v1/updates`: lines of updates, taken while they come.

use std::fmt::Display;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::whole_lines::{Piece, WholeLines};
use crate::auth::Identity;
use crate::control::{Push, PushOutcome, RejectedLine};
use crate::market::Ts;
use crate::monitor::names;
use crate::server::bounds::PUSH_DEADLINE;
use crate::server::door::control;
use crate::server::error::ApiError;
use crate::server::reply::json;
use crate::server::{App, Peer};

const TYPES: [&str; 3] = ["application/x-ndjson", "application/ndjson", "application/json"];

#[derive(Serialize)]
struct Answer {
    accepted: u64,
    rejected: Vec<Rejected>,
    /// Beyond those listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_more: Option<u64>,
}

#[derive(Serialize)]
struct Rejected {
    line: u64,
    message: String,
}

/// Hands the body's lines to the feed while they come, and says what became of them: refused lines do not make the
/// request fail. Of a body that breaks off, the whole lines are taken.
///
/// The next lines are read only once the ones before are with the engine, so a client that is too fast is slowed down.
pub(in crate::server) async fn updates(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    request: Request,
) -> Result<Response, ApiError> {
    app.may(control::PUBLISH, &identity, &peer, &request)
        .map_err(|why| ApiError::forbidden(why.to_string()))?;
    check_type(request.headers())?;
    let nothing = || ApiError::missing("pushed updates are not taken here: `tickwire serve` takes them");
    let pushes = app.controls.pushes.as_ref().ok_or_else(nothing)?;
    let outcome = take(request.into_body().into_data_stream(), pushes).await?;
    let rejected = |RejectedLine { line, message }| Rejected { line, message };
    let answer = Answer {
        accepted: outcome.accepted,
        rejected: outcome.rejected.into_iter().map(rejected).collect(),
        rejected_more: Some(outcome.rejected_more).filter(|more| *more > 0),
    };
    Ok(json(serde_json::to_string(&answer).unwrap_or_default()))
}

/// Takes a body to its end.
async fn take<E: Display>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    pushes: &mpsc::Sender<Push>,
) -> Result<PushOutcome, ApiError> {
    let (mut lines, mut outcome) = (WholeLines::new(), PushOutcome::default());
    loop {
        let bytes = match timeout(PUSH_DEADLINE, body.next()).await {
            Ok(Some(Ok(bytes))) => bytes,
            Ok(Some(Err(error))) => {
                let so_far = so_far(&outcome);
                return Err(ApiError::invalid(format!("the body broke off ({error}): {so_far}")));
            }
            Ok(None) => break,
            Err(_) => {
                let (seconds, so_far) = (PUSH_DEADLINE.as_secs(), so_far(&outcome));
                return Err(ApiError::timeout(format!("nothing came for {seconds} s: {so_far}")));
            }
        };
        if let Some(piece) = lines.take(&bytes) {
            outcome.add(push(pushes, piece).await?);
        }
    }
    if let Some(piece) = lines.finish() {
        outcome.add(push(pushes, piece).await?);
    }
    Ok(outcome)
}

/// Waits until the feed has handed the lines over.
async fn push(pushes: &mpsc::Sender<Push>, (first_line, lines): Piece) -> Result<PushOutcome, ApiError> {
    let (reply, answer) = oneshot::channel();
    let push = Push {
        lines,
        first_line,
        ts_recv: Ts::now(),
        reply,
    };
    let gone = || ApiError::busy("pushed updates are no longer taken");
    pushes.send(push).await.map_err(|_| gone())?;
    let outcome = answer.await.map_err(|_| gone())?;
    metrics::counter!(names::PUSH_LINES, "outcome" => "accepted").increment(outcome.accepted);
    metrics::counter!(names::PUSH_LINES, "outcome" => "rejected").increment(outcome.rejected_all());
    Ok(outcome)
}

fn check_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let media = text(&CONTENT_TYPE).map(|text| text.split(';').next().unwrap_or_default().trim());
    if media.is_some_and(|media| !TYPES.iter().any(|known| known.eq_ignore_ascii_case(media))) {
        return Err(ApiError::media("`Content-Type: application/x-ndjson` is needed"));
    }
    if text(&CONTENT_ENCODING).is_some_and(|coding| !coding.trim().eq_ignore_ascii_case("identity")) {
        return Err(ApiError::media("a body without `Content-Encoding` is needed"));
    }
    Ok(())
}

fn so_far(outcome: &PushOutcome) -> String {
    let (accepted, rejected) = (outcome.accepted, outcome.rejected_all());
    format!("{accepted} lines were accepted before, {rejected} rejected")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::push_channel;
    use axum::http::StatusCode;
    use axum::response::IntoResponse as _;
    use futures_util::stream;

    /// A feed that takes every line, and what it got.
    async fn feed(mut pushes: mpsc::Receiver<Push>) -> Vec<(u64, Vec<u8>)> {
        let mut all = Vec::new();
        while let Some(push) = pushes.recv().await {
            let accepted = push.lines.iter().filter(|byte| **byte == b'\n').count() as u64;
            all.push((push.first_line, push.lines));
            let outcome = PushOutcome {
                accepted,
                ..PushOutcome::default()
            };
            push.reply.send(outcome).expect("it waits");
        }
        all
    }

    fn pieces(bytes: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, &'static str>> + Unpin {
        let pieces: Vec<_> = bytes.iter().map(|bytes| Ok(Bytes::from_static(bytes))).collect();
        stream::iter(pieces)
    }

    #[tokio::test(start_paused = true)]
    async fn who_falls_silent_or_breaks_off_is_told_what_was_taken_and_loses_only_the_half_line() {
        let (pushes, receiver) = push_channel();
        let feed = tokio::spawn(feed(receiver));
        let silent = pieces(&[b"a\nb\nc"]).chain(stream::pending());
        let error = take(silent, &pushes).await.expect_err("30 s have passed");
        assert!(format!("{error:?}").contains("2 lines were accepted"), "{error:?}");
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(response.headers()["connection"], "close");
        let broken = pieces(&[b"a", b"\nb"]).chain(stream::iter([Err("reset")]));
        let error = take(broken, &pushes).await.expect_err("it broke off");
        assert!(format!("{error:?}").contains("(reset): 1 lines"), "{error:?}");
        let whole = take(pieces(&[b"a\nb", b"\nc"]), &pushes).await.expect("whole");
        assert_eq!(whole.accepted, 2);
        drop(pushes);
        let got = feed.await.expect("no panic");
        let want: [(u64, &[u8]); 5] = [(1, b"a\nb\n"), (1, b"a\n"), (1, b"a\n"), (2, b"b\n"), (3, b"c")];
        assert_eq!(got.iter().map(|(n, b)| (*n, &b[..])).collect::<Vec<_>>(), want[..]);
    }

    #[tokio::test]
    async fn without_a_feed_a_push_is_told_to_come_back() {
        let (pushes, receiver) = push_channel();
        drop(receiver);
        let error = take(pieces(&[b"a\n"]), &pushes).await.expect_err("nobody takes it");
        assert_eq!(error.into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn bodies_of_lines_are_taken_and_no_others() {
        let is_taken = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a value"));
            check_type(&headers).is_ok()
        };
        for value in [
            "application/x-ndjson",
            "Application/JSON; charset=utf-8",
            "application/ndjson",
        ] {
            assert!(is_taken("content-type", value), "{value}");
        }
        for value in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
            "",
            "multipart/form-data",
        ] {
            assert!(!is_taken("content-type", value), "{value}");
        }
        assert!(is_taken("content-encoding", "Identity") && !is_taken("content-encoding", "gzip"));
        assert!(check_type(&HeaderMap::new()).is_ok());
    }
}
