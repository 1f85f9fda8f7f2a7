//! The blocks of a file that is read: where they stand, and whether they are whole.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::block::{HEAD_BYTES, Head, Kind, MAGIC};
use super::index::{Summary, TRAILER_BYTES, parse_trailer};
use super::payload::Unpacker;
use super::{FILE_HEAD_BYTES, TapeError, file_head};
use crate::tape::BlockFault;
use crate::tape::bounds::{BLOCK_BYTES_MAX, BLOCK_RECORDS_MAX};

/// Bytes that are looked through at once for the next block.
const WINDOW: usize = 64 << 10;

/// A file of blocks.
pub(super) struct Blocks {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Where blocks end: at the trailer, or at the end of the file.
    end: u64,
    packed: Vec<u8>,
    unpacker: Unpacker,
}

/// Why there is no block.
pub(super) enum Trouble {
    /// The bytes are at fault.
    Fault(BlockFault),
    /// The system is.
    Io(io::Error),
}

impl From<BlockFault> for Trouble {
    fn from(fault: BlockFault) -> Trouble {
        Trouble::Fault(fault)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Io(error)
    }
}

impl Blocks {
    pub(super) fn open(path: &Path) -> Result<Blocks, TapeError> {
        let open = |source| TapeError::Open {
            file: path.to_path_buf(),
            source,
        };
        let file = File::open(path).map_err(open)?;
        let bytes = file.metadata().map_err(open)?.len();
        Ok(Blocks {
            path: path.to_path_buf(),
            file,
            bytes,
            end: bytes,
            packed: Vec::new(),
            unpacker: Unpacker::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether blocks end here.
    pub(super) fn is_end(&self, offset: u64) -> bool {
        offset >= self.end
    }

    /// The version that the first bytes say; `None` where they are not a tape's, or damaged.
    pub(super) fn version(&mut self) -> io::Result<Option<u32>> {
        let mut head = [0; FILE_HEAD_BYTES];
        if self.bytes < head.len() as u64 {
            return Ok(None);
        }
        self.read(0, &mut head)?;
        let version = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
        Ok((head == file_head(version)).then_some(version))
    }

    /// The index, where the file has one that is whole.
    pub(super) fn index(&mut self) -> io::Result<Option<Summary>> {
        let Some(at) = self.bytes.checked_sub(TRAILER_BYTES as u64) else {
            return Ok(None);
        };
        let mut trailer = [0; TRAILER_BYTES];
        self.read(at, &mut trailer)?;
        let Some(offset) = parse_trailer(&trailer) else {
            return Ok(None);
        };
        self.end = at;
        let summary = match self.payload(offset) {
            Ok((head, payload)) if head.kind == Kind::Index && offset + head.block_bytes() == at => {
                Summary::decode(payload)
            }
            Ok(_) => return Ok(None),
            Err(Trouble::Io(error)) => return Err(error),
            Err(Trouble::Fault(_)) => return Ok(None),
        };
        // Each has a place of its own before the index, so that to try them all is to read the file once.
        let has_places = |summary: &Summary| {
            let offsets = summary.keyframes.iter().map(|keyframe| keyframe.offset).chain([offset]);
            offsets.is_sorted_by(|one, next| one < next)
        };
        Ok(summary.ok().filter(has_places))
    }

    /// The head of the block at this place.
    pub(super) fn head(&mut self, offset: u64) -> Result<Head, Trouble> {
        let left = self.end.saturating_sub(offset);
        if left < HEAD_BYTES as u64 {
            return Err(BlockFault::Truncated.into());
        }
        let mut bytes = [0; HEAD_BYTES];
        self.read(offset, &mut bytes)?;
        let head = Head::parse(&bytes)?;
        let largest = head.packed_bytes.max(head.raw_bytes) as usize;
        if largest > BLOCK_BYTES_MAX || head.records as usize > BLOCK_RECORDS_MAX {
            return Err(BlockFault::TooLarge.into());
        }
        if head.block_bytes() > left {
            return Err(BlockFault::Truncated.into());
        }
        Ok(head)
    }

    /// The block at this place, with its payload.
    pub(super) fn payload(&mut self, offset: u64) -> Result<(Head, &[u8]), Trouble> {
        let head = self.head(offset)?;
        let mut packed = std::mem::take(&mut self.packed);
        packed.resize(head.packed_bytes as usize, 0);
        let outcome = self.read(offset + HEAD_BYTES as u64, &mut packed);
        self.packed = packed;
        outcome?;
        if crc32c::crc32c(&self.packed) != head.payload_crc {
            return Err(BlockFault::PayloadChecksum.into());
        }
        let raw = self
            .unpacker
            .unpack(head.packing, &self.packed, head.raw_bytes as usize)?;
        Ok((head, raw))
    }

    /// Whether there is not one block whose head is whole.
    pub(super) fn is_empty(&mut self) -> io::Result<bool> {
        let first = self.next_good(0)?;
        Ok(self.is_end(first))
    }

    /// Where the next block begins whose head is whole, from this place on; the end where there is none.
    pub(super) fn next_good(&mut self, from: u64) -> io::Result<u64> {
        let mut window = vec![0; WINDOW];
        let mut start = from;
        while start < self.end {
            let length = WINDOW.min((self.end - start) as usize);
            self.read(start, &mut window[..length])?;
            for at in 0..length.saturating_sub(MAGIC.len() - 1) {
                if window[at..at + MAGIC.len()] == MAGIC {
                    match self.head(start + at as u64) {
                        Ok(_) => return Ok(start + at as u64),
                        Err(Trouble::Io(error)) => return Err(error),
                        Err(Trouble::Fault(_)) => {}
                    }
                }
            }
            if length < WINDOW {
                break;
            }
            start += (WINDOW - (MAGIC.len() - 1)) as u64;
        }
        Ok(self.end)
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(bytes)
    }
}
