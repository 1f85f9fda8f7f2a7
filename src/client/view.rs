//! The local view: applies the server's messages by the rules of the protocol.
//!
//! Pure: no clock, no I/O. The rule numbers are those of the protocol's page.

use std::collections::{BTreeMap, BTreeSet};

use super::interest::{Ask, Interests};
use super::limits::STRINGS_MAX;
use super::table::{Breach, Changes, Entries, Kind, Table, VenueStatus, stamp};
use super::ticker::{Row, Ticker};
use crate::market::{SymbolPattern, TickerState, Ts, VenueName, VenueState};
use crate::wire::proto::{self, client_message, server_message};

/// What a message did to the view.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "`Lost` and `Broken` mean that `requests` has something to send"]
pub enum Outcome {
    /// The view is newer now, if only by its seq.
    Applied(Changes),
    /// It says nothing that the view does not know: an old seq, or a body without data.
    Ignored,
    /// Something between own seq and the message was lost: the strings held are wanted again, from own seq.
    Lost,
    /// The server broke the protocol: all strings are wanted again, whole.
    Broken(Breach),
}

/// What one subscriber knows: the newest value of everything it asked for, up to own seq.
#[derive(Clone, Debug, Default)]
pub struct View {
    table: Table,
    interests: Interests,
    pending: BTreeSet<String>,
    epoch: Option<u64>,
    seq: u64,
    ts: Ts,
    /// A snapshot part has come on this connection: before it nothing is held, so nothing else moves own seq.
    is_begun: bool,
    skipped: u64,
    /// Skipped beats told by parts of a delta whose last part has not come.
    skipped_in_parts: u64,
    breaches: u64,
    losses: u64,
}

impl View {
    /// Makes a view of nothing.
    pub fn new() -> View {
        View::default()
    }

    /// Wants strings; [`View::requests`] then gives the requests to send. Held ones are asked for again.
    ///
    /// Returns how many were beyond the bound of 100,000 strings and are not wanted.
    pub fn want(&mut self, patterns: impl IntoIterator<Item = SymbolPattern>) -> usize {
        let mut beyond = 0;
        for pattern in patterns {
            if self.interests.len() < STRINGS_MAX {
                self.interests.want(pattern);
            } else {
                beyond += 1;
            }
        }
        self.interests.refresh();
        beyond
    }

    /// Takes strings back: the request to send, if the server has to be told.
    ///
    /// Values of what is held stay until the ack (rule 7).
    pub fn leave(&mut self, strings: &[String], request_id: u64) -> (Option<proto::ClientMessage>, Changes) {
        for text in strings {
            self.pending.remove(text);
        }
        let before = self.interests.len();
        let symbols = self.interests.leave(strings, request_id);
        self.interests.refresh();
        let changes = if self.interests.len() < before {
            self.drop_uncovered()
        } else {
            Changes::default()
        };
        if symbols.is_empty() {
            return (None, changes);
        }
        let body = Some(client_message::Body::Unsubscribe(proto::Unsubscribe { symbols }));
        (Some(proto::ClientMessage { request_id, body }), changes)
    }

    /// The subscribes to send for all that is wanted, each with the position to resume from where one is known.
    pub fn requests(&mut self, next_request_id: impl FnMut() -> u64) -> Vec<proto::ClientMessage> {
        let asks = self.interests.ask(next_request_id);
        self.interests.refresh();
        let epoch = self.epoch;
        let message = |ask: Ask| {
            let resume = epoch.zip(ask.known).map(|(epoch, seq)| proto::Position { epoch, seq });
            let subscribe = proto::Subscribe {
                symbols: ask.strings,
                resume,
                ..Default::default()
            };
            let body = Some(client_message::Body::Subscribe(subscribe));
            proto::ClientMessage {
                request_id: ask.request_id,
                body,
            }
        };
        asks.into_iter().map(message).collect()
    }

    /// Whether [`View::requests`] has something to send.
    pub fn has_requests(&self) -> bool {
        self.interests.summary().any_wanted
    }

    /// Takes the end of the connection: what was held is wanted again from own seq.
    pub fn disconnected(&mut self) -> Changes {
        self.is_begun = false;
        self.skipped_in_parts = 0;
        let is_any_gone = self.interests.disconnected(self.seq);
        self.interests.refresh();
        match is_any_gone {
            true => self.drop_uncovered(),
            false => Changes::default(),
        }
    }

