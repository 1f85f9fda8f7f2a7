//! A subscriber's reading side: one task that reads a message, has its shard answer, and reads the next.

mod request;
mod sessions;
mod socket;
mod socket_faults;
pub(super) mod upgrade;

pub(super) use sessions::{Running, Sessions};
pub use socket::TcpWriter;
pub(super) use socket::{Stream, limit_writes};
pub use socket_faults::SocketFaults;

use std::io;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::fanout::{CloseReason, Command, Join, Link, Request, SubscriberId, pong};
use crate::market::Ts;
use crate::monitor::names;
use crate::server::bounds::{CLOSE_DEADLINE, MALFORMED_MAX, READ_BUFFER_BYTES, unended_bytes_max};
use crate::server::door::access::Access;
use crate::server::limits::{Budget, Rates, TooMuch, Work};
use crate::server::options::ConnectionOptions;
use crate::server::{App, ServerConfig};
use crate::wire::{DecodeLimits, Encoding, decode_client, proto};
use proto::client_message::Body;
use request::{refuse, to_request};
use sessions::Entry;
use socket::TcpReader;

/// What every session is told.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct SessionConfig {
    pub(in crate::server) message_bytes_max: usize,
    pub(in crate::server) ping_interval: Duration,
    pub(in crate::server) rates: Rates,
    pub(in crate::server) socket_faults: SocketFaults,
}

impl SessionConfig {
    /// What the settings say.
    pub(in crate::server) fn of(config: &ServerConfig) -> SessionConfig {
        SessionConfig {
            message_bytes_max: config.message_bytes_max,
            ping_interval: config.ping_interval,
            rates: config.limits.rates,
            socket_faults: config.socket_faults,
        }
    }
}

/// One session.
struct Session {
    id: SubscriberId,
    shard: mpsc::Sender<Command<TcpWriter>>,
    link: Arc<Link>,
    config: SessionConfig,
    encoding: Encoding,
    access: Access,
    entry: Entry,
    /// Malformed messages in a row.
    malformed: u32,
    budget: Budget,
    /// A ping went out and nothing came since.
    is_ping_open: bool,
    /// When the oldest ping without its pong was asked for.
    pinged: Option<Instant>,
}

/// A connection whose handshake is done.
pub(in crate::server) struct Begun {
    pub(in crate::server) stream: Stream,
    /// What came behind the handshake.
    pub(in crate::server) read_ahead: Bytes,
    /// Who asks.
    pub(in crate::server) client: IpAddr,
}

/// Begins a session, and gives what runs it until its end; `None` where the connection is gone. `held` is dropped behind it.
///
/// What runs it holds nothing that only its beginning needs, and nothing twice: it is most of what a subscriber costs.
pub(in crate::server) fn begin(
    begun: Begun,
    (options, access): (ConnectionOptions, Access),
    app: &App,
    config: SessionConfig,
    held: impl Send + 'static,
) -> Option<impl Future<Output = ()> + Send + 'static> {
    let Begun {
        stream,
        read_ahead,
        client,
    } = begun;
    let is_tls = matches!(stream, Stream::Right(_));
    let (writer, reader) = socket::split(stream, config.socket_faults).ok()?;
    let (id, shard) = app.fanout.place();
    let (link, identity) = (Arc::new(Link::default()), access.name());
    tracing::debug!(session = %id, peer = %client, identity = &*identity, ?options, "session begins");
    link.name(identity.clone());
    let running = Running {
        identity,
        client,
        since: Ts::now(),
        is_tls,
    };
    let entry = Entry::of(&app.sessions, id, running);
    let join = Box::new(Join {
        id,
        socket: writer,
        link: link.clone(),
        encoding: options.encoding,
        compression: options.compression,
        pace_beats: options.pace_beats,
        allowance: access.allowance(),
        is_authenticated: access.is_authenticated(),
    });
    let mut session = Session {
        id,
        shard,
        link,
        config,
        encoding: options.encoding,
        access,
        entry,
        malformed: 0,
        budget: Budget::new(config.rates),
        is_ping_open: false,
        pinged: None,
    };
    // Copied, because it keeps all that the handshake was read into.
    let read_ahead = read_ahead.to_vec();
    let reader = reader.within(unended_bytes_max(config.message_bytes_max));
    Some(async move {
        if session.tell(Command::Join(join)).await.is_some() {
            session.run(reader, read_ahead).await;
        }
        drop(held);
    })
}

