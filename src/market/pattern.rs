//! What a subscriber asks for: one symbol, or a pattern with `*`.

use super::symbol::{NAME_BYTES_MAX, VENUE_BYTES_MAX, check_venue, excerpt, is_name_char, is_venue_byte};
use super::{Symbol, SymbolError};

/// Longest pattern, in bytes: the longest symbol and room for some `*`.
const PATTERN_BYTES_MAX: usize = VENUE_BYTES_MAX + 1 + NAME_BYTES_MAX + 32;

/// A string that a subscriber gave, checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SymbolPattern {
    /// One instrument, existing or not.
    Exact(Symbol),
    /// A text with at least one `*`, each of which stands for any run of characters.
    Glob(Box<str>),
}

impl SymbolPattern {
    /// Parses a symbol or a pattern.
    ///
    /// # Errors
    /// Where no symbol could ever match, with what is allowed.
    pub fn parse(text: &str) -> Result<SymbolPattern, SymbolError> {
        if !text.contains('*') {
            return Symbol::parse(text).map(SymbolPattern::Exact);
        }
        let refused = || SymbolError::Pattern(excerpt(text));
        if text.len() > PATTERN_BYTES_MAX || !text.chars().all(|c| c == '*' || is_name_char(c)) {
            return Err(refused());
        }
        // Up to the first `*` the text is literal: what is certain of the venue there must fit.
        let literal = text.split('*').next().unwrap_or_default();
        match literal.split_once(':') {
            Some((venue, _)) => check_venue(venue)?,
            None => {
                let plain = literal.strip_prefix('$').unwrap_or(literal);
                if literal.len() > VENUE_BYTES_MAX || !plain.bytes().all(is_venue_byte) {
                    return Err(refused());
                }
            }
        }
        Ok(SymbolPattern::Glob(text.into()))
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        match self {
            SymbolPattern::Exact(symbol) => symbol.as_str(),
            SymbolPattern::Glob(text) => text,
        }
    }

    /// Whether the symbol is meant. A `*` never matches a venue that begins with `$`.
    pub fn matches(&self, symbol: &Symbol) -> bool {
        match self {
            SymbolPattern::Exact(exact) => exact == symbol,
            SymbolPattern::Glob(text) => {
                (!symbol.is_server_own() || text.starts_with('$')) && glob(text.as_bytes(), symbol.as_str().as_bytes())
            }
        }
    }

    /// Whether an instrument of this venue could be meant, existing or not.
    pub fn touches_venue(&self, venue: &str) -> bool {
        match self {
            SymbolPattern::Exact(exact) => exact.venue() == venue,
            // What is behind the venue can meet some name, if there is anything.
            SymbolPattern::Glob(_) => self.takes_in(venue, |front, rest| !rest.is_empty() || front.ends_with('*')),
        }
    }

    /// Whether every instrument of this venue is meant, existing or not.
    pub fn covers_venue(&self, venue: &str) -> bool {
        let is_any = |front: &str, rest: &str| match rest {
            "" => front.ends_with('*'),
            rest => rest.bytes().all(|byte| byte == b'*'),
        };
        self.takes_in(venue, is_any)
    }

    /// Whether some prefix of a pattern takes in exactly `venue:`, and it and the rest are such as are meant.
    fn takes_in(&self, venue: &str, is_meant: impl Fn(&str, &str) -> bool) -> bool {
        let text = match self {
            SymbolPattern::Glob(text) if text.starts_with('$') || !venue.starts_with('$') => text,
            _ => return false,
        };
        let head = format!("{venue}:");
        (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| {
            let (front, rest) = text.split_at(at);
            is_meant(front, rest) && glob(front.as_bytes(), head.as_bytes())
        })
    }
}

