//! One turn of a shard: takes the beats that have come and writes what they mean to each subscriber.

use std::sync::Arc;

use crate::engine::Tick;
use crate::market::InstrumentId;
use crate::store::{SealedBeat, Seq, Table};
use crate::wire::{Chunks, Compression, DeltaHead, Encoding, picks_that_fit};

use super::group::GroupId;
use super::letter::Part;
use super::pump::finish;
use super::rest::Rest;
use super::shard::{Scratch, Shard};
use super::subscriber::{Sent, Subscriber};
use super::{CloseReason, Socket};

/// What the beats of one turn changed, as one list: the common turn has one beat.
struct Span<'a> {
    /// The turn's only beat and its chunks, if it has only one.
    single: Option<&'a Tick>,
    /// The groups know their positions already.
    is_of_one_beat: bool,
    /// Everything before here was fanned out.
    since: Seq,
    ids: Vec<InstrumentId>,
    venues: Vec<&'a str>,
}

impl<S: Socket> Shard<S> {
    /// Takes the beats that have come, oldest first, and fans out their sum as of the newest.
    pub fn turn(&mut self, ticks: &[Arc<Tick>]) {
        let is_tape = self.config.clock.is_tape();
        // A tape's beats are never taken together, so that nothing depends on how fast this thread is.
        for ticks in ticks.chunk_by(|a, b| a.epoch == b.epoch && !is_tape) {
            let is_beat = ticks[0].beat.is_some() || ticks[0].epoch != self.epoch;
            if is_tape && (is_beat || (ticks[0].number != self.beat && self.demand.is_paced())) {
                self.leave_behind();
            }
            if ticks[0].epoch != self.epoch {
                self.renew(&ticks[0]);
            }
            self.turn_of_epoch(ticks);
        }
    }

    fn turn_of_epoch(&mut self, ticks: &[Arc<Tick>]) {
        let Some(newest) = ticks.last() else { return };
        let (since, last_wall) = (self.table.seq(), self.wall);
        let beats: Vec<&SealedBeat> = ticks.iter().filter_map(|tick| tick.beat.as_ref()).collect();
        let mut touched = std::mem::take(&mut self.scratch.touched);
        for beat in &beats {
            self.take_beat(beat, beats.len() == 1, &mut touched);
        }
        // While a tape stands still, what fell due at its newest beat may still be sent.
        if !beats.is_empty() || newest.number != self.beat || !self.config.clock.is_tape() {
            self.beat_before = self.beat;
        }
        (self.beat, self.wall, self.ts) = (newest.number, newest.wall, newest.ts);
        self.budget = self.own_bytes_per_turn;
        for slot in self.take_busy() {
            self.look_after(slot, last_wall);
        }
        if !touched.is_empty() {
            // Ages in its chunks count from its own time, so that must be the time of the frames.
            let single = Some(newest).filter(|t| t.beat.is_some() && beats.len() == 1);
            self.fan_out(Span::new(single.map(Arc::as_ref), since, &beats, &self.table), &touched);
        }
        self.fan_out_paced();
        self.post();
        for slot in std::mem::take(&mut self.broken) {
            self.remove(slot, CloseReason::Broken);
        }
        self.catch_up_all();
        touched.drain(..).for_each(|g| self.groups.end_turn(g));
        self.scratch.touched = touched;
        self.visit();
        if self.wall != last_wall {
            self.close_some();
        }
        self.meters.end_turn();
    }

    /// Applies a beat to this shard's table and marks the groups that it concerns. Where it is the turn's only one,
    /// they are told the positions of its changes on the way.
    fn take_beat(&mut self, beat: &SealedBeat, is_only: bool, touched: &mut Vec<GroupId>) {
        let known = self.table.len();
        self.table.apply(beat);
        for (position, change) in beat.changes.iter().enumerate() {
            if let Some(listing) = change.listing.as_ref().filter(|_| change.id.index() >= known) {
                self.groups.listed(change.id, &listing.symbol);
            }
            let pick = is_only.then_some(position as u32);
            self.groups.mark(change.id, beat.seq, pick, touched);
        }
        for venue in &beat.venues {
            self.groups.mark_venue(venue.name.as_str(), beat.seq, touched);
        }
    }

    /// Goes on with what a busy subscriber was owed; one that is stuck too long is let go.
    fn look_after(&mut self, slot: u32, last_wall: u64) {
        let (beat, deadline) = (self.wall, self.config.slow_deadline_beats);
        self.pump(slot);
        let is_stuck = |s: &mut Subscriber<S>| s.is_blocked_at(last_wall) && s.blocked_for(beat) >= deadline;
        if self.subscriber(slot).is_some_and(is_stuck) {
            self.remove(slot, CloseReason::SlowConsumer);
        }
    }