/// Tells a browser, which cannot see an HTTP status, why it is refused.
pub(in crate::server) async fn turn_away(begun: Begun, config: SessionConfig, reason: &CloseReason) {
    use crate::fanout::Socket as _;
    tracing::debug!(peer = %begun.client, code = reason.code(), "session refused: {}", reason.words());
    let Ok((mut writer, mut reader)) = socket::split(begun.stream, config.socket_faults) else {
        return;
    };
    // The first bytes on a fresh socket always fit.
    let _ = writer.send(&crate::fanout::close(reason.code(), &reason.words()));
    let _ = timeout(CLOSE_DEADLINE, reader.drain()).await;
}

impl Session {
    /// Reads until the end, and leaves its shard.
    async fn run(&mut self, reader: TcpReader, read_ahead: Vec<u8>) {
        let message_bytes_max = Some(self.config.message_bytes_max);
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_message_size(message_bytes_max)
            .max_frame_size(message_bytes_max);
        let socket = WebSocketStream::from_partially_read(reader, read_ahead, Role::Server, Some(limits));
        let mut socket = Box::pin(socket).await;
        let reason = match AssertUnwindSafe(self.read(&mut socket)).catch_unwind().await {
            Ok(reason) => reason,
            // A bug of ours: its shard is not left with a subscriber whom nobody reads any more.
            Err(_) => {
                tracing::error!(session = %self.id, "session panicked, the others go on");
                Box::pin(self.close(CloseReason::Internal)).await
            }
        };
        // The peer may still have to read our close frame and to answer it.
        if !matches!(reason, CloseReason::Broken | CloseReason::SlowConsumer) {
            let _ = Box::pin(timeout(CLOSE_DEADLINE, socket.get_mut().drain())).await;
        }
        self.tell(Command::Leave(self.id, reason)).await;
    }

