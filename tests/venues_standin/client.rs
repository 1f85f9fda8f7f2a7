//! A plain WebSocket client on a blocking socket; it takes each frame as it comes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

use crate::support::LIMIT;
use crate::support::venue::Venue;

pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

pub(crate) struct Client {
    pub(crate) ws: WebSocket<Box<dyn Stream>>,
}

impl Client {
    pub(crate) fn connect(venue: &Venue, path: &str) -> Client {
        Client::try_connect(venue, path).expect("the upgrade")
    }

    pub(crate) fn try_connect(venue: &Venue, path: &str) -> Result<Client, Box<Error>> {
        Client::over(Box::new(tcp(venue)), venue, path)
    }

    /// Over TLS, trusting whom the file names.
    pub(crate) fn connect_tls(venue: &Venue, path: &str, ca_file: &Path) -> Result<Client, Box<Error>> {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(ca_file).expect("a certificate");
        roots.add(ca).expect("an authority");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "127.0.0.1".try_into().expect("a name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("a connection");
        Client::over(Box::new(StreamOwned::new(tls, tcp(venue))), venue, path)
    }

    fn over(stream: Box<dyn Stream>, venue: &Venue, path: &str) -> Result<Client, Box<Error>> {
        let url = format!("ws://{}{path}", venue.addr());
        match client(url, stream) {
            Ok((ws, _)) => Ok(Client { ws }),
            Err(tokio_tungstenite::tungstenite::HandshakeError::Failure(error)) => Err(Box::new(error)),
            Err(interrupted) => panic!("{interrupted}"),
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.ws.send(Message::text(text)).expect("sent");
    }

    /// The next message that is no ping.
    pub(crate) fn next(&mut self) -> Result<Message, Box<Error>> {
        loop {
            match self.ws.read()? {
                Message::Ping(_) => {}
                message => return Ok(message),
            }
        }
    }

    /// The next text.
    pub(crate) fn text(&mut self) -> String {
        match self.next() {
            Ok(Message::Text(text)) => text.to_string(),
            other => panic!("no text but {other:?}"),
        }
    }

    pub(crate) fn json(&mut self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Sends a request and takes the next text as its answer.
    pub(crate) fn ask(&mut self, text: &str) -> Value {
        self.send(text);
        self.json()
    }

    /// The code with which the venue closes, after what else may come.
    pub(crate) fn close_code(&mut self) -> u16 {
        loop {
            match self.next() {
                Ok(Message::Text(_)) => {}
                Ok(Message::Close(Some(frame))) => return frame.code.into(),
                other => panic!("no close but {other:?}"),
            }
        }
    }
}

fn tcp(venue: &Venue) -> TcpStream {
    let tcp = TcpStream::connect(venue.addr()).expect("it listens");
    tcp.set_read_timeout(Some(LIMIT)).expect("a limit");
    tcp
}
