//! A subscriber that takes the protocol by the letter: whatever breaks a rule fails the test.

use std::collections::{BTreeMap, BTreeSet};

use crate::fanout::websocket::{BINARY, TEXT};
use crate::market::{InstrumentId, Rights, SymbolPattern, Ts};
use crate::store::{Epoch, Seq, Table};
use crate::wire::proto::server_message::Body;
use crate::wire::{DecodeLimits, Encoding, decode_server, proto};

use super::socket::{Frame, When};
use super::view::View;

/// The table at each seq of each epoch.
pub(super) type History = BTreeMap<u64, BTreeMap<u64, Table>>;

/// A request that was not answered yet.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Subscribe {
        id: u64,
        strings: Vec<SymbolPattern>,
        is_resume: bool,
    },
    Unsubscribe {
        id: u64,
        strings: Vec<String>,
    },
    Configure {
        id: u64,
    },
    Authenticate {
        id: u64,
        rights: Rights,
    },
    Other,
}

/// A delta of which parts are still to come.
#[derive(Clone, Copy, Debug)]
struct Open {
    seq: u64,
    prev_seq: u64,
    turn: u64,
    last_id: u32,
}

/// The subscriber.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) encoding: Encoding,
    pub(super) frame_bytes_max: usize,
    pub(super) heartbeat_beats: u64,
    pub(super) view: View,
    /// Newest seq in any message of this connection.
    pub(super) own: u64,
    last_data: u64,
    pub(super) epoch: u64,
    /// The store's epoch that this is, as read under its rights.
    raw_epoch: u64,
    /// A new epoch has begun, or other rights, and what it has of all that is held has not ended.
    pub(super) is_renewing: bool,
    pub(super) asked: Option<Asked>,
    open: Option<Open>,
    snapshot_last_id: u32,
    last_delta: Option<When>,
    last_frame: Option<When>,
    /// Everything said, in order, with its time.
    pub(super) said: Vec<(When, Body)>,
    pub(super) pongs: Vec<Vec<u8>>,
    pub(super) pings: usize,
    pub(super) close: Option<(u16, String)>,
    pub(super) skipped: u64,
}

impl Model {
    pub(super) fn new(encoding: Encoding, frame_bytes_max: usize, heartbeat_beats: u64, view: View) -> Model {
        Model {
            encoding,
            frame_bytes_max,
            heartbeat_beats,
            view,
            own: 0,
            last_data: 0,
            epoch: 0,
            raw_epoch: 0,
            is_renewing: false,
            asked: None,
            open: None,
            snapshot_last_id: 0,
            last_delta: None,
            last_frame: None,
            said: Vec::new(),
            pongs: Vec::new(),
            pings: 0,
            close: None,
            skipped: 0,
        }
    }

    /// Takes the next frame; `history` holds the table at each seq.
    pub(super) fn take(&mut self, frame: &Frame, history: &History) {
        assert!(self.close.is_none(), "a frame after the close frame");
        match frame.opcode {
            TEXT | BINARY => self.take_message(frame, history),
            0x8a => self.pongs.push(frame.payload.clone()),
            0x89 => self.pings += 1,
            0x88 => {
                let code = u16::from_be_bytes([frame.payload[0], frame.payload[1]]);
                let words = String::from_utf8(frame.payload[2..].to_vec()).expect("words");
                assert!(code >= 1000, "{code} is no close code");
                self.close = Some((code, words));
            }
            other => panic!("opcode {other:#x}"),
        }
        self.last_frame = Some(frame.done);
    }

