//! What one peer may take: connections, handshakes, messages and symbols; and who is counted behind a proxy.

mod support;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use support::LIMIT;
use support::auth::{bearer, make, serve};
use support::events::Events;
use support::frame::{PING, TEXT, masked};
use support::http::{Answer, head, upgrade};
use support::peer::{Item, Peer};
use support::request::{Ask, Said, subscribe};
use support::server::Server;
use tickwire::wire::Encoding::{Json, Protobuf};
use tickwire::wire::proto::{self, ErrorCode};

const PING_TEXT: &[u8] = br#"{"ping":{"nonce":1}}"#;

/// The answer to a handshake that may be refused.
fn handshake(server: &Server, headers: &[(&str, &str)]) -> Answer {
    Answer::read(&mut server.sent(&upgrade("", headers)), "GET")
}

#[test]
fn an_address_has_so_many_connections_and_room_again_when_one_ends() {
    let server = Server::quiet(&["--max-connections-per-address", "2"]);
    let first = Peer::open(&server, Protobuf);
    let stream = Events::open(&server, "symbols=synthetic:*", None);
    let refused = handshake(&server, &[]);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("2")));
    let browser = Peer::upgrade(&server, "", &[("Origin", "http://localhost")], Json).closed();
    assert_eq!(browser.0, 4_504, "{}", browser.1);
    let (status, ..) = server.get("/v1/events?symbols=a:B").error();
    assert_eq!(status, 503);
    assert_eq!(
        server.get("/v1/symbols").status,
        200,
        "whoever stays not is not counted"
    );
    drop(first);
    server.until_subscribers(0);
    let second = Peer::open(&server, Protobuf);
    assert_eq!(handshake(&server, &[]).status, 503);
    drop((second, stream));
    server.until_subscribers(0);
    server.until_status("the stream has ended", |status| status["waiting"] == 0);
    let _both = [(); 2].map(|()| Peer::open(&server, Protobuf));
}

