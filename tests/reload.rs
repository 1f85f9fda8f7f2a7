//! SIGHUP: what may change while the service runs changes as a whole, or not at all.

mod support;

use std::path::PathBuf;

use support::auth::{Made, bearer, make, serve};
use support::eventually;
use support::http::{Answer, upgrade};
use support::peer::Peer;
use support::request::{Ask, Said, subscribe};
use support::server::Server;
use tickwire::wire::Encoding::Json;

const FEED: [&str; 2] = ["--feed", "synthetic?venue=open&symbols=3&rate=200"];

const AUTH: &str = "[auth]\ntokens = \"tokens.toml\"\n[entitlement.all]\nstatistics = true\n";

/// A server with its two files.
struct Operated {
    server: Server,
    directory: PathBuf,
}

impl Operated {
    fn start(config: &str, tokens: &[&Made]) -> Operated {
        // At the level of its file.
        let server = serve(config, &[("tokens.toml", &blocks(tokens))], &FEED);
        let directory = server.process.directory().to_owned();
        Operated { server, directory }
    }

    /// Changes both files and has them read; gives the line that the log has of it.
    fn change(&self, config: &str, tokens: &[&Made], line: &str) -> String {
        std::fs::write(self.directory.join("tickwire.toml"), config).expect("written");
        std::fs::write(self.directory.join("tokens.toml"), blocks(tokens)).expect("written");
        self.server.process.signal("HUP");
        self.server.process.log_line(line)
    }

    /// A subscriber that holds all, with its welcome and snapshot read.
    fn subscriber(&self, made: &Made) -> Peer {
        let mut peer = Peer::upgrade(
            &self.server,
            "?encoding=json",
            &[("Authorization", &bearer(&made.token))],
            Json,
        );
        peer.welcome();
        assert!(matches!(peer.ask(1, subscribe(&["open:*"])), Said::Snapshot(_)));
        peer
    }

    /// Whether somebody may read.
    fn status(&self, made: &Made) -> u16 {
        self.server.ask_as(&made.token, "GET", "/v1/symbols").status
    }
}

fn blocks(tokens: &[&Made]) -> String {
    tokens.iter().map(|made| made.block.as_str()).collect()
}

