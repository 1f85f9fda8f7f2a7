//! The real binary, plain HTTP and hand-made WebSocket frames over real sockets. All of it blocks, each wait has a limit.

#![allow(dead_code)] // each test file uses its part
#![allow(unreachable_pub)] // one word for all test files

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use tickwire::wire::proto::{self, client_message, server_message};
use tickwire::wire::{DecodeLimits, Encoding, decode_server, encode_client};

pub type Ask = client_message::Body;
pub type Said = server_message::Body;

/// No wait is longer, far above what a busy machine needs.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A feed that hardly says anything.
pub const QUIET: &str = "synthetic?symbols=3&rate=1";

/// A directory of its own for one test.
pub fn directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("edge-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).expect("a directory for the test");
    path
}

/// A running `tickwire`, killed when dropped. Runs in an empty directory with no `TICKWIRE_` in its environment.
pub struct Process {
    child: Child,
    directory: PathBuf,
    out: Receiver<String>,
    err: Receiver<String>,
}

/// What a process left behind.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Process {
    pub fn spawn(args: &[&str]) -> Process {
        Process::spawn_in(directory(), args, &[])
    }

    pub fn spawn_in(directory: PathBuf, args: &[&str], env: &[(&str, &str)]) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tickwire"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TICKWIRE_")) {
            command.env_remove(name);
        }
        command.args(args).envs(env.iter().copied()).current_dir(&directory);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let out = lines(child.stdout.take().expect("a pipe"));
        let err = lines(child.stderr.take().expect("a pipe"));
        Process {
            child,
            directory,
            out,
            err,
        }
    }

    /// The next line of stdout.
    pub fn line(&self) -> String {
        self.out.recv_timeout(LIMIT).expect("a line on stdout within the limit")
    }

    /// The next line of stderr that contains a part.
    pub fn log_line(&self, part: &str) -> String {
        let until = Instant::now() + LIMIT;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.err.recv_timeout(left) {
                Ok(line) if line.contains(part) => return line,
                Ok(_) => {}
                Err(error) => panic!("no `{part}` in the log: {error}"),
            }
        }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("kill runs").success(), "the process is there");
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Ended {
        let (out, err) = (rest(&self.out), rest(&self.err));
        let code = self.child.wait().expect("its pipes are closed, so it has ended").code();
        Ended { code, out, err }
    }

    /// Bytes of memory that are resident.
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the process is there");
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).expect("VmRSS");
        let kib = line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok());
        kib.expect("a number") * 1_024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn rest(pipe: &Receiver<String>) -> String {
    let (mut text, until) = (String::new(), Instant::now() + LIMIT);
    loop {
        match pipe.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => text.extend([&line, "\n"]),
            Err(mpsc::RecvTimeoutError::Disconnected) => return text,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the process did not end within the limit: {text}"),
        }
    }
}

/// Runs a command to its end.
pub fn run(args: &[&str]) -> Ended {
    Process::spawn(args).wait()
}

/// A running `tickwire serve` on a port of its own.
pub struct Server {
    pub process: Process,
    pub addr: SocketAddr,
}

impl Server {
    /// A server of the quiet feed.
    pub fn start(args: &[&str]) -> Server {
        Server::of(QUIET, args)
    }

    pub fn of(feed: &str, args: &[&str]) -> Server {
        let listen = ["serve", "--listen", "127.0.0.1:0", "--shards", "1", "--feed", feed];
        Server::of_process(Process::spawn(&[&listen, args].concat()))
    }

