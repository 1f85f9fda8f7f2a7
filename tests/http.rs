//! Plain HTTP: the pages, what they say, and how requests are refused.

mod support;

use std::collections::HashSet;
use std::io::{Read, Write};

use support::frame::{Frame, TEXT};
use support::http::{Answer, head};
use support::peer::Peer;
use support::request::{Ask, subscribe};
use support::server::Server;
use support::{captures, eventually};
use tickwire::dashboard::ASSETS;
use tickwire::wire::Encoding::Json;
use tickwire::wire::proto;

/// A server whose only feed has ended: nothing changes any more.
fn at_rest() -> Server {
    let book = captures::quote(7, "BTCUSDT", ("61837.63", "3.78826"), ("61837.64", "1.5"));
    let other = captures::quote(8, "ETHUSDT", ("2.5", "1"), ("2.75", "10"));
    let text = format!("#tickwire-capture 1 venue=binance\n1 {book}\n2 {other}\n3 {book}\n");
    let server = Server::start_with(
        ("day.capture", text.as_bytes()),
        &["--feed", "replay:day.capture?speed=max"],
    );
    server.until_played();
    server
}

fn names(answer: &serde_json::Value) -> Vec<String> {
    let rows = answer["instruments"].as_array().expect("instruments");
    rows.iter()
        .map(|row| row["symbol"].as_str().expect("a symbol").to_owned())
        .collect()
}

#[test]
fn symbols_are_listed_all_or_as_a_pattern_matches() {
    let server = at_rest();
    let all = server.json("/v1/symbols");
    assert_eq!(names(&all), ["binance:BTCUSDT", "binance:ETHUSDT"]);
    assert_eq!(all["epoch"], server.json("/v1/status")["epoch"]);
    let row = &all["instruments"][0];
    assert_eq!(
        (&row["price_decimals"], &row["size_decimals"], &row["state"]),
        (&2.into(), &5.into(), &"live".into())
    );
    for (target, want) in [
        ("match=binance:ETH*", vec!["binance:ETHUSDT"]),
        ("match=*:*USDT", vec!["binance:BTCUSDT", "binance:ETHUSDT"]),
        ("match=binance%3ABTCUSDT", vec!["binance:BTCUSDT"]),
        ("match=kraken:*", vec![]),
    ] {
        assert_eq!(names(&server.json(&format!("/v1/symbols?{target}"))), want, "{target}");
    }
    for target in ["match=BTC", "match=a%20b:*", "match="] {
        let (status, code, message) = server.get(&format!("/v1/symbols?{target}")).error();
        assert_eq!((status, code.as_str()), (400, "invalid_symbol"), "{target}: {message}");
    }
}

#[test]
fn at_rest_a_snapshot_over_http_is_the_one_over_websocket() {
    let server = at_rest();
    let mut ws = Peer::open(&server, Json);
    let asked = ["binance:*", "other:X", "BAD", "binance:BTCUSDT"];
    ws.request(0, subscribe(&asked));
    let is_snapshot = |frame: &Frame| frame.first == TEXT && frame.payload.starts_with(b"{\"snapshot\"");
    let frame = std::iter::repeat_with(|| ws.frame())
        .find(is_snapshot)
        .expect("a snapshot");
    let mut streamed: serde_json::Value = serde_json::from_slice(&frame.payload).expect("JSON");
    let mut fetched = server.json(&format!("/v1/snapshot?symbols={}", asked.join(",")));
    assert_eq!(fetched["snapshot"]["pending"], serde_json::json!(["other:X"]));
    assert_eq!(fetched["snapshot"]["rejected"][0]["symbol"], "BAD");
    assert_eq!(fetched["snapshot"]["tickers"][0]["bid_price"], "61837.63");
    // Assembled at different beats: only the time differs.
    for message in [&mut streamed, &mut fetched] {
        let ts = message["snapshot"].as_object_mut().expect("a snapshot").remove("ts");
        assert!(ts.is_some_and(|ts| ts.is_string()));
    }
    assert_eq!(fetched, streamed);
}

