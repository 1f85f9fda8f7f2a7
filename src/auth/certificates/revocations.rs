//! Lists of revoked certificates (RFC 5280, 5): what has to be right before they count.
//!
//! What verifies certificates takes the first list of an issuer that it finds, and asks only then who signed it. So a second one
//! would be passed over without a word, and one of a wrong signature would have nobody believed: both are refused here, when
//! the files are read.

use std::collections::BTreeSet;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, SubjectPublicKeyInfoDer, TrustAnchor};
use sha2::{Digest as _, Sha256};
use webpki::{BorrowedCertRevocationList, CertRevocationList, RawPublicKeyEntity};

use super::distinguished_name::shown;
use crate::auth::der::{BIT_STRING, SEQUENCE, sequence, take};

/// What a list says.
pub(super) struct List<'a> {
    der: &'a [u8],
    /// The content of its issuer's name.
    pub(super) issuer: Vec<u8>,
    /// Of what it revokes, whenever it says so: lists that differ in dates, numbers and signatures alone have the same.
    meaning: [u8; 32],
}

impl<'a> List<'a> {
    fn read(der: &'a [u8]) -> Result<List<'a>, String> {
        let wrong = |why: webpki::Error| format!("a list in it cannot be used: {why}");
        let parsed = BorrowedCertRevocationList::from_der(der).map_err(wrong)?;
        let mut meaning = Sha256::new();
        let serials = parsed.into_iter().map(|one| one.map(|one| one.serial_number));
        let serials: BTreeSet<&[u8]> = serials.collect::<Result<_, _>>().map_err(wrong)?;
        serials.iter().for_each(|serial| part(&mut meaning, serial));
        let parsed = CertRevocationList::from(parsed);
        // The certificates that it speaks of, where these are not all of its issuer.
        let scope = parsed.issuing_distribution_point().unwrap_or_default();
        part(&mut meaning, scope);
        part(&mut meaning, parsed.issuer());
        Ok(List {
            der,
            issuer: parsed.issuer().to_vec(),
            meaning: meaning.finalize().into(),
        })
    }

    fn is_signed_by(&self, authority: &TrustAnchor<'_>, algorithms: &WebPkiSupportedAlgorithms) -> bool {
        let Some((signed, algorithm, signature)) = parts(self.der) else {
            return false;
        };
        let key = SubjectPublicKeyInfoDer::from(sequence(&authority.subject_public_key_info));
        let Ok(key) = RawPublicKeyEntity::try_from(&key) else {
            return false;
        };
        algorithms
            .all
            .iter()
            .filter(|one| one.signature_alg_id().as_ref() == algorithm)
            .any(|one| key.verify_signature(*one, signed, signature).is_ok())
    }
}

/// What of a list is signed, by which algorithm, and the signature (RFC 5280, 5.1.1).
fn parts(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (list, []) = take(der, SEQUENCE)? else { return None };
    let (_, rest) = take(list, SEQUENCE)?;
    let (signed, _) = list.split_at_checked(list.len() - rest.len())?;
    let (algorithm, rest) = take(rest, SEQUENCE)?;
    let (bits, []) = take(rest, BIT_STRING)? else {
        return None;
    };
    Some((signed, algorithm, bits.strip_prefix(&[0])?))
}

/// Reads lists, by their issuers' names.
///
/// A list of none of these authorities is taken: it may be of one between an authority and its clients, whose certificate comes
/// with theirs, and is verified then.
///
/// # Errors
/// Two are of one issuer, or one was not signed by its authority, or of two authorities nobody could say whose it is.
pub(super) fn read<'a>(
    lists: &'a [CertificateRevocationListDer<'_>],
    authorities: &[TrustAnchor<'_>],
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<Vec<List<'a>>, String> {
    let lists: Result<Vec<List<'a>>, String> = lists.iter().map(|list| List::read(list)).collect();
    let mut lists = lists?;
    lists.sort_by(|a, b| a.issuer.cmp(&b.issuer));
    let mut pairs = lists.iter().zip(lists.iter().skip(1));
    if let Some((twice, _)) = pairs.find(|(a, b)| a.issuer == b.issuer) {
        let issuer = shown(&twice.issuer);
        return Err(format!(
            "two lists in it are of authority {issuer}: one of each is allowed, the newest"
        ));
    }
    for (at, one) in authorities.iter().enumerate() {
        let mut before = authorities.iter().take(at).filter(|_| !lists.is_empty());
        if before.any(|a| a.subject == one.subject && a.subject_public_key_info != one.subject_public_key_info) {
            let name = shown(&one.subject);
            return Err(format!(
                "two authorities of clients are named {name}, with a key each: where lists count, authorities of one name have \
                 to have one key"
            ));
        }
    }
    for list in &lists {
        let of_its_name = authorities.iter().find(|one| *one.subject == *list.issuer);
        if of_its_name.is_some_and(|one| !list.is_signed_by(one, algorithms)) {
            let issuer = shown(&list.issuer);
            return Err(format!(
                "the list of authority {issuer} was not signed by it, or in a way that is not taken"
            ));
        }
    }
    Ok(lists)
}

/// Of certificates, and of what these lists revoke.
pub(super) fn meaning(certificates: &[CertificateDer<'_>], lists: &[List<'_>]) -> [u8; 32] {
    let mut meaning = Sha256::new();
    meaning.update(certificates.len().to_be_bytes());
    certificates.iter().for_each(|one| part(&mut meaning, one));
    lists.iter().for_each(|list| meaning.update(list.meaning));
    meaning.finalize().into()
}

/// Adds what cannot be mistaken for another part.
fn part(digest: &mut Sha256, bytes: &[u8]) {
    digest.update(bytes.len().to_be_bytes());
    digest.update(bytes);
}
