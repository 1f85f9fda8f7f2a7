//! Which instruments strings cover, as far as they may be seen.

use std::cmp::Ordering;
use std::ops::Range;

use crate::market::{InstrumentId, Rights, Symbol, SymbolPattern};
use crate::store::Table;

/// What stands in the first of two ascending lists only.
pub(super) fn only_in_first<'a, T>(first: &'a [T], second: &[T], order: impl Fn(&T, &T) -> Ordering) -> Vec<&'a T> {
    let mut second = second.iter().peekable();
    let is_missing = |item: &&T| {
        while second.next_if(|other| order(other, item) == Ordering::Less).is_some() {}
        second.next_if(|other| order(other, item) == Ordering::Equal).is_none()
    };
    first.iter().filter(is_missing).collect()
}

/// What is held once some strings went and others came, so that these are left.
pub(super) fn held_after(
    held: &[InstrumentId],
    going: &[&SymbolPattern],
    coming: &[&SymbolPattern],
    strings: &[SymbolPattern],
    rights: &Rights,
    table: &Table,
) -> Vec<InstrumentId> {
    if going.iter().chain(coming).any(|string| is_glob(string)) {
        return resolve(strings, rights, table);
    }
    let globs: Vec<&SymbolPattern> = strings.iter().filter(|s| is_glob(s)).collect();
    let stays = |string: &SymbolPattern| match string {
        SymbolPattern::Exact(symbol) => globs.iter().any(|g| g.matches(symbol)),
        SymbolPattern::Glob(_) => false,
    };
    let leaving = going.iter().filter(|string| !stays(string));
    let mut gone: Vec<InstrumentId> = leaving.filter_map(|s| table.id_of(s.as_str())).collect();
    gone.sort_unstable();
    let coming = coming.iter().filter(|string| rights.allow_string(string));
    let mut ids: Vec<InstrumentId> = coming.filter_map(|s| table.id_of(s.as_str())).collect();
    ids.extend(held.iter().filter(|id| gone.binary_search(id).is_err()));
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Instruments that some strings cover and that may be seen, ascending, tombstones included.
pub fn resolve(strings: &[SymbolPattern], rights: &Rights, table: &Table) -> Vec<InstrumentId> {
    let (globs, exact): (Vec<_>, Vec<_>) = strings.iter().partition(|s| is_glob(s));
    let exact = exact.iter().filter(|string| rights.allow_string(string));
    let mut ids: Vec<InstrumentId> = exact.filter_map(|s| table.id_of(s.as_str())).collect();
    if !globs.is_empty() {
        ids.extend(resolve_within(&globs, rights, table, 0..table.len()));
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Of these instruments those that some strings cover and that may be seen.
pub fn resolve_within<'a>(
    strings: &'a [impl std::borrow::Borrow<SymbolPattern>],
    rights: &'a Rights,
    table: &'a Table,
    range: Range<usize>,
) -> impl Iterator<Item = InstrumentId> + 'a {
    let covers = |symbol: &Symbol| strings.iter().any(|s| s.borrow().matches(symbol)) && rights.allow(symbol);
    let ids = range.map(InstrumentId::from_index);
    ids.filter(move |id| table.listing(*id).is_some_and(|listing| covers(&listing.symbol)))
}

/// Whether any of these are of feeds: whoever looks at the server itself and at nothing else begins no replay.
pub(super) fn is_of_feeds(strings: &[SymbolPattern]) -> bool {
    strings.iter().any(|string| !string.as_str().starts_with('$'))
}

fn is_glob(string: &SymbolPattern) -> bool {
    matches!(string, SymbolPattern::Glob(_))
}
