//! Messages that carry data, assembled from heads and shared chunks.

use crate::market::Ts;
use crate::store::Seq;

use super::body::{Body, Sections};
use super::head::{DeltaHead, SnapshotHead, SnapshotTail};
use super::primitive::{LEN, varint_len};
use super::{Chunks, Encoding};

/// Room in front of a message: 6 bytes for protobuf's outer tag and length, 10 for a WebSocket header.
const HEADROOM: usize = 16;

/// Most bytes of a frame besides its units: JSON's names and numbers are the longest.
const HEAD_BYTES_MAX: usize = 320;

/// Smallest bound on a message that can be asked for: one instrument with every field in JSON, with its
/// announcement and the longest symbol, takes less than half of it.
pub const FRAME_BYTES_MIN: usize = 4_096;

/// One message being assembled, with room in front for its headers. Reused without allocating.
#[derive(Clone, Debug, Default)]
pub struct FrameBuf {
    bytes: Vec<u8>,
    start: usize,
}

impl FrameBuf {
    /// Makes an empty one.
    pub fn new() -> FrameBuf {
        FrameBuf::default()
    }

    /// The message, and what was put in front of it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Takes a finished message.
    pub fn copy_from(&mut self, message: &[u8]) {
        self.begin();
        self.bytes.extend_from_slice(message);
    }

    /// Puts bytes in front; at most ten in all.
    pub fn prepend(&mut self, head: &[u8]) {
        self.start -= head.len();
        self.bytes[self.start..self.start + head.len()].copy_from_slice(head);
    }

    /// Assembles a delta of the picked units.
    pub fn delta(&mut self, head: &DeltaHead, chunks: &Chunks, picks: &[u32], more: bool) {
        self.begin();
        let sections = Sections::count(chunks, picks);
        let has_prev = head.prev_seq.next() != head.seq;
        let fields = 2 + usize::from(has_prev) + sections.fields() + usize::from(head.skipped > 0) + usize::from(more);
        let mut body = Body::open(&mut self.bytes, chunks.encoding(), 3, "delta", fields);
        body.uint(1, "seq", head.seq.0);
        if has_prev {
            body.uint(2, "prev_seq", head.prev_seq.0);
        }
        body.stamp(3, "ts", head.ts.as_wire());
        body.sections(chunks, picks, &sections, 4);
        body.uint_unless_zero(8, "skipped", u64::from(head.skipped));
        body.flag(9, "more", more);
        body.close();
        self.enclose(chunks.encoding(), 3);
    }

    /// Assembles a snapshot's part of the picked units; the last part has the tail.
    pub fn snapshot(&mut self, head: &SnapshotHead, chunks: &Chunks, picks: &[u32], tail: Option<&SnapshotTail>) {
        self.begin();
        let sections = Sections::count(chunks, picks);
        let has = |list: usize| usize::from(list > 0);
        let ends = tail.map_or(0, |t| has(t.pending.len()) + has(t.rejected.len()));
        let heads = 2 + usize::from(head.seq.0 > 0) + usize::from(head.request_id > 0);
        let fields = heads + sections.fields() + usize::from(head.resumed) + usize::from(tail.is_none()) + ends;
        let mut body = Body::open(&mut self.bytes, chunks.encoding(), 2, "snapshot", fields);
        body.stamp(1, "epoch", head.epoch.get());
        body.uint_unless_zero(2, "seq", head.seq.0);
        body.stamp(3, "ts", head.ts.as_wire());
        body.uint_unless_zero(4, "request_id", head.request_id);
        body.sections(chunks, picks, &sections, 5);
        body.flag(9, "resumed", head.resumed);
        body.flag(10, "more", tail.is_none());
        if let Some(tail) = tail {
            body.tail(tail);
        }
        body.close();
        self.enclose(chunks.encoding(), 2);
    }

    /// Assembles a heartbeat.
    pub fn heartbeat(&mut self, encoding: Encoding, seq: Seq, ts: Ts, prev_seq: Seq) {
        self.begin();
        let fields = 1 + usize::from(seq.0 > 0) + usize::from(prev_seq.0 > 0);
        let mut body = Body::open(&mut self.bytes, encoding, 4, "heartbeat", fields);
        body.uint_unless_zero(1, "seq", seq.0);
        body.stamp(2, "ts", ts.as_wire());
        body.uint_unless_zero(3, "prev_seq", prev_seq.0);
        body.close();
        self.enclose(encoding, 4);
    }

    fn begin(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADROOM, 0);
        self.start = HEADROOM;
    }

    /// Protobuf's outer message: the body's tag and length, known only now.
    fn enclose(&mut self, encoding: Encoding, number: u32) {
        if encoding == Encoding::Protobuf {
            let len = (self.bytes.len() - HEADROOM) as u64;
            let (mut head, mut at) = ([0u8; 6], 1);
            head[0] = (number << 3 | LEN) as u8;
            let mut left = len;
            for place in (0..varint_len(len)).rev() {
                head[at] = left as u8 & 0x7f | if place > 0 { 0x80 } else { 0 };
                left >>= 7;
                at += 1;
            }
            self.prepend(&head[..at]);
        }
    }
}

/// How many of `picks`, from the first, fit into one message: at least one.
pub fn picks_that_fit(chunks: &Chunks, picks: &[u32], frame_bytes_max: usize) -> usize {
    let mut room = room(frame_bytes_max);
    if chunks.cost() <= room {
        return picks.len();
    }
    let fits = |pick: &&u32| {
        let cost = chunks.unit(**pick as usize).cost();
        let fits = cost <= room;
        room = room.saturating_sub(cost);
        fits
    };
    picks.iter().take_while(fits).count().max(1).min(picks.len())
}

/// Bytes of a message that are left for entries and a snapshot's tail.
pub fn room(frame_bytes_max: usize) -> usize {
    frame_bytes_max.saturating_sub(HEAD_BYTES_MAX)
}
