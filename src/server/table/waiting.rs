//! Who waits over HTTP: how many, and how they come and go.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::Gauge;

use super::Query;
use super::asked::Asked;
use super::watches::{Watch, Watches};
use crate::monitor::names;

/// Polls that wait, and event streams.
#[derive(Debug)]
pub(in crate::server) struct Waiting {
    count: AtomicUsize,
    gauge: Gauge,
    /// Keys of those who have gone: they leave without waiting for the table.
    gone: Mutex<Vec<u64>>,
}

/// Someone who waits.
#[derive(Debug)]
pub(in crate::server) struct Watching {
    query: Arc<Query>,
    key: u64,
    pub(in crate::server) watch: Arc<Watch>,
}

impl Waiting {
    /// Before the first.
    pub(in crate::server) fn new() -> Waiting {
        let gauge = metrics::gauge!(names::WAITING);
        gauge.set(0.0);
        Waiting {
            count: AtomicUsize::new(0),
            gauge,
            gone: Mutex::default(),
        }
    }

    /// How many wait.
    pub(in crate::server) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Takes out those who have gone.
    pub(in crate::server) fn clear_up(&self, watches: &mut Watches) {
        let gone = std::mem::take(&mut *self.gone());
        gone.into_iter().for_each(|key| watches.remove(key));
    }

    fn gone(&self) -> MutexGuard<'_, Vec<u64>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Query {
    /// Waits for changes of what is asked for from now on, until it is dropped; on a thread that may block.
    pub(in crate::server) fn watch(self: &Arc<Self>, asked: &Asked) -> Watching {
        let (key, watch) = self.write(|state| {
            self.waiting.clear_up(&mut state.watches);
            state
                .watches
                .add(asked.strings.clone(), asked.rights().clone(), &state.table)
        });
        self.waiting.count.fetch_add(1, Relaxed);
        self.waiting.gauge.increment(1.0);
        let query = self.clone();
        Watching { query, key, watch }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let waiting = &self.query.waiting;
        waiting.count.fetch_sub(1, Relaxed);
        waiting.gauge.decrement(1.0);
        waiting.gone().push(self.key);
    }
}