#[test]
fn values_are_decoded_once_and_lists_split_after_that() {
    let server = Server::quiet(&[]);
    let said = |symbols: &str| {
        let answer = server.json(&format!("/v1/snapshot?symbols={symbols}"));
        let strings = |name: &str, inner: &str| -> Vec<String> {
            let list = answer["snapshot"][name].as_array().cloned().unwrap_or_default();
            let text = |v: &serde_json::Value| if inner.is_empty() { v.clone() } else { v[inner].clone() };
            list.iter()
                .map(|v| text(v).as_str().expect("text").to_owned())
                .collect()
        };
        (strings("pending", ""), strings("rejected", "symbol"))
    };
    let none: [&str; 0] = [];
    for (symbols, pending, rejected) in [
        ("a:B%2Cc:D", &["a:B", "c:D"][..], &none[..]),
        ("a:1+2", &["a:1+2"], &none),
        ("a:%2525", &["a:%25"], &none),
        ("a:B/C&", &["a:B/C"], &none),
        ("a:%C3%A9", &["a:é"], &none),
        ("a:B,,c:D,", &["a:B", "c:D"], &[""]),
        // Whatever a symbol holds, the answer is JSON.
        ("a:%22%7D%5C", &["a:\"}\\"], &none),
        (
            "a:%00%22%0A%1b%E2%80%A8,%3C/script%3E",
            &none,
            &["a:\0\"\n\u{1b}\u{2028}", "</script>"],
        ),
    ] {
        let got = said(symbols);
        assert_eq!(got.0, pending, "{symbols}");
        assert_eq!(got.1, rejected, "{symbols}");
    }
    let (_, rejected) = said(&format!("a:%F0%9F%98%80{}", "x".repeat(7_000)));
    assert_eq!(rejected.len(), 1);
    assert!(
        rejected[0].len() < 500,
        "an answer repeats only the beginning of a wrong symbol"
    );
}

#[test]
fn wrong_requests_are_refused_in_one_shape() {
    let server = Server::quiet(&[]);
    for (target, status, code) in [
        ("/v1/snapshot", 400, "invalid_message"),
        ("/v1/snapshot?symbols=", 400, "invalid_message"),
        ("/v1/snapshot?symbol=a:B", 400, "invalid_message"),
        ("/v1/snapshot?symbols=a:B&symbols=c:D", 400, "invalid_message"),
        ("/v1/snapshot?symbols=a:B&x=1", 400, "invalid_message"),
        ("/v1/snapshot?symbols=%zz", 400, "invalid_message"),
        ("/v1/snapshot?symbols=%ff", 400, "invalid_message"),
        ("/v1/symbols?match=a:*&match=b:*", 400, "invalid_message"),
        ("/v1/symbols?x", 400, "invalid_message"),
        ("/v1", 404, "not_found"),
        ("/v1/snapshot/", 404, "not_found"),
        ("/%22%00%3Cb%3E", 404, "not_found"),
        ("/../etc/passwd", 404, "not_found"),
        ("//", 404, "not_found"),
    ] {
        let answer = server.get(target);
        let (got, word, message) = answer.error();
        assert_eq!((got, word.as_str()), (status, code), "{target}: {message}");
        assert!(!message.is_empty());
    }
    for (method, target) in [
        ("POST", "/v1/snapshot"),
        ("DELETE", "/"),
        ("PUT", "/metrics"),
        ("BREW", "/healthz"),
    ] {
        let answer = server.ask(method, target, &[]);
        assert_eq!(
            (answer.error().0, answer.header("allow")),
            (405, Some("GET, HEAD")),
            "{method} {target}"
        );
    }
    let long = |bytes: usize| format!("/v1/snapshot?symbols=a:{}", "x".repeat(bytes - 23));
    assert_eq!(server.get(&long(8 * 1_024)).status, 200);
    let (status, code, _) = server.get(&long(8 * 1_024 + 1)).error();
    assert_eq!((status, code.as_str()), (414, "url_too_long"));
    let mut stream = server.connect();
    // A head without end, at its limit; a byte more could be left unread, which breaks the connection.
    let endless = format!("{:x<32768}", "GET /healthz HTTP/1.1\r\nX-Large: ");
    stream.write_all(endless.as_bytes()).expect("written");
    assert_eq!(Answer::read(&mut stream, "GET").status, 431);
    let mut stream = server.connect();
    stream
        .write_all(b"\x16\x03\x01\x02\x00 no HTTP at all\r\n\r\n")
        .expect("written");
    assert_eq!(Answer::read(&mut stream, "GET").status, 400);
}

