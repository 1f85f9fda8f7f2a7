//! One open stream: waits for room, for news and for its pace, in this order, and says why it ended.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use metrics::Counter;
use tokio::sync::mpsc::{self, error::SendError};
use tokio::time::{Instant, sleep, sleep_until};

use super::{event, farewell, told};
use crate::engine::BEAT;
use crate::fanout::CloseReason;
use crate::monitor::names;
use crate::server::App;
use crate::server::asked::{Asked, Position};
use crate::server::error::ApiError;
use crate::server::follow::Follow;
use crate::server::query::{Query, Watching};
use crate::wire::{Encoding, proto};

/// One open stream.
pub(super) struct Stream {
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

/// Puts a stream together, with what is written first.
///
/// # Errors
/// Where more is asked for than is allowed.
pub(super) fn begin(
    app: Arc<App>,
    query: &Arc<Query>,
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
    pub(super) async fn write(mut self, sender: mpsc::Sender<Bytes>, welcome: Bytes) -> CloseReason {
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
    pub(in crate::server) fn slow_consumer(&self) -> Duration {
        BEAT * self.fanout.config().slow_deadline_beats as u32
    }
}
