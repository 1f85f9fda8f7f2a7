//! TLS: the operator's certificate, the handshake, and one connection that two threads use.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Plaintext of one record at most (RFC 8446, section 5.1).
const RECORD_BYTES_MAX: usize = 16 << 10;

/// What the server shows to its clients; clients show nothing.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not there, or may not be read.
    #[error("`{}` cannot be read: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file without what is looked for.
    #[error("`{}` holds no {wanted}: {why}", file.display())]
    Content {
        /// Which.
        file: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        why: pem::Error,
    },
    /// A certificate that is not of this key, or not usable at all.
    #[error("certificate `{}` and key `{}` cannot be used: {why}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        why: rustls::Error,
    },
}

impl TlsError {
    /// Whether the user has to name other files; else the machine failed.
    pub fn is_usage(&self) -> bool {
        !matches!(self, TlsError::Read { .. })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key, both in PEM. Blocks on the files.
    ///
    /// # Errors
    /// Which file is at fault, and why.
    pub fn read(cert: &Path, key: &Path) -> Result<Tls, TlsError> {
        let wanted = "certificate in PEM";
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|error| in_file(cert, wanted, error))?;
        if chain.is_empty() {
            return Err(in_file(cert, wanted, pem::Error::NoItemsFound));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, "private key in PEM", error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private));
        let mut config = config.map_err(|why| TlsError::Pair {
            cert: cert.to_path_buf(),
            key: key.to_path_buf(),
            why,
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Whoever comes back needs no signature, and no memory here; without randomness they need one.
        if let Ok(ticketer) = rustls::crypto::ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// What the client did wrong, or that it has gone.
    ///
    /// # Cancel safety
    /// Dropping it closes the connection.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

fn in_file(file: &Path, wanted: &'static str, error: pem::Error) -> TlsError {
    let file = file.to_path_buf();
    match error {
        pem::Error::Io(source) => TlsError::Read { file, source },
        why => TlsError::Content { file, wanted, why },
    }
}

/// A connection after its handshake. The shard encrypts and the session decrypts; whoever holds it never waits.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<Mutex<ServerConnection>>);

impl Shared {
    pub(super) fn new(connection: ServerConnection) -> Shared {
        Shared(Arc::new(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, ServerConnection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what was decrypted; `WouldBlock` where more has to come, 0 at the end that the peer announced.
    ///
    /// # Errors
    /// Also where the peer has gone without a word.
    pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.lock().reader().read(bytes)
    }

    /// Takes what the socket has and decrypts it.
    ///
    /// # Errors
    /// The socket's, and what the peer did wrong.
    pub(super) fn take(&self, socket: &mut (impl Read + Write)) -> io::Result<()> {
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
    pub(super) fn end(&self, socket: &mut impl Write) {
        let mut connection = self.lock();
        connection.send_close_notify();
        // A peer that takes no more need not be told.
        let _ = flush(&mut connection, socket);
    }
}

/// The writing half.
#[derive(Debug)]
pub(super) struct TlsWriter {
    connection: Shared,
    /// The first byte of what is offered next was encrypted already.
    is_ahead: bool,
}

impl TlsWriter {
    pub(super) fn new(connection: Shared) -> TlsWriter {
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
    pub(super) fn send(&mut self, bytes: &[u8], is_last: bool, socket: &mut impl Write) -> io::Result<usize> {
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
    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, ClientConnection, RootCertStore};

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

    #[test]
    fn files_that_cannot_be_used_are_named_with_what_they_lack() {
        let folder = std::env::temp_dir().join(format!("tickwire-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let cert = write("cert.pem", &own.cert.pem());
        let key = write("key.pem", &own.signing_key.serialize_pem());
        let other = write("other.pem", &other.signing_key.serialize_pem());
        let empty = write("empty.pem", "");
        assert!(Tls::read(&cert, &key).is_ok());
        let none = folder.join("none.pem");
        for (cert, key, is_usage, words) in [
            (&none, &key, false, "none.pem` cannot be read"),
            (&cert, &none, false, "none.pem` cannot be read"),
            (&empty, &key, true, "empty.pem` holds no certificate in PEM"),
            (&cert, &empty, true, "empty.pem` holds no private key in PEM"),
            (&cert, &cert, true, "cert.pem` holds no private key in PEM"),
            (&cert, &other, true, "other.pem` cannot be used"),
        ] {
            let error = Tls::read(cert, key).expect_err(words);
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.is_usage(), is_usage, "{error}");
        }
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
