//! Prometheus itself, and its `promtool`: Debian's package `prometheus` has both.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::http::{self, Answer};
use super::output::Output;
use super::process::directory;
use super::{eventually, skipped};

/// Whether both programs are here; says that a test is skipped where they are not.
pub(crate) fn is_here() -> bool {
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let is_here = runs("prometheus") && runs("promtool");
    if !is_here {
        skipped("there are no prometheus and promtool (Debian's package prometheus)");
    }
    is_here
}

/// Runs `promtool`, which has to be content, with this on its standard input.
pub(crate) fn promtool(args: &[&str], input: &str) {
    let mut command = Command::new("promtool");
    command.args(args).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool starts");
    let mut stdin = child.stdin.take().expect("piped");
    // Where it reads none, it may have ended by now.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "promtool {args:?}: {}", said.concat());
    // What it advises against is no failure to it.
    assert!(said[1].trim().is_empty(), "promtool {args:?}: {}", said[1]);
}

/// A directory of files for `promtool`; removed when dropped.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new() -> Files {
        Files(directory())
    }

    /// Writes a file and gives its path.
    pub(crate) fn with(&self, name: &str, content: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running Prometheus that scrapes one server; killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    addr: SocketAddr,
    _log: Output,
    _files: Files,
}

impl Prometheus {
    /// Scrapes five times a second, as the job `tickwire`, and goes by these rules.
    pub(crate) fn start(target: SocketAddr, rules: &str) -> Prometheus {
        let files = Files::new();
        files.with("rules.yml", rules);
        let config = serde_json::json!({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "tickwire", "static_configs": [{"targets": [target.to_string()]}]}],
        });
        let config = files.with("prometheus.yml", &config.to_string());
        let data = Path::new(&config).with_file_name("data");
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus starts");
        let log = Output::of(child.stderr.take().expect("piped"));
        let line = log.next_with("\"Listening on\"");
        let addr = line.rsplit("address=").next().and_then(|addr| addr.trim().parse().ok());
        let prometheus = Prometheus {
            child,
            addr: addr.unwrap_or_else(|| panic!("no address: {line}")),
            _log: log,
            _files: files,
        };
        eventually("Prometheus is ready", || {
            (prometheus.get("/-/ready").status == 200).then_some(())
        });
        prometheus
    }

    fn get(&self, target: &str) -> Answer {
        let mut stream: TcpStream = http::connect(self.addr, None);
        stream.write_all(&http::head("GET", target, &[])).expect("taken");
        Answer::read(&mut stream, "GET")
    }

    /// What an expression is now: each series' labels and value.
    pub(crate) fn query(&self, expr: &str) -> Vec<(Value, f64)> {
        let encoded: String = expr.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.get(&format!("/api/v1/query?query={encoded}"));
        assert_eq!(answer.status, 200, "{expr}: {}", answer.text());
        let answer = answer.json();
        let series = answer["data"]["result"].as_array().expect("series");
        let value = |of: &Value| {
            of["value"][1]
                .as_str()
                .and_then(|text| text.parse().ok())
                .expect("a number")
        };
        series.iter().map(|of| (of["metric"].clone(), value(of))).collect()
    }

    /// The one value of an expression, as soon as it is as wanted.
    pub(crate) fn until(&self, expr: &str, is_so: impl Fn(f64) -> bool) {
        let what = format!("{expr} as wanted");
        eventually(&what, || match self.query(expr)[..] {
            [(_, value)] if is_so(value) => Some(()),
            _ => None,
        });
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It fails only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