    fn take_message(&mut self, frame: &Frame, history: &History) {
        let limits = DecodeLimits {
            message_bytes_max: self.frame_bytes_max,
            inflated_bytes_max: self.frame_bytes_max,
            ..DecodeLimits::default()
        };
        assert!(
            self.encoding == Encoding::Json || frame.opcode == BINARY,
            "text in a binary encoding"
        );
        let message = decode_server(self.encoding, frame.opcode == TEXT, &frame.payload, &limits).expect("a message");
        let body = message.body.expect("a body");
        assert_eq!(
            self.said.is_empty(),
            matches!(body, Body::Welcome(_)),
            "the welcome comes first and once"
        );
        match &body {
            Body::Welcome(welcome) => self.begin(welcome.epoch, history),
            Body::Snapshot(part) => self.snapshot(part, frame, history),
            Body::Delta(delta) => self.delta(delta, frame, history),
            Body::Heartbeat(heartbeat) => self.heartbeat(heartbeat, frame, history),
            Body::Ack(ack) => self.ack(ack, history),
            Body::Error(_) | Body::Pong(_) => {
                self.asked = None;
                self.view.take_back_soon(&[]);
            }
            Body::Goaway(_) => {}
            Body::Deflated(_) => panic!("deflated twice"),
        }
        self.said.push((frame.begun, body));
    }

    /// Takes an epoch that was told: one of the store's, under the rights that it has.
    fn begin(&mut self, epoch: u64, history: &History) {
        let rights = &self.view.rights;
        let under = |raw: &&u64| Epoch::new(**raw).expect("an epoch").under(rights).get() == epoch;
        self.raw_epoch = *history.keys().find(under).expect("an epoch that is its own");
        self.epoch = epoch;
    }

    fn snapshot(&mut self, part: &proto::Snapshot, frame: &Frame, history: &History) {
        if part.epoch != self.epoch {
            self.begin(part.epoch, history);
            self.is_renewing = true;
            self.snapshot_last_id = 0;
        }
        if part.epoch != self.view.epoch {
            assert!(!part.resumed, "a new epoch is told whole");
            self.view.void(part.epoch);
        }
        assert!(self.open.is_none(), "other data between a delta's parts");
        let is_answer = part.request_id != 0;
        let (strings, is_resume) = match &self.asked {
            Some(Asked::Subscribe { id, strings, is_resume }) if is_answer => {
                assert_eq!(part.request_id, *id);
                (strings.clone(), *is_resume)
            }
            _ if self.is_renewing && !is_answer => (Vec::new(), false),
            // More of what lost its right than one message can say.
            _ if !is_answer && part.tickers.is_empty() && !part.rejected.is_empty() => (Vec::new(), false),
            asked => panic!("a snapshot that nobody asked for: {asked:?}"),
        };
        assert!(is_resume || !part.resumed, "resumed without resume");
        // In a new epoch whatever comes is of all that is held.
        let held = self.view.strings.values().filter(|_| self.is_renewing);
        let strings: Vec<SymbolPattern> = strings.into_iter().chain(held.cloned()).collect();
        assert!(part.seq >= self.own, "a part behind what was sent");
        let ids = part.tickers.iter().map(|t| t.id);
        self.snapshot_last_id = ascending(self.snapshot_last_id, ids);
        self.view
            .take(&part.removed, &part.instruments, &part.tickers, &part.venues);
        part.instruments.iter().for_each(|i| self.view.settle(i.id));
        part.tickers.iter().for_each(|t| self.view.settle(t.id));
        part.removed.iter().for_each(|id| self.view.settle(*id));
        (self.own, self.last_data) = (part.seq, part.seq);
        // One that follows a delta that took long has that delta's seq, and the values of its own time.
        let is_of_its_time = part.seq == frame.begun.seq;
        let follows = matches!(self.said.last(), Some((_, Body::Delta(d))) if d.seq == part.seq && !d.more);
        assert!(
            is_of_its_time || follows,
            "a part of {} in {}",
            part.seq,
            frame.begun.seq
        );
        let table = &history[&self.raw_epoch][&frame.begun.seq];
        if part.more {
            assert!(
                part.pending.is_empty() && part.rejected.is_empty(),
                "a tail before the end"
            );
        } else {
            let refused: BTreeSet<&str> = part.rejected.iter().map(|r| r.symbol.as_str()).collect();
            self.check_refused(&strings, &part.rejected, is_answer);
            refused.iter().for_each(|text| self.view.refuse(text));
            let accepted: Vec<SymbolPattern> = {
                let stands = |s: &SymbolPattern| !refused.contains(s.as_str()) && self.view.rights.allow_string(s);
                strings.into_iter().filter(stands).collect()
            };
            self.view.settle_all(&accepted, part.resumed);
            let is_absent = |s: &&SymbolPattern| {
                matches!(s, SymbolPattern::Exact(_)) && !table.id_of(s.as_str()).is_some_and(|id| table.is_live(id))
            };
            let pending: BTreeSet<&str> = accepted.iter().filter(is_absent).map(|s| s.as_str()).collect();
            assert_eq!(
                part.pending.iter().map(String::as_str).collect::<BTreeSet<_>>(),
                pending
            );
            self.view.give(accepted);
            (self.snapshot_last_id, self.is_renewing) = (0, false);
            if is_answer {
                self.asked = None;
            }
        }
        if is_of_its_time {
            self.check(table);
        }
    }

