//! Why credentials are refused, and why their files are.

use std::io;
use std::path::PathBuf;

/// Why somebody is not let in. For the log alone: whoever asks is told that credentials are unknown or expired, no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No token of the file is this one.
    #[error("no such token")]
    Unknown,
    /// It was good once.
    #[error("expired")]
    Expired,
    /// It will be good.
    #[error("not good yet")]
    Early,
    /// It is longer than any that is given out.
    #[error("too long")]
    TooLong,
    /// It is no JSON Web Token, or lacks a claim; or the header is not that of a token.
    #[error("malformed")]
    Malformed,
    /// None of the keys is its key, by id and algorithm.
    #[error("JSON Web Token of an unknown key, or of an algorithm that is not its key's")]
    Key,
    /// It was not signed by the key.
    #[error("wrong signature of a JSON Web Token")]
    Signature,
    /// It was made for another service.
    #[error("JSON Web Token for another audience")]
    Audience,
    /// Somebody else made it.
    #[error("JSON Web Token of another issuer")]
    Issuer,
    /// It names nobody.
    #[error("JSON Web Token with a `sub` that cannot be a name")]
    Subject,
    /// It names an entitlement that there is not.
    #[error("JSON Web Token with an entitlement that is not configured")]
    Entitlement,
    /// None of the authorities believes it, or it has ended or was revoked since it was shown.
    #[error("a client certificate that is not believed, or no longer")]
    Certificate,
    /// The ticket was used, is too old, or never was.
    #[error("no such ticket")]
    Ticket,
}

/// Why there is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// The identity has too many that were not used.
    #[error("too many tickets that were not used yet")]
    OfOne,
    /// All together have.
    #[error("too many tickets are open")]
    All,
    /// The system gives no randomness.
    #[error("the system gives no random numbers")]
    Random,
}

/// Why a file of tokens or keys, or what the configuration says of them, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// A file that is not there, or may not be read.
    #[error("`{}` cannot be read: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file with something wrong in it.
    #[error("`{}`: {why}", file.display())]
    Content {
        /// Which.
        file: PathBuf,
        /// What, and what is allowed.
        why: String,
    },
    /// A setting names an entitlement that there is not.
    #[error("there is no entitlement `{name}`: {known}")]
    Entitlement {
        /// As given.
        name: String,
        /// Those that there are.
        known: String,
    },
}

impl AuthError {
    /// Whether the user has to write something else; else the machine failed.
    pub fn is_usage(&self) -> bool {
        !matches!(self, AuthError::Read { .. })
    }
}
