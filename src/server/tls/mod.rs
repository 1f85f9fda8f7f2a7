//! TLS: the operator's certificate, which may change while the server runs, and the connection after its handshake.

mod certificate;
mod shared;

pub use certificate::{Certificate, Tls, TlsError, TlsFiles};
pub(super) use shared::{Shared, TlsWriter};
