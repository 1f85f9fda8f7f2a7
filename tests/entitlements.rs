//! What somebody who is known may do, how much of it and how often; by static tokens and by JSON Web Tokens.

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use support::auth::{Made, bearer, make, serve};
use support::captures;
use support::eventually;
use support::http::{self, Answer};
use support::peer::Peer;
use support::process::{Process, directory_with};
use support::request::{Ask, Said, subscribe};
use support::server::Server;
use tickwire::market::Ts;
use tickwire::wire::Encoding;
use tickwire::wire::proto::{self, ErrorCode};

const CONFIG: &str = r#"
[auth]
tokens = "tokens.toml"
jwt_keys = "keys.json"
jwt_audience = "tickwire"
jwt_issuer = "https://issuer.test"
anonymous = "public"
[entitlement.public]
max_symbols = 2
max_connections = 2
min_interval_ms = 50
max_interval_ms = 1000
[entitlement.all]
statistics = true
[entitlement.control]
publish = true
control_replay = true
"#;

const FEED: [&str; 2] = ["--feed", "synthetic?symbols=5&rate=100"];

fn start(tokens: &[&Made], keys: &Value) -> Server {
    let (blocks, keys) = (blocks(tokens), keys.to_string());
    serve(CONFIG, &[("tokens.toml", &blocks), ("keys.json", &keys)], &FEED)
}

fn blocks(tokens: &[&Made]) -> String {
    tokens.iter().map(|made| made.block.as_str()).collect()
}

/// Keys of nobody who signs here.
fn other_keys() -> Value {
    json!({"kty": "oct", "k": BASE64.encode([7; 32])})
}

fn until_five(server: &Server) {
    eventually("five instruments", || {
        (server.json("/v1/status")["instruments"] == 5).then_some(())
    });
}

#[test]
fn an_identity_has_so_many_connections_symbols_and_paces() {
    let alice = make("alice", "all", &[]);
    let server = start(&[&alice], &other_keys());
    until_five(&server);
    let connect = |query: &str| Peer::upgrade(&server, query, &[], Encoding::Json);
    let mut first = connect("?encoding=json&interval_ms=10");
    let welcome = first.welcome();
    assert_eq!(
        (welcome.max_symbols, welcome.interval_ms, welcome.authenticated),
        (2, 50, false)
    );
    let Said::Snapshot(snapshot) = first.ask(1, subscribe(&["synthetic:S0001", "synthetic:*", "synthetic:S0002"]))
    else {
        panic!("not a snapshot")
    };
    assert_eq!(snapshot.instruments.len(), 2);
    assert_eq!(
        snapshot.rejected.iter().map(|r| r.code()).collect::<Vec<_>>(),
        [ErrorCode::TooManySymbols]
    );
    for (asked, granted) in [(10, 50), (60_000, 1_000), (100, 100)] {
        let configure = proto::Configure {
            interval_ms: Some(asked),
            window: None,
        };
        assert!(matches!(first.ask(2, Ask::Configure(configure)), Said::Ack(ack) if ack.interval_ms == granted));
    }
    assert_eq!(server.get("/v1/snapshot?symbols=*").error().1, "too_many_symbols");
    // Sockets and event streams together.
    let events = server.sent(&http::head(
        "GET",
        "/v1/events?symbols=synthetic:S0001&interval_ms=10",
        &[],
    ));
    let mut reader = events.try_clone().expect("a handle");
    assert_eq!(Answer::read(&mut reader, "HEAD").status, 200);
    for path in [
        "/v1/events?symbols=synthetic:S0001",
        "/v1/changes?symbols=none:A&epoch=1&since=0&wait_ms=0",
    ] {
        let answer = server.get(path);
        let waits = path.contains("events");
        assert_eq!(
            answer.status,
            if waits { 429 } else { 200 },
            "{path}: only who stays takes a place"
        );
    }
    for headers in [&[("Origin", "http://localhost")][..], &[]] {
        let connect = || Peer::upgrade(&server, "", headers, Encoding::Protobuf);
        // Who said nothing in its handshake, as pages cannot, may say only now who it is.
        let mut known = connect();
        assert!(!known.welcome().authenticated);
        let token = alice.token.clone();
        let known = known.ask(1, Ask::Authenticate(proto::Authenticate { token }));
        assert!(matches!(known, Said::Ack(_)), "{known:?}");
        let mut nobody = connect();
        nobody.request(1, subscribe(&["*"]));
        assert_eq!(
            nobody.closed(),
            (4_504, "too many connections of one identity".to_owned())
        );
    }
    // Others are not in its way, and who is somebody else from now on leaves its place.
    let value = bearer(&alice.token);
    let _other = Peer::upgrade(&server, "", &[("Authorization", &value)], Encoding::Protobuf);
    let known = Ask::Authenticate(proto::Authenticate {
        token: alice.token.clone(),
    });
    // The first answer is the ack, and then all is told anew.
    assert!(matches!(first.ask(3, known), Said::Ack(ack) if ack.request_id == 3));
    let _second = connect("");
    drop((events, reader));
    // The stream's place, when it is free, is a poll's.
    let mut polls = Vec::new();
    eventually("a poll waits", || {
        let status = server.json("/v1/status");
        let text = |name: &str| status[name].to_string().replace('"', "");
        let target = format!(
            "/v1/changes?symbols=none:A&epoch={}&since={}&wait_ms=60000",
            text("epoch"),
            text("seq")
        );
        polls.push(server.sent(&http::head("GET", &target, &[])));
        (server.json("/v1/status")["waiting"] == 1).then_some(())
    });
    assert_eq!(server.get("/v1/events?symbols=synthetic:S0001").error().0, 429);
    drop(polls);
    eventually("the poll's place is free", || {
        let mut stream = server.sent(&http::head("GET", "/v1/events?symbols=synthetic:S0001", &[]));
        (Answer::read(&mut stream, "HEAD").status == 200).then_some(())
    });
}

