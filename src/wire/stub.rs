//! Stand-in for the wire room's codec, protobuf alone; dropped when the rooms are merged.
#![allow(missing_docs, clippy::all)]

use super::{Encoding, proto};
use prost::Message as _;

#[derive(Clone, Debug)]
pub struct DecodeLimits {
    pub message_bytes_max: usize,
    pub inflated_bytes_max: usize,
    pub depth_max: usize,
}

impl Default for DecodeLimits {
    fn default() -> DecodeLimits {
        DecodeLimits {
            message_bytes_max: 1 << 24,
            inflated_bytes_max: 1 << 24,
            depth_max: 8,
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("not a message: {0}")]
pub struct DecodeError(prost::DecodeError);

pub fn encode_client(_: Encoding, message: &proto::ClientMessage) -> Vec<u8> {
    message.encode_to_vec()
}

pub fn decode_server(
    _: Encoding,
    _: bool,
    bytes: &[u8],
    _: &DecodeLimits,
) -> Result<proto::ServerMessage, DecodeError> {
    proto::ServerMessage::decode(bytes).map_err(DecodeError)
}
