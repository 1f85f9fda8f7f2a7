//! What may change while the server runs: limits, whom to believe, the certificate.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Semaphore;

use super::bounds::PLAIN_CONNECTIONS_MAX;
use super::tls::{Certificate, Renewed};
use super::{App, ServerConfig, Tls};
use crate::auth::{Authenticator, Policy};

/// The settings that hold now. A connection goes by those that held when it began.
#[derive(Debug)]
pub(super) struct Live {
    config: RwLock<Arc<ServerConfig>>,
    /// One for each connection that may be open, and how many there are of them: never fewer than there were.
    pub(super) sockets: Arc<Semaphore>,
    sockets_max: AtomicUsize,
}

/// A hold on a running server.
pub struct Remote {
    live: Arc<Live>,
    authenticator: Option<Arc<Authenticator>>,
    tls: Option<Tls>,
}

impl Live {
    pub(super) fn new(config: ServerConfig) -> Arc<Live> {
        let sockets_max = config.connections_max + PLAIN_CONNECTIONS_MAX;
        Arc::new(Live {
            config: RwLock::new(Arc::new(config)),
            sockets: Arc::new(Semaphore::new(sockets_max)),
            sockets_max: AtomicUsize::new(sockets_max),
        })
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections there may be, of those that stay and the others.
    pub(super) fn sockets_max(&self) -> usize {
        self.sockets_max.load(Relaxed)
    }

    fn replace(&self, config: ServerConfig) {
        let wanted = config.connections_max + PLAIN_CONNECTIONS_MAX;
        let before = self.sockets_max.fetch_max(wanted, Relaxed);
        self.sockets.add_permits(wanted.saturating_sub(before));
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

impl App {
    /// What a running server is changed by.
    pub fn remote(&self) -> Remote {
        Remote {
            live: self.live.clone(),
            authenticator: self.door.authenticator().cloned(),
            tls: self.tls.clone(),
        }
    }
}

impl Remote {
    /// Goes by these from now on, and says what of the certificate is another one. Whom to believe and what to show are
    /// passed over where nobody is asked who it is, and where no TLS is spoken.
    pub fn apply(&self, config: ServerConfig, policy: Option<Policy>, certificate: Option<Certificate>) -> Renewed {
        self.live.replace(config);
        if let (Some(authenticator), Some(policy)) = (&self.authenticator, policy) {
            authenticator.replace(policy);
        }
        certificate.map_or_else(Renewed::default, |certificate| self.show(certificate))
    }

    /// Shows another certificate from now on, and believes the authorities of clients that came with it: whoever is connected
    /// is measured by these too.
    pub(super) fn show(&self, certificate: Certificate) -> Renewed {
        let Some(tls) = &self.tls else {
            return Renewed::default();
        };
        let renewed = tls.show(certificate);
        if let (Some(authenticator), true) = (&self.authenticator, renewed.authorities) {
            authenticator.believe(tls.authorities());
        }
        renewed
    }
}
