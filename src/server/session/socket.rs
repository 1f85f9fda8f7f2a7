//! A subscriber's TCP connection in its two halves: the shard writes, the session reads.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

use super::socket_faults::Faulty;
use crate::fanout::Socket;
use crate::server::SocketFaults;
use crate::server::bounds::{CLOSE_DEADLINE, CONTROL_BYTES_MAX, NOT_SENT_BYTES, SEND_BUFFER_BYTES, WRITE_DEADLINE};
use crate::server::tls::{Shared, TlsWriter};

/// A connection as it was accepted, with or without TLS.
pub(in crate::server) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// The writing half: one `send` a call, straight to the kernel.
#[derive(Debug)]
pub struct TcpWriter {
    stream: Arc<TcpStream>,
    tls: Option<Box<TlsWriter>>,
    faults: Option<Box<Faulty>>,
}

/// The reading half, as the WebSocket library wants it. What the library would write (pongs, closes) goes
/// nowhere: the session has the shard say these, between frames.
#[derive(Debug)]
pub(in crate::server) struct TcpReader {
    stream: Arc<TcpStream>,
    tls: Option<Shared>,
    /// Bytes read since the last message; what came of control frames is taken off again.
    unended: usize,
    /// So many may be, then the message is taken for one without an end.
    unended_max: usize,
}

/// The socket itself, never waiting.
struct Raw<'a>(&'a TcpStream);

/// Breaks the connection where the peer takes nothing of an answer within the deadline (hyper has none of its own), and
/// has little wait in the kernel, so that an event stream is told early that its reader is slow.
///
/// `patience` is a slow subscriber's: an event stream ends by that rule first.
///
/// # Errors
/// Where the system refuses an option: the connection is gone.
pub(in crate::server) fn limit_writes(stream: &TcpStream, patience: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(stream);
        let deadline = WRITE_DEADLINE.max(patience) + CLOSE_DEADLINE;
        socket.set_tcp_user_timeout(Some(deadline))?;
        socket.set_tcp_notsent_lowat(NOT_SENT_BYTES)?;
    }
    Ok(())
}

/// Splits a connection and sets its buffers.
///
/// # Errors
/// Where the system refuses an option: the connection is gone.
pub(in crate::server) fn split(stream: Stream, faults: SocketFaults) -> io::Result<(TcpWriter, TcpReader)> {
    let (stream, tls) = match stream {
        Either::Left(stream) => (stream, None),
        Either::Right(tls) => {
            let (stream, connection) = tls.into_inner();
            (stream, Some(Shared::new(connection)))
        }
    };
    let socket = SockRef::from(&stream);
    // From here on the shard's rule for slow consumers holds.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(None)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(NOT_SENT_BYTES)?;
    let stream = Arc::new(stream);
    let faults = Faulty::new(faults, Instant::now());
    let writer = TcpWriter {
        stream: stream.clone(),
        tls: tls.clone().map(|connection| Box::new(TlsWriter::new(connection))),
        faults,
    };
    let reader = TcpReader {
        stream,
        tls,
        unended: 0,
        unended_max: usize::MAX,
    };
    Ok((writer, reader))
}

impl Socket for TcpWriter {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut socket = Raw(&self.stream);
        let allowed = match &mut self.faults {
            None => bytes.len(),
            Some(faults) => faults.allow(bytes.len(), Instant::now())?,
        };
        let taken = match &mut self.tls {
            None => socket.write(&bytes[..allowed])?,
            Some(tls) => tls.send(&bytes[..allowed], allowed == bytes.len(), &mut socket)?,
        };
        if let Some(faults) = &mut self.faults {
            faults.took(taken);
        }
        Ok(taken)
    }

    fn descriptor(&self) -> Option<RawFd> {
        let is_plain = self.tls.is_none() && self.faults.is_none();
        is_plain.then(|| self.stream.as_raw_fd())
    }

    fn abort(&mut self) {
        let socket = SockRef::from(&*self.stream);
        // Both may fail where the peer was faster; then there is nothing left to break.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(std::net::Shutdown::Both);
    }
}

impl TcpReader {
    /// Reads so many bytes of one message and no more.
    pub(in crate::server) fn within(self, unended_max: usize) -> TcpReader {
        TcpReader { unended_max, ..self }
    }

    /// Notes that a message or a control frame has come whole.
    pub(in crate::server) fn ended(&mut self, is_control: bool) {
        let left = if is_control {
            self.unended.saturating_sub(CONTROL_BYTES_MAX)
        } else {
            0
        };
        self.unended = left;
    }

    /// Says that nothing more is written, then reads and forgets until the peer has closed: a client waits for the
    /// server to close first (RFC 6455, 7.1.1), and bytes of it left unread would break the connection before it
    /// has read our close frame.
    pub(in crate::server) async fn drain(&mut self) {
        if let Some(tls) = &self.tls {
            tls.end(&mut Raw(&self.stream));
        }
        // Fails where the peer was faster; then there is nothing to wait for.
        let _ = SockRef::from(&*self.stream).shutdown(std::net::Shutdown::Write);
        let mut sink = [0u8; 1_024];
        self.unended_max = usize::MAX;
        while self.read(&mut sink).await.is_ok_and(|count| count > 0) {}
    }

    /// What the socket has, or its TLS.
    fn poll_socket(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut socket = Raw(&self.stream);
        let would_block = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
        loop {
            let read = match &self.tls {
                None => socket.read(buf.initialize_unfilled()),
                Some(tls) => tls.read(buf.initialize_unfilled()),
            };
            match read {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if would_block(&error) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            std::task::ready!(self.stream.poll_read_ready(cx))?;
            if let Some(tls) = &self.tls {
                match tls.take(&mut socket) {
                    Err(error) if !would_block(&error) => return Poll::Ready(Err(error)),
                    _ => {}
                }
            }
        }
    }
}

impl Read for Raw<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(bytes)
    }
}

impl Write for Raw<'_> {
    /// Past the runtime, which need not know: a socket that is full is tried again by the shard's beat.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SockRef::from(self.0).send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for TcpReader {
    /// # Errors
    /// `FileTooLarge` where a message has no end.
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A peer that writes faster than it is read would else have a thread of the runtime for itself.
        let turn = std::task::ready!(coop::poll_proceed(cx));
        if self.unended > self.unended_max {
            return Poll::Ready(Err(io::ErrorKind::FileTooLarge.into()));
        }
        let before = buf.filled().len();
        let read = self.poll_socket(cx, buf);
        if read.is_ready() {
            turn.made_progress();
            self.unended += buf.filled().len() - before;
        }
        read
    }
}

impl AsyncWrite for TcpReader {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
