//! Reads tapes, in order and from any moment.

use std::path::Path;

use super::block::Kind;
use super::blocks::{Blocks, Trouble};
use super::index::{KeyframeAt, Summary};
use super::records::Decoder;
use super::{Damage, FILE_HEAD_BYTES, OnDamage, TapeError, TapeInfo, Taped, VERSION, keyframe};
use crate::market::{Ts, VenueName};
use crate::store::Image;
use crate::tape::BlockFault;
use crate::tape::bounds::DAMAGES_MAX;

const NO_PART: BlockFault = BlockFault::Content("a part of a keyframe is expected");

/// Reads a tape block by block.
pub struct TapeReader {
    blocks: Blocks,
    decoder: Decoder,
    on_damage: OnDamage,
    info: TapeInfo,
    image: Image,
    keyframes: Vec<KeyframeAt>,
    /// Where reading goes on.
    offset: u64,
    /// The number of the block there; `None` where anything may follow.
    number: Option<u32>,
    /// The newest time of all records before the place of the last seek.
    newest: Option<Ts>,
    /// Where reading goes on from the beginning, and the number of the block there.
    beginning: (u64, Option<u32>),
    damages: Vec<Damage>,
}

impl TapeReader {
    /// Opens a tape and reads what it begins with. Where its index is missing or damaged, its blocks are walked over.
    ///
    /// # Errors
    /// It is no tape or cannot be read; with [`OnDamage::Stop`] also where its beginning is damaged.
    pub fn open(path: &Path, on_damage: OnDamage) -> Result<TapeReader, TapeError> {
        let mut blocks = Blocks::open(path)?;
        let file = || path.to_path_buf();
        let io = |source| TapeError::ReadAt {
            file: file(),
            offset: 0,
            source,
        };
        let start = FILE_HEAD_BYTES as u64;
        let mut damages = Vec::new();
        match blocks.version().map_err(io)? {
            Some(VERSION) => {}
            Some(got) => return Err(TapeError::TapeVersion { file: file(), got }),
            // Good blocks say as well that it is a tape.
            None if on_damage == OnDamage::Salvage && !blocks.is_empty().map_err(io)? => damages.push(Damage {
                offset: 0,
                bytes: start,
                what: BlockFault::NoBlock,
            }),
            None => return Err(TapeError::NotATape { file: file() }),
        }
        let index = blocks.index().map_err(io)?;
        let mut reader = TapeReader {
            blocks,
            decoder: Decoder::default(),
            on_damage,
            info: TapeInfo::default(),
            image: Image::default(),
            keyframes: Vec::new(),
            offset: start,
            number: Some(0),
            newest: None,
            beginning: (start, Some(0)),
            damages,
        };
        let has_index = index.is_some();
        let summary = match index {
            Some(summary) => summary,
            None => reader.walk()?,
        };
        reader.begin()?;
        let (first, last) = summary.span.unwrap_or_default();
        reader.info = TapeInfo {
            first,
            last,
            records: summary.records,
            updates: summary.updates,
            keyframes: summary.keyframes.len() as u64,
            blocks: summary.blocks,
            gaps: summary.gaps,
            venues: summary.venues,
            has_index,
        };
        reader.keyframes = summary.keyframes;
        Ok(reader)
    }

    /// What the tape holds.
    pub fn info(&self) -> &TapeInfo {
        &self.info
    }

    /// What the tape begins with.
    pub fn image(&self) -> &Image {
        &self.image
    }

    /// What was passed over so far.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// The newest time of all records before the place of the last seek; `None` where there are none.
    pub fn newest_before(&self) -> Option<Ts> {
        self.newest
    }

