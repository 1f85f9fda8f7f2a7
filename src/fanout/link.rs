//! What a shard and a session's reading task share: answers written, and the end.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Notify;

use super::CloseReason;

/// The writing half of a subscriber's connection. Never waits.
pub trait Socket: Send {
    /// Writes as much as is taken now; `WouldBlock` where that is nothing.
    ///
    /// # Errors
    /// Any other error ends the connection.
    fn send(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// The system's number of the socket, where bytes written straight to it are as good as [`Socket::send`].
    fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Breaks the connection at once, throwing away what the kernel still holds.
    fn abort(&mut self);
}

/// Signals from the shard to the reading task of the same subscriber.
#[derive(Debug, Default)]
pub struct Link {
    answers: AtomicU64,
    ended: OnceLock<CloseReason>,
    changed: Notify,
    /// Who it is, for the log.
    identity: Mutex<Option<Arc<str>>>,
}

impl Link {
    /// Notes that an answer was handed to the kernel whole.
    pub(super) fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Release);
        self.changed.notify_one();
    }

    /// Notes the end; the first reason stands.
    pub(super) fn end(&self, reason: CloseReason) {
        let _ = self.ended.set(reason);
        self.changed.notify_one();
    }

    /// Why the shard is done with this subscriber, if it is.
    pub fn ended(&self) -> Option<&CloseReason> {
        self.ended.get()
    }

    /// Notes who it is from now on.
    pub fn name(&self, identity: Arc<str>) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity);
    }

    /// Who it is, as far as that was said.
    pub(super) fn identity(&self) -> Arc<str> {
        let identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        identity.clone().unwrap_or_default()
    }

    /// Answers written so far.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Acquire)
    }

    /// Waits until an answer was written or the end came. One task at a time may wait.
    ///
    /// # Cancel safety
    /// A signal is not lost when the future is dropped.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