    pub fn of_process(process: Process) -> Server {
        let line = process.line();
        let addr = line.strip_prefix("listening on http://").and_then(|a| a.parse().ok());
        Server {
            addr: addr.unwrap_or_else(|| panic!("not the first line: {line}")),
            process,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the server accepts");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        stream.set_write_timeout(Some(LIMIT)).expect("a limit");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    pub fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[])
    }

    pub fn ask(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
        let mut stream = self.connect();
        stream.write_all(&head(method, target, headers)).expect("written");
        Answer::read(&mut stream, method)
    }

    pub fn json(&self, target: &str) -> serde_json::Value {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.json()
    }

    /// Asks for a status until it is as wanted.
    pub fn until_status(&self, what: &str, is_so: impl Fn(&serde_json::Value) -> bool) {
        let until = Instant::now() + LIMIT;
        while !is_so(&self.json("/v1/status")) {
            assert!(Instant::now() < until, "not within the limit: {what}");
        }
    }

    pub fn until_subscribers(&self, count: u64) {
        self.until_status(&format!("{count} subscribers"), |s| s["subscribers"] == count);
    }

    /// Until the instruments of the quiet feed are there.
    pub fn until_listed(&self) {
        self.until_status("instruments", |s| s["instruments"].as_u64() >= Some(3));
    }
}

/// A request's head.
pub fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

/// A handshake's head.
pub fn upgrade(query: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let own = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    head("GET", &format!("/v1/stream{query}"), &[&own, headers].concat())
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads one answer to this method and nothing behind it.
    pub fn read(stream: &mut impl Read, method: &str) -> Answer {
        let (mut head, mut byte) = (Vec::new(), [0u8]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("an answer's head within the limit");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a head of UTF-8");
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|l| l.split(' ').nth(1))
            .and_then(|s| s.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_lowercase(), v.to_owned()));
        let mut answer = Answer {
            status: status.expect("a status"),
            headers: lines.filter_map(header).collect(),
            body: Vec::new(),
        };
        let bytes = answer
            .header("content-length")
            .map_or(0, |n| n.parse().expect("a length"));
        if method != "HEAD" {
            answer.body = vec![0; bytes];
            stream
                .read_exact(&mut answer.body)
                .expect("an answer's body within the limit");
        }
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Checks the shape of an error and gives its code and message.
    pub fn error(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let json = self.json();
        assert_eq!(json.as_object().map(|o| o.len()), Some(1), "{json}");
        let word = |name: &str| json["error"][name].as_str().expect(name).to_owned();
        (self.status, word("code"), word("message"))
    }
}

/// A WebSocket frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// Opcode with the final bit.
    pub first: u8,
    pub payload: Vec<u8>,
}

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// A frame as a client sends it.
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        n @ 0..=125 => frame.push(0x80 | n as u8),
        n @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend((n as u16).to_be_bytes());
        }
        n => {
            frame.push(0xff);
            frame.extend((n as u64).to_be_bytes());
        }
    }
    let mask = [0x12, 0x34, 0x56, 0x78];
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A subscriber by hand.
pub struct Ws {
    pub stream: TcpStream,
    pub encoding: Encoding,
    pub answer: Answer,
}

impl Ws {
    /// Upgrades; the welcome is still to be read.
    pub fn upgrade(server: &Server, query: &str, headers: &[(&str, &str)], encoding: Encoding) -> Ws {
        let mut stream = server.connect();
        stream.write_all(&upgrade(query, headers)).expect("written");
        Ws::answered(stream, encoding)
    }

    /// The same where the head was written already.
    pub fn answered(mut stream: TcpStream, encoding: Encoding) -> Ws {
        let answer = Answer::read(&mut stream, "GET");
        assert_eq!(answer.status, 101, "{}", answer.text());
        Ws {
            stream,
            encoding,
            answer,
        }
    }

    /// Connects with an encoding and reads the welcome.
    pub fn open(server: &Server, encoding: Encoding) -> Ws {
        let mut ws = Ws::upgrade(server, &format!("?encoding={encoding}"), &[], encoding);
        ws.welcome();
        ws
    }

    pub fn welcome(&mut self) -> proto::Welcome {
        match self.said() {
            Said::Welcome(welcome) => welcome,
            other => panic!("not a welcome: {other:?}"),
        }
    }

    pub fn frame(&mut self) -> Frame {
        self.try_frame().expect("a frame within the limit")
    }