#[test]
fn handshakes_come_in_a_burst_and_others_end_without_an_answer() {
    let server = Server::quiet(&["--max-handshakes-per-second", "1"]);
    // One was the harness's own question; with those that follow the burst of five is used.
    let answered = (0..12).filter(|_| {
        let mut stream = server.sent(&head("GET", "/healthz", &[]));
        let mut first = [0];
        stream.read(&mut first).is_ok_and(|count| count == 1)
    });
    let answered = answered.count();
    assert!((1..=6).contains(&answered), "{answered} of 12 at one a second");
    // Two seconds later there is one again, in which what was refused is read.
    let began = Instant::now();
    let refused = loop {
        assert!(began.elapsed() < LIMIT, "a connection a second is allowed");
        let mut text = Vec::new();
        let _ = server
            .sent(&head("GET", "/metrics", &[("Connection", "close")]))
            .read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text
            .lines()
            .find(|line| line.starts_with("tickwire_handshakes_refused_total{reason=\"address\"}"));
        if let Some(line) = line {
            break line.rsplit(' ').next().and_then(|count| count.parse::<f64>().ok());
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(refused >= Some(6.0), "{refused:?}");
}

#[test]
fn behind_a_trusted_proxy_its_clients_are_counted_and_else_the_header_says_nothing() {
    let bounds = ["--max-connections-per-address", "1"];
    let proxied = Server::quiet(&[&bounds[..], &["--trusted-proxies", "127.0.0.0/8"]].concat());
    let of = |server: &Server, client: &str| handshake(server, &[("X-Forwarded-For", client)]).status;
    let kept = server_sockets(&proxied, &["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    assert_eq!(of(&proxied, "192.0.2.1"), 503, "it has one");
    assert_eq!(
        of(&proxied, "203.0.113.7, 192.0.2.2"),
        503,
        "the left one came from the client"
    );
    assert_eq!(of(&proxied, "2001:db8::ffff"), 503, "the same /64");
    drop(kept);
    let direct = Server::quiet(&bounds);
    let _one = server_sockets(&direct, &["192.0.2.1"]);
    assert_eq!(of(&direct, "192.0.2.2"), 503, "nobody trusts it");
    let rfc = ["--trusted-proxies", "127.0.0.1", "--proxy-header", "forwarded"];
    let rfc = Server::quiet(&[&bounds[..], &rfc].concat());
    let of = |client: &str| handshake(&rfc, &[("Forwarded", client), ("X-Forwarded-For", "198.51.100.1")]);
    let _kept = Peer::upgrade(&rfc, "", &[("Forwarded", "for=192.0.2.1")], Protobuf);
    assert_eq!(of("for=192.0.2.1").status, 503, "the other header is the client's own");
    assert_eq!(of("for=192.0.2.2").status, 101);
    // Handshakes too: the proxy's own connections are not counted, its clients' are.
    let rate = ["--trusted-proxies", "127.0.0.1", "--max-handshakes-per-second", "1"];
    let rate = Server::quiet(&rate);
    let of = |client: &str| handshake(&rate, &[("X-Forwarded-For", client)]);
    let statuses: Vec<u16> = (0..8).map(|_| of("192.0.2.1").status).collect();
    assert!(statuses.contains(&101) && statuses.last() == Some(&429), "{statuses:?}");
    let (status, code, message) = of("192.0.2.1").error();
    assert_eq!((status, code.as_str()), (429, "rate_limited"), "{message}");
    assert_eq!(of("192.0.2.2").status, 101, "another client's are its own");
}

fn server_sockets(server: &Server, clients: &[&str]) -> Vec<Peer> {
    let open = |client: &&str| Peer::upgrade(server, "", &[("X-Forwarded-For", client)], Protobuf);
    clients.iter().map(open).collect()
}

#[test]
fn too_many_messages_are_refused_and_whoever_goes_on_is_closed() {
    let server = Server::quiet(&["--max-messages-per-second", "1"]);
    let mut neighbour = Peer::open(&server, Json);
    for (first, payload) in [(TEXT, PING_TEXT), (PING, b"")] {
        let mut peer = Peer::open(&server, Json);
        // Ten are there at once, and a hundred refusals; it may be closed before all are written.
        let flood = masked(first, payload).repeat(200);
        let _ = peer.stream.write_all(&flood);
        let mut refused = 0;
        let code = loop {
            match peer.next(Instant::now() + LIMIT) {
                Item::Message(message) => {
                    if let Some(Said::Error(error)) = message.body {
                        assert_eq!(error.code(), ErrorCode::RateLimited);
                        assert!(error.message.contains("1 messages"), "{}", error.message);
                        refused += 1;
                    }
                }
                Item::Close(code) => break code,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, 4_013);
        let expected = if first == TEXT { 100..=120 } else { 0..=0 };
        assert!(expected.contains(&refused), "{refused} refusals");
    }
    assert!(neighbour.is_alive());
    server.until_subscribers(1);
    assert_eq!(server.metric("tickwire_closes_total", "code=\"4013\""), 2.0);
}

#[test]
fn too_much_subscribe_work_is_refused_and_the_stream_goes_on() {
    let server = Server::of("synthetic?symbols=20&rate=1000", &["--max-symbols-per-second", "10"]);
    server.until_instruments(20);
    let mut peer = Peer::open(&server, Json);
    // A pattern is worth a hundred symbols, all that there is at once.
    assert!(matches!(peer.ask(1, subscribe(&["synthetic:*"])), Said::Snapshot(_)));
    peer.request(2, subscribe(&["other:A", "other:B", "other:C", "other:D", "other:E"]));
    let (request_id, code, words) = peer.error();
    assert_eq!((request_id, code), (2, ErrorCode::RateLimited));
    assert!(words.contains("10 symbols a second"), "{words}");
    while !matches!(peer.said(), Said::Delta(_)) {}
    let symbols = vec!["synthetic:*".to_owned()];
    peer.request(3, Ask::Unsubscribe(proto::Unsubscribe { symbols }));
    assert_eq!(peer.error().0, 3, "taking back a pattern costs as much");
}

/// A server behind a proxy, whose clients have bounds though all of it is one machine.
fn proxied(args: &[&str]) -> Server {
    Server::quiet(&[&["--trusted-proxies", "127.0.0.1"], args].concat())
}

fn ask(server: &Server, target: &str, headers: &[(&str, &str)]) -> Answer {
    server.ask("GET", target, headers)
}

#[test]
fn an_address_asks_so_much_over_plain_http_and_others_do_not_notice() {
    let server = proxied(&["--max-messages-per-second", "1", "--max-symbols-per-second", "1"]);
    let of = |client: &str, target: &str| ask(&server, target, &[("X-Forwarded-For", client)]);
    let refused = until_refused(&server, "192.0.2.1");
    assert_eq!(refused.header("retry-after"), Some("2"));
    let (_, code, words) = refused.error();
    assert_eq!(code, "rate_limited");
    // Ten subscribers' worth.
    assert!(words.contains("10 requests and 10 symbols a second"), "{words}");
    for path in ["/healthz", "/readyz", "/", "/client.js"] {
        assert_ne!(of("192.0.2.1", path).status, 429, "{path}");
    }
    // A pattern is worth a hundred symbols, all that there is at once.
    for path in [
        "snapshot?symbols=",
        "changes?symbols=",
        "events?symbols=",
        "symbols?match=",
    ] {
        let client = format!("198.51.100.{}", path.len());
        let statuses = [(); 2].map(|()| {
            let mut stream = server.sent(&head("GET", &format!("/v1/{path}a:*"), &[("X-Forwarded-For", &client)]));
            Answer::read(&mut stream, "HEAD").status
        });
        assert_eq!(statuses, [200, 429], "{path}");
        assert_eq!(of(&client, "/v1/status").status, 200, "{path}: it costs no symbols");
    }
    assert_eq!(
        of("192.0.2.2", "/v1/snapshot?symbols=a:*").status,
        200,
        "another's are its own"
    );
    // Of this machine nothing is counted, unless a bound of addresses is set.
    let local = Server::quiet(&["--max-messages-per-second", "1"]);
    assert!((0..300).all(|_| local.get("/v1/status").status == 200));
    let bound = Server::quiet(&["--max-messages-per-second", "1", "--max-connections-per-address", "50"]);
    assert!((0..10_000).any(|_| bound.get("/v1/status").status == 429));
}

/// Asks until that is too much of an address: ten a second are allowed, a hundred at once.
fn until_refused(server: &Server, client: &str) -> Answer {
    for asked in 0..10_000 {
        let answer = ask(server, "/v1/status", &[("X-Forwarded-For", client)]);
        match answer.status {
            429 if asked >= 100 => return answer,
            200 | 401 => {}
            other => panic!("{other} after {asked}"),
        }
    }
    panic!("all were answered")
}

#[test]
fn who_shows_good_credentials_is_let_in_whatever_else_comes_from_its_address() {
    let alice = make("alice", "all", &[]);
    let limits = "[limits]\nmax_messages_per_second = 1\n";
    let auth = "[auth]\ntokens = \"tokens.toml\"\n[entitlement.all]\n";
    let config = format!("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{limits}{auth}");
    let server = serve(&config, &[("tokens.toml", &alice.block)], &[]);
    let client = ("X-Forwarded-For", "192.0.2.1");
    let (good, wrong) = (bearer(&alice.token), bearer("tickwire_nobody"));
    let connect = || Peer::upgrade(&server, "", &[client, ("Authorization", &good)], Protobuf);
    let mut before = connect();
    assert!(before.welcome().authenticated);
    for _ in 0..150 {
        let socket = handshake(&server, &[client, ("Authorization", &wrong)]);
        assert_eq!(socket.status, 401);
    }
    // Too much of plain HTTP, most of it without credentials.
    until_refused(&server, client.1);
    let token = alice.token.clone();
    let renewed = before.ask(1, Ask::Authenticate(proto::Authenticate { token }));
    assert!(matches!(renewed, Said::Ack(_)), "{renewed:?}");
    assert!(connect().welcome().authenticated);
    let page = [client, ("Authorization", &good), ("Origin", "http://localhost")];
    assert!(Peer::upgrade(&server, "", &page, Protobuf).welcome().authenticated);
    let other = [("X-Forwarded-For", "192.0.2.2"), ("Authorization", &good)];
    assert_eq!(ask(&server, "/v1/status", &other).status, 200);
}

#[test]
fn heads_are_bounded_in_bytes_and_in_time() {
    let server = Server::quiet(&["--max-header-bytes", "8192", "--handshake-ms", "200"]);
    let long = "x".repeat(9_000);
    let answer = Answer::read(&mut server.sent(&head("GET", "/healthz", &[("X-Long", &long)])), "GET");
    assert_eq!(answer.status, 431);
    let began = Instant::now();
    let mut slow = server.sent(b"GET /healthz HT");
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    let took = began.elapsed();
    assert!(
        took > Duration::from_millis(150) && took < Duration::from_secs(5),
        "{took:?}"
    );
}

#[test]
fn wrong_networks_and_headers_are_told_what_is_allowed() {
    for (args, part) in [
        (["--trusted-proxies", "proxy.example"], "10.0.0.0/8"),
        (["--proxy-header", "via"], "x-forwarded-for and forwarded"),
        (["--max-header-bytes", "10"], "8192"),
    ] {
        let output = support::process::run(&[&["serve"], &args[..]].concat());
        assert_eq!(output.code, Some(2), "{args:?}");
        assert!(output.err.contains(part), "{}", output.err);
    }
}
