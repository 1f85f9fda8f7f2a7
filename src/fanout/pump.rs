//! The way of one subscriber alone: what was begun, answers, snapshots, catching up.

use crate::wire::{Compression, DeltaHead, Encoding, FrameBuf, SnapshotHead, room};

use super::bounds::{OWN_BYTES_LEAST, OWN_BYTES_MAX};
use super::fill::{Held, fill_delta, fill_snapshot};
use super::shard::{Scratch, Shard};
use super::subscriber::{Receipt, Sent, Subscriber};
use super::{CloseReason, Socket, websocket};

/// What one step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Something was written whole: there may be more.
    Go,
    /// Nothing to do.
    Idle,
    /// The socket takes no more now.
    Blocked,
    /// The connection is broken.
    Broken,
}

impl From<Sent> for Step {
    fn from(sent: Sent) -> Step {
        match sent {
            Sent::Whole => Step::Go,
            Sent::Begun | Sent::Nothing => Step::Blocked,
            Sent::Broken => Step::Broken,
        }
    }
}

impl<S: Socket> Shard<S> {
    /// Writes what a subscriber is owed besides shared frames, as far as its socket takes it.
    pub(super) fn pump(&mut self, slot: u32) {
        let Some(mut subscriber) = self.subscribers[slot as usize].take() else {
            return;
        };
        let most = OWN_BYTES_MAX.min(self.budget);
        let floor = self.budget - most;
        let step = loop {
            let step = self.step(&mut subscriber, floor);
            if step != Step::Go {
                break step;
            }
        };
        if self.budget == 0 && step == Step::Blocked {
            self.left_out.get_or_insert(slot);
        }
        let finished = subscriber.job.as_ref().is_some_and(|job| job.is_answered);
        let group = subscriber.group;
        self.subscribers[slot as usize] = Some(subscriber);
        if step == Step::Broken {
            return self.remove(slot, CloseReason::Broken);
        }
        if finished {
            self.finish_job(slot, group);
        }
        self.take_up_deferred(slot);
        self.settle(slot);
    }

    /// Begins a delta of everything that changed since the subscriber's own seq, and writes what is taken.
    pub(super) fn catch_up(&mut self, slot: u32) {
        let (seq, is_tape) = (self.table.seq(), self.config.clock.is_tape());
        let Some(subscriber) = self.subscriber(slot) else {
            return;
        };
        let may_begin = !subscriber.is_mid_delta() && !subscriber.is_mid_snapshot() && !subscriber.is_window_closed();
        if may_begin && subscriber.group.is_some() && subscriber.covered < seq && !subscriber.is_closed {
            subscriber.rest = Some(subscriber.delta_to(seq, is_tape));
            self.pump(slot);
        }
    }

    /// Whether a subscriber has what its group was last offered.
    pub(super) fn is_current(&self, subscriber: &Subscriber<S>) -> bool {
        subscriber
            .group
            .is_none_or(|g| subscriber.covered >= self.groups.get(g).last_frame)
    }

    /// Keeps the lists and the log right after a subscriber was written to.
    pub(super) fn settle(&mut self, slot: u32) {
        let Some(subscriber) = self.subscribers[slot as usize].as_ref() else {
            return;
        };
        let is_closed = subscriber.is_closed;
        let is_behind = !is_closed && !self.is_current(subscriber);
        let owes = subscriber.is_mid_delta() || subscriber.job.is_some() || subscriber.control.is_some();
        let is_waited_for = self.config.clock.is_tape() && subscriber.is_window_closed();
        let is_owed = self.is_owed(subscriber);
        let is_slow = subscriber.blocked_since.is_some() || (is_behind && subscriber.is_window_closed());
        let caught_up = !is_slow && !is_behind && !owes;
        if owes || is_behind || is_waited_for || subscriber.blocked_since.is_some() {
            self.make_busy(slot);
        }
        let beat = self.wall;
        let Some(subscriber) = self.subscriber(slot) else {
            return;
        };
        subscriber.is_left_behind &= is_owed;
        subscriber.owes_beat &= is_behind;
        // Edges, not levels: behind for a whole beat, and caught up again.
        let stuck = subscriber.blocked_since.is_some_and(|since| beat > since);
        let edge = if subscriber.is_slow {
            caught_up
        } else {
            is_slow && (stuck || subscriber.skipped > 0)
        };
        if edge {
            subscriber.is_slow = !subscriber.is_slow;
            let (session, is_slow) = (subscriber.id, subscriber.is_slow);
            let (identity, what) = (
                subscriber.link.identity(),
                if is_slow { "falls behind" } else { "has caught up" },
            );
            tracing::info!(%session, identity = &*identity, "subscriber {what}");
            self.meters.slow.increment(if is_slow { 1.0 } else { -1.0 });
        }
    }

