//! Whose pages may read: one setting for HTTP and WebSocket, and the names that a server is asked by.

mod support;

use std::io::Write;

use support::http::{Answer, upgrade};
use support::peer::Peer;
use support::process::{self, directory_with};
use support::server::{QUIET, Server};
use tickwire::wire::Encoding::Json;

const FRIEND: &str = "https://friend.test";
const FOREIGN: &str = "https://evil.test";

/// What a preflight asks with.
const WOULD_POST: (&str, &str) = ("Access-Control-Request-Method", "POST");

fn allowed(server: &Server, origin: &str) -> Option<String> {
    let answer = server.ask("GET", "/v1/symbols", &[("Origin", origin)]);
    assert_eq!(
        answer.status, 200,
        "{origin}: whether a page sees it is the browser's matter"
    );
    answer.header("access-control-allow-origin").map(str::to_owned)
}

/// The close code of a page's WebSocket; `None` where it is welcome.
fn refused(server: &Server, headers: &[(&str, &str)]) -> Option<(u16, String)> {
    let mut peer = Peer::upgrade(server, "?encoding=json", headers, Json);
    let frame = peer.frame();
    (frame.first == support::frame::CLOSE).then(|| frame.close())
}

/// A request of this host.
fn of_host(server: &Server, target: &str, host: &str) -> Answer {
    let mut stream = server.sent(format!("GET {target} HTTP/1.1\r\n{host}\r\n").as_bytes());
    Answer::read(&mut stream, "GET")
}