    fn delta(&mut self, delta: &proto::Delta, frame: &Frame, history: &History) {
        let prev_seq = delta.prev_seq.unwrap_or(delta.seq - 1);
        let mut open = self.open.take().unwrap_or_else(|| {
            let is_asked = matches!(self.asked, Some(Asked::Subscribe { .. }));
            let again = self.last_delta.is_some_and(|last| last.turn == frame.begun.turn);
            assert!(is_asked || !again, "two deltas in one beat");
            self.last_delta = Some(frame.begun);
            Open {
                seq: delta.seq,
                prev_seq,
                turn: frame.begun.turn,
                last_id: 0,
            }
        });
        let is_first = open.last_id == 0;
        assert_eq!((delta.seq, prev_seq), (open.seq, open.prev_seq), "parts of one delta");
        assert!(prev_seq <= self.own, "prev_seq {prev_seq} above own seq {}", self.own);
        assert!(delta.seq > self.own, "a delta of nothing new");
        let count = delta.removed.len() + delta.instruments.len() + delta.tickers.len() + delta.venues.len();
        assert!(count > 0 || !is_first, "an empty delta");
        assert!(!delta.more || delta.skipped == 0, "`skipped` stands in the last part");
        ascending(open.last_id, delta.removed.iter().copied());
        ascending(open.last_id, delta.instruments.iter().map(|i| i.id));
        open.last_id = ascending(open.last_id, delta.tickers.iter().map(|t| t.id));
        // Parts take the values of their own time, so one that was held up may bring newer ones.
        let is_of_its_time = open.turn == frame.begun.turn;
        if is_of_its_time {
            check_ages(delta, &history[&self.raw_epoch][&delta.seq]);
        }
        self.view
            .take(&delta.removed, &delta.instruments, &delta.tickers, &delta.venues);
        self.last_data = delta.seq;
        if delta.more {
            self.open = Some(open);
            return;
        }
        self.skipped += u64::from(delta.skipped);
        self.own = delta.seq;
        if is_of_its_time {
            self.check(&history[&self.raw_epoch][&delta.seq]);
        }
    }

    /// No string is refused for want of right but those without; in an answer all of them are.
    fn check_refused(&self, strings: &[SymbolPattern], rejected: &[proto::Rejected], is_answer: bool) {
        let forbidden = rejected.iter().filter(|r| r.code() == proto::ErrorCode::Forbidden);
        let told: BTreeSet<&str> = forbidden.map(|r| r.symbol.as_str()).collect();
        let is_without = |s: &&SymbolPattern| !self.view.rights.allow_string(s);
        let without: BTreeSet<&str> = strings.iter().filter(is_without).map(|s| s.as_str()).collect();
        assert!(
            !is_answer || without.is_subset(&told),
            "{without:?} may not be seen: {told:?}"
        );
        let parse = |text: &&str| SymbolPattern::parse(text).expect("a string that was given");
        assert!(told.iter().all(|text| !self.view.rights.allow_string(&parse(text))));
    }

