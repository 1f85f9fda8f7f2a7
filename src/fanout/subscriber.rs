//! One subscriber as its shard knows it, and how bytes reach its socket.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use crate::market::SymbolPattern;
use crate::store::Seq;
use crate::wire::{Compression, Encoding};

use super::group::GroupId;
use super::job::Job;
use super::pace::Pace;
use super::rest::Rest;
use super::{Allowance, CloseReason, Join, Link, Request, Socket};

/// Number of a subscriber, never used again in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubscriberId(pub u64);

impl fmt::Display for SubscriberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

/// A finished frame.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) frame: Vec<u8>,
    /// The reading task waits for it before it reads on.
    pub(super) is_answer: bool,
}

/// What is to be said besides data, each at most once.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// Finished frames: welcome, goaway, and the answer to the one request that is read at a time.
    pub(super) messages: VecDeque<Message>,
    /// The newest WebSocket ping's answer.
    pub(super) pong: Option<Vec<u8>>,
    /// A WebSocket ping is to be sent.
    pub(super) ping: bool,
    /// The connection is to be closed.
    pub(super) close: Option<CloseReason>,
}

impl Control {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.pong.is_none() && !self.ping && self.close.is_none()
    }
}

/// What the reading task is told once a frame was handed to the kernel whole.
#[derive(Clone, Debug)]
pub(super) enum Receipt {
    /// Its request was answered.
    Answer,
    /// The connection was closed.
    End(CloseReason),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The kernel has it all.
    Whole,
    /// Begun; the rest is kept and goes first.
    Begun,
    /// Nothing was taken; the frame is dropped.
    Nothing,
    /// The connection is broken.
    Broken,
}

impl Sent {
    /// Whether the frame counts as sent.
    pub(super) fn is_taken(self) -> bool {
        matches!(self, Sent::Whole | Sent::Begun)
    }
}

/// One subscriber.
#[derive(Debug)]
pub(super) struct Subscriber<S> {
    pub(super) id: SubscriberId,
    pub(super) socket: S,
    pub(super) link: Arc<Link>,
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
    pub(super) pace: Pace,
    /// Beats between two deltas that it asked for; granted is what its allowance has nearest to it.
    pub(super) asked_beats: u64,
    pub(super) allowance: Allowance,
    /// Strings given and not taken back, sorted.
    pub(super) strings: Arc<[SymbolPattern]>,
    /// Absent until the first snapshot is complete.
    pub(super) group: Option<GroupId>,
    /// The one frame that the kernel took a part of.
    outbox: Vec<u8>,
    /// What is due when the outbox is empty.
    receipt: Option<Receipt>,
    /// Seq of the newest data message.
    pub(super) last_data: Seq,
    /// Newest seq sent in any message: the subscriber's own seq, which no prev_seq may be above.
    pub(super) told: Seq,
    /// Everything held was sent up to here; above `told` where there was nothing to send.
    pub(super) covered: Seq,
    /// The table's seq when values were last taken for it: above `covered` where a part came late. The counts of
    /// that beat must not be added again.
    pub(super) seen: Seq,
    /// Beats dropped since the last delta.
    pub(super) skipped: u32,
    /// The same since it came.
    pub(super) skipped_ever: u64,
    /// Bytes that the kernel took.
    pub(super) sent_bytes: u64,
    /// This turn's newest beat concerns it and was not sent yet: dropped, unless it catches up in this turn.
    pub(super) owes_beat: bool,
    pub(super) rest: Option<Rest>,
    pub(super) job: Option<Box<Job>>,
    /// The request that waits until what is told unasked is complete, or a delta that was begun.
    pub(super) deferred: Option<Box<Request>>,
    pub(super) control: Option<Box<Control>>,
    /// At most so many deltas not yet confirmed; 0 is off.
    pub(super) window: u32,
    unconfirmed: VecDeque<Seq>,
    /// Beat of the last write of a whole frame.
    pub(super) last_write: u64,
    /// Beat of the next look at heartbeat and deadline.
    pub(super) next_visit: u64,
    /// Beat since which the socket has not taken what there is.
    pub(super) blocked_since: Option<u64>,
    /// Beat of the last write that was not taken whole.
    blocked_last: u64,
    /// In the shard's list of those that need more than shared frames.
    pub(super) is_busy: bool,
    /// Told as slow, until it has caught up.
    pub(super) is_slow: bool,
    /// The tape went on without waiting for it any longer, until it has caught up.
    pub(super) is_left_behind: bool,
    /// The close frame went out: nothing may follow.
    pub(super) is_closed: bool,
}

