//! Whom a TLS connection outwards believes: the authorities that browsers trust, or those of a file.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Why nobody can be believed.
#[derive(Debug, thiserror::Error)]
#[error("the authorities in `{}` cannot be used: {why}", file.display())]
pub struct TrustError {
    /// The file with the certificates; empty where none was named.
    pub file: PathBuf,
    /// What is wrong.
    pub why: String,
}

/// What a client needs to know of TLS; `ca_file` has certificates in PEM, which are believed instead of the usual ones.
/// Blocks on the file.
///
/// # Errors
/// Where the file cannot be read or holds no usable certificate.
pub fn trusting(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
    let wrong = |why: &dyn Display| TrustError {
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
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
