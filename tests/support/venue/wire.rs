//! The socket below a connection, plain or TLS, which can end in the middle of a write.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A socket that writes as many bytes as it is allowed to.
pub(super) struct Wire {
    socket: Socket,
    /// How many bytes may still be written; `None` is all.
    left: Option<usize>,
}

impl Wire {
    pub(super) fn new(socket: Socket) -> Wire {
        Wire { socket, left: None }
    }

    /// Writes so many bytes more and then fails.
    pub(super) fn cut_after(&mut self, bytes: usize) {
        self.left = Some(bytes);
    }

    /// Makes the end of this socket a reset.
    pub(super) fn reset_at_end(&self) {
        let tcp = match &self.socket {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(tls) => tls.get_ref().0,
        };
        SockRef::from(tcp).set_linger(Some(Duration::ZERO)).expect("an option");
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Socket::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let most = self.left.unwrap_or(buf.len()).min(buf.len());
        if most == 0 && !buf.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_write(cx, &buf[..most]),
            Socket::Tls(tls) => Pin::new(tls).poll_write(cx, &buf[..most]),
        };
        if let (Poll::Ready(Ok(count)), Some(left)) = (&written, &mut self.left) {
            *left -= count;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Socket::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Socket::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