#[test]
fn the_service_says_that_it_lives_and_whether_it_is_ready() {
    let server = Server::quiet(&[]);
    server.until_instruments(3);
    assert_eq!(
        (server.get("/healthz").status, server.get("/healthz").text()),
        (200, "ok\n".to_owned())
    );
    // A machine without a moment to spare may be late with one beat, not with all.
    eventually("it is ready", || (server.get("/readyz").status == 200).then_some(()));
    let ended = at_rest();
    let answer = ended.get("/readyz");
    let json = answer.json();
    assert_eq!((answer.status, &json["ready"]), (503, &false.into()));
    assert_eq!(json["reasons"][0], "no feed is up: binance is down (replay ended)");
    assert_eq!(ended.get("/healthz").status, 200);
}

#[test]
fn the_status_tells_version_venues_subscribers_and_the_beat() {
    let server = Server::quiet(&[]);
    server.until_instruments(3);
    let _ws = Peer::open(&server, Json);
    server.until_subscribers(1);
    let status = server.json("/v1/status");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["venues"][0]["name"], "synthetic");
    assert_eq!(status["venues"][0]["state"], "up");
    assert!(
        status["epoch"]
            .as_str()
            .and_then(|e| e.parse::<u64>().ok())
            .is_some_and(|e| e > 0)
    );
    assert!(status["ts"].is_string() && status["seq"].as_u64() > Some(0), "{status}");
    assert!(
        status["beat"]["on_time"].is_boolean() && status["beat"]["took_us"].is_u64(),
        "{status}"
    );
}

/// Name, labels and value of each sample; checks help and type on the way.
fn metrics(server: &Server) -> Vec<(String, String, f64)> {
    let answer = server.get("/metrics");
    assert!(
        answer
            .header("content-type")
            .is_some_and(|t| t.starts_with("text/plain; version=0.0.4"))
    );
    let (mut described, mut typed, mut samples) = (HashSet::new(), HashSet::new(), Vec::new());
    for line in answer.text().lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => assert!(described.insert(name.to_owned()) && !help.is_empty(), "{line}"),
            ["#", "TYPE", name, kind] => {
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(typed.insert(name.to_owned()), "{line}");
            }
            _ => {
                let (series, value) = line.rsplit_once(' ').expect(line);
                let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
                assert!(labels.ends_with('}'), "{line}");
                samples.push((name.to_owned(), labels.to_owned(), value.parse().expect(line)));
            }
        }
    }
    for (name, ..) in &samples {
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let is_ours = |name: &str| ["tickwire_", "process_"].iter().any(|start| name.starts_with(start));
        let is_known = |name: &str| described.contains(name) && typed.contains(name) && is_ours(name);
        assert!(
            is_known(name) || base.is_some_and(is_known),
            "{name} has no help or type"
        );
    }
    samples
}

