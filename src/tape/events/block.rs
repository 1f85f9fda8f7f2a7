//! The head of a block, to the byte.

use crate::market::Ts;
use crate::tape::BlockFault;

/// What a block begins with. No text has its first byte.
pub(super) const MAGIC: [u8; 4] = *b"\xffTwB";

/// Bytes of a head.
pub(super) const HEAD_BYTES: usize = 56;

/// What a block's payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Records = 1,
    Keyframe = 2,
    Index = 3,
}

/// How a payload stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// As it is.
    Plain = 0,
    /// Raw DEFLATE, RFC 1951.
    Deflate = 1,
}

/// Which of a keyframe's parts a block is; neither where it is no keyframe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

/// The head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) packing: Packing,
    /// Of a keyframe: which of its parts this is.
    pub(super) part: Part,
    /// Position among the file's blocks, from 0.
    pub(super) number: u32,
    /// Bytes of the payload as it stands in the file.
    pub(super) packed_bytes: u32,
    /// Bytes of it unpacked.
    pub(super) raw_bytes: u32,
    pub(super) records: u32,
    /// Of the records, those that are updates.
    pub(super) updates: u32,
    /// Of the records, those that are gaps.
    pub(super) gaps: u32,
    /// Of records: the first one's time. Of a keyframe and an index: as `last`.
    pub(super) first: Ts,
    /// Of records: the newest time. Of a keyframe and an index: the newest of all records before, `i64::MIN` where there
    /// are none.
    pub(super) last: Ts,
    pub(super) payload_crc: u32,
}

/// What a block of records holds, beside its payload.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) records: u32,
    pub(super) updates: u32,
    pub(super) gaps: u32,
    pub(super) first: Ts,
    pub(super) last: Ts,
}

impl Head {
    /// The head's bytes.
    pub(super) fn bytes(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        (bytes[4], bytes[5]) = (self.kind as u8, self.packing as u8);
        bytes[6] = u8::from(self.part.is_first) | u8::from(self.part.is_last) << 1;
        let counts = [
            self.number,
            self.packed_bytes,
            self.raw_bytes,
            self.records,
            self.updates,
            self.gaps,
        ];
        for (place, count) in bytes[8..32].chunks_exact_mut(4).zip(counts) {
            place.copy_from_slice(&count.to_le_bytes());
        }
        for (place, time) in bytes[32..48].chunks_exact_mut(8).zip([self.first, self.last]) {
            place.copy_from_slice(&time.0.to_le_bytes());
        }
        bytes[48..52].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..52]);
        bytes[52..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a head.
    pub(super) fn parse(bytes: &[u8; HEAD_BYTES]) -> Result<Head, BlockFault> {
        if bytes[..4] != MAGIC {
            return Err(BlockFault::NoBlock);
        }
        if u32_at(bytes, 52) != crc32c::crc32c(&bytes[..52]) {
            return Err(BlockFault::HeadChecksum);
        }
        let kind = [Kind::Records, Kind::Keyframe, Kind::Index]
            .into_iter()
            .find(|kind| *kind as u8 == bytes[4]);
        let packing = [Packing::Plain, Packing::Deflate]
            .into_iter()
            .find(|packing| *packing as u8 == bytes[5]);
        let (Some(kind), Some(packing)) = (kind, packing) else {
            return Err(BlockFault::Unknown);
        };
        Ok(Head {
            kind,
            packing,
            part: Part {
                is_first: bytes[6] & 1 != 0,
                is_last: bytes[6] & 2 != 0,
            },
            number: u32_at(bytes, 8),
            packed_bytes: u32_at(bytes, 12),
            raw_bytes: u32_at(bytes, 16),
            records: u32_at(bytes, 20),
            updates: u32_at(bytes, 24),
            gaps: u32_at(bytes, 28),
            first: ts_at(bytes, 32),
            last: ts_at(bytes, 40),
            payload_crc: u32_at(bytes, 48),
        })
    }

    /// Bytes of the whole block.
    pub(super) fn block_bytes(&self) -> u64 {
        HEAD_BYTES as u64 + u64::from(self.packed_bytes)
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn ts_at(bytes: &[u8], at: usize) -> Ts {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    Ts(i64::from_le_bytes(word))
}
