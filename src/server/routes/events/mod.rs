//! `GET /v1/events`: changes as server-sent events (WHATWG HTML, 9.2).
//!
//! A stream asks the table that plain HTTP has what changed since its last message; it is no subscriber of a shard. A
//! shard writes WebSocket frames to raw sockets that never wait; this answer goes through hyper, in chunks, with or
//! without TLS, beside other requests of the same connection. hyper takes the next message when there is room for it,
//! and only then is it assembled: so nothing is ever queued, a slow reader is conflated, and no second rule is needed
//! in the shards. The price is that streams share no encoded bytes, which hundreds of browsers do not feel; thousands
//! of subscribers take the WebSocket.

mod stream;
mod teller;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{App, Peer};
use crate::auth::Identity;
use crate::fanout::{CloseReason, goaway};
use crate::monitor::names;
use crate::server::bounds::EVENTS_QUEUED_MAX;
use crate::server::door::Seat;
use crate::server::error::ApiError;
use crate::server::limits::Slot;
use crate::server::options::parse_interval;
use crate::server::query_string::{digits, values};
use crate::server::table::asked::{Asked, Position};
use crate::server::table::follow::Message;
use crate::server::url::TICKET;
use crate::store::Seq;
use crate::wire::{proto, server_json};
use stream::Stream;
use teller::Teller;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers with a stream that goes on until one side ends it.
pub(in crate::server) async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    // Whose the ticket is was looked at before.
    let [symbols, interval, _] = values(uri.query(), ["symbols", "interval_ms", TICKET])?;
    let asked = Asked::required(symbols, app.allowance(&identity))?;
    let asked_beats = interval.map_or(Ok(1), |text| parse_interval(&text).map_err(ApiError::invalid))?;
    let pace_beats = asked.allowance.pace(asked_beats);
    let position = last_event_id(&headers)?;
    let client = peer.client(&app, &headers);
    app.charge(client, asked.work())?;
    let slot = Slot::of_events(&app, client).ok_or_else(|| ApiError::busy(CloseReason::TooMany.words()))?;
    let seat = Seat::take(&app, &identity).ok_or_else(|| ApiError::rate_limited(CloseReason::TooManyOfOne.words()))?;
    if let Some(position) = position {
        app.query.reach(position, asked.rights()).await;
    }
    let frame_bytes_max = app.fanout.config().frame_bytes_max;
    let (strings, allowance) = (asked.strings.clone(), asked.allowance.clone());
    let begin = move |query: &Arc<_>| Teller::begin(query, asked, position, frame_bytes_max, pace_beats);
    let (teller, at) = app.query.run(begin).await.ok_or_else(ApiError::internal)??;
    let name = identity.name().clone();
    let (stream, welcome) = Stream::new(app.clone(), teller, identity, (pace_beats, &allowance), at);
    let (sender, receiver) = mpsc::channel(EVENTS_QUEUED_MAX);
    metrics::counter!(names::CONNECTIONS).increment(1);
    app.fanout.note_subscriber(&strings);
    tokio::spawn(async move {
        let reason = stream.write(sender, welcome).await;
        drop((slot, seat));
        metrics::counter!(names::CLOSES, "code" => reason.label()).increment(1);
        let identity = &*name;
        tracing::debug!(peer = %peer.addr, identity, reason = reason.words(), "event stream ended");
        if reason == CloseReason::SlowConsumer {
            peer.cut.cancel();
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<Bytes, Infallible>));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // nginx would hold messages back until it has some KiB of them.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

/// Where a browser that comes back wants to go on; the empty id is that of none.
fn last_event_id(headers: &HeaderMap) -> Result<Option<Position>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let parsed = text.split_once('-').and_then(|(epoch, seq)| {
        let (epoch, seq) = (digits(epoch)?, Seq(digits(seq)?));
        Some(Position { epoch, seq })
    });
    let wrong = || {
        let shown: String = text.chars().take(60).collect();
        ApiError::invalid(format!(
            "`Last-Event-ID: {shown}` is no id of this stream: EPOCH-SEQ is allowed"
        ))
    };
    parsed.map(Some).ok_or_else(wrong)
}

/// A message as an event. JSON has no line ends, so it is one line of data.
fn event(message: &Message<'_>) -> Bytes {
    // Room for all of it at once: what is not used stays until hyper has taken the message.
    let mut text = Vec::with_capacity(message.json.len() + 100);
    text.extend_from_slice(format!("event: {}\n", message.name).as_bytes());
    if let Some((epoch, seq)) = message.id {
        text.extend_from_slice(format!("id: {epoch}-{seq}\n").as_bytes());
    }
    text.extend_from_slice(b"data: ");
    text.extend_from_slice(message.json);
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// A message that is not about symbols; `retry` is when a browser comes back once the connection has ended.
fn told(name: &str, retry_ms: Option<u32>, body: proto::server_message::Body) -> Bytes {
    let json = server_json(&proto::ServerMessage { body: Some(body) }, &|_| None);
    let retry = retry_ms.map_or_else(String::new, |ms| format!("retry: {ms}\n"));
    format!("event: {name}\n{retry}data: {json}\n\n").into()
}

fn farewell(why: &CloseReason) -> Bytes {
    let goaway = goaway(why, &mut fastrand::Rng::new());
    let retry = Some(goaway.reconnect_after_ms);
    told("goaway", retry, proto::server_message::Body::Goaway(goaway))
}
