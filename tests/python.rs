//! The README's example in Python follows a real server: the schema and the rules are all that it has.

mod support;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::output::Output;
use support::process::directory;
use support::server::Server;
use support::{captures, python, skipped};

/// Bid, ask and last by symbol, as the example prints them.
type Shown = BTreeMap<String, [String; 3]>;

/// The example, as it stands in README.
fn example() -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README");
    let mut blocks = readme.split("```python\n").skip(1);
    let block = blocks.next().expect("an example");
    assert!(blocks.next().is_none(), "one example");
    block.split("```").next().expect("its end").to_owned()
}

/// The running example; it ends when dropped.
struct Follower {
    child: Child,
    out: Output,
    shown: Shown,
    directory: PathBuf,
}

impl Follower {
    fn start(python: &OsStr, server: &Server) -> Follower {
        let directory = directory();
        let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
        let mut generate = Command::new(python);
        generate.args(["-m", "grpc_tools.protoc", "--python_out=."]);
        generate.arg("-I").arg(&proto).arg(proto.join("tickwire.proto"));
        let status = generate.current_dir(&directory).status().expect("python runs");
        assert!(status.success(), "the schema is compiled");
        std::fs::write(directory.join("follow.py"), example()).expect("written");
        let url = server.url().replacen("http", "ws", 1) + "/v1/stream";
        let mut command = Command::new(python);
        command.args(["follow.py", &url, "binance:*"]).current_dir(&directory);
        // It waits up to five seconds of its own before the first attempt to come back.
        command.env("WEBSOCKETS_BACKOFF_INITIAL_DELAY", "0.2");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("python runs");
        let out = Output::of(child.stdout.take().expect("piped"));
        Follower {
            child,
            out,
            shown: Shown::new(),
            directory,
        }
    }

    /// Reads on until it shows what the server has.
    fn until_shows(&mut self, server: &Server) {
        let snapshot = server.json("/v1/snapshot?symbols=binance:*");
        let list = |name: &str| snapshot["snapshot"][name].as_array().cloned().unwrap_or_default();
        let symbols = list("instruments");
        let want: Shown = list("tickers")
            .iter()
            .map(|ticker| {
                let symbol = symbols.iter().find(|i| i["id"] == ticker["id"]).expect("announced");
                let shown = |name: &str| ticker[name].as_str().unwrap_or("None").to_owned();
                let symbol = symbol["symbol"].as_str().expect("a symbol").to_owned();
                (symbol, ["bid_price", "ask_price", "last_price"].map(shown))
            })
            .collect();
        assert!(!want.is_empty());
        let is_shown = |shown: &Shown| want.iter().all(|(symbol, values)| shown.get(symbol) == Some(values));
        while !is_shown(&self.shown) {
            let line = self
                .out
                .next()
                .unwrap_or_else(|| panic!("{:?} is not {want:?}", self.shown));
            let words: Vec<&str> = line.split(' ').collect();
            let [symbol, bid, ask, last] = words[..] else {
                panic!("{line}")
            };
            let values = [bid, ask, last].map(str::to_owned);
            self.shown.insert(symbol.to_owned(), values);
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Fails only where it has ended already; a directory is left in the build's folder at worst.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn market(name: &str, bids: [&str; 2]) -> PathBuf {
    let frames = [
        captures::quote(1, "AAA", ("1.50", "2.00"), ("1.60", "3.00")),
        captures::quote(2, "BBB", (bids[0], "0.50"), ("7.25", "1.00")),
        captures::quote(3, "AAA", (bids[1], "2.00"), ("0.00", "0.00")),
    ];
    captures::write(name, 1, &frames)
}

fn serve(listen: &str, path: &Path) -> Server {
    let server = Server::start_at(listen, &["--feed", &captures::replay(path, "speed=max")]);
    server.until_played();
    server
}

#[test]
fn the_example_is_short() {
    let lines = example().lines().count();
    assert!(lines < 60, "{lines} lines");
}

#[test]
fn the_example_has_the_stores_values_and_comes_back_by_itself() {
    let Some(python) = python::with("websockets,google.protobuf,grpc_tools") else {
        return skipped("python3 with the packages websockets, protobuf and grpcio-tools is not there");
    };
    let (first, second) = (
        market("python-1", ["7.00", "1.505"]),
        market("python-2", ["6.75", "1.25"]),
    );
    let server = serve("127.0.0.1:0", &first);
    let addr = server.addr.to_string();
    let mut follower = Follower::start(&python, &server);
    follower.until_shows(&server);
    server.process.kill();
    // Another life of the server: other values, another epoch.
    let server = serve(&addr, &second);
    follower.until_shows(&server);
    for path in [first, second] {
        std::fs::remove_file(path).expect("it was written");
    }
}

#[test]
fn the_example_keeps_up_with_a_market_that_moves_and_then_rests() {
    let Some(python) = python::with("websockets,google.protobuf,grpc_tools") else {
        return skipped("python3 with the packages websockets, protobuf and grpcio-tools is not there");
    };
    let server = Server::start(&["--feed", &captures::replay(&captures::demo(), "speed=10")]);
    let mut follower = Follower::start(&python, &server);
    server.until_played();
    follower.until_shows(&server);
}
