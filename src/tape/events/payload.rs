//! Payloads: packed in the file, plain in memory.

use std::io::Read as _;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::block::Packing;
use crate::tape::BlockFault;

/// Packs payloads; keeps its memory.
pub(super) struct Packer {
    deflate: Compress,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Packer {
        Packer {
            deflate: Compress::new(Compression::new(6), false),
            packed: Vec::new(),
        }
    }

    /// The payload as it goes to the file: plain where packing does not pay.
    pub(super) fn pack<'a>(&'a mut self, raw: &'a [u8]) -> (Packing, &'a [u8]) {
        self.deflate.reset();
        self.packed.clear();
        self.packed.reserve(raw.len());
        let outcome = self.deflate.compress_vec(raw, &mut self.packed, FlushCompress::Finish);
        match outcome {
            Ok(Status::StreamEnd) if self.packed.len() < raw.len() => (Packing::Deflate, &self.packed),
            _ => (Packing::Plain, raw),
        }
    }
}

/// Unpacks a payload of exactly so many bytes.
pub(super) fn unpack(packing: Packing, packed: &[u8], raw_bytes: usize, raw: &mut Vec<u8>) -> Result<(), BlockFault> {
    raw.clear();
    raw.reserve(raw_bytes);
    match packing {
        Packing::Plain => raw.extend_from_slice(packed),
        Packing::Deflate => {
            let mut reader = flate2::bufread::DeflateDecoder::new(packed).take(raw_bytes as u64 + 1);
            reader
                .read_to_end(raw)
                .map_err(|_| BlockFault::Content("it cannot be unpacked"))?;
        }
    }
    if raw.len() == raw_bytes {
        Ok(())
    } else {
        Err(BlockFault::Content("its length is not what the head says"))
    }
}
