//! Opens a WebSocket to a venue: TCP, TLS and the upgrade within one deadline.

use std::time::{Duration, SystemTime};

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::RETRY_AFTER;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, http::Uri};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::super::SpecError;
use super::super::error::Lost;
use super::Target;
use crate::tape::LINE_BYTES_MAX;
use crate::trust::trusting;

/// A venue on another continent answers within a second; three lost packets in a row take seven.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// 16 KiB a read: many small frames, and a whole TLS record. More is zeroed at each poll for nothing.
const READ_BUFFER_BYTES: usize = 16 << 10;

/// Requests are small; what a venue does not read is not to pile up here.
const WRITE_BUFFER_BYTES_MAX: usize = 1 << 20;

/// A ban is a matter of days at most.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3 * 24 * 3600);

/// An open WebSocket, plain or over TLS.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where a venue is and whom to trust there.
#[derive(Clone)]
pub(super) struct Endpoint {
    url: String,
    tls: Connector,
}

impl Endpoint {
    /// Reads the certificates; blocks on the file.
    pub(super) fn new(target: &Target) -> Result<Endpoint, SpecError> {
        let is_tls = target.url.starts_with("wss:");
        let tls = if is_tls {
            let trusted = trusting(target.ca_file.as_deref(), None).map_err(|error| SpecError::File {
                key: "ca_file",
                file: error.file,
                why: error.why,
            })?;
            Connector::Rustls(trusted)
        } else {
            Connector::Plain
        };
        let url = target.url.clone();
        Ok(Endpoint { url, tls })
    }

    /// Opens a socket at this path.
    ///
    /// # Cancel safety
    /// Dropped before it is done, nothing stays open.
    pub(super) async fn open(&self, path: &str) -> Result<Socket, Lost> {
        let opened = tokio::time::timeout(CONNECT_DEADLINE, self.open_without_deadline(path)).await;
        opened.map_err(|_| Lost::ConnectDeadline(CONNECT_DEADLINE))?
    }

    async fn open_without_deadline(&self, path: &str) -> Result<Socket, Lost> {
        let handshake = |error| Lost::Handshake(Box::new(error));
        let url = format!("{}{path}", self.url);
        let request = url.into_client_request().map_err(handshake)?;
        let tcp = TcpStream::connect(address(request.uri()))
            .await
            .map_err(Lost::Connect)?;
        tcp.set_nodelay(true).map_err(Lost::Connect)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_write_buffer_size(WRITE_BUFFER_BYTES_MAX)
            .max_message_size(Some(LINE_BYTES_MAX))
            .max_frame_size(Some(LINE_BYTES_MAX));
        let opened = client_async_tls_with_config(request, tcp, Some(config), Some(self.tls.clone())).await;
        match opened {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(response)) => Err(Lost::Refused {
                status: response.status().as_u16(),
                retry_after: retry_after(&response),
            }),
            Err(tungstenite::Error::Io(error)) => Err(Lost::Connect(error)),
            Err(error) => Err(handshake(error)),
        }
    }
}

fn address(uri: &Uri) -> (String, u16) {
    let is_tls = uri.scheme_str() == Some("wss");
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    (host.to_owned(), uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }))
}

/// `Retry-After`, seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(response: &tungstenite::http::Response<Option<Vec<u8>>>) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = httpdate::parse_http_date(text).ok()?;
            at.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::handshake::client::Response;

    fn waits(header: &str) -> Option<u64> {
        let mut response = Response::new(None);
        response
            .headers_mut()
            .insert(RETRY_AFTER, header.parse().expect("a header"));
        retry_after(&response).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_taken_in_seconds_and_as_a_date_and_bounded() {
        assert_eq!(waits("30"), Some(30));
        assert_eq!(waits("99999999999"), Some(3 * 24 * 3600));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        assert!(waits(&date).is_some_and(|wait| (90..=100).contains(&wait)));
        assert_eq!(waits("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(waits("soon"), None);
    }

    #[test]
    fn addresses_have_the_schemes_port_unless_they_name_one() {
        for (url, host, port) in [
            ("wss://venue.test/ws", "venue.test", 443),
            ("ws://venue.test", "venue.test", 80),
            ("ws://[::1]:9000/x", "::1", 9000),
        ] {
            let uri: Uri = url.parse().expect(url);
            assert_eq!(address(&uri), (host.to_owned(), port), "{url}");
        }
    }
}
