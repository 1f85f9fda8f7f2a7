//! WebSocket frames as a subscriber sees them (RFC 6455, 5.2): read where they lie, without a copy.

use crate::client::MESSAGE_BYTES_MAX;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

/// A whole frame at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) opcode: Opcode,
    pub(super) payload: &'a [u8],
    /// With its header.
    pub(super) len: usize,
}

/// Reads the first frame, `None` where it is not whole yet.
///
/// # Errors
/// With what is wrong.
pub(super) fn first(bytes: &[u8]) -> Result<Option<Frame<'_>>, &'static str> {
    let [first, second, ..] = *bytes else {
        return Ok(None);
    };
    let opcode = match first {
        0x81 => Opcode::Text,
        0x82 => Opcode::Binary,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8a => Opcode::Pong,
        _ if first & 0x70 != 0 => return Err("reserved bits are set"),
        _ if first & 0x80 == 0 || first == 0x80 => return Err("a message in fragments, which this server never sends"),
        _ => return Err("an unknown opcode"),
    };
    if second & 0x80 != 0 {
        return Err("it is masked");
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    let (head, len) = match second {
        126 => (4, bytes.get(2..4).map(number)),
        127 => (10, bytes.get(2..10).map(number)),
        short => (2, Some(u64::from(short))),
    };
    let Some(len) = len else { return Ok(None) };
    let is_control = !matches!(opcode, Opcode::Text | Opcode::Binary);
    let Some(len) = usize::try_from(len).ok().filter(|len| *len <= MESSAGE_BYTES_MAX) else {
        return Err("longer than 16 MiB");
    };
    if is_control && len > 125 {
        return Err("a control frame of more than 125 bytes");
    }
    let frame = |payload| Frame {
        opcode,
        payload,
        len: head + len,
    };
    Ok(bytes.get(head..head + len).map(frame))
}

/// Code and words of a close frame; 1005, RFC 6455's "no status received", where it has none.
pub(super) fn close_of(payload: &[u8]) -> (u16, String) {
    match payload.split_first_chunk() {
        Some((code, words)) => (u16::from_be_bytes(*code), String::from_utf8_lossy(words).into_owned()),
        None => (1005, String::new()),
    }
}

/// Appends a frame as a client sends it.
pub(super) fn push(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: [u8; 4]) {
    out.push(match opcode {
        Opcode::Text => 0x81,
        Opcode::Binary => 0x82,
        Opcode::Close => 0x88,
        Opcode::Ping => 0x89,
        Opcode::Pong => 0x8a,
    });
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(len @ 0..=125), _) => out.push(0x80 | len),
        (_, Ok(len)) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_server(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            len @ 0..=125 => bytes.push(len as u8),
            len @ 126..=0xffff => {
                bytes.push(126);
                bytes.extend((len as u16).to_be_bytes());
            }
            len => {
                bytes.push(127);
                bytes.extend((len as u64).to_be_bytes());
            }
        }
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn frames_of_every_length_are_read_only_when_whole() {
        for len in [0, 1, 125, 126, 65_535, 65_536, 70_000] {
            let payload = vec![b'x'; len];
            let bytes = of_server(0x82, &payload);
            let longer = [&bytes[..], b"next"].concat();
            let frame = Frame {
                opcode: Opcode::Binary,
                payload: &payload,
                len: bytes.len(),
            };
            assert_eq!(first(&longer), Ok(Some(frame)));
            for cut in [0, 1, 2, bytes.len() - 1] {
                let cut = cut.min(bytes.len() - 1);
                assert_eq!(first(&bytes[..cut]), Ok(None), "{cut} of {len}");
            }
        }
    }

    #[test]
    fn what_a_server_may_not_send_is_named() {
        let masked = [0x82, 0x81, 1, 2, 3, 4, 5];
        for (bytes, part) in [
            (&masked[..], "masked"),
            (&[0x02, 1, 0], "fragments"),
            (&[0x80, 1, 0], "fragments"),
            (&[0xc2, 1, 0], "reserved"),
            (&[0x83, 1, 0], "opcode"),
            (&[0x89, 126, 0, 126], "control"),
            (&[0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0], "16 MiB"),
        ] {
            let said = first(bytes).expect_err(part);
            assert!(said.contains(part), "{said}");
        }
        assert_eq!(close_of(&[]), (1005, String::new()));
        assert_eq!(close_of(b"\x0f\xa8slow"), (4008, "slow".to_owned()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(Some(frame)) = first(&bytes) {
                prop_assert!(frame.len <= bytes.len());
            }
        }

        #[test]
        fn what_is_masked_is_there_again_without_the_mask(payload in prop::collection::vec(any::<u8>(), 0..300), mask: [u8; 4]) {
            let mut out = Vec::new();
            push(&mut out, Opcode::Binary, &payload, mask);
            let head = out.len() - payload.len();
            let plain: Vec<u8> = out[head..].iter().zip(mask.iter().cycle()).map(|(b, m)| b ^ m).collect();
            prop_assert_eq!(plain, payload);
        }
    }
}
