//! Tapes, `*.tape`: what feeds made of a venue's frames, exact, small and with any moment at hand.
//!
//! # The format, to the byte
//! Integers are little-endian; times are nanoseconds since 1970, signed; CRC32C is that of RFC 3720, over the bytes named. A
//! file is 16 bytes, then blocks without anything between them, then, where it was ended well, a trailer. It is only ever
//! appended to.
//!
//! | the file's first bytes | |
//! |---|---|
//! | 0..8 | `ff 74 61 70 65 0d 0a 1a` |
//! | 8..12 | version, 1 |
//! | 12..16 | CRC32C of 0..12 |
//!
//! | a block | |
//! |---|---|
//! | 0..4 | `ff 54 77 42` |
//! | 4 | kind: 1 records, 2 part of a keyframe, 3 index |
//! | 5 | packing of the payload: 0 none, 1 raw DEFLATE (RFC 1951) |
//! | 6 | of a keyframe: bit 0 its first part, bit 1 its last; else 0 |
//! | 7 | 0 |
//! | 8..12 | number of the block in the file, from 0 |
//! | 12..16 | bytes of the payload as it stands here, at most 2 MiB |
//! | 16..20 | bytes of the payload unpacked, at most 2 MiB |
//! | 20..24 | records in it, at most 4,096 |
//! | 24..28 | of these, updates |
//! | 28..32 | of these, gaps |
//! | 32..40 | of records: time of the first; else as the next |
//! | 40..48 | of records: the newest time of them; else that of all records before, -2^63 where there are none |
//! | 48..52 | CRC32C of the payload as it stands here |
//! | 52..56 | CRC32C of 0..52 |
//! | 56.. | payload: `Records`, `Keyframe` or `Index` of `proto/tape.proto` |
//!
//! | the trailer, behind the index | |
//! |---|---|
//! | 0..8 | where the index begins in the file |
//! | 8..12 | CRC32C of 0..8 |
//! | 12..16 | `ff 54 77 49` |
//!
//! The first block is a keyframe: the state of everything when the file was begun, so that each file of a rotation can be
//! played alone. Others follow at least every 100,000 records. A keyframe may have several parts, blocks one behind the
//! other. No block needs another one to be read, but for what it means: the state at a place is that of the newest
//! keyframe before it and all records between, in which a time that steps back counts as the newest before it.
//!
//! Keyframes stand in the index in their order, all of them before it. Without trailer, or where index or trailer are damaged, a walk over the heads of all blocks finds what the index says.
//! The next good block behind damage is the next place with a block's first four bytes and a head whose CRC holds.

mod block;
mod blocks;
mod file;
mod index;
mod keyframe;
mod payload;
mod reader;
mod records;
mod scan;
#[cfg(test)]
mod tests;
mod words;
mod writer;

pub use keyframe::{decode_image_part, encode_image};
pub use reader::TapeReader;
pub use writer::{TapeWriter, TapeWritten};

use super::{BlockFault, TapeError};
use crate::market::{Event, Ts, VenueName};

/// The schema's messages, generated from `proto/tape.proto`.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all)] // whole, though records are written by hand
mod proto {
    include!(concat!(env!("OUT_DIR"), "/tickwire.tape.v1.rs"));
}

/// Bytes before the first block.
const FILE_HEAD_BYTES: usize = 16;

/// The version that is written and read.
const VERSION: u32 = 1;

/// What they begin with. No text has the first byte, and line ends that a copy might change stand among them.
pub const FILE_MAGIC: [u8; 8] = *b"\xfftape\r\n\x1a";

/// The first bytes of a tape of this version: magic, version, CRC32C of both.
fn file_head(version: u32) -> [u8; FILE_HEAD_BYTES] {
    let mut head = [0; FILE_HEAD_BYTES];
    head[..8].copy_from_slice(&FILE_MAGIC);
    head[8..12].copy_from_slice(&version.to_le_bytes());
    let crc = crc32c::crc32c(&head[..12]);
    head[12..].copy_from_slice(&crc.to_le_bytes());
    head
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Taped {
    /// When it was taken; of an update its `ts_recv`.
    pub ts: Ts,
    /// What was taken.
    pub what: What,
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)] // nearly every record is an event
pub enum What {
    /// What a feed said.
    Event(Event),
    /// The recorder could not take so many events just before.
    Gap {
        /// How many.
        events: u64,
    },
}

/// What to do where a tape is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDamage {
    /// Tell of it and end.
    Stop,
    /// Go on with the next good block, and tell of it in [`TapeReader::damages`].
    Salvage,
}

/// What was passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where it begins in the file.
    pub offset: u64,
    /// Up to the next good block; 0 where blocks before it are missing.
    pub bytes: u64,
    /// What is wrong there.
    pub what: BlockFault,
}

/// What a tape holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapeInfo {
    /// Time of the first record; 0 where there is none.
    pub first: Ts,
    /// The newest time of all records.
    pub last: Ts,
    /// Records, gaps included.
    pub records: u64,
    /// Of these, updates.
    pub updates: u64,
    /// Keyframes.
    pub keyframes: u64,
    /// Blocks, without the index.
    pub blocks: u64,
    /// Of the records, gaps.
    pub gaps: u64,
    /// Every venue that it names.
    pub venues: Vec<VenueName>,
    /// It has an index, so it was ended well; else this is what its blocks say.
    pub has_index: bool,
}

impl Taped {
    /// The venue that it names.
    fn venue(&self) -> Option<&str> {
        match &self.what {
            What::Gap { .. } => None,
            What::Event(Event::Update(update)) => Some(update.symbol.venue()),
            What::Event(Event::Listed { symbol, .. } | Event::Removed(symbol) | Event::State { symbol, .. }) => {
                Some(symbol.venue())
            }
            What::Event(Event::Venue { venue, .. }) => Some(venue.as_str()),
        }
    }
}