    /// Applies a message.
    pub fn apply(&mut self, message: &proto::ServerMessage) -> Outcome {
        let outcome = match &message.body {
            Some(server_message::Body::Snapshot(snapshot)) => self.apply_snapshot(snapshot),
            Some(server_message::Body::Delta(delta)) => self.apply_delta(delta),
            Some(server_message::Body::Heartbeat(heartbeat)) => Ok(self.apply_heartbeat(heartbeat)),
            Some(server_message::Body::Ack(ack)) => Ok(self.drop_request(ack.request_id)),
            Some(server_message::Body::Error(error)) => match self.interests.keep(error.request_id) {
                true => {
                    self.interests.refresh();
                    Ok(Outcome::Applied(Changes::default()))
                }
                false => Ok(self.drop_request(error.request_id)),
            },
            _ => Ok(Outcome::Ignored),
        };
        outcome.unwrap_or_else(|breach| {
            self.breaches += 1;
            // Until a new answer begins nothing is sure to be known, so nothing is applied.
            self.is_begun = false;
            self.interests.start_over();
            self.interests.refresh();
            Outcome::Broken(breach)
        })
    }

    /// Drops what an unsubscribe took back or a refused subscribe asked for.
    fn drop_request(&mut self, request_id: u64) -> Outcome {
        let is_any_gone = self.interests.drop_request(request_id);
        self.interests.refresh();
        match is_any_gone {
            true => Outcome::Applied(self.drop_uncovered()),
            false => Outcome::Ignored,
        }
    }

    /// Rules 3 to 6.
    fn apply_snapshot(&mut self, snapshot: &proto::Snapshot) -> Result<Outcome, Breach> {
        let mut changes = Changes::default();
        if snapshot.epoch == 0 || (snapshot.resumed && self.epoch != Some(snapshot.epoch)) {
            return Err(Breach::Epoch);
        }
        if self.epoch != Some(snapshot.epoch) {
            self.epoch = Some(snapshot.epoch);
            self.table.clear(&mut changes);
            self.taint_begun();
            // Unasked, it is of all that was held; else that is asked for anew.
            match snapshot.request_id {
                0 => self.interests.renew(),
                _ => self.interests.void(),
            }
            self.pending.clear();
        }
        let request_id = snapshot.request_id;
        let (table, interests) = (&mut self.table, &mut self.interests);
        let begins = interests.answering_mut(request_id).is_some_and(|a| !a.is_begun);
        if begins {
            let known = match snapshot.resumed {
                true => Default::default(),
                false => table.ids_where(interests.request_covers(request_id)),
            };
            if let Some(answering) = interests.answering_mut(request_id) {
                answering.is_begun = true;
                answering.unnamed = known;
            }
        }
        let entries = Entries {
            removed: &snapshot.removed,
            instruments: &snapshot.instruments,
            tickers: &snapshot.tickers,
            venues: &snapshot.venues,
            ts: stamp(snapshot.ts),
            kind: if snapshot.resumed { Kind::Resumed } else { Kind::Whole },
            is_repairing: false,
        };
        table.apply(&entries, &mut changes, |id| {
            if let Some(answering) = interests.answering_mut(request_id) {
                answering.unnamed.remove(&id);
            }
        })?;
        self.ts = entries.ts;
        self.seq = snapshot.seq;
        self.is_begun = true;
        if !snapshot.more {
            self.end_answer(snapshot, &mut changes);
        }
        self.interests.refresh();
        Ok(Outcome::Applied(changes))
    }

    fn end_answer(&mut self, last: &proto::Snapshot, changes: &mut Changes) {
        for rejected in &last.rejected {
            self.interests.forget(&rejected.symbol);
        }
        if last.request_id == 0 {
            self.interests.renewed();
            let held = last.pending.iter().filter(|text| self.interests.contains(text));
            self.pending.extend(held.cloned());
        }
        // What a refused string alone covers was not answered: another string may hold it.
        let meant = self.table.ids_where(self.interests.request_covers(last.request_id));
        if let Some(answering) = self.interests.answered(last.request_id) {
            for id in answering.unnamed.intersection(&meant) {
                self.table.remove(*id, changes);
            }
            let asked = last.pending.iter().filter(|text| self.interests.contains(text));
            self.pending.extend(asked.cloned());
            if !last.rejected.is_empty() {
                changes.removed.append(&mut self.drop_uncovered().removed);
            }
        }
        for symbol in &changes.symbols {
            self.pending.remove(symbol.as_str());
        }
    }