    pub fn try_frame(&mut self) -> std::io::Result<Frame> {
        let mut head = [0u8; 2];
        self.stream.read_exact(&mut head)?;
        let len = match head[1] {
            126 => {
                let mut len = [0u8; 2];
                self.stream.read_exact(&mut len)?;
                u16::from_be_bytes(len).into()
            }
            127 => {
                let mut len = [0u8; 8];
                self.stream.read_exact(&mut len)?;
                u64::from_be_bytes(len) as usize
            }
            len => {
                assert!(len < 126, "a server masks nothing");
                usize::from(len)
            }
        };
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload)?;
        Ok(Frame {
            first: head[0],
            payload,
        })
    }

    /// The next message.
    pub fn said(&mut self) -> Said {
        let frame = self.frame();
        self.decode(&frame)
    }

    pub fn decode(&self, frame: &Frame) -> Said {
        assert!(matches!(frame.first, TEXT | BINARY), "not a message: {frame:?}");
        let limits = DecodeLimits::default();
        let message = decode_server(self.encoding, frame.first == TEXT, &frame.payload, &limits);
        message.expect("a message").body.expect("a known body")
    }

    pub fn send(&mut self, first: u8, payload: &[u8]) {
        self.stream.write_all(&masked(first, payload)).expect("written");
    }

    /// Sends a request in the connection's own encoding.
    pub fn request(&mut self, request_id: u64, body: Ask) {
        let bytes = self.encode(request_id, body);
        let first = if self.encoding == Encoding::Json { TEXT } else { BINARY };
        self.send(first, &bytes);
    }

    pub fn encode(&self, request_id: u64, body: Ask) -> Vec<u8> {
        let body = Some(body);
        encode_client(self.encoding, &proto::ClientMessage { request_id, body })
    }

    /// The next message that is neither heartbeat nor delta nor the WebSocket's own.
    pub fn answered_with(&mut self) -> Said {
        loop {
            let frame = self.frame();
            if matches!(frame.first, PING | PONG) {
                continue;
            }
            match self.decode(&frame) {
                Said::Heartbeat(_) | Said::Delta(_) => {}
                other => return other,
            }
        }
    }

    pub fn ask(&mut self, request_id: u64, body: Ask) -> Said {
        self.request(request_id, body);
        self.answered_with()
    }

    /// Sends text and expects an error; its request and code.
    pub fn refused(&mut self, text: &str) -> (u64, proto::ErrorCode, String) {
        self.send(TEXT, text.as_bytes());
        self.error()
    }

    pub fn error(&mut self) -> (u64, proto::ErrorCode, String) {
        match self.answered_with() {
            Said::Error(error) => (error.request_id, error.code(), error.message),
            other => panic!("not an error: {other:?}"),
        }
    }

    /// Reads up to the close frame, checks that the connection ends behind it, and gives code and reason.
    pub fn closed(&mut self) -> (u16, String) {
        let frame = std::iter::from_fn(|| Some(self.frame()));
        let frame = frame.into_iter().find(|f| f.first == CLOSE).expect("a close frame");
        let (code, reason) = frame.payload.split_at(2);
        let code = u16::from_be_bytes([code[0], code[1]]);
        assert_eq!(self.stream.read(&mut [0]).expect("an end within the limit"), 0);
        (code, String::from_utf8(reason.to_vec()).expect("UTF-8"))
    }

    /// The answer to a ping shows that the connection still stands.
    pub fn is_alive(&mut self) -> bool {
        let ping = Ask::Ping(proto::Ping { nonce: 4_711, ts: 5 });
        matches!(self.ask(9, ping), Said::Pong(pong) if pong.nonce == 4_711 && pong.ts_client == 5)
    }
}

pub fn subscribe(symbols: &[&str]) -> Ask {
    Ask::Subscribe(proto::Subscribe {
        symbols: symbols.iter().map(|s| (*s).to_owned()).collect(),
        ..Default::default()
    })
}
