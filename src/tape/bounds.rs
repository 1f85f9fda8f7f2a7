//! Every bound of recordings, with its arithmetic.

use std::time::Duration;

/// Longest line of a capture, 32 MiB: the longest real frame, a whole order book of Coinbase, has some MB.
pub const LINE_BYTES_MAX: usize = 32 << 20;

/// Frames that may wait for the disk. A whole large venue sends some 20,000 a second, so a disk may stand still for
/// 3 s, as one does that writes its caches back. The queue takes 40 B for each at the start: 2.6 MB.
pub(super) const QUEUE_FRAMES_MAX: usize = 65_536;

/// Bytes of the frames that wait: 64 MiB are two of the longest, and 11 s of 20,000 usual frames of 290 B a second.
pub(super) const QUEUE_BYTES_MAX: usize = 2 * LINE_BYTES_MAX;

/// How often the recorder looks into the queue: every 10 ms it may find 6.5 million frames a second. Being woken by each
/// frame would cost the feed's connection a system call for each.
pub(super) const DRAIN_EVERY: Duration = Duration::from_millis(10);

/// How often what was recorded goes to the system: half of the second that may be lost when the process is killed, so
/// that a slow write does not make it more.
pub(super) const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Records of a tape's block: 1.2 MB when they are read.
pub(super) const BLOCK_RECORDS_MAX: usize = 4_096;

/// Bytes of a block's symbols and of what is no update, from which on it is closed. Its updates are 4,096 at most, and
/// usually have 10 B.
pub(super) const BLOCK_BYTES: usize = 256 << 10;

/// Most bytes of any block, unpacked or not. Records: 4,096 of 190 B at most and [`BLOCK_BYTES`], 1.1 MB. A keyframe's
/// part: 4,096 instruments of 270 B at most and 1,024 venues of 350 B, 1.5 MB. An index: some 250,000 keyframes.
pub(super) const BLOCK_BYTES_MAX: usize = 2 << 20;

/// Records between two keyframes at most: a seek applies so many in 15 ms.
pub(super) const KEYFRAME_RECORDS_MAX: u64 = 100_000;

/// Records between two keyframes at least, of a few instruments.
pub(super) const KEYFRAME_RECORDS_MIN: u64 = 10_000;

/// Records between two keyframes, between those two, for each instrument: it takes 40 B of a keyframe, so keyframes are 3 %
/// of a tape of up to 500 instruments, and more only where there are more of them.
pub(super) const KEYFRAME_RECORDS_PER_INSTRUMENT: u64 = 200;

/// Instruments of a keyframe's part: each takes 350 B at most.
pub(super) const PART_INSTRUMENTS: usize = 4_096;

/// Longest reason of a venue's state on a tape: longer ones are cut, as a store cuts them to far less.
pub(super) const REASON_BYTES_MAX: usize = 64 << 10;

/// Places of damage that a reader lists; the last of them stands for all that follow.
pub(super) const DAMAGES_MAX: usize = 1_024;

/// Events that may wait for a tape's disk: at 250 B each 130 MB, and only while the disk stands still. That is 1.7 s of
/// 300,000 updates a second, the most that one machine is made for, and 26 s of a whole large venue.
pub(super) const EVENTS_QUEUED_MAX: usize = 1 << 19;

/// Batches that those events may come in. One of a single event takes 1 KB, room for four: 65 MB, and 3 s of a large venue
/// that hands over each event by itself.
pub(super) const EVENT_BATCHES_QUEUED_MAX: usize = 65_536;

/// Events beyond that may wait, of any kind but updates: a state or a listing for each of the 100,000 instruments that a
/// feed may have, and a third more; 33 MB.
pub(super) const EVENTS_RESERVE_MAX: usize = 1 << 17;
