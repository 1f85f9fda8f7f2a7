//! `venue:NAME`, and the number an instrument has while an epoch lasts.

use std::fmt;
use std::sync::Arc;

/// Longest venue name, in bytes.
pub const VENUE_BYTES_MAX: usize = 32;
/// Longest name after the colon, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 63;

/// Number of an instrument, from 1, never used again for another one within an epoch.
///
/// Not from 0, because the wire leaves a 0 out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(pub u32);

impl InstrumentId {
    /// The id of the instrument at this position of a table.
    pub const fn from_index(index: usize) -> InstrumentId {
        InstrumentId(index as u32 + 1)
    }

    /// Position in tables that are indexed by instrument.
    pub const fn index(self) -> usize {
        self.0.wrapping_sub(1) as usize
    }
}

/// An instrument's name, `venue:NAME`, such as `kraken:BTC/USD`. Cheap to clone.
#[derive(Clone)]
pub struct Symbol {
    text: Arc<str>,
    venue_bytes: u8,
}

/// A venue's name, `[a-z0-9-]{1,32}`, with `$` in front for the server's own. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VenueName(Arc<str>);

/// Why a text is not a symbol, a pattern or a venue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// There is no colon.
    #[error("`{0}` has no `:`: a symbol is `venue:NAME`, such as `binance:BTCUSDT`")]
    NoColon(String),
    /// The venue breaks its grammar.
    #[error("`{0}` is not a venue: 1 to {VENUE_BYTES_MAX} of a-z, 0-9 and `-` are allowed")]
    Venue(String),
    /// The name breaks its grammar.
    #[error(
        "`{0}` is not a venue's name of an instrument: 1 to {NAME_BYTES_MAX} bytes without white space, control characters, `,`, `*` or `?` are allowed"
    )]
    Name(String),
    /// No symbol could ever match.
    #[error("`{0}` is not a pattern: a symbol in which `*` stands for any run of characters is allowed")]
    Pattern(String),
}

impl Symbol {
    /// Parses `venue:NAME`.
    ///
    /// # Errors
    /// Names the part at fault and what is allowed.
    pub fn parse(text: &str) -> Result<Symbol, SymbolError> {
        let (venue, name) = text
            .split_once(':')
            .ok_or_else(|| SymbolError::NoColon(excerpt(text)))?;
        check_venue(venue)?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_name_char) {
            return Err(SymbolError::Name(excerpt(name)));
        }
        Ok(Symbol {
            text: text.into(),
            venue_bytes: venue.len() as u8,
        })
    }

    /// Joins a venue and the venue's own name.
    ///
    /// # Errors
    /// [`SymbolError::Name`] where the name breaks the grammar.
    pub fn new(venue: &VenueName, name: &str) -> Result<Symbol, SymbolError> {
        Symbol::parse(&format!("{venue}:{name}"))
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the colon.
    pub fn venue(&self) -> &str {
        &self.text[..usize::from(self.venue_bytes)]
    }

    /// The part after the colon, as the venue writes it.
    pub fn name(&self) -> &str {
        &self.text[usize::from(self.venue_bytes) + 1..]
    }

    /// Whether it is one of the server's own, `$…`.
    pub fn is_server_own(&self) -> bool {
        self.text.starts_with('$')
    }
}

// Equality, order and hash are those of the text, so that maps can be asked with a `&str`.
impl PartialEq for Symbol {
    fn eq(&self, other: &Symbol) -> bool {
        self.text == other.text
    }
}

impl Eq for Symbol {}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Symbol) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for Symbol {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl std::borrow::Borrow<str> for Symbol {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl VenueName {
    /// Parses a venue's name.
    ///
    /// # Errors
    /// [`SymbolError::Venue`] with what is allowed.
    pub fn parse(text: &str) -> Result<VenueName, SymbolError> {
        check_venue(text)?;
        Ok(VenueName(text.into()))
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is one of the server's own, `$…`.
    pub fn is_server_own(&self) -> bool {
        self.0.starts_with('$')
    }
}

impl fmt::Display for VenueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for VenueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks `[a-z0-9-]{1,32}`, with or without the `$` of the server's own.
pub(super) fn check_venue(venue: &str) -> Result<(), SymbolError> {
    let plain = venue.strip_prefix('$').unwrap_or(venue);
    let fits = !plain.is_empty() && venue.len() <= VENUE_BYTES_MAX && plain.bytes().all(is_venue_byte);
    if fits {
        Ok(())
    } else {
        Err(SymbolError::Venue(excerpt(venue)))
    }
}

pub(super) fn is_venue_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

pub(super) fn is_name_char(c: char) -> bool {
    !(c.is_whitespace() || c.is_control() || matches!(c, ',' | '*' | '?'))
}

/// Enough of a hostile text to recognise it by, free of control characters.
pub(super) fn excerpt(text: &str) -> String {
    text.chars()
        .take(60)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_of_the_protocol_holds() {
        let longest = format!("{}:{}", "v".repeat(32), "N".repeat(63));
        for text in [
            "binance:BTCUSDT",
            "kraken:BTC/USD",
            "a:B:C",
            "x-1:é",
            "$stats:beats_s",
            longest.as_str(),
        ] {
            let symbol = Symbol::parse(text).expect(text);
            assert_eq!(format!("{}:{}", symbol.venue(), symbol.name()), text);
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_refused_with_the_part_at_fault() {
        use SymbolError::*;
        assert!(matches!(Symbol::parse("BTCUSDT"), Err(NoColon(_))));
        for text in ["", ":X"] {
            assert!(Symbol::parse(text).is_err(), "{text}");
        }
        for text in [
            "Binance:X",
            "a_b:X",
            "$:X",
            "$$a:X",
            "a$:X",
            &format!("{}:X", "v".repeat(33)),
        ] {
            assert!(matches!(Symbol::parse(text), Err(Venue(_))), "{text}");
        }
        for text in [
            "a:",
            "a:B C",
            "a:B\u{a0}C",
            "a:B\n",
            "a:B,C",
            "a:B*",
            "a:B?",
            &format!("a:{}", "é".repeat(32)),
        ] {
            assert!(matches!(Symbol::parse(text), Err(Name(_))), "{text}");
        }
    }

    #[test]
    fn a_symbol_hashes_like_its_text_so_maps_can_be_asked_with_text() {
        let mut map = rustc_hash::FxHashMap::default();
        map.insert(Symbol::parse("a:B").expect("a symbol"), 1);
        assert_eq!(map.get("a:B"), Some(&1));
    }
}
