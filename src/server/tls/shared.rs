//! One connection that two threads use.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConnection;

/// Plaintext of one record at most (RFC 8446, section 5.1).
const RECORD_BYTES_MAX: usize = 16 << 10;

/// A connection after its handshake. The shard encrypts and the session decrypts; whoever holds it never waits.
#[derive(Clone, Debug)]
pub(in crate::server) struct Shared(Arc<Mutex<ServerConnection>>);

impl Shared {
    pub(in crate::server) fn new(connection: ServerConnection) -> Shared {
        Shared(Arc::new(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what was decrypted; `WouldBlock` where more has to come, 0 at the end that the peer announced.
    ///
    /// # Errors
    /// Also where the peer has gone without a word.
    pub(in crate::server) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.lock().reader().read(bytes)
    }

    /// Takes what the socket has and decrypts it.
    ///
    /// # Errors
    /// The socket's, and what the peer did wrong.
    pub(in crate::server) fn take(&self, socket: &mut (impl Read + Write)) -> io::Result<()> {
        let mut connection = self.lock();
        connection.read_tls(socket)?;
        let processed = connection.process_new_packets();
        processed.map(drop).map_err(|error| {
            // What it did wrong is told to the peer, if it takes it.
            let _ = flush(&mut connection, socket);
            io::Error::other(error)
        })
    }

    /// Says that nothing more is written, as far as the socket takes it.
    pub(in crate::server) fn end(&self, socket: &mut impl Write) {
        let mut connection = self.lock();
        connection.send_close_notify();
        // A peer that takes no more need not be told.
        let _ = flush(&mut connection, socket);
    }
}

/// The writing half.
#[derive(Debug)]
pub(in crate::server) struct TlsWriter {
    connection: Shared,
    /// The first byte of what is offered next was encrypted already.
    is_ahead: bool,
}

impl TlsWriter {
    pub(in crate::server) fn new(connection: Shared) -> TlsWriter {
        TlsWriter {
            connection,
            is_ahead: false,
        }
    }

    /// Encrypts and writes as much as the socket takes now; `WouldBlock` where that is nothing.
    ///
    /// A record cannot be taken back. Where the socket leaves a part of the last one behind, the last byte is reported as
    /// not taken, though it was: so the caller knows that there is more to write, and when it offers the rest, that byte
    /// is passed over. `is_last` says that nothing of the frame, which has two bytes at least, stands behind these.
    ///
    /// # Errors
    /// The socket's.
    pub(in crate::server) fn send(
        &mut self,
        bytes: &[u8],
        is_last: bool,
        socket: &mut impl Write,
    ) -> io::Result<usize> {
        let mut connection = self.connection.lock();
        flush(&mut connection, socket)?;
        let mut taken = usize::from(std::mem::take(&mut self.is_ahead));
        while taken < bytes.len() {
            let end = bytes.len().min(taken + RECORD_BYTES_MAX);
            connection.writer().write_all(&bytes[taken..end])?;
            if !connection.wants_write() {
                // TLS 1.2 has so many records for a key and no more (RFC 8446, section 5.5): nothing was encrypted.
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            taken = end;
            match flush(&mut connection, socket) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_ahead = is_last && taken == bytes.len();
                    return Ok(taken - usize::from(self.is_ahead));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}

fn flush(connection: &mut ServerConnection, socket: &mut impl Write) -> io::Result<()> {
    while connection.wants_write() {
        if connection.write_tls(socket)? == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};

    use super::*;

    /// A socket that takes so many bytes now.
    #[derive(Default)]
    struct Pipe {
        room: usize,
        bytes: VecDeque<u8>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.room -= taken;
            self.bytes.extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Pipe {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            match self.bytes.read(bytes)? {
                0 => Err(io::ErrorKind::WouldBlock.into()),
                count => Ok(count),
            }
        }
    }

    /// Both ends after a handshake.
    fn pair() -> (ServerConnection, ClientConnection) {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("a pair");
        let mut roots = RootCertStore::empty();
        roots.add(own.cert.der().clone()).expect("a root");
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let mut server = ServerConnection::new(Arc::new(server)).expect("a server");
        let mut client = ClientConnection::new(Arc::new(client), name).expect("a client");
        while server.is_handshaking() || client.is_handshaking() || server.wants_write() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).expect("written");
            }
            let mut bytes = &wire[..];
            while !bytes.is_empty() {
                server.read_tls(&mut bytes).expect("read");
                server.process_new_packets().expect("right");
            }
            let mut wire = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut wire).expect("written");
            }
            let mut bytes = &wire[..];
            while !bytes.is_empty() {
                client.read_tls(&mut bytes).expect("read");
                client.process_new_packets().expect("right");
            }
        }
        (server, client)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]
        /// As a shard writes: a frame begun is ended before another one, one of which nothing was taken is dropped.
        #[test]
        fn whatever_the_socket_takes_frames_arrive_whole_and_once(
            frames in prop::collection::vec(2usize..40_000, 1..8),
            rooms in prop::collection::vec((0usize..30_000, prop::option::of(1usize..20_000)), 1..60),
        ) {
            let (server, mut client) = pair();
            let mut writer = TlsWriter::new(Shared::new(server));
            let mut pipe = Pipe::default();
            let (mut frames, mut number) = (frames.into_iter(), 0u8);
            let (mut rest, mut is_begun): (Vec<u8>, bool) = (Vec::new(), false);
            let (mut want, mut got) = (Vec::new(), Vec::new());
            // In the end there is room for all.
            for (room, most) in rooms.into_iter().chain([(usize::MAX, None); 9]) {
                pipe.room = room;
                if rest.is_empty() {
                    let Some(bytes) = frames.next() else { break };
                    number += 1;
                    (rest, is_begun) = (vec![number; bytes], false);
                }
                let allowed = most.unwrap_or(usize::MAX).min(rest.len());
                match writer.send(&rest[..allowed], allowed == rest.len(), &mut pipe) {
                    Ok(0) => prop_assert!(is_begun, "a frame of which nothing was taken is dropped"),
                    Ok(taken) => {
                        prop_assert!(taken <= allowed);
                        if !is_begun {
                            want.extend_from_slice(&rest);
                        }
                        is_begun = true;
                        rest.drain(..taken);
                    }
                    Err(error) => {
                        prop_assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                        if !is_begun {
                            rest.clear();
                        }
                    }
                }
            }
            while !rest.is_empty() && is_begun {
                pipe.room = usize::MAX;
                let taken = writer.send(&rest, true, &mut pipe).expect("room");
                rest.drain(..taken);
            }
            while !pipe.bytes.is_empty() {
                client.read_tls(&mut pipe).expect("bytes");
                client.process_new_packets().expect("right");
                let mut plain = [0; 50_000];
                while let Ok(count @ 1..) = client.reader().read(&mut plain) {
                    got.extend_from_slice(&plain[..count]);
                }
            }
            prop_assert!(got == want, "{} of {} bytes", got.len(), want.len());
        }
    }
}
