//! A running `tickwire serve` and what it says of itself over plain HTTP.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use super::http::{self, Answer, head};
use super::process::{Process, directory_with};
use super::{eventually, rows};

/// A feed that hardly says anything.
pub(crate) const QUIET: &str = "synthetic?symbols=3&rate=1";

/// A server on a port of its own; its process is killed when dropped.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) addr: SocketAddr,
    scheme: String,
}

impl Server {
    /// Serves on a free port.
    pub(crate) fn start(args: &[&str]) -> Server {
        Server::start_at("127.0.0.1:0", args)
    }

    /// The same on an address that is known to be free.
    pub(crate) fn start_at(listen: &str, args: &[&str]) -> Server {
        Server::of_process(Process::spawn(&[&["serve", "--listen", listen], args].concat()))
    }

    /// Serves on a free port in a directory with this file.
    pub(crate) fn start_with(file: (&str, &[u8]), args: &[&str]) -> Server {
        let args = [&["serve", "--listen", "127.0.0.1:0"], args].concat();
        Server::of_process(Process::spawn_in(directory_with(file), &args, &[]))
    }

    /// One shard and one feed.
    pub(crate) fn of(feed: &str, args: &[&str]) -> Server {
        Server::start(&[&["--shards", "1", "--feed", feed], args].concat())
    }

    /// One shard and the quiet feed.
    pub(crate) fn quiet(args: &[&str]) -> Server {
        Server::of(QUIET, args)
    }

    /// Waits until the process listens.
    pub(crate) fn of_process(process: Process) -> Server {
        let line = process.line();
        let told = line.strip_prefix("listening on ").and_then(|url| url.split_once("://"));
        let (scheme, addr) = told.map_or(("", None), |(scheme, addr)| (scheme, addr.parse().ok()));
        Server {
            scheme: scheme.to_owned(),
            addr: addr.unwrap_or_else(|| panic!("no address in the first line: {line}")),
            process,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        http::connect(self.addr, None)
    }

    /// A connection over which these bytes were sent.
    pub(crate) fn sent(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("the bytes are taken");
        stream
    }

    pub(crate) fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        Answer::read(&mut self.sent(&head(method, target, headers)), method)
    }

    /// Posts JSON, addressed to this machine.
    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        let (addr, length) = (self.addr, body.len());
        let request = format!("POST {target} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: {length}\r\n\r\n{body}");
        Answer::read(&mut self.sent(request.as_bytes()), "POST")
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[])
    }

    /// A page that answers with 200.
    pub(crate) fn page(&self, target: &str) -> Answer {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer
    }

    pub(crate) fn json(&self, target: &str) -> Value {
        self.page(target).json()
    }

    /// The sum of a metric over the label sets that contain `labels`; 0 where it does not stand there.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        let page = self.page("/metrics").text();
        let lines = page.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']) && rest.contains(labels))
        });
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    /// Asks for the status until it is as wanted.
    pub(crate) fn until_status(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        eventually(what, || is_so(&self.json("/v1/status")).then_some(()));
    }

    /// Asks where a replay is until it is as wanted.
    pub(crate) fn until_replay(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        eventually(what, || is_so(&self.json("/v1/replay")).then_some(()));
    }

    pub(crate) fn until_subscribers(&self, count: u64) {
        self.until_status(&format!("{count} subscribers"), |s| s["subscribers"] == count);
    }

    pub(crate) fn until_instruments(&self, count: u64) {
        self.until_status(&format!("{count} instruments"), |s| s["instruments"] == count);
    }

    /// Until a replay of Binance's frames has ended, as subscribers see it.
    pub(crate) fn until_played(&self) {
        eventually("the end of the replay", || {
            let snapshot = rows::snapshot(self, "binance:*");
            (snapshot.venues.get("binance")? == &rows::played()).then_some(())
        });
    }
}
