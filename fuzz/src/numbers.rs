//! The numbers that stand in a text: a value that was told has to be one of them.

use std::collections::HashSet;

use tickwire::market::Decimal;

/// The numbers of all texts so far, in whatever string or place they stand.
#[derive(Default)]
pub(crate) struct Numbers {
    known: HashSet<Decimal>,
    /// A string with escapes may spell a number in any way.
    has_escapes: bool,
}

impl Numbers {
    pub(crate) fn read(&mut self, text: &[u8]) {
        self.has_escapes |= text.contains(&b'\\');
        let words = text.split(|byte| !matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        let words = words.filter_map(|word| std::str::from_utf8(word).ok());
        self.known.extend(words.filter_map(|word| Decimal::parse(word).ok()));
    }

    /// A value that was told is exact: it stood there, and its own text is read back as the same.
    pub(crate) fn check(&self, value: Decimal) {
        assert_eq!(
            Decimal::parse(&value.to_string()),
            Ok(value),
            "its text is another number"
        );
        assert!(
            self.has_escapes || self.known.contains(&value),
            "{value} stands nowhere in what was read"
        );
    }
}
