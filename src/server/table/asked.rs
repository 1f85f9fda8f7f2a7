//! What a request over HTTP asks for: symbols and patterns, checked, and what they mean in a table.

use std::sync::Arc;

use crate::fanout::{Allowance, PATTERNS_MAX};
use crate::market::{InstrumentId, Rights, SymbolPattern};
use crate::server::error::ApiError;
use crate::server::limits::Work;
use crate::server::strings::sort_out;
use crate::store::{Epoch, Seq, Table};
use crate::wire::{Refused, SnapshotTail};

/// A list of symbols, and what the reader may see of it.
#[derive(Clone, Debug)]
pub(in crate::server) struct Asked {
    /// The well-formed ones that may be given, each once, in their order.
    pub(in crate::server) strings: Arc<[SymbolPattern]>,
    /// The others.
    rejected: Arc<[Refused]>,
    pub(in crate::server) allowance: Allowance,
}

/// What was known before: an epoch, which may be another server's, and a seq of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) struct Position {
    pub(in crate::server) epoch: u64,
    pub(in crate::server) seq: Seq,
}

/// Since where an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Since {
    /// All there is.
    Start,
    /// What changed since.
    Seq(Seq),
    /// A seq that this table has not reached yet.
    Ahead,
}

impl Asked {
    /// Reads `A,B`.
    ///
    /// # Errors
    /// Where it holds more patterns than one subscriber may.
    pub(in crate::server) fn parse(list: &str, allowance: Allowance) -> Result<Asked, ApiError> {
        let (strings, mut rejected) = sort_out(list.split(','));
        let patterns = strings.iter().filter(|s| matches!(s, SymbolPattern::Glob(_))).count();
        if patterns > PATTERNS_MAX {
            return Err(ApiError::too_many("patterns", patterns, PATTERNS_MAX));
        }
        let (strings, forbidden) = allowance.sort_out(strings);
        rejected.extend(forbidden);
        Ok(Asked {
            strings: strings.into(),
            rejected: rejected.into(),
            allowance,
        })
    }

    /// Reads a parameter that may not be missing.
    ///
    /// # Errors
    /// Where it is missing, or holds more patterns than one subscriber may.
    pub(in crate::server) fn required(list: Option<String>, allowance: Allowance) -> Result<Asked, ApiError> {
        let list = list.filter(|list| !list.is_empty());
        let missing = || ApiError::invalid("`symbols` is missing: `symbols=venue:NAME,venue:NAME` is needed");
        Asked::parse(&list.ok_or_else(missing)?, allowance)
    }

    /// What it costs to look at it.
    pub(in crate::server) fn work(&self) -> Work {
        Work::on(&self.strings, self.rejected.len())
    }

    /// What the reader may see.
    pub(in crate::server) fn rights(&self) -> &Rights {
        &self.allowance.rights
    }

    /// Looks whether these are as many as the reader may hold.
    ///
    /// # Errors
    /// Where they are more.
    pub(in crate::server) fn check_count(&self, ids: &[InstrumentId], table: &Table) -> Result<(), ApiError> {
        let symbols_max = self.allowance.symbols_max;
        let count = ids.iter().filter(|id| table.is_live(**id)).count();
        match count > symbols_max {
            true => Err(ApiError::too_many("instruments", count, symbols_max)),
            false => Ok(()),
        }
    }

    /// Whether an instrument of a venue may be meant, and the venue be seen.
    pub(in crate::server) fn touches(&self, venue: &str) -> bool {
        self.strings.iter().any(|s| s.touches_venue(venue)) && self.rights().touch_venue(venue)
    }

    /// What stands at the end of a snapshot.
    pub(in crate::server) fn tail(&self, table: &Table) -> SnapshotTail {
        let is_pending = |s: &&SymbolPattern| match s {
            SymbolPattern::Exact(symbol) => !table.id_of(symbol.as_str()).is_some_and(|id| table.is_live(id)),
            SymbolPattern::Glob(_) => false,
        };
        let pending = self.strings.iter().filter(is_pending);
        SnapshotTail {
            pending: pending.map(|s| s.as_str().to_owned()).collect(),
            rejected: self.rejected.to_vec(),
        }
    }

    /// The largest that the tail can become: every symbol pending.
    pub(in crate::server) fn tail_at_most(&self) -> SnapshotTail {
        SnapshotTail {
            pending: self.strings.iter().map(|s| s.as_str().to_owned()).collect(),
            rejected: self.rejected.to_vec(),
        }
    }
}

impl Position {
    /// What it is worth in a timeline, of the epoch that the reader has it under, that has come to `newest`.
    ///
    /// Before the first beat nothing was complete, so seq 0 is the start for whoever comes after it.
    pub(in crate::server) fn from(position: Option<Position>, epoch: Epoch, newest: Seq) -> Since {
        match position.filter(|position| position.epoch == epoch.get()) {
            Some(Position { seq, .. }) if seq > newest => Since::Ahead,
            Some(Position { seq, .. }) if seq > Seq::ZERO || newest == Seq::ZERO => Since::Seq(seq),
            _ => Since::Start,
        }
    }
}
