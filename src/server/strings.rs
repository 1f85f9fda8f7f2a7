//! Symbols and patterns as a client names them: which are well formed.

use std::collections::HashSet;

use crate::market::SymbolPattern;
use crate::wire::{Refused, proto};

/// Longest excerpt of a refused symbol that is sent back.
const EXCERPT_CHARS: usize = 100;

/// Tells well-formed strings from the others, each once.
pub(in crate::server) fn sort_out<'a>(symbols: impl Iterator<Item = &'a str>) -> (Vec<SymbolPattern>, Vec<Refused>) {
    let (mut strings, mut rejected) = (Vec::new(), Vec::new());
    let mut seen = HashSet::new();
    for text in symbols.filter(|text| seen.insert(*text)) {
        match SymbolPattern::parse(text) {
            Ok(pattern) => strings.push(pattern),
            Err(error) => rejected.push(Refused {
                symbol: text.chars().take(EXCERPT_CHARS).collect(),
                code: proto::ErrorCode::InvalidSymbol,
                message: error.to_string(),
            }),
        }
    }
    (strings, rejected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_symbol_is_refused_alone_and_shown_short() {
        let long = "x".repeat(5_000);
        let (strings, rejected) = sort_out(["a:B", "BAD", "a:B", "a:*", &long].into_iter());
        assert_eq!(
            strings.iter().map(SymbolPattern::as_str).collect::<Vec<_>>(),
            ["a:B", "a:*"]
        );
        assert_eq!(
            rejected.iter().map(|r| r.symbol.len()).collect::<Vec<_>>(),
            [3, EXCERPT_CHARS]
        );
        assert!(
            rejected
                .iter()
                .all(|r| r.message.len() < 300 && r.code == proto::ErrorCode::InvalidSymbol)
        );
    }
}
