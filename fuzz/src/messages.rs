//! The wire's decoders: an input is how the bytes came, in its first byte, and the bytes.

use tickwire::wire::{DecodeError, DecodeLimits, Encoding, decode_client, decode_server, encode_client, encode_server};

/// Far below the default: what passes these passes the others.
const TIGHT: DecodeLimits = DecodeLimits {
    message_bytes_max: 512,
    inflated_bytes_max: 1_024,
    depth_max: 5,
    items_max: 20,
};

/// An encoding, and whether the frame is one of text.
fn came(first: u8) -> (Encoding, bool) {
    match first % 5 {
        0 => (Encoding::Protobuf, false),
        1 => (Encoding::Msgpack, false),
        2 => (Encoding::Json, true),
        3 => (Encoding::Protobuf, true),
        _ => (Encoding::Json, false),
    }
}

/// A request from anyone. What is taken means the same in every encoding, and within tighter limits.
pub fn client_message(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let (encoding, is_text) = came(*first);
    let limits = DecodeLimits::default();
    let decoded = decode_client(encoding, is_text, bytes, &limits);
    let tight = decode_client(encoding, is_text, bytes, &TIGHT);
    let message = match (decoded, tight) {
        (Ok(message), Ok(tight)) => {
            assert_eq!(message, tight);
            message
        }
        (Ok(message), Err(error)) => {
            check_limit(&error);
            message
        }
        (Err(error), Ok(tight)) => panic!("{error}, but within tighter limits {tight:?}"),
        (Err(error), Err(_)) => return check_words(&error),
    };
    for encoding in Encoding::ALL {
        let bytes = encode_client(encoding, &message);
        if bytes.len() <= limits.message_bytes_max {
            let again = decode_client(encoding, encoding == Encoding::Json, &bytes, &limits);
            assert_eq!(again.as_ref().ok(), Some(&message), "{encoding}: {again:?}");
        }
    }
}

/// A message from a server that a subscriber was told to trust, and should not have to.
pub fn server_message(input: &[u8]) {
    let Some((first, bytes)) = input.split_first() else {
        return;
    };
    let (encoding, is_text) = came(*first);
    let limits = DecodeLimits::default();
    let decoded = decode_server(encoding, is_text, bytes, &limits);
    let tight = decode_server(encoding, is_text, bytes, &TIGHT);
    let message = match (decoded, tight) {
        (Ok(message), Ok(tight)) => {
            assert_eq!(message, tight);
            message
        }
        (Ok(message), Err(error)) => {
            check_limit(&error);
            message
        }
        (Err(error), Ok(tight)) => panic!("{error}, but within tighter limits {tight:?}"),
        (Err(error), Err(_)) => return check_words(&error),
    };
    // JSON needs the instruments' decimals, which came with a message before.
    for encoding in [Encoding::Protobuf, Encoding::Msgpack] {
        let bytes = encode_server(encoding, &message, &|_| None);
        if bytes.len() <= limits.message_bytes_max {
            let again = decode_server(encoding, false, &bytes, &limits);
            assert_eq!(again.as_ref().ok(), Some(&message), "{encoding}: {again:?}");
        }
    }
}

/// Only a limit may refuse what wider limits allow.
fn check_limit(error: &DecodeError) {
    let is_limit = matches!(
        error,
        DecodeError::TooLarge { .. } | DecodeError::TooDeep { .. } | DecodeError::TooManyItems { .. }
    );
    assert!(is_limit || error.to_string().contains("inflate"), "no limit: {error}");
}

/// It goes back to the peer, so it quotes only a little.
fn check_words(error: &DecodeError) {
    assert!(error.to_string().len() < 400, "a long error: {error}");
}
