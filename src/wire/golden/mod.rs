//! Golden bytes: every message in every encoding, as written out in the `.txt` files beside this one.
//!
//! A change there is a change of the protocol. Where one is meant, the failing test prints the lines to put in.

mod messages;

use super::proto::server_message;
use super::{DecodeLimits, Encoding, decode_client, decode_server, encode_client, encode_server};
use crate::market::Decimals;
use messages::{clients, instrument, servers};
use std::fmt::Write as _;

fn decimals(_: u32) -> Option<Decimals> {
    Decimals::announced(&instrument())
}

/// Bytes as a line of the file: hex, for JSON the text itself.
fn line(name: &str, encoding: Encoding, bytes: &[u8]) -> String {
    let mut line = format!("{name} {encoding} ");
    match encoding {
        Encoding::Json => line.push_str(std::str::from_utf8(bytes).unwrap()),
        _ => bytes.iter().for_each(|byte| write!(line, "{byte:02x}").unwrap()),
    }
    line
}

fn from_line(text: &str, encoding: Encoding) -> Vec<u8> {
    let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    match encoding {
        Encoding::Json => text.as_bytes().to_vec(),
        _ => text.as_bytes().chunks(2).map(hex).collect(),
    }
}

/// Compares what is encoded with the file's lines, and gives the file's bytes to `decode`.
fn check(golden: &str, encoded: Vec<(&str, Encoding, Vec<u8>)>, decode: impl Fn(usize, Encoding, &[u8])) {
    let written = golden.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let written: Vec<&str> = written.collect();
    let now: Vec<String> = encoded
        .iter()
        .map(|(name, encoding, bytes)| line(name, *encoding, bytes))
        .collect();
    assert!(written == now, "these are the bytes now:\n{}\n", now.join("\n"));
    for (at, (line, (name, encoding, _))) in written.iter().zip(&encoded).enumerate() {
        let text = line.strip_prefix(&format!("{name} {encoding} ")).unwrap();
        decode(at / Encoding::ALL.len(), *encoding, &from_line(text, *encoding));
    }
}

fn all<'a, T>(
    messages: &'a [(&'a str, T)],
    encode: impl Fn(Encoding, &T) -> Vec<u8>,
) -> Vec<(&'a str, Encoding, Vec<u8>)> {
    let each = |message: &'a (&'a str, T)| Encoding::ALL.map(|e| (message.0, e, encode(e, &message.1)));
    messages.iter().flat_map(each).collect()
}

#[test]
fn requests_have_their_golden_bytes() {
    let messages = clients();
    let encoded = all(&messages, encode_client);
    check(include_str!("client.txt"), encoded, |at, encoding, bytes| {
        let decoded = decode_client(encoding, encoding == Encoding::Json, bytes, &DecodeLimits::default());
        assert_eq!(decoded.unwrap(), messages[at].1, "{encoding}");
    });
}

#[test]
fn server_messages_have_their_golden_bytes() {
    let messages = servers();
    let encoded = all(&messages, |encoding, message| {
        encode_server(encoding, message, &decimals)
    });
    check(include_str!("server.txt"), encoded, |at, encoding, bytes| {
        if matches!(messages[at].1.body, Some(server_message::Body::Deflated(_))) {
            return;
        }
        let decoded = decode_server(encoding, encoding == Encoding::Json, bytes, &DecodeLimits::default());
        assert_eq!(decoded.unwrap(), messages[at].1, "{encoding}");
    });
}
