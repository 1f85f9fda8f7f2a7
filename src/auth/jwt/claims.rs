//! What a token says of somebody.

use serde::Deserialize;

use crate::auth::bounds::LEEWAY;
use crate::auth::entitlement::Entitlements;
use crate::auth::error::Denied;
use crate::auth::identity::{Identity, Shown, is_name};
use crate::market::Ts;

/// The claims that mean something here (RFC 7519, 4.1); others are passed over, and none may be there twice.
#[derive(Deserialize)]
pub(super) struct Claims {
    exp: f64,
    nbf: Option<f64>,
    aud: Audience,
    iss: Option<String>,
    sub: String,
    entitlement: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Reads a payload; who lacks a claim that is needed, or has one of another type, is malformed.
    pub(super) fn parse(payload: &[u8]) -> Result<Claims, Denied> {
        serde_json::from_slice(payload).map_err(|_| Denied::Malformed)
    }

    /// Who it is, if all holds now.
    pub(super) fn check(
        self,
        audience: &str,
        issuer: Option<&str>,
        entitlements: &Entitlements,
        shown: Shown,
        now: Ts,
    ) -> Result<Identity, Denied> {
        let leeway = LEEWAY.as_nanos() as i64;
        // Whoever signs by a clock behind ours means this time.
        let expires = Ts(time(self.exp).0.saturating_add(leeway));
        if expires <= now {
            return Err(Denied::Expired);
        }
        if self.nbf.is_some_and(|nbf| time(nbf).0.saturating_sub(leeway) > now.0) {
            return Err(Denied::Early);
        }
        let is_for_us = match &self.aud {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        };
        if !is_for_us {
            return Err(Denied::Audience);
        }
        if issuer.is_some() && self.iss.as_deref() != issuer {
            return Err(Denied::Issuer);
        }
        if !is_name(&self.sub) {
            return Err(Denied::Subject);
        }
        let entitlement = entitlements.get(&self.entitlement).ok_or(Denied::Entitlement)?;
        Ok(Identity::known(
            self.sub.into(),
            entitlement.clone(),
            Some(expires),
            shown,
        ))
    }
}

/// Seconds since 1970, whole or not; beyond the years that there are, the last of them.
fn time(seconds: f64) -> Ts {
    Ts((seconds * 1e9) as i64)
}
