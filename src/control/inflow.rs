//! What feeds tell the engine.

use std::sync::Arc;
use std::time::Instant;

use crate::market::{Event, Ts};
use crate::store::{Epoch, Image};

/// One item of the channel from the feeds to the engine, taken in its order.
#[derive(Clone, Debug)]
pub enum Inflow {
    /// Events of one feed, oldest first; shared with a recorder, if there is one.
    Events {
        /// When they were handed over; for measuring lag alone.
        handed: Instant,
        /// The timeline's time at which they count as taken, where it is the tape's; else the engine's own clock says.
        now: Option<Ts>,
        /// What happened.
        events: Arc<Vec<Event>>,
    },
    /// These instruments and venues are to become exactly this; others stay as they are. The epoch goes on.
    Restore(Box<Image>),
    /// A new epoch begins, with this and nothing else: all that was said before is void.
    Renew {
        /// Its number.
        epoch: Epoch,
        /// What it begins with; often nothing.
        image: Box<Image>,
    },
    /// A beat of the tape's clock ends at this time, with all that came since the one before.
    ///
    /// Said only where the clock is the tape's: there no beat ends otherwise.
    Beat(Ts),
}

impl Inflow {
    /// Events that are handed over now and stamped by the engine's own clock.
    pub fn events(events: Vec<Event>) -> Inflow {
        Inflow::Events {
            handed: Instant::now(),
            now: None,
            events: Arc::new(events),
        }
    }

    /// The events, if it is such; else none.
    pub fn into_events(self) -> Vec<Event> {
        match self {
            Inflow::Events { events, .. } => Arc::unwrap_or_clone(events),
            Inflow::Restore(_) | Inflow::Renew { .. } | Inflow::Beat(_) => Vec::new(),
        }
    }
}
