//! A body's bytes as pieces of whole lines, with at most one line and one read in memory. Pure.

use crate::control::LINE_BYTES_MAX;

/// Whole lines and the number of the first.
pub(in crate::server) type Piece = (u64, Vec<u8>);

/// Cuts a body behind its last line end; a line that is too long is given as far as it is needed to be refused.
#[derive(Debug)]
pub(in crate::server) struct WholeLines {
    kept: Vec<u8>,
    next_line: u64,
    /// The rest of a line that was given already.
    is_skipping: bool,
}

impl WholeLines {
    pub(in crate::server) fn new() -> WholeLines {
        WholeLines {
            kept: Vec::new(),
            next_line: 1,
            is_skipping: false,
        }
    }

    /// Takes the next bytes; gives the lines that are whole by now.
    pub(in crate::server) fn take(&mut self, mut bytes: &[u8]) -> Option<Piece> {
        if self.is_skipping {
            let end = bytes.iter().position(|byte| *byte == b'\n')?;
            bytes = &bytes[end + 1..];
            self.is_skipping = false;
        }
        let kept = self.kept.len();
        self.kept.extend_from_slice(bytes);
        // What was kept before has no line end.
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            let rest = self.kept.split_off(kept + end + 1);
            let whole = std::mem::replace(&mut self.kept, rest);
            let lines = whole.iter().filter(|byte| **byte == b'\n').count();
            return Some(self.give(whole, lines as u64));
        }
        if self.kept.len() > LINE_BYTES_MAX {
            self.is_skipping = true;
            let beginning = std::mem::take(&mut self.kept);
            return Some(self.give(beginning, 1));
        }
        None
    }

    /// The last line, where it has no end.
    pub(in crate::server) fn finish(&mut self) -> Option<Piece> {
        let last = std::mem::take(&mut self.kept);
        (!last.is_empty()).then(|| self.give(last, 1))
    }

    fn give(&mut self, whole: Vec<u8>, lines: u64) -> Piece {
        let first = self.next_line;
        self.next_line += lines;
        (first, whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines of all pieces by their numbers, and the largest piece.
    fn lines(text: &[u8], read: usize) -> (Vec<(u64, Vec<u8>)>, usize) {
        let (mut body, mut all, mut largest) = (WholeLines::new(), Vec::new(), 0);
        let mut given = |(first, piece): Piece| {
            largest = largest.max(piece.len());
            let piece = piece.strip_suffix(b"\n").unwrap_or(&piece);
            all.extend((first..).zip(piece.split(|b| *b == b'\n').map(<[u8]>::to_vec)));
        };
        text.chunks(read.max(1))
            .filter_map(|bytes| body.take(bytes))
            .for_each(&mut given);
        body.finish().into_iter().for_each(&mut given);
        (all, largest)
    }

    #[test]
    fn an_endless_line_is_cut_short_and_keeps_its_number() {
        let long = vec![b'x'; 10 * LINE_BYTES_MAX];
        let text = [b"a\n", &long[..], b"\nb\nc"].concat();
        let (lines, largest) = lines(&text, 10_000);
        let seen: Vec<_> = lines
            .iter()
            .map(|(number, line)| (*number, line.len() > LINE_BYTES_MAX))
            .collect();
        assert_eq!(seen, [(1, false), (2, true), (3, false), (4, false)]);
        assert_eq!((&lines[2].1[..], &lines[3].1[..]), (&b"b"[..], &b"c"[..]));
        assert!(largest <= LINE_BYTES_MAX + 10_000, "{largest}");
    }

    proptest! {
        #[test]
        fn lines_and_numbers_are_those_of_the_whole(
            text in prop::collection::vec(prop::sample::select(b"ab\n".to_vec()), 0..60), read in 1usize..20,
        ) {
            let whole = text.strip_suffix(b"\n").unwrap_or(&text);
            let want: Vec<_> = match text.is_empty() {
                true => Vec::new(),
                false => (1..).zip(whole.split(|b| *b == b'\n').map(<[u8]>::to_vec)).collect(),
            };
            prop_assert_eq!(lines(&text, read).0, want);
        }
    }
}
