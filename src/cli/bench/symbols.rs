//! The instruments that a server has, by its `/v1/symbols`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::either::Either;

use super::BenchError;
use crate::client::{Disconnect, Options, reason};
use crate::market::SymbolPattern;

/// A million instruments take some 130 bytes each.
const BODY_BYTES_MAX: usize = 512 << 20;

/// For the whole answer.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Answer {
    instruments: Vec<Instrument>,
}

#[derive(Deserialize)]
struct Instrument {
    symbol: String,
}

/// Asks for all that match, ascending, and where the server was found.
///
/// # Errors
/// It is not there, refuses, or says something else.
pub(super) async fn fetch(options: &Options, pattern: &SymbolPattern) -> Result<(SocketAddr, Vec<String>), BenchError> {
    let fetched = timeout(DEADLINE, fetch_without_deadline(options, pattern)).await;
    fetched.map_err(|_| Disconnect::ConnectDeadline(DEADLINE))?
}

async fn fetch_without_deadline(
    options: &Options,
    pattern: &SymbolPattern,
) -> Result<(SocketAddr, Vec<String>), BenchError> {
    let tcp = TcpStream::connect(options.address())
        .await
        .map_err(Disconnect::Connect)?;
    let addr = tcp.peer_addr().map_err(Disconnect::Connect)?;
    let target = format!("/v1/symbols?match={}", percent_encoded(pattern.as_str()));
    let wrong = |error: String| BenchError::Symbols(reason(&error));
    let request = options.get(&target).map_err(|error| wrong(error.to_string()))?;
    let stream = match options.tls() {
        None => Either::Left(tcp),
        Some((trusted, name)) => {
            let connector = TlsConnector::from(trusted.clone());
            let secured = connector.connect(name.clone(), tcp).await;
            Either::Right(secured.map_err(Disconnect::Connect)?)
        }
    };
    let opened = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.map_err(|error| wrong(error.to_string()))?;
    let driven = tokio::spawn(connection);
    let response = sender.send_request(request.map(|()| Body::empty())).await;
    let response = response.map_err(|error| wrong(error.to_string()))?;
    let status = response.status();
    let body = to_bytes(Body::new(response.into_body()), BODY_BYTES_MAX).await;
    let body = body.map_err(|error| wrong(error.to_string()))?;
    driven.abort();
    if !status.is_success() {
        return Err(wrong(format!(
            "HTTP status {}: {}",
            status.as_u16(),
            String::from_utf8_lossy(&body)
        )));
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))?;
    let mut symbols: Vec<String> = answer.instruments.into_iter().map(|i| i.symbol).collect();
    symbols.sort_unstable();
    symbols.dedup();
    Ok((addr, symbols))
}

/// As a value in a query (RFC 3986, 3.4).
fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_a_pattern_are_encoded() {
        assert_eq!(percent_encoded("kraken:BTC/é*"), "kraken%3ABTC%2F%C3%A9%2A");
    }
}
