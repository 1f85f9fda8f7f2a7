//! An authority of clients, the certificates that it issues, and connections over TLS that show one.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, RootCertStore, StreamOwned, SupportedProtocolVersion};
use serde_json::Value;
use tickwire::market::Ts;

use super::frame::{CLOSE, Frame, TEXT, masked};
use super::http::{self, Answer, head};
use super::server::Server;
use super::tls::Tls;

/// Whom a server believes.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Issued {
    pub(crate) cert_pem: String,
    pub(crate) key_pem: String,
}

/// What is special about a certificate.
#[derive(Clone, Copy, Default)]
pub(crate) struct Special {
    pub(crate) serial: Option<u64>,
    /// It ends so long from now; else in a day.
    pub(crate) left: Option<Duration>,
    /// It ended an hour ago.
    pub(crate) has_ended: bool,
    pub(crate) is_for_servers: bool,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(params, key);
        Authority { pem, issuer }
    }

    /// For a host of this name.
    pub(crate) fn issue(&self, name: &str, special: Special) -> Issued {
        let now = Duration::from_nanos(Ts::now().as_wire());
        let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
        let until = match special.has_ended {
            true => now - hour,
            false => now + special.left.unwrap_or(day),
        };
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(1970, 1, 1) + (now - day);
        params.not_after = date_time_ymd(1970, 1, 1) + until;
        params.serial_number = special.serial.map(SerialNumber::from);
        params.extended_key_usages = vec![match special.is_for_servers {
            true => ExtendedKeyUsagePurpose::ServerAuth,
            false => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Issued {
            cert_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// What it has revoked, in PEM.
    pub(crate) fn list(&self, revoked: &[u64]) -> String {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).expect("a list").pem().expect("PEM")
    }
}

impl Issued {
    /// Both as files in a folder, for commands.
    pub(crate) fn files(&self, folder: &std::path::Path) -> [PathBuf; 2] {
        [("own-cert.pem", &self.cert_pem), ("own-key.pem", &self.key_pem)].map(|(name, pem)| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("written");
            path
        })
    }
}

/// Somebody who connects again and again, and resumes its TLS session where it may.
pub(crate) struct Client {
    config: Arc<ClientConfig>,
    addr: std::net::SocketAddr,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
    /// All that was read of frames.
    pub(crate) read: Vec<u8>,
}

impl Client {
    pub(crate) fn new(
        server: &Server,
        tls: &Tls,
        own: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Client {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(tls.ca_file()).expect("a certificate");
        roots.add(authority).expect("an authority");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let cert = CertificateDer::from_pem_slice(own.cert_pem.as_bytes()).expect("PEM");
                let key = PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes()).expect("PEM");
                builder.with_client_auth_cert(vec![cert], key).expect("a pair")
            }
        };
        Client {
            config: Arc::new(config),
            addr: server.addr,
        }
    }

    /// A connection whose handshake is still to come: it is made with the first bytes.
    pub(crate) fn connect(&self) -> Connection {
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let connection = ClientConnection::new(self.config.clone(), name).expect("a client");
        Connection {
            stream: StreamOwned::new(connection, http::connect(self.addr, None)),
            buffer: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Asks over a connection of its own.
    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.connect().ask(method, target, headers)
    }

    /// Whether a connection comes about.
    pub(crate) fn may_connect(&self) -> bool {
        let mut connection = self.connect();
        let sent = connection.stream.write_all(&head("GET", "/healthz", &[]));
        let mut byte = [0];
        // In TLS 1.3 a client learns only then what the server thinks of its certificate.
        sent.is_ok() && connection.stream.read_exact(&mut byte).is_ok()
    }

    /// A socket that has subscribed to everything that it may see, and how many instruments these are.
    pub(crate) fn subscriber(&self, headers: &[(&str, &str)]) -> (Connection, Value, usize) {
        let mut connection = self.connect();
        let welcome = connection.upgrade(headers);
        connection.send(r#"{"request_id":1,"subscribe":{"symbols":["*"]}}"#);
        let snapshot = connection.until("snapshot");
        let count = snapshot["snapshot"]["instruments"].as_array().map_or(0, Vec::len);
        (connection, welcome, count)
    }
}

impl Connection {
    pub(crate) fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        self.stream
            .write_all(&head(method, target, headers))
            .expect("the request is taken");
        Answer::read(&mut self.stream, method)
    }

    /// How the handshake went, once it has.
    pub(crate) fn kind(&self) -> Option<HandshakeKind> {
        self.stream.conn.handshake_kind()
    }

    /// Becomes a socket of JSON and gives its welcome.
    pub(crate) fn upgrade(&mut self, headers: &[(&str, &str)]) -> Value {
        let request = http::upgrade("?encoding=json", headers);
        self.stream.write_all(&request).expect("the request is taken");
        let answer = Answer::read(&mut self.stream, "GET");
        assert_eq!(answer.status, 101, "{}", answer.text());
        self.until("welcome")["welcome"].take()
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream
            .write_all(&masked(TEXT, text.as_bytes()))
            .expect("the message is taken");
    }

    /// The next frame, which has to come.
    fn frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = Frame::take(&mut self.buffer) {
                return frame;
            }
            let mut bytes = [0; 4_096];
            let count = self.stream.read(&mut bytes).expect("a frame within the limit");
            assert!(count > 0, "the end");
            self.buffer.extend_from_slice(&bytes[..count]);
            self.read.extend_from_slice(&bytes[..count]);
        }
    }

    /// The next message of this kind.
    pub(crate) fn until(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame();
            assert_ne!(frame.first, CLOSE, "{:?}", frame.close());
            if frame.first == TEXT {
                let message: Value = serde_json::from_slice(&frame.payload).expect("JSON");
                if message.get(kind).is_some() {
                    return message;
                }
            }
        }
    }

    /// Code and reason of the close that comes.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        std::iter::repeat_with(|| self.frame())
            .find(|frame| frame.first == CLOSE)
            .expect("frames without end")
            .close()
    }
}
