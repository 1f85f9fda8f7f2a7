//! JSON Web Tokens (RFC 7519) as JWS in its compact form (RFC 7515), signed by EdDSA, ES256, RS256 or HS256.
//!
//! The best current practices (RFC 8725) that apply: the algorithm is the key's, never the token's own choice (3.1); all
//! keys are checked when they are read (3.4, 3.5); the audience is always checked (3.9), the issuer where it is set (3.8).
//! The signatures are ring's, which TLS brings already: crates made for these tokens bring a second set of cryptography,
//! one of which has an open advisory (RUSTSEC-2023-0071).

mod claims;
mod file;
mod key;
mod spki;
#[cfg(test)]
mod tests;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::market::Ts;

use super::entitlement::Entitlements;
use super::error::{AuthError, Denied};
use super::identity::{Identity, Shown};
use super::secret::Hash;
use claims::Claims;
use key::Key;

/// Keys, and what a token has to say beside being signed by one of them.
#[derive(Debug)]
pub struct Jwt {
    keys: Vec<Key>,
    audience: String,
    issuer: Option<String>,
}

/// The parts of a token's header that mean something here.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that must be understood: there are none.
    crit: Option<IgnoredAny>,
}

impl Jwt {
    /// Reads a file of keys. Blocks on it.
    ///
    /// A JSON object is a key or a set of keys (RFC 7517); `-----BEGIN PUBLIC KEY-----` is public keys in PEM; a file whose
    /// name ends in `.secret` is the shared secret of HS256, with or without a line end behind it.
    ///
    /// # Errors
    /// What is wrong with it, and what is allowed.
    pub fn read(path: &Path, audience: String, issuer: Option<String>) -> Result<Jwt, AuthError> {
        let file = path.to_owned();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(AuthError::Read { file, source }),
        };
        let is_secret = path.extension().is_some_and(|ending| ending == "secret");
        let keys = file::keys(&bytes, is_secret).map_err(|why| AuthError::Content { file, why })?;
        Ok(Jwt { keys, audience, issuer })
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// Whether a text has the form of such a token.
    pub(super) fn is_meant(token: &str) -> bool {
        token.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Whose token this is.
    pub(super) fn find(&self, token: &str, entitlements: &Entitlements, now: Ts) -> Result<Identity, Denied> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Denied::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(Denied::Malformed)?;
        let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Denied::Malformed)?;
        if header.crit.is_some() {
            return Err(Denied::Malformed);
        }
        let signature = decode(signature)?;
        let mut candidates = self
            .keys
            .iter()
            .filter(|key| key.is_meant(&header.alg, header.kid.as_deref()))
            .peekable();
        candidates.peek().ok_or(Denied::Key)?;
        let signer = candidates.find(|key| key.has_signed(signed.as_bytes(), &signature));
        let shown = Shown::SignedBy(self.print(signer.ok_or(Denied::Signature)?));
        // Nothing of the payload is looked at before.
        let claims = Claims::parse(&decode(payload)?)?;
        claims.check(&self.audience, self.issuer.as_deref(), entitlements, shown, now)
    }

    /// Whether a token of this print counts.
    pub(super) fn counts(&self, print: &Hash) -> bool {
        self.keys.iter().any(|key| self.print(key) == *print)
    }

    /// What has to stay as it is for a token to count: its key, and for whom and from whom it is.
    fn print(&self, key: &Key) -> Hash {
        let issuer = self.issuer.as_deref().unwrap_or_default();
        Hash::of(format!("{}\0{}\0{issuer}", key.print(), self.audience))
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Denied> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Denied::Malformed)
}
