//! Every bound of credentials, with its arithmetic.

use std::time::Duration;

/// Longest token that is looked at: a JSON Web Token with a signature of RSA 8192 (1,366 characters) and 2 KB of claims.
pub const CREDENTIAL_BYTES_MAX: usize = 4_096;

/// Patterns with a `*` of one entitlement. Each symbol that is new to somebody is tried with all: 64 at 30 ns are 2 us. Exact
/// symbols are looked up, however many there are.
pub const RIGHTS_PATTERNS_MAX: usize = 64;

/// Longest name of an identity: an address of mail has 254 at most, most names 30.
pub(super) const NAME_BYTES_MAX: usize = 254;

/// Static tokens of one file. Each presented one is compared with all of them: 10,000 at 30 ns are 0.3 ms, less than a
/// handshake costs.
pub(super) const TOKENS_MAX: usize = 10_000;

/// Entries of a file of certificates: 10,000 at some 250 B are 2.5 MB.
pub(super) const CERTIFICATES_MAX: usize = 10_000;

/// Certificates that a client may show together. A chain has two or three, and no more than seven can be verified.
pub(super) const CHAIN_MAX: usize = 8;

/// Keys for JSON Web Tokens. One that names no key is tried with all of its algorithm: 32 at 100 us for ES256 are 3 ms.
pub(super) const KEYS_MAX: usize = 32;

/// How far the clock of who signs may be from ours.
pub(super) const LEEWAY: Duration = Duration::from_secs(5);

/// How long a ticket may be used: it takes one round trip, and a slow phone some seconds.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30);

/// Tickets at a time: 16,384 at some 150 B are 2.5 MB, and let 500 pages a second come in.
pub(super) const TICKETS_MAX: usize = 16_384;

/// Of these, an identity's own: a page takes one for each connection.
pub(super) const TICKETS_OF_ONE_MAX: usize = 64;
