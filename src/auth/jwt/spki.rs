//! Public keys as PEM files hold them: `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7) in DER.

use super::key::Key;
use crate::auth::der::{BIT_STRING, INTEGER, OBJECT, SEQUENCE, take};

/// Object identifiers, encoded: RFC 8410, 3; RFC 5480, 2.1.1; RFC 3279, 2.3.1.
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Reads one.
///
/// # Errors
/// It is cut off, or of a kind that is not taken.
pub(super) fn key(der: &[u8]) -> Result<Key, String> {
    let damaged = || "a public key in it is damaged".to_owned();
    let Parts { kind, curve, bits } = parts(der).ok_or_else(damaged)?;
    match (kind, curve) {
        (ED25519, None) => Key::ed25519(bits.to_vec()),
        (EC, Some(P256)) => Key::p256(bits.to_vec()),
        (RSA, None) => {
            let (n, e) = rsa(bits).ok_or_else(damaged)?;
            Key::rsa(n, e)
        }
        _ => Err("a public key in it is of another kind: Ed25519, P-256 and RSA are allowed".to_owned()),
    }
}

/// What stands in one.
struct Parts<'a> {
    kind: &'a [u8],
    /// Where the kind has some.
    curve: Option<&'a [u8]>,
    /// The key's own.
    bits: &'a [u8],
}

fn parts(der: &[u8]) -> Option<Parts<'_>> {
    let (info, []) = take(der, SEQUENCE)? else { return None };
    let (algorithm, info) = take(info, SEQUENCE)?;
    let (kind, parameters) = take(algorithm, OBJECT)?;
    let curve = take(parameters, OBJECT).map(|(curve, _)| curve);
    // The first byte counts bits that are not used; a key has none.
    let ([0, bits @ ..], []) = take(info, BIT_STRING)? else {
        return None;
    };
    Some(Parts { kind, curve, bits })
}

/// Modulus and exponent (RFC 8017, A.1.1).
fn rsa(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, []) = take(der, SEQUENCE)? else {
        return None;
    };
    let (n, numbers) = take(numbers, INTEGER)?;
    let (e, []) = take(numbers, INTEGER)? else { return None };
    Some((n, e))
}
