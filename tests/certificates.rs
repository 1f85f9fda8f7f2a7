//! Client certificates as identities, over real TLS sockets: whose is believed, who it is, until when.

mod support;

use std::path::PathBuf;
use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use rustls::{DEFAULT_VERSIONS, HandshakeKind};
use serde_json::Value;
use support::auth::{Made, bearer, make, spawn};
use support::client_certificates::{Authority, Client, Issued, Special};
use support::eventually;
use support::process::{Process, directory_with};
use support::server::Server;
use support::tls::Tls;

/// Two venues, of which one is not for everybody.
const FEEDS: [&str; 4] = [
    "--feed",
    "synthetic?venue=open&symbols=3&rate=200",
    "--feed",
    "synthetic?venue=hidden&symbols=3&rate=200",
];

const CONFIG: &str = r#"
[server]
tls_client_ca = "clients.pem"
tls_client_crl = "revoked.pem"
[auth]
tokens = "tokens.toml"
certificates = "certificates.toml"
[entitlement.open]
symbols = ["open:*"]
[entitlement.all]
statistics = true
[entitlement.public]
symbols = ["open:S0001"]
"#;

const ENTRIES: &str = r#"
[[certificate]]
name = "desk"
dns = "desk.example"
entitlement = "open"
[[certificate]]
name = "operator"
dns = "operator.example"
entitlement = "all"
"#;

/// A server that believes one authority, and what is needed to reach it.
struct Operated {
    server: Server,
    tls: Tls,
    authority: Authority,
    alice: Made,
    directory: PathBuf,
}

impl Operated {
    fn start(config: &str) -> Operated {
        Operated::start_with(config, &[])
    }

    fn start_with(config: &str, args: &[&str]) -> Operated {
        let (tls, authority, alice) = (Tls::new(), Authority::new("clients"), make("alice", "all", &[]));
        let list = authority.list(&[]);
        let files = [
            ("clients.pem", authority.pem.as_str()),
            ("revoked.pem", &list),
            ("tokens.toml", &alice.block),
            ("certificates.toml", ENTRIES),
        ];
        let flags = tls.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let server = Server::of_process(spawn(config, &files, &[&FEEDS, &flags[..], args].concat()));
        let directory = server.process.directory().to_owned();
        let operated = Operated {
            server,
            tls,
            authority,
            alice,
            directory,
        };
        let token = bearer(&operated.alice.token);
        let anybody = operated.client(None);
        eventually("six instruments", || {
            let status = anybody.ask("GET", "/v1/status", &[("Authorization", &token)]).json();
            (status["instruments"] == 6).then_some(())
        });
        operated
    }

    fn client(&self, own: Option<&Issued>) -> Client {
        Client::new(&self.server, &self.tls, own, DEFAULT_VERSIONS)
    }

    /// Somebody with a certificate for this name.
    fn named(&self, name: &str) -> Client {
        self.client(Some(&self.authority.issue(name, Special::default())))
    }

    /// Puts a file in the place of another, whole or not at all.
    fn replace(&self, name: &str, text: &str) {
        let new = self.directory.join("new");
        std::fs::write(&new, text).expect("written");
        std::fs::rename(new, self.directory.join(name)).expect("renamed");
    }

    /// Has everything read anew; gives the log's line of it.
    fn reload(&self) -> String {
        self.server.process.signal("HUP");
        self.server.process.log_line("settings read anew")
    }

    /// Has everything read anew where something cannot be used; gives the log's line of it.
    fn reload_refused(&self) -> String {
        self.server.process.signal("HUP");
        self.server.process.log_line("cannot be read anew")
    }

    fn refused(&self) -> f64 {
        self.metric("tickwire_handshakes_refused_total{reason=\"tls\"}")
    }