#[test]
fn without_the_setting_only_pages_of_the_same_host_read() {
    let server = Server::quiet(&[]);
    for own in ["http://localhost", "https://localhost", "http://LOCALHOST:80"] {
        assert_eq!(allowed(&server, own).as_deref(), Some(own));
        assert_eq!(refused(&server, &[("Origin", own)]), None, "{own}");
    }
    for origin in [FOREIGN, "http://localhost:8080", "null", "http://localhost.evil.test"] {
        assert_eq!(allowed(&server, origin), None, "{origin}");
        let (code, words) = refused(&server, &[("Origin", origin)]).expect(origin);
        assert_eq!(code, 4_507, "{origin}");
        assert!(words.contains("allowed_origins"), "{words}");
        let preflight = server.ask("OPTIONS", "/v1/snapshot", &[("Origin", origin), WOULD_POST]);
        assert_eq!(
            (preflight.status, preflight.header("access-control-allow-origin")),
            (405, None)
        );
    }
    // Chromium drops a connection on which no offered subprotocol is echoed, and the page never learns the code.
    for offered in ["tickwire.v1.json", "another.v9"] {
        let headers = [("Origin", FOREIGN), ("Sec-WebSocket-Protocol", offered)];
        let peer = Peer::upgrade(&server, "", &headers, Json);
        assert_eq!(peer.answer.header("sec-websocket-protocol"), Some(offered));
    }
    let answer = server.get("/v1/symbols");
    assert_eq!(answer.header("vary"), Some("Origin"), "so that no cache mixes them up");
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[test]
fn named_origins_read_over_http_and_websocket_alike() {
    let config = format!("[server]\nallowed_origins = [\"{FRIEND}\", \"http://panel.test:3000\"]\n");
    let from_file = Server::start_with(("tickwire.toml", config.as_bytes()), &["--feed", QUIET]);
    let list = format!("{FRIEND},http://panel.test:3000");
    let from_flag = Server::quiet(&["--allowed-origins", &list]);
    for server in [from_file, from_flag] {
        for origin in [FRIEND, "http://panel.test:3000"] {
            assert_eq!(allowed(&server, origin).as_deref(), Some(origin));
            assert_eq!(refused(&server, &[("Origin", origin)]), None, "{origin}");
        }
        assert_eq!(allowed(&server, "http://friend.test"), None);
        assert_eq!(
            refused(&server, &[("Origin", FOREIGN)]).map(|(code, _)| code),
            Some(4_507)
        );
        let preflight = server.ask("OPTIONS", "/v1/events?symbols=a:B", &[("Origin", FRIEND), WOULD_POST]);
        assert_eq!(preflight.status, 204);
        for (name, part) in [
            ("access-control-allow-origin", FRIEND),
            ("access-control-allow-methods", "POST"),
            ("access-control-allow-headers", "Last-Event-ID"),
            ("access-control-allow-headers", "If-None-Match"),
            ("vary", "Origin"),
        ] {
            assert!(
                preflight.header(name).is_some_and(|v| v.contains(part)),
                "{name}: {preflight:?}"
            );
        }
        let snapshot = server.ask("GET", "/v1/snapshot?symbols=a:B", &[("Origin", FRIEND)]);
        assert!(
            snapshot
                .header("access-control-expose-headers")
                .is_some_and(|v| v.contains("ETag"))
        );
        // Errors are seen too.
        let error = server.ask("GET", "/v1/nothing", &[("Origin", FRIEND)]);
        assert_eq!(
            (error.status, error.header("access-control-allow-origin")),
            (404, Some(FRIEND))
        );
    }
}

#[test]
fn a_star_lets_every_page_read_and_none_control() {
    let server = Server::quiet(&["--allowed-origins", "*", "--allow-control"]);
    assert_eq!(allowed(&server, FOREIGN).as_deref(), Some("*"));
    assert_eq!(allowed(&server, "null").as_deref(), Some("*"));
    assert_eq!(refused(&server, &[("Origin", FOREIGN)]), None);
    assert_eq!(server.get("/v1/symbols").header("vary"), None, "all get the same");
    let push = |server: &Server, origin: &str| {
        let body = r#"{"symbol": "own:A", "bid_price": "1"}"#;
        let request = format!(
            "POST /v1/updates HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Answer::read(&mut server.sent(request.as_bytes()), "POST").status
    };
    assert_eq!((push(&server, FOREIGN), push(&server, "http://localhost")), (403, 200));
    let both = Server::quiet(&["--allowed-origins", &format!("*,{FRIEND}"), "--allow-control"]);
    for origin in [FOREIGN, FRIEND] {
        assert_eq!(allowed(&both, origin).as_deref(), Some("*"), "{origin}");
        assert_eq!(refused(&both, &[("Origin", origin)]), None, "{origin}");
    }
    assert_eq!(
        (push(&both, FOREIGN), push(&both, FRIEND)),
        (403, 200),
        "only a named one controls"
    );
}

#[test]
fn a_server_that_only_this_machine_reaches_is_asked_by_its_names() {
    let server = Server::quiet(&[]);
    for host in ["Host: localhost\r\n", "Host: 127.0.0.1:1\r\n", "Host: [::1]\r\n"] {
        assert_eq!(of_host(&server, "/healthz", host).status, 200, "{host}");
    }
    // A page of evil.test whose name was pointed at this machine.
    let (status, code, message) = of_host(&server, "/v1/symbols", "Host: evil.test\r\n").error();
    assert_eq!((status, code.as_str()), (403, "forbidden"));
    assert!(message.contains("allowed_origins"), "{message}");
    let socket = upgrade("", &[("Origin", "http://evil.test")]);
    let socket = String::from_utf8(socket)
        .expect("a head")
        .replace("Host: localhost", "Host: evil.test");
    let mut stream = server.connect();
    stream.write_all(socket.as_bytes()).expect("written");
    assert_eq!(Peer::answered(stream, Json).closed().0, 4_507);
    // A page that calls anything else an upgrade is no socket: it is refused like any request.
    let no_socket = "Host: evil.test\r\nOrigin: http://evil.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    assert_eq!(of_host(&server, "/v1/symbols", no_socket).error().0, 403);
    for host in ["", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: \r\n"] {
        assert_eq!(of_host(&server, "/healthz", host).error().0, 400, "{host}");
    }
    let mut old = server.sent(b"GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(Answer::read(&mut old, "GET").status, 200);
    let named = Server::quiet(&["--allowed-origins", FRIEND]);
    assert_eq!(
        of_host(&named, "/healthz", "Host: friend.test\r\n").status,
        200,
        "behind a proxy of that name"
    );
}

#[test]
fn every_answer_has_the_headers_that_browsers_go_by() {
    let server = Server::quiet(&[]);
    for target in [
        "/",
        "/v1/symbols",
        "/v1/nothing",
        "/metrics",
        "/v1/snapshot",
        "/v1/openapi.json",
    ] {
        let answer = server.get(target);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{target}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{target}");
    }
}

#[test]
fn what_is_no_origin_is_refused_at_the_start() {
    for (args, part) in [
        (
            vec!["--allowed-origins", "example.com"],
            "`example.com` is not an origin",
        ),
        (vec!["--allowed-origins", "https://a/b"], "scheme://host:port"),
    ] {
        let ended = process::run(&[&["serve"][..], &args].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(part), "{}", ended.err);
    }
    let directory = directory_with(("tickwire.toml", b"[server]\nallowed_origins = [\"null\"]\n"));
    let ended = process::Process::spawn_in(directory, &["serve"], &[]).wait();
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("line 2") && ended.err.contains("`null`"),
        "{}",
        ended.err
    );
}
