//! Secrets of 256 random bits, and the hashes that are kept of them.
//!
//! SHA-256 is the right hash for these: nobody can try 2^256 of them, however fast it is. A slow one, made for what people
//! choose themselves, would help nobody but those who have the server compute it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use sha2::Digest as _;
use subtle::ConstantTimeEq;

const BYTES: usize = 32;

/// What a hash in a file begins with.
const SCHEME: &str = "sha256:";

/// A secret's hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hash([u8; BYTES]);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash")
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Hash {
    /// A secret's hash.
    pub(super) fn of(secret: impl AsRef<[u8]>) -> Hash {
        Hash(sha2::Sha256::digest(secret).into())
    }

    /// Reads it as it is displayed, in either case.
    pub(super) fn parse(text: &str) -> Option<Hash> {
        let digits = text.strip_prefix(SCHEME)?.as_bytes();
        let mut bytes = [0; BYTES];
        if digits.len() != 2 * BYTES {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = (digit(0)? * 16 + digit(1)?) as u8;
        }
        Some(Hash(bytes))
    }

    /// Whether both are the same, in a time that does not depend on how far they are.
    pub(super) fn is(&self, other: &Hash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// A new secret, 43 characters that need no escape anywhere; `None` where the system gives no randomness.
pub(super) fn random() -> Option<String> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written_and_the_known_answer_is_right() {
        // FIPS 180-2, appendix B.1.
        let want = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = Hash::of("abc");
        assert_eq!(hash.to_string(), want);
        assert!(Hash::parse(&want.replace("ad", "AD")).expect("a hash").is(&hash));
        assert!(!hash.is(&Hash::of("abd")));
        for text in [
            "",
            &want[7..],
            &want[..70],
            "sha1:ba78",
            &want.replace("ba", "xx"),
            &format!("{want}0"),
        ] {
            assert!(Hash::parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{hash:?}"), "Hash");
    }

    #[test]
    fn two_secrets_are_never_alike() {
        let (one, other) = (random().expect("randomness"), random().expect("randomness"));
        assert!(
            one != other && one.len() == 43 && one.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        );
    }
}
