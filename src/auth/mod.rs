//! Who somebody is, and what that allows: static tokens, JSON Web Tokens, client certificates, tickets,
//! entitlements.
//!
//! Credentials go in, an [`Identity`] comes out, or [`Denied`]. Nothing here waits, reads a clock or opens a socket: `now`
//! is an argument, and files are read once, by [`Policy`]'s parts. What rights mean is `market`'s.
//!
//! No secret is kept: of tokens and tickets there are hashes. None of these types shows one when it is printed.

mod authenticator;
mod bounds;
mod certificates;
mod der;
mod entitlement;
mod error;
mod identity;
mod jwt;
mod rows;
mod secret;
mod tickets;
mod tokens;

pub use authenticator::{Authenticator, Policy};
pub use bounds::{CREDENTIAL_BYTES_MAX, RIGHTS_PATTERNS_MAX, TICKET_LIFETIME};
pub use certificates::{Authorities, Certificates, ClientCertificate};
pub use entitlement::{Entitlement, Entitlements};
pub use error::{AuthError, Denied, Exhausted};
pub use identity::{Identity, Standing};
pub use jwt::Jwt;
pub use tokens::{NewToken, Tokens};
