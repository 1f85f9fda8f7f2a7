//! Protobuf as it stands in memory: its fields one after the other, nothing copied.
//!
//! Source: Protocol Buffers, "Encoding".

use crate::tape::BlockFault;

const INVALID: BlockFault = BlockFault::Content("not a protobuf message");

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

/// Takes the next field of a message off its front: its number and value; `None` at the end.
pub(super) fn field<'a>(message: &mut &'a [u8]) -> Result<Option<(u32, Wire<'a>)>, BlockFault> {
    loop {
        if message.is_empty() {
            return Ok(None);
        }
        let tag = varint(message).and_then(|tag| u32::try_from(tag).ok()).ok_or(INVALID)?;
        let value = match tag & 7 {
            0 => Wire::Varint(varint(message).ok_or(INVALID)?),
            1 => Wire::Fixed64(u64::from_le_bytes(take(message)?)),
            2 => {
                let length = varint(message).and_then(|length| usize::try_from(length).ok());
                let bytes = length.and_then(|length| message.split_at_checked(length));
                let (bytes, rest) = bytes.ok_or(INVALID)?;
                *message = rest;
                Wire::Bytes(bytes)
            }
            5 => {
                // No field of this schema.
                take::<4>(message)?;
                continue;
            }
            _ => return Err(INVALID),
        };
        return Ok(Some((tag >> 3, value)));
    }
}

/// Takes a varint off the front; `None` where there is none.
#[inline]
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first()?;
    if *first < 0x80 {
        *bytes = rest;
        return Some(u64::from(*first));
    }
    let mut value = u64::from(*first & 0x7f);
    for (at, byte) in rest.iter().take(9).enumerate() {
        let shift = 7 * (at as u32 + 1);
        value |= u64::from(*byte & 0x7f) << shift;
        if *byte < 0x80 {
            *bytes = &rest[at + 1..];
            // The tenth byte has room for one bit.
            return (shift < 63 || *byte <= 1).then_some(value);
        }
    }
    None
}

/// Takes a zigzag varint off the front.
#[inline]
pub(super) fn sint(bytes: &mut &[u8]) -> Option<i64> {
    let value = varint(bytes)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Appends a varint.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a zigzag varint.
#[inline]
pub(super) fn put_sint(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Appends a field of bytes; none where they are empty.
pub(super) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        put_varint(out, u64::from(number << 3 | 2));
        put_varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
}

fn take<const N: usize>(message: &mut &[u8]) -> Result<[u8; N], BlockFault> {
    let (bytes, rest) = message.split_first_chunk::<N>().ok_or(INVALID)?;
    *message = rest;
    Ok(*bytes)
}
