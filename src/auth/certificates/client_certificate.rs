//! What a client has shown in a handshake.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::Subject;
use super::authorities::Edition;
use crate::auth::bounds::CHAIN_MAX;
use crate::auth::error::Denied;
use crate::auth::secret::Hash;
use crate::market::Ts;

/// A client's certificate, the chain behind it. Its connection holds it.
pub struct ClientCertificate {
    /// Its own first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    subjects: Vec<Subject>,
    /// The authorities that were asked last, and until when they believe it.
    asked: Mutex<Option<(Edition, Option<Ts>)>>,
}

impl ClientCertificate {
    /// Reads what was shown, its own first.
    pub(super) fn read(chain: &[CertificateDer<'_>]) -> Result<ClientCertificate, Denied> {
        let own = chain.first().filter(|_| chain.len() <= CHAIN_MAX);
        let own = own.ok_or(Denied::Certificate)?;
        let parsed = EndEntityCert::try_from(own).map_err(|_| Denied::Certificate)?;
        let print = Subject::Print(Hash::of(own));
        let dns = parsed
            .valid_dns_names()
            .map(|name| Subject::Dns(name.to_ascii_lowercase()));
        let uris = parsed.valid_uri_names().map(|name| Subject::Uri(name.to_owned()));
        Ok(ClientCertificate {
            subjects: dns.chain(uris).chain([print]).collect(),
            chain: chain.iter().map(|one| one.clone().into_owned()).collect(),
            asked: Mutex::default(),
        })
    }

    /// All that somebody may be known by.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.subjects.iter()
    }

    /// What these authorities said; they are asked once. Those that mean the same as others who believe it are not asked: else
    /// each new list would have every session's chain verified at once.
    pub(super) fn asked(&self, edition: Edition, ask: impl FnOnce() -> Option<Ts>) -> Option<Ts> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        match *asked {
            Some((of, until)) if of == edition || (of.meaning == edition.meaning && until.is_some()) => until,
            _ => asked.insert((edition, ask())).1,
        }
    }
}

/// For the log: as an entry would name it.
impl fmt::Display for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subjects.iter().enumerate().try_for_each(|(at, subject)| {
            let comma = if at == 0 { "" } else { ", " };
            match subject {
                Subject::Dns(name) => write!(f, "{comma}dns {}", name.escape_debug()),
                Subject::Uri(name) => write!(f, "{comma}uri {}", name.escape_debug()),
                Subject::Print(hash) => write!(f, "{comma}{hash}"),
            }
        })
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCertificate({self})")
    }
}
