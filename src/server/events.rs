//! `GET /v1/events`: changes as server-sent events (WHATWG HTML, 9.2).
//!
//! A stream asks the table that plain HTTP has what changed since its last message; it is no subscriber of a shard. A
//! shard writes WebSocket frames to raw sockets that never wait; this answer goes through hyper, in chunks, with or
//! without TLS, beside other requests of the same connection. hyper takes the next message when there is room for it,
//! and only then is it assembled: so nothing is ever queued, a slow reader is conflated, and no second rule is needed
//! in the shards. The price is that streams share no encoded bytes, which hundreds of browsers do not feel; thousands
//! of subscribers take the WebSocket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use metrics::Counter;
use tokio::sync::mpsc::{self, error::SendError};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_stream::wrappers::ReceiverStream;

use super::asked::{Asked, Position};
use super::error::ApiError;
use super::follow::{Follow, Message};
use super::options::parse_interval;
use super::query::Watching;
use super::query_string::{digits, values};
use super::slot::Slot;
use super::{App, Peer};
use crate::engine::BEAT;
use crate::fanout::{CloseReason, goaway};
use crate::monitor::names;
use crate::store::Seq;
use crate::wire::{Encoding, proto, server_json};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Messages between a stream and hyper: one, which was assembled when there was room for it.
const MESSAGES_QUEUED_MAX: usize = 1;

/// One open stream.
struct Stream {
    app: Arc<App>,
    follow: Follow,
    watching: Watching,
    pace_beats: u64,
    /// The timer's beat of the last delta, and when the next one may come.
    last_wall: Option<u64>,
    due: Instant,
    heartbeat_at: Instant,
    /// Beats that concerned it up to the last delta.
    seen: u64,
    meters: [Counter; 3],
}

