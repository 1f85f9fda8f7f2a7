//! Why bytes are not a message.

use std::fmt::Display;

/// serde quotes what it found in full; 200 bytes show enough of it and keep the answer small.
const QUOTED_BYTES_MAX: usize = 200;

/// Why bytes are not a message. Each text is fit to be sent back to whoever wrote the bytes.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Longer than allowed as it came.
    #[error("message has {bytes} bytes: at most {bytes_max} are allowed")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Longer than allowed once inflated.
    #[error("inflated message has more than the {bytes_max} bytes allowed")]
    InflatedTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Lists with too many elements, all lists of the message together.
    #[error("lists have more than the {items_max} elements allowed")]
    TooManyItems {
        /// The limit.
        items_max: usize,
    },
    /// Maps and lists inside each other too often.
    #[error("nested deeper than the {depth_max} levels allowed")]
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// A client sent a binary frame although its encoding is JSON.
    #[error("binary frame on a connection with encoding json: send messages as text frames")]
    BinaryOnJson,
    /// Not the schema's protobuf.
    #[error("not a protobuf message: {0}")]
    Protobuf(#[source] prost::DecodeError),
    /// Not the schema's MessagePack.
    #[error("not a msgpack message: {}", shortened(.0))]
    Msgpack(#[source] rmp_serde::decode::Error),
    /// Not the schema's JSON, or something after it.
    #[error("not a json message: {}", shortened(.0))]
    Json(#[source] serde_json::Error),
    /// Bytes after the end of a MessagePack message or a DEFLATE stream.
    #[error("{bytes} bytes follow the end of the message")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// Not raw DEFLATE.
    #[error("not raw deflate: {0}")]
    Inflate(#[source] flate2::DecompressError),
    /// A DEFLATE stream without its end.
    #[error("deflate stream ends too early")]
    InflateTruncated,
    /// A compressed message inside a compressed one, or in JSON.
    #[error("a deflated message may stand only outermost, and not in json")]
    NestedDeflate,
    /// A request without a body known here.
    #[error("request has no body: exactly one of {bodies} is allowed")]
    NoBody {
        /// The request, 0 if it gave no number.
        request_id: u64,
        /// The bodies there are.
        bodies: String,
    },
    /// More than one body, or one twice.
    #[error("message has {count} bodies: exactly one is allowed")]
    ManyBodies {
        /// The request, 0 if it gave no number.
        request_id: u64,
        /// How many.
        count: u32,
    },
    /// A number of the client's own choice that JavaScript could not hold exactly.
    #[error("{field} is {value}: it must stay below 2^53")]
    NumberTooLarge {
        /// `request_id` or `nonce`.
        field: &'static str,
        /// What was given.
        value: u64,
        /// The request, 0 if its number is what is too large.
        request_id: u64,
    },
    /// A resume without an epoch, or with epoch 0.
    #[error("resume has epoch 0: give the epoch and seq of the snapshot, or leave resume out")]
    EpochZero {
        /// The request, 0 if it gave no number.
        request_id: u64,
    },
}

impl DecodeError {
    /// The request to name in the answer; 0 where it could not be read.
    pub fn request_id(&self) -> u64 {
        match self {
            DecodeError::NoBody { request_id, .. }
            | DecodeError::ManyBodies { request_id, .. }
            | DecodeError::NumberTooLarge { request_id, .. }
            | DecodeError::EpochZero { request_id } => *request_id,
            _ => 0,
        }
    }
}

fn shortened(source: &impl Display) -> String {
    let text = source.to_string();
    let end = (0..=QUOTED_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
    match end.and_then(|end| text.get(..end)) {
        Some(start) if text.len() > QUOTED_BYTES_MAX => format!("{start}.."),
        _ => text,
    }
}
