//! The way of a frame from a feed's connection to the recorder: a queue that never makes the connection wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::super::recording::Tally;
use super::bounds::{QUEUE_BYTES_MAX, QUEUE_FRAMES_MAX};
use crate::market::{Ts, VenueName};
use crate::monitor::names;

/// Makes a queue for the frames of a venue. Taps and recorder may come and go in any order.
pub fn frame_queue(venue: &VenueName) -> (FrameTap, FrameQueue) {
    bounded(venue, QUEUE_FRAMES_MAX, QUEUE_BYTES_MAX)
}

pub(super) fn bounded(venue: &VenueName, frames_max: usize, bytes_max: usize) -> (FrameTap, FrameQueue) {
    let (sender, receiver) = sync_channel(frames_max);
    let dropped = metrics::counter!(names::RECORD_DROPPED, "venue" => venue.as_str().to_owned());
    let tally = Arc::new(Tally::new(venue.to_string(), "frames", dropped));
    let room = Arc::new(Room {
        bytes_max,
        bytes: AtomicUsize::new(0),
    });
    let tap = FrameTap {
        tally: tally.clone(),
        room: room.clone(),
        sender,
    };
    let queue = FrameQueue {
        venue: venue.clone(),
        tally,
        room,
        receiver,
    };
    (tap, queue)
}

/// Where a feed's connection leaves a copy of each frame that it receives. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FrameTap {
    tally: Arc<Tally>,
    room: Arc<Room>,
    sender: SyncSender<Queued>,
}

/// The recorder's end of the queue.
#[derive(Debug)]
pub struct FrameQueue {
    venue: VenueName,
    tally: Arc<Tally>,
    room: Arc<Room>,
    receiver: Receiver<Queued>,
}

/// A frame that waits for the disk.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) ts_recv: Ts,
    pub(super) frame: Box<[u8]>,
}

/// Bytes of the frames that wait, and may.
#[derive(Debug)]
struct Room {
    bytes_max: usize,
    bytes: AtomicUsize,
}

impl FrameTap {
    /// Leaves a copy of a frame for the recorder, or counts it as dropped. Never blocks and never waits.
    pub fn record(&self, ts_recv: Ts, frame: &[u8]) {
        self.tally.offer(1);
        if !self.queue(ts_recv, frame) {
            self.tally.lose(1);
        }
    }

    fn queue(&self, ts_recv: Ts, frame: &[u8]) -> bool {
        if !self.tally.is_open() || !self.room.reserve(frame.len()) {
            return false;
        }
        let queued = Queued {
            ts_recv,
            frame: frame.into(),
        };
        let is_queued = self.sender.try_send(queued).is_ok();
        if !is_queued {
            self.room.release(frame.len());
        }
        is_queued
    }
}

impl FrameQueue {
    /// The next frame, if one waits.
    pub(super) fn next(&self) -> Option<Queued> {
        let queued = self.receiver.try_recv().ok()?;
        self.room.release(queued.frame.len());
        Some(queued)
    }

    pub(super) fn venue(&self) -> &VenueName {
        &self.venue
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
}

impl Room {
    /// Takes room before the frame is copied, so that all taps together keep the bound.
    fn reserve(&self, bytes: usize) -> bool {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before.saturating_add(bytes) <= self.bytes_max;
        if !has_room {
            self.release(bytes);
        }
        has_room
    }

    fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