    /// Reads until the end and says its reason; by then the close frame, if one is due, was written.
    async fn read(&mut self, socket: &mut WebSocketStream<TcpReader>) -> CloseReason {
        let (link, shard) = (self.link.clone(), self.shard.clone());
        let mut pings = interval_at(Instant::now() + self.config.ping_interval, self.config.ping_interval);
        // After an answer that was long in coming, the peer still has a whole interval to answer a ping.
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                biased;
                () = link.changed() => None,
                () = shard.closed() => Some(CloseReason::Internal),
                reason = self.access.over() => Some(reason),
                message = socket.next() => match message {
                    Some(Ok(message)) => {
                        socket.get_mut().ended(!(message.is_text() || message.is_binary()));
                        Box::pin(self.message(message)).await
                    }
                    Some(Err(error)) => self.end_of(&error),
                    None => Some(CloseReason::Broken),
                },
                _ = pings.tick() => Box::pin(self.ping()).await,
            };
            if let Some(reason) = link.ended() {
                return reason.clone();
            }
            match step {
                None => {}
                Some(CloseReason::Broken) => return CloseReason::Broken,
                Some(reason) => return Box::pin(self.close(reason)).await,
            }
        }
    }

    /// Does what a message asks; a reason where the connection is to be closed.
    async fn message(&mut self, message: Message) -> Option<CloseReason> {
        let ts_recv = Ts::now();
        self.is_ping_open = false;
        let paid = self.budget.take(Work::Message);
        if paid == Err(TooMuch::Closed) {
            return Some(CloseReason::RateLimited);
        }
        let (is_text, bytes) = match message {
            Message::Text(text) => (true, Bytes::from(text)),
            Message::Binary(bytes) => (false, bytes),
            Message::Ping(_) if paid.is_err() => return None,
            Message::Ping(payload) => {
                return self
                    .tell(Command::Pong(self.id, pong(&payload)))
                    .await
                    .is_none()
                    .then_some(CloseReason::Internal);
            }
            Message::Close(frame) => return Some(CloseReason::Peer(frame.map(|f| u16::from(f.code)))),
            Message::Pong(_) => {
                if let Some(pinged) = self.pinged.take() {
                    metrics::histogram!(names::PING_SECONDS).record(pinged.elapsed().as_secs_f64());
                }
                return None;
            }
            Message::Frame(_) => return None,
        };
        match self.request(is_text, &bytes, ts_recv, paid) {
            Ok(request) => self.ask(request).await,
            Err(reason) => Some(reason),
        }
    }

    /// Reads a message as a request, which may be the refusal to do it.
    fn request(
        &mut self,
        is_text: bool,
        bytes: &[u8],
        ts_recv: Ts,
        paid: Result<(), TooMuch>,
    ) -> Result<Request, CloseReason> {
        let limits = DecodeLimits {
            message_bytes_max: self.config.message_bytes_max,
            inflated_bytes_max: self.config.message_bytes_max,
            ..DecodeLimits::default()
        };
        let message = match decode_client(self.encoding, is_text, bytes, &limits) {
            Ok(message) => message,
            Err(error) => {
                self.malformed += 1;
                if self.malformed >= MALFORMED_MAX {
                    return Err(CloseReason::Malformed);
                }
                let request_id = error.request_id();
                return Ok(refuse(request_id, proto::ErrorCode::InvalidMessage, error.to_string()));
            }
        };
        self.malformed = 0;
        let request_id = message.request_id;
        // Other rights have all that is held told anew.
        let paid = match &message.body {
            Some(Body::Authenticate(_)) => paid.and_then(|()| self.budget.take(Work::PATTERN)),
            _ => paid,
        };
        // Credentials beyond the rate are not looked at.
        let request = match &paid {
            Ok(()) => self.admit(message, ts_recv)?,
            Err(_) => to_request(message, ts_recv),
        };
        let paid = match Work::of(&request) {
            Work::Message => paid,
            work => paid.and_then(|()| self.budget.take(work)),
        };
        match paid {
            Ok(()) => Ok(request),
            Err(TooMuch::Refused) => {
                let words = self.config.rates.to_string();
                Ok(refuse(request_id, proto::ErrorCode::RateLimited, words))
            }
            Err(TooMuch::Closed) => Err(CloseReason::RateLimited),
        }
    }

    /// What a message asks, if it may ask at all; a reason where the connection is to be closed.
    fn admit(&mut self, message: proto::ClientMessage, ts_recv: Ts) -> Result<Request, CloseReason> {
        let request_id = message.request_id;
        match message.body {
            Some(Body::Authenticate(body)) if self.access.takes_credentials() => {
                self.access.authenticate(self.id, &body.token)?;
                let name = self.access.name();
                self.entry.rename(name.clone());
                self.link.name(name);
                let allowance = self.access.allowance();
                Ok(Request::Authenticated { request_id, allowance })
            }
            _ if self.access.may_ask()? => Ok(to_request(message, ts_recv)),
            // It has no answer, and nothing to confirm.
            Some(Body::Received(_)) => Ok(to_request(message, ts_recv)),
            _ => {
                let words = "credentials are needed first: send `authenticate` with a token".to_owned();
                Ok(refuse(request_id, proto::ErrorCode::Unauthenticated, words))
            }
        }
    }

    /// Passes a request on and waits until its answer is written: nothing more is read before.
    async fn ask(&mut self, request: Request) -> Option<CloseReason> {
        let before = self.link.answers();
        let is_answered = request.is_answered();
        if self.tell(Command::Request(self.id, request)).await.is_none() {
            return Some(CloseReason::Internal);
        }
        while is_answered && self.link.answers() == before && self.link.ended().is_none() {
            tokio::select! {
                () = self.link.changed() => {}
                () = self.shard.closed() => return Some(CloseReason::Internal),
                reason = self.access.over() => return Some(reason),
            }
        }
        None
    }

    async fn ping(&mut self) -> Option<CloseReason> {
        if std::mem::replace(&mut self.is_ping_open, true) {
            return Some(CloseReason::NoPong);
        }
        self.pinged.get_or_insert_with(Instant::now);
        self.tell(Command::Ping(self.id))
            .await
            .is_none()
            .then_some(CloseReason::Internal)
    }

    /// Has the shard write a close frame and waits for it, or for the deadline of a stuck peer.
    async fn close(&mut self, reason: CloseReason) -> CloseReason {
        if self.tell(Command::Close(self.id, reason.clone())).await.is_some() {
            let link = self.link.clone();
            let ended = async {
                while link.ended().is_none() {
                    link.changed().await;
                }
            };
            let _ = timeout(CLOSE_DEADLINE, ended).await;
        }
        reason
    }

    fn end_of(&self, error: &Error) -> Option<CloseReason> {
        let bytes_max = self.config.message_bytes_max;
        Some(match error {
            Error::Capacity(_) => CloseReason::TooBig { bytes_max },
            // Of the reader: a message without an end.
            Error::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => CloseReason::TooBig { bytes_max },
            Error::Utf8(_) => CloseReason::NotUtf8,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => CloseReason::Broken,
            Error::Protocol(what) => CloseReason::Protocol(what.to_string()),
            _ => CloseReason::Broken,
        })
    }

    /// Passes a command on, waiting for room; `None` where the shard has ended.
    async fn tell(&self, command: Command<TcpWriter>) -> Option<()> {
        self.shard.send(command).await.ok()
    }
}

#[cfg(test)]
mod tests;
