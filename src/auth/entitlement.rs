//! What somebody may do.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::market::{Rights, SymbolPattern};

/// What everybody who has it may see and do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entitlement {
    /// As the configuration calls it.
    pub name: String,
    /// Which symbols may be seen.
    pub rights: Rights,
    /// Most symbols of one connection, where it is fewer than the server's.
    pub symbols_max: Option<usize>,
    /// Most connections of one identity together.
    pub connections_max: Option<usize>,
    /// Paces that are granted, in milliseconds.
    pub interval_ms: RangeInclusive<u32>,
    /// May push updates.
    pub may_publish: bool,
    /// May drive a replay.
    pub may_replay: bool,
    /// May read what the server says of itself.
    pub may_read_statistics: bool,
}

impl Entitlement {
    /// The rights to these symbols, without any to all of the feeds', and to the server's statistics where they may be read.
    pub fn rights_to(symbols: Option<Vec<SymbolPattern>>, may_read_statistics: bool) -> Rights {
        let pattern = |text| SymbolPattern::parse(text).expect("a pattern of ours");
        let symbols = symbols.unwrap_or_else(|| vec![pattern("*")]);
        let statistics = may_read_statistics.then(|| pattern("$stats:*"));
        Rights::of(symbols.into_iter().chain(statistics))
    }
}

/// Those that are configured, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entitlements(BTreeMap<String, Arc<Entitlement>>);

impl Entitlements {
    /// Takes them all; of two with one name the later.
    pub fn new(all: impl IntoIterator<Item = Entitlement>) -> Entitlements {
        let by_name = |entitlement: Entitlement| (entitlement.name.clone(), Arc::new(entitlement));
        Entitlements(all.into_iter().map(by_name).collect())
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<Entitlement>> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = &Entitlement> {
        self.0.values().map(|entitlement| &**entitlement)
    }

    /// Their names, for who has named another.
    pub(super) fn names(&self) -> String {
        match self.0.len() {
            0 => "none is configured: a table `[entitlement.NAME]` makes one".to_owned(),
            _ => format!(
                "configured are {}",
                self.0.keys().cloned().collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

#[cfg(test)]
impl Entitlement {
    /// One to everything that feeds bring, for tests.
    pub(super) fn example(name: &str) -> Entitlement {
        Entitlement {
            name: name.to_owned(),
            rights: Entitlement::rights_to(None, false),
            symbols_max: None,
            connections_max: None,
            interval_ms: 10..=60_000,
            may_publish: false,
            may_replay: false,
            may_read_statistics: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Symbol;

    #[test]
    fn statistics_are_seen_with_the_right_to_them_alone() {
        let of = |symbols: Option<&[&str]>, statistics| {
            let patterns = |list: &[&str]| {
                list.iter()
                    .map(|text| SymbolPattern::parse(text).expect(text))
                    .collect()
            };
            let rights = Entitlement::rights_to(symbols.map(patterns), statistics);
            ["a:B", "b:C", "$stats:cpu_seconds"].map(|text| rights.allow(&Symbol::parse(text).expect(text)))
        };
        assert_eq!(of(None, false), [true, true, false]);
        assert_eq!(of(None, true), [true, true, true]);
        assert_eq!(of(Some(&["a:*"]), true), [true, false, true]);
        assert_eq!(of(Some(&[]), false), [false; 3]);
    }
}
