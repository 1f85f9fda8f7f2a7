//! The way of a frame from a feed's connection to the recorder: a queue that never makes the connection wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::bounds::{QUEUE_BYTES_MAX, QUEUE_FRAMES_MAX};
use crate::market::{Ts, VenueName};
use crate::monitor::names;

/// Makes a queue for the frames of a venue. Taps and recorder may come and go in any order.
pub fn frame_queue(venue: &VenueName) -> (FrameTap, FrameQueue) {
    bounded(venue, QUEUE_FRAMES_MAX, QUEUE_BYTES_MAX)
}

pub(super) fn bounded(venue: &VenueName, frames_max: usize, bytes_max: usize) -> (FrameTap, FrameQueue) {
    let (sender, receiver) = sync_channel(frames_max);
    let gauge = Arc::new(Gauge {
        dropped_metric: metrics::counter!(names::RECORD_DROPPED, "venue" => venue.as_str().to_owned()),
        venue: venue.clone(),
        bytes_max,
        bytes: AtomicUsize::new(0),
        offered: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        is_open: AtomicBool::new(true),
        is_behind: AtomicBool::new(false),
    });
    let tap = FrameTap {
        gauge: gauge.clone(),
        sender,
    };
    (tap, FrameQueue { gauge, receiver })
}

/// Where a feed's connection leaves a copy of each frame that it receives. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FrameTap {
    gauge: Arc<Gauge>,
    sender: SyncSender<Queued>,
}

/// The recorder's end of the queue.
#[derive(Debug)]
pub struct FrameQueue {
    gauge: Arc<Gauge>,
    receiver: Receiver<Queued>,
}

/// A frame that waits for the disk.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) ts_recv: Ts,
    pub(super) frame: Box<[u8]>,
}

/// What both ends know of the queue.
#[derive(Debug)]
pub(super) struct Gauge {
    pub(super) venue: VenueName,
    bytes_max: usize,
    /// Bytes of the frames that wait.
    bytes: AtomicUsize,
    /// Frames that taps were given.
    offered: AtomicU64,
    /// Those of them that the queue did not take.
    dropped: AtomicU64,
    dropped_metric: metrics::Counter,
    is_open: AtomicBool,
    is_behind: AtomicBool,
}

impl FrameTap {
    /// Leaves a copy of a frame for the recorder, or counts it as dropped. Never blocks and never waits.
    pub fn record(&self, ts_recv: Ts, frame: &[u8]) {
        // Before the queue: the recorder has never taken more than was offered.
        self.gauge.offered.fetch_add(1, Ordering::Relaxed);
        if !self.queue(ts_recv, frame) {
            self.gauge.drop_frame();
        }
    }

    fn queue(&self, ts_recv: Ts, frame: &[u8]) -> bool {
        if !self.gauge.is_open() || !self.gauge.reserve(frame.len()) {
            return false;
        }
        let queued = Queued {
            ts_recv,
            frame: frame.into(),
        };
        let is_queued = self.sender.try_send(queued).is_ok();
        if !is_queued {
            self.gauge.release(frame.len());
        }
        is_queued
    }
}

impl FrameQueue {
    /// The next frame, if one waits.
    pub(super) fn next(&self) -> Option<Queued> {
        let queued = self.receiver.try_recv().ok()?;
        self.gauge.release(queued.frame.len());
        Some(queued)
    }

    pub(super) fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }
}

impl Gauge {
    /// Whether taps still queue frames; else they only count them.
    pub(super) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Lets taps queue nothing more.
    pub(super) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
    }

    pub(super) fn offered(&self) -> u64 {
        self.offered.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Says, to be called with the queue empty, that it is so again.
    pub(super) fn tell_caught_up(&self) {
        if self.is_behind.swap(false, Ordering::Relaxed) {
            let dropped = self.dropped.load(Ordering::Relaxed);
            tracing::info!(venue = %self.venue, dropped, "recording has caught up");
        }
    }

    /// Counts a frame that the recorder took but that cannot be a record.
    pub(super) fn count_refused(&self) {
        self.dropped_metric.increment(1);
    }

    fn drop_frame(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        self.dropped_metric.increment(1);
        // A recording that has ended is not behind; why it ended was told.
        if self.is_open() && !self.is_behind.swap(true, Ordering::Relaxed) {
            tracing::warn!(venue = %self.venue, "recording falls behind, frames are dropped");
        }
    }

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
