//! WebSocket frames as a server writes them (RFC 6455, section 5.2): never masked, never fragmented.

/// Opcodes of whole frames, with the final bit set.
pub(super) const TEXT: u8 = 0x81;
pub(super) const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Most bytes of a control frame's payload.
const CONTROL_BYTES_MAX: usize = 125;

/// A frame's header and how many of its bytes count.
pub(super) fn header(opcode: u8, len: usize) -> ([u8; 10], usize) {
    let mut head = [0u8; 10];
    head[0] = opcode;
    match len {
        0..=125 => {
            head[1] = len as u8;
            (head, 2)
        }
        126..=0xffff => {
            head[1] = 126;
            head[2..4].copy_from_slice(&(len as u16).to_be_bytes());
            (head, 4)
        }
        _ => {
            head[1] = 127;
            head[2..10].copy_from_slice(&(len as u64).to_be_bytes());
            (head, 10)
        }
    }
}

/// A ping without payload.
pub(super) fn ping() -> Vec<u8> {
    vec![PING, 0]
}

/// The answer to a ping, with the ping's payload.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    control(PONG, payload)
}

/// A close frame with a code and a reason in words, cut to what a control frame holds.
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    let mut end = reason.len().min(CONTROL_BYTES_MAX - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    control(CLOSE, &payload)
}

fn control(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(CONTROL_BYTES_MAX)];
    let mut frame = vec![opcode, payload.len() as u8];
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_use_the_shortest_length_form() {
        for (len, want) in [
            (0, &[0x82, 0][..]),
            (125, &[0x82, 125]),
            (126, &[0x82, 126, 0, 126]),
            (65_535, &[0x82, 126, 0xff, 0xff]),
            (65_536, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (head, used) = header(BINARY, len);
            assert_eq!(&head[..used], want);
        }
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let frame = close(4001, &"é".repeat(100));
        assert_eq!((frame[1], &frame[2..4]), (124, &4001u16.to_be_bytes()[..]));
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
    }
}
