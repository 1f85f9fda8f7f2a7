//! Follows one stream and insists on the rules of the protocol, more strictly than a subscriber has to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tickwire::client::{Outcome, View};
use tickwire::market::SymbolPattern;
use tickwire::wire::proto::{self, client_message, server_message::Body};

use super::peer::Peer;
use super::server::Server;
use super::{LIMIT, rows};

/// What one stream has told so far.
#[derive(Default)]
pub(crate) struct Follower {
    pub(crate) view: View,
    pub(crate) welcome: Option<proto::Welcome>,
    /// Symbols by id, as announced.
    pub(crate) announced: BTreeMap<u32, String>,
    /// Whole deltas.
    pub(crate) deltas: u64,
    /// The server's stamps of those since the last snapshot.
    pub(crate) stamps: Vec<u64>,
    /// Beats that the server says it dropped.
    pub(crate) skipped: u64,
    pub(crate) heartbeats: Vec<proto::Heartbeat>,
    pub(crate) snapshots: u64,
    own_seq: u64,
    last_data: Option<u64>,
    /// Seq and prev_seq of a delta whose last part has not come.
    open: Option<(u64, u64)>,
    last_delta_ts: u64,
    requests: u64,
    /// Subscribes that were not answered to the end, and whether each was a resume.
    asked: BTreeMap<u64, bool>,
    /// Other requests that were not acknowledged.
    unacknowledged: BTreeSet<u64>,
}

impl Follower {
    /// Subscribes and reads until the answer is whole.
    pub(crate) fn subscribe(peer: &mut Peer, symbols: &[&str]) -> Follower {
        let mut follower = Follower::default();
        follower.ask(peer, symbols);
        while follower.snapshots == 0 {
            let message = peer.message();
            follower.take(&message);
        }
        follower
    }

    /// Asks for symbols without waiting.
    pub(crate) fn ask(&mut self, peer: &mut Peer, symbols: &[&str]) {
        let patterns = symbols.iter().map(|s| SymbolPattern::parse(s).expect("a symbol"));
        assert_eq!(self.view.want(patterns), 0);
        self.send_requests(peer);
    }

    /// Goes on over another connection: resumes from own seq and reads until the answer is whole.
    pub(crate) fn resume(&mut self, peer: &mut Peer) {
        let lost = self.view.disconnected();
        assert!(lost.removed.is_empty(), "what is held stays");
        (self.welcome, self.last_data, self.open) = (None, None, None);
        self.send_requests(peer);
        let answers = self.snapshots + 1;
        while self.snapshots < answers {
            let message = peer.message();
            if let Some(Body::Snapshot(snapshot)) = &message.body {
                assert!(snapshot.resumed, "of {} instruments, whole", snapshot.instruments.len());
            }
            self.take(&message);
        }
    }

    /// Goes on over another connection without waiting; what was known completely must be resumed.
    pub(crate) fn ask_again(&mut self, peer: &mut Peer) {
        self.view.disconnected();
        (self.welcome, self.last_data, self.open) = (None, None, None);
        self.asked.clear();
        self.unacknowledged.clear();
        self.send_requests(peer);
    }

    /// Takes strings back that were asked for.
    pub(crate) fn take_back(&mut self, peer: &mut Peer, strings: &[String]) {
        self.requests += 1;
        let (request, _) = self.view.leave(strings, self.requests);
        if let Some(request) = request {
            self.unacknowledged.insert(request.request_id);
            peer.send(&request);
        }
    }

    /// Asks for another pace or window.
    pub(crate) fn configure(&mut self, peer: &mut Peer, configure: proto::Configure) {
        self.requests += 1;
        self.unacknowledged.insert(self.requests);
        peer.request(self.requests, client_message::Body::Configure(configure));
    }

    /// Whether everything that was asked is answered.
    pub(crate) fn is_settled(&self) -> bool {
        self.welcome.is_some() && self.asked.is_empty() && self.unacknowledged.is_empty()
    }

    /// Begins with symbols, separated by commas, that a URL has asked for: the request that its snapshot answers.
    pub(crate) fn asked_by_url(&mut self, symbols: &str) -> u64 {
        let patterns = symbols.split(',').map(|s| SymbolPattern::parse(s).expect("a symbol"));
        assert_eq!(self.view.want(patterns), 0);
        self.one_request()
    }

    /// The same over the next connection.
    pub(crate) fn asked_again_by_url(&mut self) -> u64 {
        self.view.disconnected();
        (self.welcome, self.last_data, self.open) = (None, None, None);
        self.one_request()
    }

    fn one_request(&mut self) -> u64 {
        self.requests += 1;
        let request = self.requests;
        assert_eq!(self.view.requests(|| request).len(), 1);
        request
    }

    fn send_requests(&mut self, peer: &mut Peer) {
        let requests = &mut self.requests;
        let messages = self.view.requests(|| {
            *requests += 1;
            *requests
        });
        for message in &messages {
            if let Some(client_message::Body::Subscribe(subscribe)) = &message.body {
                self.asked.insert(message.request_id, subscribe.resume.is_some());
            }
            peer.send(message);
        }
    }

