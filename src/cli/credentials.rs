//! The token that `watch`, `top` and `bench` show: from a file or from the environment, never an argument, which every user
//! of a machine may read.

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
}

/// Why a token cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialError {
    #[error("the token in `{}` cannot be read: {source}", file.display())]
    Read { file: PathBuf, source: io::Error },
    #[error("{from}: {source}")]
    Token { from: String, source: OptionsError },
}

impl CredentialError {
    /// Whether the user has to write something else; else the machine failed.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self, CredentialError::Token { .. })
    }
}

impl CredentialArgs {
    /// Has the options show the token, if there is one. Blocks on the file.
    pub(super) fn add_to(&self, options: Options) -> Result<Options, CredentialError> {
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
