//! Sessions that run: who each is, where from, and since when. How they fare is their shards' to say.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::fanout::SubscriberId;
use crate::market::Ts;

/// Those that run, some 60 bytes each.
#[derive(Debug, Default)]
pub(in crate::server) struct Sessions(Mutex<HashMap<SubscriberId, Running>>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Running {
    /// Who it is by now.
    pub(in crate::server) identity: Arc<str>,
    /// Where it comes from.
    pub(in crate::server) client: IpAddr,
    /// When it began.
    pub(in crate::server) since: Ts,
    /// It speaks TLS.
    pub(in crate::server) is_tls: bool,
}

/// A session's entry, as long as it runs.
pub(in crate::server) struct Entry {
    sessions: Arc<Sessions>,
    id: SubscriberId,
}

impl Entry {
    /// Enters a session.
    pub(in crate::server) fn of(sessions: &Arc<Sessions>, id: SubscriberId, running: Running) -> Entry {
        sessions.all().insert(id, running);
        let sessions = sessions.clone();
        Entry { sessions, id }
    }

    /// Notes who it is from now on.
    pub(in crate::server) fn rename(&self, identity: Arc<str>) {
        if let Some(running) = self.sessions.all().get_mut(&self.id) {
            running.identity = identity;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.all().remove(&self.id);
    }
}

impl Sessions {
    /// The session of this number, where it still runs.
    pub(in crate::server) fn get(&self, id: SubscriberId) -> Option<Running> {
        self.all().get(&id).cloned()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<SubscriberId, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_session_is_there_under_its_newest_name_until_its_end() {
        let sessions = Arc::new(Sessions::default());
        let running = |name: &str| Running {
            identity: name.into(),
            client: Ipv4Addr::LOCALHOST.into(),
            since: Ts(5),
            is_tls: true,
        };
        let first = Entry::of(&sessions, SubscriberId(1), running("nobody"));
        let _second = Entry::of(&sessions, SubscriberId(2), running("bob"));
        first.rename("alice".into());
        assert_eq!(sessions.get(SubscriberId(1)), Some(running("alice")));
        drop(first);
        assert_eq!(sessions.get(SubscriberId(1)), None);
        assert_eq!(sessions.get(SubscriberId(2)), Some(running("bob")));
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<(SubscriberId, Running)>() <= 56);
    }
}
