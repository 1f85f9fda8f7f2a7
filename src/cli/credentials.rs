//! What `watch`, `top` and `bench` show: a certificate, and a token from a file or from the environment, never an argument,
//! which every user of a machine may read.

use std::io;
use std::path::PathBuf;

use clap::Args;

use crate::client::{Options, OptionsError};

/// Where a token may be given if there is no file.
const ENV: &str = "TICKWIRE_TOKEN";

/// Credentials.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct CredentialArgs {
    /// File with the token, where the server wants one; without it TICKWIRE_TOKEN is taken
    #[arg(long, env = "TICKWIRE_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// With https://: a certificate to show, PEM, the chain behind it; needs --key
    #[arg(long, env = "TICKWIRE_CERT", value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, env = "TICKWIRE_KEY", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
}

/// Why something cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialError {
    #[error("the token in `{}` cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{from}: {source}")]
    Token { from: String, source: OptionsError },
    #[error(transparent)]
    Certificate(OptionsError),
}

impl CredentialError {
    /// Whether the user has to write something else; else the machine failed.
    pub(super) fn is_usage(&self) -> bool {
        !matches!(self, CredentialError::Read { .. })
    }
}

impl CredentialArgs {
    /// Has the options show the certificate and the token, as far as there are any. Blocks on the files.
    pub(super) fn add_to(&self, options: Options) -> Result<Options, CredentialError> {
        let options = match self.cert.as_ref().zip(self.key.as_ref()) {
            Some((cert, key)) => options.certificate(cert, key).map_err(CredentialError::Certificate)?,
            None => options,
        };
        let (token, from) = match &self.token_file {
            Some(file) => {
                let text = std::fs::read_to_string(file);
                let failed = |source| CredentialError::Read {
                    file: file.clone(),
                    source,
                };
                (text.map_err(failed)?, format!("`{}`", file.display()))
            }
            None => match std::env::var(ENV) {
                Ok(token) => (token, ENV.to_owned()),
                Err(_) => return Ok(options),
            },
        };
        let token = options.token(token.trim());
        token.map_err(|source| CredentialError::Token { from, source })
    }
}
