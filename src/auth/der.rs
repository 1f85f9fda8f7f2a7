//! As much of DER (X.690) as keys, certificates and lists of revoked ones need.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;

/// The content of an element of this tag, and what comes behind (X.690, 8.1).
pub(super) fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        // A list of revoked certificates may have many megabytes.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    (first == tag).then_some(())?;
    rest.split_at_checked(length)
}

/// A sequence of this content, of which no key has more than 65,535 bytes.
pub(super) fn sequence(content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let head: &[u8] = match (high, low) {
        (0, 0..=0x7f) => &[SEQUENCE, low],
        (0, _) => &[SEQUENCE, 0x81, low],
        _ => &[SEQUENCE, 0x82, high, low],
    };
    [head, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_form_are_read_and_written() {
        for length in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff] {
            let content = vec![7; length];
            let der = [sequence(&content), vec![1]].concat();
            assert_eq!(take(&der, SEQUENCE), Some((&content[..], &[1][..])), "{length}");
            assert_eq!(take(&der[..length], SEQUENCE), None, "{length}");
        }
        let long = [&[SEQUENCE, 0x83, 1, 0, 0][..], &[7; 0x1_0000]].concat();
        assert_eq!(take(&long, SEQUENCE), Some((&[7; 0x1_0000][..], &[][..])));
        assert_eq!(take(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff], SEQUENCE), None);
        assert_eq!(take(&[SEQUENCE, 0x85, 0, 0, 0, 0, 0], SEQUENCE), None);
    }
}