impl<S: Socket> Subscriber<S> {
    pub(super) fn new(join: Join<S>) -> Self {
        let pace = Pace::new(join.allowance.pace(join.pace_beats), join.id);
        Subscriber {
            id: join.id,
            socket: join.socket,
            link: join.link,
            encoding: join.encoding,
            compression: join.compression,
            pace,
            asked_beats: join.pace_beats,
            allowance: join.allowance,
            strings: Arc::new([]),
            group: None,
            outbox: Vec::new(),
            receipt: None,
            last_data: Seq::ZERO,
            told: Seq::ZERO,
            covered: Seq::ZERO,
            seen: Seq::ZERO,
            skipped: 0,
            skipped_ever: 0,
            sent_bytes: 0,
            owes_beat: false,
            rest: None,
            job: None,
            deferred: None,
            control: None,
            window: 0,
            unconfirmed: VecDeque::new(),
            last_write: 0,
            next_visit: 0,
            blocked_since: None,
            blocked_last: 0,
            is_busy: false,
            is_slow: false,
            is_left_behind: false,
            is_closed: false,
        }
    }

    /// Whether a frame is begun or a delta is between two parts: no other data may come before its end.
    pub(super) fn is_mid_delta(&self) -> bool {
        !self.outbox.is_empty() || self.rest.is_some()
    }

    /// A delta of all since its own seq, of which nothing was sent.
    ///
    /// Under a tape's clock since its newest data: heartbeats go by the timer, and no byte may depend on that.
    pub(super) fn delta_to(&self, seq: Seq, is_tape: bool) -> Rest {
        let since = if is_tape { self.last_data } else { self.told };
        Rest::new(seq, since, self.counted(), self.skipped)
    }

    /// Updates up to here may be in its counts already.
    pub(super) fn counted(&self) -> Seq {
        self.seen.max(self.last_data)
    }

