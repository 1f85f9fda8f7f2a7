//! A subscriber's TCP connection in its two halves: the shard writes, the session reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::SocketFaults;
use super::bounds::{NOT_SENT_BYTES, SEND_BUFFER_BYTES, WRITE_DEADLINE};
use super::socket_faults::Faulty;
use crate::fanout::Socket;

/// The writing half: one `send` a call, straight to the kernel.
#[derive(Debug)]
pub struct TcpWriter {
    stream: Arc<TcpStream>,
    faults: Option<Box<Faulty>>,
}

/// The reading half, as the WebSocket library wants it. What the library would write (pongs, closes) goes
/// nowhere: the session has the shard say these, between frames.
#[derive(Debug)]
pub(super) struct TcpReader(Arc<TcpStream>);

/// Breaks the connection where the peer takes nothing of an answer within the deadline (hyper has none of its own).
///
/// # Errors
/// Where the system refuses an option: the connection is gone.
pub(super) fn limit_writes(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    SockRef::from(stream).set_tcp_user_timeout(Some(WRITE_DEADLINE))?;
    Ok(())
}

/// Splits a connection and sets its buffers.
///
/// # Errors
/// Where the system refuses an option: the connection is gone.
pub(super) fn split(stream: TcpStream, faults: SocketFaults) -> io::Result<(TcpWriter, TcpReader)> {
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
        faults,
    };
    Ok((writer, TcpReader(stream)))
}

impl Socket for TcpWriter {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let socket = SockRef::from(&*self.stream);
        let Some(faults) = &mut self.faults else {
            return socket.send(bytes);
        };
        let allowed = faults.allow(bytes.len(), Instant::now())?;
        let taken = socket.send(&bytes[..allowed])?;
        faults.took(taken);
        Ok(taken)
    }

    fn abort(&mut self) {
        let socket = SockRef::from(&*self.stream);
        // Both may fail where the peer was faster; then there is nothing left to break.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(std::net::Shutdown::Both);
    }
}

impl TcpReader {
    /// Says that nothing more is written, then reads and forgets until the peer has closed: a client waits for the
    /// server to close first (RFC 6455, 7.1.1), and bytes of it left unread would break the connection before it
    /// has read our close frame.
    pub(super) async fn drain(&mut self) {
        // Fails where the peer was faster; then there is nothing to wait for.
        let _ = SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write);
        let mut sink = [0u8; 1_024];
        // `read` yields to the runtime now and then, however fast the peer writes; `try_read` would not.
        while self.read(&mut sink).await.is_ok_and(|count| count > 0) {}
    }
}

impl AsyncRead for TcpReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            std::task::ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
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
