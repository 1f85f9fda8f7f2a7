//! The command line with the real binary: exit codes, layers of settings, what goes where.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use support::peer::Peer;
use support::process::{Ended, Process, directory_with, run};
use support::request::Said;
use support::server::{QUIET, Server};
use support::{captures, skipped};
use tickwire::wire::Encoding::Protobuf;

/// A wrong command: its exit code, nothing on stdout, and the parts of what stderr says.
fn fails(args: &[&str], code: i32, parts: &[&str]) {
    failed(&run(args), args, code, parts);
}

/// The same in a directory with this file.
fn fails_with(file: (&str, &[u8]), args: &[&str], code: i32, parts: &[&str]) {
    let ended = Process::spawn_in(directory_with(file), args, &[]).wait();
    failed(&ended, args, code, parts);
}

fn failed(ended: &Ended, args: &[&str], code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{args:?}: {}", ended.err);
    assert_eq!(ended.out, "", "{args:?}");
    for part in parts {
        assert!(ended.err.contains(part), "{args:?}: no `{part}` in {}", ended.err);
    }
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[test]
fn version_and_help_are_told_on_stdout() {
    let ended = run(&["--version"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), concat!("tickwire ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    for command in ["serve", "watch", "record", "convert", "inspect", "bench", "top"] {
        let ended = run(&[command, "--help"]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        let example = format!("  tickwire {command}");
        assert!(
            ended.out.contains("Examples:") && ended.out.contains(&example),
            "{}",
            ended.out
        );
        assert!(
            ended.out.contains('\''),
            "arguments with signs stand in single quotes: {}",
            ended.out
        );
    }
}

#[test]
fn wrong_usage_is_a_2_that_says_what_is_allowed() {
    for (args, parts) in [
        (&["--speed"][..], &["--speed"][..]),
        (&["sing"], &["sing"]),
        (&[], &["Usage"]),
        (&["serve", "--port", "1"], &["--port"]),
        (
            &["serve", "--feed", "nasdaq:AAPL"],
            &["`nasdaq`", "`synthetic`, `replay`"],
        ),
        (
            &["serve", "--feed", "synthetic?speed=1"],
            &["no option `speed`", "`symbols`", "`rate`"],
        ),
        (
            &["serve", "--feed", "synthetic?rate=fast"],
            &["rate=fast", "0 to 10000000"],
        ),
        (
            &["serve", "--feed", "synthetic?rate=1&rate=2"],
            &["`rate`", "more than once"],
        ),
        (&["serve", "--feed", "replay"], &["needs a target"]),
        (&["serve", "--feed", "ndjson"], &["needs a target", "standard input"]),
        (
            &["serve", "--feed", "ndjson:-", "--feed", "ndjson:-"],
            &["two feeds", "standard input"],
        ),
        (&["serve", "--feed", "ndjson:tcp://here"], &["tcp://HOST:PORT"]),
        (&["serve", "--allow-control=perhaps"], &["--allow-control", "perhaps"]),
        (
            &["serve", "--feed", "synthetic", "--feed", QUIET],
            &["two feeds", "`synthetic`", "venue=NAME"],
        ),
        (&["serve", "--max-symbols", "many"], &["--max-symbols"]),
        (
            &["serve", "--max-symbols", "0"],
            &["--max-symbols", "`0` is not allowed", "from 1 to 10000000"],
        ),
        (
            &["serve", "--frame-bytes-max", "100"],
            &["--frame-bytes-max", "`100` is not allowed", "4096 to 1048576"],
        ),
        (&["serve", "--log-level", "loud"], &["`loud`", "debug"]),
        (&["serve", "--cores", "0-"], &["--cores", "`0-`", "such as 0,2-3"]),
        (
            &["serve", "--tls-cert", "a.pem"],
            &["both", "--tls-cert FILE", "--tls-key FILE"],
        ),
        (&["serve", "--listen", "here"], &["`here`"]),
        (&["watch", "http://127.0.0.1:9"], &["<SYMBOL>"]),
        (&["watch", "http://127.0.0.1:9", "BTC"], &["`BTC`", "venue:NAME"]),
        (&["watch", "ftp://127.0.0.1:9", "a:B"], &["ftp"]),
        (
            &["watch", "http://127.0.0.1:9", "a:B", "--encoding", "xml"],
            &["protobuf, msgpack or json"],
        ),
        (&["watch", "http://127.0.0.1:9", "a:B", "--count", "0"], &["--count"]),
        (&["bench"], &["<URL>"]),
        (&["top"], &["<URL>"]),
        (&["top", "ftp://127.0.0.1:9"], &["ftp", "ws:// and wss://"]),
        (&["top", "http://127.0.0.1:9", "--count", "0"], &["--count"]),
        (&["bench", "ftp://127.0.0.1:9"], &["ftp", "ws:// and wss://"]),
        (
            &["bench", "http://127.0.0.1:9", "--subscribers", "0"],
            &["--subscribers", "1..=1000000"],
        ),
        (
            &["bench", "http://127.0.0.1:9", "--match", "BTC"],
            &["`BTC`", "venue:NAME"],
        ),
        (
            &["bench", "http://127.0.0.1:9", "--encoding", "xml"],
            &["protobuf, msgpack or json"],
        ),
        (
            &["bench", "http://127.0.0.1:9", "--pid", "4000000000"],
            &["process 4000000000", "--pid takes"],
        ),
        (&["record", "--feed", "binance:BTCUSDT"], &["--raw"]),
        (&["record", "--raw", "x.capture.gz"], &["0 feeds", "exactly one"]),
        (
            &[
                "record",
                "--raw",
                "x.capture.gz",
                "--feed",
                "binance:A",
                "--feed",
                "kraken:B",
            ],
            &["2 feeds", "exactly one"],
        ),
        (
            &["record", "--raw", "x.capture.gz", "--feed", QUIET],
            &["`synthetic`", "has no raw frames", "binance, "],
        ),
        (
            &["record", "--raw", "x.capture.gz", "--feed", "nasdaq:AAPL"],
            &["unknown feed kind `nasdaq`"],
        ),
        (
            &["record", "--raw", "x", "--feed", "binance:A", "--rotate-bytes", "10"],
            &["--rotate-bytes"],
        ),
        (
            &["record", "--raw", "x", "--feed", "binance:A", "--for", "0"],
            &["--for"],
        ),
    ] {
        fails(args, 2, parts);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn threads_run_on_the_cores_that_they_are_bound_to() {
    fails(&["serve", "--cores", "1023"], 2, &["core 1023", "this process may use"]);
    let server = Server::start(&["--cores", "0", "--feed", QUIET]);
    let mut shards = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", server.process.id())).expect("threads") {
        let path = task.expect("a thread").path();
        // One that has ended meanwhile is bound to nothing.
        let Ok(status) = std::fs::read_to_string(path.join("status")) else {
            continue;
        };
        let of = |key| status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
        assert_eq!(of("Cpus_allowed_list:"), Some("0"), "{status}");
        shards += usize::from(of("Name:").is_some_and(|name| name.starts_with("shard-")));
    }
    assert_eq!(shards, 1, "as many as there are cores");
}

#[test]
fn what_the_machine_refuses_is_a_1_that_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address").to_string();
    fails(&["serve", "--listen", &addr], 1, &["cannot listen", &addr]);
    fails(
        &["serve", "--feed", "replay:nowhere.capture.gz"],
        1,
        &["nowhere.capture.gz"],
    );
    fails(&["serve", "--feed", "ndjson:nowhere.ndjson"], 1, &["nowhere.ndjson"]);
    fails(&["serve", "--config", "nowhere.toml"], 1, &["nowhere.toml"]);
    let args = ["serve", "--tls-cert", "nowhere.pem", "--tls-key", "nowhere.key"];
    fails(&args, 1, &["`nowhere.pem` cannot be read"]);
}

#[test]
fn a_wrong_configuration_is_a_2_that_names_file_and_line() {
    for (text, line) in [
        ("[server]\nport = 1\n", "line 2"),
        ("[servers]\n", "line 1"),
        ("[limits]\n\nmax_symbols = \"x\"\n", "line 3"),
        ("[server\n", "line 1"),
        ("[[feed]]\nspec = \"synthetic\"\nspeed = 1\n", "line 3"),
    ] {
        let args = ["serve", "--config", "my.toml"];
        fails_with(("my.toml", text.as_bytes()), &args, 2, &["my.toml", line]);
    }
}

/// A server on a free port in a directory with this `tickwire.toml`.
fn configured(text: &str, args: &[&str], env: &[(&str, &str)]) -> Server {
    let directory = directory_with(("tickwire.toml", text.as_bytes()));
    Server::of_process(Process::spawn_in(directory, &[&["serve"], args].concat(), env))
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    let text =
        "[server]\nlisten = \"127.0.0.1:0\"\n[limits]\nmax_symbols = 11\n[[feed]]\nspec = \"synthetic?venue=file\"\n";
    let env = [
        ("TICKWIRE_MAX_SYMBOLS", "12"),
        ("TICKWIRE_FEED", "synthetic?venue=env1 synthetic?venue=env2"),
    ];
    let flags = ["--max-symbols", "13", "--feed", "synthetic?venue=flag"];
    for (args, env, most, venues) in [
        (&[][..], &[][..], 11, &["file"][..]),
        (&[], &env, 12, &["env1", "env2"]),
        (&flags, &env, 13, &["flag"]),
    ] {
        let server = configured(text, args, env);
        let mut ws = Peer::upgrade(&server, "", &[], Protobuf);
        assert_eq!(ws.welcome().max_symbols, most);
        server.until_status("all venues", |status| {
            let all = status["venues"].as_array().expect("venues");
            let mut names: Vec<_> = all.iter().filter_map(|v| v["name"].as_str()).collect();
            names.sort_unstable();
            names == venues
        });
    }
    let server = Server::quiet(&[]);
    let mut ws = Peer::upgrade(&server, "", &[], Protobuf);
    assert_eq!(ws.welcome().max_symbols, 100_000);
}

#[test]
fn stdout_has_one_line_the_log_is_on_stderr_and_a_signal_ends_it_well() {
    for signal in ["INT", "TERM"] {
        let server = Server::quiet(&[]);
        server.process.log_line("tickwire watch http://");
        let mut ws = Peer::open(&server, Protobuf);
        server.process.signal(signal);
        assert!(matches!(ws.answered_with(), Said::Goaway(g) if g.reconnect_after_ms > 0));
        assert_eq!(ws.closed().0, 4_001, "{signal}");
        drop(ws);
        let addr = server.addr;
        let ended = server.process.wait();
        assert_eq!(
            (ended.code, ended.out.as_str()),
            (Some(0), ""),
            "{signal}: {}",
            ended.err
        );
        assert!(ended.err.contains("stopped"), "{}", ended.err);
        assert!(TcpStream::connect(addr).is_err(), "the port is free");
    }
}

#[test]
fn peers_that_do_nothing_do_not_hold_up_the_end() {
    let server = Server::quiet(&[]);
    let silent = server.connect();
    let mut half = server.connect();
    half.write_all(b"GET / HT").expect("written");
    let stuck = Peer::open(&server, Protobuf);
    let began = Instant::now();
    server.process.signal("TERM");
    let ended = server.process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    // 2 s over which closes are spread, 1 s for the answer, half a second for plain HTTP.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop((silent, half, stuck));
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    if TcpListener::bind("[::1]:0").is_err() {
        return skipped("no IPv6 loopback on this machine");
    }
    let process = Process::spawn(&["serve", "--listen", "[::1]:0", "--feed", QUIET]);
    let line = process.line();
    let port = line
        .strip_prefix("listening on http://[::1]:")
        .and_then(|p| p.parse::<u16>().ok());
    assert!(port.is_some_and(|port| port > 0), "{line}");
}

/// A capture of these many quotes of BTCUSDT, the bid rising from 1; the lines compressed one member each.
fn capture(quotes: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut member = |text: &str| {
        let mut gz = GzEncoder::new(&mut bytes, Compression::fast());
        gz.write_all(text.as_bytes())
            .and_then(|()| gz.finish().map(drop))
            .expect("compressed");
    };
    member("#tickwire-capture 1 venue=binance\n");
    for n in 1..=quotes {
        let frame = captures::quote(n.into(), "BTCUSDT", (&format!("{n}.00"), "1"), ("9999.00", "2"));
        member(&format!("{n} {frame}\n"));
    }
    bytes
}

#[test]
fn of_a_broken_capture_the_good_part_is_used_and_the_error_names_file_and_line() {
    let whole = capture(50);
    let mut corrupt = whole.clone();
    let at = corrupt.len() - 20;
    corrupt[at..at + 8].fill(0xff);
    let no_record = [whole.clone(), b"not gzip".to_vec()].concat();
    for (what, bytes, line) in [
        ("truncated", whole[..whole.len() - 10].to_vec(), "line 51"),
        ("corrupt", corrupt, "line 51"),
        ("trailing", no_record, "line 52"),
    ] {
        let args = ["--feed", "replay:day.capture.gz?speed=max", "--feed", QUIET];
        let server = Server::start_with(("day.capture.gz", &bytes), &args);
        server.until_status(what, |status| {
            let venues = status["venues"].as_array().expect("venues");
            let reason = venues
                .iter()
                .find(|v| v["state"] == "down")
                .map(|v| v["reason"].to_string());
            reason.is_some_and(|text| text.contains("day.capture.gz") && text.contains(line))
        });
        let said = server.json("/v1/snapshot?symbols=binance:BTCUSDT");
        let bid = said["snapshot"]["tickers"][0]["bid_price"].as_str().expect("a bid");
        assert!(["49", "50"].contains(&bid.trim_end_matches(".00")), "{what}: {said}");
        assert_eq!(server.get("/readyz").status, 200, "{what}: the other feed is up");
    }
}

#[test]
fn a_file_that_is_no_capture_is_refused_at_the_start() {
    for (bytes, part) in [
        (&b"hello\n"[..], "line 1"),
        (b"", "line 1"),
        (b"#tickwire-capture 2 venue=x\n", "version"),
    ] {
        let args = ["serve", "--feed", "replay:x.capture"];
        fails_with(("x.capture", bytes), &args, 1, &["x.capture", part]);
    }
}

#[test]
fn a_log_that_nobody_reads_any_more_ends_nothing() {
    let mut command = support::process::command(&["serve", "--listen", "127.0.0.1:0", "--log-level", "debug"]);
    let mut child = command.spawn().expect("it starts");
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().expect("piped"));
    std::io::BufRead::read_line(&mut stdout, &mut line).expect("a line");
    drop(child.stderr.take());
    let addr = line.trim().strip_prefix("listening on http://").expect("an address");
    // A connection that says nothing of use is logged, and so is the end.
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.write_all(b"nonsense\r\n\r\n").expect("taken");
    let _ = stream.read_to_end(&mut Vec::new());
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(killed.expect("kill runs").success());
    let ended = support::eventually("the end", || child.try_wait().expect("a child"));
    assert_eq!(ended.code(), Some(0));
}
