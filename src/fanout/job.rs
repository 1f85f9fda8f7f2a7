//! The answer to a subscribe, assembled part by part as the socket takes it.

use std::sync::Arc;

use crate::market::{InstrumentId, Rights, SymbolPattern};
use crate::store::{Seq, Table};
use crate::wire::{Encoding, Refused, SnapshotTail};

use super::resolve::{resolve, resolve_within};

/// A snapshot under way. Costs four bytes an instrument and no encoded bytes.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) request_id: u64,
    /// A request waits for it; else a new epoch made it, or other rights.
    pub(super) is_asked_for: bool,
    /// Only changes after this, where the resume can be served.
    pub(super) since: Option<Seq>,
    /// The strings of this request.
    strings: Arc<[SymbolPattern]>,
    /// All strings once it is done, sorted.
    pub(super) all_strings: Arc<[SymbolPattern]>,
    /// What may be seen of them.
    rights: Rights,
    /// Instruments to send, ascending, tombstones included.
    ids: Vec<InstrumentId>,
    /// Of these, such as were sent: they are held.
    pub(super) done: usize,
    /// Instruments that existed when `ids` was last completed.
    resolved: usize,
    /// Venues before this position were sent.
    pub(super) venue_at: usize,
    rejected: Vec<Refused>,
    /// Of these, such as were told.
    rejected_told: usize,
    /// The resume names a seq that this shard has not reached: wait until this beat.
    pub(super) wait_until: Option<(Seq, u64)>,
    /// A delta has ended since the last part: the next one may follow it, though the table has gone on meanwhile. Else
    /// who holds more than its socket takes would never see its end.
    pub(super) may_follow: bool,
    /// The last part was handed over.
    pub(super) is_answered: bool,
}

impl Job {
    pub(super) fn new(
        request_id: u64,
        strings: Vec<SymbolPattern>,
        rejected: Vec<Refused>,
        rights: Rights,
        table: &Table,
    ) -> Job {
        let ids = resolve(&strings, &rights, table);
        let strings: Arc<[SymbolPattern]> = strings.into();
        Job {
            request_id,
            is_asked_for: true,
            since: None,
            all_strings: strings.clone(),
            strings,
            rights,
            ids,
            done: 0,
            resolved: table.len(),
            venue_at: 0,
            rejected,
            rejected_told: 0,
            wait_until: None,
            may_follow: false,
            is_answered: false,
        }
    }

    /// What a subscriber holds, told anew though nobody asked, and what it no longer may.
    pub(super) fn unasked(strings: Vec<SymbolPattern>, rejected: Vec<Refused>, rights: Rights, table: &Table) -> Job {
        Job {
            is_asked_for: false,
            ..Job::new(0, strings, rejected, rights, table)
        }
    }

    /// What is refused and was not told.
    pub(super) fn rejected(mut self) -> Vec<Refused> {
        self.rejected.split_off(self.rejected_told)
    }

    /// The strings of which it was told that they are refused.
    pub(super) fn told_rejected(&self) -> impl Iterator<Item = &str> {
        self.rejected[..self.rejected_told].iter().map(|r| r.symbol.as_str())
    }

    /// Whose rights it is made under.
    pub(super) fn rights(&self) -> &Rights {
        &self.rights
    }

    /// The request's instruments as far as they are known.
    pub(super) fn ids(&self) -> &[InstrumentId] {
        &self.ids
    }

    /// Whether a part of this seq may come now: not before what a resume has seen.
    pub(super) fn is_open_at(&self, seq: Seq) -> bool {
        self.wait_until.is_none() && self.since.is_none_or(|since| since <= seq)
    }

    /// Instruments sent already.
    pub(super) fn held(&self) -> &[InstrumentId] {
        &self.ids[..self.done]
    }

    /// Whether the request's strings touch a venue that may be seen.
    pub(super) fn touches(&self, venue: &str) -> bool {
        self.strings.iter().any(|s| s.touches_venue(venue)) && self.rights.touch_venue(venue)
    }

    /// Adds instruments listed since the request was resolved; false where there are none.
    pub(super) fn extend(&mut self, table: &Table) -> bool {
        let before = self.ids.len();
        let new: Vec<InstrumentId> =
            resolve_within(&self.strings[..], &self.rights, table, self.resolved..table.len()).collect();
        self.ids.extend(new);
        self.resolved = table.len();
        self.ids.len() > before
    }

    /// What stands at the end of the last part. A request whose answer would not fit was refused; in what is told
    /// unasked, of more strings, the pending symbols that do not fit are left out, and the refused ones come in snapshots
    /// of their own.
    pub(super) fn tail(&self, table: &Table, encoding: Encoding, room: usize) -> SnapshotTail {
        let mut tail = SnapshotTail {
            pending: Vec::new(),
            rejected: self.rejected_within(encoding, room),
        };
        if self.rejected_told > 0 {
            return tail;
        }
        let is_pending = |s: &&SymbolPattern| match s {
            SymbolPattern::Exact(symbol) => !table.id_of(symbol.as_str()).is_some_and(|id| table.is_live(id)),
            SymbolPattern::Glob(_) => false,
        };
        let pending = self.strings.iter().filter(is_pending);
        tail.pending = pending.map(|s| s.as_str().to_owned()).collect();
        while tail.cost(encoding) > room && !tail.pending.is_empty() {
            tail.pending.truncate(tail.pending.len() / 2);
        }
        tail
    }

    /// The next of those refused that fit, at least one.
    fn rejected_within(&self, encoding: Encoding, room: usize) -> Vec<Refused> {
        let mut used = 0;
        let fits = |refused: &&Refused| {
            let is_first = used == 0;
            used += refused.cost(encoding);
            is_first || used <= room
        };
        self.rejected[self.rejected_told..]
            .iter()
            .take_while(fits)
            .cloned()
            .collect()
    }

    /// Notes that a part went out, with the tail where it was the last.
    pub(super) fn note_sent(&mut self, tail: Option<&SnapshotTail>) {
        self.may_follow = false;
        if let Some(tail) = tail {
            self.rejected_told += tail.rejected.len();
            self.is_answered = self.rejected_told == self.rejected.len();
        }
    }

    /// Whether nothing more would follow a tail.
    pub(super) fn is_end(&self, tail: &SnapshotTail) -> bool {
        self.rejected_told + tail.rejected.len() == self.rejected.len()
    }

    /// The largest that the tail can become: every exact symbol pending.
    pub(super) fn tail_at_most(&self) -> SnapshotTail {
        let pending = self.strings.iter().map(|s| s.as_str().to_owned()).collect();
        SnapshotTail {
            pending,
            rejected: self.rejected.clone(),
        }
    }
}
