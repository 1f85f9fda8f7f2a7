//! Every bound of the server, with its arithmetic. What an operator may set is in [`super::ServerConfig`].

use std::ops::RangeInclusive;
use std::thread;
use std::time::Duration;

/// Time for a subscriber to say who it is, where it has to, as the protocol says.
pub(super) const AUTHENTICATE_DEADLINE: Duration = Duration::from_secs(5);

/// Subscribers at a time that have not said yet who they are: at 5 s each 200 a second who say nothing keep nobody out.
pub(super) const UNKNOWN_MAX: usize = 1_024;

/// Of these, one address's: an office that comes back together.
pub(super) const UNKNOWN_OF_ONE_MAX: u32 = 64;

/// Longest time between two looks at the wall clock while credentials last: so late it is noticed that it was set.
pub(super) const EXPIRY_LOOK: Duration = Duration::from_secs(30);

/// Bytes of a URL, as the protocol says.
pub(super) const URL_BYTES_MAX: usize = 8 * 1_024;

/// Time that a client which pushes updates may be silent: what it sent before is taken already.
pub(super) const PUSH_DEADLINE: Duration = Duration::from_secs(30);

/// Time that a plain HTTP answer may lie unread: as long as a slow subscriber has. Of a peer that reads nothing
/// the answer, which may be megabytes, is then forgotten.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// Between two looks at the files of the certificate: it changes every few weeks, a while before the old one ends.
pub(super) const CERTIFICATE_LOOK: Duration = Duration::from_secs(5);

/// Sockets that are no subscribers (plain HTTP, handshakes under way, browsers being refused) beside
/// `connections_max`.
pub(super) const PLAIN_CONNECTIONS_MAX: usize = 512;

/// What the kernel may hold for one subscriber. 64 KiB hold more than a second of a 50 KB/s subscriber;
/// with the kernel's 4 MB a slow reader would look current while it reads minutes-old frames.
pub(super) const SEND_BUFFER_BYTES: usize = 64 * 1_024;

/// Of these, such as may wait unsent: beyond, the socket says that it is full.
pub(super) const NOT_SENT_BYTES: u32 = 16 * 1_024;

/// A session's read buffer, and what it reads at once: a subscriber says little, and 20 symbols have 400 B.
pub(super) const READ_BUFFER_BYTES: usize = 512;

/// Bytes of a control frame with its head (RFC 6455, 5.5 and 5.2).
pub(super) const CONTROL_BYTES_MAX: usize = 131;

/// Bytes that are read of a message of so many bytes before it is taken for one without an end. In fragments of one byte
/// each it has sevenfold; fragments of nothing could go on for ever.
pub(super) const fn unended_bytes_max(message_bytes_max: usize) -> usize {
    8 * message_bytes_max + READ_BUFFER_BYTES
}

/// Malformed messages in a row before the connection is closed with 4501.
pub(super) const MALFORMED_MAX: u32 = 10;

/// Time for our close frame to go out, and again for the peer to answer it.
pub(super) const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// Time from the stop signal until subscribers that are still there are left behind. The process is to be gone
/// within 5 s: this, `FINISH_DEADLINE`, and some 100 ms for threads and runtime, more on a loaded machine.
pub(super) const DRAIN_DEADLINE: Duration = Duration::from_secs(4);

/// Time after that for plain HTTP answers under way; a connection that never asked anything is not waited for longer.
pub(super) const FINISH_DEADLINE: Duration = Duration::from_millis(500);

/// Pause after the system refused to accept a connection, such as for lack of descriptors.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// HTTP answers built from the table at a time. Each holds its read lock as long as it takes: some 100 µs for a symbol,
/// 300 ms for 64 patterns on 100,000 instruments. The query thread waits meanwhile, and so does everybody who reads,
/// each on a thread that may block.
pub(super) const QUERIES_MAX: usize = 4;

/// Ticks that the HTTP table may be behind: 2.5 s, above what the longest answers take, four at a time.
pub const QUERY_TICKS_MAX: usize = 256;

