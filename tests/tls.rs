//! The service over TLS: everything as without, whatever a subscriber's socket takes.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use serde_json::Value;
use support::frame::{Frame, TEXT};
use support::http::{self, Answer};
use support::process::{Process, run};
use support::server::{QUIET, Server};
use support::tls::Tls;
use support::{LIMIT, captures, in_each_encoding};
use tickwire::client::{Options, Subscriber};
use tickwire::market::VenueState;

fn secured(tls: &Tls, args: &[&str]) -> Server {
    let flags = tls.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Server::start(&[args, &flags[..]].concat())
}

fn ca(tls: &Tls) -> &str {
    tls.ca_file().to_str().expect("UTF-8")
}

type Connection = StreamOwned<ClientConnection, std::net::TcpStream>;

/// A connection of one's own, after its handshake.
fn connect(server: &Server, tls: &Tls) -> Connection {
    connect_with(server, tls, rustls::DEFAULT_VERSIONS)
}

fn connect_with(server: &Server, tls: &Tls, versions: &[&'static SupportedProtocolVersion]) -> Connection {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(tls.ca_file()).expect("a certificate");
    roots.add(authority).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    StreamOwned::new(connection, server.connect())
}

/// An answer, whole; `None` where the certificate is not trusted.
fn get(mut connection: Connection, target: &str) -> Option<String> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer and a goodbye");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Some(answer)
}

