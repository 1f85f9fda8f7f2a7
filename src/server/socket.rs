//! A subscriber's TCP connection in its two halves: the shard writes, the session reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::bounds::{NOT_SENT_BYTES, SEND_BUFFER_BYTES};
use crate::fanout::Socket;

/// The writing half: one `send` a call, straight to the kernel.
#[derive(Debug)]
pub struct TcpWriter(Arc<TcpStream>);

/// The reading half, as the WebSocket library wants it. What the library would write (pongs, closes) goes
/// nowhere: the session has the shard say these, between frames.
#[derive(Debug)]
pub(super) struct TcpReader(Arc<TcpStream>);

/// Splits a connection and sets its buffers.
///
/// # Errors
/// Where the system refuses an option: the connection is gone.
pub(super) fn split(stream: TcpStream) -> io::Result<(TcpWriter, TcpReader)> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(NOT_SENT_BYTES)?;
    let stream = Arc::new(stream);
    Ok((TcpWriter(stream.clone()), TcpReader(stream)))
}

impl Socket for TcpWriter {
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SockRef::from(&*self.0).send(bytes)
    }

    fn abort(&mut self) {
        let socket = SockRef::from(&*self.0);
        // Both may fail where the peer was faster; then there is nothing left to break.
        let _ = socket.set_linger(Some(Duration::ZERO));
        let _ = socket.shutdown(std::net::Shutdown::Both);
    }
}

impl TcpReader {
    /// Reads and forgets until the peer has closed.
    pub(super) async fn drain(&self) {
        let mut sink = [0u8; 1_024];
        while self.0.readable().await.is_ok() {
            match self.0.try_read(&mut sink) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
        }
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