    fn fan_out(&mut self, span: Span<'_>, touched: &[GroupId]) {
        if !span.is_of_one_beat {
            for (position, id) in span.ids.iter().enumerate() {
                self.groups.pick(*id, position as u32);
            }
        }
        for (at, venue) in span.venues.iter().enumerate() {
            self.groups.pick_venue(venue, (span.ids.len() + 2 * at) as u32);
        }
        let mut own: [Option<Chunks>; 3] = [None, None, None];
        for id in touched {
            // Its last member may have gone, or moved on, since the beat was taken.
            if !self.groups.is_touched(*id) {
                continue;
            }
            let encoding = self.groups.get(*id).key.encoding;
            let shared = span.single.and_then(|tick| tick.chunks(encoding));
            match shared {
                Some(chunks) => self.fan_out_group(*id, chunks, span.since),
                None => {
                    let chunks = own[encoding as usize]
                        .take()
                        .unwrap_or_else(|| self.encode(&span, encoding));
                    self.fan_out_group(*id, &chunks, span.since);
                    own[encoding as usize] = Some(chunks);
                }
            }
        }
    }

    /// Encodes a turn of several beats, or one whose encoding nobody wanted when it was sealed.
    fn encode(&self, span: &Span<'_>, encoding: Encoding) -> Chunks {
        let mut chunks = Chunks::new(encoding);
        for id in &span.ids {
            match self.table.delta_since(*id, span.since, span.since) {
                Some(entry) => chunks.push(&entry, self.ts),
                None => chunks.push_nothing(),
            }
        }
        let row = |name: &str| self.table.venues().find(|v| v.name.as_str() == name);
        span.venues
            .iter()
            .filter_map(|name| row(name))
            .for_each(|venue| chunks.push_venue_twice(venue));
        chunks
    }

    /// Writes the group's frame to every member that is current; the others are counted or caught up.
    ///
    /// The chunks count updates after `since`: whoever has counted some of them gets a delta of its own.
    pub(super) fn fan_out_group(&mut self, id: GroupId, chunks: &Chunks, since: Seq) {
        let seq = self.table.seq();
        let group = self.groups.get_mut(id);
        if !chunks.is_plain() {
            group.picks.retain(|pick| !chunks.is_nothing(*pick));
        }
        group.covered = seq;
        if group.picks.is_empty() {
            return;
        }
        let (members, picks) = (std::mem::take(&mut group.members), std::mem::take(&mut group.picks));
        let beats = group.beats.max(1);
        let head = DeltaHead {
            seq,
            prev_seq: group.last_frame,
            ts: self.ts,
            skipped: beats - 1,
        };
        let mut parts = std::mem::take(&mut self.scratch.parts);
        parts.clear();
        for slot in &members {
            let Some(subscriber) = self.subscribers[*slot as usize].as_ref() else {
                continue;
            };
            if subscriber.is_closed || subscriber.promised() >= seq {
                continue;
            }
            let is_blocked = subscriber.is_mid_delta() || subscriber.is_mid_snapshot();
            if is_blocked || subscriber.is_window_closed() {
                self.skip(*slot, beats);
            } else if subscriber.told < head.prev_seq || subscriber.counted() > since || subscriber.skipped > 0 {
                self.owe(*slot, beats);
            } else {
                if parts.is_empty() {
                    self.begin_frames();
                    let (compression, most) = (self.groups.get(id).key.compression, self.config.frame_bytes_max);
                    let frames = &mut self.outgoing.frames;
                    self.scratch.parts = parts;
                    build(&mut self.scratch, frames, compression, &head, chunks, &picks, most);
                    parts = std::mem::take(&mut self.scratch.parts);
                }
                self.send_shared(*slot, &parts, &head, beats);
            }
        }
        if !parts.is_empty() {
            let encoding = self.groups.get(id).key.encoding;
            self.meters.note_built(encoding, parts.len());
        }
        self.scratch.parts = parts;
        let group = self.groups.get_mut(id);
        (group.members, group.picks) = (members, picks);
        (group.last_frame, group.covered) = (seq, seq);
    }

