//! Somebody who is known, or who showed nothing.

use std::sync::Arc;
use std::time::Duration;

use crate::market::Ts;

use super::bounds::NAME_BYTES_MAX;
use super::certificates::ClientCertificate;
use super::entitlement::Entitlement;
use super::secret::Hash;

/// Name of everybody who shows no credentials: no token may have it.
const ANONYMOUS: &str = "anonymous";

/// Who asks, and what that allows.
#[derive(Clone, Debug)]
pub struct Identity {
    name: Arc<str>,
    /// What it may.
    pub entitlement: Arc<Entitlement>,
    /// From when on its credentials are worth nothing.
    pub expires: Option<Ts>,
    /// It has shown credentials.
    pub is_authenticated: bool,
    pub(super) shown: Shown,
}

/// What somebody has shown, to know it again where whom to believe has changed.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    Nothing,
    /// A static token of this hash.
    Token(Hash),
    /// A JSON Web Token of this print: the key that has signed it, for whom and from whom it is.
    SignedBy(Hash),
    /// A certificate, when it connected.
    Certificate(Arc<ClientCertificate>),
}

/// What became of somebody who is known, once whom to believe has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All as before.
    Same,
    /// Still known, and allowed something else.
    Changed,
    /// Known no longer.
    Revoked,
}

impl Identity {
    /// Whoever shows no credentials.
    pub fn anonymous(entitlement: Arc<Entitlement>) -> Identity {
        Identity {
            name: ANONYMOUS.into(),
            entitlement,
            expires: None,
            is_authenticated: false,
            shown: Shown::Nothing,
        }
    }

    /// Somebody whose credentials are good.
    pub(super) fn known(name: Arc<str>, entitlement: Arc<Entitlement>, expires: Option<Ts>, shown: Shown) -> Identity {
        Identity {
            name,
            entitlement,
            expires,
            is_authenticated: true,
            shown,
        }
    }

    /// Its name, for the log and to count its connections.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How long it is worth something yet; `None` where it does not end, zero where it has.
    pub fn left(&self, now: Ts) -> Option<Duration> {
        let left = |expires: Ts| u64::try_from(expires.0.saturating_sub(now.0)).unwrap_or(0);
        self.expires.map(|expires| Duration::from_nanos(left(expires)))
    }
}

/// Whether an identity may be called so: what stands in a log is one word, and nobody is called as those who show nothing.
pub(super) fn is_name(text: &str) -> bool {
    let is_char = |c: char| !c.is_control() && !c.is_whitespace();
    (1..=NAME_BYTES_MAX).contains(&text.len()) && ![ANONYMOUS, "nobody"].contains(&text) && text.chars().all(is_char)
}

/// What [`is_name`] takes.
pub(super) const NAME_ALLOWED: &str =
    "1 to 254 bytes without white space and control characters, and not `anonymous` or `nobody`";
