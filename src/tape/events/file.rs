//! One file of a tape, while it is written.

use std::io::{self, Write as _};
use std::path::PathBuf;

use super::block::{Counts, Head, Kind, Part};
use super::index::{KeyframeAt, Summary, trailer};
use super::payload::Packer;
use super::{TapeError, VERSION, file_head};
use crate::tape::bounds::BLOCK_BYTES_MAX;
use crate::tape::sink::{Create, Output};

/// A file that is written block by block.
pub(super) struct TapeFile {
    path: PathBuf,
    output: Output,
    packer: Packer,
    blocks: u32,
    summary: Summary,
    /// Kept for its memory.
    block: Vec<u8>,
}

impl TapeFile {
    /// Makes the file and writes its first bytes.
    pub(super) fn create(path: PathBuf, create: &mut Create) -> Result<TapeFile, TapeError> {
        let mut output = Output::create(&path, create)?;
        if let Err(source) = output.write_all(&file_head(VERSION)) {
            return Err(TapeError::Write { file: path, source });
        }
        Ok(TapeFile {
            path,
            output,
            packer: Packer::new(),
            blocks: 0,
            summary: Summary::default(),
            block: Vec::new(),
        })
    }

    /// Bytes that the file has.
    pub(super) fn bytes(&self) -> u64 {
        self.output.bytes()
    }

    /// Whether it can be written.
    pub(super) fn check(&self) -> Result<(), TapeError> {
        self.output.check().map_err(|e| self.fault(e))
    }

    /// What the file holds so far.
    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What the file holds so far, for the venues that it names.
    pub(super) fn summary_mut(&mut self) -> &mut Summary {
        &mut self.summary
    }

    /// Writes a block of records.
    pub(super) fn records(&mut self, payload: &[u8], counts: Counts) -> Result<(), TapeError> {
        self.write(Kind::Records, Part::default(), payload, counts)?;
        self.summary.count(&counts);
        Ok(())
    }

    /// Writes a keyframe of these parts.
    pub(super) fn keyframe(&mut self, parts: impl ExactSizeIterator<Item = Vec<u8>>) -> Result<(), TapeError> {
        let newest = self.summary.newest();
        self.summary.keyframes.push(KeyframeAt {
            offset: self.output.bytes(),
            newest,
        });
        let count = parts.len();
        for (at, payload) in parts.enumerate() {
            let part = Part {
                is_first: at == 0,
                is_last: at + 1 == count,
            };
            let times = Counts {
                first: newest,
                last: newest,
                ..Counts::default()
            };
            self.write(Kind::Keyframe, part, &payload, times)?;
        }
        Ok(())
    }

    /// Writes the index and waits for the disk; returns the file's bytes.
    pub(super) fn finish(mut self) -> Result<u64, TapeError> {
        let newest = self.summary.newest();
        self.summary.blocks = u64::from(self.blocks);
        let payload = self.summary.encode();
        // Larger where there are a quarter million keyframes: a reader then walks over the blocks.
        if payload.len() <= BLOCK_BYTES_MAX {
            let offset = self.output.bytes();
            let times = Counts {
                first: newest,
                last: newest,
                ..Counts::default()
            };
            self.write(Kind::Index, Part::default(), &payload, times)?;
            let trailer = trailer(offset);
            self.output.write_all(&trailer).map_err(|e| self.fault(e))?;
        }
        self.output.sync().map_err(|e| self.fault(e))?;
        Ok(self.output.bytes())
    }

    fn write(&mut self, kind: Kind, part: Part, payload: &[u8], counts: Counts) -> Result<(), TapeError> {
        debug_assert!(payload.len() <= BLOCK_BYTES_MAX, "{kind:?} of {} bytes", payload.len());
        let (packing, packed) = self.packer.pack(payload);
        let head = Head {
            kind,
            packing,
            part,
            number: self.blocks,
            packed_bytes: packed.len() as u32,
            raw_bytes: payload.len() as u32,
            records: counts.records,
            updates: counts.updates,
            gaps: counts.gaps,
            first: counts.first,
            last: counts.last,
            payload_crc: crc32c::crc32c(packed),
        };
        self.block.clear();
        self.block.extend_from_slice(&head.bytes());
        self.block.extend_from_slice(packed);
        // All at once, so that a process that is killed leaves no half of it, or nearly never.
        self.output.write_all(&self.block).map_err(|e| self.fault(e))?;
        self.blocks = self.blocks.wrapping_add(1);
        Ok(())
    }

    fn fault(&self, source: io::Error) -> TapeError {
        TapeError::Write {
            file: self.path.clone(),
            source,
        }
    }
}
