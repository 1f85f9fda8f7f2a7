//! Who may read what, over real sockets: tokens, JSON Web Tokens, tickets, entitlements, expiry, and that nothing leaks.

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::auth::{Made, bearer, in_ms, make, serve, spawn};
use support::frame::Frame;
use support::http::{self, Answer};
use support::peer::Peer;
use support::process::{Process, directory_with};
use support::request::{Ask, Said, subscribe};
use support::server::Server;
use support::{LIMIT, eventually, in_each_encoding};
use tickwire::wire::Encoding;
use tickwire::wire::proto::{self, ErrorCode};

/// Two venues, of which one is not for everybody.
const FEEDS: [&str; 4] = [
    "--feed",
    "synthetic?venue=open&symbols=3&rate=200",
    "--feed",
    "synthetic?venue=hidden&symbols=3&rate=200",
];

const ENTITLEMENTS: &str = r#"
[entitlement.public]
symbols = ["open:*"]
max_symbols = 2
max_connections = 2
min_interval_ms = 50
max_interval_ms = 1000
[entitlement.open]
symbols = ["open:*"]
[entitlement.all]
statistics = true
[entitlement.control]
symbols = ["own:*"]
publish = true
control_replay = true
"#;

/// Only who has a token comes in.
fn closed() -> String {
    format!("[auth]\ntokens = \"tokens.toml\"\n{ENTITLEMENTS}")
}

/// Who has none is anonymous.
fn anonymous() -> String {
    format!("[auth]\ntokens = \"tokens.toml\"\nanonymous = \"public\"\n{ENTITLEMENTS}")
}

fn start(config: &str, tokens: &[&Made]) -> Server {
    let blocks: String = tokens.iter().map(|made| made.block.as_str()).collect();
    serve(config, &[("tokens.toml", &blocks)], &FEEDS)
}

/// Until both venues have all of their symbols, as who sees them is told.
fn until_both(server: &Server, token: &str) {
    eventually("six instruments", || {
        let status = server.ask_as(token, "GET", "/v1/status").json();
        (status["instruments"] == 6).then_some(())
    });
}

fn authenticate(token: &str) -> Ask {
    Ask::Authenticate(proto::Authenticate {
        token: token.to_owned(),
    })
}

fn open_as(server: &Server, token: &str, encoding: Encoding) -> (Peer, proto::Welcome) {
    let query = format!("?encoding={encoding}");
    let mut peer = Peer::upgrade(server, &query, &[("Authorization", &bearer(token))], encoding);
    let welcome = peer.welcome();
    (peer, welcome)
}

/// Frames up to the first that is wanted, each of them searched.
fn frames_without(peer: &mut Peer, forbidden: &[u8], mut is_last: impl FnMut(&Said) -> bool) {
    let until = Instant::now() + LIMIT;
    loop {
        let frame: Frame = peer.frame();
        let is_there = frame.payload.windows(forbidden.len()).any(|part| part == forbidden);
        assert!(!is_there, "{:?}", String::from_utf8_lossy(&frame.payload));
        if is_last(&peer.decode(&frame).body.expect("a known body")) {
            return;
        }
        assert!(Instant::now() < until, "not within {LIMIT:?}");
    }
}

#[test]
fn another_machines_address_is_not_served_without_credentials_unless_that_is_said() {
    let refused = spawn("", &[], &["--listen", "0.0.0.0:0"]).wait();
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    for part in ["0.0.0.0", "no credentials are configured", "`tokens`", "`--insecure`"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.err);
    }
    let anonymous = format!("[auth]\nanonymous = \"public\"\n{ENTITLEMENTS}");
    assert_eq!(spawn(&anonymous, &[], &["--listen", "0.0.0.0:0"]).wait().code, Some(2));
    for (config, args) in [
        ("", &["--listen", "0.0.0.0:0", "--insecure"][..]),
        ("[server]\ninsecure = true", &["--listen", "0.0.0.0:0"]),
        (&closed(), &["--listen", "0.0.0.0:0"]),
        ("", &["--listen", "127.0.0.1:0"]),
    ] {
        let server = serve(config, &[("tokens.toml", "")], args);
        assert_eq!(server.get("/healthz").status, 200, "{args:?}");
    }
}

