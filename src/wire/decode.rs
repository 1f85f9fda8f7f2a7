//! Bytes to whole messages. Any bytes give a message or an error, in memory bounded by the limits.

use super::deflate::inflate;
use super::proto::{self, client_message, server_message};
use super::tree::{Manner, ReadContext, Tree};
use super::walk::read_tree;
use super::{DecodeError, Encoding};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// Bounds of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Length as it comes off the socket.
    pub message_bytes_max: usize,
    /// Length once inflated.
    pub inflated_bytes_max: usize,
    /// Maps and lists inside each other, in MessagePack and JSON. Protobuf's own messages nest three deep and its
    /// unknown fields are passed over unread; groups, which the schema has none of, end at prost's 100. Above 128
    /// is as 128, which is serde_json's own.
    pub depth_max: usize,
    /// Elements of all lists together; protobuf counts the fields of the body.
    pub items_max: usize,
}

impl DecodeLimits {
    /// `frame_bytes_max` unless configured; a subscriber goes by what its welcome says.
    pub const MESSAGE_BYTES_MAX: usize = 65_536;
    /// The schema needs 4 (message, body, list, entry); the rest is for fields of later versions.
    pub const DEPTH_MAX: usize = 16;
    /// 64 KiB hold 10,922 entries of 6 bytes, the least an id with a value takes. At 280 bytes a ticker in memory
    /// this is 4.4 MiB, whatever the message claims.
    pub const ITEMS_MAX: usize = 16_384;
}

impl Default for DecodeLimits {
    fn default() -> DecodeLimits {
        DecodeLimits {
            message_bytes_max: DecodeLimits::MESSAGE_BYTES_MAX,
            inflated_bytes_max: DecodeLimits::MESSAGE_BYTES_MAX,
            depth_max: DecodeLimits::DEPTH_MAX,
            items_max: DecodeLimits::ITEMS_MAX,
        }
    }
}

/// First number that a 64-bit float does not tell from its neighbour.
const CHOSEN_NUMBER_END: u64 = 1 << 53;