#[test]
fn every_metric_is_described_and_counters_move() {
    let server = Server::of("synthetic?symbols=3&rate=1000", &[]);
    server.until_instruments(3);
    let sum = |name: &str| {
        metrics(&server)
            .iter()
            .filter(|(n, ..)| n == name)
            .map(|(.., v)| v)
            .sum::<f64>()
    };
    let (beats, updates) = (sum("tickwire_beats_total"), sum("tickwire_updates_total"));
    let mut ws = Peer::open(&server, Json);
    ws.ask(1, subscribe(&["synthetic:*"]));
    (0..5).for_each(|_| drop(ws.said()));
    ws.refused("?");
    drop(ws);
    server.until_subscribers(0);
    assert_eq!(server.get("/v1/stream").status, 400);
    assert!(sum("tickwire_beats_total") > beats && sum("tickwire_updates_total") > updates);
    for (name, least) in [
        ("tickwire_build_info", 1.0),
        ("tickwire_connections_total", 1.0),
        ("tickwire_closes_total", 1.0),
        ("tickwire_handshakes_refused_total", 1.0),
        ("tickwire_client_errors_total", 1.0),
        ("tickwire_frames_total", 2.0),
        ("tickwire_frame_bytes_total", 100.0),
        ("tickwire_feed_updates_total", 1.0),
        ("tickwire_instruments", 3.0),
        ("tickwire_beat_seconds_count", 1.0),
    ] {
        assert!(sum(name) >= least, "{name} is {}", sum(name));
    }
    assert_eq!(sum("tickwire_subscribers"), 0.0);
    let info = metrics(&server)
        .into_iter()
        .find(|(name, ..)| name == "tickwire_build_info");
    assert!(info.is_some_and(|(_, labels, _)| labels.contains(concat!("version=\"", env!("CARGO_PKG_VERSION")))));
}

/// A name, not an address: nothing is loaded from there.
const SVG_NAMESPACE: &str = "http://www.w3.org/2000/svg";

#[test]
fn the_pages_load_nothing_from_elsewhere() {
    let server = Server::quiet(&[]);
    for asset in ASSETS {
        let path = asset.path;
        let answer = server.page(path);
        assert_eq!(answer.header("content-type"), Some(asset.content_type), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("default-src 'none'") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let text = answer.text().replace(SVG_NAMESPACE, "");
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
        assert!(!text.contains("<script>"), "{path}: the policy would not run it");
        assert!(!text.contains("innerHTML"), "{path}: names are text");
    }
}

#[test]
fn one_connection_takes_many_requests_and_head_has_no_body() {
    let server = Server::quiet(&[]);
    let mut stream = server.connect();
    // Both at once, answered in order.
    let two = [head("GET", "/healthz", &[]), head("GET", "/v1/nothing", &[])].concat();
    stream.write_all(&two).expect("written");
    assert_eq!(Answer::read(&mut stream, "GET").status, 200);
    assert_eq!(Answer::read(&mut stream, "GET").error().0, 404);
    for target in ["/", "/healthz", "/v1/symbols", "/v1/status", "/metrics"] {
        stream.write_all(&head("HEAD", target, &[])).expect("written");
        let answer = Answer::read(&mut stream, "HEAD");
        assert_eq!(answer.status, 200, "{target}");
        assert!(answer.header("content-length").is_some_and(|n| n != "0"), "{target}");
    }
    stream
        .write_all(&head("GET", "/healthz", &[("Connection", "close")]))
        .expect("written");
    assert_eq!(Answer::read(&mut stream, "GET").text(), "ok\n");
    assert_eq!(stream.read(&mut [0]).expect("an end"), 0, "closed as asked");
}

#[test]
fn a_ping_over_json_has_its_times_as_strings() {
    let server = Server::quiet(&[]);
    let mut ws = Peer::open(&server, Json);
    ws.request(1, Ask::Ping(proto::Ping { nonce: 5, ts: 7 }));
    let is_pong = |frame: &Frame| frame.payload.starts_with(b"{\"pong\"");
    let frame = std::iter::repeat_with(|| ws.frame()).find(is_pong).expect("a pong");
    let pong: serde_json::Value = serde_json::from_slice(&frame.payload).expect("JSON");
    assert_eq!(
        (&pong["pong"]["nonce"], &pong["pong"]["ts_client"]),
        (&5.into(), &"7".into())
    );
    assert!(pong["pong"]["ts_sent"].is_string(), "{pong}");
}
