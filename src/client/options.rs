//! Where to connect and how: what goes into the URL and the handshake.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::http::header::{self, HeaderValue};
use tokio_tungstenite::tungstenite::http::{self, Uri};

use crate::trust::{Own, TrustError, trusting};
use crate::wire::{Compression, Encoding};

/// The stream's path, appended to a URL that does not end in it.
const PATH: &str = "/v1/stream";
/// A server that is up accepts within milliseconds, one far away within a second.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// The server greets at once.
const WELCOME_DEADLINE: Duration = Duration::from_secs(5);
/// Three heartbeats of 1 s; shorter ones would take a pause of the scheduler for a lost connection.
const SILENCE_MIN: Duration = Duration::from_secs(3);

/// How to connect. Nothing is tried before [`Subscriber::new`](super::Subscriber::new).
#[derive(Clone, Debug)]
pub struct Options {
    host: String,
    port: u16,
    uri: Uri,
    /// What TLS needs: whom to believe, and the name that the server has to show; `None` without TLS.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// What that was made of.
    ca_file: Option<PathBuf>,
    own: Option<Own>,
    encoding: Encoding,
    compression: Compression,
    interval_ms: Option<u32>,
    token: Option<HeaderValue>,
    pub(super) window: u32,
    pub(super) connect_deadline: Duration,
    pub(super) welcome_deadline: Duration,
    pub(super) silence_min: Duration,
}

/// Why options cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// Not a URL.
    #[error("`{url}` is not a URL such as http://127.0.0.1:7070")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        source: http::uri::InvalidUri,
    },
    /// A URL without scheme or host.
    #[error("`{0}` lacks its scheme or host: a URL such as http://127.0.0.1:7070 is needed")]
    Incomplete(String),
    /// Another scheme.
    #[error("`{0}`: only http://, https://, ws:// and wss:// are supported")]
    Scheme(String),
    /// A host that no certificate can name.
    #[error("`{0}` is no host that a certificate can name")]
    Host(String),
    /// The authorities to believe, or the certificate to show, cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Authorities to believe or a certificate to show, and a URL without TLS.
    #[error("authorities to trust and certificates to show are of use with https:// and wss:// only")]
    NoTls,
    /// A token with characters that no HTTP header can carry.
    #[error("the token has characters that an HTTP header cannot carry")]
    Token,
}