    fn metric(&self, series: &str) -> f64 {
        let token = bearer(&self.alice.token);
        let page = self
            .client(None)
            .ask("GET", "/metrics", &[("Authorization", &token)])
            .text();
        let line = page.lines().find(|line| line.starts_with(series));
        line.map_or(0.0, |line| {
            line.rsplit(' ').next().expect("a value").parse().expect("a number")
        })
    }
}

fn who(client: &Client, headers: &[(&str, &str)]) -> (u16, Value) {
    let answer = client.ask("GET", "/v1/status", headers);
    (answer.status, answer.json()["identity"].take())
}

/// Whether a socket was welcomed as somebody; what is false is left out.
fn is_known(welcome: &Value) -> bool {
    welcome["authenticated"] == true
}

#[test]
fn whoever_shows_a_certificate_is_who_its_entry_says_in_both_versions_and_in_a_session_that_is_resumed() {
    let operated = Operated::start(CONFIG);
    let desk = operated.authority.issue("desk.example", Special::default());
    for version in [&TLS12, &TLS13] {
        let client = Client::new(&operated.server, &operated.tls, Some(&desk), &[version]);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut connection = client.connect();
            let status = connection.ask("GET", "/v1/status", &[]);
            assert_eq!((status.status, &status.json()["identity"]), (200, &"desk".into()));
            assert_eq!(
                (connection.kind(), connection.stream.conn.protocol_version()),
                (Some(kind), Some(version.version))
            );
            // All requests of a connection have it.
            let symbols = connection.ask("GET", "/v1/symbols", &[]);
            assert_eq!(symbols.json()["instruments"].as_array().map(Vec::len), Some(3));
            assert!(!symbols.text().contains("hidden"), "{}", symbols.text());
            assert_eq!(connection.ask("GET", "/metrics", &[]).status, 403);
        }
        let (mut socket, welcome, count) = client.subscriber(&[]);
        assert_eq!((is_known(&welcome), count), (true, 3));
        (0..10).for_each(|_| drop(socket.until("delta")));
        assert!(!socket.read.windows(6).any(|part| part == b"hidden"));
        let listed = operated.named("operator.example").ask("GET", "/v1/subscribers", &[]);
        assert!(
            listed.json()["listed"].to_string().contains("\"identity\":\"desk\""),
            "{}",
            listed.text()
        );
    }
}

#[test]
fn whoever_shows_none_or_one_that_no_entry_names_is_nobody_in_particular() {
    let closed = Operated::start(CONFIG);
    for client in [
        closed.client(None),
        closed.named("stranger.example"),
        closed.named("*.example"),
    ] {
        let answer = client.ask("GET", "/v1/symbols", &[]);
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("Bearer"))
        );
        assert_eq!(client.ask("GET", "/healthz", &[]).status, 200);
    }
    let line = closed.server.process.log_line("dns stranger.example, sha256:");
    assert!(line.contains("certificate"), "{line}");
    let open = Operated::start(&CONFIG.replace("[auth]", "[auth]\nanonymous = \"public\""));
    for client in [open.client(None), open.named("stranger.example")] {
        assert_eq!(who(&client, &[]), (200, "anonymous".into()));
        let (_, welcome, count) = client.subscriber(&[]);
        assert_eq!((is_known(&welcome), count), (false, 1));
    }
    assert_eq!(who(&open.named("operator.example"), &[]), (200, "operator".into()));
}

