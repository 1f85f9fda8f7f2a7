//! One subscriber's connection: what the venue knows of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::UnboundedSender;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::book::Precision;
use super::fault::Fault;

/// What a test can see of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The first is 0.
    pub(crate) id: usize,
    pub(crate) path: String,
    pub(crate) opened: Instant,
    /// When it was over, whoever ended it.
    pub(crate) closed: Option<Instant>,
    /// Everything the subscriber sent as text.
    pub(crate) requests: Vec<String>,
    /// What it is subscribed to, see [`super::Frame::stream`].
    pub(crate) streams: BTreeSet<String>,
    /// Answers to the venue's pings, with the right payload or not.
    pub(crate) pongs: usize,
    pub(crate) pings: usize,
    /// Data frames on their way to it so far.
    pub(crate) frames: usize,
    /// All texts on their way to it so far: data, snapshots, answers and heartbeats.
    pub(crate) texts: usize,
}

/// What is on its way to a subscriber, in order.
pub(super) enum Out {
    Text(Utf8Bytes),
    Close { code: u16, reason: &'static str },
    CloseAfter(Duration),
    Cut(Utf8Bytes),
    Reset,
    Deaf,
}

/// A connection as the venue's own protocol sees it.
pub(super) struct Conn {
    pub(super) seen: Connection,
    pub(super) query: String,
    /// `None` once the venue has done with it. As long as what was not yet taken from it: at most a recording.
    out: Option<UnboundedSender<Out>>,
    /// The number of the next message, where a venue counts them.
    pub(super) next_number: u64,
    pub(super) is_silent: bool,
    pub(super) precision: Precision,
    /// Levels asked for, by stream.
    pub(super) depths: BTreeMap<String, usize>,
    pub(super) last_sent: Instant,
    held: Option<Utf8Bytes>,
    /// When the last messages came in.
    incoming: VecDeque<Instant>,
}

impl Conn {
    pub(super) fn new(id: usize, path: String, query: String, out: UnboundedSender<Out>) -> Conn {
        let opened = Instant::now();
        let seen = Connection {
            id,
            path,
            opened,
            closed: None,
            requests: Vec::new(),
            streams: BTreeSet::new(),
            pongs: 0,
            pings: 0,
            frames: 0,
            texts: 0,
        };
        Conn {
            seen,
            query,
            out: Some(out),
            next_number: 0,
            is_silent: false,
            precision: Precision::default(),
            depths: BTreeMap::new(),
            last_sent: opened,
            held: None,
            incoming: VecDeque::new(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.out.is_some()
    }

    pub(super) fn has(&self, stream: &str) -> bool {
        self.seen.streams.contains(stream)
    }

    pub(super) fn take_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number - 1
    }

    pub(super) fn send(&mut self, text: impl Into<Utf8Bytes>) {
        self.last_sent = Instant::now();
        self.seen.texts += 1;
        self.put(Out::Text(text.into()));
    }

    /// Sends a data frame, and what was held back for it.
    pub(super) fn send_frame(&mut self, text: Utf8Bytes) {
        self.seen.frames += 1;
        self.send(text);
        if let Some(held) = self.held.take() {
            self.seen.frames += 1;
            self.send(held);
        }
    }

    /// Keeps a data frame until the next one was sent.
    pub(super) fn hold(&mut self, text: Utf8Bytes) {
        assert!(
            self.held.replace(text).is_none(),
            "one frame can be held back at a time"
        );
    }

    pub(super) fn close(&mut self, code: u16, reason: &'static str) {
        self.put(Out::Close { code, reason });
        self.out = None;
    }

    /// Breaks the connection as told; `text` is the frame that is cut.
    pub(super) fn suffer(&mut self, fault: Fault, text: Utf8Bytes) {
        match fault {
            Fault::Cut => self.put(Out::Cut(text)),
            Fault::Reset => self.put(Out::Reset),
            Fault::Deaf => self.put(Out::Deaf),
            Fault::Close(code) => return self.close(code, "closed by the venue"),
            Fault::Silence => {
                self.is_silent = true;
                return;
            }
            Fault::Shutdown { after } => {
                let now = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .expect("after 1970")
                    .as_millis();
                self.send(format!(r#"{{"e":"serverShutdown","E":{now}}}"#));
                return self.put(Out::CloseAfter(after));
            }
            Fault::Drop | Fault::Repeat | Fault::Swap | Fault::Corrupt => panic!("{fault:?} is of a frame"),
        }
        self.out = None;
    }

    /// Counts what comes in; more than so many within a second are refused.
    pub(super) fn count_incoming(&mut self, per_second_max: usize) {
        let now = Instant::now();
        self.incoming.push_back(now);
        while self
            .incoming
            .front()
            .is_some_and(|at| now - *at >= Duration::from_secs(1))
        {
            self.incoming.pop_front();
        }
        if self.incoming.len() > per_second_max {
            self.close(1008, "Too many requests");
        }
    }

    pub(super) fn ended(&mut self) {
        self.seen.closed = Some(Instant::now());
        self.out = None;
    }

    fn put(&mut self, out: Out) {
        if let Some(sender) = &self.out {
            // It fails only where the subscriber has gone, which its task is about to tell.
            let _ = sender.send(out);
        }
    }
}