    /// Whether a snapshot is under way, which then brings the deltas that it needs itself.
    pub(super) fn is_mid_snapshot(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.wait_until.is_none())
    }

    /// Everything held was sent up to here, or is being sent.
    pub(super) fn promised(&self) -> Seq {
        self.rest.as_ref().map_or(self.covered, |rest| rest.seq)
    }

    /// Whether so many deltas are unconfirmed that no more may be sent.
    pub(super) fn is_window_closed(&self) -> bool {
        self.window > 0 && self.unconfirmed.len() >= self.window as usize
    }

    /// Whether a frame is begun, or nothing was taken when last tried, in this beat or later: where nothing was
    /// tried since, the socket may have been free for long.
    pub(super) fn is_blocked_at(&self, beat: u64) -> bool {
        !self.outbox.is_empty() || self.blocked_last >= beat
    }

    /// Beats for which the socket has not taken what there is.
    pub(super) fn blocked_for(&self, beat: u64) -> u64 {
        self.blocked_since.map_or(0, |since| beat - since)
    }

    /// Notes a delta or snapshot part as sent.
    pub(super) fn note_data(&mut self, seq: Seq, is_delta: bool) {
        self.last_data = seq;
        self.note_seq(seq);
        if !is_delta || self.window == 0 {
            return;
        }
        if self.is_window_closed() {
            // A delta that a snapshot needed came besides: one entry stands for both, so the list is bounded.
            self.unconfirmed.pop_back();
        }
        self.unconfirmed.push_back(seq);
    }

    /// Notes that a message of this seq was sent.
    pub(super) fn note_seq(&mut self, seq: Seq) {
        self.told = self.told.max(seq);
        self.covered = self.covered.max(seq);
    }

    /// Takes the subscriber's word that it has applied everything up to `seq`.
    pub(super) fn confirm(&mut self, seq: Seq) {
        while self.unconfirmed.front().is_some_and(|s| *s <= seq) {
            self.unconfirmed.pop_front();
        }
    }

    /// Deltas that wait for its word.
    pub(super) fn unconfirmed(&self) -> usize {
        self.unconfirmed.len()
    }

    /// Sets the window; what was sent without one needs no confirmation.
    pub(super) fn set_window(&mut self, window: u32) {
        self.window = window;
        if window == 0 {
            self.unconfirmed = VecDeque::new();
        }
    }

    /// Offers a frame to the socket; whatever it takes of it, the frame then counts as sent.
    pub(super) fn offer(&mut self, frame: &[u8], beat: u64) -> Sent {
        let taken = self.socket.send(frame);
        self.offered(frame, taken, beat)
    }

    /// Notes what the socket took of a frame that was offered to it.
    pub(super) fn offered(&mut self, frame: &[u8], taken: io::Result<usize>, beat: u64) -> Sent {
        debug_assert!(self.outbox.is_empty());
        match self.wrote(frame.len(), taken, beat) {
            Some(n) if n == frame.len() => Sent::Whole,
            Some(0) => Sent::Nothing,
            Some(n) => {
                self.outbox.extend_from_slice(&frame[n..]);
                // The deadline is the frame's own.
                self.blocked_since = Some(beat);
                Sent::Begun
            }
            None => Sent::Broken,
        }
    }

    /// The same for a frame that the reading task waits for.
    pub(super) fn offer_for(&mut self, receipt: Option<Receipt>, frame: &[u8], beat: u64) -> Sent {
        let sent = self.offer(frame, beat);
        if sent.is_taken() {
            self.receipt = receipt;
        }
        if sent == Sent::Whole {
            self.give_receipt();
        }
        sent
    }

    fn give_receipt(&mut self) {
        match self.receipt.take() {
            Some(Receipt::Answer) => self.link.answered(),
            Some(Receipt::End(reason)) => self.link.end(reason),
            None => {}
        }
    }

    /// Goes on with the frame begun: whole where none is.
    pub(super) fn flush(&mut self, beat: u64) -> Sent {
        if self.outbox.is_empty() {
            return Sent::Whole;
        }
        let outbox = std::mem::take(&mut self.outbox);
        let taken = self.socket.send(&outbox);
        match self.wrote(outbox.len(), taken, beat) {
            Some(n) if n == outbox.len() => {
                self.give_receipt();
                Sent::Whole
            }
            Some(n) => {
                self.outbox = outbox;
                self.outbox.drain(..n);
                Sent::Begun
            }
            None => Sent::Broken,
        }
    }

    /// Bytes kept for it.
    #[cfg(test)]
    pub(super) fn outbox_bytes(&self) -> usize {
        self.outbox.capacity()
    }

    /// The control part, made now if there was none.
    pub(super) fn control(&mut self) -> &mut Control {
        self.control.get_or_insert_default()
    }

    fn wrote(&mut self, bytes: usize, taken: io::Result<usize>, beat: u64) -> Option<usize> {
        let taken = match taken {
            Ok(n) => n,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(_) => return None,
        };
        self.sent_bytes += taken as u64;
        if taken == bytes {
            self.last_write = beat;
            self.blocked_since = None;
        } else {
            self.blocked_since.get_or_insert(beat);
            self.blocked_last = beat;
        }
        Some(taken)
    }
}