#[test]
fn only_who_may_pushes_reads_metrics_and_drives() {
    let (alice, carol) = (make("alice", "all", &[]), make("carol", "control", &[]));
    let tokens = [&alice, &carol];
    let server = start(&tokens, &other_keys());
    let push = |headers: &[(&str, &str)]| {
        let body = "{\"symbol\":\"own:A\",\"bid_price\":\"1\"}\n";
        let length = body.len().to_string();
        let headers = [&[("Content-Length", length.as_str())], headers].concat();
        let request = [http::head("POST", "/v1/updates", &headers), body.into()].concat();
        Answer::read(&mut server.sent(&request), "POST")
    };
    let (of_alice, of_carol) = (bearer(&alice.token), bearer(&carol.token));
    for headers in [&[][..], &[("Authorization", of_alice.as_str())]] {
        let (status, code, message) = push(headers).error();
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{message}");
        assert!(message.contains("`publish = true`"), "{message}");
    }
    let pushed = push(&[("Authorization", &of_carol)]);
    assert_eq!(
        (pushed.status, &pushed.json()["accepted"]),
        (200, &json!(1)),
        "{}",
        pushed.text()
    );
    assert_eq!(server.get("/metrics").error().0, 403);
    assert_eq!(server.ask_as(&carol.token, "GET", "/metrics").error().0, 403);
    assert_eq!(server.ask_as(&alice.token, "GET", "/metrics").status, 200);
    let stats = |token: &str| server.ask_as(token, "GET", "/v1/symbols?match=$stats:*").json();
    eventually("statistics", || {
        (stats(&alice.token)["instruments"].as_array()?.len() > 5).then_some(())
    });
    assert_eq!(stats(&carol.token)["instruments"], json!([]));

    let demo = captures::demo();
    let args = [
        "replay",
        demo.to_str().expect("UTF-8"),
        "--loop",
        "--listen",
        "127.0.0.1:0",
    ];
    let directory = directory_with(("tickwire.toml", CONFIG.as_bytes()));
    std::fs::write(directory.join("tokens.toml"), blocks(&tokens)).expect("written");
    std::fs::write(directory.join("keys.json"), other_keys().to_string()).expect("written");
    let replay = Server::of_process(Process::spawn_in(directory, &args, &[]));
    let drive = |token: &str| {
        let headers = [("Authorization", bearer(token)), ("Content-Length", "15".to_owned())];
        let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
        let request = [
            http::head("POST", "/v1/replay", &headers),
            b"{\"pause\": true}".to_vec(),
        ]
        .concat();
        Answer::read(&mut replay.sent(&request), "POST").status
    };
    assert_eq!((drive(&alice.token), drive(&carol.token)), (403, 200));
    let refused = |token: &str| replay.ask_as(token, "GET", "/v1/replay").json()["refused"].clone();
    assert!(refused(&carol.token).is_null());
    assert!(
        refused(&alice.token)
            .as_str()
            .is_some_and(|why| why.contains("control_replay"))
    );
}

#[test]
fn a_json_web_token_says_who_somebody_is_and_a_forged_one_does_not() {
    let random = SystemRandom::new();
    let pair = |_| {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&random).expect("randomness");
        Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).expect("a key")
    };
    let [key, other] = [0, 1].map(pair);
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "2026", "x": BASE64.encode(key.public_key())});
    let server = start(&[], &json!({"keys": [jwk]}));
    let now = Ts::now().0 / 1_000_000_000;
    let sign = |key: &Ed25519KeyPair, claims: Value| {
        let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": "2026"});
        let signed = [header, claims].map(|part| BASE64.encode(part.to_string())).join(".");
        let signature = BASE64.encode(key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    };
    let claims = |audience: &str, expires: i64| json!({"sub": "dave", "aud": audience, "iss": "https://issuer.test", "exp": expires, "entitlement": "all"});
    let good = sign(&key, claims("tickwire", now + 600));
    assert_eq!(server.ask_as(&good, "GET", "/metrics").status, 200);
    let mut peer = Peer::upgrade(&server, "", &[("Authorization", &bearer(&good))], Encoding::Protobuf);
    assert!(peer.welcome().authenticated);
    let begins = server.process.log_line("session begins");
    assert!(begins.contains("dave") && !begins.contains(&good), "{begins}");
    for forged in [
        sign(&other, claims("tickwire", now + 600)),
        sign(&key, claims("another", now + 600)),
        sign(&key, claims("tickwire", now - 60)),
        format!("{}AAAA", &good[..good.len() - 4]),
        format!(
            "{}.{}.",
            BASE64.encode(r#"{"alg":"none"}"#),
            good.split('.').nth(1).expect("claims")
        ),
    ] {
        let answer = server.ask_as(&forged, "GET", "/v1/status");
        assert_eq!(
            (answer.status, answer.error().2.as_str()),
            (401, "unknown or expired credentials")
        );
    }
    // A token that is good renews a session until it ends itself, some seconds for clocks after its time.
    let short = sign(&key, claims("tickwire", now - 2));
    let renew = Ask::Authenticate(proto::Authenticate { token: short });
    assert!(matches!(peer.ask(1, renew), Said::Ack(_)));
    assert!(matches!(peer.answered_with(), Said::Goaway(_)));
    assert_eq!(peer.closed().0, 4_500);
}