    /// One thing to write, in order of urgency.
    ///
    /// Data ends where `budget` is down to `floor`.
    fn step(&mut self, subscriber: &mut Subscriber<S>, floor: usize) -> Step {
        match subscriber.flush(self.wall) {
            Sent::Whole => {}
            other => return other.into(),
        }
        if subscriber.is_closed {
            return Step::Idle;
        }
        if subscriber.rest.is_some() {
            if self.budget > floor {
                return self.delta_part(subscriber);
            }
            // One not begun is begun anew, with a later seq.
            subscriber.rest.take_if(|rest| !rest.is_begun);
            return Step::Blocked;
        }
        if subscriber.control.is_some() {
            return self.control_step(subscriber);
        }
        if subscriber.job.as_ref().is_some_and(|job| !job.is_answered) {
            return self.job_step(subscriber, floor);
        }
        Step::Idle
    }

    fn control_step(&mut self, subscriber: &mut Subscriber<S>) -> Step {
        let Some(mut control) = subscriber.control.take() else {
            return Step::Idle;
        };
        let beat = self.wall;
        let sent = if let Some(message) = control.messages.front() {
            let receipt = message.is_answer.then_some(Receipt::Answer);
            let sent = subscriber.offer_for(receipt, &message.frame, beat);
            if sent.is_taken() {
                control.messages.pop_front();
            }
            sent
        } else if let Some(pong) = &control.pong {
            let sent = subscriber.offer(pong, beat);
            if sent.is_taken() {
                control.pong = None;
            }
            sent
        } else if control.ping {
            let sent = subscriber.offer(&websocket::ping(), beat);
            control.ping = !sent.is_taken();
            sent
        } else if let Some(reason) = &control.close {
            let receipt = Some(Receipt::End(reason.clone()));
            let sent = subscriber.offer_for(receipt, &websocket::close(reason.code(), &reason.words()), beat);
            if sent.is_taken() {
                subscriber.is_closed = true;
                control.close = None;
            }
            sent
        } else {
            Sent::Whole
        };
        if !control.is_empty() {
            subscriber.control = Some(control);
        }
        sent.into()
    }

    /// Writes the next part of a delta of one's own.
    fn delta_part(&mut self, subscriber: &mut Subscriber<S>) -> Step {
        let Some(mut rest) = subscriber.rest.take() else {
            return Step::Idle;
        };
        self.budget = self.budget.saturating_sub(OWN_BYTES_LEAST);
        let group = subscriber.group.map(|g| self.groups.get(g));
        let room = room(self.config.frame_bytes_max);
        let chunks = &mut self.scratch.chunks[subscriber.encoding as usize];
        chunks.clear();
        let held = Held {
            group,
            job: subscriber.job.as_deref(),
        };
        let more = fill_delta(
            &self.table,
            &held,
            &mut rest,
            chunks,
            room,
            self.ts,
            &mut self.scratch.ids,
        );
        // Once begun it is ended, even if what was left is no longer held.
        if chunks.is_empty() && !rest.is_begun {
            subscriber.covered = subscriber.covered.max(rest.seq);
            return Step::Go;
        }
        let head = DeltaHead {
            seq: rest.seq,
            prev_seq: rest.prev_seq,
            ts: self.ts,
            skipped: if more { 0 } else { rest.skipped },
        };
        let encoding = subscriber.encoding;
        all_picks(&mut self.scratch.picks, self.scratch.chunks[encoding as usize].len());
        let Scratch {
            frame, chunks, picks, ..
        } = &mut self.scratch;
        frame.delta(&head, &chunks[encoding as usize], picks, more);
        let sent = self.send_built(subscriber, None);
        if sent.is_taken() {
            subscriber.seen = self.table.seq();
        }
        match sent {
            Sent::Nothing if rest.is_begun => subscriber.rest = Some(rest.stepped_back()),
            // Not begun: dropped, and conflated with what comes.
            Sent::Nothing | Sent::Broken => {}
            Sent::Whole | Sent::Begun if more => subscriber.rest = Some(rest.begun()),
            Sent::Whole | Sent::Begun => {
                subscriber.note_data(rest.seq, true);
                subscriber.skipped -= rest.skipped;
                if let Some(job) = &mut subscriber.job {
                    // A tape waits, and its snapshots are of their beat.
                    job.may_follow = !rest.is_ended_here() && !self.config.clock.is_tape() && job.is_open_at(rest.seq);
                }
            }
        }
        sent.into()
    }