#[test]
fn tokens_come_and_go_and_nobody_else_notices() {
    let (stays, goes, comes) = (
        make("stays", "all", &[]),
        make("goes", "all", &[]),
        make("comes", "all", &[]),
    );
    let operated = Operated::start(AUTH, &[&stays, &goes]);
    let (mut kept, mut revoked) = (operated.subscriber(&stays), operated.subscriber(&goes));
    assert_eq!(
        [&stays, &goes, &comes].map(|made| operated.status(made)),
        [200, 200, 401]
    );
    let line = operated.change(AUTH, &[&stays, &comes], "settings read anew");
    assert!(line.contains("credentials"), "{line}");
    assert_eq!(
        [&stays, &goes, &comes].map(|made| operated.status(made)),
        [200, 401, 200]
    );
    // Whoever is known no longer is told so, and when there is no sense in coming back.
    let goaway = loop {
        match revoked.said() {
            Said::Goaway(goaway) => break goaway,
            Said::Delta(_) | Said::Heartbeat(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(goaway.reason.contains("credentials"), "{}", goaway.reason);
    assert_eq!(revoked.closed().0, 4_500);
    while !matches!(kept.said(), Said::Delta(_)) {}
    assert!(kept.is_alive());
    let line = operated.change(AUTH, &[&stays, &comes], "settings read anew");
    assert!(line.contains("nothing has changed"), "{line}");
}

#[test]
fn whoever_may_have_something_else_is_asked_to_come_back() {
    let made = make("reader", "all", &[]);
    let operated = Operated::start(AUTH, &[&made]);
    let mut peer = operated.subscriber(&made);
    let narrower = AUTH.replace("statistics = true", "symbols = [\"open:S0001\"]");
    operated.change(&narrower, &[&made], "settings read anew");
    let (code, words) = peer.closed();
    assert_eq!(code, 1_001, "{words}");
    assert!(words.contains("come back"), "{words}");
    let list = || operated.server.ask_as(&made.token, "GET", "/v1/symbols").json();
    eventually("the one that may be seen is listed", || {
        (list()["instruments"][0]["symbol"] == "open:S0001").then_some(())
    });
    assert_eq!(list()["instruments"].as_array().map(Vec::len), Some(1));
}

#[test]
fn limits_change_for_who_comes() {
    let limits = |connections: u32, messages: u32| {
        format!("[limits]\nmax_connections = {connections}\nmax_messages_per_second = {messages}\n")
    };
    let operated = Operated::start(&limits(1, 200), &[]);
    let mut first = Peer::open(&operated.server, Json);
    let refused = || Answer::read(&mut operated.server.sent(&upgrade("", &[])), "GET").status;
    assert_eq!(refused(), 503);
    let line = operated.change(&limits(600, 1), &[], "settings read anew");
    for name in ["max_connections", "max_messages_per_second"] {
        assert!(line.contains(name), "{line}");
    }
    // More than there were places for when it began.
    let many: Vec<Peer> = (0..550).map(|_| Peer::open(&operated.server, Json)).collect();
    let mut last = Peer::open(&operated.server, Json);
    let ping = Ask::Ping(tickwire::wire::proto::Ping { nonce: 1, ts: 1 });
    (0..11).for_each(|number| last.request(number, ping.clone()));
    let refused = std::iter::repeat_with(|| last.answered_with())
        .take(11)
        .filter(|said| matches!(said, Said::Error(_)));
    assert!(refused.count() >= 1, "one message a second, ten at once");
    (0..20).for_each(|number| first.request(number, ping.clone()));
    let answered = std::iter::repeat_with(|| first.answered_with()).take(20);
    assert!(
        answered.into_iter().all(|said| matches!(said, Said::Pong(_))),
        "it keeps what it came with"
    );
    drop(many);
}

#[test]
fn what_cannot_be_used_changes_nothing() {
    let (known, new) = (make("known", "all", &[]), make("new", "all", &[]));
    let operated = Operated::start(AUTH, &[&known]);
    for (config, part) in [
        (AUTH.replace("[auth]", "[auth]\nport = 1"), "line 2"),
        (AUTH.replace("tokens.toml", "nowhere.toml"), "nowhere.toml"),
        (
            format!("[limits]\nheartbeat_ms = 500\n{AUTH}"),
            "heartbeat_ms cannot change",
        ),
        (String::new(), "whether there is [auth]"),
        (format!("[limits]\nmax_connections = 0\n{AUTH}"), "max_connections"),
    ] {
        let line = operated.change(&config, &[&known, &new], "cannot be read anew");
        assert!(line.contains(part) || part == "max_connections", "{part}: {line}");
        assert_eq!((operated.status(&known), operated.status(&new)), (200, 401), "{part}");
    }
    // A fault in the file of tokens is one too.
    std::fs::write(operated.directory.join("tickwire.toml"), AUTH).expect("written");
    std::fs::write(operated.directory.join("tokens.toml"), "[[token]]\nname = \"x\"\n").expect("written");
    operated.server.process.signal("HUP");
    operated.server.process.log_line("cannot be read anew");
    assert_eq!(operated.status(&known), 200);
    operated.change(AUTH, &[&known, &new], "settings read anew");
    assert_eq!((operated.status(&known), operated.status(&new)), (200, 200));
}

#[test]
fn the_log_says_more_or_less_from_then_on() {
    let level = |level: &str| format!("[log]\nlevel = \"{level}\"\n");
    let server = Server::start_with(
        ("tickwire.toml", level("warn").as_bytes()),
        &["--feed", support::server::QUIET],
    );
    let change = |text: String| {
        std::fs::write(server.process.directory().join("tickwire.toml"), text).expect("written");
        server.process.signal("HUP");
    };
    change(level("debug"));
    let line = server.process.log_line("settings read anew");
    assert!(line.contains("level"), "{line}");
    drop(Peer::open(&server, Json));
    server.process.log_line("session begins");
}
