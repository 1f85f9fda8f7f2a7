//! Places for those who stay: sessions, event streams and polls that wait.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::App;
use super::bounds::EVENT_STREAMS_MAX;

/// One of the connections that may be open at a time.
pub(super) struct Slot(Arc<App>);

/// The same for an event stream, of which there may be fewer.
pub(super) struct EventSlot {
    _slot: Slot,
    app: Arc<App>,
}

impl Slot {
    /// Takes one, where one is left.
    pub(super) fn take(app: &Arc<App>) -> Option<Slot> {
        let open = app.connections.fetch_add(1, Relaxed);
        let slot = Slot(app.clone());
        (open < app.connections_max).then_some(slot)
    }

    /// Takes one for an event stream.
    pub(super) fn of_events(app: &Arc<App>) -> Option<EventSlot> {
        let slot = Slot::take(app)?;
        let open = app.event_streams.fetch_add(1, Relaxed);
        let (app, _slot) = (app.clone(), slot);
        let slot = EventSlot { _slot, app };
        (open < EVENT_STREAMS_MAX).then_some(slot)
    }
}

impl Drop for EventSlot {
    fn drop(&mut self) {
        self.app.event_streams.fetch_sub(1, Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}