#[test]
fn a_certificate_that_is_not_believed_fails_the_handshake_is_counted_and_harms_nobody() {
    let operated = Operated::start(CONFIG);
    let (mut neighbour, _, count) = operated.named("operator.example").subscriber(&[]);
    assert_eq!(count, 6);
    let serial = |serial| Special {
        serial: Some(serial),
        ..Special::default()
    };
    let issue = |special| operated.authority.issue("operator.example", special);
    let (revoked, kept) = (issue(serial(8)), issue(serial(9)));
    let ended = issue(Special {
        has_ended: true,
        ..Special::default()
    });
    let of_servers = issue(Special {
        is_for_servers: true,
        ..Special::default()
    });
    let of_others = Authority::new("others").issue("operator.example", Special::default());
    operated.replace("revoked.pem", &operated.authority.list(&[8]));
    let line = operated.reload();
    assert!(line.contains("authorities of clients"), "{line}");
    let before = operated.refused();
    let wrong = [&revoked, &ended, &of_servers, &of_others];
    for version in [&TLS12, &TLS13] {
        for (at, issued) in wrong.iter().enumerate() {
            let client = Client::new(&operated.server, &operated.tls, Some(issued), &[version]);
            assert!(!client.may_connect(), "number {at}");
        }
    }
    assert!(operated.client(Some(&kept)).may_connect());
    eventually("all are counted", || (operated.refused() == before + 8.0).then_some(()));
    (0..10).for_each(|_| drop(neighbour.until("delta")));
}