/// Decodes a request. Text frames are JSON whatever the connection's encoding is.
///
/// # Errors
/// All that [`DecodeError`] lists; the server answers INVALID_MESSAGE with its text and
/// [`DecodeError::request_id`].
pub fn decode_client(
    encoding: Encoding,
    is_text: bool,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<proto::ClientMessage, DecodeError> {
    check_len(bytes, limits)?;
    if encoding == Encoding::Json && !is_text {
        return Err(DecodeError::BinaryOnJson);
    }
    let encoding = if is_text { Encoding::Json } else { encoding };
    let (message, bodies) = decode::<proto::ClientMessage>(encoding, bytes, limits)?;
    check_client(&message, bodies)?;
    Ok(message)
}

/// Decodes a message to a subscriber and inflates it where needed: a `deflated` body, or a binary frame
/// where the encoding is JSON.
///
/// A message without a known body, as a later version may send, gives `body: None`, to be ignored.
///
/// # Errors
/// All that [`DecodeError`] lists but what concerns requests.
pub fn decode_server(
    encoding: Encoding,
    is_text: bool,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<proto::ServerMessage, DecodeError> {
    check_len(bytes, limits)?;
    if encoding == Encoding::Json && !is_text {
        let text = inflate(bytes, limits.inflated_bytes_max)?;
        return decode_plain(Encoding::Json, &text, limits);
    }
    let encoding = if is_text { Encoding::Json } else { encoding };
    let message = decode_one_body(encoding, bytes, limits)?;
    match message.body {
        Some(server_message::Body::Deflated(deflated)) if encoding != Encoding::Json => {
            decode_plain(encoding, &inflate(&deflated, limits.inflated_bytes_max)?, limits)
        }
        Some(server_message::Body::Deflated(_)) => Err(DecodeError::NestedDeflate),
        _ => Ok(message),
    }
}

/// Decodes what has been inflated.
fn decode_plain(encoding: Encoding, bytes: &[u8], limits: &DecodeLimits) -> Result<proto::ServerMessage, DecodeError> {
    let message = decode_one_body(encoding, bytes, limits)?;
    match message.body {
        Some(server_message::Body::Deflated(_)) => Err(DecodeError::NestedDeflate),
        _ => Ok(message),
    }
}

pub(super) fn decode_one_body(
    encoding: Encoding,
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<proto::ServerMessage, DecodeError> {
    match decode(encoding, bytes, limits)? {
        (message, 0 | 1) => Ok(message),
        (_, count) => Err(DecodeError::ManyBodies { request_id: 0, count }),
    }
}

fn check_len(bytes: &[u8], limits: &DecodeLimits) -> Result<(), DecodeError> {
    if bytes.len() > limits.message_bytes_max {
        return Err(DecodeError::TooLarge {
            bytes: bytes.len(),
            bytes_max: limits.message_bytes_max,
        });
    }
    Ok(())
}

/// The rules of a request that its types do not say.
fn check_client(message: &proto::ClientMessage, bodies: u32) -> Result<(), DecodeError> {
    let below_end = |field, value, request_id| match value {
        0..CHOSEN_NUMBER_END => Ok(()),
        _ => Err(DecodeError::NumberTooLarge {
            field,
            value,
            request_id,
        }),
    };
    below_end("request_id", message.request_id, 0)?;
    let request_id = message.request_id;
    if bodies > 1 {
        return Err(DecodeError::ManyBodies {
            request_id,
            count: bodies,
        });
    }
    match &message.body {
        None => Err(DecodeError::NoBody {
            request_id,
            bodies: body_names::<proto::ClientMessage>(),
        }),
        Some(client_message::Body::Ping(ping)) => below_end("nonce", ping.nonce, request_id),
        Some(client_message::Body::Subscribe(subscribe)) if subscribe.resume.is_some_and(|p| p.epoch == 0) => {
            Err(DecodeError::EpochZero { request_id })
        }
        Some(_) => Ok(()),
    }
}

fn body_names<T: Tree>() -> String {
    let bodies = T::FIELDS.iter().filter(|(number, _)| T::BODIES.contains(number));
    let names: Vec<&str> = bodies.map(|(_, name)| *name).collect();
    names.join(", ")
}

/// Decodes a message and counts its bodies.
fn decode<T: Tree + Message>(encoding: Encoding, bytes: &[u8], limits: &DecodeLimits) -> Result<(T, u32), DecodeError> {
    let cx = ReadContext::new(
        match encoding {
            Encoding::Json => Manner::Names,
            Encoding::Protobuf | Encoding::Msgpack => Manner::Numbers,
        },
        limits.items_max,
    );
    let found = match encoding {
        Encoding::Protobuf => decode_protobuf(bytes, limits, &cx),
        Encoding::Msgpack => decode_msgpack(bytes, limits, &cx),
        Encoding::Json => decode_json(bytes, limits, &cx),
    };
    match found {
        // serde's errors cannot carry ours, so the context does.
        Err(_) if cx.is_over_items.get() => Err(DecodeError::TooManyItems {
            items_max: limits.items_max,
        }),
        found => Ok((found?, cx.bodies.get())),
    }
}

/// prost keeps the last of several bodies, merges one given twice, and has no limit of list elements, so the
/// bytes are counted through before it builds anything.
fn decode_protobuf<T: Tree + Message>(bytes: &[u8], limits: &DecodeLimits, cx: &ReadContext) -> Result<T, DecodeError> {
    walk(bytes, |number, body| {
        if T::BODIES.contains(&number) {
            cx.count_body();
            // Where a body is malformed prost says it better.
            let _ = walk(body, |_, _| _ = cx.take_item());
        }
    })?;
    if cx.is_over_items.get() {
        return Err(DecodeError::TooManyItems {
            items_max: limits.items_max,
        });
    }
    T::decode(bytes).map_err(DecodeError::Protobuf)
}

/// Calls `visit` with number and content of each field; only length-delimited ones have content.
fn walk(mut left: &[u8], mut visit: impl FnMut(u32, &[u8])) -> Result<(), DecodeError> {
    while !left.is_empty() {
        let (number, wire_type) = decode_key(&mut left).map_err(DecodeError::Protobuf)?;
        let start = left;
        skip_field(wire_type, number, &mut left, DecodeContext::default()).map_err(DecodeError::Protobuf)?;
        let mut content = &start[..start.len() - left.len()];
        if wire_type == WireType::LengthDelimited {
            decode_varint(&mut content).map_err(DecodeError::Protobuf)?;
        } else {
            content = &[];
        }
        visit(number, content);
    }
    Ok(())
}

fn decode_msgpack<T: Tree>(bytes: &[u8], limits: &DecodeLimits, cx: &ReadContext) -> Result<T, DecodeError> {
    let mut reader = rmp_serde::Deserializer::new(bytes);
    // The limit there is the first depth that is too deep. Each level is a few frames of stack.
    reader.set_max_depth(limits.depth_max.min(128) + 1);
    let message = read_tree(&mut reader, cx).map_err(|error| match error {
        rmp_serde::decode::Error::DepthLimitExceeded => DecodeError::TooDeep {
            depth_max: limits.depth_max,
        },
        other => DecodeError::Msgpack(other),
    })?;
    match reader.get_ref().len() {
        0 => Ok(message),
        bytes => Err(DecodeError::Trailing { bytes }),
    }
}

fn decode_json<T: Tree>(bytes: &[u8], limits: &DecodeLimits, cx: &ReadContext) -> Result<T, DecodeError> {
    // serde_json's own limit is a fixed 128.
    if json_depth(bytes) > limits.depth_max {
        return Err(DecodeError::TooDeep {
            depth_max: limits.depth_max,
        });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let message = read_tree(&mut reader, cx).map_err(DecodeError::Json)?;
    reader.end().map_err(DecodeError::Json)?;
    Ok(message)
}

/// Deepest nesting of objects and lists, whether or not the text is valid.
fn json_depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
