//! What a subscriber sees, and whether that is what the table says.

use std::collections::{BTreeMap, BTreeSet};

use crate::market::{InstrumentId, Rights, Symbol, SymbolPattern};
use crate::store::{Seq, Table};
use crate::wire::proto;

use super::row::Row;

/// Instruments, venues, and the strings that they are held by. Outlives a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// Of the newest snapshot; the one to resume with.
    pub(super) epoch: u64,
    /// What it may see.
    pub(super) rights: Rights,
    pub(super) rows: BTreeMap<u32, Row>,
    venues: BTreeMap<String, proto::Venue>,
    /// Given and answered.
    pub(super) strings: BTreeMap<String, SymbolPattern>,
    /// Asked to be taken back.
    going: BTreeSet<String>,
    /// Known from an earlier connection; the resume has not said anything of them yet.
    settling: BTreeSet<u32>,
}

impl View {
    /// Takes a message's lists, in the order of rule 6.
    pub(super) fn take(
        &mut self,
        removed: &[u32],
        instruments: &[proto::Instrument],
        tickers: &[proto::Ticker],
        venues: &[proto::Venue],
    ) {
        for id in removed {
            self.rows.remove(id);
        }
        for instrument in instruments {
            if let Some(old) = self.rows.insert(instrument.id, Row::announced(instrument)) {
                assert_eq!(old.symbol, instrument.symbol, "an id never means another instrument");
            }
            assert!(
                tickers.iter().any(|t| t.id == instrument.id),
                "an announcement carries its fields"
            );
        }
        for ticker in tickers {
            let row = self.rows.get_mut(&ticker.id).expect("announced before its first use");
            row.apply(ticker);
        }
        for venue in venues {
            self.venues.insert(venue.name.clone(), venue.clone());
        }
    }

    /// What was known before is being resumed: it counts again once it was heard of, or at the end.
    pub(super) fn unsettle(&mut self) {
        self.settling = self.rows.keys().copied().collect();
    }

    pub(super) fn settle(&mut self, id: u32) {
        self.settling.remove(&id);
    }

    /// A request's last part has come: what it left unsaid is unchanged in a resume, and gone in a whole one.
    pub(super) fn settle_all(&mut self, strings: &[SymbolPattern], resumed: bool) {
        let (settling, rows) = (&mut self.settling, &mut self.rows);
        settling.retain(|id| {
            let is_meant = rows.get(id).is_some_and(|row| covers(strings.iter(), &row.symbol));
            if is_meant && !resumed {
                rows.remove(id);
            }
            !is_meant
        });
    }

    pub(super) fn give(&mut self, strings: Vec<SymbolPattern>) {
        self.strings
            .extend(strings.into_iter().map(|s| (s.as_str().to_owned(), s)));
    }

    /// A string was refused: it is not given, or no longer.
    pub(super) fn refuse(&mut self, text: &str) {
        self.strings.remove(text);
    }

    /// A new epoch: nothing is known any more of what is held.
    pub(super) fn void(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.rows.clear();
        self.venues.clear();
        self.settling.clear();
    }

    /// An unsubscribe is under way.
    pub(super) fn take_back_soon(&mut self, strings: &[String]) {
        self.going = strings.iter().cloned().collect();
    }

    pub(super) fn take_back(&mut self, strings: &[String]) {
        self.going.clear();
        strings.iter().for_each(|s| {
            self.strings.remove(s);
        });
        let held: Vec<&SymbolPattern> = self.strings.values().collect();
        self.rows.retain(|_, row| covers(held.iter().copied(), &row.symbol));
        self.venues.retain(|name, _| held.iter().any(|s| s.touches_venue(name)));
    }

    /// Forgets what no answered request stands for, as a new connection does.
    pub(super) fn reconnect(&mut self) {
        self.take_back(&[]);
        let settling = std::mem::take(&mut self.settling);
        self.rows.retain(|id, _| !settling.contains(id));
    }

    fn held(&self) -> impl Iterator<Item = &SymbolPattern> {
        self.strings
            .iter()
            .filter(|(text, _)| !self.going.contains(*text))
            .map(|(_, s)| s)
    }

    /// Live instruments of the table that are held.
    pub(super) fn covered_in(&self, table: &Table) -> usize {
        self.covered(table).count()
    }

    fn covered<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = InstrumentId> + 'a {
        let ids = (0..table.len()).map(InstrumentId::from_index);
        ids.filter(|id| {
            let symbol = table.listing(*id).map(|l| l.symbol.as_str());
            table.is_live(*id) && symbol.is_some_and(|symbol| covers(self.held(), symbol) && self.may_see(symbol))
        })
    }

    fn may_see(&self, symbol: &str) -> bool {
        self.rights.allow(&Symbol::parse(symbol).expect("a symbol"))
    }

    /// Fails unless everything held that may be seen equals the table, and nothing else is there.
    pub(super) fn check(&self, table: &Table) {
        for (id, row) in &self.rows {
            assert!(
                self.settling.contains(id) || self.may_see(&row.symbol),
                "{}",
                row.symbol
            );
            let was_given = covers(self.strings.values(), &row.symbol);
            let is_going = was_given && !covers(self.held(), &row.symbol);
            if !is_going && !self.settling.contains(id) {
                let entry = table.changes_since(InstrumentId(*id), Seq::ZERO);
                let want = entry.as_ref().map(Row::of);
                assert_eq!(Some(row), want.as_ref(), "instrument {id} at {}", table.seq());
            }
        }
        for id in self.covered(table) {
            assert!(self.rows.contains_key(&id.0), "{id:?} is missing at {}", table.seq());
        }
        for venue in table.venues() {
            let name = venue.name.as_str();
            let is_seen = self.rights.touch_venue(name);
            assert!(is_seen || !self.venues.contains_key(name));
            if is_seen && self.held().any(|s| s.touches_venue(name)) {
                let seen = self.venues.get(name).expect("a venue touched is known");
                let reason = match self.rights.cover_venue(name) {
                    true => venue.reason.as_str(),
                    false => "",
                };
                let want = (venue.state as i32, venue.since.as_wire(), reason);
                assert_eq!((seen.state, seen.since, seen.reason.as_str()), want);
            }
        }
    }
}

fn covers<'a>(mut strings: impl Iterator<Item = &'a SymbolPattern>, symbol: &str) -> bool {
    let symbol = Symbol::parse(symbol).expect("a symbol");
    strings.any(|s| s.matches(&symbol))
}
