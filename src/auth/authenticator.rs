//! The one place where credentials become an identity.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use rustls::pki_types::CertificateDer;
use tokio::sync::watch;

use crate::market::Ts;

use super::bounds::CREDENTIAL_BYTES_MAX;
use super::certificates::{Authorities, Certificates, ClientCertificate};
use super::entitlement::{Entitlement, Entitlements};
use super::error::{AuthError, Denied, Exhausted};
use super::identity::{Identity, Shown, Standing};
use super::jwt::Jwt;
use super::tickets::Tickets;
use super::tokens::Tokens;

/// Whom to believe what: all that the configuration says of it.
#[derive(Debug)]
pub struct Policy {
    entitlements: Entitlements,
    anonymous: Option<Arc<Entitlement>>,
    tokens: Tokens,
    jwt: Option<Jwt>,
    certificates: Certificates,
}

/// Knows who somebody is.
#[derive(Debug)]
pub struct Authenticator {
    policy: RwLock<Arc<Policy>>,
    /// Whose client certificates are believed, where any are.
    authorities: RwLock<Option<Arc<Authorities>>>,
    changes: watch::Sender<()>,
    tickets: Mutex<Tickets>,
}

impl Policy {
    /// Puts the parts together. `anonymous` names the entitlement of who shows no credentials.
    ///
    /// # Errors
    /// There is no such entitlement.
    pub fn new(
        entitlements: Entitlements,
        anonymous: Option<&str>,
        tokens: Tokens,
        jwt: Option<Jwt>,
        certificates: Certificates,
    ) -> Result<Policy, AuthError> {
        let find = |name: &str| {
            let missing = || AuthError::Entitlement {
                name: name.to_owned(),
                known: entitlements.names(),
            };
            entitlements.get(name).cloned().ok_or_else(missing)
        };
        let anonymous = anonymous.map(find).transpose()?;
        Ok(Policy {
            entitlements,
            anonymous,
            tokens,
            jwt,
            certificates,
        })
    }

    /// Whether anybody may do something.
    pub fn is_given(&self, right: impl Fn(&Entitlement) -> bool) -> bool {
        self.entitlements.all().any(right)
    }

    fn standing(&self, identity: &Identity) -> Standing {
        let allowed = match &identity.shown {
            Shown::Token(hash) => return self.tokens.standing(hash, identity),
            Shown::Certificate(certificate) => return self.certificates.standing(certificate, identity),
            Shown::Nothing => self.anonymous.as_ref(),
            Shown::SignedBy(key) => {
                let is_believed = self.jwt.as_ref().is_some_and(|jwt| jwt.counts(key));
                let name = &identity.entitlement.name;
                is_believed.then(|| self.entitlements.get(name)).flatten()
            }
        };
        match allowed {
            Some(allowed) if *allowed == identity.entitlement => Standing::Same,
            Some(_) => Standing::Changed,
            None => Standing::Revoked,
        }
    }

    fn find(&self, token: &str, now: Ts) -> Result<Identity, Denied> {
        if token.len() > CREDENTIAL_BYTES_MAX {
            return Err(Denied::TooLong);
        }
        match &self.jwt {
            Some(jwt) if Jwt::is_meant(token) => jwt.find(token, &self.entitlements, now),
            _ => self.tokens.find(token, now),
        }
    }
}

impl Authenticator {
    /// Goes by this policy, and believes client certificates of these authorities.
    pub fn new(policy: Policy, authorities: Option<Arc<Authorities>>) -> Authenticator {
        Authenticator {
            policy: RwLock::new(Arc::new(policy)),
            authorities: RwLock::new(authorities),
            changes: watch::Sender::new(()),
            tickets: Mutex::default(),
        }
    }

    /// Goes by another policy from now on, as a whole.
    pub fn replace(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
        self.changes.send_replace(());
    }

    /// Believes client certificates of these authorities from now on.
    pub fn believe(&self, authorities: Option<Arc<Authorities>>) {
        *self.authorities.write().unwrap_or_else(PoisonError::into_inner) = authorities;
        self.changes.send_replace(());
    }

    /// Tells when another policy is gone by, or others are believed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// What became of somebody who is known.
    pub fn standing(&self, identity: &Identity, now: Ts) -> Standing {
        let standing = self.policy().standing(identity);
        let Shown::Certificate(certificate) = &identity.shown else {
            return standing;
        };
        match self.until(certificate, now) {
            None => Standing::Revoked,
            until if standing == Standing::Same && until != identity.expires => Standing::Changed,
            Some(_) => standing,
        }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// Nobody's, for a reason that is for the log alone.
    pub fn authenticate(&self, token: &str, now: Ts) -> Result<Identity, Denied> {
        self.policy().find(token, now)
    }

    /// Reads what a client has shown in its handshake, its own certificate first; `None` where it has shown nothing.
    ///
    /// # Errors
    /// It is not believed any more.
    pub fn recognise(&self, chain: &[CertificateDer<'_>], now: Ts) -> Result<Option<ClientCertificate>, Denied> {
        if chain.is_empty() {
            return Ok(None);
        }
        let authorities = self.authorities().ok_or(Denied::Certificate)?;
        authorities.recognise(chain, now).map(Some)
    }

    /// Who is known by a certificate; `None` where it is nobody in particular.
    ///
    /// # Errors
    /// It is not believed any more.
    pub fn certified(&self, certificate: &Arc<ClientCertificate>, now: Ts) -> Result<Option<Identity>, Denied> {
        let until = self.until(certificate, now).ok_or(Denied::Certificate)?;
        let policy = self.policy();
        Ok(policy.certificates.find(certificate).map(|entry| {
            let shown = Shown::Certificate(certificate.clone());
            Identity::known(entry.name.clone(), entry.entitlement.clone(), Some(until), shown)
        }))
    }

    /// Who shows no credentials, where such may come in.
    pub fn anonymous(&self) -> Option<Identity> {
        self.policy().anonymous.clone().map(Identity::anonymous)
    }

    /// Gives a ticket, with which whoever shows it is this identity, once.
    ///
    /// # Errors
    /// Too many are open.
    pub fn give_ticket(&self, identity: Identity, now: Instant) -> Result<String, Exhausted> {
        self.tickets().give(identity, now)
    }

    /// Whose ticket this is; it is used then.
    ///
    /// # Errors
    /// Nobody's, or its credentials have expired meanwhile.
    pub fn take_ticket(&self, ticket: &str, at: Instant, now: Ts) -> Result<Identity, Denied> {
        let identity = self.tickets().take(ticket, at)?;
        match identity.left(now) {
            _ if self.standing(&identity, now) != Standing::Same => Err(Denied::Unknown),
            Some(left) if left.is_zero() => Err(Denied::Expired),
            _ => Ok(identity),
        }
    }

    fn until(&self, certificate: &ClientCertificate, now: Ts) -> Option<Ts> {
        self.authorities()?.until(certificate, now)
    }

    fn authorities(&self) -> Option<Arc<Authorities>> {
        self.authorities.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn policy(&self) -> Arc<Policy> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