    /// Writes the next part of a snapshot, after what changed in everything held.
    fn job_step(&mut self, subscriber: &mut Subscriber<S>, floor: usize) -> Step {
        let seq = self.table.seq();
        let Some(job) = subscriber.job.as_mut() else {
            return Step::Idle;
        };
        if let Some((position, until)) = job.wait_until {
            if position <= seq {
                job.since = Some(position);
            } else if self.wall < until {
                return Step::Blocked;
            }
            job.wait_until = None;
        }
        let holds_something = subscriber.group.is_some() || job.done > 0 || job.venue_at > 0;
        if holds_something && subscriber.covered < seq && !job.may_follow {
            subscriber.rest = Some(subscriber.delta_to(seq, self.config.clock.is_tape()));
            return Step::Go;
        }
        if self.budget <= floor {
            return Step::Blocked;
        }
        self.job_part(subscriber)
    }

    fn job_part(&mut self, subscriber: &mut Subscriber<S>) -> Step {
        let Some(mut job) = subscriber.job.take() else {
            return Step::Idle;
        };
        let encoding = subscriber.encoding;
        // Its values may be newer than its seq, and then come once more in the next delta.
        let seq = if job.may_follow {
            subscriber.covered
        } else {
            self.table.seq()
        };
        let room = room(self.config.frame_bytes_max);
        let Scratch {
            frame, chunks, picks, ..
        } = &mut self.scratch;
        let chunks = &mut chunks[encoding as usize];
        chunks.clear();
        let progress = fill_snapshot(&self.table, &mut job, chunks, room, self.ts);
        let tail = progress.is_last.then(|| job.tail(&self.table, encoding, room));
        let tail = tail.filter(|tail| chunks.is_empty() || chunks.cost() + tail.cost(encoding) <= room);
        all_picks(picks, chunks.len());
        let head = SnapshotHead {
            epoch: self.epoch.under(job.rights()),
            seq,
            ts: self.ts,
            request_id: job.request_id,
            resumed: job.since.is_some(),
        };
        frame.snapshot(&head, chunks, picks, tail.as_ref());
        let is_end = tail.as_ref().is_some_and(|tail| job.is_end(tail));
        let receipt = (is_end && job.is_asked_for).then_some(Receipt::Answer);
        let sent = self.send_built(subscriber, receipt);
        if sent.is_taken() {
            (job.done, job.venue_at) = (progress.done, progress.venue_at);
            subscriber.note_data(seq, false);
            subscriber.seen = self.table.seq();
            job.note_sent(tail.as_ref());
        }
        subscriber.job = Some(job);
        sent.into()
    }

    /// Compresses if asked, frames and offers the message in the scratch buffer.
    fn send_built(&mut self, subscriber: &mut Subscriber<S>, receipt: Option<Receipt>) -> Sent {
        let (encoding, compression) = (subscriber.encoding, subscriber.compression);
        finish(&mut self.scratch, encoding, compression);
        self.meters.note_built(encoding, 1);
        let chunks = &self.scratch.chunks[encoding as usize];
        let is_instrument = |pick: &&u32| chunks.instrument_at(**pick).is_some();
        let entries = self.scratch.picks.iter().filter(is_instrument).count() as u32;
        let frame = self.scratch.frame.as_bytes();
        self.budget = self.budget.saturating_sub(frame.len());
        let sent = subscriber.offer_for(receipt, frame, self.wall);
        if sent.is_taken() {
            self.meters.note(encoding, frame.len(), entries);
        }
        sent
    }
}

/// Compresses the message in the scratch frame if that is asked for and pays, and puts the WebSocket
/// header in front.
pub(super) fn finish(scratch: &mut Scratch, encoding: Encoding, compression: Compression) {
    let Scratch {
        frame,
        deflater,
        packed,
        ..
    } = scratch;
    let is_packed = compression == Compression::Deflate && {
        packed.clear();
        deflater.compress(encoding, frame.as_bytes(), packed)
    };
    if is_packed {
        frame.copy_from(packed);
    }
    let opcode = if encoding == Encoding::Json && !is_packed {
        websocket::TEXT
    } else {
        websocket::BINARY
    };
    frame_up(frame, opcode);
}

fn frame_up(frame: &mut FrameBuf, opcode: u8) {
    let (head, used) = websocket::header(opcode, frame.as_bytes().len());
    frame.prepend(&head[..used]);
}

/// Picks every unit of a list.
fn all_picks(picks: &mut Vec<u32>, count: usize) {
    picks.clear();
    picks.extend(0..count as u32);
}
