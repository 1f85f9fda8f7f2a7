//! The task of a connection: it moves bytes, keeps the venue's times, and ends as it is told.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, Interval, interval_at, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::connection::Out;
use super::state::Shared;
use super::wire::Wire;

/// When the venue does what it does by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    pub(super) heartbeat_every: Duration,
    /// Between two pings; `None` sends none.
    pub(super) ping_every: Option<Duration>,
    /// How long the answer to a ping may take.
    pub(super) pong_within: Duration,
    /// How long a connection may go without a subscription.
    pub(super) subscribe_within: Option<Duration>,
}

/// The end of a connection, which needs no reason: the subscriber sees how it ends.
struct End;

/// Moves bytes until the connection is over.
pub(super) async fn run(
    shared: Arc<Shared>,
    rhythm: Rhythm,
    id: usize,
    ws: WebSocketStream<Wire>,
    out: UnboundedReceiver<Out>,
) {
    let mut task = Task {
        shared,
        id,
        ws,
        out,
        close_at: None,
        unanswered: None,
    };
    task.run(rhythm).await;
    let Task { shared, ws, .. } = task;
    drop(ws);
    shared.change(|state| state.ended(id));
}

struct Task {
    shared: Arc<Shared>,
    id: usize,
    ws: WebSocketStream<Wire>,
    out: UnboundedReceiver<Out>,
    close_at: Option<Instant>,
    /// The newest ping and when it was sent.
    unanswered: Option<(String, Instant)>,
}

impl Task {
    async fn run(&mut self, rhythm: Rhythm) {
        let now = Instant::now();
        // Longer than any test.
        let never = Duration::from_secs(86_400);
        let every = |period: Duration| -> Interval { interval_at(now + period, period) };
        let mut heartbeat = every(rhythm.heartbeat_every);
        let mut ping = every(rhythm.ping_every.unwrap_or(never));
        let subscribe_by = now + rhythm.subscribe_within.unwrap_or(never);
        let (mut pings, mut is_checked) = (0, false);
        loop {
            let close_at = self.close_at.unwrap_or(now + never);
            let pong_by = self
                .unanswered
                .as_ref()
                .map_or(now + never, |(_, sent)| *sent + rhythm.pong_within);
            let done = tokio::select! {
                out = self.out.recv() => match out {
                    Some(out) => self.write(out).await,
                    None => Err(End),
                },
                message = self.ws.next() => match message {
                    Some(Ok(message)) => self.read(message),
                    Some(Err(_)) | None => Err(End),
                },
                _ = heartbeat.tick() => {
                    self.shared.change(|state| state.heartbeat(self.id, rhythm.heartbeat_every));
                    Ok(())
                }
                _ = ping.tick() => {
                    pings += 1;
                    self.ping(format!("{}", 1_700_000_000_000_u64 + pings)).await
                }
                () = sleep_until(close_at) => self.close(1001, "going away").await,
                () = sleep_until(pong_by) => self.close(1008, "Pong timeout").await,
                () = sleep_until(subscribe_by), if !is_checked => {
                    is_checked = true;
                    match self.shared.change(|state| state.has_subscribed(self.id)) {
                        true => Ok(()),
                        false => self.close(1008, "no subscription in time").await,
                    }
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    fn read(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Text(text) => self.shared.change(|state| state.request(self.id, &text)),
            Message::Ping(_) => self.shared.change(|state| state.pinged(self.id)),
            Message::Pong(payload) => {
                let is_answer = |(sent, _): &(String, _)| sent.as_bytes() == &payload[..];
                if self.unanswered.as_ref().is_some_and(is_answer) {
                    self.unanswered = None;
                }
                self.shared.change(|state| state.ponged(self.id));
            }
            // The library answers it, and then the stream ends.
            Message::Close(_) => {}
            Message::Binary(_) | Message::Frame(_) => return Err(End),
        }
        Ok(())
    }

    async fn ping(&mut self, payload: String) -> Result<(), End> {
        let message = Message::Ping(payload.clone().into_bytes().into());
        // A missing answer is counted from the first ping without one.
        self.unanswered.get_or_insert((payload, Instant::now()));
        self.ws.send(message).await.map_err(|_| End)
    }

    async fn write(&mut self, out: Out) -> Result<(), End> {
        match out {
            Out::Text(text) => {
                self.ws.feed(Message::Text(text)).await.map_err(|_| End)?;
                // Flushed once for all that is there.
                if self.out.is_empty() {
                    self.ws.flush().await.map_err(|_| End)
                } else {
                    Ok(())
                }
            }
            Out::Close { code, reason } => self.close(code, reason).await,
            Out::CloseAfter(after) => {
                self.close_at = Some(Instant::now() + after);
                Ok(())
            }
            Out::Cut(text) => {
                let _ = self.ws.flush().await;
                self.ws.get_mut().cut_after(text.len().div_ceil(2));
                let _ = self.ws.send(Message::Text(text)).await;
                Err(End)
            }
            Out::Reset => {
                let _ = self.ws.flush().await;
                self.ws.get_ref().reset_at_end();
                Err(End)
            }
            Out::Deaf => {
                let _ = self.ws.flush().await;
                std::future::pending().await
            }
        }
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), End> {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        let goodbye = async {
            let _ = self.ws.close(Some(frame)).await;
            while let Some(Ok(_)) = self.ws.next().await {}
        };
        // As long as a venue might wait for the answer.
        let _ = timeout(Duration::from_secs(2), goodbye).await;
        Err(End)
    }
}
