//! Credentials that end: tickets, which are good once, and tokens that expire while somebody is connected.

mod support;

use std::time::{Duration, Instant};

use support::auth::{Made, bearer, in_ms, make, serve};
use support::events::{Events, decode};
use support::http::{self, Answer};
use support::peer::Peer;
use support::request::{Said, subscribe};
use support::server::Server;
use support::{eventually, in_each_encoding};
use tickwire::wire::Encoding;
use tickwire::wire::proto::server_message::Body;

const CONFIG: &str = "[auth]\ntokens = \"tokens.toml\"\n[entitlement.all]\nstatistics = true\n";
const FEED: [&str; 2] = ["--feed", "synthetic?symbols=3&rate=20"];

fn start(tokens: &[&Made]) -> Server {
    let blocks: String = tokens.iter().map(|made| made.block.as_str()).collect();
    serve(CONFIG, &[("tokens.toml", &blocks)], &FEED)
}

fn ticket(server: &Server, token: &str) -> String {
    let answer = server.ask_as(token, "POST", "/v1/tickets");
    assert_eq!(
        (answer.status, answer.header("cache-control")),
        (200, Some("no-store")),
        "{}",
        answer.text()
    );
    let json = answer.json();
    assert_eq!(json["expires_in_ms"], 30_000);
    json["ticket"].as_str().expect("a text").to_owned()
}

#[test]
fn a_ticket_lets_a_browser_in_once_and_nowhere_else() {
    let alice = make("alice", "all", &[]);
    let server = start(&[&alice]);
    let page = [("Origin", "http://localhost")];
    let of_socket = ticket(&server, &alice.token);
    // A wrong option does not cost the ticket.
    let wrong = http::upgrade(&format!("?pace=1&ticket={of_socket}"), &[]);
    assert_eq!(Answer::read(&mut server.sent(&wrong), "GET").status, 400);
    let mut peer = Peer::upgrade(&server, &format!("?ticket={of_socket}"), &page, Encoding::Protobuf);
    assert!(peer.welcome().authenticated);
    assert!(matches!(peer.ask(1, subscribe(&["*"])), Said::Snapshot(_)));
    let mut again = Peer::upgrade(&server, &format!("?ticket={of_socket}"), &page, Encoding::Protobuf);
    assert_eq!(again.closed().0, 4_500);
    let of_events = ticket(&server, &alice.token);
    for path in ["/v1/symbols", "/v1/snapshot", "/v1/status"] {
        let status = server.get(&format!("{path}?ticket={of_events}")).status;
        assert_eq!(status, 401, "{path} takes no ticket");
    }
    let mut events = Events::open(&server, &format!("symbols=*&ticket={of_events}"), None);
    assert!(matches!(events.message().body, Some(Body::Welcome(welcome)) if welcome.authenticated));
    let used = server.get(&format!("/v1/events?symbols=*&ticket={of_events}"));
    assert_eq!(
        used.error(),
        (
            401,
            "unauthenticated".to_owned(),
            "unknown or expired credentials".to_owned()
        )
    );
    assert_eq!(server.ask("POST", "/v1/tickets", &[]).status, 401);
    // A ticket gives no ticket.
    let third = ticket(&server, &alice.token);
    assert_eq!(
        server.ask("POST", &format!("/v1/tickets?ticket={third}"), &[]).status,
        401
    );
    let many = (0..64).map(|_| server.ask_as(&alice.token, "POST", "/v1/tickets").status);
    assert_eq!(
        many.filter(|status| *status == 429).count(),
        1,
        "with the one that is open"
    );
    drop((peer, events));
    server.process.signal("TERM");
    let log = server.process.wait().err;
    assert!(
        log.contains("identity=\"alice\"") || log.contains("identity=alice"),
        "{log}"
    );
    for secret in [&of_socket, &of_events, &third, &alice.token] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }
}

#[test]
fn a_server_that_takes_no_credentials_gives_no_tickets() {
    let server = Server::quiet(&[]);
    let answer = server.ask("POST", "/v1/tickets", &[("Authorization", "Bearer x")]);
    assert_eq!(answer.error().0, 404);
    assert_eq!(
        server.ask("GET", "/v1/status", &[("Authorization", "Bearer x")]).status,
        200
    );
}

#[test]
fn who_is_connected_when_the_credentials_expire_is_told_and_sent_away() {
    let (lasting, until) = (make("bob", "all", &[]), Instant::now() + Duration::from_secs(6));
    let short = make("alice", "all", &["--expires", &in_ms(6_000)]);
    let server = start(&[&lasting, &short]);
    let headers = [("Authorization", bearer(&short.token))];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            in_each_encoding(|encoding| {
                let mut peer = Peer::upgrade(&server, &format!("?encoding={encoding}"), &headers, encoding);
                assert!(peer.welcome().authenticated);
                assert!(matches!(peer.ask(1, subscribe(&["*"])), Said::Snapshot(_)));
                match peer.answered_with() {
                    Said::Goaway(goaway) => assert!(goaway.reason.contains("expired"), "{goaway:?}"),
                    other => panic!("{other:?}"),
                }
                assert_eq!(peer.closed().0, 4_500);
                assert!(Instant::now() >= until);
            });
        });
        scope.spawn(|| {
            let given = ticket(&server, &short.token);
            let mut events = Events::open(&server, &format!("symbols=*&ticket={given}"), None);
            let last = std::iter::from_fn(|| events.next()).find(|event| event.name == "goaway");
            let last = &last.expect("a goaway");
            assert!(matches!(decode(last).body, Some(Body::Goaway(goaway)) if goaway.reason.contains("expired")));
            assert!(Instant::now() >= until);
            let ended = server.process.log_line("event stream ended");
            assert!(ended.contains("alice") && ended.contains("expired"), "{ended}");
        });
        scope.spawn(|| {
            let seen = || {
                server
                    .ask_as(&short.token, "GET", "/v1/snapshot?symbols=none:NONE")
                    .json()
            };
            let seq = eventually("a beat", || seen()["snapshot"]["seq"].as_u64());
            let epoch = seen()["snapshot"]["epoch"].as_str().expect("a text").to_owned();
            // Of a symbol that never comes.
            let path = format!("/v1/changes?symbols=none:NONE&epoch={epoch}&since={seq}&wait_ms=60000");
            let answer = server.ask_as(&short.token, "GET", &path);
            assert_eq!(answer.error().0, 401);
            assert!(Instant::now() >= until);
        });
    });
    assert_eq!(server.ask_as(&short.token, "GET", "/v1/status").status, 401);
    assert_eq!(
        server.ask_as(&lasting.token, "GET", "/v1/status").status,
        200,
        "the neighbour stays"
    );
}
