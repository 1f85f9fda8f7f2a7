//! What one subscriber makes of the server's messages: it asks, checks and counts. No socket, no clock.
//!
//! Of most deltas only the head is read. In full are decoded: one of [`DECODED_EVERY`], those that announce instruments
//! or take some away, and all of the witness, which keeps a whole view.

use std::sync::Arc;
use std::time::Instant;

use super::fault::Fault;
use super::plan::Plan;
use super::seq::Own;
use super::tally::{Phase, Tally};
use crate::client::{Breach, Disconnect, MESSAGE_BYTES_MAX, Outcome, View, reason};
use crate::market::{SymbolPattern, Ts};
use crate::wire::proto::{self, client_message, server_message};
use crate::wire::{
    DecodeError, DecodeLimits, DeltaPeek, Encoding, Inflater, Peek, decode_server, encode_client, peek_server,
};

/// Deltas of a subscriber of which one is decoded in full.
const DECODED_EVERY: u64 = 64;

/// The bounds of the Rust subscriber.
const LIMITS: DecodeLimits = DecodeLimits {
    message_bytes_max: MESSAGE_BYTES_MAX,
    inflated_bytes_max: MESSAGE_BYTES_MAX,
    depth_max: DecodeLimits::DEPTH_MAX,
    items_max: MESSAGE_BYTES_MAX / 6,
};

/// What the subscribers of one thread share.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) plan: Arc<Plan>,
    pub(super) tally: Tally,
    pub(super) inflater: Inflater,
}

/// Where a subscriber stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The welcome has not come.
    New,
    /// So many requests have no whole answer yet.
    Asked(usize),
    /// It has everything.
    Joined,
}

/// One subscriber.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) number: usize,
    pub(super) standing: Standing,
    own: Own,
    /// Places of its symbols in the plan.
    chosen: Arc<[u32]>,
    /// Ids announced to it, ascending.
    ids: Vec<u32>,
    /// Symbols asked for that it does not hold, as the server told: not listed yet, or taken away.
    absent: usize,
    deltas: u64,
    /// Of the server's heartbeat; 0 before the welcome.
    pub(super) heartbeat_ms: u32,
    /// Of the witness only.
    view: Option<Box<View>>,
}

impl Subscriber {
    pub(super) fn new(number: usize, plan: &Plan) -> Subscriber {
        let chosen = plan.choose(number);
        let view = (number == 0).then(|| {
            let mut view = View::new();
            view.want(plan.names(&chosen).filter_map(|name| SymbolPattern::parse(name).ok()));
            Box::new(view)
        });
        Subscriber {
            number,
            standing: Standing::New,
            own: Own::default(),
            chosen,
            ids: Vec::new(),
            absent: 0,
            // Else all would be decoded at the same beat.
            deltas: number as u64,
            heartbeat_ms: 0,
            view,
        }
    }

    /// Takes a message that came at `ts_recv`; what is to be sent in answer goes to `send`.
    ///
    /// # Errors
    /// It cannot go on. What it can go on from is told to the tally alone.
    pub(super) fn message(
        &mut self,
        is_text: bool,
        bytes: &[u8],
        ts_recv: Ts,
        tools: &mut Tools,
        send: impl FnMut(Vec<u8>),
    ) -> Result<(), Fault> {
        let Tools { plan, tally, inflater } = tools;
        let encoding = plan.encoding();
        tally.now().payload_bytes += bytes.len() as u64;
        let mut peek = peek_server(encoding, is_text, bytes);
        let (mut is_text, mut bytes) = (is_text, bytes);
        if let Peek::Deflated(deflated) = peek {
            bytes = inflate(inflater, deflated, tally)?;
            is_text = encoding == Encoding::Json;
            peek = peek_server(encoding, is_text, bytes);
            if matches!(peek, Peek::Deflated(_)) {
                return Err(undecodable(DecodeError::NestedDeflate));
            }
        }
        let message = match self.is_decoded(&peek) {
            true => Some(decode_server(encoding, is_text, bytes, &LIMITS).map_err(undecodable)?),
            false => None,
        };
        if let (Peek::Other, Some(message)) = (&peek, &message) {
            peek = Peek::of(message);
        }
        match peek {
            Peek::Delta(delta) => self.delta(&delta, ts_recv, tally),
            Peek::Heartbeat { seq, prev_seq } => self.heartbeat(seq.0, prev_seq.0, tally),
            Peek::Deflated(_) | Peek::Other => {}
        }
        if let Some(message) = message {
            self.decoded(message, ts_recv, plan, tally, send)?;
        }
        Ok(())
    }

