//! What a whole file holds: the index at its end, or what a walk over its blocks finds.

use prost::Message as _;

use super::block::{Counts, Head, Kind};
use super::proto;
use crate::market::{Ts, VenueName};
use crate::store::VENUES_MAX;
use crate::tape::BlockFault;

/// Bytes of the trailer.
pub(super) const TRAILER_BYTES: usize = 16;

/// What a trailer ends with.
const TRAILER_MAGIC: [u8; 4] = *b"\xffTwI";

/// Where a keyframe stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyframeAt {
    pub(super) offset: u64,
    /// Newest time of all records before it; `i64::MIN` where there are none.
    pub(super) newest: Ts,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) records: u64,
    pub(super) updates: u64,
    pub(super) gaps: u64,
    pub(super) blocks: u64,
    /// Times of the first record and the newest of all.
    pub(super) span: Option<(Ts, Ts)>,
    pub(super) venues: Vec<VenueName>,
    pub(super) keyframes: Vec<KeyframeAt>,
}

impl Summary {
    /// The newest time of all; `i64::MIN` where there is none.
    pub(super) fn newest(&self) -> Ts {
        self.span.map_or(Ts(i64::MIN), |(_, last)| last)
    }

    /// Takes a block of records in.
    pub(super) fn count(&mut self, counts: &Counts) {
        self.records += u64::from(counts.records);
        self.updates += u64::from(counts.updates);
        self.gaps += u64::from(counts.gaps);
        if counts.records > 0 {
            let (first, last) = self.span.unwrap_or((counts.first, counts.last));
            self.span = Some((first, last.max(counts.last)));
        }
    }

    /// Takes a block in that is found at this place.
    pub(super) fn found(&mut self, offset: u64, head: &Head) {
        self.blocks += u64::from(head.kind != Kind::Index);
        match head.kind {
            Kind::Records => self.count(&Counts {
                records: head.records,
                updates: head.updates,
                gaps: head.gaps,
                first: head.first,
                last: head.last,
            }),
            Kind::Keyframe if head.part.is_first => self.keyframes.push(KeyframeAt {
                offset,
                newest: head.last,
            }),
            Kind::Keyframe | Kind::Index => {}
        }
    }

    /// Takes in that a venue is named.
    pub(super) fn name(&mut self, venue: &str) {
        let is_known = self.venues.iter().any(|known| known.as_str() == venue);
        if !is_known && self.venues.len() < VENUES_MAX {
            self.venues.extend(VenueName::parse(venue));
        }
    }

    /// The payload of an index.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (first, last) = self.span.unwrap_or_default();
        let (mut offset, mut newest) = (0, 0);
        let mut index = proto::Index {
            records: self.records,
            updates: self.updates,
            gaps: self.gaps,
            blocks: self.blocks,
            first: first.0,
            last: last.0,
            venues: self.venues.iter().map(VenueName::to_string).collect(),
            ..proto::Index::default()
        };
        for at in &self.keyframes {
            index.keyframe_offsets.push(at.offset - offset);
            offset = at.offset;
            index.keyframe_times.push(at.newest.0.wrapping_sub(newest));
            newest = at.newest.0;
        }
        index.encode_to_vec()
    }

    /// Reads the payload of an index.
    pub(super) fn decode(payload: &[u8]) -> Result<Summary, BlockFault> {
        let index = proto::Index::decode(payload).map_err(|_| BlockFault::Content("not an index"))?;
        if index.keyframe_offsets.len() != index.keyframe_times.len() {
            return Err(BlockFault::Content("not as many times as keyframes"));
        }
        let mut summary = Summary {
            records: index.records,
            updates: index.updates,
            gaps: index.gaps,
            blocks: index.blocks,
            span: (index.records > 0).then_some((Ts(index.first), Ts(index.last))),
            ..Summary::default()
        };
        for venue in &index.venues {
            summary.name(venue);
        }
        let (mut offset, mut newest) = (0u64, 0i64);
        for (behind, later) in index.keyframe_offsets.iter().zip(&index.keyframe_times) {
            offset = offset
                .checked_add(*behind)
                .ok_or(BlockFault::Content("a place beyond all"))?;
            newest = newest.wrapping_add(*later);
            summary.keyframes.push(KeyframeAt {
                offset,
                newest: Ts(newest),
            });
        }
        Ok(summary)
    }
}

/// The last bytes of a tape whose index begins at this place.
pub(super) fn trailer(index_offset: u64) -> [u8; TRAILER_BYTES] {
    let mut bytes = [0; TRAILER_BYTES];
    bytes[..8].copy_from_slice(&index_offset.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..8]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    bytes[12..].copy_from_slice(&TRAILER_MAGIC);
    bytes
}

/// Where the index begins, where these are a tape's last bytes.
pub(super) fn parse_trailer(bytes: &[u8; TRAILER_BYTES]) -> Option<u64> {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    let offset = u64::from_le_bytes(word);
    (trailer(offset) == *bytes).then_some(offset)
}
