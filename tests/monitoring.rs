//! What an operator's Prometheus and Grafana get: metrics, alert rules and a dashboard that match each other.

mod support;

use std::collections::BTreeSet;
use std::net::{Shutdown, TcpStream};
use std::thread::JoinHandle;
use std::time::Instant;

use serde_json::{Value, json};
use support::frame::{CLOSE, TEXT};
use support::peer::{Item, Peer};
use support::process::run;
use support::prometheus::{Files, Prometheus, is_here, promtool};
use support::request::subscribe;
use support::server::{QUIET, Server};
use support::venue::{Kind, Setup, Venue};
use support::{LIMIT, captures, eventually};
use tickwire::monitor::catalogue::{ALL, PROCESS};
use tickwire::wire::Encoding::{Json, Protobuf};

/// Quotes that the venue says.
const QUOTES: u64 = 40;

fn venue() -> Venue {
    let quote = |n: u64| {
        let data = captures::quote(n, "BTCUSDT", (&n.to_string(), "2.50"), ("1000", "3.50"));
        format!(r#"{{"stream":"btcusdt@bookTicker","data":{data}}}"#)
    };
    Setup::of(Kind::BinanceSpot, (1..=QUOTES).map(quote).collect()).start()
}

/// Subscribers that read and answer pings on threads of their own until they are dropped.
struct Readers(Vec<(TcpStream, JoinHandle<()>)>);

impl Readers {
    fn of(peers: Vec<Peer>) -> Readers {
        let read = |mut peer: Peer| {
            let stream = peer.stream.try_clone().expect("a handle");
            let reader = std::thread::spawn(
                move || {
                    while !matches!(peer.next(Instant::now() + LIMIT), Item::Ended(_)) {}
                },
            );
            (stream, reader)
        };
        Readers(peers.into_iter().map(read).collect())
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        for (stream, reader) in self.0.drain(..) {
            // Where the server has gone, there is nothing left to shut.
            let _ = stream.shutdown(Shutdown::Both);
            let _ = reader.join();
        }
    }
}

/// A server to which everything has happened that is counted in a usual week, and the two subscribers that stay.
fn busy(venue: &Venue) -> (Server, Readers) {
    let feed = format!("binance:BTCUSDT?{}", venue.options());
    let record = ["--record", "day.tape", "--ping-ms", "500", "--shards", "1"];
    let server = Server::start(&[&["--feed", &feed, "--feed", QUIET][..], &record].concat());
    venue.wait_subscribed(&["btcusdt@bookTicker"]);
    venue.play_to(venue.frame_count());
    let subscribed = |encoding| {
        let mut peer = Peer::open(&server, encoding);
        peer.request(1, subscribe(&["binance:BTCUSDT", "synthetic:*"]));
        peer.answered_with();
        peer
    };
    let mut peers = vec![subscribed(Json), subscribed(Protobuf)];
    peers[0].send_frame(TEXT, b"{}");
    let readers = Readers::of(peers);
    let mut gone = Peer::open(&server, Json);
    gone.send_frame(CLOSE, &1000u16.to_be_bytes());
    gone.read_to_end();
    assert_eq!(server.get("/nowhere").status, 404);
    assert_eq!(server.get("/v1/stream").status, 400);
    for (name, labels) in [
        ("tickwire_client_errors_total", "invalid_message"),
        ("tickwire_closes_total", "1000"),
        ("tickwire_ping_seconds_count", ""),
        ("tickwire_frames_total", "protobuf"),
    ] {
        eventually(name, || (server.metric(name, labels) >= 1.0).then_some(()));
    }
    (server, readers)
}

/// The names of the page, without what a histogram adds to its own.
fn families(page: &str) -> BTreeSet<&str> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

fn printed(what: &str) -> String {
    let ended = run(&["monitoring", what]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    ended.out
}

/// Every expression of the dashboard's panels, for all servers and over 5 seconds.
fn drawn(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let exprs = targets.map(|target| target["expr"].as_str().expect("an expression"));
    exprs
        .map(|expr| expr.replace("$instance", ".+").replace("$__rate_interval", "5s"))
        .collect()
}

/// Words of an expression that can only be metrics of ours, as the page names their families.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("tickwire_") || word.starts_with("process_"));
    ours.map(|word| word.strip_suffix("_bucket").unwrap_or(word)).collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_a_real_page_has() {
    let venue = venue();
    let (server, _peers) = busy(&venue);
    let page = server.page("/metrics").text();
    let there = families(&page);
    let (alerts, dashboard) = (printed("alerts"), printed("dashboard"));
    for text in [&alerts, &dashboard] {
        let missing: Vec<&str> = named(text).difference(&there).copied().collect();
        assert!(named(text).len() > 15 && missing.is_empty(), "{missing:?} of:\n{page}");
    }
    let known: BTreeSet<&str> = ALL.iter().chain(PROCESS).map(|metric| metric.name).collect();
    let unknown: Vec<&str> = there.difference(&known).copied().collect();
    assert!(unknown.is_empty(), "on the page, but in no table: {unknown:?}");
    for metric in ALL.iter().chain(PROCESS).filter(|metric| there.contains(metric.name)) {
        let head = format!("# TYPE {} {}\n", metric.name, metric.kind.word());
        let (_, series) = page.split_once(&head).unwrap_or_else(|| panic!("no `{head}`"));
        let first = series.lines().next().expect("a series");
        let label = first.split_once('{').and_then(|(_, labels)| labels.split('=').next());
        let label = label.filter(|label| *label != "le").unwrap_or_default();
        assert_eq!(label, metric.label, "{first}");
    }
}

#[test]
fn promtool_has_nothing_to_say_against_metrics_rules_and_expressions() {
    if !is_here() {
        return;
    }
    let venue = venue();
    let (server, _peers) = busy(&venue);
    promtool(&["check", "metrics"], &server.page("/metrics").text());
    let files = Files::new();
    promtool(&["check", "rules", &files.with("rules.yml", &printed("alerts"))], "");
    let dashboard: Value = serde_json::from_str(&printed("dashboard")).expect("JSON");
    let rule = |(at, expr)| json!({"record": format!("drawn:{at}"), "expr": expr});
    let rules: Vec<Value> = drawn(&dashboard).into_iter().enumerate().map(rule).collect();
    let rules = json!({"groups": [{"name": "drawn", "rules": rules}]}).to_string();
    promtool(&["check", "rules", &files.with("drawn.yml", &rules)], "");
}

/// What becomes of a healthy server's series for ten minutes, as promtool writes series, in minutes of 15 s steps.
const HEALTHY: &[(&str, &str)] = &[
    (r#"up"#, "1x40"),
    ("process_start_time_seconds", "1700000000x40"),
    ("process_open_fds", "100x40"),
    ("process_max_fds", "1024x40"),
    ("tickwire_beats_total", "0+1500x40"),
    ("tickwire_beats_late_total", "7x40"),
    ("tickwire_beats_held_total", "0x40"),
    (r#"tickwire_hop_seconds_bucket{hop="queue",le="0.01"}"#, "0+100x40"),
    (r#"tickwire_hop_seconds_bucket{hop="queue",le="0.1"}"#, "0+100x40"),
    (r#"tickwire_hop_seconds_bucket{hop="queue",le="+Inf"}"#, "0+100x40"),
    ("tickwire_accepts_failed_total", "0x40"),
    (r#"tickwire_closes_total{code="1000"}"#, "0+50x40"),
    (r#"tickwire_closes_total{code="4004"}"#, "3x40"),
    (r#"tickwire_closes_total{code="4008"}"#, "0+1x10 10x30"),
    (r#"tickwire_http_errors_total{code="internal"}"#, "0x40"),
    (r#"tickwire_http_errors_total{code="not_found"}"#, "0+5x40"),
    (r#"tickwire_client_errors_total{code="invalid_symbol"}"#, "0+5x40"),
    (r#"tickwire_handshakes_refused_total{reason="option"}"#, "0+5x40"),
    (
        r#"tickwire_certificate_looks_failed_total{what="clients"}"#,
        "0x20 2x20",
    ),
    (r#"tickwire_venue_state{venue="binance"}"#, "1x10 2 1x29"),
    (
        r#"tickwire_venue_lag_seconds_bucket{venue="binance",le="0.1"}"#,
        "0+100x40",
    ),
    (
        r#"tickwire_venue_lag_seconds_bucket{venue="binance",le="5"}"#,
        "0+100x40",
    ),
    (
        r#"tickwire_venue_lag_seconds_bucket{venue="binance",le="+Inf"}"#,
        "0+100x40",
    ),
    (r#"tickwire_feed_malformed_total{venue="binance"}"#, "5x40"),
    (r#"tickwire_feed_gaps_total{venue="binance"}"#, "0x20 2x20"),
    (r#"tickwire_feed_checksums_total{venue="binance"}"#, "0x40"),
    ("tickwire_misfits_total", "0x40"),
    ("tickwire_refused_total", "0x40"),
    ("tickwire_subscribers", "100x40"),
    ("tickwire_subscribers_slow", "1x10 60 1x29"),
    ("tickwire_skipped_beats_total", "0+100x40"),
    ("tickwire_record_up", "1x40"),
    ("tickwire_record_events_dropped_total", "0x40"),
];

/// Each alert with what is different when it fires, and nothing else does.
const SICK: &[(&str, &[(&str, &str)])] = &[
    ("TickwireDown", &[("up", "0x40")]),
    // The whole server has gone from Prometheus' configuration.
    ("TickwireDown", &[("up", "_x40")]),
    ("TickwireRestarts", &[("process_start_time_seconds", "1x10 2x10 3x20")]),
    ("TickwireBeatLate", &[("tickwire_beats_late_total", "0+30x40")]),
    ("TickwireBeatLate", &[("tickwire_beats_held_total", "0+30x40")]),
    (
        "TickwireInternalLag",
        &[(r#"tickwire_hop_seconds_bucket{hop="queue",le="0.01"}"#, "0+90x40")],
    ),
    ("TickwireDescriptorsShort", &[("process_open_fds", "1000x40")]),
    (
        "TickwireDescriptorsShort",
        &[("tickwire_accepts_failed_total", "0x30 1x10")],
    ),
    (
        "TickwireInternalErrors",
        &[(r#"tickwire_closes_total{code="4004"}"#, "3x30 4x10")],
    ),
    (
        "TickwireInternalErrors",
        &[(r#"tickwire_http_errors_total{code="internal"}"#, "0x30 1x10")],
    ),
    (
        "TickwireFeedStale",
        &[(r#"tickwire_venue_state{venue="binance"}"#, "1x30 2x10")],
    ),
    (
        "TickwireFeedDown",
        &[(r#"tickwire_venue_state{venue="binance"}"#, "1x30 3x10")],
    ),
    (
        "TickwireVenueLag",
        &[(
            r#"tickwire_venue_lag_seconds_bucket{venue="binance",le="0.1"}"#,
            "0+90x40",
        )],
    ),
    (
        "TickwireFeedErrors",
        &[(r#"tickwire_feed_malformed_total{venue="binance"}"#, "5x25 100x15")],
    ),
    (
        "TickwireFeedErrors",
        &[(r#"tickwire_feed_gaps_total{venue="binance"}"#, "0x25 100x15")],
    ),
    (
        "TickwireFeedErrors",
        &[(r#"tickwire_feed_checksums_total{venue="binance"}"#, "0x25 100x15")],
    ),
    ("TickwireValuesRefused", &[("tickwire_misfits_total", "0x30 1x10")]),
    ("TickwireValuesRefused", &[("tickwire_refused_total", "0x30 1x10")]),
    ("TickwireSkippedBeats", &[("tickwire_skipped_beats_total", "0+3000x40")]),
    ("TickwireSlowConsumers", &[("tickwire_subscribers_slow", "1x30 60x10")]),
    (
        "TickwireSlowConsumersLetGo",
        &[(r#"tickwire_closes_total{code="4008"}"#, "0x30 40x10")],
    ),
    (
        "TickwireRequestErrors",
        &[(r#"tickwire_client_errors_total{code="invalid_symbol"}"#, "0+100x40")],
    ),
    (
        "TickwireRequestErrors",
        &[(r#"tickwire_http_errors_total{code="not_found"}"#, "0+100x40")],
    ),
    (
        "TickwireRequestErrors",
        &[(r#"tickwire_handshakes_refused_total{reason="option"}"#, "0+100x40")],
    ),
    (
        "TickwireCertificateFiles",
        &[(
            r#"tickwire_certificate_looks_failed_total{what="clients"}"#,
            "0x30 3+3x9",
        )],
    ),
    ("TickwireRecordingFailed", &[("tickwire_record_up", "1x30 0x10")]),
    (
        "TickwireRecordingFailed",
        &[("tickwire_record_events_dropped_total", "0x30 5x10")],
    ),
];

/// A series as it comes from the server of the job.
fn of_the_job(series: &str) -> String {
    let own = r#"job="tickwire",instance="a:7070""#;
    match series.split_once('{') {
        Some((name, labels)) => format!("{name}{{{own},{labels}"),
        None => format!("{series}{{{own}}}"),
    }
}

/// One case for promtool: the healthy series but for some, and what fires in the end.
fn case(different: &[(&str, &str)], fires: &[&str]) -> Value {
    let values = |series: &str, healthy: &'static str| {
        let other = different.iter().find(|(name, _)| *name == series);
        other.map_or(healthy, |(_, values)| *values).to_owned()
    };
    assert!(
        different
            .iter()
            .all(|(name, _)| HEALTHY.iter().any(|(series, _)| series == name))
    );
    let series = HEALTHY
        .iter()
        .map(|(series, healthy)| json!({"series": of_the_job(series), "values": values(series, healthy)}));
    let fired = fires
        .iter()
        .map(|name| json!({"labels": format!(r#"{{alertname="{name}"}}"#), "value": 1}));
    json!({
        "interval": "15s",
        "input_series": series.collect::<Vec<_>>(),
        "promql_expr_test": [{
            "expr": r#"count by (alertname) (ALERTS{alertstate="firing"})"#,
            "eval_time": "10m",
            "exp_samples": fired.collect::<Vec<_>>(),
        }],
    })
}

#[test]
fn each_alert_fires_where_what_it_names_is_so_and_no_other_does() {
    let rules = printed("alerts");
    let named: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.split("- alert: ").nth(1))
        .collect();
    let tested: BTreeSet<&str> = SICK.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, tested);
    if !is_here() {
        return;
    }
    let files = Files::new();
    files.with("rules.yml", &rules);
    let sick = SICK.iter().map(|(name, different)| case(different, &[name]));
    let cases: Vec<Value> = std::iter::once(case(&[], &[])).chain(sick).collect();
    let tests = json!({"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": cases});
    promtool(&["test", "rules", &files.with("tests.yml", &tests.to_string())], "");
}

#[test]
fn prometheus_scrapes_a_server_and_answers_with_what_has_happened() {
    if !is_here() {
        return;
    }
    let venue = venue();
    let (server, _peers) = busy(&venue);
    let prometheus = Prometheus::start(server.addr, &printed("alerts"));
    prometheus.until("up", |up| up == 1.0);
    for (expr, want) in [
        (r#"tickwire_updates_total{venue="binance"}"#, QUOTES as f64),
        ("tickwire_subscribers", 2.0),
        ("tickwire_connections_total", 3.0),
        (r#"tickwire_closes_total{code="1000"}"#, 1.0),
        (r#"tickwire_venue_state{venue="binance"}"#, 1.0),
        (r#"tickwire_client_errors_total{code="invalid_message"}"#, 1.0),
        (r#"tickwire_http_errors_total{code="not_found"}"#, 1.0),
        (r#"tickwire_handshakes_refused_total{reason="handshake"}"#, 1.0),
        ("tickwire_record_up", 1.0),
        ("tickwire_instruments", 4.0),
        (r#"tickwire_venue_lag_seconds_count{venue="binance"}"#, 0.0),
        ("count(tickwire_frames_total)", 3.0),
    ] {
        prometheus.until(expr, |value| value == want);
    }
    let dashboard: Value = serde_json::from_str(&printed("dashboard")).expect("JSON");
    for expr in drawn(&dashboard) {
        eventually(&expr, || (!prometheus.query(&expr).is_empty()).then_some(()));
    }
    // On a loaded machine fewer, but never more.
    prometheus.until("rate(tickwire_beats_total[5s])", |beats| (20.0..110.0).contains(&beats));
    prometheus.until("histogram_quantile(0.5, tickwire_beat_seconds_bucket)", |s| {
        s > 0.0 && s <= 0.1
    });
    prometheus.until("process_open_fds < process_max_fds", |open| open > 10.0);
    prometheus.until("time() - process_start_time_seconds", |age| (0.0..600.0).contains(&age));
}