/// Body of a command to a replay: the longest sensible one has some 50 bytes.
pub(super) const REPLAY_BODY_BYTES_MAX: usize = 1_024;

/// Subscribers that one answer may list: 1,000 at some 270 bytes are 270 KB.
pub(super) const LISTED: RangeInclusive<u64> = 1..=1_000;

/// How many it lists where nothing is said: they fill a screen or two.
pub(super) const LISTED_UNASKED: usize = 100;

/// Longest wait of a long poll, as the protocol says.
pub(super) const WAIT_MS_MAX: u64 = 60_000;

/// How long a seq that is still to come is waited for, as the protocol says.
pub(super) const AHEAD_DEADLINE: Duration = Duration::from_secs(1);

/// Different patterns that polls and event streams wait for together. Each looks at every change of a beat: 256 at
/// 3,000 changes and some 2 ns are 1.5 ms, in which nobody reads the table. Who comes with more is woken by every change.
pub(super) const WATCHED_PATTERNS_MAX: usize = 256;

/// Times that a pattern is tried on an instrument, in one beat and for all patterns together: 64 Ki at some 30 ns are 2 ms.
/// A new epoch with 100,000 instruments takes one pattern two beats and 256 of them four seconds.
pub(super) const LEARNED_MAX: usize = 64 << 10;

/// Times that a search tries strings on instruments while it keeps the table to itself, like `LEARNED_MAX`.
pub(super) const LOOKED_MAX: usize = 64 << 10;

/// Entries of an answer that are taken at a time from the table: 2,048 at some 2 us are 4 ms.
pub(super) const TAKEN_MAX: usize = 2_048;

/// Attempts at an answer that a new epoch breaks off; the next one keeps the table to itself.
pub(super) const ATTEMPTS_MAX: usize = 3;

/// Answers in memory whose readers have not taken them, in KiB: 256 MiB. Of 100,000 instruments one has 40 MB. Those below
/// `LARGE_ANSWER_BYTES` are not counted: they have a place whoever else reads slowly.
pub(super) const ANSWERS_KIB_MAX: usize = 256 << 10;

/// Of these, one address's, unless it has only one.
pub(super) const ANSWERS_KIB_OF_ONE_MAX: u32 = 32 << 10;

/// Bytes of a large answer that are taken in a second at the least: a slow phone reads five times as many.
pub(super) const TAKEN_A_SECOND_MIN: usize = 64 << 10;

/// The longest that a large answer may take beside `WRITE_DEADLINE`: 40 MB at 350 KB/s. Whoever takes a few bytes at a time keeps
/// its memory for so long and not for ever.
pub(super) const TAKEN_WITHIN: Duration = Duration::from_secs(120);

/// From here on an answer is a large one.
pub(super) const LARGE_ANSWER_BYTES: usize = 64 << 10;

/// Event streams at a time. 300 that read kept 91 KiB each where they follow 20 instruments and 114 KiB where 3,000, hyper's
/// buffers and the message it is writing included: 1,024 have 91 to 114 MiB.
pub(super) const EVENT_STREAMS_MAX: usize = 1_024;

/// Messages of event streams that are assembled at a time: half of the processors, so that however many streams there are
/// the beat, the shards and every other request have the rest.
pub(super) fn tellers_max() -> usize {
    thread::available_parallelism().map_or(1, |count| (count.get() / 2).max(1))
}

/// Browsers' sockets at a time that are opened only to be told why they may not connect: each takes a round trip, and
/// twice `CLOSE_DEADLINE` where the peer is silent. One more gets a status, of which its page sees that it failed.
pub(super) const REFUSED_MAX: usize = 64;

/// Of these, one address's.
pub(super) const REFUSED_OF_ONE_MAX: u32 = 8;

/// Messages between an event stream and hyper: one, which was assembled when there was room for it. Behind it hyper holds
/// its read buffer, `header_bytes_max`, and the kernel `NOT_SENT_BYTES` that were not sent, so who reads slowly is some 100 KiB behind at most.
pub(super) const EVENTS_QUEUED_MAX: usize = 1;
