//! How many connections each identity has open: sockets and event streams together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::auth::Identity;
use crate::server::App;

/// Connections by identity; who has none does not stand there.
#[derive(Debug, Default)]
pub(in crate::server) struct Seats(Mutex<HashMap<Arc<str>, usize>>);

/// One connection of an identity.
pub(in crate::server) struct Seat {
    app: Arc<App>,
    name: Arc<str>,
}

impl Seat {
    /// Takes one, where the identity may have one more.
    pub(in crate::server) fn take(app: &Arc<App>, identity: &Identity) -> Option<Seat> {
        let most = identity.entitlement.connections_max.unwrap_or(usize::MAX);
        let mut all = app.seats.all();
        if all.get(identity.name()).copied().unwrap_or_default() >= most {
            return None;
        }
        *all.entry(identity.name().clone()).or_default() += 1;
        let (app, name) = (app.clone(), identity.name().clone());
        Some(Seat { app, name })
    }

    /// Whether it is this identity's.
    pub(in crate::server) fn is_of(&self, identity: &Identity) -> bool {
        self.name == *identity.name()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.app.seats.all();
        if let Some(taken) = all.get_mut(&self.name) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&self.name);
            }
        }
    }
}

impl Seats {
    fn all(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
