//! Whole messages to bytes.

use super::Encoding;
use super::kinds::Nested;
use super::proto;
use super::tree::{Manner, Tree, WriteContext};
use super::walk::Writing;
use crate::market::Decimals;
use prost::Message;
use serde::Serialize;

/// Encodes a request.
pub fn encode_client(encoding: Encoding, message: &proto::ClientMessage) -> Vec<u8> {
    encode(encoding, message, &|_| None)
}

/// Encodes a message to a subscriber.
///
/// JSON writes prices, sizes and volumes with the decimals that `decimals` gives for the ticker's id; where it
/// gives none those fields are left out, since no text would be right. A `deflated` body cannot be said in
/// JSON: it yields `{}`. The other encodings do not ask for decimals.
pub fn encode_server(
    encoding: Encoding,
    message: &proto::ServerMessage,
    decimals: &dyn Fn(u32) -> Option<Decimals>,
) -> Vec<u8> {
    encode(encoding, message, decimals)
}

/// Writes a message to a subscriber as JSON text: what stands in a text frame, in an event's `data:` and in an
/// HTTP answer. Decimals as in [`encode_server`].
pub fn server_json(message: &proto::ServerMessage, decimals: &dyn Fn(u32) -> Option<Decimals>) -> String {
    // serde_json writes nothing but UTF-8, so nothing is ever replaced.
    String::from_utf8_lossy(&encode_server(Encoding::Json, message, decimals)).into_owned()
}

fn encode<T: Tree + Message>(
    encoding: Encoding,
    message: &T,
    decimals_of: &dyn Fn(u32) -> Option<Decimals>,
) -> Vec<u8> {
    let cx = |manner| WriteContext {
        manner,
        decimals_of,
        decimals: None,
    };
    let mut out = Vec::new();
    match encoding {
        Encoding::Protobuf => return message.encode_to_vec(),
        Encoding::Msgpack => Writing::<Nested, T>::new(message, &cx(Manner::Numbers))
            .serialize(&mut rmp_serde::Serializer::new(&mut out))
            .expect("a described message is valid msgpack and memory takes it"),
        Encoding::Json => Writing::<Nested, T>::new(message, &cx(Manner::Names))
            .serialize(&mut serde_json::Serializer::new(&mut out))
            .expect("a described message is valid json and memory takes it"),
    }
    out
}
