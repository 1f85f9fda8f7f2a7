//! WebSocket frames as bytes (RFC 6455, 5.2).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

// Opcodes with the final bit.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// The largest message of a server that was not told otherwise.
pub(crate) const FRAME_BYTES_MAX: usize = 65_536;

/// A frame as the server sent it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Opcode with the final bit.
    pub(crate) first: u8,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Takes a whole frame from the beginning of what was read.
    pub(crate) fn take(buffer: &mut Vec<u8>) -> Option<Frame> {
        let (first, second) = (*buffer.first()?, *buffer.get(1)?);
        assert_eq!(first & 0xf0, 0x80, "whole messages without reserved bits");
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
        let (head, length) = match second {
            126 => (4, number(buffer.get(2..4)?)),
            127 => (10, number(buffer.get(2..10)?)),
            short => (2, usize::from(short)),
        };
        assert!(length <= FRAME_BYTES_MAX, "a message of {length} bytes");
        let payload = buffer.get(head..head + length)?.to_vec();
        buffer.drain(..head + length);
        Some(Frame { first, payload })
    }

    /// Code and reason of a close frame.
    pub(crate) fn close(&self) -> (u16, String) {
        assert_eq!(self.first, CLOSE, "{self:?}");
        let (code, reason) = self.payload.split_at(2);
        let reason = String::from_utf8(reason.to_vec()).expect("UTF-8");
        (u16::from_be_bytes([code[0], code[1]]), reason)
    }
}

/// A frame as a client sends it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    // Masks need not be unpredictable here, only different.
    static MASK: AtomicU32 = AtomicU32::new(0x1234_5678);
    let mut frame = vec![first];
    match payload.len() {
        n @ 0..=125 => frame.push(0x80 | n as u8),
        n @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((n as u16).to_be_bytes());
        }
        n => {
            frame.push(0x80 | 127);
            frame.extend((n as u64).to_be_bytes());
        }
    }
    let mask = MASK.fetch_add(0x9e37_79b9, Relaxed).to_be_bytes();
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}