    /// What is held equals the table, unless a new epoch is still being told.
    fn check(&self, table: &Table) {
        if !self.is_renewing {
            self.view.check(table);
        }
    }

    fn heartbeat(&mut self, heartbeat: &proto::Heartbeat, frame: &Frame, history: &History) {
        assert!(self.open.is_none(), "a heartbeat inside a delta");
        assert_eq!(
            heartbeat.prev_seq, self.last_data,
            "prev_seq is the last data message's"
        );
        assert!(heartbeat.seq >= self.own, "a heartbeat behind what was sent");
        let quiet = self.last_frame.map_or(u64::MAX, |last| frame.begun.beat - last.beat);
        assert!(quiet >= self.heartbeat_beats, "a heartbeat after {quiet} beats");
        if heartbeat.seq > self.own {
            self.own = heartbeat.seq;
            match history[&self.raw_epoch].get(&self.own) {
                Some(table) => self.check(table),
                None => assert!(self.view.strings.is_empty(), "a new epoch was not told"),
            }
        }
    }

    fn ack(&mut self, ack: &proto::Ack, history: &History) {
        match self.asked.take() {
            Some(Asked::Unsubscribe { id, strings }) => {
                assert_eq!(ack.request_id, id);
                self.view.take_back(&strings);
            }
            Some(Asked::Configure { id }) => assert_eq!(ack.request_id, id),
            Some(Asked::Authenticate { id, rights }) => {
                assert_eq!(ack.request_id, id);
                assert!(self.open.is_none(), "other rights inside a delta");
                // Until it is told anew, what it knows is of the rights of before.
                let is_other = self.view.rights != rights;
                self.is_renewing |= is_other && !self.view.strings.is_empty();
                self.view.rights = rights;
            }
            other => panic!("an ack for {other:?}"),
        }
        let newest = history
            .last_key_value()
            .filter(|(epoch, _)| **epoch == self.raw_epoch && !self.is_renewing);
        let newest = newest.and_then(|(_, tables)| tables.last_key_value());
        if let Some((_, table)) = newest.filter(|(seq, _)| self.own > 0 && **seq == self.own) {
            assert_eq!(ack.symbols as usize, self.view.covered_in(table));
        }
    }

    /// Messages of one kind.
    pub(super) fn deltas(&self) -> Vec<&proto::Delta> {
        self.all(|body| {
            if let Body::Delta(delta) = body {
                Some(delta)
            } else {
                None
            }
        })
    }

    pub(super) fn snapshots(&self) -> Vec<&proto::Snapshot> {
        self.all(|body| {
            if let Body::Snapshot(part) = body {
                Some(part)
            } else {
                None
            }
        })
    }

    pub(super) fn heartbeats(&self) -> Vec<&proto::Heartbeat> {
        self.all(|body| {
            if let Body::Heartbeat(heartbeat) = body {
                Some(heartbeat)
            } else {
                None
            }
        })
    }

    fn all<'a, T>(&'a self, pick: impl Fn(&'a Body) -> Option<&'a T>) -> Vec<&'a T> {
        self.said.iter().filter_map(|(_, body)| pick(body)).collect()
    }

    pub(super) fn last(&self) -> &Body {
        &self.said.last().expect("something said").1
    }
}

/// `ts` minus an age is the venue's own stamp.
fn check_ages(delta: &proto::Delta, table: &Table) {
    for ticker in &delta.tickers {
        let Some(entry) = table.changes_since(InstrumentId(ticker.id), Seq::ZERO) else {
            continue;
        };
        let stamp = |age: i64| Some(Ts(delta.ts as i64 - age * 1_000));
        assert!(ticker.event_age_us.is_none_or(|age| stamp(age) == entry.ts_event));
        assert!(ticker.last_age_us.is_none_or(|age| stamp(age) == entry.ts_trade));
    }
}

/// Asserts that ids go up from `last`; gives the new last.
fn ascending(mut last: u32, ids: impl Iterator<Item = u32>) -> u32 {
    for id in ids {
        assert!(id > last, "id {id} after {last}");
        last = id;
    }
    last
}
