//! The real binary as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::{LIMIT, http, skipped};

/// A running server; killed when dropped, and its log is shown if the test has failed.
pub(crate) struct Server {
    child: Child,
    addr: SocketAddr,
    /// Hears when standard output is closed, which is when the process has ended.
    ended: Mutex<Receiver<()>>,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts `tickwire serve` on a free port.
    pub(crate) fn start(args: &[&str]) -> Server {
        Server::start_at("127.0.0.1:0", args)
    }

    /// The same on an address that is known to be free.
    pub(crate) fn start_at(listen: &str, args: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
        // Neither the environment nor a file of whoever runs the test sets anything.
        let own = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TICKWIRE_"));
        own.for_each(|(name, _)| {
            command.env_remove(name);
        });
        command
            .current_dir(env!("CARGO_TARGET_TMPDIR"))
            .args(["serve", "--listen", listen])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Shown where the test fails; the feeds' seeds stand in it.
        eprintln!("serving with {args:?}");
        let mut child = command.spawn().expect("the binary starts");
        let (mut out, err) = (
            BufReader::new(child.stdout.take().expect("piped")),
            BufReader::new(child.stderr.take().expect("piped")),
        );
        let log = Arc::new(Mutex::new(String::new()));
        let writer = log.clone();
        thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                let mut log = writer.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        let (tell_first, first) = channel();
        let (tell_end, ended) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            let _ = out.read_line(&mut line);
            let _ = tell_first.send(line);
            let _ = out.read_to_end(&mut Vec::new());
            let _ = tell_end.send(());
        });
        let mut server = Server {
            child,
            addr: SocketAddr::from(([0, 0, 0, 0], 0)),
            ended: Mutex::new(ended),
            log,
        };
        let line = first.recv_timeout(LIMIT).expect("a first line on stdout");
        let addr = line.trim_end().strip_prefix("listening on http://");
        let addr = addr.and_then(|addr| addr.parse().ok());
        server.addr = addr.unwrap_or_else(|| panic!("`{line}` is no address; log:\n{}", server.log()));
        server
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks it to stop: SIGTERM to this process and no other.
    pub(crate) fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.expect("a shell").success(), "SIGTERM is sent");
    }

    /// Waits until the process has ended by itself.
    pub(crate) fn wait_for_exit(&mut self, limit: Duration) -> ExitStatus {
        let log = self.log.clone();
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let ended = ended.recv_timeout(limit);
        ended.unwrap_or_else(|_| panic!("still running after {limit:?}: {log:?}"));
        self.child.wait().expect("a child's status")
    }

    /// SIGKILL: no goodbye.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it was running");
        self.child.wait().expect("a child's status");
    }

    /// The body of a page that answers with 200.
    pub(crate) fn page(&self, path: &str) -> String {
        let (status, body) = http::get(self.addr, path);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The sum of a metric over the label sets that contain `labels`; 0 where it does not stand there.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        let page = self.page("/metrics");
        let lines = page.lines().filter(|line| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with([' ', '{']) && rest.contains(labels))
        });
        let values = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        values.sum()
    }

    /// Resident memory in bytes; `None`, said aloud, where there is no `/proc` to read it from.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let Ok(status) = std::fs::read_to_string(&path) else {
            skipped(&format!("{path} cannot be read, so memory is not looked at"));
            return None;
        };
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        Some(kib.expect("VmRSS in kB") * 1_024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}
