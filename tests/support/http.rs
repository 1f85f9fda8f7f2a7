//! Just enough HTTP: heads of requests, and answers read to their last byte and no further.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use super::LIMIT;

/// A connection whose reads and writes have a limit; `receive_buffer` is SO_RCVBUF, else the kernel's own size.
pub(crate) fn connect(addr: SocketAddr, receive_buffer: Option<usize>) -> TcpStream {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
    if let Some(bytes) = receive_buffer {
        // Before connecting: the window is agreed on then.
        socket.set_recv_buffer_size(bytes).expect("a buffer");
    }
    socket.connect_timeout(&addr.into(), LIMIT).expect("the server accepts");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LIMIT)).expect("a limit");
    stream.set_write_timeout(Some(LIMIT)).expect("a limit");
    stream.set_nodelay(true).expect("an option");
    stream
}

/// A request's head.
pub(crate) fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    (text + "\r\n").into_bytes()
}

/// A handshake's head with the sample key of RFC 6455, 1.3; the query has its `?`.
pub(crate) fn upgrade(query: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let own = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    head("GET", &format!("/v1/stream{query}"), &[&own, headers].concat())
}

/// What the server makes of that key.
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads one answer to this method and nothing behind it.
    pub(crate) fn read(stream: &mut impl Read, method: &str) -> Answer {
        let (mut head, mut byte) = (Vec::new(), [0u8]);
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).expect("an answer's head within the limit");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("a head of UTF-8");
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let header = |line: &str| line.split_once(": ").map(|(n, v)| (n.to_lowercase(), v.to_owned()));
        let mut answer = Answer {
            status: status.expect("a status"),
            headers: lines.filter_map(header).collect(),
            body: Vec::new(),
        };
        let length = answer.header("content-length");
        let length = length.map_or(0, |n| n.parse().expect("a length"));
        if method != "HEAD" {
            answer.body = vec![0; length];
            let whole = stream.read_exact(&mut answer.body);
            whole.expect("an answer's body within the limit");
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Checks the shape of an error and gives its status, code and message.
    pub(crate) fn error(&self) -> (u16, String, String) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        let json = self.json();
        assert_eq!(json.as_object().map(|o| o.len()), Some(1), "{json}");
        let word = |name: &str| json["error"][name].as_str().expect(name).to_owned();
        (self.status, word("code"), word("message"))
    }
}
