//! The room's promises over arbitrary messages and arbitrary bytes.

mod deflate;
mod lenient;
mod limits;
mod peek;

use super::proto::{self, client_message};
use super::*;
use crate::market::Decimals;
use proptest::prelude::*;

const LIMITS: DecodeLimits = DecodeLimits {
    message_bytes_max: 65_536,
    inflated_bytes_max: 65_536,
    depth_max: 8,
    items_max: 1000,
};

fn encode(encoding: Encoding, message: &proto::ServerMessage) -> Vec<u8> {
    encode_server(encoding, message, &|id| Decimals::announced_in(message, id))
}

fn client(encoding: Encoding, bytes: &[u8]) -> Result<proto::ClientMessage, DecodeError> {
    decode_client(encoding, encoding == Encoding::Json, bytes, &LIMITS)
}

fn server(encoding: Encoding, bytes: &[u8]) -> Result<proto::ServerMessage, DecodeError> {
    decode_server(encoding, encoding == Encoding::Json, bytes, &LIMITS)
}

fn json(text: &str) -> Result<proto::ClientMessage, DecodeError> {
    decode_client(Encoding::Protobuf, true, text.as_bytes(), &LIMITS)
}

fn request(request_id: u64, body: client_message::Body) -> proto::ClientMessage {
    proto::ClientMessage {
        request_id,
        body: Some(body),
    }
}

proptest! {
    #[test]
    fn the_three_encodings_of_a_server_message_decode_to_it(message in arbitrary::server()) {
        for encoding in Encoding::ALL {
            let bytes = encode(encoding, &message);
            let decoded = server(encoding, &bytes);
            prop_assert_eq!(decoded.as_ref().ok(), Some(&message), "{}: {:?}", encoding, decoded);
        }
    }

    #[test]
    fn the_three_encodings_of_a_request_decode_to_it(message in arbitrary::client()) {
        for encoding in Encoding::ALL {
            let bytes = encode_client(encoding, &message);
            let decoded = client(encoding, &bytes);
            prop_assert_eq!(decoded.as_ref().ok(), Some(&message), "{}: {:?}", encoding, decoded);
        }
    }

    #[test]
    fn a_compressed_message_is_smaller_and_decodes_to_the_same(messages in prop::collection::vec(arbitrary::server(), 1..4)) {
        let mut deflater = Deflater::new();
        for (message, encoding) in messages.iter().zip(Encoding::ALL.into_iter().cycle()) {
            let bytes = encode(encoding, message);
            let mut out = b"before".to_vec();
            let done = deflater.compress(encoding, &bytes, &mut out);
            prop_assert_eq!(compress(encoding, &bytes), done.then(|| out[6..].to_vec()));
            if done {
                prop_assert!(bytes.len() >= DEFLATE_BYTES_MIN && out.len() - 6 < bytes.len());
                prop_assert_eq!(&decode_server(encoding, false, &out[6..], &LIMITS).unwrap(), message);
            } else {
                prop_assert_eq!(out.as_slice(), b"before");
            }
        }
    }

    #[test]
    fn any_bytes_give_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), is_text: bool) {
        for encoding in Encoding::ALL {
            let _ = decode_client(encoding, is_text, &bytes, &LIMITS);
            let _ = decode_server(encoding, is_text, &bytes, &LIMITS);
        }
    }

    #[test]
    fn a_damaged_message_gives_a_message_or_an_error(
        message in arbitrary::server(),
        request in arbitrary::client(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6),
    ) {
        for encoding in Encoding::ALL {
            for mut bytes in [encode(encoding, &message), encode_client(encoding, &request)] {
                for (at, byte, how) in &damage {
                    let at = at.index(bytes.len() + 1);
                    match how {
                        0 => bytes.truncate(at),
                        1 => bytes.insert(at, *byte),
                        _ if at < bytes.len() => bytes[at] = *byte,
                        _ => {}
                    }
                }
                let _ = client(encoding, &bytes);
                let _ = server(encoding, &bytes);
                let _ = decode_server(encoding, false, &bytes, &LIMITS);
            }
        }
    }

    #[test]
    fn a_byte_after_the_message_is_an_error(message in arbitrary::server(), byte: u8) {
        for encoding in [Encoding::Msgpack, Encoding::Json] {
            let mut bytes = encode(encoding, &message);
            bytes.push(byte);
            let is_space = encoding == Encoding::Json && matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            prop_assert_eq!(server(encoding, &bytes).is_ok(), is_space);
        }
    }
}
