//! Every bound of the fan-out, with its arithmetic.

use std::time::Duration;

/// Commands that sessions may have waiting at one shard. Each session has at most three under way (a
/// request, a pong, its end), and waits in its own task when the queue is full.
pub(super) const COMMANDS_QUEUED_MAX: usize = 4_096;

/// How long a shard takes commands before it looks for the beat again: a fifth of one. A subscribe takes some 5 µs, and
/// 100 µs where a thousand symbols are held.
pub(super) const COMMANDS_SPAN: Duration = Duration::from_millis(2);

/// A tape waits for full sockets: they are tried again after a millisecond (the runtime's finest), then after twice that,
/// and in the end by the timer's beat, so that one that is stuck costs nothing.
pub(super) const RETRY_FIRST: Duration = Duration::from_millis(1);

/// Bytes of snapshots and of deltas of one's own that one subscriber may get in one turn: 256 KiB every 10 ms
/// are 25 MB/s. At least one message, whatever its size.
pub(super) const OWN_BYTES_MAX: usize = 256 << 10;

/// The same for all of a shard together: 4 MiB take some 8 ms to encode and write, so that a thousand who come
/// back at once hold up the beat of the others by no more. Who got none goes first in the next turn.
pub(super) const OWN_BYTES_PER_TURN: usize = 4 << 20;

/// Frames that are written together: one call of io_uring, and what it writes stays in the cache.
pub(super) const OUTGOING_MAX: usize = 256;

/// Bytes of them from which on they are written before more come; a group's frames have a MiB or two at most.
pub(super) const OUTGOING_BYTES: usize = 256 << 10;

/// Fewer frames are written one by one: the call has its own price.
pub(super) const RING_LEAST: usize = 16;

/// What such a message costs besides its bytes: looking for what changed, and the system call.
pub(super) const OWN_BYTES_LEAST: usize = 512;

/// Most patterns that one subscriber may hold: each is tried on every instrument at subscribe, so 64 of them on
/// 100,000 instruments at 24 to 33 ns are 150 to 210 ms.
pub const PATTERNS_MAX: usize = 64;

/// Largest window that a subscriber may ask for: 8 B each, 8 KiB in all.
pub const WINDOW_MAX: u32 = 1_024;

/// Beats that a resume may wait for a seq that this shard has not reached: 1 s, as the protocol says.
pub(super) const RESUME_WAIT_BEATS: u64 = 100;

/// Beats over which closes are spread when the server stops: 2 s of the 5 s it has.
pub(super) const DRAIN_BEATS: usize = 200;

/// Phases of a pace: subscribers of one pace fall due at this many different beats of it, so that the
/// load is even and still few frames are different.
pub(super) const PHASES: u64 = 4;

/// Slots of the timing wheel, one a beat: 2.56 s, above the 1 s of a heartbeat. Later visits come early
/// and go round again.
pub(super) const WHEEL_SLOTS: usize = 256;
