//! One socket with all that is known of it: what was asked there, whether data flow, whether anyone is there.

use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{self, Bytes, Message};

use super::super::error::Lost;
use super::super::watch::{Flow, Transport, TransportState};
use super::requests::Requests;
use super::socket::Socket;

/// A request is some KB: a peer that has not taken it by then reads nothing.
const SEND_DEADLINE: Duration = Duration::from_secs(10);

/// A socket of a connection.
pub(super) struct Link {
    socket: Socket,
    pub(super) requests: Requests,
    pub(super) flow: Flow,
    transport: Transport,
    /// Sockets that were opened together; the next ones overlap with them at a handover.
    pub(super) generation: u32,
    /// When everything was asked for and answered.
    pub(super) settled: Option<Duration>,
}

/// What came over a socket.
pub(super) enum Incoming {
    /// A frame of text, or of bytes that are text.
    Frame(Bytes),
    /// A sign of life.
    Control,
}

impl Link {
    pub(super) fn new(socket: Socket, requests: Requests, silence: Duration, now: Duration, generation: u32) -> Link {
        Link {
            socket,
            requests,
            flow: Flow::new(now, silence),
            transport: Transport::new(now),
            generation,
            settled: None,
        }
    }

    /// Takes the next frame; pings are answered by the socket itself.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Incoming, Lost>> {
        let Poll::Ready(message) = self.socket.poll_next_unpin(context) else {
            return Poll::Pending;
        };
        Poll::Ready(match message {
            Some(Ok(Message::Text(text))) => Ok(Incoming::Frame(text.into())),
            Some(Ok(Message::Binary(bytes))) => Ok(Incoming::Frame(bytes)),
            Some(Ok(Message::Close(frame))) => Err(Lost::Closed {
                code: frame.as_ref().map_or(1005, |f| f.code.into()),
                reason: frame.map_or(String::new(), |f| f.reason.to_string()),
            }),
            Some(Ok(_)) => Ok(Incoming::Control),
            Some(Err(error)) => Err(Lost::Broken(Box::new(error))),
            None => Err(Lost::Broken(Box::new(tungstenite::Error::ConnectionClosed))),
        })
    }

    /// Takes note that something came.
    pub(super) fn heard(&mut self, now: Duration) {
        self.transport.heard(now);
    }

    /// Says what is due to be said, and finds out whether anyone listens.
    pub(super) async fn tend(&mut self, now: Duration) -> Result<(), Lost> {
        match self.transport.state(now) {
            TransportState::Alive => {}
            TransportState::Ask => self.send(Message::Ping(Bytes::new())).await?,
            TransportState::Dead(silent) => return Err(Lost::Deaf(silent)),
        }
        if let Some(key) = self.requests.overdue(now) {
            return Err(Lost::NoAnswer { key: key.to_owned() });
        }
        if let Some(text) = self.requests.next(now) {
            self.send(Message::Text(text.into())).await?;
        }
        if self.settled.is_none() && self.requests.is_settled() {
            self.settled = Some(now);
        }
        Ok(())
    }

    /// Says goodbye without waiting for an answer.
    pub(super) async fn close(mut self) {
        let _ = tokio::time::timeout(SEND_DEADLINE, self.socket.close(None)).await;
    }

    async fn send(&mut self, message: Message) -> Result<(), Lost> {
        match tokio::time::timeout(SEND_DEADLINE, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Lost::Broken(Box::new(error))),
            Err(_) => Err(Lost::SendDeadline(SEND_DEADLINE)),
        }
    }
}