impl Options {
    /// Takes `ws://HOST[:PORT]`, `wss://…`, `http://…` or `https://…`, with or without `/v1/stream` at the end.
    ///
    /// # Errors
    /// Where the URL cannot be used, with what can.
    pub fn new(url: &str) -> Result<Options, OptionsError> {
        let wrong = |source| OptionsError::Url {
            url: url.into(),
            source,
        };
        let given: Uri = url.parse().map_err(wrong)?;
        let (scheme, default_port) = match given.scheme_str() {
            Some("ws" | "http") => ("ws", 80),
            Some("wss" | "https") => ("wss", 443),
            Some(_) => return Err(OptionsError::Scheme(url.into())),
            None => return Err(OptionsError::Incomplete(url.into())),
        };
        let authority = given.authority().ok_or_else(|| OptionsError::Incomplete(url.into()))?;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err(OptionsError::Incomplete(url.into()));
        }
        let port = given.port_u16().unwrap_or(default_port);
        let tls = match scheme {
            "wss" => {
                let name = ServerName::try_from(host.clone()).map_err(|_| OptionsError::Host(host.clone()))?;
                Some((trusting(None, None)?, name))
            }
            _ => None,
        };
        let path = given.path().trim_end_matches('/');
        let path = path.strip_suffix(PATH).unwrap_or(path);
        let query = given.query().map(|q| format!("?{q}")).unwrap_or_default();
        let uri = format!("{scheme}://{}:{port}{path}{PATH}{query}", authority.host());
        Ok(Options {
            host,
            port,
            uri: uri.parse().map_err(wrong)?,
            tls,
            ca_file: None,
            own: None,
            encoding: Encoding::default(),
            compression: Compression::default(),
            interval_ms: None,
            token: None,
            window: 0,
            connect_deadline: CONNECT_DEADLINE,
            welcome_deadline: WELCOME_DEADLINE,
            silence_min: SILENCE_MIN,
        })
    }

    /// Sets how messages become bytes; protobuf unless set.
    #[must_use]
    pub fn encoding(mut self, encoding: Encoding) -> Options {
        self.encoding = encoding;
        self
    }

    /// Allows the server to deflate; it does not unless set.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Options {
        self.compression = compression;
        self
    }

    /// Asks for at most one delta in so long; the server allows 10 to 60000.
    #[must_use]
    pub fn interval_ms(mut self, interval_ms: u32) -> Options {
        self.interval_ms = Some(interval_ms);
        self
    }

    /// Sets the credentials.
    ///
    /// # Errors
    /// Where no HTTP header can carry the token.
    pub fn token(mut self, token: &str) -> Result<Options, OptionsError> {
        let value = HeaderValue::from_str(&format!("Bearer {token}"));
        let mut value = value.map_err(|_| OptionsError::Token)?;
        value.set_sensitive(true);
        self.token = Some(value);
        Ok(self)
    }

    /// Believes the authorities of a file, certificates in PEM, instead of those that browsers trust. Blocks on the file.
    ///
    /// # Errors
    /// Where the file cannot be used, or the URL is one without TLS.
    pub fn ca_file(mut self, file: &Path) -> Result<Options, OptionsError> {
        self.ca_file = Some(file.to_owned());
        self.secured()
    }

    /// Shows a certificate, the chain behind it, where the server asks for one; both files are PEM. A token goes before it.
    /// Blocks on the files.
    ///
    /// # Errors
    /// Where a file cannot be used, or the URL is one without TLS.
    pub fn certificate(mut self, cert: &Path, key: &Path) -> Result<Options, OptionsError> {
        let (cert, key) = (cert.to_owned(), key.to_owned());
        self.own = Some(Own { cert, key });
        self.secured()
    }

    fn secured(mut self) -> Result<Options, OptionsError> {
        let (config, _) = self.tls.as_mut().ok_or(OptionsError::NoTls)?;
        *config = trusting(self.ca_file.as_deref(), self.own.as_ref())?;
        Ok(self)
    }

    /// Lets at most so many deltas be unconfirmed; 0, the default, is off.
    ///
    /// This subscriber conflates what the program does not read, so it needs no window; for tests and measuring.
    #[must_use]
    pub fn window(mut self, window: u32) -> Options {
        self.window = window;
        self
    }

    /// Sets the deadlines: TCP connect and upgrade (5 s unless set), the welcome after it (5 s), and the shortest
    /// silence that is taken for a lost connection (3 s; three heartbeats where that is longer).
    #[must_use]
    pub fn deadlines(mut self, connect: Duration, welcome: Duration, silence_min: Duration) -> Options {
        self.connect_deadline = connect;
        self.welcome_deadline = welcome;
        self.silence_min = silence_min;
        self
    }

    /// The encoding asked for.
    pub fn encoding_asked(&self) -> Encoding {
        self.encoding
    }

    /// Whether there are credentials.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whom to believe and the name that the server has to show; `None` without TLS.
    pub fn tls(&self) -> Option<&(Arc<ClientConfig>, ServerName<'static>)> {
        self.tls.as_ref()
    }

    /// Host and port to connect to.
    pub fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// A request for plain HTTP to the same server with the same credentials; `target` is such as `/v1/symbols`.
    ///
    /// # Errors
    /// Where `target` cannot stand in a URL.
    pub fn get(&self, target: &str) -> Result<Request, http::Error> {
        let path = self.uri.path();
        let path = path.strip_suffix(PATH).unwrap_or(path);
        let mut request = Request::builder()
            .uri(format!("{path}{target}"))
            .header(header::HOST, self.uri.authority().map_or("", |a| a.as_str()));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token);
        }
        request.body(())
    }

    /// The upgrade request, with a key of its own.
    ///
    /// # Errors
    /// Never for what [`Options::new`] took.
    pub fn request(&self) -> Result<Request, http::Error> {
        let mut query = Vec::from_iter(self.uri.query().map(str::to_owned));
        if self.compression == Compression::Deflate {
            query.push("compression=deflate".to_owned());
        }
        if let Some(ms) = self.interval_ms {
            query.push(format!("interval_ms={ms}"));
        }
        let host = self.uri.authority().map_or("", |a| a.as_str());
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{}", query.join("&"))
        };
        let mut request = Request::builder()
            .uri(format!(
                "{}://{host}{}{query}",
                self.uri.scheme_str().unwrap_or("ws"),
                self.uri.path()
            ))
            .header(header::HOST, host)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, generate_key())
            .header(header::SEC_WEBSOCKET_PROTOCOL, self.encoding.subprotocol());
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token);
        }
        request.body(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_the_stream_whatever_its_form() {
        for (url, uri, address) in [
            (
                "ws://127.0.0.1:7070",
                "ws://127.0.0.1:7070/v1/stream",
                ("127.0.0.1", 7070),
            ),
            ("http://h", "ws://h:80/v1/stream", ("h", 80)),
            ("http://h/v1/stream/", "ws://h:80/v1/stream", ("h", 80)),
            ("https://h", "wss://h:443/v1/stream", ("h", 443)),
            ("wss://[::1]:9", "wss://[::1]:9/v1/stream", ("::1", 9)),
            ("ws://[::1]:9/feed/", "ws://[::1]:9/feed/v1/stream", ("::1", 9)),
            ("ws://h:1?a=b", "ws://h:1/v1/stream?a=b", ("h", 1)),
        ] {
            let options = Options::new(url).expect(url);
            let request = options.request().expect(url);
            assert_eq!(
                (request.uri().to_string().as_str(), options.address()),
                (uri, address),
                "{url}"
            );
        }
    }

    #[test]
    fn what_cannot_be_used_says_what_can() {
        assert!(matches!(Options::new("https://a..b"), Err(OptionsError::Host(_))));
        let plain = Options::new("http://h").expect("a URL");
        let none = Path::new("x");
        assert!(matches!(
            plain.clone().certificate(none, none),
            Err(OptionsError::NoTls)
        ));
        assert!(matches!(plain.ca_file(none), Err(OptionsError::NoTls)));
        let secure = Options::new("https://h").expect("a URL");
        assert!(matches!(
            secure.ca_file(Path::new("nowhere.pem")),
            Err(OptionsError::Trust(_))
        ));
        assert!(matches!(Options::new("ftp://h"), Err(OptionsError::Scheme(_))));
        assert!(matches!(Options::new("/v1/stream"), Err(OptionsError::Incomplete(_))));
        assert!(matches!(Options::new("h:7070"), Err(OptionsError::Incomplete(_))));
        assert!(matches!(Options::new(" "), Err(OptionsError::Url { .. })));
        let options = Options::new("ws://h").expect("a URL");
        assert!(matches!(options.token("a\nb"), Err(OptionsError::Token)));
    }

    #[test]
    fn options_travel_in_the_url_and_the_handshake() {
        let options = Options::new("ws://h?x=1").expect("a URL").encoding(Encoding::Json);
        let options = options
            .compression(Compression::Deflate)
            .interval_ms(500)
            .token("secret")
            .expect("a token");
        let request = options.request().expect("a request");
        assert_eq!(request.uri().query(), Some("x=1&compression=deflate&interval_ms=500"));
        assert_eq!(request.headers()["sec-websocket-protocol"], "tickwire.v1.json");
        assert_eq!(request.headers()["authorization"], "Bearer secret");
        assert!(!format!("{options:?}").contains("secret"));
        let request = options.get("/v1/symbols?match=a:*").expect("a request");
        assert_eq!(request.uri().to_string(), "/v1/symbols?match=a:*");
        assert_eq!(
            (&request.headers()["host"], &request.headers()["authorization"]),
            (
                &"h:80".parse().expect("a value"),
                &"Bearer secret".parse().expect("a value")
            )
        );
    }
}
