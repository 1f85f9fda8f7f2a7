use std::time::{Duration, Instant};

use tokio_tungstenite::tungstenite::{Error, Message};

use crate::binance::{QUOTES, quotes, subscribe, subscribed, subscriber};
use crate::client::Client;
use crate::support::captures;
use crate::support::venue::{Fault, Kind, Setup};

/// The bid prices that come until the test's own text.
fn prices(client: &mut Client) -> Vec<u64> {
    let mut prices = Vec::new();
    loop {
        let frame = client.json();
        match frame["data"]["b"].as_str() {
            Some(price) => prices.push(price.parse().expect("a number")),
            None => return prices,
        }
    }
}

const END: &str = r#"{"end":true}"#;

#[test]
fn frames_are_lost_repeated_and_swapped() {
    for (fault, expected) in [
        (Fault::Drop, vec![0, 1, 3, 4]),
        (Fault::Repeat, vec![0, 1, 2, 2, 3, 4]),
        (Fault::Swap, vec![0, 1, 3, 2, 4]),
        (Fault::Corrupt, vec![0, 1, 2, 3, 4]),
    ] {
        let (venue, mut client) = subscribed(5);
        venue.fault_at(2, fault);
        venue.play_rest();
        venue.send(END);
        assert_eq!(prices(&mut client), expected, "{fault:?}");
    }
}

#[test]
fn a_corrupt_frame_has_another_size() {
    let (venue, mut client) = subscribed(1);
    venue.fault(Fault::Corrupt);
    venue.play_rest();
    assert_eq!(client.json()["data"]["B"], "2.51");
}

#[test]
fn a_cut_ends_in_the_middle_of_a_frame() {
    let (venue, mut client) = subscribed(3);
    venue.fault_at(1, Fault::Cut);
    venue.play_rest();
    client.text();
    match client.next().map_err(|error| *error) {
        Err(Error::Protocol(_) | Error::Io(_) | Error::ConnectionClosed) => {}
        other => panic!("{other:?}"),
    }
    let seen = venue.wait_closed(0);
    assert_eq!(seen.frames, 1);
}

#[test]
fn a_reset_and_a_close_are_what_they_are_called() {
    let (venue, mut client) = subscribed(3);
    venue.fault(Fault::Reset);
    match client.next().map_err(|error| *error) {
        Err(Error::Io(error)) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    let mut client = subscriber(&venue);
    venue.fault_on(1, Fault::Close(1012));
    assert_eq!(client.close_code(), 1012);
    venue.wait_closed(0);
    venue.wait_closed(1);
}

#[test]
fn only_who_gets_the_frame_suffers_from_it() {
    let (venue, mut client) = subscribed(3);
    let mut other = Client::connect(&venue, "/stream");
    other.ask(&subscribe(&["ethusdt@trade"], 1));
    venue.fault_at(1, Fault::Close(1001));
    venue.play_rest();
    assert_eq!(client.close_code(), 1001);
    venue.wait_closed(0);
    assert_eq!(venue.open_count(), 1);
}

#[test]
fn a_deaf_venue_answers_nothing_and_stays_connected() {
    let (venue, mut client) = subscribed(3);
    venue.fault(Fault::Deaf);
    venue.play_rest();
    client.send(&subscribe(&["ethusdt@trade"], 2));
    // A new connection is answered, so there was time to answer the old one.
    let mut other = subscriber(&venue);
    venue.send(END);
    assert_eq!(other.text(), END);
    assert_eq!((venue.open_count(), venue.connection(0).requests.len()), (2, 1));
}

#[test]
fn a_shutdown_is_announced_before_it_comes() {
    let (venue, mut client) = subscribed(3);
    // Enough for the data to be there first.
    let after = Duration::from_secs(1);
    let begun = Instant::now();
    venue.fault(Fault::Shutdown { after });
    venue.play_rest();
    assert_eq!(client.json()["e"], "serverShutdown");
    assert_eq!(client.json()["data"]["b"], "0", "data go on");
    assert_eq!(client.close_code(), 1001);
    assert!(begun.elapsed() >= after);
}

#[test]
fn attempts_are_refused_as_often_as_told() {
    let venue = Setup::of(Kind::BinanceSpot, quotes(1)).start();
    venue.refuse_http(1, 429, Some(7));
    venue.refuse_tcp(1);
    venue.refuse_http(1, 418, None);
    let attempt = || Client::try_connect(&venue, "/stream").map(drop).map_err(|error| *error);
    match attempt() {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 429);
            assert_eq!(response.headers()["retry-after"], "7");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(attempt(), Err(Error::Io(_) | Error::Protocol(_))));
    match attempt() {
        Err(Error::Http(response)) => assert_eq!(
            (response.status().as_u16(), response.headers().get("retry-after")),
            (418, None)
        ),
        other => panic!("{other:?}"),
    }
    assert!(attempt().is_ok());
    venue.wait_closed(0);
    assert_eq!((venue.attempts().len(), venue.connections().len()), (4, 1));
}

#[test]
fn time_goes_on_without_subscribers_unless_it_is_held() {
    let (venue, client) = subscribed(6);
    drop(client);
    venue.wait_closed(0);
    venue.play_to(2);
    venue.hold_for(&[QUOTES]);
    venue.begin_rest();
    let mut client = subscriber(&venue);
    for price in 2..6 {
        assert_eq!(client.json()["data"]["b"], price.to_string());
    }
    assert_eq!(venue.played(), 6);
}

#[test]
fn a_paced_recording_takes_its_time() {
    let (venue, mut client) = subscribed(5);
    venue.pace(Some(100.0));
    let begun = Instant::now();
    venue.play_rest();
    assert!(begun.elapsed() >= Duration::from_millis(40));
    venue.send(END);
    assert_eq!(prices(&mut client), [0, 1, 2, 3, 4]);
}

#[test]
fn tls_works_for_who_trusts_the_authority_and_cuts_there_too() {
    let venue = Setup::of(Kind::BinanceSpot, quotes(3)).tls().start();
    let other = Setup::of(Kind::BinanceSpot, quotes(3)).tls().start();
    assert!(venue.url().starts_with("wss://127.0.0.1:"));
    assert!(
        Client::connect_tls(&venue, "/stream", other.ca_file()).is_err(),
        "another's authority"
    );
    let mut client = Client::connect_tls(&venue, "/stream", venue.ca_file()).expect("TLS");
    client.ask(&subscribe(&[QUOTES], 1));
    venue.fault_at(1, Fault::Cut);
    venue.play_rest();
    assert_eq!(client.json()["data"]["b"], "0");
    assert!(!matches!(client.next(), Ok(Message::Text(_))));
}

#[test]
fn a_snapshot_of_megabytes_goes_over_tls() {
    let Some(capture) = captures::real("coinbase/advanced_20260809.capture.gz") else {
        return;
    };
    let venue = Setup::new(Kind::CoinbaseAdvanced, &capture).tls().start();
    let mut client = Client::connect_tls(&venue, "/", venue.ca_file()).expect("TLS");
    client.send(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#);
    assert!(client.text().len() > 4_000_000);
}
