//! `/readyz` over real sockets: what makes a server unready, and that it says so.

mod support;

use std::io::Write;

use support::eventually;
use support::http::{Answer, head};
use support::peer::Peer;
use support::process::Process;
use support::request::Said;
use support::server::{QUIET, Server};
use tickwire::wire::Encoding::Protobuf;

/// Status and reasons of an answer.
fn said(answer: &Answer) -> (u16, Vec<String>) {
    let json = answer.json();
    let reasons = json["reasons"].as_array().expect("reasons").iter();
    let reasons: Vec<String> = reasons
        .map(|reason| reason.as_str().expect("words").to_owned())
        .collect();
    assert_eq!(json["ready"].as_bool(), Some(reasons.is_empty()), "{json}");
    (answer.status, reasons)
}

fn until_ready(server: &Server) {
    eventually("it is ready", || (server.get("/readyz").status == 200).then_some(()));
}

#[test]
fn without_a_feed_that_is_up_each_venue_says_why() {
    let args = ["--feed", "ndjson:tcp://127.0.0.1:1?venue=own"];
    let server = Server::start(&args);
    eventually("a venue that is down", || {
        let (status, reasons) = said(&server.get("/readyz"));
        let is_down = reasons
            .iter()
            .any(|reason| reason.starts_with("no feed is up: own is down ("));
        (status == 503 && is_down).then_some(())
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_runs_out_of_descriptors_says_so_and_is_ready_again_with_more() {
    let args = ["serve", "--listen", "127.0.0.1:0", "--shards", "1", "--feed", QUIET];
    let server = Server::of_process(Process::spawn_with_few_files(100, &args));
    until_ready(&server);
    // Asked over one connection, since there may be none for another.
    let mut asker = server.connect();
    let mut ask = || {
        asker.write_all(&head("GET", "/readyz", &[])).expect("taken");
        said(&Answer::read(&mut asker, "GET"))
    };
    let mut idle = Vec::new();
    let reasons = eventually("a reason", || {
        if idle.len() < 200 {
            idle.push(server.connect());
        }
        let (status, reasons) = ask();
        (status == 503).then_some(reasons)
    });
    assert!(
        matches!(&reasons[..], [one] if one.starts_with("descriptors run out: ") && one.ends_with(" of 100 are open")),
        "{reasons:?}"
    );
    drop(idle);
    eventually("it is ready again", || (ask().0 == 200).then_some(()));
}

#[test]
fn a_server_that_is_stopping_says_so_to_whoever_still_asks() {
    let server = Server::quiet(&[]);
    until_ready(&server);
    let request = head("GET", "/readyz", &[]);
    let mut asker = server.sent(&request[..10]);
    let mut peer = Peer::open(&server, Protobuf);
    server.process.signal("TERM");
    assert!(matches!(peer.answered_with(), Said::Goaway(_)));
    asker.write_all(&request[10..]).expect("taken");
    let (status, reasons) = said(&Answer::read(&mut asker, "GET"));
    assert_eq!(
        (status, &reasons[..]),
        (503, &["the server is stopping".to_owned()][..])
    );
    drop((asker, peer));
    assert_eq!(server.process.wait().code, Some(0));
}
