//! Updates as lines of JSON: from standard input, a file, a connection that is cut, and pushed over HTTP. What a
//! subscriber gets is compared with the text of the lines.

mod support;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Instant;

use support::follower::Follower;
use support::http::Answer;
use support::peer::{Options, Peer};
use support::process::Process;
use support::server::{QUIET, Server};
use support::{LIMIT, eventually};
use tickwire::client::Row;
use tickwire::market::{StaleCause, TickerState};
use tickwire::wire::Encoding::Protobuf;

/// A subscriber of some symbols that reads when it is asked to.
struct Reader {
    peer: Peer,
    follower: Follower,
}

impl Reader {
    fn of(server: &Server, symbols: &str) -> Reader {
        let mut peer = Peer::connect(server.addr, Options::of(Protobuf));
        let follower = Follower::subscribe(&mut peer, &[symbols]);
        Reader { peer, follower }
    }

    /// Reads on until the rows are as wanted.
    fn until(&mut self, what: &str, is_so: impl Fn(&BTreeMap<String, Row>) -> bool) -> BTreeMap<String, Row> {
        let until = Instant::now() + LIMIT;
        loop {
            let rows = self.follower.view.dump();
            if is_so(&rows) {
                return rows;
            }
            assert!(
                Instant::now() < until,
                "not within {LIMIT:?}: {what}; there is {rows:?}"
            );
            let message = self.peer.message();
            self.follower.take(&message);
        }
    }

    /// The same for one value.
    fn until_value(&mut self, symbol: &str, field: &str, value: &str) -> Row {
        let is_so = |rows: &BTreeMap<String, Row>| Some(value) == rows.get(symbol).and_then(|row| get(row, field));
        let mut rows = self.until(&format!("{symbol} has {field} {value}"), is_so);
        rows.remove(symbol).expect("it is there")
    }

    fn until_stale(&mut self, symbol: &str) {
        let stale = (Some(TickerState::Stale), Some(StaleCause::Disconnected));
        self.until(&format!("{symbol} is stale"), |rows| {
            rows.get(symbol).is_some_and(|row| (row.state, row.cause) == stale)
        });
    }
}

fn get<'a>(row: &'a Row, field: &str) -> Option<&'a str> {
    row.values.get(field).map(String::as_str)
}

/// Waits until a venue is in this state, for a reason that has this part.
fn until_venue(server: &Server, venue: &str, state: &str, reason: &str) {
    server.until_status(&format!("{venue} is {state}: {reason}"), |status| {
        let venues = status["venues"].as_array().expect("venues");
        venues.iter().any(|v| {
            v["name"] == venue && v["state"] == state && v["reason"].as_str().is_some_and(|r| r.contains(reason))
        })
    });
}

#[test]
fn lines_on_standard_input_arrive_exactly_and_a_bad_one_ends_nothing() {
    let args = ["serve", "--listen", "127.0.0.1:0", "--feed", "ndjson:-"];
    let (process, mut stdin) = Process::spawn_piped(&args);
    let server = Server::of_process(process);
    let mut reader = Reader::of(&server, "own:*");
    let lines = concat!(
        r#"{"symbol":"own:A","bid_price":"61837.63","bid_size":1.5,"ask_price":61837.640,"ask_size":"2","volume":12345.678901}"#,
        "\n\n",
        r#"{"symbol":"own:A","last_price":"61837.60","last_size":"0.1","last_side":"sell","ts_event":"1700000000000000000"}"#,
        "\n",
        r#"{"symbol":"own:TINY","bid_price":1e-18}"#,
        "\nno line\n",
        r#"{"symbol":"own:BIG","bid_price":"-9223372036854775808","trade_count":9007199254740993}"#,
        "\n",
    );
    stdin.write_all(lines.as_bytes()).expect("taken");
    reader.until_value("own:BIG", "bid_price", "-9223372036854775808");
    let rows = reader.follower.view.dump();
    assert_eq!(get(&rows["own:BIG"], "trade_count"), Some("9007199254740993"));
    assert_eq!(get(&rows["own:TINY"], "bid_price"), Some("0.000000000000000001"));
    let a = &rows["own:A"];
    for (field, value) in [
        ("bid_price", "61837.63"),
        ("bid_size", "1.5"),
        ("ask_price", "61837.64"),
        ("ask_size", "2.0"),
        ("last_price", "61837.60"),
        ("last_size", "0.1"),
        ("last_side", "2"),
        ("volume", "12345.678901"),
    ] {
        assert_eq!(get(a, field), Some(value), "{field}");
    }
    assert_eq!((a.update_count, a.state), (2, Some(TickerState::Live)));
    let log = server.process.log_line("cannot be used");
    assert!(log.contains("line 5") && log.contains("not a JSON object"), "{log}");
    assert_eq!(server.metric("tickwire_feed_malformed_total", "ndjson"), 1.0);
    assert_eq!(server.metric("tickwire_feed_updates_total", "own"), 4.0);
    // A field that is cleared, and a trade of the same price, which counts.
    let more =
        "{\"symbol\":\"own:A\",\"bid_price\":null,\"bid_size\":null}\n{\"symbol\":\"own:A\",\"last_price\":61837.6}\n";
    stdin.write_all(more.as_bytes()).expect("taken");
    let rows = reader.until("four updates", |rows| rows["own:A"].update_count == 4);
    assert_eq!(
        (get(&rows["own:A"], "bid_price"), get(&rows["own:A"], "last_size")),
        (None, Some("0.1"))
    );
    reader.follower.compare(&mut reader.peer, &server, "own:*");
    drop(stdin);
    until_venue(&server, "own", "down", "end of input");
    reader.until_stale("own:A");
    reader.follower.compare(&mut reader.peer, &server, "own:*");
}

