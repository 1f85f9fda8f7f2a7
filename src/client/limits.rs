//! Every bound of the subscriber, with its arithmetic.

use std::time::Duration;

/// Largest message taken before and after inflation: `frame_bytes_max` is 64 KiB unless configured, and is
/// known only after the first message.
pub const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Bytes asked of the socket at once: a beat's frame is a few KiB, and tungstenite zero-fills all of it.
pub(super) const READ_BUFFER_BYTES: usize = 16 << 10;

/// Bytes not yet taken by the socket, beyond which the connection is given up: 4 MiB holds a `subscribe` of
/// 40,000 symbols of 100 bytes.
pub(super) const WRITE_BUFFER_BYTES_MAX: usize = 4 << 20;

/// Instruments in one view, as many as a server holds unless configured; 250 bytes each.
pub(super) const INSTRUMENTS_MAX: usize = 1_000_000;

/// Venues in one view.
pub(super) const VENUES_MAX: usize = 4_096;

/// Bytes kept of a text by which a server explains itself: some sentences.
pub(super) const REASON_BYTES_MAX: usize = 1_024;

/// Requests of the program not yet taken by the connection's task.
pub(super) const COMMANDS_MAX: usize = 64;

/// Notices kept for a program that does not read them; changed symbols are not among them.
pub(super) const NOTICES_MAX: usize = 256;

/// Changed symbols kept for a program that does not read them, as many as a view holds; beyond it the notice
/// says that everything may have changed.
pub(super) const CHANGED_MAX: usize = INSTRUMENTS_MAX;

/// Strings that one subscriber may ask for.
pub(super) const STRINGS_MAX: usize = 100_000;

/// Bytes of symbols in one `subscribe`; servers take 64 KiB and more, more strings go in several requests.
pub const SUBSCRIBE_BYTES_MAX: usize = 32 << 10;

/// Longest delay that a server may ask for before the next connection.
pub(super) const DELAY_MAX: Duration = Duration::from_secs(300);

/// Shortest wait after a close that says "after a delay".
pub(super) const DELAY_MIN: Duration = Duration::from_secs(1);

/// Data must have flowed for so long before the backoff starts over: a server that fails right after its
/// snapshots must not be asked for them four times a second.
pub(super) const GOOD_AFTER: Duration = Duration::from_secs(5);

/// Repairs on one connection (something lost, or the protocol broken) before another one is tried, counted
/// anew after [`GOOD_AFTER`] without any.
pub(super) const REPAIRS_MAX: u32 = 8;

/// Cuts a server's text to 1 KiB and makes control characters visible.
pub fn reason(text: &str) -> String {
    let mut end = text.len().min(REASON_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text[..end].chars().map(clean).collect()
}