/// Greedy match with one point to come back to: linear space, at most quadratic time in short texts.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(&byte) if byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    back = Some((after, from + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> SymbolPattern {
        SymbolPattern::parse(text).expect(text)
    }

    fn symbol(text: &str) -> Symbol {
        Symbol::parse(text).expect(text)
    }

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (text, hits, misses) in [
            ("*", vec!["a:B", "kraken:BTC/USD"], vec!["$stats:x"]),
            ("binance:*", vec!["binance:BTCUSDT"], vec!["binance-usdm:BTCUSDT"]),
            ("binance*", vec!["binance:X", "binance-usdm:X"], vec!["kraken:X"]),
            (
                "*:BTC*",
                vec!["binance:BTCUSDT", "kraken:BTC/USD"],
                vec!["binance:ETHBTC"],
            ),
            (
                "binance:*USD*",
                vec!["binance:BTCUSDT", "binance:USD"],
                vec!["binance:BTC"],
            ),
            ("a:*b*b", vec!["a:bb", "a:xbyb", "a:bbb"], vec!["a:b", "a:bx"]),
            ("$stats:*", vec!["$stats:x"], vec!["stats:x"]),
            ("*stats:x", vec!["stats:x"], vec!["$stats:x"]),
        ] {
            hits.iter()
                .for_each(|s| assert!(pattern(text).matches(&symbol(s)), "{text} {s}"));
            misses
                .iter()
                .for_each(|s| assert!(!pattern(text).matches(&symbol(s)), "{text} {s}"));
        }
    }

    #[test]
    fn a_pattern_that_can_never_match_is_refused() {
        for text in [
            "A*",
            "a b*",
            "a:*,b",
            "a:?*",
            "a_*",
            &"*".repeat(200),
            "é*:X",
            "$$*",
            "a$b*",
        ] {
            assert!(SymbolPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_covers_the_venues_of_which_it_leaves_nothing_out() {
        for (text, venue, covered) in [
            ("*", "binance", true),
            ("**", "binance", true),
            ("*", "$stats", false),
            ("$*", "$stats", true),
            ("binance:*", "binance", true),
            ("bin*", "binance", true),
            ("*:*", "binance", true),
            ("binance:B*", "binance", false),
            ("binance:*T", "binance", false),
            ("*T", "binance", false),
            ("binance-usdm:*", "binance", false),
            ("binance:BTCUSDT", "binance", false),
        ] {
            assert_eq!(pattern(text).covers_venue(venue), covered, "{text} {venue}");
        }
    }

    #[test]
    fn a_pattern_touches_the_venues_it_could_meet() {
        for (text, venue, touched) in [
            ("*", "binance", true),
            ("*", "$stats", false),
            ("bin*", "binance", true),
            ("bin*", "kraken", false),
            ("binance:*", "binance", true),
            ("binance:*", "binance-usdm", false),
            ("*e:X", "binance", true),
            ("*e:X", "kraken", true),
            ("b*T", "binance", true),
            ("binance:X", "binance", true),
            ("binance:X", "kraken", false),
            ("$stats:*", "$stats", true),
        ] {
            assert_eq!(pattern(text).touches_venue(venue), touched, "{text} {venue}");
        }
    }

    /// Exponential but plainly right.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => naive(&pattern[1..], text) || (!text.is_empty() && naive(pattern, &text[1..])),
            (Some(p), Some(t)) if p == t => naive(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_equals_the_plain_definition(p in "[ab*]{0,8}", t in "[ab]{0,10}") {
            prop_assert_eq!(glob(p.as_bytes(), t.as_bytes()), naive(p.as_bytes(), t.as_bytes()));
        }

        #[test]
        fn what_covers_a_venue_matches_all_of_its_symbols(p in "[$ab:*]{1,6}", s in "[$]?[ab]{1,3}:[ab:]{1,4}") {
            if let (Ok(p), Ok(s)) = (SymbolPattern::parse(&p), Symbol::parse(&s)) {
                prop_assert!(!p.covers_venue(s.venue()) || (p.matches(&s) && p.touches_venue(s.venue())));
            }
        }

        #[test]
        fn whatever_matches_a_symbol_touches_its_venue(p in "[ab:*]{1,6}", s in "[ab]{1,3}:[ab:]{1,4}") {
            if let (Ok(p), Ok(s)) = (SymbolPattern::parse(&p), Symbol::parse(&s)) {
                prop_assert!(!p.matches(&s) || p.touches_venue(s.venue()));
            }
        }
    }
}
