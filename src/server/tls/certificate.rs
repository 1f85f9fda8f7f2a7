//! What the server shows to its clients: read from files, and read anew when they change.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::faults::{Faults, What};
use crate::auth::{AuthError, Authorities};
use crate::market::Ts;
use crate::monitor::names;
use crate::server::bounds::CERTIFICATE_LOOK;

/// Where the certificate lies, and whose certificates are believed of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// A chain of certificates in PEM, the server's own first.
    pub cert: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
    /// Where clients may show certificates too.
    pub clients: Option<ClientFiles>,
}

/// Which certificates of clients are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFiles {
    /// Those of their authorities, in PEM.
    pub ca: PathBuf,
    /// Lists of those that were revoked, in PEM.
    pub crl: Option<PathBuf>,
}

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is not there, or may not be read.
    #[error("`{}` cannot be read: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file without what is looked for.
    #[error("`{}` holds no {wanted}: {why}", file.display())]
    Content {
        /// Which.
        file: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        why: pem::Error,
    },
    /// A certificate that is not of this key, or not usable at all.
    #[error("certificate `{}` and key `{}` cannot be used: {why}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        why: rustls::Error,
    },
    /// The authorities of clients cannot be used.
    #[error(transparent)]
    Authorities(AuthError),
    /// Nor can the lists of what these have revoked.
    #[error(transparent)]
    Revocations(AuthError),
}

impl TlsError {
    /// Whether the user has to name other files; else the machine failed.
    pub fn is_usage(&self) -> bool {
        match self {
            TlsError::Read { .. } => false,
            TlsError::Content { .. } | TlsError::Pair { .. } => true,
            TlsError::Authorities(error) | TlsError::Revocations(error) => error.is_usage(),
        }
    }

    fn what(&self) -> What {
        match self {
            TlsError::Read { .. } | TlsError::Content { .. } | TlsError::Pair { .. } => What::Certificate,
            TlsError::Authorities(_) => What::Authorities,
            TlsError::Revocations(_) => What::Revocations,
        }
    }
}

/// A certificate and its key, read and found to belong together, and the authorities of clients.
#[derive(Clone)]
pub struct Certificate {
    acceptor: TlsAcceptor,
    /// What the files hold, to know a change by.
    content: Content,
}

#[derive(Clone, PartialEq, Eq)]
struct Content {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
    authorities: Option<Arc<Authorities>>,
}

/// What is another one than before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// The certificate, or its key.
    pub certificate: bool,
    /// The authorities of clients, or what they have revoked.
    pub authorities: bool,
}

/// What the server shows to its clients, and what these may show.
#[derive(Clone)]
pub struct Tls {
    files: TlsFiles,
    now: Arc<RwLock<Certificate>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

impl TlsFiles {
    /// Reads all of them. Blocks on the files.
    ///
    /// # Errors
    /// Which file is at fault, and why.
    pub fn load(&self) -> Result<Certificate, TlsError> {
        let TlsFiles { cert, key, clients } = self;
        let wanted = "certificate in PEM";
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
            .and_then(Iterator::collect)
            .map_err(|error| in_file(cert, wanted, error))?;
        if chain.is_empty() {
            return Err(in_file(cert, wanted, pem::Error::NoItemsFound));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, "private key in PEM", error))?;
        let authorities = clients.as_ref().map(ClientFiles::load).transpose()?.map(Arc::new);
        let content = Content {
            chain: chain.clone(),
            key: private.secret_der().to_vec(),
            authorities: authorities.clone(),
        };
        let verifier = match authorities {
            Some(authorities) => authorities.verifier(),
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_client_cert_verifier(verifier)
                    .with_single_cert(chain, private)
            });
        let mut config = config.map_err(|why| TlsError::Pair {
            cert: cert.clone(),
            key: key.clone(),
            why,
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // Whoever comes back needs no signature, and no memory here; without randomness they need one.
        if let Ok(ticketer) = rustls::crypto::ring::Ticketer::new() {
            config.ticketer = ticketer;
        }
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Certificate { acceptor, content })
    }
}

impl Certificate {
    /// What somebody should know who has to keep the files.
    fn notes(&self) -> Vec<String> {
        let authorities = self.content.authorities.as_ref();
        authorities.map_or_else(Vec::new, |authorities| authorities.notes(Ts::now()))
    }
}

impl ClientFiles {
    fn load(&self) -> Result<Authorities, TlsError> {
        let authorities = Authorities::read(&self.ca).map_err(TlsError::Authorities)?;
        match &self.crl {
            Some(file) => authorities.without(file).map_err(TlsError::Revocations),
            None => Ok(authorities),
        }
    }
}