/// Answers with a stream that goes on until one side ends it.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let [symbols, interval] = values(uri.query(), ["symbols", "interval_ms"])?;
    let asked = Asked::required(symbols)?;
    let pace_beats = interval.map_or(Ok(1), |text| parse_interval(&text).map_err(ApiError::invalid))?;
    let position = last_event_id(&headers)?;
    let slot = Slot::take(&app).ok_or_else(|| ApiError::busy(CloseReason::TooMany.words()))?;
    if let Some(position) = position {
        app.query.reach(position).await;
    }
    let (shared, limits) = (app.clone(), app.fanout.config());
    let limits = (limits.symbols_max, limits.frame_bytes_max);
    let begin = move |query: &Arc<_>| begin(shared, query, asked, position, limits, pace_beats);
    let (stream, welcome) = app.query.run(begin).await.ok_or_else(ApiError::internal)??;
    let (sender, receiver) = mpsc::channel(MESSAGES_QUEUED_MAX);
    metrics::counter!(names::CONNECTIONS).increment(1);
    app.fanout.note_subscriber();
    tokio::spawn(async move {
        let reason = stream.write(sender, welcome).await;
        drop(slot);
        metrics::counter!(names::CLOSES, "code" => reason.label()).increment(1);
        tracing::debug!(peer = %peer.addr, reason = reason.words(), "event stream ended");
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

fn begin(
    app: Arc<App>,
    query: &Arc<super::Query>,
    asked: Asked,
    position: Option<Position>,
    limits: (usize, usize),
    pace_beats: u64,
) -> Result<(Stream, Bytes), ApiError> {
    let watching = query.watch(&asked)?;
    let (follow, seen, at) = query.read(|state| {
        let at = (state.epoch, state.table.seq(), state.ts);
        // Beats of before are in the snapshot.
        let follow = Follow::begin(asked, position, state, limits)?;
        Ok::<_, ApiError>((follow, watching.watch.beats(), at))
    })?;
    let interval_ms = (pace_beats * BEAT.as_millis() as u64) as u32;
    let (id, _) = app.fanout.place();
    let welcome = app.fanout.config().welcome(id.to_string(), interval_ms, at);
    let welcome = told("welcome", None, proto::server_message::Body::Welcome(welcome));
    let now = Instant::now();
    let stream = Stream {
        follow,
        watching,
        pace_beats,
        last_wall: None,
        due: now,
        heartbeat_at: now + app.heartbeat(),
        seen,
        meters: [
            metrics::counter!(names::FRAMES, "encoding" => Encoding::Json.name()),
            metrics::counter!(names::FRAME_BYTES, "encoding" => Encoding::Json.name()),
            metrics::counter!(names::SKIPPED),
        ],
        app,
    };
    Ok((stream, welcome))
}

impl Stream {
    /// Writes until the end and says its reason.
    async fn write(mut self, sender: mpsc::Sender<Bytes>, welcome: Bytes) -> CloseReason {
        // The first always fits.
        let _ = sender.try_send(welcome);
        loop {
            let since_due = match self.room(&sender).await {
                Ok(since_due) => since_due,
                Err(reason) => return reason,
            };
            // There is room, and nobody else fills it.
            let (bytes, is_end) = tokio::select! {
                biased;
                () = sender.closed() => return CloseReason::Peer(None),
                next = self.next(since_due) => next,
            };
            if sender.try_send(bytes).is_err() {
                return CloseReason::Peer(None);
            }
            if is_end {
                return CloseReason::Shutdown;
            }
        }
    }

    /// Waits until the reader has taken what was assembled before, at most as long as a slow one is waited for.
    ///
    /// Gives the beats that had concerned it when a delta fell due and there was no room.
    async fn room(&self, sender: &mpsc::Sender<Bytes>) -> Result<Option<u64>, CloseReason> {
        let reserve = sender.reserve();
        let deadline = sleep(self.app.slow_consumer());
        tokio::pin!(reserve, deadline);
        let mut since_due = None;
        loop {
            tokio::select! {
                biased;
                permit = &mut reserve => return match permit {
                    Ok(_) => Ok(since_due),
                    Err(SendError(())) => Err(CloseReason::Peer(None)),
                },
                () = self.app.stop.cancelled() => return Err(CloseReason::Shutdown),
                () = &mut deadline => return Err(CloseReason::SlowConsumer),
                () = sleep_until(self.due), if since_due.is_none() => since_due = Some(self.watching.watch.beats()),
            }
        }
    }

    /// Waits for the next message; true with the last.
    async fn next(&mut self, since_due: Option<u64>) -> (Bytes, bool) {
        let (app, watch) = (self.app.clone(), self.watching.watch.clone());
        loop {
            if app.stop.is_cancelled() {
                return (farewell(), true);
            }
            let now = Instant::now();
            if (now >= self.due || self.follow.is_mid_message())
                && let Some(bytes) = self.message(since_due)
            {
                return (bytes, false);
            }
            if now >= self.heartbeat_at {
                return (self.heartbeat(), false);
            }
            let is_due = now >= self.due;
            let until = if is_due {
                self.heartbeat_at
            } else {
                self.due.min(self.heartbeat_at)
            };
            tokio::select! {
                biased;
                () = app.stop.cancelled() => {}
                () = watch.news(), if is_due => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// The next data message, where there is one and its time has come.
    fn message(&mut self, since_due: Option<u64>) -> Option<Bytes> {
        let Stream {
            app,
            follow,
            watching,
            meters,
            ..
        } = self;
        let (pace, last_wall, seen) = (self.pace_beats, self.last_wall, self.seen);
        let (told, wall, beats) = app.query.read(|state| {
            let beats = watching.watch.beats();
            let due = last_wall.map_or(0, |wall| wall + pace);
            if state.wall < due && !follow.is_mid_message() {
                return (Err(due - state.wall), state.wall, beats);
            }
            // A longer pace leaves out beats by itself; only those count that a full socket cost.
            let skipped = match since_due {
                _ if pace == 1 => (beats - seen).saturating_sub(1),
                Some(since) => beats - since,
                None => 0,
            };
            let skipped = u32::try_from(skipped).unwrap_or(u32::MAX);
            let message = follow.next(state, skipped);
            let told = message.map(|message| (event(&message), message.name == "delta", skipped));
            (Ok(told), state.wall, beats)
        });
        let now = Instant::now();
        let (bytes, is_delta, skipped) = match told {
            Ok(told) => told?,
            Err(left) => {
                self.due = now + BEAT * left as u32;
                return None;
            }
        };
        if is_delta {
            if !follow.is_mid_message() {
                self.seen = beats;
                meters[2].increment(u64::from(skipped));
            }
            (self.last_wall, self.due) = (Some(wall), now + BEAT * (pace - 1) as u32);
        }
        meters[0].increment(1);
        meters[1].increment(bytes.len() as u64);
        self.heartbeat_at = now + app.heartbeat();
        Some(bytes)
    }

    fn heartbeat(&mut self) -> Bytes {
        self.heartbeat_at = Instant::now() + self.app.heartbeat();
        self.app.query.read(|state| event(&self.follow.heartbeat(state)))
    }
}

impl App {
    /// Silence after which a heartbeat is sent.
    fn heartbeat(&self) -> Duration {
        BEAT * self.fanout.config().heartbeat_beats as u32
    }

    /// How long a reader may take for what was sent.
    pub(super) fn slow_consumer(&self) -> Duration {
        BEAT * self.fanout.config().slow_deadline_beats as u32
    }
}

/// A message as an event. JSON has no line ends, so it is one line of data.
fn event(message: &Message<'_>) -> Bytes {
    let mut text = format!("event: {}\n", message.name).into_bytes();
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

fn farewell() -> Bytes {
    let goaway = goaway(&mut fastrand::Rng::new());
    let retry = Some(goaway.reconnect_after_ms);
    told("goaway", retry, proto::server_message::Body::Goaway(goaway))
}
