//! Walks over a message that is written exactly as its venue writes it: no tree, no names to compare. Whoever uses it
//! has a general way beside it for all else, and a test that both understand the same.

/// What is left of a message.
pub struct Scan<'a>(pub(in super::super) &'a str);

impl<'a> Scan<'a> {
    /// Begins with a message; `None` where it is no text.
    pub fn new(message: &'a [u8]) -> Option<Scan<'a>> {
        std::str::from_utf8(message).ok().map(Scan)
    }

    /// Takes these words; `None` where something else stands there.
    pub fn word(&mut self, word: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(word)?;
        Some(())
    }

    /// Takes a string's rest with its end; `None` where it has escapes.
    pub fn text(&mut self) -> Option<&'a str> {
        let end = self.0.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix('"')?;
        Some(text)
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.0.is_empty()
    }
}
