//! Files of keys: a key or a set of keys in JSON (RFC 7517), public keys in PEM, or one secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;

use super::key::Key;
use super::spki;
use crate::auth::bounds::KEYS_MAX;

const ALLOWED: &str = "keys in JSON (JWK or JWK set), public keys in PEM (`-----BEGIN PUBLIC KEY-----`), and, in a file whose \
                       name ends in `.secret`, the secret of HS256 are allowed";

/// What begins a file of certificates or keys.
const PEM: &[u8] = b"-----BEGIN ";

#[derive(Deserialize)]
#[serde(untagged)]
enum Json {
    Set { keys: Vec<Jwk> },
    One(Box<Jwk>),
}

/// A key (RFC 7517, 4; RFC 7518, 6; RFC 8037, 2); of a private one the private part is passed over.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<String>,
}

/// Makes a key of what stands there.
type Make = fn(&Jwk) -> Result<Key, String>;

/// Reads a file's keys, at least one.
///
/// # Errors
/// What is wrong, and what is allowed.
pub(super) fn keys(bytes: &[u8], is_secret: bool) -> Result<Vec<Key>, String> {
    let text = bytes.trim_ascii();
    let is_pem = text.starts_with(PEM);
    let keys = if is_secret {
        // Whoever knows a public key could sign with it, were it taken for a secret.
        if is_pem || text.starts_with(b"{") {
            return Err(format!(
                "it holds no secret, though its name ends in `.secret`: {ALLOWED}"
            ));
        }
        vec![Key::secret(without_line_end(bytes))?]
    } else if text.starts_with(b"{") {
        of_json(text)?
    } else if is_pem {
        let found = SubjectPublicKeyInfoDer::pem_slice_iter(text);
        let keys = found.map(|der| spki::key(der.map_err(|error| format!("{error}: {ALLOWED}"))?.as_ref()));
        keys.collect::<Result<_, _>>()?
    } else {
        return Err(format!("it holds no keys: {ALLOWED}"));
    };
    match keys.len() {
        0 => Err(format!("it holds no key for EdDSA, ES256, RS256 or HS256: {ALLOWED}")),
        1..=KEYS_MAX => Ok(keys),
        more => Err(format!("{more} keys are more than the {KEYS_MAX} that are allowed")),
    }
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn of_json(text: &[u8]) -> Result<Vec<Key>, String> {
    // The parser's own words could show a secret.
    let wrong = |error: serde_json::Error| format!("line {}: no key in JSON: {ALLOWED}", error.line());
    let set = match serde_json::from_slice(text).map_err(wrong)? {
        Json::Set { keys } => keys,
        Json::One(key) => vec![*key],
    };
    let keys = set.iter().enumerate().filter_map(|(at, jwk)| {
        let located = |why| match &jwk.kid {
            Some(kid) => format!("key `{kid}`: {why}"),
            None => format!("key {}: {why}", at + 1),
        };
        jwk.key().map_err(located).transpose()
    });
    keys.collect()
}

impl Jwk {
    /// The key; `None` of one for something else (RFC 7517, 5: a set may hold such).
    fn key(&self) -> Result<Option<Key>, String> {
        let (algorithm, make): (&str, Make) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("OKP", Some("Ed25519")) => ("EdDSA", |jwk| Key::ed25519(bytes("x", &jwk.x)?)),
            ("EC", Some("P-256")) => ("ES256", |jwk| {
                Key::p256([vec![4], bytes("x", &jwk.x)?, bytes("y", &jwk.y)?].concat())
            }),
            ("RSA", None) => ("RS256", |jwk| Key::rsa(&bytes("n", &jwk.n)?, &bytes("e", &jwk.e)?)),
            ("oct", None) => ("HS256", |jwk| Key::secret(&bytes("k", &jwk.k)?)),
            _ => return Ok(None),
        };
        let is_other = |said: &Option<String>, ours: &str| said.as_deref().is_some_and(|said| said != ours);
        if is_other(&self.alg, algorithm) || is_other(&self.purpose, "sig") {
            return Ok(None);
        }
        Ok(Some(make(self)?.with_id(self.kid.clone())))
    }
}

fn bytes(name: &str, value: &Option<String>) -> Result<Vec<u8>, String> {
    let value = value.as_deref().ok_or_else(|| format!("`{name}` is missing"))?;
    let wrong = |_| format!("`{name}` is not in base64url without padding");
    URL_SAFE_NO_PAD.decode(value).map_err(wrong)
}
