//! One open stream: waits for room, for news and for its pace, in this order, and says why it ended.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::mpsc::{self, error::SendError};
use tokio::time::{Instant, sleep, sleep_until};

use super::teller::Teller;
use super::{farewell, told};
use crate::auth::Identity;
use crate::engine::BEAT;
use crate::fanout::{Allowance, CloseReason};
use crate::market::Ts;
use crate::server::App;
use crate::server::bounds::CLOSE_DEADLINE;
use crate::server::door::Ending;
use crate::server::table::State;
use crate::server::table::follow::Scratch;
use crate::server::table::watches::Watch;
use crate::store::{Epoch, Seq};
use crate::wire::proto;

/// A heartbeat yields to a delta that is due within so many beats: 50 ms of the second after which one is promised.
const HEARTBEAT_YIELDS_BEATS: u64 = 5;

/// One open stream.
pub(super) struct Stream {
    app: Arc<App>,
    /// Whose it is, and for how long.
    identity: Identity,
    /// Away while a message is assembled.
    teller: Option<Teller>,
    watch: Arc<Watch>,
    /// Something came that it has not looked at.
    has_news: bool,
    heartbeat_at: Instant,
}

impl Stream {
    /// Puts a stream together, with what is written first.
    pub(super) fn new(
        app: Arc<App>,
        teller: Teller,
        identity: Identity,
        (pace_beats, allowance): (u64, &Allowance),
        at: (Epoch, Seq, Ts),
    ) -> (Stream, Bytes) {
        let id = app.fanout.number();
        let config = app.fanout.config();
        let welcome = config.welcome(id.to_string(), pace_beats, (allowance, identity.is_authenticated), at);
        let welcome = told("welcome", None, proto::server_message::Body::Welcome(welcome));
        let stream = Stream {
            watch: teller.watch(),
            teller: Some(teller),
            has_news: false,
            heartbeat_at: Instant::now() + app.heartbeat(),
            identity,
            app,
        };
        (stream, welcome)
    }

    /// Writes until the end and says its reason.
    pub(super) async fn write(mut self, sender: mpsc::Sender<Bytes>, welcome: Bytes) -> CloseReason {
        // The first always fits.
        let _ = sender.try_send(welcome);
        let mut ending = Ending::of(&self.app.door, self.identity.clone());
        loop {
            let room = tokio::select! {
                room = self.room(&sender) => room,
                // Who reads nothing is told nothing.
                reason = ending.over() => Err(reason),
            };
            let since_due = match room {
                Ok(since_due) => since_due,
                Err(reason) => return reason,
            };
            // There is room, and nobody else fills it.
            let next = tokio::select! {
                biased;
                () = sender.closed() => return CloseReason::Peer(None),
                reason = ending.over() => Err(reason),
                next = self.next(since_due) => next.ok_or(CloseReason::Shutdown),
            };
            let (bytes, end) = match next {
                Ok(bytes) => (bytes, None),
                Err(why) => (farewell(&why), Some(why)),
            };
            if sender.try_send(bytes).is_err() {
                return CloseReason::Peer(None);
            }
            if let Some(why) = end {
                return why;
            }
        }
    }

    /// Waits until the reader has taken what was assembled before, at most as long as a slow one is waited for.
    ///
    /// Once the server stops the reader has a moment more, so that it is told. Gives how many beats had concerned it when a
    /// delta fell due and there was no room, and how many when room came.
    async fn room(&self, sender: &mpsc::Sender<Bytes>) -> Result<Option<Range<u64>>, CloseReason> {
        let (reserve, deadline, due) = (sender.reserve(), sleep(self.app.slow_consumer()), self.due());
        tokio::pin!(reserve, deadline, due);
        let (mut since_due, mut is_stopping) = (None, false);
        loop {
            tokio::select! {
                biased;
                permit = &mut reserve => return match permit {
                    Ok(_) => Ok(since_due.map(|since| since..self.watch.beats())),
                    Err(SendError(())) => Err(CloseReason::Peer(None)),
                },
                () = self.app.stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    deadline.as_mut().reset(Instant::now() + CLOSE_DEADLINE);
                }
                () = &mut deadline => return Err(match is_stopping {
                    true => CloseReason::Shutdown,
                    false => CloseReason::SlowConsumer,
                }),
                () = &mut due, if since_due.is_none() => since_due = Some(self.watch.beats()),
            }
        }
    }

    /// Waits for the next message; `None` once the server stops.
    async fn next(&mut self, since_due: Option<Range<u64>>) -> Option<Bytes> {
        let (app, watch) = (self.app.clone(), self.watch.clone());
        while !app.stop.is_cancelled() {
            if self.is_mid_message() || (self.has_news && self.is_due()) {
                self.has_news = false;
                let since_due = since_due.clone();
                let next = self.ask(move |teller, state, scratch| teller.next(state, scratch, since_due));
                if let Some(bytes) = next.await? {
                    return Some(bytes);
                }
            }
            let heartbeat_due = self.heartbeat_due();
            if Instant::now() >= heartbeat_due {
                let beat = self.ask(|teller, state, scratch| Some(teller.heartbeat(state, scratch)));
                return beat.await?;
            }
            let has_news = self.has_news;
            let is_news = tokio::select! {
                biased;
                () = app.stop.cancelled() => false,
                () = watch.news(), if !has_news => true,
                () = self.due(), if has_news => false,
                () = sleep_until(heartbeat_due) => false,
            };
            self.has_news |= is_news;
        }
        None
    }

    /// Has a message assembled; the outer `None` where that is no longer possible.
    async fn ask(
        &mut self,
        ask: impl FnOnce(&mut Teller, &State, &mut Scratch) -> Option<Bytes> + Send + 'static,
    ) -> Option<Option<Bytes>> {
        let mut asked = self.teller.take().map(|teller| (teller, ask));
        let tell = move |state: &State, scratch: &mut Scratch| {
            let (teller, _) = asked.as_mut()?;
            if !teller.catch_up(state) {
                return None;
            }
            let (mut teller, ask) = asked.take()?;
            let bytes = ask(&mut teller, state, scratch);
            Some((teller, bytes))
        };
        let (teller, bytes) = self.app.query.tell(tell).await?;
        self.teller = Some(teller);
        if bytes.is_some() {
            self.heartbeat_at = Instant::now() + self.app.heartbeat();
        }
        Some(bytes)
    }

    fn is_mid_message(&self) -> bool {
        self.teller.as_ref().is_some_and(Teller::is_mid_message)
    }

    fn due_wall(&self) -> u64 {
        self.teller.as_ref().map_or(0, |teller| teller.due_wall)
    }

    /// When a heartbeat is due. A delta that falls due in the same moment says as much, and has a moment more to come.
    fn heartbeat_due(&self) -> Instant {
        let beats = self.due_wall().saturating_sub(self.app.query.wall());
        match self.has_news && beats <= HEARTBEAT_YIELDS_BEATS {
            true => self.heartbeat_at + BEAT * (2 * HEARTBEAT_YIELDS_BEATS) as u32,
            false => self.heartbeat_at,
        }
    }

    fn is_due(&self) -> bool {
        self.app.query.wall() >= self.due_wall()
    }

    /// Waits until the next delta may begin. The timer's beats decide; far from it a clock is cheaper.
    async fn due(&self) {
        let beats = self.due_wall().saturating_sub(self.app.query.wall());
        if beats > 1 {
            sleep(BEAT * (beats - 1) as u32).await;
        }
        self.app.query.reach_wall(self.due_wall()).await;
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
