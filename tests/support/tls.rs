//! A certificate authority of the test's own, and a certificate for this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What a TLS server needs, also as files, and the file that makes a client trust it; the files go with it.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    ca_file: PathBuf,
    cert_file: PathBuf,
    key_file: PathBuf,
}

impl Tls {
    /// For `127.0.0.1` and `localhost`.
    pub(crate) fn new() -> Tls {
        let ca_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "tickwire test authority");
        let ca = params.self_signed(&ca_key).expect("a certificate");
        let issuer = Issuer::new(params, ca_key);
        let key = KeyPair::generate().expect("a key");
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let leaf = CertificateParams::new(names)
            .expect("names")
            .signed_by(&key, &issuer)
            .expect("a certificate");

        // Named, so that no other crate's choice of a default provider matters.
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("the key is the certificate's");
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let write = |what: &str, pem: &str| {
            let name = format!("{what}-{}-{number}.pem", std::process::id());
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
            std::fs::write(&path, pem).expect("written");
            path
        };
        Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            ca_file: write("ca", &ca.pem()),
            cert_file: write("cert", &leaf.pem()),
            key_file: write("key", &key.serialize_pem()),
        }
    }

    pub(crate) fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// The flags of a server that shows this certificate.
    pub(crate) fn flags(&self) -> Vec<String> {
        let path = |path: &Path| path.display().to_string();
        let (cert, key) = (path(&self.cert_file), path(&self.key_file));
        vec!["--tls-cert".to_owned(), cert, "--tls-key".to_owned(), key]
    }
}

impl Tls {
    /// Puts another's certificate and key where this one's files are, as one who renews does: each file whole or not at all.
    pub(crate) fn replace_by(&self, other: &Tls) {
        for (from, to) in [(&other.cert_file, &self.cert_file), (&other.key_file, &self.key_file)] {
            let new = to.with_extension("new");
            std::fs::copy(from, &new).expect("copied");
            std::fs::rename(new, to).expect("renamed");
        }
    }

    /// Breaks the certificate's file.
    pub(crate) fn spoil(&self) {
        std::fs::write(&self.cert_file, "nothing of the kind").expect("written");
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        for file in [&self.ca_file, &self.cert_file, &self.key_file] {
            // At worst a file is left in the build's folder.
            let _ = std::fs::remove_file(file);
        }
    }
}
