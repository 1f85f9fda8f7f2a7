//! What a subscriber asks for: an input is a pattern or a symbol, and a symbol that it may match, one a line.

use tickwire::market::{Symbol, SymbolPattern};

/// Any text. What is taken is kept as it was written, matches as the plain definition of `*` says and nothing of a venue
/// that it does not touch.
pub fn symbol_pattern(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (one, other) = text.split_once('\n').unwrap_or((text, "a:B"));
    let pattern = match SymbolPattern::parse(one) {
        Ok(pattern) => pattern,
        Err(error) => return assert!(error.to_string().len() < 500, "a long error: {error}"),
    };
    assert_eq!(pattern.as_str(), one);
    assert_eq!(matches!(pattern, SymbolPattern::Glob(_)), one.contains('*'));
    assert!(
        !one.contains([' ', ',', '?']) && !one.chars().any(char::is_control),
        "{one}"
    );
    assert_eq!(SymbolPattern::parse(pattern.as_str()).as_ref().ok(), Some(&pattern));
    let Ok(symbol) = Symbol::parse(other) else { return };
    assert_eq!(symbol.as_str(), other);
    let is_own = other.starts_with('$');
    let want = matches(one, other) && (!is_own || one.starts_with('$'));
    assert_eq!(pattern.matches(&symbol), want, "{one} {other}");
    assert!(!want || pattern.touches_venue(symbol.venue()), "{one} {other}");
}

/// Whether a pattern matches, by a table of all beginnings of both.
fn matches(pattern: &str, text: &str) -> bool {
    let mut row = vec![true];
    row.resize(text.len() + 1, false);
    for sign in pattern.bytes() {
        let mut next = vec![sign == b'*' && row[0]];
        for (at, byte) in text.bytes().enumerate() {
            next.push(match sign {
                b'*' => row[at + 1] || next[at],
                sign => sign == byte && row[at],
            });
        }
        row = next;
    }
    row[text.len()]
}
