//! A checkpoint and its bytes. No I/O.

use rustc_hash::FxHashSet;

use crate::market::Ts;
use crate::store::{Epoch, INSTRUMENTS_MAX, Image, OWN_INSTRUMENTS_MAX, Seq, VENUES_MAX, Versioned};
use crate::tape::{decode_image_part, encode_image};

/// What a file begins with. No text has the first byte, and line ends that a copy might change stand among them.
const MAGIC: [u8; 8] = *b"\xffstat\r\n\x1a";

const VERSION: u32 = 1;

const HEAD_BYTES: usize = 64;

/// Most bytes of a file: a million instruments of 350 B at most and 8 B of seq are 360 MB.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 30;

/// The store as it was at a beat.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The timeline's epoch.
    pub epoch: Epoch,
    /// Nothing was published after it: the next process may go on in the same epoch.
    pub is_final: bool,
    /// When it was taken.
    pub taken: Ts,
    /// What was so.
    pub state: Versioned,
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is something else.
    #[error("no checkpoint of tickwire")]
    Foreign,
    /// Of another version.
    #[error("a checkpoint of version {0}, and version {VERSION} is supported")]
    Version(u32),
    /// It contradicts itself.
    #[error("damaged: {0}")]
    Damaged(&'static str),
}

impl Fault {
    /// In the name of a file that is set aside.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Fault::Foreign => "foreign",
            Fault::Version(_) => "other-version",
            Fault::Damaged(_) => "damaged",
        }
    }
}

const SHORT: Fault = Fault::Damaged("it ends too early");

impl Checkpoint {
    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let Versioned { image, .. } = &self.state;
        let mut bytes = vec![0; HEAD_BYTES];
        let seqs = self.state.instruments_changed.iter().chain(&self.state.venues_changed);
        seqs.for_each(|seq| bytes.extend_from_slice(&seq.0.to_le_bytes()));
        for part in encode_image(image) {
            bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
            bytes.extend_from_slice(&part);
        }
        let body_bytes = (bytes.len() - HEAD_BYTES) as u64;
        let body_crc = crc32c::crc32c(&bytes[HEAD_BYTES..]);
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&u32::from(self.is_final).to_le_bytes());
        head.extend_from_slice(&self.epoch.get().to_le_bytes());
        head.extend_from_slice(&self.state.seq.0.to_le_bytes());
        head.extend_from_slice(&self.taken.0.to_le_bytes());
        head.extend_from_slice(&body_bytes.to_le_bytes());
        head.extend_from_slice(&(image.instruments.len() as u32).to_le_bytes());
        head.extend_from_slice(&(image.venues.len() as u32).to_le_bytes());
        head.extend_from_slice(&body_crc.to_le_bytes());
        head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
        bytes[..HEAD_BYTES].copy_from_slice(&head);
        bytes
    }

    /// Reads them.
    ///
    /// # Errors
    /// Says what they are instead, or what is wrong: nothing is taken from a file that is not whole.
    pub fn decode(bytes: &[u8]) -> Result<Checkpoint, Fault> {
        if !bytes.starts_with(&MAGIC) {
            return Err(Fault::Foreign);
        }
        let (head, body) = bytes.split_at_checked(HEAD_BYTES).ok_or(SHORT)?;
        let mut rest = head;
        let at_crc = HEAD_BYTES - 4;
        if crc32c::crc32c(&head[..at_crc]) != u32_of(&mut &head[at_crc..])? {
            return Err(Fault::Damaged("the head's checksum is wrong"));
        }
        take(&mut rest, MAGIC.len())?;
        let version = u32_of(&mut rest)?;
        if version != VERSION {
            return Err(Fault::Version(version));
        }
        let is_final = match u32_of(&mut rest)? {
            0 => false,
            1 => true,
            _ => return Err(Fault::Damaged("neither clean nor not")),
        };
        let epoch = Epoch::new(u64_of(&mut rest)?).ok_or(Fault::Damaged("no epoch"))?;
        let seq = Seq(u64_of(&mut rest)?);
        let taken = Ts(u64_of(&mut rest)? as i64);
        if u64_of(&mut rest)? != body.len() as u64 {
            return Err(Fault::Damaged("its length is not what the head says"));
        }
        let (instruments, venues) = (u32_of(&mut rest)? as usize, u32_of(&mut rest)? as usize);
        if crc32c::crc32c(body) != u32_of(&mut rest)? {
            return Err(Fault::Damaged("the checksum is wrong"));
        }
        let state = read_body(body, seq, instruments, venues)?;
        Ok(Checkpoint {
            epoch,
            is_final,
            taken,
            state,
        })
    }
}

fn read_body(mut body: &[u8], seq: Seq, instruments: usize, venues: usize) -> Result<Versioned, Fault> {
    if instruments > INSTRUMENTS_MAX + OWN_INSTRUMENTS_MAX || venues > VENUES_MAX {
        return Err(Fault::Damaged("more than a store holds"));
    }
    let mut seqs = |count: usize| {
        let changed = take(&mut body, count * 8)?.chunks_exact(8);
        let seqs: Vec<Seq> = changed
            .map(|mut bytes| u64_of(&mut bytes).map(Seq))
            .collect::<Result<_, _>>()?;
        match seqs.iter().all(|changed| (Seq::ZERO.next()..=seq).contains(changed)) {
            true => Ok(seqs),
            false => Err(Fault::Damaged("a change outside the timeline")),
        }
    };
    let (instruments_changed, venues_changed) = (seqs(instruments)?, seqs(venues)?);
    let mut image = Image::default();
    while !body.is_empty() {
        let length = u32_of(&mut body)? as usize;
        let part = take(&mut body, length)?;
        decode_image_part(part, &mut image).map_err(|_| Fault::Damaged("a part cannot be read"))?;
    }
    if (image.instruments.len(), image.venues.len()) != (instruments, venues) {
        return Err(Fault::Damaged("not as many instruments and venues as the head says"));
    }
    // Ids are places, so nothing may stand there twice.
    let symbols: FxHashSet<_> = image.instruments.iter().map(|i| &i.listing.symbol).collect();
    let names: FxHashSet<_> = image.venues.iter().map(|venue| &venue.name).collect();
    if (symbols.len(), names.len()) != (instruments, venues) {
        return Err(Fault::Damaged("an instrument or a venue stands there twice"));
    }
    Ok(Versioned {
        seq,
        image,
        instruments_changed,
        venues_changed,
    })
}

/// The next bytes of what is left.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], Fault> {
    let (taken, left) = rest.split_at_checked(count).ok_or(SHORT)?;
    *rest = left;
    Ok(taken)
}

fn u32_of(rest: &mut &[u8]) -> Result<u32, Fault> {
    let bytes = take(rest, 4)?.try_into().map_err(|_| SHORT)?;
    Ok(u32::from_le_bytes(bytes))
}

fn u64_of(rest: &mut &[u8]) -> Result<u64, Fault> {
    let bytes = take(rest, 8)?.try_into().map_err(|_| SHORT)?;
    Ok(u64::from_le_bytes(bytes))
}
