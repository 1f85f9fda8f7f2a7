//! The log of the real binary: lines for programs, whose session each is about, and no more than can be read.

mod support;

use std::io::{Read, Write};

use serde_json::Value;
use support::eventually;
use support::frame::CLOSE;
use support::peer::Peer;
use support::process::Process;
use support::server::{QUIET, Server};
use tickwire::wire::Encoding::Protobuf;

#[test]
fn each_line_of_json_is_an_object_and_names_the_session_that_it_is_about() {
    let args = ["--log-format", "json", "--log-level", "debug"];
    let server = Server::quiet(&args);
    let mut peer = Peer::open(&server, Protobuf);
    let begun = server.process.log_line("session begins");
    peer.send_frame(CLOSE, &1000u16.to_be_bytes());
    peer.read_to_end();
    let gone = server.process.log_line("subscriber gone");
    server.process.signal("TERM");
    let rest = server.process.wait();
    assert_eq!(rest.code, Some(0));
    let objects: Vec<Value> = [begun.as_str(), gone.as_str()]
        .into_iter()
        .chain(rest.err.lines())
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for object in &objects {
        let is_text = |key: &str| object[key].as_str().is_some_and(|text| !text.is_empty());
        assert!(["timestamp", "level", "message"].into_iter().all(is_text), "{object}");
    }
    let [begun, gone, ..] = &objects[..] else {
        panic!("two lines")
    };
    assert!(
        begun["session"].is_string() && begun["session"] == gone["session"],
        "{begun} {gone}"
    );
    assert_eq!(
        (&gone["code"], &begun["level"]),
        (&Value::from(1000), &Value::from("DEBUG"))
    );
    assert_eq!(
        (&begun["identity"], &gone["identity"]),
        (&"anonymous".into(), &"anonymous".into())
    );
    assert_eq!(begun["peer"], "127.0.0.1");
}

#[test]
fn the_format_comes_from_flag_environment_or_file() {
    let file = b"[log]\nformat = \"json\"\n";
    let directory = || support::process::directory_with(("tickwire.toml", file));
    let args = ["serve", "--listen", "127.0.0.1:0", "--feed", QUIET];
    for (args, env, is_json) in [
        (&args[..], &[][..], true),
        (&args, &[("TICKWIRE_LOG_FORMAT", "text")], false),
        (
            &[&args[..], &["--log-format", "json"]].concat(),
            &[("TICKWIRE_LOG_FORMAT", "text")],
            true,
        ),
    ] {
        let server = Server::of_process(Process::spawn_in(directory(), args, env));
        let line = server.process.log_line("dashboard: http");
        assert_eq!(line.starts_with('{'), is_json, "{line}");
    }
}

#[test]
fn peers_cannot_fill_the_log_and_what_is_left_out_is_counted_and_told() {
    let server = Server::quiet(&["--log-level", "debug"]);
    for _ in 0..120 {
        let mut stream = server.connect();
        stream.write_all(b"nonsense\r\n\r\n").expect("taken");
        // An answer, and the end.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let left_out = eventually("lines left out", || {
        let count = server.metric("tickwire_log_lines_left_out_total", "");
        (count >= 20.0).then_some(count)
    });
    assert_eq!(left_out, 20.0);
    let told = server.process.log_line("lines of one kind were left out");
    assert!(
        told.contains("left_out=20") && told.contains("src/server/mod.rs"),
        "{told}"
    );
}
