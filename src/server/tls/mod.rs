//! TLS: the operator's certificate and the authorities of clients, which may change while the server runs, and the connection
//! after its handshake.

mod certificate;
mod faults;
mod shared;

pub use certificate::{Certificate, ClientFiles, Renewed, Tls, TlsError, TlsFiles};
pub(super) use shared::{Shared, TlsWriter};
