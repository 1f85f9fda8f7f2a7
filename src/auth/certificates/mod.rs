//! Client certificates: whose are believed ([`Authorities`]), what one says ([`ClientCertificate`]), and a file of who is
//! known by what.
//!
//! Best is a name among a certificate's alternative ones: whoever issues certificates renews them every few weeks or hours
//! (ACME, SPIFFE), and of the new one nothing is the same but its names. `dns` is a host's, `uri` a workload's. The name is
//! compared whole: a certificate for `*.example` is nobody's, for its holder may call itself anything. `sha256`, the
//! fingerprint, is for a certificate without names, or where its authority issues to others too; a renewed one needs its
//! entry anew. The subject is not looked at: what stands there is text in any form (RFC 9525, 2).
//!
//! A believed certificate that no entry names is nobody's in particular: who shows it is anonymous, where that is allowed.

mod authorities;
mod client_certificate;
mod distinguished_name;
mod revocations;
#[cfg(test)]
mod tests;
mod validity;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::DnsName;
use serde::Deserialize;
use toml::Spanned;

use super::bounds::CERTIFICATES_MAX;
use super::entitlement::{Entitlement, Entitlements};
use super::error::AuthError;
use super::identity::{Identity, Standing};
use super::rows::{self, Wrong, located};
use super::secret::Hash;
pub use authorities::Authorities;
pub use client_certificate::ClientCertificate;

/// What somebody is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    /// In lower case.
    Dns(String),
    Uri(String),
    /// SHA-256 of the whole certificate.
    Print(Hash),
}

/// Who is known by a certificate: all entries of a file.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    entries: Vec<Entry>,
    by_subject: HashMap<Subject, usize>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: Arc<str>,
    pub(super) entitlement: Arc<Entitlement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    certificate: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Spanned<String>,
    dns: Option<Spanned<String>>,
    uri: Option<Spanned<String>>,
    sha256: Option<Spanned<String>>,
    entitlement: Spanned<String>,
}

impl Certificates {
    /// Reads a file. Blocks on it.
    ///
    /// # Errors
    /// What is wrong in which line, and what is allowed.
    pub fn read(path: &Path, entitlements: &Entitlements) -> Result<Certificates, AuthError> {
        rows::read(path, |text| Certificates::parse(text, entitlements))
    }

    /// Reads a file's text.
    fn parse(text: &str, entitlements: &Entitlements) -> Result<Certificates, String> {
        let rows = rows::tables::<File>(text)?.certificate;
        if rows.len() > CERTIFICATES_MAX {
            let count = rows.len();
            return Err(format!(
                "{count} certificates are more than the {CERTIFICATES_MAX} that are allowed"
            ));
        }
        let mut all = Certificates::default();
        for row in rows {
            let at = row.span().start;
            let known = row.into_inner().entry(at, entitlements);
            let (subject, entry) = known.map_err(|(at, why)| located(text, at, &why))?;
            if all.by_subject.insert(subject, all.entries.len()).is_some() {
                let why = "what it is known by is another entry's too: each has its own";
                return Err(located(text, at, why));
            }
            all.entries.push(entry);
        }
        Ok(all)
    }

    /// Who is known by it; where several entries name it, the first of the file.
    pub(super) fn find(&self, certificate: &ClientCertificate) -> Option<&Entry> {
        let found = certificate
            .subjects()
            .filter_map(|subject| self.by_subject.get(subject));
        self.entries.get(*found.min()?)
    }

    /// What became of somebody who is known by it.
    pub(super) fn standing(&self, certificate: &ClientCertificate, identity: &Identity) -> Standing {
        match self.find(certificate) {
            Some(entry) if entry.name == *identity.name() && entry.entitlement == identity.entitlement => {
                Standing::Same
            }
            Some(_) => Standing::Changed,
            None => Standing::Revoked,
        }
    }
}

impl Row {
    /// Checks a row, which begins at this byte; what is wrong comes with its place.
    fn entry(self, at: usize, entitlements: &Entitlements) -> Result<(Subject, Entry), Wrong> {
        let subject = match (self.dns, self.uri, self.sha256) {
            (Some(name), None, None) => dns(&name)?,
            (None, Some(name), None) => uri(name)?,
            (None, None, Some(digits)) => print(&digits)?,
            _ => {
                return Err((
                    at,
                    "one of `dns`, `uri` and `sha256` is needed, and no other".to_owned(),
                ));
            }
        };
        let entry = Entry {
            name: rows::name(self.name)?,
            entitlement: rows::entitlement(&self.entitlement, entitlements)?,
        };
        Ok((subject, entry))
    }
}

fn dns(name: &Spanned<String>) -> Result<Subject, Wrong> {
    let why = "`dns` is none: a whole name such as desk-1.example is allowed, without `*`";
    match DnsName::try_from(name.get_ref().as_str()) {
        Ok(_) => Ok(Subject::Dns(name.get_ref().to_ascii_lowercase())),
        Err(_) => Err((name.span().start, why.to_owned())),
    }
}

fn uri(name: Spanned<String>) -> Result<Subject, Wrong> {
    let why = "`uri` is none: a whole one such as spiffe://example/desk-1 is allowed";
    let parts = name
        .get_ref()
        .split_once(':')
        .filter(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    match parts.filter(|_| name.get_ref().chars().all(|c| c.is_ascii_graphic() && c != '*')) {
        Some(_) => Ok(Subject::Uri(name.into_inner())),
        None => Err((name.span().start, why.to_owned())),
    }
}

/// As `openssl x509 -fingerprint -sha256` prints it, or without the colons.
fn print(digits: &Spanned<String>) -> Result<Subject, Wrong> {
    let why =
        "`sha256` is none: the certificate's fingerprint is allowed, 64 hexadecimal digits with or without colons";
    let known = Hash::parse(&format!("sha256:{}", digits.get_ref().replace(':', "")));
    known
        .map(Subject::Print)
        .ok_or_else(|| (digits.span().start, why.to_owned()))
}