    /// Writes a group's delta to one member: of one frame together with others, of several at once.
    fn send_shared(&mut self, slot: u32, parts: &[Part], head: &DeltaHead, beats: u32) {
        if let [whole] = parts {
            return self.send(slot, whole, head.seq, beats);
        }
        let beat = self.wall;
        let Some(subscriber) = self.subscribers[slot as usize].as_mut() else {
            return;
        };
        let mut rest = Rest::new(head.seq, head.prev_seq, subscriber.counted(), head.skipped);
        let mut venues = 0;
        for (at, part) in parts.iter().enumerate() {
            let frame = &self.outgoing.frames[part.frame.clone()];
            let sent = subscriber.offer(frame, beat);
            if sent.is_taken() {
                self.meters.note(subscriber.encoding, frame.len(), part.entries);
                rest.after = part.after;
                rest.is_begun = true;
                venues = part.venues;
            }
            let is_last = at + 1 == parts.len();
            match sent {
                Sent::Whole if is_last => {
                    subscriber.note_data(head.seq, true);
                    // The tape waits until it is opened.
                    if self.config.clock.is_tape() && subscriber.is_window_closed() {
                        self.make_busy(slot);
                    }
                    return;
                }
                Sent::Whole => {}
                Sent::Begun if is_last => {
                    subscriber.note_data(head.seq, true);
                    return self.make_busy(slot);
                }
                Sent::Nothing if !rest.is_begun => return self.owe(slot, beats),
                Sent::Begun | Sent::Nothing => {
                    subscriber.skipped = head.skipped;
                    if let Some(group) = subscriber.group.map(|g| self.groups.get(g)) {
                        rest.skip_venues(&self.table, group, venues);
                    }
                    subscriber.rest = Some(rest);
                    return self.make_busy(slot);
                }
                // Its group is being gone through, so it is taken out later.
                Sent::Broken => return self.broken.push(slot),
            }
        }
    }

    /// Counts beats that a subscriber does not get.
    pub(super) fn skip(&mut self, slot: u32, beats: u32) {
        if let Some(subscriber) = self.subscriber(slot) {
            subscriber.skipped = subscriber.skipped.saturating_add(beats);
            subscriber.skipped_ever += u64::from(beats);
            self.meters.skipped.increment(u64::from(beats));
        }
        self.make_busy(slot);
    }

    /// Counts all but the newest beat, which it may still get in a delta of its own.
    pub(super) fn owe(&mut self, slot: u32, beats: u32) {
        self.skip(slot, beats - 1);
        if let Some(subscriber) = self.subscriber(slot) {
            subscriber.owes_beat = true;
        }
    }

    /// Those that are behind and may have a delta now get one of their own.
    ///
    /// A beat that one of them does not get now is dropped; under a tape's clock only once the tape goes on.
    pub(super) fn catch_up_all(&mut self) {
        let is_tape = self.config.clock.is_tape();
        for at in 0..self.busy.len() {
            let Some(slot) = self.busy.get(at).copied() else {
                continue;
            };
            let Some(subscriber) = self.subscribers[slot as usize].as_ref() else {
                continue;
            };
            if !self.is_current(subscriber) && subscriber.pace.fell_due(self.beat_before, self.beat) {
                self.catch_up(slot);
            }
            let seq = self.table.seq();
            let is_left_out = |s: &mut Subscriber<S>| std::mem::take(&mut s.owes_beat) && s.promised() < seq;
            if !is_tape && self.subscriber(slot).is_some_and(is_left_out) {
                self.skip(slot, 1);
            }
        }
    }
}

impl<'a> Span<'a> {
    fn new(single: Option<&'a Tick>, since: Seq, beats: &[&'a SealedBeat], table: &Table) -> Span<'a> {
        let changes = beats.iter().flat_map(|beat| &beat.changes);
        let mut ids: Vec<InstrumentId> = changes.map(|change| change.id).collect();
        let mut venues: Vec<&str> = beats.iter().flat_map(|b| &b.venues).map(|v| v.name.as_str()).collect();
        if beats.len() > 1 {
            ids.sort_unstable();
            ids.dedup();
            // In the order of the table, as any delta has them.
            let position = |name: &&str| table.venues().position(|v| v.name.as_str() == *name);
            venues.sort_by_cached_key(position);
            venues.dedup();
        }
        Span {
            single,
            is_of_one_beat: beats.len() == 1,
            since,
            ids,
            venues,
        }
    }
}

/// Assembles a group's delta, in as many frames as its size asks for, and notes them as parts.
fn build(
    scratch: &mut Scratch,
    frames: &mut Vec<u8>,
    compression: Compression,
    head: &DeltaHead,
    chunks: &Chunks,
    picks: &[u32],
    frame_bytes_max: usize,
) {
    let (mut left, mut after, mut venues) = (picks, InstrumentId(0), 0);
    while !left.is_empty() {
        let (here, later) = left.split_at(picks_that_fit(chunks, left, frame_bytes_max));
        let more = !later.is_empty();
        scratch.frame.delta(
            &DeltaHead {
                skipped: if more { 0 } else { head.skipped },
                ..*head
            },
            chunks,
            here,
            more,
        );
        finish(scratch, chunks.encoding(), compression);
        let start = frames.len();
        frames.extend_from_slice(scratch.frame.as_bytes());
        after = here
            .iter()
            .rev()
            .find_map(|pick| chunks.instrument_at(*pick))
            .unwrap_or(after);
        let is_instrument = |pick: &&u32| chunks.instrument_at(**pick).is_some();
        let entries = here.iter().filter(is_instrument).count();
        venues += here.len() - entries;
        scratch.parts.push(Part {
            frame: start..frames.len(),
            after,
            venues,
            entries: entries as u32,
        });
        left = later;
    }
}
