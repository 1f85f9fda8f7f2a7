//! Places for those who stay: sessions, event streams and polls that wait.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::App;

/// One of the connections that may be open at a time.
pub(super) struct Slot(Arc<App>);

impl Slot {
    /// Takes one, where one is left.
    pub(super) fn take(app: &Arc<App>) -> Option<Slot> {
        let open = app.connections.fetch_add(1, Relaxed);
        let slot = Slot(app.clone());
        (open < app.connections_max).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}
