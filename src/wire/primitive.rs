//! The smallest parts of the three encodings: varints, MessagePack integers and heads, JSON texts.
//!
//! Sources: Protocol Buffers "Encoding", the MessagePack specification, RFC 8259.

use std::io::Write as _;

/// Protobuf wire types.
pub(super) const VARINT: u32 = 0;
pub(super) const FIXED64: u32 = 1;
pub(super) const LEN: u32 = 2;

/// Appends a protobuf varint.
#[inline]
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a protobuf varint.
pub(super) const fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a protobuf tag.
#[inline]
pub(super) fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(out, u64::from(number << 3 | wire_type));
}

/// Protobuf's sint64: small magnitudes stay short.
#[inline]
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Appends a MessagePack unsigned integer in its shortest form.
#[inline]
pub(super) fn put_uint(out: &mut Vec<u8>, value: u64) {
    match value {
        0..=0x7f => out.push(value as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, value as u8]),
        0x100..=0xffff => put_marked(out, 0xcd, &(value as u16).to_be_bytes()),
        0x1_0000..=0xffff_ffff => put_marked(out, 0xce, &(value as u32).to_be_bytes()),
        _ => put_marked(out, 0xcf, &value.to_be_bytes()),
    }
}

/// Appends a MessagePack integer in its shortest form.
#[inline]
pub(super) fn put_int(out: &mut Vec<u8>, value: i64) {
    match value {
        0.. => put_uint(out, value as u64),
        -32..=-1 => out.push(value as u8),
        -0x80..=-33 => out.extend_from_slice(&[0xd0, value as u8]),
        -0x8000..=-0x81 => put_marked(out, 0xd1, &(value as i16).to_be_bytes()),
        -0x8000_0000..=-0x8001 => put_marked(out, 0xd2, &(value as i32).to_be_bytes()),
        _ => put_marked(out, 0xd3, &value.to_be_bytes()),
    }
}

/// Appends the head of a MessagePack array.
pub(super) fn put_array_head(out: &mut Vec<u8>, count: usize) {
    match count {
        0..=15 => out.push(0x90 | count as u8),
        16..=0xffff => put_marked(out, 0xdc, &(count as u16).to_be_bytes()),
        _ => put_marked(out, 0xdd, &(count as u32).to_be_bytes()),
    }
}

/// Appends a MessagePack string.
pub(super) fn put_str(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=0xff => out.extend_from_slice(&[0xd9, len as u8]),
        len @ 0x100..=0xffff => put_marked(out, 0xda, &(len as u16).to_be_bytes()),
        len => put_marked(out, 0xdb, &(len as u32).to_be_bytes()),
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends a JSON string, quoted and escaped.
pub(super) fn put_json_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text into memory cannot fail");
}

/// Appends a whole number in digits.
#[inline]
pub(super) fn put_digits(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(out, "{value}").expect("a write into memory cannot fail");
}

fn put_marked(out: &mut Vec<u8>, marker: u8, bytes: &[u8]) {
    out.push(marker);
    out.extend_from_slice(bytes);
}