#[test]
fn what_is_wrong_with_credentials_keeps_the_server_from_starting() {
    for (config, tokens, part) in [
        (
            closed(),
            "[[token]]\nname = \"a\"\n",
            "`tokens` in [auth]: `tokens.toml`",
        ),
        (
            closed(),
            "[[token]]\nname = \"a\"\nhash = \"x\"\nentitlement = \"all\"",
            "line 3: `hash`",
        ),
        (
            closed().replace("all", "al"),
            &*make("a", "all", &[]).block,
            "no entitlement `all`",
        ),
        (
            anonymous().replace("\"public\"", "\"nobody\""),
            "",
            "no entitlement `nobody`",
        ),
        ("[auth]".to_owned(), "", "lets nobody in"),
    ] {
        let ended = spawn(&config, &[("tokens.toml", tokens)], &[]).wait();
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{}", ended.err);
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    let missing = spawn(&closed(), &[], &[]).wait();
    assert_eq!(missing.code, Some(1), "a file that is not there: {}", missing.err);
    for args in [
        &["token", "a b", "--entitlement", "x"][..],
        &["token", "a", "--entitlement", "x", "--expires", "soon"],
    ] {
        assert_eq!(support::process::run(args).code, Some(2), "{args:?}");
    }
}

const DATA: [&str; 6] = [
    "/v1/symbols",
    "/v1/snapshot?symbols=*",
    "/v1/changes?symbols=*",
    "/v1/events?symbols=*",
    "/v1/status",
    "/metrics",
];

#[test]
fn without_credentials_only_what_tells_nothing_is_answered() {
    let (alice, gone) = (
        make("alice", "all", &[]),
        make("gone", "all", &["--expires", &in_ms(-1)]),
    );
    let server = start(&closed(), &[&alice, &gone]);
    let ends = DATA.iter().chain(&["/v1/replay"]);
    for (method, target) in ends
        .map(|path| ("GET", *path))
        .chain([("POST", "/v1/updates"), ("POST", "/v1/tickets")])
    {
        let none = server.ask(method, target, &[]);
        assert_eq!(
            (none.status, none.header("www-authenticate")),
            (401, Some("Bearer")),
            "{target}"
        );
        assert_eq!(none.error().1, "unauthenticated");
        let refused = |headers: &[(&str, &str)]| {
            let answer: Answer = server.ask(method, target, headers);
            let challenge = answer.header("www-authenticate").expect("a challenge").to_owned();
            (answer.error(), challenge)
        };
        let unknown = refused(&[("Authorization", "Bearer tickwire_nobody")]);
        assert_eq!(unknown.0.2, "unknown or expired credentials");
        for value in [
            &bearer(&gone.token),
            "Basic YTpi",
            "Bearer",
            "Bearer a.b.c",
            &bearer(&"x".repeat(5_000)),
        ] {
            assert_eq!(
                refused(&[("Authorization", value)]),
                unknown,
                "the same words for {value:.40}"
            );
        }
    }
    for path in ["/healthz", "/readyz", "/v1/openapi.json", "/", "/monitor", "/client.js"] {
        let status = server.get(path).status;
        assert!(
            status == 200 || (path == "/readyz" && status == 503),
            "{path}: {status}"
        );
        let status = server.ask("GET", path, &[("Authorization", "Bearer nobody")]).status;
        assert_ne!(status, 401, "{path}");
    }
    for path in DATA.iter().filter(|path| !path.contains("events")) {
        assert_eq!(server.ask_as(&alice.token, "GET", path).status, 200, "{path}");
    }
    // Behind everything else that was said, so that all of it stands there.
    server.process.signal("TERM");
    let log = server.process.wait();
    assert!(log.err.contains("credentials refused"), "{}", log.err);
    assert!(
        ![&alice.token, &gone.token, "tickwire_nobody"]
            .iter()
            .any(|token| log.err.contains(*token)),
        "{}",
        log.err
    );
}

#[test]
fn who_has_no_right_to_a_venue_learns_nothing_of_it_over_http() {
    let alice = make("alice", "all", &[]);
    let server = start(&anonymous(), &[&alice]);
    until_both(&server, &alice.token);
    let asks = [
        "/v1/symbols",
        "/v1/symbols?match=hidden:*",
        "/v1/snapshot?symbols=open:S0001,hidden:*",
        "/v1/changes?symbols=open:S0001,hidden:*",
        "/v1/status",
        "/readyz",
    ];
    for path in asks {
        let (all, some) = (server.ask_as(&alice.token, "GET", path), server.get(path));
        assert_eq!((all.status, some.status), (200, 200), "{path}: {}", some.text());
        assert!(path == "/readyz" || all.text().contains("hidden"), "{path}");
        assert!(!some.text().contains("hidden"), "{path}: {}", some.text());
    }
    assert_eq!(server.json("/v1/status")["instruments"], 3);
    // Whether there is such a symbol makes no difference.
    let rejected = |name: &str| {
        let answer = server.json(&format!("/v1/snapshot?symbols={name}"));
        answer["snapshot"].to_string().replace(name, "NAME")
    };
    let without_time = |text: String| {
        let mut json: Value = serde_json::from_str(&text).expect("JSON");
        let (seq, ts) = (json["seq"].take(), json["ts"].take());
        assert!(seq.is_u64() && ts.is_string());
        json
    };
    let there = without_time(rejected("hidden:S0001"));
    assert_eq!(there, without_time(rejected("hidden:NONE")));
    assert_eq!(there["rejected"][0]["code"], "forbidden");
    // Where somebody else is, is nowhere for who sees less.
    let seen = server.ask_as(&alice.token, "GET", "/v1/snapshot?symbols=open:*").json();
    let (epoch, seq) = (
        seen["snapshot"]["epoch"].as_str().expect("text"),
        &seen["snapshot"]["seq"],
    );
    let path = format!("/v1/changes?symbols=open:S0001&epoch={epoch}&since={seq}");
    assert_ne!(server.json(&path)["snapshot"]["resumed"], true);
    assert_eq!(
        server.ask_as(&alice.token, "GET", &path).json()["snapshot"]["resumed"],
        true
    );
    let open = make("bob", "open", &[]);
    let server = start(&anonymous(), &[&alice, &open]);
    until_both(&server, &alice.token);
    assert!(server.events_as(&alice.token, "symbols=*", 20_000).contains("hidden"));
    let bytes = server.events_as(&open.token, "symbols=*,hidden:*", 40_000);
    assert!(bytes.contains("open:S0001") && !bytes.contains("hidden"), "{bytes}");
}

#[test]
fn who_has_no_right_to_a_venue_learns_nothing_of_it_over_a_socket_that_shares_its_strings() {
    let (alice, bob) = (make("alice", "all", &[]), make("bob", "open", &[]));
    let server = start(&closed(), &[&alice, &bob]);
    until_both(&server, &alice.token);
    in_each_encoding(|encoding| {
        let (mut all, _) = open_as(&server, &alice.token, encoding);
        let Said::Snapshot(seen) = all.ask(1, subscribe(&["*", "hidden:*"])) else {
            panic!("not a snapshot")
        };
        assert_eq!((seen.instruments.len(), seen.venues.len()), (6, 2));
        let (mut some, welcome) = open_as(&server, &bob.token, encoding);
        assert!(welcome.authenticated && welcome.epoch != seen.epoch);
        some.request(1, subscribe(&["*", "hidden:*"]));
        let mut deltas = 0;
        frames_without(&mut some, b"hidden", |said| {
            match said {
                Said::Snapshot(snapshot) => assert_eq!((snapshot.instruments.len(), snapshot.venues.len()), (3, 1)),
                Said::Delta(delta) => {
                    assert!(delta.tickers.iter().all(|ticker| {
                        seen.instruments
                            .iter()
                            .any(|i| i.id == ticker.id && i.symbol.starts_with("open:"))
                    }));
                    deltas += 1;
                }
                _ => {}
            }
            deltas == 20
        });
        // The same, resumed from where the other is.
        let position = proto::Position {
            epoch: seen.epoch,
            seq: seen.seq,
        };
        let Ask::Subscribe(mut again) = subscribe(&["*"]) else {
            unreachable!()
        };
        again.resume = Some(position);
        some.request(2, Ask::Subscribe(again));
        frames_without(&mut some, b"hidden", |said| match said {
            Said::Snapshot(snapshot) => {
                assert!(!snapshot.resumed && snapshot.epoch == welcome.epoch);
                true
            }
            _ => false,
        });
        let mut refused = |name: &str| match some.ask(3, subscribe(&[name])) {
            Said::Snapshot(snapshot) => (snapshot.rejected[0].code, snapshot.rejected[0].message.clone()),
            other => panic!("{other:?}"),
        };
        let there = refused("hidden:S0001");
        assert_eq!(
            (there.0, &there),
            (ErrorCode::Forbidden as i32, &refused("hidden:NONE"))
        );
    });
}

#[test]
fn a_socket_says_who_it_is_by_a_message_and_again_with_other_rights() {
    let (alice, bob) = (make("alice", "all", &[]), make("bob", "open", &[]));
    let server = start(&closed(), &[&alice, &bob]);
    until_both(&server, &alice.token);
    in_each_encoding(|encoding| {
        let mut peer = Peer::upgrade(&server, &format!("?encoding={encoding}"), &[], encoding);
        assert!(!peer.welcome().authenticated);
        let ping = Ask::Ping(proto::Ping { nonce: 1, ts: 1 });
        for (id, early) in [(1, subscribe(&["*"])), (2, ping)] {
            match peer.ask(id, early) {
                Said::Error(error) => assert_eq!((error.request_id, error.code()), (id, ErrorCode::Unauthenticated)),
                other => panic!("{other:?}"),
            }
        }
        assert!(matches!(peer.ask(3, authenticate(&bob.token)), Said::Ack(ack) if ack.request_id == 3));
        let Said::Snapshot(few) = peer.ask(4, subscribe(&["*"])) else {
            panic!("not a snapshot")
        };
        assert_eq!((few.request_id, few.instruments.len()), (4, 3));
        // The same rights change nothing, others tell all anew, unasked.
        assert!(matches!(peer.ask(5, authenticate(&bob.token)), Said::Ack(ack) if ack.symbols == 3));
        assert!(matches!(peer.ask(6, authenticate(&alice.token)), Said::Ack(ack) if ack.symbols == 6));
        let Said::Snapshot(all) = peer.answered_with() else {
            panic!("not a snapshot")
        };
        assert_eq!((all.request_id, all.instruments.len(), all.resumed), (0, 6, false));
        assert_ne!(all.epoch, few.epoch);
        peer.request(7, authenticate("tickwire_nobody"));
        assert_eq!(peer.closed(), (4_500, "unknown or expired credentials".to_owned()));
        let mut silent = Peer::upgrade(&server, &format!("?encoding={encoding}"), &[], encoding);
        let began = Instant::now();
        assert_eq!(silent.closed().0, 4_502);
        assert!(began.elapsed() >= Duration::from_millis(4_500), "{:?}", began.elapsed());
    });
    let nobody = ("Authorization", "Bearer tickwire_nobody");
    let refused = Answer::read(&mut server.sent(&http::upgrade("", &[nobody])), "GET");
    assert_eq!(
        (refused.status, refused.header("www-authenticate").is_some()),
        (401, true)
    );
    let page = [nobody, ("Origin", "http://localhost")];
    let mut browser = Peer::upgrade(&server, "", &page, Encoding::Protobuf);
    assert_eq!(browser.closed().0, 4_500, "a browser sees no status");
    eventually("nobody is left", || {
        let status = server.ask_as(&alice.token, "GET", "/v1/status").json();
        (status["subscribers"] == 0).then_some(())
    });
}

#[test]
fn commands_show_a_token_from_a_file_or_from_the_environment() {
    let alice = make("alice", "all", &[]);
    let server = start(&closed(), &[&alice]);
    until_both(&server, &alice.token);
    let url = server.url();
    let run = |args: &[&str], env: &[(&str, &str)]| {
        let directory = directory_with(("token", format!("{}\n", alice.token).as_bytes()));
        Process::spawn_in(directory, args, env).wait()
    };
    let watch = ["watch", &url, "hidden:*", "--count", "1"];
    let top = ["top", &url, "--count", "1"];
    let bench = ["bench", &url, "--subscribers", "2", "--symbols", "1", "--seconds", "1"];
    for args in [&watch[..], &top, &bench] {
        let by_file = run(&[args, &["--token-file", "token"]].concat(), &[]);
        assert_eq!(by_file.code, Some(0), "{args:?}: {}", by_file.err);
        assert_eq!(run(args, &[("TICKWIRE_TOKEN", &alice.token)]).code, Some(0), "{args:?}");
        for (more, env) in [
            (&[][..], &[("TICKWIRE_TOKEN", "tickwire_nobody")][..]),
            (&["--token-file", "none"], &[]),
        ] {
            let refused = run(&[args, more].concat(), env);
            assert_eq!(
                (refused.code, refused.out.as_str()),
                (Some(1), ""),
                "{args:?}: {}",
                refused.err
            );
            assert!(!refused.err.contains("tickwire_"), "{}", refused.err);
        }
        assert_eq!(run(args, &[("TICKWIRE_TOKEN", "a\nb")]).code, Some(2), "{args:?}");
    }
}
