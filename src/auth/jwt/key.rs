//! One key, and the one algorithm that it is for.

use std::fmt;

use crate::auth::secret::Hash;

use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};

/// Least bytes of a shared secret: as many as the hash has (RFC 7518, 3.2).
const SECRET_BYTES_MIN: usize = 32;
/// Bits of an RSA key (RFC 7518, 3.3), and what ring takes.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// A key.
pub(super) struct Key {
    id: Option<String>,
    /// As a token's header calls it (RFC 7518, 3.1).
    algorithm: &'static str,
    material: Material,
    /// By which it is known again.
    print: Hash,
}

enum Material {
    Public(UnparsedPublicKey<Vec<u8>>),
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    Secret(hmac::Key),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// Ed25519, 32 bytes (RFC 8032), for EdDSA (RFC 8037).
    pub(super) fn ed25519(key: Vec<u8>) -> Result<Key, String> {
        match key.len() {
            32 => Ok(Key::public("EdDSA", &ED25519, key)),
            other => Err(format!("a key for Ed25519 has 32 bytes, not {other}")),
        }
    }

    /// A point of P-256, uncompressed (SEC 1, 2.3.3), for ES256.
    pub(super) fn p256(point: Vec<u8>) -> Result<Key, String> {
        match point.as_slice() {
            [4, xy @ ..] if xy.len() == 64 => Ok(Key::public("ES256", &ECDSA_P256_SHA256_FIXED, point)),
            _ => Err("a key for ES256 is an uncompressed point of P-256: 4 and 64 bytes".to_owned()),
        }
    }

    /// Modulus and exponent, big-endian, for RS256.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Key, String> {
        let plain = |number: &[u8]| {
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            number[zeros..].to_vec()
        };
        let (n, e) = (plain(n), plain(e));
        let bits = n
            .first()
            .map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) || e.is_empty() {
            let (least, most) = RSA_BITS.into_inner();
            return Err(format!("a key for RS256 has {least} to {most} bits, not {bits}"));
        }
        Ok(Key {
            id: None,
            algorithm: "RS256",
            print: Hash::of([&n[..], &[0], &e].concat()),
            material: Material::Rsa(RsaPublicKeyComponents { n, e }),
        })
    }

    /// A secret that is shared with who signs, for HS256.
    pub(super) fn secret(secret: &[u8]) -> Result<Key, String> {
        if secret.len() < SECRET_BYTES_MIN {
            let bytes = secret.len();
            return Err(format!(
                "a secret for HS256 has {SECRET_BYTES_MIN} bytes or more, not {bytes} (RFC 7518, 3.2)"
            ));
        }
        let material = Material::Secret(hmac::Key::new(hmac::HMAC_SHA256, secret));
        Ok(Key {
            id: None,
            algorithm: "HS256",
            material,
            print: Hash::of(secret),
        })
    }

    fn public(algorithm: &'static str, how: &'static dyn VerificationAlgorithm, key: Vec<u8>) -> Key {
        Key {
            id: None,
            algorithm,
            print: Hash::of(&key),
            material: Material::Public(UnparsedPublicKey::new(how, key)),
        }
    }

    /// The same key under an id.
    pub(super) fn with_id(self, id: Option<String>) -> Key {
        Key { id, ..self }
    }

    /// By which it is known again.
    pub(super) fn print(&self) -> Hash {
        self.print
    }

    /// Whether a header means it: a key of a set goes by its id where the header has one.
    pub(super) fn is_meant(&self, algorithm: &str, id: Option<&str>) -> bool {
        let is_id = match (self.id.as_deref(), id) {
            (Some(own), Some(id)) => own == id,
            _ => true,
        };
        self.algorithm == algorithm && is_id
    }

    /// Whether the signature is by this key, in its algorithm. Of a secret the time says nothing.
    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify(message, signature).is_ok(),
            Material::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok(),
            Material::Secret(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}
