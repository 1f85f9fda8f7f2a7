//! A look at a MessagePack message: entries have no length, so they are walked over.

use super::{Fields, Peek, take};

pub(super) fn peek(mut left: &[u8]) -> Option<Peek<'_>> {
    if items(&mut left, MAP)? != 1 {
        return None;
    }
    let peek = match uint(&mut left)? {
        3 => delta(&mut left)?.delta(),
        4 => heartbeat(&mut left)?.heartbeat(),
        15 => {
            let len = match be(&mut left, 1)? {
                0xc4 => be(&mut left, 1)?,
                0xc5 => be(&mut left, 2)?,
                0xc6 => be(&mut left, 4)?,
                _ => return None,
            };
            Peek::Deflated(take(&mut left, usize::try_from(len).ok()?)?)
        }
        _ => return None,
    };
    left.is_empty().then_some(peek)
}

fn delta(left: &mut &[u8]) -> Option<Fields> {
    let mut fields = Fields::default();
    for _ in 0..items(left, MAP)? {
        match uint(left)? {
            1 => fields.seq = uint(left)?,
            2 => fields.prev_seq = Some(uint(left)?),
            3 => fields.ts = uint(left)?,
            4 | 5 => {
                let count = items(left, ARRAY)?;
                skip(left, count)?;
                fields.has_listings |= count > 0;
            }
            6 => {
                fields.entries = items(left, ARRAY)?;
                skip(left, fields.entries)?;
            }
            7 => {
                let count = items(left, ARRAY)?;
                skip(left, count)?;
            }
            8 => fields.skipped = u32::try_from(uint(left)?).ok()?,
            9 => {
                fields.more = match be(left, 1)? {
                    0xc2 => false,
                    0xc3 => true,
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    Some(fields)
}

fn heartbeat(left: &mut &[u8]) -> Option<Fields> {
    let mut fields = Fields::default();
    for _ in 0..items(left, MAP)? {
        match uint(left)? {
            1 => fields.seq = uint(left)?,
            2 => fields.ts = uint(left)?,
            3 => fields.prev_seq = Some(uint(left)?),
            _ => return None,
        }
    }
    Some(fields)
}

/// First byte of the short form, most items in it, first byte of the form with two bytes of length.
type Heads = (u8, u8, u8);
const MAP: Heads = (0x80, 15, 0xde);
const ARRAY: Heads = (0x90, 15, 0xdc);

/// Reads the head of a map or a list.
fn items(left: &mut &[u8], (short, most, long): Heads) -> Option<usize> {
    let first = be(left, 1)? as u8;
    let count = match first {
        _ if first == long => be(left, 2)?,
        _ if first == long + 1 => be(left, 4)?,
        _ if first & !most == short => u64::from(first & most),
        _ => return None,
    };
    usize::try_from(count).ok()
}

fn uint(left: &mut &[u8]) -> Option<u64> {
    match be(left, 1)? {
        short @ 0..=0x7f => Some(short),
        0xcc => be(left, 1),
        0xcd => be(left, 2),
        0xce => be(left, 4),
        0xcf => be(left, 8),
        _ => None,
    }
}

/// Bytes of a big-endian number.
fn be(left: &mut &[u8], len: usize) -> Option<u64> {
    Some(
        take(left, len)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

/// Passes over values with all that is in them, without recursion.
fn skip(left: &mut &[u8], mut values: usize) -> Option<()> {
    while values > 0 {
        values -= 1;
        let first = be(left, 1)? as u8;
        let (bytes, inner) = match first {
            0x80..=0x8f => (0, usize::from(first & 15) * 2),
            0x90..=0x9f => (0, usize::from(first & 15)),
            0xa0..=0xbf => (usize::from(first & 31), 0),
            0xc1 => return None,
            0xc4 | 0xd9 => (be(left, 1)? as usize, 0),
            0xc5 | 0xda => (be(left, 2)? as usize, 0),
            0xc6 | 0xdb => (be(left, 4)? as usize, 0),
            0xc7 => (be(left, 1)? as usize + 1, 0),
            0xc8 => (be(left, 2)? as usize + 1, 0),
            0xc9 => (be(left, 4)? as usize + 1, 0),
            0xcc | 0xd0 => (1, 0),
            0xcd | 0xd1 | 0xd4 => (2, 0),
            0xd5 => (3, 0),
            0xca | 0xce | 0xd2 => (4, 0),
            0xd6 => (5, 0),
            0xcb | 0xcf | 0xd3 => (8, 0),
            0xd7 => (9, 0),
            0xd8 => (17, 0),
            0xdc => (0, be(left, 2)? as usize),
            0xdd => (0, be(left, 4)? as usize),
            0xde => (0, be(left, 2)? as usize * 2),
            0xdf => (0, (be(left, 4)? as usize).checked_mul(2)?),
            // Small numbers, nil, true and false.
            _ => (0, 0),
        };
        take(left, bytes)?;
        // Each value owed has a byte at least: a length that is a lie ends here, not after it.
        values = values.checked_add(inner).filter(|owed| *owed <= left.len())?;
    }
    Some(())
}
