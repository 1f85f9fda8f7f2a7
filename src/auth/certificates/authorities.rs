//! Whose certificates are believed, and which of these no longer.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::ClientCertificate;
use super::distinguished_name::shown;
use super::revocations;
use super::validity::not_after;
use crate::auth::error::{AuthError, Denied};
use crate::market::Ts;

/// The authorities whose client certificates are believed.
pub struct Authorities {
    roots: Vec<CertificateDer<'static>>,
    revocations: Vec<CertificateRevocationListDer<'static>>,
    verifier: Arc<dyn ClientCertVerifier>,
    pub(super) edition: Edition,
    /// Names of those without a list, where lists count.
    unlisted: Vec<String>,
}

/// Which authorities these are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Edition {
    /// No others have it.
    pub(super) number: u64,
    /// Of the certificates of authorities, and of what is revoked: a new list, of another date, mostly revokes the same.
    pub(super) meaning: [u8; 32],
}

/// By what the files hold.
impl PartialEq for Authorities {
    fn eq(&self, other: &Authorities) -> bool {
        (&self.roots, &self.revocations) == (&other.roots, &other.revocations)
    }
}

impl Eq for Authorities {}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities")
            .field("number", &self.edition.number)
            .finish_non_exhaustive()
    }
}

impl Authorities {
    /// Reads a file of certificates in PEM. Blocks on it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(file: &Path) -> Result<Authorities, AuthError> {
        let roots = all(file, "certificate", CertificateDer::pem_file_iter(file))?;
        Authorities::of(roots, Vec::new()).map_err(|why| content(file, why))
    }

    /// Believes no certificate that a list in this file revokes. With such a file every authority that has a part in a
    /// certificate needs its list in there: of one without nothing is known, so nothing of it is believed. Blocks on it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn without(self, file: &Path) -> Result<Authorities, AuthError> {
        let lists = CertificateRevocationListDer::pem_file_iter(file);
        let lists = all(file, "list of revoked certificates", lists)?;
        Authorities::of(self.roots, lists).map_err(|why| content(file, why))
    }

    fn of(
        roots: Vec<CertificateDer<'static>>,
        revocations: Vec<CertificateRevocationListDer<'static>>,
    ) -> Result<Authorities, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut store = RootCertStore::empty();
        for root in &roots {
            let added = store.add(root.clone());
            added.map_err(|why| format!("a certificate in it cannot be an authority's: {why}"))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let algorithms = &provider.signature_verification_algorithms;
        let lists = revocations::read(&revocations, &store.roots, algorithms)?;
        let has_list = |subject: &[u8]| lists.iter().any(|list| list.issuer == subject);
        let unlisted = store.roots.iter().map(|one| &*one.subject);
        let unlisted = unlisted.filter(|subject| !lists.is_empty() && !has_list(subject));
        let unlisted = unlisted.map(shown).collect();
        let edition = Edition {
            number: NEXT.fetch_add(1, Relaxed),
            meaning: revocations::meaning(&roots, &lists),
        };
        let verifier = WebPkiClientVerifier::builder_with_provider(store.into(), provider)
            .allow_unauthenticated()
            .with_crls(revocations.clone())
            .build();
        Ok(Authorities {
            verifier: verifier.map_err(|why| why.to_string())?,
            roots,
            revocations,
            edition,
            unlisted,
        })
    }

    /// What somebody should know who has to keep the files: authorities that have ended or soon will, for they are believed
    /// nevertheless (RFC 5280, 6.2: dates of a trust anchor say nothing), and those without a list.
    pub fn notes(&self, now: Ts) -> Vec<String> {
        let now = now.0.div_euclid(NS_PER_S);
        let of_its_date = |root: &CertificateDer<'_>| {
            let last = not_after(root).filter(|last| *last < now.saturating_add(SOON_S))?;
            let is_or_was = if last < now { "has ended" } else { "ends" };
            let name = name(root);
            let date = Timestamp::from_second(last).ok()?;
            Some(format!(
                "authority {name} {is_or_was} at {date}: it is believed nevertheless, for as long as it is in the file"
            ))
        };
        let without = |name: &String| format!("authority {name} has no list: nothing that it has issued is believed");
        let dated = self.roots.iter().filter_map(of_its_date);
        dated.chain(self.unlisted.iter().map(without)).collect()
    }

    /// What handshakes are verified by: a client may show a certificate, and one that it shows has to be good.
    pub fn verifier(&self) -> Arc<dyn ClientCertVerifier> {
        self.verifier.clone()
    }

    /// A certificate that a client has shown, its chain behind it. It is verified here too: a session that is resumed has the
    /// certificate that it began with, which may have ended since (RFC 8446, 4.6.1).
    pub(in crate::auth) fn recognise(
        &self,
        chain: &[CertificateDer<'_>],
        now: Ts,
    ) -> Result<ClientCertificate, Denied> {
        let certificate = ClientCertificate::read(chain)?;
        self.until(&certificate, now).ok_or(Denied::Certificate)?;
        Ok(certificate)
    }

    /// Until when a certificate is believed; `None` where it is not.
    pub(in crate::auth) fn until(&self, certificate: &ClientCertificate, now: Ts) -> Option<Ts> {
        let until = certificate.asked(self.edition, || self.end(&certificate.chain, now));
        until.filter(|until| *until > now)
    }

    /// The first end of a certificate of the chain with which it stops to be good. One that is in the chain and not needed
    /// changes nothing.
    fn end(&self, chain: &[CertificateDer<'_>], now: Ts) -> Option<Ts> {
        let now = now.0.div_euclid(NS_PER_S);
        let (own, others) = chain.split_first()?;
        let is_good = |second: i64| {
            let time = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(second).unwrap_or(0)));
            self.verifier.verify_client_cert(own, others, time).is_ok()
        };
        if !is_good(now) {
            return None;
        }
        let mut ends: Vec<i64> = chain.iter().filter_map(|one| Some(not_after(one)? + 1)).collect();
        ends.sort_unstable();
        let end = ends.into_iter().find(|end| *end > now && !is_good(*end))?;
        Some(Ts(end.saturating_mul(NS_PER_S)))
    }
}

const NS_PER_S: i64 = 1_000_000_000;

/// So long before an authority ends it is told: 30 days, for its clients all need new certificates.
const SOON_S: i64 = 30 * 86_400;

fn name(root: &CertificateDer<'_>) -> String {
    webpki::anchor_from_trusted_cert(root).map_or_else(|_| String::new(), |anchor| shown(&anchor.subject))
}

fn content(file: &Path, why: String) -> AuthError {
    let file = file.to_owned();
    AuthError::Content { file, why }
}

/// All that is wanted in a PEM file, of which there has to be one.
fn all<T: PemObject>(
    file: &Path,
    wanted: &str,
    items: Result<impl Iterator<Item = Result<T, pem::Error>>, pem::Error>,
) -> Result<Vec<T>, AuthError> {
    let items: Result<Vec<T>, pem::Error> = items.and_then(Iterator::collect);
    match items {
        Ok(items) if items.is_empty() => Err(content(file, format!("it holds no {wanted} in PEM"))),
        Ok(items) => Ok(items),
        Err(pem::Error::Io(source)) => Err(AuthError::Read {
            file: file.to_owned(),
            source,
        }),
        Err(why) => Err(content(file, format!("it holds no {wanted} in PEM: {why}"))),
    }
}