    /// Where reading goes on, in bytes of the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.blocks.bytes()
    }

    /// Appends the records of the next block; false at the end.
    ///
    /// # Errors
    /// The system's; with [`OnDamage::Stop`] also where a block is damaged, which is told once and ends the tape.
    pub fn read(&mut self, out: &mut Vec<Taped>) -> Result<bool, TapeError> {
        while !self.blocks.is_end(self.offset) {
            let before = out.len();
            match self.next(out) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(trouble) => {
                    out.truncate(before);
                    self.pass(trouble)?;
                }
            }
        }
        Ok(false)
    }

    /// Goes to the newest keyframe before which no record is newer than `ts`, or else to the beginning, and returns what
    /// everything was there; reading goes on right behind it.
    ///
    /// # Errors
    /// As with [`TapeReader::read`].
    pub fn seek(&mut self, ts: Ts) -> Result<Image, TapeError> {
        let fitting = self.keyframes.iter().rev().filter(|at| at.newest <= ts);
        let places: Vec<(u64, Ts)> = fitting.map(|at| (at.offset, at.newest)).collect();
        for (offset, newest) in places {
            if offset < self.beginning.0 {
                break;
            }
            (self.offset, self.number) = (offset, None);
            let (mut image, mut named) = (Image::default(), Vec::new());
            match self.keyframe(&mut image, &mut named) {
                Ok(()) => {
                    self.newest = Some(newest);
                    return Ok(image);
                }
                Err(Trouble::Fault(fault)) if self.on_damage == OnDamage::Salvage => self.pass_part(fault)?,
                Err(trouble) => return Err(self.error(trouble)),
            }
        }
        (self.offset, self.number) = self.beginning;
        self.newest = None;
        Ok(self.image.clone())
    }

    /// Reads the block at `offset`; whether it had records.
    fn next(&mut self, out: &mut Vec<Taped>) -> Result<bool, Trouble> {
        let (head, payload) = self.blocks.payload(self.offset)?;
        let is_next = self.number.is_none_or(|number| number == head.number);
        if !is_next {
            // Told, and then read as if nothing were amiss.
            self.number = None;
            return Err(BlockFault::OutOfOrder.into());
        }
        let has_records = head.kind == Kind::Records;
        if has_records {
            let before = out.len();
            self.decoder.decode(payload, out)?;
            if out.len() - before != head.records as usize {
                return Err(BlockFault::Content("not as many records as the head says").into());
            }
        }
        self.offset += head.block_bytes();
        self.number = Some(head.number.wrapping_add(1));
        Ok(has_records)
    }

    /// Reads the keyframe at `offset` with all its parts.
    fn keyframe(&mut self, image: &mut Image, named: &mut Vec<VenueName>) -> Result<(), Trouble> {
        let mut is_first = true;
        loop {
            let (head, payload) = self.blocks.payload(self.offset)?;
            let is_next = self.number.is_none_or(|number| number == head.number);
            if head.kind != Kind::Keyframe || head.part.is_first != is_first || !is_next {
                return Err(NO_PART.into());
            }
            keyframe::decode(payload, image, named)?;
            self.offset += head.block_bytes();
            self.number = Some(head.number.wrapping_add(1));
            is_first = false;
            if head.part.is_last {
                return Ok(());
            }
        }
    }

    /// Reads what the tape begins with.
    fn begin(&mut self) -> Result<(), TapeError> {
        let (mut image, mut named) = (Image::default(), Vec::new());
        match self.keyframe(&mut image, &mut named) {
            Ok(()) => {
                self.image = image;
                self.beginning = (self.offset, self.number);
            }
            Err(Trouble::Fault(fault)) if self.on_damage == OnDamage::Salvage => {
                self.pass_part(fault)?;
                (self.offset, self.number) = self.beginning;
            }
            Err(trouble) => return Err(self.error(trouble)),
        }
        Ok(())
    }

    /// Walks over the heads of all blocks, up to the first fault or, with salvage, all that are good.
    fn walk(&mut self) -> Result<Summary, TapeError> {
        let mut summary = Summary::default();
        let mut offset = FILE_HEAD_BYTES as u64;
        while !self.blocks.is_end(offset) {
            match self.blocks.head(offset) {
                Ok(head) => {
                    summary.found(offset, &head);
                    offset += head.block_bytes();
                }
                Err(Trouble::Fault(_)) if self.on_damage == OnDamage::Salvage => {
                    offset = self.blocks.next_good(offset + 1).map_err(|e| self.error(e.into()))?;
                }
                Err(Trouble::Fault(_)) => break,
                Err(trouble) => return Err(self.error(trouble)),
            }
        }
        self.find_venues(&mut summary)?;
        Ok(summary)
    }

    /// The venues of a tape without index: those that the newest good keyframe names, and those of the records behind.
    fn find_venues(&mut self, summary: &mut Summary) -> Result<(), TapeError> {
        let mut named = Vec::new();
        (self.offset, self.number) = (FILE_HEAD_BYTES as u64, None);
        for at in summary.keyframes.iter().rev() {
            (self.offset, self.number) = (at.offset, None);
            named.clear();
            match self.keyframe(&mut Image::default(), &mut named) {
                Ok(()) => break,
                Err(Trouble::Fault(_)) => {}
                Err(trouble) => return Err(self.error(trouble)),
            }
        }
        named.iter().for_each(|venue| summary.name(venue.as_str()));
        let mut out = Vec::new();
        while !self.blocks.is_end(self.offset) {
            out.clear();
            self.number = None;
            match self.next(&mut out) {
                Ok(_) => out
                    .iter()
                    .filter_map(Taped::venue)
                    .for_each(|venue| summary.name(venue)),
                Err(Trouble::Fault(_)) if self.on_damage == OnDamage::Salvage => {
                    let next = self.blocks.next_good(self.offset + 1);
                    self.offset = next.map_err(|e| self.error(e.into()))?;
                }
                Err(Trouble::Fault(_)) => break,
                Err(trouble) => return Err(self.error(trouble)),
            }
        }
        (self.offset, self.number) = self.beginning;
        Ok(())
    }

    /// Goes on behind what cannot be read, or tells of it.
    fn pass(&mut self, trouble: Trouble) -> Result<(), TapeError> {
        let fault = match trouble {
            Trouble::Fault(fault) if self.on_damage == OnDamage::Salvage => fault,
            trouble => {
                let error = self.error(trouble);
                self.offset = self.blocks.bytes();
                return Err(error);
            }
        };
        let from = self.offset;
        if fault != BlockFault::OutOfOrder {
            self.offset = self.blocks.next_good(from + 1).map_err(|e| self.error(e.into()))?;
            self.number = None;
        }
        self.damage(from, self.offset - from, fault);
        Ok(())
    }

    /// Tells of a keyframe's part that cannot be read: who reads on takes nothing from it, and might find it whole.
    fn pass_part(&mut self, fault: BlockFault) -> Result<(), TapeError> {
        let from = self.offset;
        let next = match fault {
            // Another block is there.
            NO_PART => from,
            _ => self.blocks.next_good(from + 1).map_err(|e| self.error(e.into()))?,
        };
        self.damage(from, next - from, fault);
        Ok(())
    }

    fn damage(&mut self, offset: u64, bytes: u64, what: BlockFault) {
        // Passed over again, after a seek or behind the beginning.
        if self
            .damages
            .iter()
            .any(|known| known.offset == offset && known.what == what)
        {
            return;
        }
        let is_full = self.damages.len() >= DAMAGES_MAX;
        match self.damages.last_mut() {
            Some(last) if is_full => last.bytes += bytes,
            _ => self.damages.push(Damage { offset, bytes, what }),
        }
    }

    fn error(&self, trouble: Trouble) -> TapeError {
        let (file, offset) = (self.blocks.path().to_path_buf(), self.offset);
        match trouble {
            Trouble::Fault(fault) => TapeError::Block { file, offset, fault },
            Trouble::Io(source) => TapeError::ReadAt { file, offset, source },
        }
    }
}
