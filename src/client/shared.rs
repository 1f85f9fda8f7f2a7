//! What the connection's task and the program share: the view and the notices.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::watch;

use super::notice::{Notice, Outbox};
use super::session::Todo;
use super::view::View;

/// The local view, locked for reading.
///
/// The subscriber waits while it is held: to be held for as long as a copy takes, not over an `await`.
#[derive(Debug)]
pub struct ViewGuard<'a>(RwLockReadGuard<'a, View>);

impl Deref for ViewGuard<'_> {
    type Target = View;

    fn deref(&self) -> &View {
        &self.0
    }
}

/// Owned by both sides.
#[derive(Debug)]
pub(super) struct Shared {
    view: RwLock<View>,
    outbox: Mutex<Outbox>,
    /// Moves whenever the view may have changed; closed when the task has ended.
    moved: watch::Sender<u64>,
    received_bytes: AtomicU64,
}

impl Shared {
    pub(super) fn new(moved: watch::Sender<u64>) -> Shared {
        Shared {
            view: RwLock::default(),
            outbox: Mutex::default(),
            moved,
            received_bytes: AtomicU64::new(0),
        }
    }

    /// Counts a message as it came.
    pub(super) fn count(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }

    // A reader that panics poisons nothing: it cannot have changed the view.
    pub(super) fn view(&self) -> ViewGuard<'_> {
        ViewGuard(self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.view.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands on what the session wants told.
    pub(super) fn tell(&self, todo: Todo) {
        {
            let mut outbox = self.outbox();
            todo.tell.into_iter().for_each(|notice| outbox.push(notice));
            outbox.push_changed(todo.changed);
        }
        self.moved.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// The last word.
    pub(super) fn end(&self, last: Option<Notice>) {
        let mut outbox = self.outbox();
        last.into_iter().for_each(|notice| outbox.push(notice));
        outbox.end();
        drop(outbox);
        self.moved.send_replace(u64::MAX);
    }
}