#[test]
fn a_file_is_read_to_its_end_and_its_venue_may_be_renamed() {
    let lines = (0..5_000).map(|n| format!("{{\"symbol\":\"x:N{}\",\"low\":\"{n}.25\"}}\n", n % 7));
    let text = lines.collect::<String>() + "{\"symbol\":\"x:N0\",\"low\":\"-0.01\"}";
    let args = ["--feed", "ndjson:day.ndjson?venue=own"];
    let server = Server::start_with(("day.ndjson", text.as_bytes()), &args);
    until_venue(&server, "own", "down", "end of input");
    let said = server.json("/v1/snapshot?symbols=own:*");
    let tickers = said["snapshot"]["tickers"].as_array().expect("tickers");
    let lows: Vec<_> = tickers.iter().map(|t| t["low"].as_str().expect("a low")).collect();
    // 4994 to 4999 are the last of their instruments.
    let want = [
        "-0.01", "4999.25", "4993.25", "4994.25", "4995.25", "4996.25", "4997.25",
    ];
    assert_eq!(lows, want, "{said}");
}

#[test]
fn a_fifo_waits_for_its_writer_and_holds_up_nothing() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fifo-{}", std::process::id()));
    let made = Command::new("mkfifo").arg(&folder).status();
    if !made.is_ok_and(|status| status.success()) {
        return support::skipped("mkfifo is not there");
    }
    let feed = format!("ndjson:{}", folder.display());
    let server = Server::start(&["--feed", &feed, "--feed", QUIET]);
    server.until_instruments(3);
    let mut fifo = std::fs::OpenOptions::new()
        .write(true)
        .open(&folder)
        .expect("a reader is there");
    fifo.write_all(b"{\"symbol\":\"own:A\",\"low\":1}\n").expect("taken");
    until_venue(&server, "own", "up", "");
    drop(fifo);
    until_venue(&server, "own", "down", "end of input");
    let waiting = Server::start(&["--feed", &feed]);
    waiting.process.signal("TERM");
    let ended = waiting.process.wait();
    std::fs::remove_file(&folder).expect("removed");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

/// The next connection to a listener that does not block.
fn accept(listener: &TcpListener) -> TcpStream {
    eventually("a connection", || match listener.accept() {
        Ok((stream, _)) => {
            stream.set_nonblocking(false).expect("an option");
            Some(stream)
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            None
        }
    })
}

