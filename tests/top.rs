//! `tickwire top` in a terminal and in a pipe, against the real server.

mod support;

use std::io::{BufRead, BufReader, Read};

use serde_json::Value;
use support::eventually;
use support::process::{Process, command, run};
use support::server::{QUIET, Server};
use support::terminal::OnTerminal;

#[test]
fn in_a_pipe_there_is_a_block_or_an_object_a_second_as_many_as_asked_for() {
    let server = Server::of("synthetic?symbols=20&rate=1000&seed=1", &[]);
    let url = server.url();
    let ended = run(&["top", &url, "--count", "2"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    // The first word stands there only where it took a moment.
    assert_eq!(ended.err.trim_start_matches("connecting\n"), "connected\n");
    let blocks: Vec<&str> = ended.out.split_terminator("\n\n").collect();
    assert_eq!(blocks.len(), 2, "{}", ended.out);
    for block in blocks {
        for start in [
            "server   tickwire/",
            "load     CPU ",
            "p50/p99  feed ",
            "fan-out  frames/s ",
            "venue    synthetic: up, ",
        ] {
            assert!(
                block.lines().any(|line| line.starts_with(start)),
                "no `{start}` in\n{block}"
            );
        }
        assert!(!block.contains('\u{1b}'), "{block:?}");
    }
    let ended = run(&["top", &url, "--json", "--count", "3"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let samples: Vec<Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let uptimes: Vec<u64> = samples.iter().filter_map(|s| s["stats"]["uptime_s"].as_u64()).collect();
    assert!(uptimes.len() == 3 && uptimes.is_sorted(), "{uptimes:?}");
    for sample in &samples {
        assert_eq!(sample["stats"]["instruments"], 20);
        assert!(
            sample["stats"]["updates_per_s"]
                .as_f64()
                .is_some_and(|rate| rate > 100.0),
            "{sample}"
        );
        assert_eq!(
            (&sample["connected"], &sample["old"]),
            (&Value::Bool(true), &Value::Bool(false))
        );
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let server = Server::quiet(&[]);
    let mut top = command(&["top", &server.url(), "--json"])
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    let mut lines = BufReader::new(top.stdout.take().expect("a pipe"));
    lines.read_line(&mut line).expect("a line");
    assert!(line.starts_with('{'), "{line}");
    drop(lines);
    let ended = eventually("the end", || top.try_wait().expect("a child"));
    let mut err = String::new();
    top.stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut err)
        .expect("UTF-8");
    assert!(ended.success() && err == "connecting\nconnected\n", "{err}");
}

#[test]
fn a_lost_connection_is_told_and_what_was_known_is_marked_old() {
    let server = Server::quiet(&[]);
    let top = Process::spawn(&["top", &server.url(), "--json"]);
    let next = || -> Value { serde_json::from_str(&top.line()).expect("JSON") };
    assert_eq!(next()["old"], false);
    server.process.kill();
    top.log_line("trying again");
    let old = loop {
        let sample = next();
        if sample["old"] == true {
            break sample;
        }
    };
    assert_eq!(old["connected"], false, "{old}");
    assert!(old["stats"]["uptime_s"].is_u64(), "{old}");
    top.signal("TERM");
    assert_eq!(top.wait().code, Some(0));
}

#[test]
fn who_has_none_and_who_is_not_there_are_told_apart() {
    let tape = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.tape");
    let args = [
        "replay",
        tape.to_str().expect("UTF-8"),
        "--listen",
        "127.0.0.1:0",
        "--clock",
        "tape",
    ];
    let server = Server::of_process(Process::spawn(&args));
    let top = Process::spawn(&["top", &server.url()]);
    top.log_line("the server has no statistics");
    drop(server);
    top.log_line("trying again");
    top.signal("INT");
    let ended = top.wait();
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
}

#[test]
fn on_a_terminal_it_takes_the_screen_and_a_key_gives_it_back() {
    let server = Server::quiet(&[]);
    for key in ["q", "\x1b", "\x03"] {
        let mut top = OnTerminal::spawn(&["top", &server.url()]);
        let at = top.until(0, "tickwire/");
        top.until(0, "synthetic");
        top.press("?");
        // Of a picture only what is different is written, so words may be torn; the corner of the box is not.
        top.until(at, "┌");
        top.press(key);
        assert_eq!(top.wait(), Some(0), "{key:?}");
    }
}

#[test]
fn on_a_terminal_a_lost_connection_is_shown_and_the_next_one_too() {
    let server = Server::quiet(&[]);
    let addr = server.addr.to_string();
    let top = OnTerminal::spawn(&["top", &server.url()]);
    let at = top.until(0, "synthetic");
    server.process.kill();
    let at = top.until(at, "values are old");
    let _server = Server::start_at(&addr, &["--feed", QUIET]);
    // Only what is different is written: the rest of the line is blank now.
    top.until(at, "connected");
    top.signal("TERM");
    assert_eq!(top.wait(), Some(0));
}