#[test]
fn a_token_goes_before_a_certificate_and_so_does_a_ticket() {
    let operated = Operated::start(CONFIG);
    let client = operated.named("desk.example");
    let token = bearer(&operated.alice.token);
    assert_eq!(who(&client, &[("Authorization", &token)]), (200, "alice".into()));
    assert_eq!(
        client
            .ask("GET", "/v1/status", &[("Authorization", "Bearer tickwire_nobody")])
            .status,
        401
    );
    let (mut socket, welcome, count) = client.subscriber(&[("Authorization", &token)]);
    assert_eq!((is_known(&welcome), count), (true, 6));
    socket.send(r#"{"request_id":2,"authenticate":{"token":"tickwire_nobody"}}"#);
    assert_eq!(socket.closed().0, 4_500);
    // By a message, later.
    let (mut socket, _, count) = client.subscriber(&[]);
    assert_eq!(count, 3);
    socket.send(&format!(
        r#"{{"request_id":2,"authenticate":{{"token":"{}"}}}}"#,
        operated.alice.token
    ));
    assert_eq!(socket.until("ack")["ack"]["request_id"], 2);
    let told = socket.until("snapshot");
    assert_eq!(told["snapshot"]["instruments"].as_array().map(Vec::len), Some(6));
    // A ticket is whose it was given to, whatever the connection shows.
    let ticket = client.ask("POST", "/v1/tickets", &[]).json();
    let ticket = ticket["ticket"].as_str().expect("a ticket");
    let operator = operated.named("operator.example");
    let mut connection = operator.connect();
    let request = support::http::upgrade(&format!("?encoding=json&ticket={ticket}"), &[]);
    std::io::Write::write_all(&mut connection.stream, &request).expect("the request is taken");
    assert_eq!(support::http::Answer::read(&mut connection.stream, "GET").status, 101);
    connection.send(r#"{"request_id":1,"subscribe":{"symbols":["*"]}}"#);
    let seen = connection.until("snapshot");
    assert_eq!(seen["snapshot"]["instruments"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_page_of_another_site_has_nothing_of_the_certificate_that_its_browser_shows() {
    let operated = Operated::start_with(CONFIG, &["--allowed-origins", "*,https://named.example"]);
    let client = operated.named("desk.example");
    for (origin, status) in [
        ("https://localhost", 200),
        ("https://named.example", 200),
        ("https://evil.example", 401),
        ("null", 401),
        ("http://localhost", 401),
    ] {
        let answer = client.ask("GET", "/v1/symbols", &[("Origin", origin)]);
        assert_eq!(answer.status, status, "{origin}");
        let ticket = client.ask("POST", "/v1/tickets", &[("Origin", origin)]);
        assert_eq!(ticket.status, status, "{origin}");
        let welcome = client.connect().upgrade(&[("Origin", origin)]);
        assert_eq!(is_known(&welcome), status == 200, "{origin}");
    }
    // Without an `Origin` it may be an image of any page.
    for (site, status) in [
        ("none", 200),
        ("same-origin", 200),
        ("same-site", 401),
        ("cross-site", 401),
    ] {
        let answer = client.ask("GET", "/v1/symbols", &[("Sec-Fetch-Site", site)]);
        assert_eq!(answer.status, status, "{site}");
    }
}

#[test]
fn whose_entry_goes_is_sent_away_and_nobody_else_notices() {
    let operated = Operated::start(CONFIG);
    let (desk, operator) = (operated.named("desk.example"), operated.named("operator.example"));
    let ((mut goes, ..), (mut stays, ..)) = (desk.subscriber(&[]), operator.subscriber(&[]));
    let mut standing = desk.connect();
    assert_eq!(standing.ask("GET", "/v1/symbols", &[]).status, 200);
    let (first, rest) = ENTRIES
        .split_once("[[certificate]]\nname = \"operator\"")
        .expect("two entries");
    assert!(first.contains("desk"));
    operated.replace(
        "certificates.toml",
        &format!("[[certificate]]\nname = \"operator\"{rest}"),
    );
    let line = operated.reload();
    assert!(line.contains("credentials"), "{line}");
    assert!(
        goes.until("goaway")["goaway"]["reason"]
            .to_string()
            .contains("credentials")
    );
    assert_eq!(goes.closed().0, 4_500);
    assert_eq!(standing.ask("GET", "/v1/symbols", &[]).status, 401);
    assert_eq!(who(&desk, &[]).0, 401);
    (0..10).for_each(|_| drop(stays.until("delta")));
    // A file that cannot be used changes nothing.
    operated.replace("certificates.toml", "[[certificate]]\nname = \"x\"\n");
    let line = operated.reload_refused();
    assert!(
        line.contains("`certificates` in [auth]") && line.contains("line 1"),
        "{line}"
    );
    assert_eq!(who(&operator, &[]), (200, "operator".into()));
}

#[test]
fn a_certificate_that_is_revoked_or_whose_authority_goes_ends_sessions_without_a_signal() {
    let operated = Operated::start(CONFIG);
    let special = Special {
        serial: Some(8),
        ..Special::default()
    };
    let desk = operated.client(Some(&operated.authority.issue("desk.example", special)));
    let operator = operated.named("operator.example");
    let ((mut revoked, ..), (mut stays, ..)) = (desk.subscriber(&[]), operator.subscriber(&[]));
    let mut standing = desk.connect();
    assert_eq!(standing.ask("GET", "/v1/symbols", &[]).status, 200);
    operated.replace("revoked.pem", &operated.authority.list(&[8]));
    operated
        .server
        .process
        .log_line("the authorities of clients, or what they revoke, have changed");
    assert_eq!(revoked.closed().0, 4_500);
    assert_eq!(standing.ask("GET", "/v1/symbols", &[]).status, 401);
    assert!(!desk.may_connect(), "neither anew nor resumed");
    (0..10).for_each(|_| drop(stays.until("delta")));
    assert!(operator.may_connect());
    let other = Authority::new("others");
    operated.replace("revoked.pem", &other.list(&[]));
    operated.replace("clients.pem", &other.pem);
    assert_eq!(stays.closed().0, 4_500);
    assert!(!operator.may_connect());
    let new = operated.client(Some(&other.issue("operator.example", Special::default())));
    eventually("the other authority is believed", || new.may_connect().then_some(()));
    assert_eq!(who(&new, &[]), (200, "operator".into()));
}

#[test]
fn a_list_that_cannot_be_used_is_told_of_and_counted_and_the_one_before_counts() {
    let operated = Operated::start(CONFIG);
    let serial = |serial| Special {
        serial: Some(serial),
        ..Special::default()
    };
    let issue = |special| operated.client(Some(&operated.authority.issue("operator.example", special)));
    let (revoked, kept) = (issue(serial(8)), issue(serial(9)));
    let log = &operated.server.process;
    let (old, new) = (operated.authority.list(&[]), operated.authority.list(&[8]));
    for (text, part) in [
        (old + &new, "two lists in it are of authority `CN=clients`"),
        (Authority::new("clients").list(&[8]), "was not signed by it"),
        (String::new(), "holds no list of revoked certificates"),
    ] {
        operated.replace("revoked.pem", &text);
        let line = operated.reload_refused();
        assert!(line.contains(part) && line.contains("revoked.pem"), "{part}: {line}");
    }
    let line = log.log_line("the changed list of revoked certificates cannot be used: the one before counts");
    assert!(line.contains("revoked.pem"), "{line}");
    assert!(revoked.may_connect() && kept.may_connect());
    let failed = |what| operated.metric(&format!("tickwire_certificate_looks_failed_total{{what=\"{what}\"}}"));
    assert!(failed("clients") >= 2.0, "{}", failed("clients"));
    assert_eq!(failed("certificate"), 0.0);
    operated.replace("revoked.pem", &new);
    log.log_line("the files of certificates can be used again");
    log.log_line("the authorities of clients, or what they revoke, have changed");
    assert!(!revoked.may_connect() && kept.may_connect());
}

#[test]
fn an_identity_ends_with_its_certificate_and_is_not_resumed_behind_it() {
    // A connection may be silent for longer than the certificate lasts.
    let operated = Operated::start_with(CONFIG, &["--handshake-ms", "60000"]);
    let special = Special {
        left: Some(Duration::from_secs(10)),
        ..Special::default()
    };
    let desk = operated.client(Some(&operated.authority.issue("desk.example", special)));
    let mut standing = desk.connect();
    assert_eq!(standing.ask("GET", "/v1/symbols", &[]).status, 200);
    let (mut socket, _, count) = desk.subscriber(&[]);
    assert_eq!(count, 3);
    let (mut neighbour, ..) = operated.named("operator.example").subscriber(&[]);
    assert!(
        socket.until("goaway")["goaway"]["reason"]
            .to_string()
            .contains("credentials")
    );
    assert_eq!(socket.closed().0, 4_500);
    assert_eq!(standing.ask("GET", "/v1/symbols", &[]).status, 401);
    let before = operated.refused();
    assert!(!desk.may_connect());
    eventually("it is counted", || (operated.refused() == before + 1.0).then_some(()));
    (0..10).for_each(|_| drop(neighbour.until("delta")));
}

#[test]
fn commands_show_a_certificate() {
    let operated = Operated::start(CONFIG);
    let url = operated.server.url();
    let ca = operated.tls.ca_file().to_str().expect("UTF-8");
    let issued = operated.authority.issue("operator.example", Special::default());
    let run = |args: &[&str]| {
        let directory = directory_with(("none", b""));
        issued.files(&directory);
        Process::spawn_in(directory, args, &[]).wait()
    };
    let own = ["--ca-file", ca, "--cert", "own-cert.pem", "--key", "own-key.pem"];
    let watch = ["watch", &url, "hidden:*", "--count", "1"];
    let top = ["top", &url, "--count", "1"];
    let bench = ["bench", &url, "--subscribers", "2", "--symbols", "1", "--seconds", "1"];
    for args in [&watch[..], &top, &bench] {
        let ended = run(&[args, &own].concat());
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.err);
        assert_eq!(run(&[args, &own[..2]].concat()).code, Some(1), "{args:?}: nobody");
        for (more, part) in [
            (&own[..4], "--key"),
            (
                &["--cert", "own-cert.pem", "--key", "own-cert.pem"],
                "private key in `own-cert.pem`",
            ),
            (
                &["--cert", "none", "--key", "own-key.pem"],
                "certificate to show in `none`",
            ),
        ] {
            let ended = run(&[args, more].concat());
            assert_eq!(
                (ended.code, ended.out.as_str()),
                (Some(2), ""),
                "{args:?} {more:?}: {}",
                ended.err
            );
            assert!(ended.err.contains(part), "{part}: {}", ended.err);
        }
    }
    let plain = run(&[&["watch", "http://127.0.0.1:1", "a:B"], &own[2..]].concat());
    assert_eq!(plain.code, Some(2), "{}", plain.err);
    assert!(plain.err.contains("https://"), "{}", plain.err);
}

#[test]
fn settings_that_do_not_go_together_are_refused_and_those_that_do_are_shown() {
    let (tls, authority) = (Tls::new(), Authority::new("clients"));
    let list = authority.list(&[]);
    let files = [
        ("clients.pem", authority.pem.as_str()),
        ("revoked.pem", &list),
        ("tokens.toml", ""),
        ("certificates.toml", ENTRIES),
        ("empty.pem", ""),
    ];
    let flags = tls.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let only = |lines: &str| {
        CONFIG.replace(
            "tls_client_ca = \"clients.pem\"\ntls_client_crl = \"revoked.pem\"\n",
            lines,
        )
    };
    let ca = "tls_client_ca = \"clients.pem\"\n";
    for (config, args, code, part) in [
        (
            "[server]\n".to_owned() + ca,
            &flags[..],
            2,
            "nobody is known by a certificate",
        ),
        (
            CONFIG.replace("certificates = \"certificates.toml\"", ""),
            &flags,
            2,
            "`certificates` in [auth]",
        ),
        (only(""), &flags, 2, "no certificate is believed"),
        (
            only("tls_client_crl = \"revoked.pem\"\n"),
            &flags,
            2,
            "there is nothing to revoke",
        ),
        (CONFIG.to_owned(), &[], 2, "over TLS alone"),
        (
            only("tls_client_ca = \"nowhere.pem\"\n"),
            &flags,
            1,
            "`nowhere.pem` cannot be read",
        ),
        (
            only("tls_client_ca = \"empty.pem\"\n"),
            &flags,
            2,
            "`empty.pem`: it holds no certificate",
        ),
        (
            only(&format!("{ca}tls_client_crl = \"clients.pem\"\n")),
            &flags,
            2,
            "no list of revoked certificates",
        ),
        (
            CONFIG
                .replace("certificates.toml", "empty.pem")
                .replace("clients.pem", "empty.pem"),
            &flags,
            2,
            "empty.pem",
        ),
    ] {
        let ended = spawn(&config, &files, args).wait();
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(code), ""),
            "{part}: {}",
            ended.err
        );
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    let check = |config: &str| {
        let directory = directory_with(("tickwire.toml", config.as_bytes()));
        for (name, content) in &files {
            std::fs::write(directory.join(name), content).expect("written");
        }
        // Whoever has a certificate has credentials: other machines may reach it.
        let own = ["check", "--listen", "0.0.0.0:0"];
        Process::spawn_in(directory, &[&own, &flags[..]].concat(), &[]).wait()
    };
    let ended = check(&CONFIG.replace("tokens = \"tokens.toml\"", ""));
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for line in [
        "tls_client_ca = \"clients.pem\"",
        "tls_client_crl = \"revoked.pem\"",
        "tickwire.toml, line 3, `tls_client_ca` in [server]",
        "certificates = \"certificates.toml\"",
    ] {
        assert!(ended.out.contains(line), "{line}:\n{}", ended.out);
    }
    assert!(!ended.out.contains("desk.example"), "{}", ended.out);
    for (config, place) in [
        (
            CONFIG.replace("clients.pem", "empty.pem"),
            "line 3, `tls_client_ca` in [server]",
        ),
        (
            CONFIG.replace("revoked.pem", "empty.pem"),
            "line 4, `tls_client_crl` in [server]",
        ),
        (
            CONFIG.replace("certificates.toml", "nowhere.toml"),
            "`certificates` in [auth]",
        ),
    ] {
        let ended = check(&config);
        assert!(ended.err.contains(place), "{place}: {}", ended.err);
    }
}