    /// Takes the next message and checks it against everything before.
    pub(crate) fn take(&mut self, message: &proto::ServerMessage) {
        let body = message.body.as_ref().expect("a body");
        assert_eq!(
            self.welcome.is_none(),
            matches!(body, Body::Welcome(_)),
            "the welcome is first, and once: {message:?}"
        );
        match body {
            Body::Welcome(welcome) => self.welcome = Some(welcome.clone()),
            Body::Snapshot(snapshot) => self.snapshot(snapshot),
            Body::Delta(delta) => self.delta(delta),
            Body::Heartbeat(heartbeat) => self.heartbeat(heartbeat),
            Body::Goaway(_) => {}
            Body::Ack(ack) if self.unacknowledged.remove(&ack.request_id) => {}
            other => panic!("not asked for: {other:?}"),
        }
        let outcome = self.view.apply(message);
        let is_well = matches!(outcome, Outcome::Applied(_) | Outcome::Ignored);
        assert!(is_well, "{outcome:?} by {message:?}");
        assert_eq!(self.view.seq(), self.own_seq, "own seq after {message:?}");
    }

    /// Server time between the first and the newest delta since the last snapshot.
    pub(crate) fn span(&self) -> Duration {
        let (first, last) = (self.stamps.first(), self.stamps.last());
        Duration::from_nanos(last.zip(first).map_or(0, |(last, first)| last - first))
    }

    /// Reads on and compares with `/v1/snapshot` at one and the same seq.
    ///
    /// The feed need not rest: a snapshot is taken that lies ahead of what was read, and the stream is read on to
    /// exactly its seq; where the stream passes over that seq, the next snapshot will do.
    pub(crate) fn compare(&mut self, peer: &mut Peer, server: &Server, symbols: &str) {
        let until = Instant::now() + LIMIT;
        loop {
            let http = rows::snapshot(server, symbols);
            while self.view.seq() < http.seq {
                let message = peer.message();
                self.take(&message);
            }
            if self.view.seq() == http.seq {
                return assert_eq!(self.view.dump(), http.rows, "at seq {}", http.seq);
            }
            assert!(Instant::now() < until, "no snapshot could be compared");
        }
    }

    fn snapshot(&mut self, snapshot: &proto::Snapshot) {
        assert!(self.open.is_none(), "a snapshot between the parts of a delta");
        assert!(snapshot.seq >= self.own_seq, "a snapshot from the past");
        if let Some(is_resume) = self.asked.get(&snapshot.request_id) {
            assert!(snapshot.resumed || !is_resume, "whole, where a resume was asked for");
            if !snapshot.more {
                self.asked.remove(&snapshot.request_id);
            }
        }
        self.entries(&snapshot.instruments, &snapshot.tickers);
        (self.own_seq, self.last_data) = (snapshot.seq, Some(snapshot.seq));
        self.snapshots += u64::from(!snapshot.more);
        // A delta that belongs to the next part may come in the same beat (rule 3).
        self.last_delta_ts = 0;
        self.stamps.clear();
    }

    fn delta(&mut self, delta: &proto::Delta) {
        let (seq, prev_seq) = (delta.seq, delta.prev_seq.unwrap_or(delta.seq - 1));
        let newest_sent = self.last_data.expect("a snapshot comes first");
        match self.open {
            Some(open) => assert_eq!(open, (seq, prev_seq), "parts belong together"),
            None => assert!(delta.ts > self.last_delta_ts, "a second delta in one beat: {delta:?}"),
        }
        assert!(prev_seq <= self.own_seq, "a gap: {prev_seq} after {}", self.own_seq);
        assert!(prev_seq <= self.own_seq.max(newest_sent));
        assert!(seq > self.own_seq, "{seq} was known at {}", self.own_seq);
        let is_empty = delta.tickers.is_empty()
            && delta.instruments.is_empty()
            && delta.removed.is_empty()
            && delta.venues.is_empty();
        assert!(!is_empty, "a delta of nothing: {delta:?}");
        self.entries(&delta.instruments, &delta.tickers);
        self.last_delta_ts = delta.ts;
        self.open = delta.more.then_some((seq, prev_seq));
        if !delta.more {
            (self.own_seq, self.last_data) = (seq, Some(seq));
            self.deltas += 1;
            self.stamps.push(delta.ts);
            self.skipped += u64::from(delta.skipped);
        }
    }

    fn heartbeat(&mut self, heartbeat: &proto::Heartbeat) {
        if let Some(last_data) = self.last_data {
            assert_eq!(heartbeat.prev_seq, last_data, "the last data message");
            assert!(heartbeat.seq >= self.own_seq, "a heartbeat from the past");
            self.own_seq = heartbeat.seq;
        }
        self.heartbeats.push(*heartbeat);
    }

    fn entries(&mut self, instruments: &[proto::Instrument], tickers: &[proto::Ticker]) {
        for instrument in instruments {
            let before = self.announced.insert(instrument.id, instrument.symbol.clone());
            assert!(
                before.is_none_or(|symbol| symbol == instrument.symbol),
                "an id used again: {instrument:?}"
            );
        }
        for ticker in tickers {
            assert!(self.announced.contains_key(&ticker.id), "not announced: {ticker:?}");
        }
    }
}
