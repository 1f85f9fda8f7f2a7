//! Messages ⇄ bytes. Three encodings of one tree, fixed by `proto/tickwire.proto`.
//!
//! The tree is described once (`schema`); protobuf goes through prost, MessagePack and JSON through serde.
//! Knows nothing of sockets.

mod body;
mod chunk;
mod decimals;
mod decode;
mod deflate;
mod encode;
mod error;
mod frame;
mod head;
mod kinds;
mod loose;
mod peek;
mod primitive;
mod schema;
mod tree;
mod walk;
mod words;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod assembled;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod golden;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use chunk::Chunks;
pub use decode::{DecodeLimits, decode_client, decode_server};
pub use deflate::{DEFLATE_BYTES_MIN, Deflater, Inflater, compress};
pub use encode::{encode_client, encode_server, server_json};
pub use error::DecodeError;
pub use frame::{FRAME_BYTES_MIN, FrameBuf, picks_that_fit, room};
pub use head::{DeltaHead, Refused, SnapshotHead, SnapshotTail};
pub use peek::{DeltaPeek, Peek, peek_server};
pub use words::error_word;

/// The schema's messages, generated from `proto/tickwire.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/tickwire.v1.rs"));
}

use std::fmt;
use std::str::FromStr;

/// How messages become bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Protocol Buffers, binary frames.
    #[default]
    Protobuf,
    /// MessagePack maps keyed by field number, binary frames.
    Msgpack,
    /// JSON, text frames.
    Json,
}

impl Encoding {
    /// All encodings.
    pub const ALL: [Encoding; 3] = [Encoding::Protobuf, Encoding::Msgpack, Encoding::Json];

    /// The word in the query and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Protobuf => "protobuf",
            Encoding::Msgpack => "msgpack",
            Encoding::Json => "json",
        }
    }

    /// The `Sec-WebSocket-Protocol` value.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Encoding::Protobuf => "tickwire.v1.protobuf",
            Encoding::Msgpack => "tickwire.v1.msgpack",
            Encoding::Json => "tickwire.v1.json",
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Encoding, String> {
        let found = Encoding::ALL.into_iter().find(|e| e.name() == text);
        found.ok_or_else(|| format!("`{text}` is not an encoding: protobuf, msgpack or json are allowed"))
    }
}

/// Whether messages may be deflated, which the server chooses message by message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Never.
    #[default]
    None,
    /// Raw DEFLATE (RFC 1951) for messages of 256 bytes or more, where it makes them smaller.
    Deflate,
}

impl Compression {
    /// Its name in options.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Deflate => "deflate",
        }
    }
}

impl FromStr for Compression {
    type Err = String;

    fn from_str(text: &str) -> Result<Compression, String> {
        match text {
            "none" => Ok(Compression::None),
            "deflate" => Ok(Compression::Deflate),
            _ => Err(format!("`{text}` is not a compression: none or deflate are allowed")),
        }
    }
}