#[test]
fn subscribers_of_every_kind_get_all_that_they_are_owed() {
    let tls = Tls::new();
    let server = secured(&tls, &["--feed", "synthetic?symbols=60&rate=3000&activity=even"]);
    assert!(server.url().starts_with("https://"));
    // By then all are listed.
    let first = run(&[
        "watch",
        &server.url(),
        "synthetic:*",
        "--ca-file",
        ca(&tls),
        "--count",
        "1",
    ]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    in_each_encoding(|encoding| {
        for compression in ["none", "deflate"] {
            let encoding = encoding.to_string();
            let ended = run(&[
                "bench",
                &server.url(),
                "--ca-file",
                ca(&tls),
                "--subscribers",
                "20",
                "--symbols",
                "10",
                "--seconds",
                "2",
                "--encoding",
                &encoding,
                "--compression",
                compression,
                "--json",
            ]);
            assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
            let report: Value = serde_json::from_str(&ended.out).expect("a report");
            assert_eq!(
                (&report["joined"], &report["gaps"]),
                (&20.into(), &0.into()),
                "{report}"
            );
            assert!(report["frames"].as_u64() > Some(20 * 50), "{report}");
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_ends_as_the_recording_says_and_the_plain_one_beside_it() {
    let tls = Tls::new();
    let demo = format!("replay:{}?start=first_subscriber&speed=20", captures::demo().display());
    let mut dumps = Vec::new();
    for server in [secured(&tls, &["--feed", &demo]), Server::start(&["--feed", &demo])] {
        let options = Options::new(&server.url()).expect("a URL");
        let options = match options.tls() {
            Some(_) => options.ca_file(tls.ca_file()).expect("an authority"),
            None => options,
        };
        let subscriber = Subscriber::new(options);
        subscriber.subscribe(["binance:*"]).await.expect("a pattern");
        let over = subscriber.wait_until(|view| {
            let mut venues = view.venues().values();
            view.is_complete() && venues.any(|v| v.state == VenueState::Down && v.reason == "replay ended")
        });
        tokio::time::timeout(LIMIT, over)
            .await
            .expect("in time")
            .expect("it does not give up");
        let view = subscriber.view();
        assert_eq!((view.breaches(), view.losses()), (0, 0));
        dumps.push(format!("{:?}", view.dump()));
    }
    assert!(dumps[0].len() > 1_000 && dumps[0] == dumps[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_nothing_is_let_go_and_its_neighbour_does_not_notice() {
    let tls = Tls::new();
    let feed = "synthetic?symbols=1000&rate=100000&activity=even";
    let args = ["--shards", "1", "--slow-consumer-ms", "1000", "--feed", feed];
    let server = secured(&tls, &args);
    let options = Options::new(&server.url()).expect("a URL");
    let neighbour = Subscriber::new(options.ca_file(tls.ca_file()).expect("an authority"));
    neighbour.subscribe(["synthetic:*"]).await.expect("a pattern");
    let complete = neighbour.wait_until(|view| view.is_complete() && view.len() == 1_000);
    tokio::time::timeout(LIMIT, complete)
        .await
        .expect("in time")
        .expect("it does not give up");

    let begun = Instant::now();
    let stuck = tokio::task::spawn_blocking(move || {
        let mut stuck = connect(&server, &tls);
        let request = "GET /v1/stream?encoding=json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stuck.write_all(request.as_bytes()).expect("written");
        let text = br#"{"subscribe":{"symbols":["synthetic:*"]}}"#;
        // A mask of zeros leaves the text as it is.
        let head = [0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
        stuck.write_all(&[&head[..], text].concat()).expect("written");
        std::thread::sleep(Duration::from_secs(3));
        // What the kernels held is still there; then it is broken off, with no word that TLS could read.
        let mut bytes = vec![0; 64 << 10];
        let error = loop {
            match stuck.read(&mut bytes) {
                Ok(0) => panic!("a goodbye"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        (error, server)
    });
    let (error, server) = tokio::time::timeout(LIMIT, stuck)
        .await
        .expect("in time")
        .expect("no panic");
    let kinds = [
        ErrorKind::ConnectionReset,
        ErrorKind::UnexpectedEof,
        ErrorKind::BrokenPipe,
    ];
    assert!(kinds.contains(&error.kind()), "{error}");
    assert!(begun.elapsed() < LIMIT);
    let view = neighbour.view();
    assert_eq!((view.breaches(), view.losses()), (0, 0));
    drop(view);
    drop(server);
}

#[test]
fn who_does_not_trust_it_is_told_why_and_who_speaks_no_tls_harms_nobody() {
    let tls = Tls::new();
    let server = secured(&tls, &["--feed", QUIET]);
    let ended = run(&["bench", &server.url(), "--subscribers", "1", "--seconds", "1"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.err.contains("certificate"), "{}", ended.err);
    // To try again would not help.
    let ended = run(&["watch", &server.url(), "synthetic:*"]);
    assert_eq!(ended.code, Some(1), "{}", ended.out);
    assert!(ended.err.contains("certificate"), "{}", ended.err);
    let mut plain = server.sent(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    let mut answer = Vec::new();
    // An alert of TLS, or a reset.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(get(connect(&server, &tls), "/healthz").is_some());
    let ended = run(&["watch", &server.url(), "a:B", "--ca-file", "nowhere.pem"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("nowhere.pem"), "{}", ended.err);
    let line = Process::spawn(&[
        "watch",
        &server.url(),
        "synthetic:*",
        "--ca-file",
        ca(&tls),
        "--count",
        "1",
    ])
    .line();
    assert!(line.contains("synthetic:S000"), "{line}");
}

#[test]
fn both_versions_are_spoken() {
    let tls = Tls::new();
    let server = secured(&tls, &["--feed", QUIET]);
    for version in [&TLS12, &TLS13] {
        let mut connection = connect_with(&server, &tls, &[version]);
        connection.conn.complete_io(&mut connection.sock).expect("a handshake");
        assert_eq!(connection.conn.protocol_version(), Some(version.version));
        assert!(get(connection, "/healthz").is_some());
    }
}

#[test]
fn a_subscriber_is_listed_with_its_bytes_before_they_are_encrypted() {
    let tls = Tls::new();
    let server = secured(&tls, &["--feed", QUIET, "--heartbeat-ms", "60000"]);
    let mut subscriber = connect(&server, &tls);
    let request = http::upgrade("?encoding=json", &[]);
    subscriber.write_all(&request).expect("the request is taken");
    assert_eq!(Answer::read(&mut subscriber, "GET").status, 101);
    let (mut bytes, mut welcome, mut received) = (Vec::new(), None, 0);
    while welcome.is_none() {
        let mut byte = [0];
        subscriber.read_exact(&mut byte).expect("the welcome");
        received += 1;
        bytes.extend(byte);
        welcome = Frame::take(&mut bytes);
    }
    let welcome = welcome.expect("a frame");
    assert_eq!(welcome.first, TEXT);
    let welcome: Value = serde_json::from_slice(&welcome.payload).expect("JSON");
    let answer = get(connect(&server, &tls), "/v1/subscribers").expect("it is trusted");
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    let page: Value = serde_json::from_str(body).expect("JSON");
    let row = &page["listed"][0];
    assert_eq!(
        (&row["session"], &row["tls"], &row["bytes"]),
        (&welcome["welcome"]["session"], &true.into(), &received.into()),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_certificate_is_shown_to_who_comes_and_whoever_is_there_stays() {
    let (tls, renewed) = (Tls::new(), Tls::new());
    let server = secured(&tls, &["--feed", "synthetic?symbols=10&rate=1000"]);
    let options = Options::new(&server.url()).expect("a URL");
    let subscriber = Subscriber::new(options.ca_file(tls.ca_file()).expect("an authority"));
    subscriber.subscribe(["synthetic:*"]).await.expect("a pattern");
    let seq = |subscriber: &Subscriber| subscriber.view().seq();
    let complete = subscriber.wait_until(|view| view.is_complete() && view.len() == 10);
    tokio::time::timeout(LIMIT, complete)
        .await
        .expect("in time")
        .expect("it does not give up");
    tls.replace_by(&renewed);
    let changed = tokio::task::spawn_blocking(move || {
        let line = server.process.log_line("the certificate has changed");
        assert!(get(connect(&server, &renewed), "/healthz").is_some(), "{line}");
        assert!(
            get(connect(&server, &tls), "/healthz").is_none(),
            "the old one is no longer shown"
        );
        tls.spoil();
        let line = server.process.log_line("cannot be used");
        assert!(line.contains("holds no certificate in PEM"), "{line}");
        let metrics = get(connect(&server, &renewed), "/metrics").expect("the one before is shown");
        (server, metrics)
    });
    let (server, metrics) = tokio::time::timeout(LIMIT, changed)
        .await
        .expect("in time")
        .expect("no panic");
    let before = seq(&subscriber);
    let goes_on = subscriber.wait_until(|view| view.seq() > before);
    tokio::time::timeout(LIMIT, goes_on)
        .await
        .expect("in time")
        .expect("it does not give up");
    assert!(
        metrics.contains("\ntickwire_connections_total 1\n"),
        "it never had to come back"
    );
    assert_eq!((subscriber.view().breaches(), subscriber.view().losses()), (0, 0));
    drop(server);
}
