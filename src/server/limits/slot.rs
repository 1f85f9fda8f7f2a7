//! Places for those who stay: sessions, event streams and polls that wait.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::Taken;
use crate::server::App;
use crate::server::bounds::{EVENT_STREAMS_MAX, REFUSED_MAX, UNKNOWN_MAX};

/// Places that are taken.
#[derive(Debug, Default)]
pub(in crate::server) struct Places {
    pub(in crate::server) connections: AtomicUsize,
    /// Of these, event streams.
    events: AtomicUsize,
    /// Subscribers that have not said yet who they are.
    unknown: AtomicUsize,
    /// Browsers that are being told why they may not connect.
    refused: AtomicUsize,
}

/// One of so many places.
pub(in crate::server) struct Slot {
    app: Arc<App>,
    taken: fn(&Places) -> &AtomicUsize,
    /// What its address has of them.
    _of_address: Option<Taken>,
}

impl Slot {
    /// Takes one of the connections that may be open at a time, where one is left for the address and for all.
    pub(in crate::server) fn take(app: &Arc<App>, client: IpAddr) -> Option<Slot> {
        let config = app.live.config();
        let of_address = app.addresses.stay(client, &config.limits)?;
        let slot = Slot::of(app, |places| &places.connections, config.connections_max)?;
        Some(slot.counting(of_address))
    }

    /// The same for an event stream, of which there may be fewer.
    pub(in crate::server) fn of_events(app: &Arc<App>, client: IpAddr) -> Option<(Slot, Slot)> {
        let slot = Slot::take(app, client)?;
        Some((slot, Slot::of(app, |places| &places.events, EVENT_STREAMS_MAX)?))
    }

    /// One for a subscriber that has not said yet who it is: such leave places to those who are known.
    pub(in crate::server) fn of_unknown(app: &Arc<App>, client: IpAddr) -> Option<Slot> {
        let of_address = app.addresses.not_say(client, &app.live.config().limits)?;
        let slot = Slot::of(app, |places| &places.unknown, UNKNOWN_MAX)?;
        Some(slot.counting(of_address))
    }

    /// One for a browser that is refused: it takes none of the others' places.
    pub(in crate::server) fn of_refused(app: &Arc<App>, client: IpAddr) -> Option<Slot> {
        let of_address = app.addresses.turn_away(client, &app.live.config().limits)?;
        let slot = Slot::of(app, |places| &places.refused, REFUSED_MAX)?;
        Some(slot.counting(of_address))
    }

    /// Is one of its address's too.
    fn counting(mut self, of_address: Taken) -> Slot {
        self._of_address = Some(of_address);
        self
    }

    fn of(app: &Arc<App>, taken: fn(&Places) -> &AtomicUsize, most: usize) -> Option<Slot> {
        let before = taken(&app.places).fetch_add(1, Relaxed);
        let app = app.clone();
        let slot = Slot {
            app,
            taken,
            _of_address: None,
        };
        (before < most).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        (self.taken)(&self.app.places).fetch_sub(1, Relaxed);
    }
}