#[test]
fn a_connection_cut_in_the_middle_of_a_line_comes_back_and_the_half_is_forgotten() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("an option");
    let feed = format!("ndjson:tcp://{}", listener.local_addr().expect("an address"));
    let server = Server::of(&feed, &[]);
    let mut reader = Reader::of(&server, "own:*");
    let mut stream = accept(&listener);
    // A line comes in three pieces, and of the next only a half that is JSON no more.
    for piece in [
        "{\"symbol\":\"own:A\",",
        "\"bid_price\":\"1.2",
        "5\"}\n{\"symbol\":\"own:A\",\"bid_price\":\"1.",
    ] {
        stream.write_all(piece.as_bytes()).expect("taken");
    }
    let row = reader.until_value("own:A", "bid_price", "1.25");
    assert_eq!(row.state, Some(TickerState::Live));
    until_venue(&server, "own", "up", "");
    drop(stream);
    reader.until_stale("own:A");
    let mut stream = accept(&listener);
    // Connected again, but stale until data come.
    let row = reader.follower.view.dump().remove("own:A").expect("its value stays");
    assert_eq!(
        (get(&row, "bid_price"), row.state),
        (Some("1.25"), Some(TickerState::Stale))
    );
    stream
        .write_all(b"75\"}\n{\"symbol\":\"own:A\",\"ask_price\":1.30}\n")
        .expect("taken");
    let row = reader.until_value("own:A", "ask_price", "1.30");
    assert_eq!(
        (get(&row, "bid_price"), row.state),
        (Some("1.25"), Some(TickerState::Live))
    );
    until_venue(&server, "own", "up", "");
    reader.follower.compare(&mut reader.peer, &server, "own:*");
    assert_eq!(
        server.metric("tickwire_feed_malformed_total", "ndjson"),
        1.0,
        "the other half"
    );
    assert!(server.metric("tickwire_feed_restarts_total", "own") >= 1.0);
    let log = server.process.log_line("trying again");
    assert!(log.contains("closed by the other end"), "{log}");
}

/// Pushes a body and reads the answer.
fn push(server: &Server, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let length = body.len().to_string();
    let own = [("Content-Length", &*length)];
    let mut stream = server.sent(&head(server, "POST", &[&own, headers].concat()));
    stream.write_all(body).expect("taken");
    Answer::read(&mut stream, "POST")
}

/// A request's head, addressed to this machine unless a header says otherwise.
fn head(server: &Server, method: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} /v1/updates HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text += &format!("Host: {}\r\n", server.addr);
    }
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

const LINE: &[u8] = b"{\"symbol\":\"own:A\",\"low\":\"1.25\"}\n";

