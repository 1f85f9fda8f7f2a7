//! Whom a TLS connection outwards believes, the authorities that browsers trust or those of a file, and what it shows of
//! itself.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Why nobody can be believed, or nothing shown.
#[derive(Debug, thiserror::Error)]
#[error("the {what} in `{}` cannot be used: {why}", file.display())]
pub struct TrustError {
    /// What the file should hold.
    pub what: &'static str,
    /// Which; empty where none was named.
    pub file: PathBuf,
    /// What is wrong.
    pub why: String,
}

/// What a client shows of itself, where a server asks for it.
#[derive(Clone, Debug)]
pub struct Own {
    /// Its certificate in PEM, the chain behind it.
    pub cert: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// What a client needs to know of TLS; `ca_file` has certificates in PEM, which are believed instead of the usual ones.
/// Blocks on the files.
///
/// # Errors
/// Where a file cannot be read or holds nothing usable.
pub fn trusting(ca_file: Option<&Path>, own: Option<&Own>) -> Result<Arc<ClientConfig>, TrustError> {
    let wrong = |why: &dyn Display| TrustError {
        what: "authorities",
        file: ca_file.map(Path::to_path_buf).unwrap_or_default(),
        why: why.to_string(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // ring has all of them.
    let builder = versions.map_err(|error| wrong(&error))?;
    let mut roots = RootCertStore::empty();
    match ca_file {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(file) => {
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
                let certificate = certificate.map_err(|error| wrong(&error))?;
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
        }
    }
    if roots.is_empty() {
        return Err(wrong(&"it holds no certificate"));
    }
    let builder = builder.with_root_certificates(roots);
    let Some(own) = own else {
        return Ok(Arc::new(builder.with_no_client_auth()));
    };
    let in_file = |what, file: &Path, why: &dyn Display| TrustError {
        what,
        file: file.to_path_buf(),
        why: why.to_string(),
    };
    let no_cert = |why: &dyn Display| in_file("certificate to show", &own.cert, why);
    let chain = CertificateDer::pem_file_iter(&own.cert).map_err(|error| no_cert(&error))?;
    let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|error| no_cert(&error))?;
    let key = PrivateKeyDer::from_pem_file(&own.key);
    let key = key.map_err(|error| in_file("private key", &own.key, &error))?;
    let config = builder.with_client_auth_cert(chain, key);
    Ok(Arc::new(config.map_err(|error| no_cert(&error))?))
}
