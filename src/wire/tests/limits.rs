//! What is refused, and in what words.

use super::*;

#[test]
fn a_request_has_exactly_one_body_and_its_error_names_the_request() {
    let none = proto::ClientMessage {
        request_id: 9,
        body: None,
    };
    let one = request(9, client_message::Body::Received(proto::Received { seq: 1 }));
    for encoding in Encoding::ALL {
        let error = client(encoding, &encode_client(encoding, &none)).unwrap_err();
        assert!(matches!(error, DecodeError::NoBody { request_id: 9, .. }), "{error}");
        assert!(
            error.to_string().contains("authenticate, subscribe, unsubscribe"),
            "{error}"
        );
    }
    let ping_too = [encode_client(Encoding::Protobuf, &one), vec![5 << 3 | 2, 0]].concat();
    let twice_the_same = encode_client(Encoding::Protobuf, &one).repeat(2);
    for (encoding, bytes) in [
        (Encoding::Protobuf, &ping_too[..]),
        (Encoding::Protobuf, &twice_the_same),
        (Encoding::Msgpack, &[0x83, 1, 9, 5, 0x80, 7, 0x81, 1, 1]),
        (Encoding::Json, br#"{"ping":{},"request_id":9,"received":{"seq":1}}"#),
    ] {
        let error = client(encoding, bytes).unwrap_err();
        assert_eq!(error.request_id(), 9, "{encoding}");
        assert!(matches!(error, DecodeError::ManyBodies { count: 2, .. }), "{error}");
    }
}

#[test]
fn numbers_beyond_the_protocols_are_refused_in_every_encoding() {
    let ping = |request_id, nonce| request(request_id, client_message::Body::Ping(proto::Ping { nonce, ts: 0 }));
    let resume = Some(proto::Position { epoch: 0, seq: 5 });
    let subscribe = proto::Subscribe {
        resume,
        ..Default::default()
    };
    for encoding in Encoding::ALL {
        let refused = |message| client(encoding, &encode_client(encoding, &message)).unwrap_err();
        assert!(client(encoding, &encode_client(encoding, &ping((1 << 53) - 1, (1 << 53) - 1))).is_ok());
        assert_eq!(
            refused(ping(1 << 53, 1)).to_string(),
            "request_id is 9007199254740992: it must stay below 2^53"
        );
        let error = refused(ping(3, 1 << 53));
        assert!(
            matches!(
                error,
                DecodeError::NumberTooLarge {
                    field: "nonce",
                    request_id: 3,
                    ..
                }
            ),
            "{error}"
        );
        let error = refused(request(4, client_message::Body::Subscribe(subscribe.clone())));
        assert!(matches!(error, DecodeError::EpochZero { request_id: 4 }), "{error}");
    }
}

#[test]
fn text_frames_are_json_whatever_the_encoding_and_json_takes_no_binary_requests() {
    let text = br#"{"received":{"seq":1}}"#;
    for encoding in Encoding::ALL {
        assert!(decode_client(encoding, true, text, &LIMITS).is_ok());
    }
    let refused = decode_client(Encoding::Json, false, text, &LIMITS);
    assert!(matches!(refused, Err(DecodeError::BinaryOnJson)));
}

#[test]
fn what_is_longer_than_allowed_is_refused_before_it_is_read() {
    let limits = DecodeLimits {
        message_bytes_max: 10,
        ..LIMITS
    };
    for encoding in Encoding::ALL {
        let refused = decode_client(encoding, true, &[b'{'; 11], &limits);
        assert!(matches!(
            refused,
            Err(DecodeError::TooLarge {
                bytes: 11,
                bytes_max: 10
            })
        ));
    }
}

#[test]
fn nesting_is_bounded_in_what_is_passed_over_too() {
    let lists = |depth: usize| format!(r#"{{"x":{}{},"received":{{}}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(json(&lists(7)).is_ok());
    assert!(matches!(json(&lists(8)), Err(DecodeError::TooDeep { depth_max: 8 })));
    assert!(matches!(json(&lists(30_000)), Err(DecodeError::TooDeep { .. })));
    assert!(json(r#"{"x":"[[[[[[[[[[\"[[[[[[[[[[","received":{}}"#).is_ok());
    let maps = |depth: usize| [&[0x82, 99][..], &[0x91].repeat(depth - 1), &[0x90, 7, 0x80]].concat();
    assert!(client(Encoding::Msgpack, &maps(7)).is_ok());
    assert!(matches!(
        client(Encoding::Msgpack, &maps(8)),
        Err(DecodeError::TooDeep { depth_max: 8 })
    ));
    assert!(client(Encoding::Msgpack, &maps(60_000)).is_err());
    assert!(client(Encoding::Protobuf, &[10 << 3 | 3].repeat(60_000)).is_err());
    let shallow = DecodeLimits { depth_max: 0, ..LIMITS };
    assert!(decode_client(Encoding::Msgpack, false, &maps(1), &shallow).is_err());
}

#[test]
fn list_elements_are_bounded_and_declared_lengths_are_not_believed() {
    let subscribe = |count: usize| {
        let symbols = vec!["a:B".to_owned(); count];
        request(
            0,
            client_message::Body::Subscribe(proto::Subscribe {
                symbols,
                ..Default::default()
            }),
        )
    };
    for encoding in Encoding::ALL {
        assert!(client(encoding, &encode_client(encoding, &subscribe(1000))).is_ok());
        let refused = client(encoding, &encode_client(encoding, &subscribe(1001)));
        assert!(
            matches!(refused, Err(DecodeError::TooManyItems { items_max: 1000 })),
            "{encoding}"
        );
    }
    for bytes in [
        &[0x81, 3, 0x81, 1, 0xdd, 0xff, 0xff, 0xff, 0xff, 0xa1, b'a'][..],
        &[0x81, 3, 0x81, 1, 0x91, 0xdb, 0xff, 0xff, 0xff, 0xff, b'a'],
        &[0x81, 99, 0xdf, 0xff, 0xff, 0xff, 0xff, 1],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 15, 0xc6, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert!(
            matches!(client(Encoding::Msgpack, bytes), Err(DecodeError::Msgpack(_))),
            "{bytes:x?}"
        );
        assert!(
            matches!(server(Encoding::Msgpack, bytes), Err(DecodeError::Msgpack(_))),
            "{bytes:x?}"
        );
    }
}

#[test]
fn an_error_quotes_no_more_than_a_little_of_what_was_sent() {
    let long = "€".repeat(10_000);
    let refused = json(&format!(r#"{{"received":"{long}"}}"#)).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("not a json message: invalid type: string \"€")
    );
    assert!(refused.to_string().len() < 250);
    let text = [&[0x81, 7, 0xdb, 0, 0, 0x75, 0x30][..], long.as_bytes()].concat();
    let refused = client(Encoding::Msgpack, &text).unwrap_err();
    assert!(refused.to_string().len() < 250, "{refused}");
}

#[test]
fn the_memory_that_the_limit_of_items_allows_is_as_computed() {
    assert_eq!(size_of::<proto::Ticker>(), 280);
}