#[test]
fn pushed_lines_arrive_exactly_and_bad_ones_are_named() {
    let server = Server::quiet(&["--allow-control"]);
    let mut reader = Reader::of(&server, "own:*");
    let body = concat!(
        r#"{"symbol":"own:A","last_price":"0.10","last_size":3}"#,
        "\n\n",
        r#"{"symbol":"synthetic:S0001","low":1}"#,
        "\n",
        r#"{"symbol":"own:A","price":1}"#,
        "\r\n",
        r#"{"symbol":"own:B","high":12.5}"#,
    );
    let answer = push(&server, &[("Content-Type", "application/x-ndjson")], body.as_bytes());
    let json = answer.json();
    assert_eq!((answer.status, &json["accepted"]), (200, &2.into()), "{json}");
    let rejected = json["rejected"].as_array().expect("a list");
    let numbers: Vec<_> = rejected.iter().map(|r| r["line"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, [3, 4]);
    assert_eq!(rejected[0]["message"], "venue `synthetic` has another feed");
    assert!(
        rejected[1]["message"]
            .as_str()
            .is_some_and(|m| m.contains("`price`") && m.contains("`last_price`"))
    );
    assert!(json.get("rejected_more").is_none());
    reader.until_value("own:A", "last_price", "0.1");
    reader.until_value("own:B", "high", "12.5");
    reader.follower.compare(&mut reader.peer, &server, "own:*");
    assert_eq!(server.metric("tickwire_push_lines_total", "accepted"), 2.0);
    assert_eq!(server.metric("tickwire_push_lines_total", "rejected"), 2.0);
    let empty = push(&server, &[], b"");
    assert_eq!(empty.json(), serde_json::json!({"accepted": 0, "rejected": []}));
    // However wrong a body is, its answer stays small.
    let wrong = push(&server, &[], "x\n".repeat(20_000).as_bytes()).json();
    assert_eq!(wrong["rejected"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(
        (&wrong["accepted"], &wrong["rejected_more"]),
        (&0.into(), &19_000.into())
    );
}

#[test]
fn who_may_not_push_is_told_why() {
    let without = Server::quiet(&[]);
    let (status, code, message) = push(&without, &[], LINE).error();
    assert_eq!((status, code.as_str()), (403, "forbidden"));
    assert!(message.contains("--allow-control"), "{message}");
    let server = Server::quiet(&["--allow-control"]);
    let own = format!("http://{}", server.addr);
    assert_eq!(push(&server, &[("Origin", &own)], LINE).status, 200);
    for (header, part) in [
        (("Origin", "http://evil.test"), "`Origin`"),
        (("Origin", "null"), "`Origin`"),
        (("Origin", "http://127.0.0.1:1"), "`Origin`"),
        (("Host", "evil.test"), "`Host`"),
        (("X-Forwarded-For", "127.0.0.1"), "proxies"),
        (("Forwarded", "for=127.0.0.1"), "proxies"),
    ] {
        let (status, code, message) = push(&server, &[header], LINE).error();
        assert_eq!((status, code.as_str()), (403, "forbidden"), "{header:?}");
        assert!(message.contains(part), "{header:?}: {message}");
    }
    for header in [("Content-Type", "text/plain"), ("Content-Encoding", "gzip")] {
        let (status, code, _) = push(&server, &[header], LINE).error();
        assert_eq!((status, code.as_str()), (415, "unsupported_media_type"), "{header:?}");
    }
    let mut stream = server.sent(&head(&server, "GET", &[]));
    let answer = Answer::read(&mut stream, "GET");
    assert_eq!((answer.error().0, answer.header("allow")), (405, Some("POST")));
    assert_eq!(server.metric("tickwire_push_lines_total", "accepted"), 1.0);
}

#[test]
fn a_stream_of_a_hundred_thousand_lines_is_taken_while_it_comes() {
    const LINES: usize = 100_000;
    const SYMBOLS: usize = 100;
    let server = Server::quiet(&["--allow-control"]);
    let mut reader = Reader::of(&server, "own:*");
    let mut stream = server.sent(&head(&server, "POST", &[("Transfer-Encoding", "chunked")]));
    let line = |n: usize| format!("{{\"symbol\":\"own:N{}\",\"last_price\":\"{n}.5\"}}\n", n % SYMBOLS);
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    // The first line arrives while the body has no end.
    stream.write_all(&chunk(line(0).as_bytes())).expect("taken");
    reader.until_value("own:N0", "last_price", "0.5");
    let rest: String = (1..LINES).map(line).collect();
    for piece in rest.as_bytes().chunks(10_007) {
        stream.write_all(&chunk(piece)).expect("taken");
    }
    stream.write_all(b"0\r\n\r\n").expect("taken");
    let json = Answer::read(&mut stream, "POST").json();
    assert_eq!(json, serde_json::json!({"accepted": LINES, "rejected": []}));
    let newest = |n: usize| format!("{}.5", LINES - SYMBOLS + n);
    let rows = reader.until("the newest of all", |rows| {
        let is_newest = |n| rows.get(&format!("own:N{n}")).and_then(|row| get(row, "last_price")) == Some(&newest(n));
        (0..SYMBOLS).all(is_newest)
    });
    assert!(rows.values().all(|row| row.update_count == (LINES / SYMBOLS) as u64));
    reader.follower.compare(&mut reader.peer, &server, "own:*");
}

#[test]
fn of_a_body_that_breaks_off_the_whole_lines_are_taken() {
    let server = Server::quiet(&["--allow-control"]);
    let mut reader = Reader::of(&server, "own:*");
    let mut stream = server.sent(&head(&server, "POST", &[("Content-Length", "100000")]));
    stream.write_all(LINE).expect("taken");
    stream.write_all(b"{\"symbol\":\"own:A\",\"low\":2}").expect("taken");
    reader.until_value("own:A", "low", "1.25");
    drop(stream);
    // The next push shows that nothing of the rest was taken.
    assert_eq!(
        push(&server, &[], b"{\"symbol\":\"own:A\",\"high\":3}").json()["accepted"],
        1
    );
    let row = reader.until_value("own:A", "high", "3.00");
    assert_eq!((get(&row, "low"), row.update_count), (Some("1.25"), 2));
    let mut stream = server.sent(&head(&server, "POST", &[("Transfer-Encoding", "chunked")]));
    stream.write_all(b"no number\r\n").expect("taken");
    let (status, _, message) = Answer::read(&mut stream, "POST").error();
    assert!(
        status == 400 && message.contains("0 lines were accepted"),
        "{status} {message}"
    );
}
