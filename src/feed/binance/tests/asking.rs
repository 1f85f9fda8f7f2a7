//! What the venue is asked, and what an operator may ask for.

use std::time::Duration;

use super::super::super::live::{Dialect, Request, SocketPlan};
use super::super::super::{FeedSpec, SpecError};
use super::super::dialect::{Connection, INSTRUMENTS_MAX};
use super::super::{Market, plan};
use super::*;

fn planned(spec: &str) -> Result<Vec<Connection>, SpecError> {
    let market = if spec.starts_with("binance-usdm") {
        Market::Usdm
    } else {
        Market::Spot
    };
    plan(market, &FeedSpec::parse(spec)?).map(|(_, connections)| connections)
}

fn sockets(spec: &str) -> Vec<SocketPlan> {
    let mut connections = planned(spec).expect(spec);
    assert_eq!(connections.len(), 1, "{spec}");
    connections[0].sockets()
}

fn socket(path: &str, requests: &[(u64, &str)]) -> SocketPlan {
    let request = |(id, params): &(u64, &str)| Request {
        text: format!(r#"{{"method":"SUBSCRIBE","params":[{params}],"id":{id}}}"#),
        answers: vec![id.to_string()],
    };
    SocketPlan {
        path: path.into(),
        requests: requests.iter().map(request).collect(),
    }
}

/// So many names as long as the venue's are.
fn names(count: usize) -> String {
    (0..count).map(|n| format!("N{n:06}USDT")).collect::<Vec<_>>().join(",")
}

#[test]
fn spot_is_asked_on_one_socket_for_three_streams_an_instrument() {
    for (spec, params) in [
        (
            "binance:BTCUSDT,1INCHUSDT",
            r#""btcusdt@bookTicker","btcusdt@trade","btcusdt@ticker","1inchusdt@bookTicker","1inchusdt@trade","1inchusdt@ticker""#,
        ),
        (
            "binance:BTCUSDT?trades=aggTrade",
            r#""btcusdt@bookTicker","btcusdt@aggTrade","btcusdt@ticker""#,
        ),
        ("binance:*", r#""!miniTicker@arr""#),
    ] {
        assert_eq!(sockets(spec), [socket("/stream", &[(1, params)])], "{spec}");
    }
}

#[test]
fn usd_m_is_asked_on_two_sockets_as_its_streams_are_split() {
    for (spec, public, market) in [
        (
            "binance-usdm:BTCUSDT",
            r#""btcusdt@bookTicker""#,
            r#""btcusdt@aggTrade","btcusdt@ticker""#,
        ),
        (
            "binance-usdm:BTCUSDT_260626?trades=trade",
            r#""btcusdt_260626@bookTicker","btcusdt_260626@trade""#,
            r#""btcusdt_260626@ticker""#,
        ),
        ("binance-usdm:*", r#""!bookTicker""#, r#""!miniTicker@arr""#),
    ] {
        let want = [
            socket("/public/stream", &[(1, public)]),
            socket("/market/stream", &[(2, market)]),
        ];
        assert_eq!(sockets(spec), want, "{spec}");
    }
}

#[test]
fn many_instruments_are_split_within_the_venues_limits_and_none_is_lost() {
    for kind in ["binance", "binance-usdm"] {
        let mut connections = planned(&format!("{kind}:{}", names(700))).expect("a spec");
        assert_eq!(connections.len(), 700usize.div_ceil(INSTRUMENTS_MAX));
        let mut all = std::collections::HashSet::new();
        for connection in &mut connections {
            let mut ids = 1..;
            for socket in connection.sockets() {
                let mut streams = 0;
                for request in &socket.requests {
                    assert!(request.text.len() <= 4_096, "{} bytes", request.text.len());
                    let json: serde_json::Value = serde_json::from_str(&request.text).expect("JSON");
                    assert_eq!(json["id"].as_u64(), ids.next(), "ids follow each other");
                    assert_eq!(request.answers, [json["id"].to_string()]);
                    let params = json["params"].as_array().expect("streams");
                    streams += params.len();
                    all.extend(params.iter().map(|p| p.as_str().expect("text").to_string()));
                }
                assert!(streams <= 1_000, "{streams} of the 1024 that a socket may have");
                assert!(socket.requests.len() <= 7, "{} requests", socket.requests.len());
            }
        }
        assert_eq!(all.len(), 3 * 700);
    }
}

#[test]
fn long_names_make_more_requests_not_longer_ones() {
    let name = |n: usize| format!("{n:02}{}", "Ä".repeat(30));
    let spec = format!("binance:{}", (0..60).map(name).collect::<Vec<_>>().join(","));
    let requests = sockets(&spec).remove(0).requests;
    assert!(requests.iter().all(|request| request.text.len() <= 4_096));
    assert_eq!(requests.len(), 4);
}

#[test]
fn each_connection_is_asked_for_anew_from_the_first_id() {
    let mut connection = planned("binance:BTCUSDT").expect("a spec").remove(0);
    assert_eq!(connection.sockets(), connection.sockets());
    assert!(
        connection.resync(&["BTCUSDT".into()]).is_empty(),
        "the next message is whole"
    );
}

#[test]
fn the_pace_stays_below_what_the_venue_allows() {
    for spec in ["binance:BTCUSDT", "binance-usdm:*"] {
        let rules = planned(spec).expect("a spec")[0].rules();
        let a_second = 1_000 / rules.request_spacing.as_millis() + 1;
        assert!(a_second < 5, "{a_second} messages a second, and pongs");
        assert!(rules.connects_per_minute * 5 <= 100 && rules.connect_spacing >= Duration::from_secs(1));
        let handover = rules.handover_after.expect("the venue ends connections");
        assert_eq!(handover, Duration::from_secs((23 * 60 + 50) * 60));
    }
}

#[test]
fn quotes_are_awaited_where_they_were_asked_for() {
    for (spec, frames, live) in [
        ("binance:*", vec![MINI], true),
        ("binance:BTCUSDT", vec![MINI], false),
        ("binance:BTCUSDT", vec![MINI, BOOK], true),
        ("binance-usdm:*", vec![MINI], false),
        ("binance-usdm:*", vec![MINI, USDM_BOOK], true),
    ] {
        let mut parser = planned(spec).expect(spec)[0].parser();
        let mut out = Batch::new();
        for frame in &frames {
            parser.frame(frame.as_bytes(), Ts(1), &mut out).expect("a frame");
        }
        assert_eq!(states(&out).contains(&Some(LIVE)), live, "{spec} {frames:?}");
    }
}

#[test]
fn what_the_venue_cannot_do_is_refused_with_what_is_allowed() {
    for (spec, part) in [
        ("binance", "NAME,NAME"),
        ("binance:BTC*", "`*` alone"),
        ("binance:BTCUSDT,*", "`*` alone"),
        ("binance-usdm:*,BTCUSDT", "`*` alone"),
        ("binance:btcusdt", "the venue writes it `BTCUSDT`"),
        ("binance:BTCUSDT@DEPTH", "letters, digits"),
        ("binance:BTC\"USDT", "letters, digits"),
        ("binance:BTC/USDT", "letters, digits"),
        ("binance:BTCUSDT,BTCUSDT", "more than once"),
        ("binance:BTCUSDT?trades=all", "`trade` or `aggTrade`"),
        ("binance:*?trades=trade", "brings no trades"),
        ("binance:BTCUSDT?depth=5", "no option `depth`"),
        ("binance-usdm:BTCUSDT?url=https://x", "wss://HOST"),
    ] {
        let error = planned(spec).expect_err(spec).to_string();
        assert!(error.contains(part), "{spec}: {error}");
    }
}

#[test]
fn a_renamed_venue_names_the_symbols_and_the_urls_are_the_venues() {
    for (spec, venue, url) in [
        ("binance:X", "binance", "wss://stream.binance.com:9443"),
        ("binance-usdm:X?venue=u", "u", "wss://fstream.binance.com"),
        ("binance:X?url=ws://127.0.0.1:1/", "binance", "ws://127.0.0.1:1"),
    ] {
        let market = if spec.starts_with("binance-usdm") {
            Market::Usdm
        } else {
            Market::Spot
        };
        let (target, connections) = plan(market, &FeedSpec::parse(spec).expect(spec)).expect(spec);
        assert_eq!((target.venue.as_str(), target.url.as_str()), (venue, url), "{spec}");
        assert_eq!(connections[0].venue.as_str(), venue);
    }
}
