//! A subscriber's bytes to and from the system, with or without TLS; nothing here waits.

use std::io::{self, Read, Write};

use mio::net::TcpStream;
use rustls::{ClientConnection, StreamOwned};

use crate::client::{Disconnect, Options};

/// A socket, and what is spoken on it.
#[derive(Debug)]
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    /// Takes a socket that may still be connecting; a TLS handshake goes on with each read and write.
    pub(super) fn new(socket: TcpStream, options: &Options) -> Result<Wire, Disconnect> {
        let Some((config, name)) = options.tls() else {
            return Ok(Wire::Plain(socket));
        };
        let connection = ClientConnection::new(config.clone(), name.clone())
            .map_err(|error| Disconnect::Connect(io::Error::other(error)))?;
        Ok(Wire::Tls(Box::new(StreamOwned::new(connection, socket))))
    }

    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(socket) => socket,
            Wire::Tls(tls) => &tls.sock,
        }
    }

    /// Whether a read that does not fill the buffer has emptied the socket; of TLS each gives a record at most.
    pub(super) fn is_emptied_by(&self, count: usize, room: usize) -> bool {
        matches!(self, Wire::Plain(_)) && count < room
    }
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.read(bytes),
            Wire::Tls(tls) => tls.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.write(bytes),
            Wire::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(socket) => socket.flush(),
            Wire::Tls(tls) => tls.flush(),
        }
    }
}
