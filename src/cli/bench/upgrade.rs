//! The handshake of one subscriber (RFC 6455, 4.1), on bytes as they come.

use tokio_tungstenite::tungstenite::error::{Error, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::handshake::client::{Response, generate_request};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::handshake::machine::TryParse;
use tokio_tungstenite::tungstenite::http::{StatusCode, header};

use crate::client::{Disconnect, Options};

/// Bytes of an answer with its body: heads have some 200, refusals a sentence.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A handshake under way.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// What the server has to make of our key.
    accept: String,
    subprotocol: &'static str,
}

impl Upgrade {
    /// Begins; the bytes are the request.
    pub(super) fn new(options: &Options) -> Result<(Upgrade, Vec<u8>), Disconnect> {
        let request = options.request().map_err(|error| broken(error.into()))?;
        let (bytes, key) = generate_request(request).map_err(broken)?;
        let upgrade = Upgrade {
            accept: derive_accept_key(key.as_bytes()),
            subprotocol: options.encoding_asked().subprotocol(),
        };
        Ok((upgrade, bytes))
    }

    /// Reads the answer: how long it is, `None` where it is not whole yet. `is_end`: nothing follows these bytes.
    ///
    /// # Errors
    /// The server refuses, or is none of ours.
    pub(super) fn answer(&self, bytes: &[u8], is_end: bool) -> Result<Option<usize>, Disconnect> {
        let is_whole = is_end || bytes.len() >= ANSWER_BYTES_MAX;
        let (len, mut response) = match Response::try_parse(bytes).map_err(broken)? {
            Some(parsed) => parsed,
            None if is_whole => return Err(broken(ProtocolError::HandshakeIncomplete.into())),
            None => return Ok(None),
        };
        let is = |name: header::HeaderName, value: &str| response.headers().get(name).is_some_and(|v| v == value);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            if !is(header::SEC_WEBSOCKET_ACCEPT, &self.accept) {
                return Err(broken(ProtocolError::SecWebSocketAcceptKeyMismatch.into()));
            }
            if !is(header::SEC_WEBSOCKET_PROTOCOL, self.subprotocol) {
                let none = ProtocolError::SecWebSocketSubProtocolError(SubProtocolError::NoSubProtocol);
                return Err(broken(none.into()));
            }
            return Ok(Some(len));
        }
        let body = bytes.get(len..).unwrap_or_default();
        let owed = response.headers().get(header::CONTENT_LENGTH);
        let owed: usize = owed.and_then(|v| v.to_str().ok()?.parse().ok()).unwrap_or(0);
        if body.len() < owed && !is_whole {
            return Ok(None);
        }
        *response.body_mut() = Some(body.to_vec());
        Err(Disconnect::from_upgrade(Error::Http(response.into())))
    }
}

fn broken(error: Error) -> Disconnect {
    Disconnect::Socket(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Encoding;

    fn begun() -> Upgrade {
        let options = Options::new("http://h").expect("a URL").encoding(Encoding::Json);
        let (mut upgrade, request) = Upgrade::new(&options).expect("a request");
        let request = String::from_utf8(request).expect("UTF-8");
        assert!(request.starts_with("GET /v1/stream HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"));
        // Of RFC 6455, 1.3.
        upgrade.accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into();
        upgrade
    }

    #[test]
    fn an_answer_is_taken_when_it_is_whole_and_no_further() {
        let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: tickwire.v1.json\r\n\r\n";
        let upgrade = begun();
        for cut in 0..answer.len() {
            assert!(matches!(upgrade.answer(&answer[..cut], false), Ok(None)), "{cut}");
        }
        let longer = [answer.as_slice(), b"\x81\x02{}"].concat();
        assert_eq!(upgrade.answer(&longer, false).expect("taken"), Some(answer.len()));
        let other = String::from_utf8_lossy(answer).replace("json", "msgpack");
        assert!(upgrade.answer(other.as_bytes(), false).is_err());
        let other = String::from_utf8_lossy(answer).replace("s3pP", "AAAA");
        assert!(upgrade.answer(other.as_bytes(), false).is_err());
    }

    #[test]
    fn a_refusal_is_told_with_its_words() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 46\r\n\r\n\
            {\"error\":{\"code\":\"busy\",\"message\":\"too many\"}}";
        let upgrade = begun();
        assert!(matches!(upgrade.answer(&answer[..answer.len() - 1], false), Ok(None)));
        let error = upgrade.answer(answer, false).expect_err("refused").to_string();
        assert_eq!(error, "refused with HTTP status 503: too many");
        let cut = upgrade
            .answer(&answer[..answer.len() - 1], true)
            .expect_err("refused")
            .to_string();
        assert!(cut.starts_with("refused with HTTP status 503"), "{cut}");
        assert!(upgrade.answer(b"HTTP/1.1 ", true).is_err());
        assert!(upgrade.answer(b"SSH-2.0-OpenSSH\r\n\r\n", false).is_err());
    }
}
