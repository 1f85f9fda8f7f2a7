//! What waits for the disk, and what found no room there. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::market::{Event, Ts};

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Events of which none is updates alone may push aside.
    pub(super) events_max: usize,
    /// Batches that those came in.
    pub(super) batches_max: usize,
    /// Events beyond, of any kind but updates.
    pub(super) reserve_max: usize,
}

/// What the recorder takes from the queue.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    /// A batch, or what of it is not updates.
    Events { now: Ts, events: Arc<Vec<Event>> },
    /// So many were lost here, the last of them at this time.
    Gap { now: Ts, events: u64 },
}

/// Batches in their order, and between them how many events were lost.
#[derive(Debug)]
pub(super) struct Waiting {
    limits: Limits,
    items: VecDeque<Item>,
    /// In the items.
    events: usize,
    /// Lost since the newest item.
    lost: u64,
    lost_at: Ts,
    is_full: bool,
}

impl Waiting {
    pub(super) fn new(limits: Limits) -> Waiting {
        Waiting {
            limits,
            items: VecDeque::new(),
            events: 0,
            lost: 0,
            lost_at: Ts::default(),
            is_full: false,
        }
    }

    /// Events that wait.
    pub(super) fn events(&self) -> usize {
        self.events
    }

    /// Takes a batch, or of one that finds no room what is not updates; returns how many events were lost.
    ///
    /// Once full, it takes no updates until it is half empty: few long gaps, not many short ones, each of which costs a
    /// mark for every instrument.
    pub(super) fn offer(&mut self, now: Ts, events: &Arc<Vec<Event>>) -> u64 {
        let Limits {
            events_max,
            batches_max,
            ..
        } = self.limits;
        if self.is_full && self.events <= events_max / 2 && self.items.len() <= batches_max / 2 {
            self.is_full = false;
        }
        if !self.is_full && self.events + events.len() <= events_max && self.items.len() < batches_max {
            self.push(now, events.clone());
            return 0;
        }
        self.is_full = true;
        let kept = self.keep_others(now, events);
        let lost = (events.len() - kept) as u64;
        if lost > 0 {
            self.lost += lost;
            self.lost_at = now;
        }
        lost
    }

    /// The oldest that waits. What was lost since is told at once, with the queue empty.
    pub(super) fn next(&mut self) -> Option<Item> {
        let item = self.items.pop_front().or_else(|| self.gap())?;
        if let Item::Events { events, .. } = &item {
            self.events -= events.len();
        }
        Some(item)
    }

    /// Takes what of a batch is not updates while the reserve lasts; returns how many.
    ///
    /// The gap comes behind them: a state of this batch does not hide that its updates are missing.
    fn keep_others(&mut self, now: Ts, events: &Arc<Vec<Event>>) -> usize {
        let count = events.iter().filter(|event| !is_update(event)).count();
        if count == 0 || self.events + count > self.limits.events_max + self.limits.reserve_max {
            return 0;
        }
        let others = if count == events.len() {
            events.clone()
        } else {
            let mut others = Vec::with_capacity(count);
            others.extend(events.iter().filter(|event| !is_update(event)).cloned());
            Arc::new(others)
        };
        self.push(now, others);
        count
    }

    fn push(&mut self, now: Ts, events: Arc<Vec<Event>>) {
        if let Some(gap) = self.gap() {
            self.items.push_back(gap);
        }
        self.events += events.len();
        self.items.push_back(Item::Events { now, events });
    }

    fn gap(&mut self) -> Option<Item> {
        let events = std::mem::take(&mut self.lost);
        let now = self.lost_at;
        (events > 0).then_some(Item::Gap { now, events })
    }
}

fn is_update(event: &Event) -> bool {
    matches!(event, Event::Update(_))
}
