//! The way of events from the feeds to the recorder: a queue that never makes a feed wait and copies no update.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Tally;
use super::bounds::{EVENT_BATCHES_QUEUED_MAX, EVENTS_QUEUED_MAX, EVENTS_RESERVE_MAX};
use super::waiting::{Item, Limits, Waiting};
use crate::market::{Event, Ts};
use crate::monitor::names;

/// Makes the queue from the feeds to a tape's recorder. Taps and recorder may come and go in any order.
pub fn event_queue() -> (EventTap, EventQueue) {
    bounded(Limits {
        events_max: EVENTS_QUEUED_MAX,
        batches_max: EVENT_BATCHES_QUEUED_MAX,
        reserve_max: EVENTS_RESERVE_MAX,
    })
}

pub(super) fn bounded(limits: Limits) -> (EventTap, EventQueue) {
    let dropped = metrics::counter!(names::RECORD_EVENTS_DROPPED);
    let shared = Arc::new(Shared {
        crowd: limits.events_max / 2,
        waiting: Mutex::new(Waiting::new(limits)),
        waiting_metric: metrics::gauge!(names::RECORD_EVENTS_WAITING),
    });
    let tally = Arc::new(Tally::new("tape".to_owned(), "events", dropped));
    let tap = EventTap {
        tally: tally.clone(),
        shared: shared.clone(),
    };
    (tap, EventQueue { tally, shared })
}

/// Where feeds leave their batches for the recorder. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EventTap {
    tally: Arc<Tally>,
    shared: Arc<Shared>,
}

/// The recorder's end of the queue. Dropped, it loses what waits, and counts it.
#[derive(Debug)]
pub struct EventQueue {
    tally: Arc<Tally>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// So many waiting events are a crowd.
    crowd: usize,
    /// Held for a push or a pop, never for a disk. With a queue that needs no lock the place of a gap between the
    /// batches of two feeds could not be told.
    waiting: Mutex<Waiting>,
    waiting_metric: metrics::Gauge,
}

impl EventTap {
    /// Leaves a batch for the recorder, or counts what of it finds no room; a gap in the tape will say so in its place.
    ///
    /// Never waits for the recorder. `now` is the time of all of them on the tape. The batch is shared, not copied, but for
    /// what of a batch without room is not updates: that goes into a reserve.
    pub fn record(&self, now: Ts, events: &Arc<Vec<Event>>) {
        self.tally.offer(events.len() as u64);
        let mut waiting = self.shared.lock();
        // Asked under the lock: once the queue is gone, nothing more waits.
        let lost = if self.tally.is_open() {
            waiting.offer(now, events)
        } else {
            events.len() as u64
        };
        self.shared.waiting_metric.set(waiting.events() as f64);
        drop(waiting);
        if lost > 0 {
            self.tally.lose(lost);
        }
    }

    /// Whether more waits than half of what may: who can wait as well does so now and loses nothing.
    pub fn is_crowded(&self) -> bool {
        self.tally.is_open() && self.shared.lock().events() > self.shared.crowd
    }
}

impl EventQueue {
    /// The next batch or gap, if one waits.
    pub(super) fn next(&self) -> Option<Item> {
        let mut waiting = self.shared.lock();
        let item = waiting.next();
        self.shared.waiting_metric.set(waiting.events() as f64);
        item
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        self.shared.lock().events()
    }

    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }
}

impl Drop for EventQueue {
    fn drop(&mut self) {
        self.tally.close();
        while let Some(item) = self.next() {
            // What a gap tells was counted when it was lost.
            if let Item::Events { events, .. } = item {
                self.tally.lose(events.len() as u64);
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
