//! What a reader may see.

use std::sync::Arc;

use super::{Symbol, SymbolPattern};

/// Which symbols a reader may see: those that any of its patterns covers.
///
/// A `*` never covers the server's own (`$...`), which need a pattern of their own. Cheap to clone. Equal where the
/// patterns are the same ones, in whatever order they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights(Option<Arc<Patterns>>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Patterns {
    /// Each once: those with a `*`, then symbols, each kind by its text.
    sorted: Vec<SymbolPattern>,
    /// How many have a `*`.
    globs: usize,
}

impl Rights {
    /// To everything there is, the server's own included.
    pub fn all() -> Rights {
        Rights(None)
    }

    /// To what these cover; without any, to nothing.
    pub fn of(patterns: impl IntoIterator<Item = SymbolPattern>) -> Rights {
        let mut sorted: Vec<SymbolPattern> = patterns.into_iter().collect();
        sorted.sort_unstable_by(|a, b| (is_exact(a), a.as_str()).cmp(&(is_exact(b), b.as_str())));
        sorted.dedup();
        let globs = sorted.partition_point(|pattern| !is_exact(pattern));
        Rights(Some(Arc::new(Patterns { sorted, globs })))
    }

    /// Whether nothing is kept from the reader.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a symbol may be seen.
    pub fn allow(&self, symbol: &Symbol) -> bool {
        let Some(patterns) = &self.0 else { return true };
        let (globs, exact) = patterns.sorted.split_at(patterns.globs);
        let is_named = || exact.binary_search_by(|p| p.as_str().cmp(symbol.as_str())).is_ok();
        globs.iter().any(|glob| glob.matches(symbol)) || is_named()
    }

    /// Whether a string may be given: a pattern always, as it takes in only what may be seen.
    pub fn allow_string(&self, string: &SymbolPattern) -> bool {
        match string {
            SymbolPattern::Exact(symbol) => self.allow(symbol),
            SymbolPattern::Glob(_) => true,
        }
    }

    /// Whether any symbol of a venue may be seen, existing or not.
    pub fn touch_venue(&self, venue: &str) -> bool {
        let touches = |patterns: &Arc<Patterns>| patterns.sorted.iter().any(|p| p.touches_venue(venue));
        self.0.as_ref().is_none_or(touches)
    }

    /// Whether every symbol of a venue may be seen, existing or not.
    pub fn cover_venue(&self, venue: &str) -> bool {
        let covers = |patterns: &Arc<Patterns>| patterns.sorted.iter().any(|p| p.covers_venue(venue));
        self.0.as_ref().is_none_or(covers)
    }

    /// The patterns, each once and in an order of their own; `None` where nothing is kept from the reader.
    pub fn patterns(&self) -> Option<&[SymbolPattern]> {
        self.0.as_ref().map(|patterns| patterns.sorted.as_slice())
    }
}

fn is_exact(pattern: &SymbolPattern) -> bool {
    matches!(pattern, SymbolPattern::Exact(_))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rights(patterns: &[&str]) -> Rights {
        Rights::of(patterns.iter().map(|p| SymbolPattern::parse(p).expect(p)))
    }

    fn symbol(text: &str) -> Symbol {
        Symbol::parse(text).expect(text)
    }

    #[test]
    fn the_servers_own_need_all_rights_or_a_pattern_of_their_own() {
        let own = symbol("$stats:beats");
        for (rights, allowed) in [
            (Rights::all(), true),
            (rights(&["*", "a:*"]), false),
            (rights(&["$stats:*"]), true),
            (rights(&["$stats:beats"]), true),
            (rights(&[]), false),
        ] {
            assert_eq!(
                (rights.allow(&own), rights.touch_venue("$stats")),
                (allowed, allowed),
                "{rights:?}"
            );
        }
    }

    #[test]
    fn equal_sets_are_equal_in_any_order_and_all_is_more_than_a_star() {
        let one = rights(&["b:X", "a:*", "a:B", "a:*"]);
        assert_eq!(one, rights(&["a:B", "a:*", "b:X"]));
        let texts: Vec<&str> = one.patterns().expect("some").iter().map(|p| p.as_str()).collect();
        assert_eq!(texts, ["a:*", "a:B", "b:X"]);
        assert!(Rights::default().is_all() && Rights::all().patterns().is_none());
        assert_ne!(rights(&["*"]), Rights::all());
        assert_ne!(rights(&["a:*"]), one);
    }

    #[test]
    fn a_pattern_may_always_be_given_and_a_symbol_only_with_right() {
        let rights = rights(&["a:*"]);
        let allowed = |text: &str| rights.allow_string(&SymbolPattern::parse(text).expect(text));
        assert!(allowed("*") && allowed("b:*") && allowed("a:B"));
        assert!(!allowed("b:B"));
    }

    proptest! {
        #[test]
        fn what_may_be_seen_is_what_any_pattern_covers(
            patterns in prop::collection::vec("[$]?[ab*]{1,2}:[xy*]{1,2}", 0..6),
            symbol in "[$]?[ab]{1,2}:[xy]{1,2}",
        ) {
            let patterns: Vec<_> = patterns.iter().filter_map(|p| SymbolPattern::parse(p).ok()).collect();
            let symbol = self::symbol(&symbol);
            let rights = Rights::of(patterns.clone());
            prop_assert_eq!(rights.allow(&symbol), patterns.iter().any(|p| p.matches(&symbol)));
            prop_assert_eq!(
                rights.touch_venue(symbol.venue()),
                patterns.iter().any(|p| p.touches_venue(symbol.venue()))
            );
            prop_assert!(!rights.allow(&symbol) || rights.touch_venue(symbol.venue()));
        }
    }
}
