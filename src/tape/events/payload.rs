//! Payloads: packed in the file, plain in memory.
//!
//! Raw DEFLATE at level 3. On blocks of Binance's recordings (7.5 B an update, plain) it leaves 4.98 and 4.25 B and takes
//! 80 ns; level 2 1 % more bytes for 10 % less time, level 6 0.5 % fewer for 1.2x the time, level 9 2 % fewer for 3x. zstd
//! at level 3 leaves 2 % more bytes, in 25 ns, and unpacks in 6 ns where this takes 18, of the 140 that an update takes
//! until it stands in the store. That is not worth a C library: what is written is 2 % of a core at 100,000 updates a
//! second either way. `cargo bench --bench tape -- --packing` compares the levels.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::block::Packing;
use crate::tape::BlockFault;

const LEVEL: Compression = Compression::new(3);

/// Packs payloads; keeps its memory.
pub(super) struct Packer {
    deflate: Compress,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Packer {
        Packer {
            deflate: Compress::new(LEVEL, false),
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

/// Unpacks payloads; keeps its memory.
pub(super) struct Unpacker {
    inflate: Decompress,
    raw: Vec<u8>,
}

impl Unpacker {
    pub(super) fn new() -> Unpacker {
        Unpacker {
            inflate: Decompress::new(false),
            raw: Vec::new(),
        }
    }

    /// The payload, which has exactly so many bytes.
    pub(super) fn unpack<'a>(
        &'a mut self,
        packing: Packing,
        packed: &'a [u8],
        raw_bytes: usize,
    ) -> Result<&'a [u8], BlockFault> {
        const LENGTH: BlockFault = BlockFault::Content("its length is not what the head says");
        if packing == Packing::Plain {
            return if packed.len() == raw_bytes {
                Ok(packed)
            } else {
                Err(LENGTH)
            };
        }
        self.inflate.reset(false);
        // Room for one byte more and not for all that it ever had, so that what is too long is so each time.
        let room = raw_bytes + 1;
        if self.raw.len() < room {
            self.raw.resize(room, 0);
        }
        let outcome = self
            .inflate
            .decompress(packed, &mut self.raw[..room], FlushDecompress::Finish);
        match outcome {
            Ok(Status::StreamEnd) if self.inflate.total_in() != packed.len() as u64 => Err(LENGTH),
            Ok(_) if self.inflate.total_out() != raw_bytes as u64 => Err(LENGTH),
            Ok(Status::StreamEnd) => Ok(&self.raw[..raw_bytes]),
            _ => Err(BlockFault::Content("it cannot be unpacked")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_block_does_not_depend_on_those_before_it() {
        let ten = [&[0, 10, 0, !10, !0][..], &[7; 10]].concat();
        // A block of a kind that there is not.
        let packed = [&ten[..], &[7]].concat();
        let whole = [&[1], &ten[1..]].concat();
        let mut unpacker = Unpacker::new();
        let mut unpack = |packed, raw_bytes| {
            let unpacked = unpacker.unpack(Packing::Deflate, packed, raw_bytes);
            unpacked.map(<[u8]>::to_vec)
        };
        let before = unpack(&packed, 5);
        assert_eq!(unpack(&whole, 10), Ok(vec![7; 10]));
        let fault = unpack(&packed, 10);
        assert_eq!(fault, Err(BlockFault::Content("it cannot be unpacked")));
        assert_eq!(unpack(&packed, 5), before);
        assert!(before.is_err_and(|fault| fault.to_string().contains("length")));
        assert_eq!(unpack(&whole, 10), Ok(vec![7; 10]));
    }
}
