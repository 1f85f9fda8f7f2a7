//! Messages ⇄ bytes. Three encodings of one tree, fixed by `proto/tickwire.proto`.
//!
//! Knows nothing of sockets.

/// The schema's messages, generated from `proto/tickwire.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/tickwire.v1.rs"));
}

mod stub;
pub use stub::{DecodeError, DecodeLimits, decode_server, encode_client};

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
