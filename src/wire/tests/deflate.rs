//! Compressed messages, both ways.

use super::*;
use crate::wire::proto::server_message;
use prost::Message;

const NOISE_SEED: u64 = 7;

fn error_of_500_bytes() -> proto::ServerMessage {
    let message = "too many symbols; ".repeat(28);
    proto::ServerMessage {
        body: Some(server_message::Body::Error(proto::Error {
            request_id: 1,
            code: 5,
            message,
        })),
    }
}

#[test]
fn compression_follows_the_protocols_size_and_is_undone_once() {
    let message = error_of_500_bytes();
    let mut random = fastrand::Rng::with_seed(NOISE_SEED);
    for encoding in Encoding::ALL {
        let bytes = encode(encoding, &message);
        assert_eq!(compress(encoding, &bytes[..255]), None);
        let deflated = compress(encoding, &bytes).unwrap();
        assert_eq!(decode_server(encoding, false, &deflated, &LIMITS).unwrap(), message);
        let noise: Vec<u8> = (0..5000).map(|_| random.u8(..)).collect();
        assert_eq!(compress(encoding, &noise), None);
        let small = DecodeLimits {
            inflated_bytes_max: bytes.len() - 1,
            ..LIMITS
        };
        let refused = decode_server(encoding, false, &deflated, &small);
        assert!(
            matches!(refused, Err(DecodeError::InflatedTooLarge { .. })),
            "{encoding}"
        );
        let exact = DecodeLimits {
            inflated_bytes_max: bytes.len(),
            ..LIMITS
        };
        assert!(decode_server(encoding, false, &deflated, &exact).is_ok());
    }
}

#[test]
fn what_is_deflated_twice_cut_off_or_followed_by_more_is_refused() {
    let bytes = encode(Encoding::Json, &error_of_500_bytes());
    let deflated = compress(Encoding::Json, &bytes).unwrap();
    let cut = decode_server(Encoding::Json, false, &deflated[..deflated.len() - 1], &LIMITS);
    assert!(matches!(cut, Err(DecodeError::InflateTruncated)));
    let longer = [&deflated[..], b"xy"].concat();
    let longer = decode_server(Encoding::Json, false, &longer, &LIMITS);
    assert!(matches!(longer, Err(DecodeError::Trailing { bytes: 2 })));
    let wrong = decode_server(Encoding::Json, false, &[0xff; 9], &LIMITS);
    assert!(matches!(wrong, Err(DecodeError::Inflate(_))));
    for encoding in [Encoding::Protobuf, Encoding::Msgpack] {
        let once = proto::ServerMessage {
            body: Some(server_message::Body::Deflated(vec![b'a'; 600])),
        };
        let twice = compress(encoding, &encode(encoding, &once)).unwrap();
        let refused = decode_server(encoding, false, &twice, &LIMITS);
        assert!(matches!(refused, Err(DecodeError::NestedDeflate)), "{encoding}");
    }
    let in_json = server(Encoding::Json, br#"{"deflated":"abc"}"#);
    assert!(in_json.is_err());
}

#[test]
fn a_deflated_message_has_the_bytes_of_its_body_in_either_binary_encoding() {
    let mut random = fastrand::Rng::with_seed(NOISE_SEED);
    for encoding in [Encoding::Protobuf, Encoding::Msgpack] {
        for len in [300, 5_000, 300_000] {
            // A quarter of noise, so that the stream's length needs each width of the header.
            let noise: Vec<u8> = (0..len).map(|at| if at % 16 < 4 { random.u8(..) } else { 0 }).collect();
            let deflated = compress(encoding, &noise).unwrap();
            let limits = usize::MAX;
            let message = match encoding {
                Encoding::Protobuf => proto::ServerMessage::decode(&deflated[..]).unwrap(),
                _ => {
                    let limits = DecodeLimits {
                        message_bytes_max: limits,
                        ..LIMITS
                    };
                    decode::decode_one_body(encoding, &deflated, &limits).unwrap()
                }
            };
            assert_eq!(encode(encoding, &message), deflated, "{encoding} {len}");
        }
    }
}

#[test]
fn a_stream_that_another_deflater_wrote_is_inflated() {
    let message = proto::ServerMessage {
        body: Some(server_message::Body::Heartbeat(proto::Heartbeat {
            seq: 1,
            ..Default::default()
        })),
    };
    for (encoding, header) in [
        (Encoding::Protobuf, &[0x7a, 9][..]),
        (Encoding::Msgpack, &[0x81, 15, 0xc4, 10]),
        (Encoding::Json, &[]),
    ] {
        let bytes = encode(encoding, &message);
        // RFC 1951, 3.2.4: the last block, stored, with its length and the complement of it.
        let len = bytes.len() as u8;
        let deflated = [header, &[1, len, 0, !len, 0xff], &bytes].concat();
        assert_eq!(
            decode_server(encoding, false, &deflated, &LIMITS).unwrap(),
            message,
            "{encoding}"
        );
    }
}
