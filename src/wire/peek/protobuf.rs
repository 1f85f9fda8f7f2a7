//! A look at a protobuf message: entries are jumped over by their lengths.

use prost::encoding::{WireType, decode_key, decode_varint};

use super::{Fields, Peek, take};

pub(super) fn peek(mut left: &[u8]) -> Option<Peek<'_>> {
    let (number, WireType::LengthDelimited) = decode_key(&mut left).ok()? else {
        return None;
    };
    let body = content(&mut left)?;
    if !left.is_empty() {
        return None;
    }
    match number {
        3 => delta(body).map(Fields::delta),
        4 => heartbeat(body).map(Fields::heartbeat),
        15 => Some(Peek::Deflated(body)),
        _ => None,
    }
}

fn delta(mut left: &[u8]) -> Option<Fields> {
    use WireType::{LengthDelimited, SixtyFourBit, Varint};
    let mut fields = Fields::default();
    while !left.is_empty() {
        match decode_key(&mut left).ok()? {
            (1, Varint) => fields.seq = decode_varint(&mut left).ok()?,
            (2, Varint) => fields.prev_seq = Some(decode_varint(&mut left).ok()?),
            (3, SixtyFourBit) => fields.ts = fixed64(&mut left)?,
            (4 | 5, LengthDelimited) => {
                content(&mut left)?;
                fields.has_listings = true;
            }
            (6, LengthDelimited) => {
                content(&mut left)?;
                fields.entries += 1;
            }
            (7, LengthDelimited) => _ = content(&mut left)?,
            (8, Varint) => fields.skipped = decode_varint(&mut left).ok()? as u32,
            (9, Varint) => fields.more = decode_varint(&mut left).ok()? != 0,
            _ => return None,
        }
    }
    Some(fields)
}

fn heartbeat(mut left: &[u8]) -> Option<Fields> {
    use WireType::{SixtyFourBit, Varint};
    let mut fields = Fields::default();
    while !left.is_empty() {
        match decode_key(&mut left).ok()? {
            (1, Varint) => fields.seq = decode_varint(&mut left).ok()?,
            (2, SixtyFourBit) => fields.ts = fixed64(&mut left)?,
            (3, Varint) => fields.prev_seq = Some(decode_varint(&mut left).ok()?),
            _ => return None,
        }
    }
    Some(fields)
}

fn content<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(decode_varint(left).ok()?).ok()?;
    take(left, len)
}

fn fixed64(left: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(left, 8)?.try_into().ok()?))
}