    /// Rules 1 and 8.
    fn apply_delta(&mut self, delta: &proto::Delta) -> Result<Outcome, Breach> {
        let prev_seq = delta.prev_seq.unwrap_or(delta.seq.saturating_sub(1));
        if !self.is_begun || delta.seq <= self.seq {
            return Ok(Outcome::Ignored);
        }
        if prev_seq > self.seq {
            return Ok(self.lose());
        }
        let mut changes = Changes::default();
        let entries = Entries {
            removed: &delta.removed,
            instruments: &delta.instruments,
            tickers: &delta.tickers,
            venues: &delta.venues,
            ts: stamp(delta.ts),
            kind: Kind::Delta,
            is_repairing: self.interests.summary().is_repairing,
        };
        let interests = &mut self.interests;
        // Listed while a whole answer is in its parts: it exists, whatever the other parts name.
        self.table.apply(&entries, &mut changes, |id| {
            interests.all_answering_mut().for_each(|a| {
                a.unnamed.remove(&id);
            });
        })?;
        for symbol in changes.symbols.iter().filter(|_| !delta.instruments.is_empty()) {
            self.pending.remove(symbol.as_str());
        }
        self.ts = entries.ts;
        // Parts may all repeat the header's count.
        self.skipped_in_parts = self.skipped_in_parts.max(u64::from(delta.skipped));
        if !delta.more {
            self.seq = delta.seq;
            self.skipped = self.skipped.saturating_add(std::mem::take(&mut self.skipped_in_parts));
        }
        Ok(Outcome::Applied(changes))
    }

    /// Rule 2.
    fn apply_heartbeat(&mut self, heartbeat: &proto::Heartbeat) -> Outcome {
        if !self.is_begun {
            return Outcome::Ignored;
        }
        if heartbeat.prev_seq > self.seq {
            return self.lose();
        }
        self.ts = stamp(heartbeat.ts);
        self.seq = self.seq.max(heartbeat.seq);
        Outcome::Applied(Changes::default())
    }

    /// While the repair is under way, what follows is as lost as the first: it is asked for once.
    fn lose(&mut self) -> Outcome {
        self.taint_begun();
        let any_held = self.interests.summary().any_held;
        self.losses += u64::from(any_held);
        self.interests.lose(self.seq);
        self.interests.refresh();
        if any_held { Outcome::Lost } else { Outcome::Ignored }
    }

    /// What came in the parts so far is no basis any more: these answers are asked for again at their end.
    fn taint_begun(&mut self) {
        let begun = self.interests.all_answering_mut().filter(|a| a.is_begun);
        begun.for_each(|a| a.is_tainted = true);
    }

    fn drop_uncovered(&mut self) -> Changes {
        let mut changes = Changes::default();
        let interests = &self.interests;
        let touches = |v: &VenueName| interests.touches(v.as_str());
        self.table.retain(interests.covers(), touches, &mut changes);
        changes
    }

    /// The instrument of this name.
    pub fn get(&self, symbol: &str) -> Option<&Ticker> {
        self.table.get(symbol)
    }

    /// All instruments in the order of their symbols.
    pub fn iter(&self) -> impl Iterator<Item = &Ticker> {
        self.table.iter()
    }

    /// Number of instruments.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether no instrument is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Venues by name.
    pub fn venues(&self) -> &BTreeMap<VenueName, VenueStatus> {
        self.table.venues()
    }

    /// Whether a price is live: the venue is up and the instrument's own state live (rule 9). None is while the
    /// connection is lost, nor while anything known before, or of which something was lost, is not answered to its
    /// end: a resume tells of what changed alone, in any order.
    pub fn is_live(&self, ticker: &Ticker) -> bool {
        if !self.is_begun || self.interests.summary().is_repairing {
            return false;
        }
        let venue = VenueName::parse(ticker.symbol().venue()).ok();
        let venue = venue.and_then(|name| self.venues().get(&name));
        venue.is_some_and(|v| v.state == VenueState::Up) && ticker.state() == Some(TickerState::Live)
    }

    /// Exact symbols that the server accepted but does not have yet.
    pub fn pending(&self) -> &BTreeSet<String> {
        &self.pending
    }

    /// The timeline's life, `None` before the first snapshot.
    pub fn epoch(&self) -> Option<u64> {
        self.epoch
    }

    /// Own seq: everything that is held is known up to it.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The server's stamp of the newest message.
    pub fn ts(&self) -> Ts {
        self.ts
    }

    /// Beats with changes for this subscriber that the server dropped.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Messages by which the server broke the protocol.
    pub fn breaches(&self) -> u64 {
        self.breaches
    }

    /// Times that something was lost on a connection.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Whether every string's snapshot or resume is complete on this connection.
    pub fn is_complete(&self) -> bool {
        self.interests.summary().all_held
    }

    /// Whether everything asked for is known at least up to `seq`.
    pub fn is_caught_up(&self, seq: u64) -> bool {
        self.is_complete() && self.seq >= seq
    }

    /// The comparable part: equal for every subscriber of the same symbols that has caught up.
    pub fn dump(&self) -> BTreeMap<String, Row> {
        self.iter().map(|t| (t.symbol().to_string(), t.row())).collect()
    }
}
