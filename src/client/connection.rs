//! One WebSocket connection: moves bytes between the socket and the session, decides nothing.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink, Stream};
use std::pin::Pin;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::end::Disconnect;
use super::limits::{MESSAGE_BYTES_MAX, READ_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX};
use super::options::Options;
use super::session::{Command, Session, Todo};
use super::shared::Shared;
use crate::wire::{DecodeLimits, Encoding, decode_server, encode_client, proto};

/// A server that is being left gets so long to take the close frame.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// An open connection.
pub(super) struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    encoding: Encoding,
    limits: DecodeLimits,
    is_flushed: bool,
}

impl Connection {
    /// Connects and upgrades within the connect deadline.
    ///
    /// # Cancel safety
    /// Dropping it drops the socket.
    pub(super) async fn open(options: &Options) -> Result<Connection, Disconnect> {
        let deadline = options.connect_deadline;
        let late = |_| Disconnect::ConnectDeadline(deadline);
        timeout(deadline, Connection::open_without_deadline(options))
            .await
            .map_err(late)?
    }

    async fn open_without_deadline(options: &Options) -> Result<Connection, Disconnect> {
        let tcp = TcpStream::connect(options.address())
            .await
            .map_err(Disconnect::Connect)?;
        tcp.set_nodelay(true).map_err(Disconnect::Connect)?;
        let request = options.request().map_err(|e| Disconnect::from_upgrade(e.into()))?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let connector = match options.tls() {
            Some((trusted, _)) => Connector::Rustls(trusted.clone()),
            None => Connector::Plain,
        };
        let opened = client_async_tls_with_config(request, tcp, Some(config), Some(connector)).await;
        let (socket, _) = opened.map_err(Disconnect::from_upgrade)?;
        let limits = DecodeLimits {
            message_bytes_max: MESSAGE_BYTES_MAX,
            inflated_bytes_max: MESSAGE_BYTES_MAX,
            ..Default::default()
        };
        Ok(Connection {
            socket,
            encoding: options.encoding_asked(),
            limits,
            is_flushed: true,
        })
    }

    /// Serves until the connection ends (`Err`) or the program drops its subscriber (`Ok`).
    pub(super) async fn serve(
        mut self,
        session: &mut Session,
        shared: &Shared,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Disconnect> {
        session.opened(Instant::now().into_std());
        loop {
            let (deadline, reason) = session.deadline();
            let todo = tokio::select! {
                biased;
                // Before the socket, which under load is always ready.
                command = commands.recv() => match command {
                    Some(command) => session.command(&mut shared.view_mut(), command),
                    None => {
                        self.close().await;
                        return Ok(());
                    }
                },
                received = poll_fn(|cx| self.poll(cx)) => {
                    session.heard(Instant::now().into_std());
                    match self.decode(received, shared)? {
                        Some(message) => session.message(&mut shared.view_mut(), message, Instant::now().into_std())?,
                        None => continue,
                    }
                },
                () = sleep_until(deadline.into()) => return Err(reason),
            };
            self.obey(todo, shared)?;
        }
    }

    /// The next message; meanwhile what is queued is written, so that neither side waits for the other to read.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, tungstenite::Error>>> {
        if !self.is_flushed {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.is_flushed = true,
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Pending => {}
            }
        }
        Pin::new(&mut self.socket).poll_next(cx)
    }

    fn decode(
        &self,
        received: Option<Result<Message, tungstenite::Error>>,
        shared: &Shared,
    ) -> Result<Option<proto::ServerMessage>, Disconnect> {
        let message = received
            .ok_or(Disconnect::Ended)?
            .map_err(|e| Disconnect::Socket(Box::new(e)))?;
        let (is_text, bytes) = match &message {
            Message::Text(text) => (true, text.as_bytes()),
            Message::Binary(bytes) => (false, bytes.as_ref()),
            Message::Close(frame) => return Err(closed(frame.as_ref())),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
        };
        shared.count(bytes.len());
        let decoded = decode_server(self.encoding, is_text, bytes, &self.limits);
        decoded.map(Some).map_err(Disconnect::Decode)
    }

    fn obey(&mut self, todo: Todo, shared: &Shared) -> Result<(), Disconnect> {
        for message in &todo.send {
            self.queue(message)?;
        }
        shared.tell(todo);
        Ok(())
    }

    /// Takes a message into the bounded write buffer; `poll` writes it.
    fn queue(&mut self, message: &proto::ClientMessage) -> Result<(), Disconnect> {
        let bytes = encode_client(self.encoding, message);
        let message = match self.encoding {
            Encoding::Json => match String::from_utf8(bytes) {
                Ok(text) => Message::text(text),
                // The encoder writes UTF-8; were it not so, the server would say what is wrong.
                Err(error) => Message::binary(error.into_bytes()),
            },
            Encoding::Protobuf | Encoding::Msgpack => Message::binary(bytes),
        };
        self.is_flushed = false;
        Pin::new(&mut self.socket)
            .start_send(message)
            .map_err(|e| Disconnect::Socket(Box::new(e)))
    }

    async fn close(&mut self) {
        let frame = CloseFrame {
            code: CloseCode::Normal,
            reason: "bye".into(),
        };
        // Politeness only: the server notices the end of the socket as well.
        let _ = timeout(CLOSE_DEADLINE, self.socket.close(Some(frame))).await;
    }
}

fn closed(frame: Option<&CloseFrame>) -> Disconnect {
    // 1005: RFC 6455's "no status received".
    let (code, words) = frame.map_or((1005, ""), |f| (u16::from(f.code), f.reason.as_str()));
    Disconnect::closed(code, words)
}
