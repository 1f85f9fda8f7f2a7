//! A stream of bytes as numbered lines of bounded length. Pure.

use super::LineError;
use crate::control::LINE_BYTES_MAX;

/// Takes bytes in any pieces and gives lines, numbered from 1 on. Keeps less than one line.
#[derive(Debug, Default)]
pub struct Lines {
    /// The beginning of a line whose end has not come.
    kept: Vec<u8>,
    /// Whether what is kept was given out as a line's whole.
    is_given: bool,
    /// The line under way is too long: the rest of it is passed over.
    is_skipping: bool,
    /// Of the last line given.
    number: u64,
}

/// A line's number, and its bytes without the end.
pub type Numbered<'a> = (u64, Result<&'a [u8], LineError>);

impl Lines {
    /// The first line has this number.
    pub fn starting_at(first: u64) -> Lines {
        Lines {
            number: first.saturating_sub(1),
            ..Lines::default()
        }
    }

    /// The next line that ends within `bytes`, which are moved on behind it; `None` where they end first: the rest is
    /// kept.
    pub fn next<'a, 'b: 'a>(&'a mut self, bytes: &mut &'b [u8]) -> Option<Numbered<'a>> {
        if std::mem::take(&mut self.is_given) {
            self.kept.clear();
        }
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.keep(std::mem::take(bytes));
            return None;
        };
        let line = &bytes[..end];
        *bytes = &bytes[end + 1..];
        if self.kept.is_empty() && !self.is_skipping && line.len() <= LINE_BYTES_MAX {
            self.number += 1;
            return Some((self.number, Ok(line)));
        }
        self.keep(line);
        Some(self.give())
    }

    /// The last line, where it has no end.
    pub fn finish(&mut self) -> Option<Numbered<'_>> {
        let is_none = self.is_given || (self.kept.is_empty() && !self.is_skipping);
        (!is_none).then(|| self.give())
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.is_skipping |= self.kept.len() + bytes.len() > LINE_BYTES_MAX;
        if self.is_skipping {
            self.kept.clear();
        } else {
            self.kept.extend_from_slice(bytes);
        }
    }

    fn give(&mut self) -> Numbered<'_> {
        self.number += 1;
        self.is_given = true;
        match std::mem::take(&mut self.is_skipping) {
            true => (self.number, Err(LineError::TooLong)),
            false => (self.number, Ok(&self.kept)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All lines of these pieces; `None` is one that is too long.
    fn split(pieces: &[&[u8]]) -> Vec<(u64, Option<Vec<u8>>)> {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        let owned = |(number, line): Numbered<'_>| (number, line.ok().map(<[u8]>::to_vec));
        for piece in pieces {
            let mut bytes = *piece;
            while let Some(line) = lines.next(&mut bytes) {
                all.push(owned(line));
            }
            assert!(lines.kept.len() <= LINE_BYTES_MAX && bytes.is_empty());
        }
        all.extend(lines.finish().map(owned));
        assert!(lines.finish().is_none(), "the end comes once");
        all
    }

    #[test]
    fn a_line_too_long_is_refused_alone_wherever_it_is_cut() {
        let longest = vec![b'x'; LINE_BYTES_MAX];
        let text = [b"a\n", &longest[..], b"\n", &longest, b"y\nb"].concat();
        let want = vec![
            (1, Some(b"a".to_vec())),
            (2, Some(longest.clone())),
            (3, None),
            (4, Some(b"b".to_vec())),
        ];
        for piece in [1_000, 65_535, 65_536, 65_537, text.len()] {
            let pieces: Vec<&[u8]> = text.chunks(piece).collect();
            assert!(split(&pieces) == want, "pieces of {piece}");
        }
        let endless = vec![b'x'; 3 * LINE_BYTES_MAX];
        assert_eq!(split(&[&endless]), [(1, None)]);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_whole_however_it_is_cut(
            text in prop::collection::vec(prop::sample::select(b"ab\n\r ".to_vec()), 0..60),
            cuts in prop::collection::vec(0usize..61, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            let mut want: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
            // What stands behind the last end is a line only where there is something.
            if want.last().is_some_and(|last| last.is_empty()) {
                want.pop();
            }
            let want: Vec<_> = (1..).zip(want.into_iter().map(|line| Some(line.to_vec()))).collect();
            prop_assert_eq!(split(&pieces), want);
        }
    }
}