    fn is_decoded(&mut self, peek: &Peek<'_>) -> bool {
        let is_sample = match peek {
            Peek::Delta(delta) => {
                self.deltas += 1;
                delta.has_listings || self.deltas.is_multiple_of(DECODED_EVERY)
            }
            Peek::Heartbeat { .. } => false,
            Peek::Deflated(_) | Peek::Other => true,
        };
        is_sample || self.view.is_some()
    }

    fn delta(&mut self, delta: &DeltaPeek, ts_recv: Ts, tally: &mut Tally) {
        if !self.own.is_begun() {
            return;
        }
        let counts = tally.now();
        counts.deltas += 1;
        counts.entries += delta.entries as u64;
        if !delta.more {
            counts.whole_deltas += 1;
            // Parts may all repeat the header's count.
            counts.skipped += u64::from(delta.head.skipped);
        }
        if tally.is_measured() {
            tally.latency.take(delta.head.ts, ts_recv);
        }
        let outcome = self.own.delta(delta);
        self.note(outcome, tally);
    }

    fn heartbeat(&mut self, seq: u64, prev_seq: u64, tally: &mut Tally) {
        if self.own.is_begun() {
            tally.now().heartbeats += 1;
            let outcome = self.own.heartbeat(seq, prev_seq);
            self.note(outcome, tally);
        }
    }

    fn note<F: Into<Fault>>(&self, outcome: Result<(), F>, tally: &mut Tally) {
        if let Err(fault) = outcome {
            tally.faults.take(self.number, &fault.into());
        }
    }

