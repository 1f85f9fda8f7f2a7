//! What a reader takes beside what a writer writes.

use super::*;
use crate::market::Decimals;
use crate::wire::proto::server_message;

#[test]
fn an_integer_may_come_as_float_number_or_string() {
    let subscribe = proto::Subscribe {
        symbols: vec!["a:B".to_owned()],
        resume: Some(proto::Position { epoch: 7, seq: 5 }),
        channel: 0,
    };
    let expected = request(1, client_message::Body::Subscribe(subscribe));
    for (id, epoch, seq) in [("1", "\"7\"", "5"), ("1.0", "7", "\"5\""), ("\"1\"", "7.0", "5e0")] {
        let text = format!(
            r#"{{"request_id":{id},"subscribe":{{"symbols":["a:B"],"resume":{{"epoch":{epoch},"seq":{seq}}}}}}}"#
        );
        assert_eq!(json(&text).unwrap(), expected, "{text}");
    }
    let received = request(1, client_message::Body::Received(proto::Received { seq: 5 }));
    for (form, seq) in [
        ("u64", &[0xcf, 0, 0, 0, 0, 0, 0, 0, 5][..]),
        ("i8", &[0xd0, 5]),
        ("f32", &[0xca, 0x40, 0xa0, 0, 0]),
        ("f64", &[0xcb, 0x40, 0x14, 0, 0, 0, 0, 0, 0]),
        ("string", &[0xa1, b'5']),
    ] {
        // { 7: { 1: seq }, 1: 1 }, the inner key as a string, in any order.
        let bytes = [&[0x82, 7, 0x81, 0xa1, b'1'], seq, &[1, 1]].concat();
        assert_eq!(client(Encoding::Msgpack, &bytes).unwrap(), received, "{form}");
    }
    for seq in [
        "5.5",
        "-1",
        "1e300",
        "\"5.0\"",
        "\"+5\"",
        "\"\"",
        "true",
        "[5]",
        "18446744073709551616",
    ] {
        let text = format!(r#"{{"received":{{"seq":{seq}}}}}"#);
        assert!(matches!(json(&text), Err(DecodeError::Json(_))), "{text}");
    }
}

#[test]
fn unknown_fields_and_values_are_passed_over() {
    let text = r#"{"later":[{"a":[1,null]}],"subscribe":{"symbols":["a:B"],"depth":{"x":1},"resume":null}}"#;
    let subscribe = proto::Subscribe {
        symbols: vec!["a:B".to_owned()],
        ..Default::default()
    };
    let expected = request(0, client_message::Body::Subscribe(subscribe));
    assert_eq!(json(text).unwrap(), expected);
    // { 99: [{}, nil, ext], -1: 1.5, "x": bin, 3: { 1: ["a:B"], 9: "z", 2: nil } }
    let bytes = [
        &[
            0x84, 99, 0x93, 0x80, 0xc0, 0xd4, 1, 2, 0xff, 0xca, 0x3f, 0xc0, 0, 0, 0xa1, b'x', 0xc4, 1, 0,
        ][..],
        &[3, 0x83, 1, 0x91, 0xa3, b'a', b':', b'B', 9, 0xa1, b'z', 2, 0xc0],
    ]
    .concat();
    assert_eq!(client(Encoding::Msgpack, &bytes).unwrap(), expected);
    let mut bytes = encode_client(Encoding::Protobuf, &expected);
    bytes.extend([99 << 3 & 0x7f | 0x80, 99 >> 4, 1]);
    assert_eq!(client(Encoding::Protobuf, &bytes).unwrap(), expected);
}

#[test]
fn a_server_body_of_a_later_version_is_no_body_and_no_error() {
    let unknown = proto::ServerMessage { body: None };
    assert_eq!(server(Encoding::Protobuf, &[14 << 3 | 2, 0]).unwrap(), unknown);
    assert_eq!(server(Encoding::Msgpack, &[0x81, 14, 0x80]).unwrap(), unknown);
    assert_eq!(server(Encoding::Json, br#"{"later":{}}"#).unwrap(), unknown);
}

#[test]
fn an_unknown_word_is_unspecified_and_an_unknown_channel_no_channel() {
    let venue = r#"{"delta":{"venues":[{"name":"a","state":"asleep"},{"name":"b","state":"DOWN"},{"state":9}]}}"#;
    let Some(server_message::Body::Delta(delta)) = server(Encoding::Json, venue.as_bytes()).unwrap().body else {
        panic!("a delta")
    };
    assert_eq!(delta.venues.iter().map(|v| v.state).collect::<Vec<_>>(), [0, 0, 9]);
    for (channel, number) in [
        (r#""book""#, 2),
        (r#""candles""#, -1),
        ("3", 3),
        (r#""1""#, 1),
        ("1e18", -1),
    ] {
        let text = format!(r#"{{"subscribe":{{"channel":{channel}}}}}"#);
        let Some(client_message::Body::Subscribe(subscribe)) = json(&text).unwrap().body else {
            panic!("a subscribe")
        };
        assert_eq!(subscribe.channel, number, "{channel}");
    }
}

#[test]
fn json_leaves_out_what_it_has_no_decimals_for() {
    let ticker = proto::Ticker {
        id: 1,
        bid_price: Some(5),
        trade_count: Some(7),
        ..Default::default()
    };
    let delta = proto::Delta {
        seq: 1,
        tickers: vec![ticker],
        ..Default::default()
    };
    let message = proto::ServerMessage {
        body: Some(server_message::Body::Delta(delta)),
    };
    let text = server_json(&message, &|_| None);
    assert_eq!(text, r#"{"delta":{"seq":1,"tickers":[{"id":1,"trade_count":7}]}}"#);
    let text = server_json(&message, &|_| {
        Some(Decimals {
            price: 3,
            ..Default::default()
        })
    });
    assert!(text.contains(r#""bid_price":"0.005""#), "{text}");
}