impl Tls {
    /// Begins with what the files hold now. Blocks on them.
    ///
    /// # Errors
    /// Which file is at fault, and why.
    pub fn read(files: TlsFiles) -> Result<Tls, TlsError> {
        let now = Arc::new(RwLock::new(files.load()?));
        Ok(Tls { files, now })
    }

    /// The authorities of clients, where there are any.
    pub fn authorities(&self) -> Option<Arc<Authorities>> {
        self.read_now().content.authorities.clone()
    }

    /// Shows this from the next handshake on; connections that stand keep theirs. Says what of it is another one.
    pub fn show(&self, loaded: Certificate) -> Renewed {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        let (old, new) = (&now.content, &loaded.content);
        let renewed = Renewed {
            certificate: (&old.chain, &old.key) != (&new.chain, &new.key),
            authorities: old.authorities != new.authorities,
        };
        if renewed != Renewed::default() {
            *now = loaded;
        }
        renewed
    }

    /// Has what the files hold shown whenever that changes, until the server stops. What cannot be used is logged, and the
    /// one before stays.
    pub(in crate::server) async fn follow_files(self, show: impl Fn(Certificate) -> Renewed, stop: CancellationToken) {
        let mut looks = interval(CERTIFICATE_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut faults, mut notes) = (Faults::default(), Vec::new());
        while stop.run_until_cancelled(looks.tick()).await.is_some() {
            let files = self.files.clone();
            let Ok(loaded) = tokio::task::spawn_blocking(move || files.load()).await else {
                continue;
            };
            match loaded {
                Ok(loaded) => {
                    if faults.end() {
                        tracing::info!("the files of certificates can be used again");
                    }
                    let before = std::mem::replace(&mut notes, loaded.notes());
                    for note in notes.iter().filter(|note| !before.contains(note)) {
                        tracing::warn!("{note}");
                    }
                    self.tell(show(loaded));
                }
                Err(error) => {
                    let what = error.what();
                    metrics::counter!(names::CERTIFICATE_LOOKS_FAILED, "what" => what.label()).increment(1);
                    if faults.is_told(what) {
                        tracing::warn!(%error, "{}", what.consequence());
                    }
                }
            }
        }
    }

    /// Logs what is another one.
    fn tell(&self, renewed: Renewed) {
        if renewed.certificate {
            tracing::info!(cert = %self.files.cert.display(), "the certificate has changed and is shown from now on");
        }
        if renewed.authorities {
            tracing::info!("the authorities of clients, or what they revoke, have changed and count from now on");
        }
    }

    /// Shakes hands with a client.
    ///
    /// # Errors
    /// What the client did wrong, or that it has gone.
    ///
    /// # Cancel safety
    /// Dropping it closes the connection.
    pub(in crate::server) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = self.read_now().acceptor.clone();
        acceptor.accept(stream).await
    }

    fn read_now(&self) -> RwLockReadGuard<'_, Certificate> {
        self.now.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_file(file: &Path, wanted: &'static str, error: pem::Error) -> TlsError {
    let file = file.to_path_buf();
    match error {
        pem::Error::Io(source) => TlsError::Read { file, source },
        why => TlsError::Content { file, wanted, why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_used_are_named_with_what_they_lack() {
        let folder = std::env::temp_dir().join(format!("tickwire-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let renewed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let cert = write("cert.pem", &own.cert.pem());
        let key = write("key.pem", &own.signing_key.serialize_pem());
        let other = write("other.pem", &other.signing_key.serialize_pem());
        let empty = write("empty.pem", "");
        let load = |cert: &PathBuf, key: &PathBuf| {
            let (cert, key) = (cert.clone(), key.clone());
            let clients = None;
            TlsFiles { cert, key, clients }.load()
        };
        assert!(load(&cert, &key).is_ok());
        let none = folder.join("none.pem");
        for (cert, key, is_usage, words) in [
            (&none, &key, false, "none.pem` cannot be read"),
            (&cert, &none, false, "none.pem` cannot be read"),
            (&empty, &key, true, "empty.pem` holds no certificate in PEM"),
            (&cert, &empty, true, "empty.pem` holds no private key in PEM"),
            (&cert, &cert, true, "cert.pem` holds no private key in PEM"),
            (&cert, &other, true, "other.pem` cannot be used"),
        ] {
            let error = load(cert, key).err().expect(words);
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.is_usage(), is_usage, "{error}");
        }
        let tls = Tls::read(TlsFiles {
            cert: cert.clone(),
            key: key.clone(),
            clients: None,
        });
        let tls = tls.expect("a pair");
        assert_eq!(
            tls.show(load(&cert, &key).expect("a pair")),
            Renewed::default(),
            "the same again"
        );
        write("cert.pem", &renewed.cert.pem());
        write("key.pem", &renewed.signing_key.serialize_pem());
        let renewed = tls.show(load(&cert, &key).expect("a pair"));
        assert!(renewed.certificate && !renewed.authorities, "another one");
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
