use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::Client;
use crate::support::captures;
use crate::support::venue::{Kind, Setup, Venue};

pub(crate) const QUOTES: &str = "btcusdt@bookTicker";
pub(crate) const TRADES: &str = "btcusdt@trade";

pub(crate) fn subscribe(streams: &[&str], id: u64) -> String {
    json!({"method": "SUBSCRIBE", "params": streams, "id": id}).to_string()
}

/// Quotes of the test's own: number `n` has the bid price `n`.
pub(crate) fn quotes(count: u64) -> Vec<String> {
    let quote = |n: u64| {
        let data = captures::quote(n, "BTCUSDT", (&n.to_string(), "2.50"), ("1000", "3.50"));
        format!(r#"{{"stream":"{QUOTES}","data":{data}}}"#)
    };
    (0..count).map(quote).collect()
}

/// A spot venue of such quotes and a client that is subscribed to them.
pub(crate) fn subscribed(count: u64) -> (Venue, Client) {
    let venue = Setup::of(Kind::BinanceSpot, quotes(count)).start();
    let client = subscriber(&venue);
    (venue, client)
}

pub(crate) fn subscriber(venue: &Venue) -> Client {
    let mut client = Client::connect(venue, "/stream");
    assert_eq!(client.ask(&subscribe(&[QUOTES], 1)), json!({"result": null, "id": 1}));
    client
}

#[test]
fn recorded_frames_come_in_order_and_only_what_is_subscribed() {
    let Some(capture) = captures::real("binance/spot_btcusdt_20240808.capture.gz") else {
        return;
    };
    let venue = Setup::new(Kind::BinanceSpot, &capture).start();
    let mut both = Client::connect(&venue, "/stream");
    both.ask(&subscribe(&[QUOTES, TRADES], 1));
    let mut one = Client::connect(&venue, "/stream?streams=btcusdt@trade");
    venue.wait_subscribed(&[TRADES]);
    venue.play_to(2_000);
    let frames = venue.frames();
    let of = |streams: &'static [&'static str]| {
        let played = frames[..2_000].iter();
        played
            .filter(move |frame| streams.contains(&frame.stream.as_str()))
            .map(|frame| frame.text.as_str())
    };
    of(&[QUOTES, TRADES]).for_each(|text| assert_eq!(both.text(), text));
    of(&[TRADES]).for_each(|text| assert_eq!(one.text(), text));
    assert!(of(&[TRADES]).count() > 100);
    let list = one.ask(r#"{"method":"LIST_SUBSCRIPTIONS","id":7}"#);
    assert_eq!(list, json!({"result": [TRADES], "id": 7}));
}

#[test]
fn a_request_that_makes_no_sense_is_refused_and_the_connection_goes_on() {
    let (venue, mut client) = subscribed(3);
    let mut refused = |text: &str| client.ask(text);
    for text in [
        r#"{"method":"SUBSCRIBE","params":"btcusdt@trade","id":2}"#,
        r#"{"method":"SUBSCRIBE","params":[1],"id":2}"#,
        r#"{"method":"JOIN","params":[],"id":2}"#,
    ] {
        let answer = refused(text);
        assert_eq!(
            (&answer["error"]["code"], &answer["id"]),
            (&json!(2), &json!(2)),
            "{answer}"
        );
    }
    assert_eq!(refused("{")["error"]["code"], 3);
    venue.play_rest();
    assert_eq!(client.json()["data"]["b"], "0");
    assert_eq!(venue.connection(0).requests.len(), 5);
}

#[test]
fn a_connection_has_at_most_1024_streams() {
    let (_venue, mut client) = subscribed(1);
    let many: Vec<String> = (0..1_024).map(|n| format!("s{n}@trade")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(client.ask(&subscribe(&many, 2))["error"]["code"], 2);
    many.pop();
    assert_eq!(client.ask(&subscribe(&many, 3))["result"], Value::Null);
}

#[test]
fn the_sixth_message_in_a_second_ends_the_connection() {
    let (_venue, mut client) = subscribed(1);
    for _ in 0..5 {
        client.ws.send(Message::Ping("now".into())).expect("sent");
    }
    let closed = loop {
        match client.next() {
            Ok(Message::Pong(_)) => {}
            Ok(Message::Close(frame)) => break frame.expect("a code"),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(u16::from(closed.code), 1008);
}

#[test]
fn a_stream_at_the_wrong_futures_path_is_acknowledged_and_silent() {
    let frames = vec![
        format!(r#"{{"stream":"{QUOTES}","data":{{"u":1}}}}"#),
        r#"{"stream":"btcusdt@aggTrade","data":{"a":2}}"#.to_owned(),
    ];
    let venue = Setup::of(Kind::BinanceUsdm, frames).start();
    let streams = [QUOTES, "btcusdt@aggTrade"];
    let mut public = Client::connect(&venue, "/public/stream");
    let mut market = Client::connect(&venue, "/market/stream");
    for client in [&mut public, &mut market] {
        assert_eq!(client.ask(&subscribe(&streams, 1))["result"], Value::Null);
    }
    venue.play_rest();
    venue.send(r#"{"end":true}"#);
    assert_eq!(
        (public.json()["data"]["u"].as_u64(), public.json()["end"].as_bool()),
        (Some(1), Some(true))
    );
    assert_eq!(
        (market.json()["data"]["a"].as_u64(), market.json()["end"].as_bool()),
        (Some(2), Some(true))
    );
}

#[test]
fn another_path_is_not_found() {
    let venue = Setup::of(Kind::BinanceUsdm, quotes(1)).start();
    match Client::try_connect(&venue, "/stream").map(drop).map_err(|error| *error) {
        Err(Error::Http(response)) => assert_eq!(response.status(), 404),
        other => panic!("{other:?}"),
    }
    assert_eq!((venue.attempts().len(), venue.connections().len()), (1, 0));
}

#[test]
fn pings_are_answered_or_the_connection_ends() {
    // The sixth message in a second would end it, and a loaded machine may be late to answer.
    let (often, limit) = (Duration::from_millis(300), Duration::from_secs(3));
    let venue = Setup::of(Kind::BinanceSpot, quotes(1)).pings(often, limit).start();
    let mut alive = subscriber(&venue);
    let answered = std::thread::spawn(move || alive.close_code());
    // Nothing reads this one's pings, so nothing answers them.
    let mute = subscriber(&venue);
    venue.wait_closed(1);
    drop(mute);
    let seen = venue.wait_connection("three pongs", |c| c.id == 0 && c.pongs >= 3);
    assert_eq!(seen.closed, None);
    venue.fault(crate::support::venue::Fault::Close(1001));
    assert_eq!(answered.join().expect("no panic"), 1001);
}

#[test]
fn times_are_in_microseconds_where_that_is_asked_for() {
    let frame = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"t":37,"T":1723161255342}}"#;
    let venue = Setup::of(Kind::BinanceSpot, vec![frame.to_owned()]).start();
    let mut client = Client::connect(&venue, "/stream?streams=btcusdt@trade&timeUnit=MICROSECOND");
    venue.wait_subscribed(&[TRADES]);
    venue.play_rest();
    let data = &client.json()["data"];
    assert_eq!(
        (&data["E"], &data["T"], &data["t"]),
        (
            &json!(1_723_161_255_343_000_u64),
            &json!(1_723_161_255_342_000_u64),
            &json!(37)
        )
    );
}