    fn decoded(
        &mut self,
        message: proto::ServerMessage,
        ts_recv: Ts,
        plan: &Plan,
        tally: &mut Tally,
        mut send: impl FnMut(Vec<u8>),
    ) -> Result<(), Fault> {
        use server_message::Body;
        tally.now().decoded += 1;
        match &message.body {
            Some(Body::Welcome(welcome)) if self.standing == Standing::New => {
                self.heartbeat_ms = welcome.heartbeat_ms;
                tally.interval_ms = welcome.interval_ms;
                tally.server = reason(&welcome.server);
                let requests = plan.requests(&self.chosen);
                self.standing = Standing::Asked(requests.len());
                requests.into_iter().for_each(&mut send);
                // Its own strings and numbers are the same.
                let mut request_id = 0;
                if let Some(view) = &mut self.view {
                    let _ = view.requests(|| {
                        request_id += 1;
                        request_id
                    });
                }
            }
            Some(Body::Snapshot(snapshot)) => self.snapshot(snapshot, plan, tally)?,
            Some(Body::Delta(delta)) if self.own.is_begun() => {
                self.listings(&delta.removed, &delta.instruments, plan, tally);
                self.entries(&delta.tickers, tally);
                if tally.is_measured() {
                    let lag = ts_recv.0.saturating_sub(i64::try_from(delta.ts).unwrap_or(i64::MAX));
                    let ages = delta.tickers.iter().filter_map(|entry| entry.event_age_us);
                    ages.for_each(|us| tally.age.take_ns(us.saturating_mul(1_000).saturating_add(lag)));
                }
            }
            Some(Body::Error(error)) => return Err(Fault::Refused(reason(&error.message))),
            Some(Body::Pong(pong)) => take_pong(pong, ts_recv, tally),
            _ => {}
        }
        if let Some(view) = &mut self.view
            && let Outcome::Broken(breach) = view.apply(&message)
        {
            tally.faults.take(self.number, &breach.into());
            self.view = None;
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &proto::Snapshot, plan: &Plan, tally: &mut Tally) -> Result<(), Fault> {
        if let Some(rejected) = snapshot.rejected.first() {
            let words = format!("{}: {}", rejected.symbol, rejected.message);
            return Err(Fault::Refused(reason(&words)));
        }
        // Nothing was resumed.
        if snapshot.epoch == 0 || snapshot.resumed {
            return Err(Breach::Epoch.into());
        }
        tally.now().snapshots += 1;
        let outcome = match self.own.snapshot(snapshot.epoch, snapshot.seq) {
            Ok(is_new_epoch) => {
                if is_new_epoch {
                    tally.now().epochs += 1;
                    self.ids.clear();
                }
                Ok(())
            }
            Err(fault) => Err(fault),
        };
        self.note(outcome, tally);
        self.listings(&snapshot.removed, &snapshot.instruments, plan, tally);
        self.entries(&snapshot.tickers, tally);
        self.absent += snapshot.pending.len();
        if let (Standing::Asked(left), false, true) = (self.standing, snapshot.more, snapshot.request_id > 0) {
            self.standing = match left {
                0 | 1 => Standing::Joined,
                left => Standing::Asked(left - 1),
            };
            let missing = self.chosen.len().saturating_sub(self.ids.len() + self.absent);
            if self.standing == Standing::Joined && missing > 0 {
                return Err(Fault::Missing(missing));
            }
        }
        Ok(())
    }

    fn listings(&mut self, removed: &[u32], instruments: &[proto::Instrument], plan: &Plan, tally: &mut Tally) {
        for id in removed {
            if let Ok(at) = self.ids.binary_search(id) {
                self.ids.remove(at);
                self.absent += 1;
            }
        }
        for instrument in instruments {
            if !plan.is_chosen(&self.chosen, &instrument.symbol) {
                self.note(Err(Fault::NotAskedFor(reason(&instrument.symbol))), tally);
            }
            if let Err(at) = self.ids.binary_search(&instrument.id) {
                self.ids.insert(at, instrument.id);
            }
        }
    }

    fn entries(&self, tickers: &[proto::Ticker], tally: &mut Tally) {
        let unknown = tickers.iter().find(|entry| self.ids.binary_search(&entry.id).is_err());
        if let Some(entry) = unknown {
            self.note(Err(Fault::Unannounced(entry.id)), tally);
        }
    }
}

fn inflate<'a>(inflater: &'a mut Inflater, deflated: &[u8], tally: &mut Tally) -> Result<&'a [u8], Fault> {
    let start = Instant::now();
    let bytes = inflater.inflate(deflated, MESSAGE_BYTES_MAX).map_err(undecodable)?;
    let counts = tally.now();
    counts.inflated += 1;
    counts.deflated_bytes += deflated.len() as u64;
    counts.inflated_bytes += bytes.len() as u64;
    counts.inflate_ns += start.elapsed().as_nanos() as u64;
    Ok(bytes)
}

fn undecodable(error: DecodeError) -> Fault {
    Disconnect::Decode(error).into()
}

/// A ping of the protocol, which tells the round trip and both clocks.
pub(super) fn ping(encoding: Encoding, now: Ts) -> Vec<u8> {
    let ping = proto::Ping {
        nonce: 0,
        ts: now.as_wire(),
    };
    let body = Some(client_message::Body::Ping(ping));
    encode_client(encoding, &proto::ClientMessage { request_id: 0, body })
}

fn take_pong(pong: &proto::Pong, ts_recv: Ts, tally: &mut Tally) {
    if tally.phase != Phase::Measured {
        return;
    }
    let at = |ts: u64| i64::try_from(ts).unwrap_or(i64::MAX);
    let ahead_there = at(pong.ts_recv).saturating_sub(at(pong.ts_client));
    let ahead_back = at(pong.ts_sent).saturating_sub(ts_recv.0);
    // What the server kept it for is no part of the way.
    let round_trip = ahead_there.saturating_sub(ahead_back);
    tally.round_trip.take_ns(round_trip);
    let clock = (round_trip, ahead_there.saturating_add(ahead_back) / 2);
    tally.clock = [tally.clock, Some(clock)].into_iter().flatten().min();
}

#[cfg(test)]
mod tests;
