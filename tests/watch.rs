//! `tickwire watch` in a pipe and in a terminal, against the real server.

mod support;

use std::io::{BufRead, BufReader};

use support::process::{Process, command, run};
use support::server::{QUIET, Server};
use support::terminal::OnTerminal;

const LIVELY: &str = "synthetic?symbols=3&rate=1000";

#[test]
fn lines_are_plain_or_json_in_every_encoding_and_as_many_as_asked_for() {
    let server = Server::of(LIVELY, &[]);
    server.until_instruments(3);
    let url = server.url();
    for encoding in ["protobuf", "msgpack", "json"] {
        for compression in ["none", "deflate"] {
            let args = [
                "watch",
                &url,
                "synthetic:*",
                "--encoding",
                encoding,
                "--compression",
                compression,
            ];
            let ended = run(&[&args[..], &["--count", "10"]].concat());
            assert_eq!(ended.code, Some(0), "{}", ended.err);
            assert_eq!(ended.out.lines().count(), 10, "{}", ended.out);
            for line in ended.out.lines() {
                assert!(
                    line.starts_with("synthetic:S000") && line.contains(" bid_price="),
                    "{line}"
                );
                assert!(!line.contains('\u{1b}'), "{line:?}");
            }
            assert!(ended.err.contains("connected to tickwire/"), "{}", ended.err);
            let ended = run(&[&args[..], &["--count", "10", "--json"]].concat());
            assert_eq!((ended.code, ended.out.lines().count()), (Some(0), 10), "{}", ended.err);
            for line in ended.out.lines() {
                let row: serde_json::Value = serde_json::from_str(line).expect(line);
                assert!(
                    row["symbol"].is_string() && row["bid_price"].is_string() && row["seq"].is_u64(),
                    "{line}"
                );
            }
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let server = Server::of(LIVELY, &[]);
    let mut watch = command(&["watch", &server.url(), "synthetic:*"])
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("a pipe"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    assert!(line.starts_with("synthetic:"), "{line}");
    drop(lines);
    // Its stderr ends with it; a log without end is cut by the harness' own limit on tests.
    let mut err = String::new();
    let mut stderr = BufReader::new(watch.stderr.take().expect("a pipe"));
    while stderr.read_line(&mut err).expect("UTF-8") > 0 {}
    assert!(watch.wait().expect("an end").success(), "{err}");
    assert!(
        !err.to_lowercase().contains("pipe") && !err.contains("panicked"),
        "{err}"
    );
}

#[test]
fn it_says_when_the_server_goes_and_ends_well_on_a_signal() {
    let server = Server::of(LIVELY, &[]);
    let watch = Process::spawn(&["watch", &server.url(), "synthetic:S0000", "other:X"]);
    assert!(watch.line().starts_with("synthetic:S0000 "));
    server.process.signal("TERM");
    watch.log_line("the server is closing");
    watch.log_line("trying again in");
    assert_eq!(server.process.wait().code, Some(0));
    watch.signal("INT");
    assert_eq!(watch.wait().code, Some(0));
}

#[test]
fn in_a_pipe_a_server_that_is_not_there_is_a_1_with_its_address_and_the_cause() {
    // Nothing connects to port 0.
    for args in [
        &["watch", "http://127.0.0.1:0", "a:B"][..],
        &["top", "http://127.0.0.1:0", "--json"],
    ] {
        let ended = run(args);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{}", ended.err);
        assert!(
            ended.err.contains("tickwire: http://127.0.0.1:0: cannot connect: "),
            "{}",
            ended.err
        );
    }
}

#[test]
fn on_a_terminal_a_server_that_is_not_there_is_tried_again() {
    for args in [
        &["watch", "http://127.0.0.1:0", "a:B"][..],
        &["top", "http://127.0.0.1:0"],
    ] {
        let mut shown = OnTerminal::spawn(args);
        shown.until_shown("next attempt in");
        shown.until_shown("cannot connect: ");
        shown.press("q");
        assert_eq!(shown.wait(), Some(0));
    }
}

#[test]
fn what_the_server_refuses_for_good_is_a_1_with_its_words() {
    let server = Server::of(LIVELY, &["--max-symbols", "1"]);
    server.until_instruments(3);
    let ended = run(&["watch", &server.url(), "synthetic:*"]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("at most 1 symbols"), "{}", ended.err);
}

#[test]
fn on_a_terminal_it_is_a_table_that_keys_move_and_end() {
    let server = Server::of("synthetic?symbols=50&rate=500", &[]);
    server.until_instruments(50);
    for end in ["q", "\x03"] {
        let mut watch = OnTerminal::spawn(&["watch", &server.url(), "synthetic:*"]);
        watch.until_shown("connected to tickwire/");
        watch.until_shown("synthetic up");
        watch.until_shown("1-24 of 50 ");
        watch.until_shown("synthetic:S0023 ");
        watch.press("\x1b[F");
        watch.until_shown("27-50 of 50 by symbol ");
        watch.until_shown("synthetic:S0049 ");
        watch.press("/s0007\r");
        watch.until_shown("1-1 of 1 with `s0007` by symbol ");
        watch.press("/nowhere");
        watch.until_shown("nothing matches `nowhere`");
        watch.press("\r");
        // With another key at once it would be that key with Alt.
        watch.press("\x1b");
        watch.until_shown("1-24 of 50 ");
        watch.press("sr ");
        watch.until_shown("1-24 of 50 by change, reversed ");
        watch.until_shown("held still for ");
        watch.press(" ?");
        watch.until_shown("┌ help ");
        watch.press(end);
        assert_eq!(watch.wait(), Some(0), "{end:?}");
    }
}

#[test]
fn on_a_terminal_a_lost_server_is_shown_and_a_signal_gives_the_terminal_back() {
    let server = Server::quiet(&[]);
    let addr = server.addr.to_string();
    let watch = OnTerminal::spawn(&["watch", &server.url(), "synthetic:*"]);
    watch.until_shown("synthetic:S0000 ");
    server.process.kill();
    watch.until_shown("no connection for ");
    watch.until_shown("values are old");
    let _server = Server::start_at(&addr, &["--feed", QUIET]);
    watch.until_shown("connected to tickwire/");
    watch.signal("TERM");
    assert_eq!(watch.wait(), Some(0));
}

#[test]
fn on_a_terminal_colours_are_left_out_where_they_are_not_wanted() {
    let server = Server::of(LIVELY, &[]);
    // Colours are taken from the 256, with this in front.
    let has_color = |watch: &OnTerminal| watch.drawn().contains("38;5;");
    let mut watch = OnTerminal::spawn(&["watch", &server.url(), "synthetic:*"]);
    watch.until_shown("synthetic:S0000 ");
    assert!(has_color(&watch), "{:?}", watch.drawn());
    watch.press("q");
    assert_eq!(watch.wait(), Some(0));
    let mut watch = OnTerminal::spawn_with(&["watch", &server.url(), "synthetic:*"], &[("NO_COLOR", "1")]);
    watch.until_shown("synthetic:S0000 ");
    assert!(!has_color(&watch), "{:?}", watch.drawn());
    watch.press("q");
    assert_eq!(watch.wait(), Some(0));
}

#[test]
fn what_the_server_refuses_is_told_on_the_terminal_that_was_there_before() {
    let server = Server::of(LIVELY, &["--max-symbols", "1"]);
    server.until_instruments(3);
    let watch = OnTerminal::spawn(&["watch", &server.url(), "synthetic:*"]);
    let at = watch.until(0, "\x1b[?1049l");
    watch.until(at, "at most 1 symbols");
    assert_eq!(watch.wait(), Some(1));
}
