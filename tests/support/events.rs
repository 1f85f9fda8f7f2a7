//! A reader of server-sent events by hand: chunked HTTP in, events out, and the same strict follower behind.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use tickwire::wire::proto::server_message::Body;
use tickwire::wire::{DecodeLimits, Encoding, decode_server, proto};

use super::follower::Follower;
use super::http::{self, Answer, head};
use super::server::Server;
use super::{LIMIT, rows};

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) retry_ms: Option<u32>,
    pub(crate) data: String,
}

/// An open stream.
pub(crate) struct Events {
    pub(crate) answer: Answer,
    stream: TcpStream,
    /// Read, and still in chunks.
    raw: Vec<u8>,
    text: Vec<u8>,
    /// What a browser would come back with.
    pub(crate) last_id: Option<String>,
}

impl Events {
    /// Opens a stream; `query` has no `?`.
    pub(crate) fn open(server: &Server, query: &str, last_id: Option<&str>) -> Events {
        Events::open_narrow(server, query, last_id, None)
    }

    /// The same with a bound on what the kernel takes in advance.
    pub(crate) fn open_narrow(
        server: &Server,
        query: &str,
        last_id: Option<&str>,
        receive_buffer: Option<usize>,
    ) -> Events {
        let mut stream = http::connect(server.addr, receive_buffer);
        let headers: Vec<_> = last_id.map(|id| ("Last-Event-ID", id)).into_iter().collect();
        let request = head("GET", &format!("/v1/events?{query}"), &headers);
        stream.write_all(&request).expect("the request is taken");
        let answer = Answer::read(&mut stream, "GET");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/event-stream"));
        let last_id = last_id.map(str::to_owned);
        Events {
            answer,
            stream,
            raw: Vec::new(),
            text: Vec::new(),
            last_id,
        }
    }

    /// The next event; `None` where the stream has ended, in order or not.
    pub(crate) fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(at) = self.text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.text.drain(..at + 2).collect();
                let event = parse(std::str::from_utf8(&block).expect("UTF-8"));
                self.last_id = event.id.clone().or(self.last_id.take());
                return Some(event);
            }
            let mut bytes = [0; 65_536];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(count) => self.raw.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
            while let Some(chunk) = take_chunk(&mut self.raw) {
                self.text.extend(chunk);
            }
        }
    }

    /// The next event, which has to come, as the message that it holds.
    pub(crate) fn message(&mut self) -> proto::ServerMessage {
        decode(&self.next().expect("an event"))
    }
}

/// A subscriber over server-sent events that insists on the rules.
pub(crate) struct EventFollower {
    pub(crate) events: Events,
    pub(crate) follower: Follower,
    request: u64,
}

impl EventFollower {
    /// Opens a stream and reads its snapshot.
    pub(crate) fn open(server: &Server, symbols: &str, more: &str, receive_buffer: Option<usize>) -> EventFollower {
        let mut follower = Follower::default();
        let request = follower.asked_by_url(symbols);
        let query = format!("symbols={symbols}{more}");
        let events = Events::open_narrow(server, &query, None, receive_buffer);
        let mut all = EventFollower {
            events,
            follower,
            request,
        };
        while all.follower.snapshots == 0 {
            all.take();
        }
        all
    }

    /// Breaks the connection and comes back as a browser does; whether the snapshot is of what changed alone.
    pub(crate) fn come_back(&mut self, server: &Server, symbols: &str) -> bool {
        let last_id = self.events.last_id.clone();
        self.events = Events::open(server, &format!("symbols={symbols}"), last_id.as_deref());
        self.request = self.follower.asked_again_by_url();
        let answers = self.follower.snapshots + 1;
        let mut resumed = false;
        while self.follower.snapshots < answers {
            if let Some(Body::Snapshot(snapshot)) = self.take().body {
                resumed = snapshot.resumed;
            }
        }
        resumed
    }

    /// Takes the next message.
    pub(crate) fn take(&mut self) -> proto::ServerMessage {
        let mut message = self.events.message();
        if let Some(Body::Snapshot(snapshot)) = &mut message.body {
            snapshot.request_id = self.request;
        }
        self.follower.take(&message);
        message
    }

    /// Reads on until it can be compared with `/v1/snapshot` at one and the same seq.
    pub(crate) fn compare(&mut self, server: &Server, symbols: &str) {
        let until = Instant::now() + LIMIT;
        loop {
            let http = rows::snapshot(server, symbols);
            while self.follower.view.seq() < http.seq {
                self.take();
            }
            if self.follower.view.seq() == http.seq {
                return assert_eq!(self.follower.view.dump(), http.rows, "at seq {}", http.seq);
            }
            assert!(Instant::now() < until, "no snapshot could be compared");
        }
    }
}

/// The message in an event, whose name is that of its body.
pub(crate) fn decode(event: &Event) -> proto::ServerMessage {
    assert!(event.data.starts_with(&format!("{{\"{}\":", event.name)), "{event:?}");
    let limits = DecodeLimits::default();
    let decoded = decode_server(Encoding::Json, true, event.data.as_bytes(), &limits);
    decoded.unwrap_or_else(|error| panic!("{error}: {event:?}"))
}

fn take_chunk(raw: &mut Vec<u8>) -> Option<Vec<u8>> {
    let end = raw.windows(2).position(|two| two == b"\r\n")?;
    let size = std::str::from_utf8(&raw[..end]).expect("a size");
    let size = usize::from_str_radix(size, 16).expect("a size");
    let (from, to) = (end + 2, end + 2 + size);
    if raw.len() < to + 2 {
        return None;
    }
    let chunk = raw[from..to].to_vec();
    raw.drain(..to + 2);
    Some(chunk)
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines().filter(|line| !line.is_empty()) {
        let (field, value) = line.split_once(": ").expect(line);
        match field {
            "event" => event.name = value.to_owned(),
            "id" => event.id = Some(value.to_owned()),
            "retry" => event.retry_ms = Some(value.parse().expect(line)),
            "data" if event.data.is_empty() => event.data = value.to_owned(),
            _ => panic!("{line}"),
        }
    }
    event
}
