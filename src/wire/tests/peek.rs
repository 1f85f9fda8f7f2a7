//! A look at a head, beside the full decoder.

use super::*;

proptest! {
    #[test]
    fn a_look_tells_what_the_decoder_does(message in arbitrary::server()) {
        for encoding in Encoding::ALL {
            let bytes = encode(encoding, &message);
            prop_assert_eq!(peek_server(encoding, encoding == Encoding::Json, &bytes), Peek::of(&message), "{}", encoding);
        }
    }

    #[test]
    fn behind_deflate_stands_the_same(messages in prop::collection::vec(arbitrary::server(), 1..4)) {
        let mut inflater = Inflater::new();
        for message in &messages {
            for encoding in Encoding::ALL {
                let bytes = encode(encoding, message);
                let Some(packed) = compress(encoding, &bytes) else { continue };
                let Peek::Deflated(deflated) = peek_server(encoding, false, &packed) else {
                    panic!("{encoding}: deflated");
                };
                prop_assert_eq!(inflater.inflate(deflated, bytes.len()).unwrap(), &bytes[..]);
            }
        }
    }

    #[test]
    fn of_damaged_messages_a_look_tells_the_same_or_leaves_them_to_the_decoder(
        message in arbitrary::server(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..4),
    ) {
        for encoding in Encoding::ALL {
            let mut bytes = encode(encoding, &message);
            for (at, byte, how) in &damage {
                let at = at.index(bytes.len() + 1);
                match how {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, *byte),
                    _ if at < bytes.len() => bytes[at] = *byte,
                    _ => {}
                }
            }
            let is_text = encoding == Encoding::Json;
            let peek = peek_server(encoding, is_text, &bytes);
            if let Ok(decoded) = decode_server(encoding, is_text, &bytes, &LIMITS) {
                prop_assert!(matches!(peek, Peek::Other | Peek::Deflated(_)) || peek == Peek::of(&decoded), "{peek:?} of {decoded:?}");
            }
        }
    }

    #[test]
    fn any_bytes_are_looked_at_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), is_text: bool) {
        for encoding in Encoding::ALL {
            let _ = peek_server(encoding, is_text, &bytes);
        }
    }
}

#[test]
fn a_list_that_claims_more_than_there_is_costs_nothing() {
    // A delta whose tickers are an array of 2^32 - 1 items, and items that are such arrays again.
    let head = [0x81, 3, 0x81, 6, 0xdd, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(peek_server(Encoding::Msgpack, false, &head), Peek::Other);
    let nested = [&head[..], &[0xdd, 0xff, 0xff, 0xff, 0xff].repeat(1_000)].concat();
    assert_eq!(peek_server(Encoding::Msgpack, false, &nested), Peek::Other);
}
