//! Several recordings as one: by time, then in the order in which they were given.

use std::mem;

use super::source::{Label, Said, Source};
use crate::feed::SpecError;
use crate::market::Ts;
use crate::store::{Image, Writer};
use crate::tape::TapeError;

/// Refuses recordings of one venue that overlap in time: each would overwrite the other.
///
/// # Errors
/// Names both files and the venue.
pub(super) fn check(labels: &[Label]) -> Result<(), SpecError> {
    for (at, one) in labels.iter().enumerate() {
        for other in &labels[at + 1..] {
            let is_apart = one.last < other.first || other.last < one.first;
            let shared = one.venues.iter().find(|venue| other.venues.contains(venue));
            if let Some(venue) = shared.filter(|_| !is_apart) {
                return Err(SpecError::Overlap {
                    venue: venue.clone(),
                    one: one.file.clone(),
                    other: other.file.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Several recordings being read.
pub(super) struct Merged {
    sources: Vec<Source>,
    /// What each says next; absent at its end. A fault is told after what was before it.
    heads: Vec<Result<Option<(Ts, Said)>, TapeError>>,
}

impl Merged {
    /// Opens all at their beginning.
    ///
    /// # Errors
    /// A file has changed since it was looked into.
    pub(super) fn open(labels: &[Label]) -> Result<Merged, SpecError> {
        let sources = labels.iter().map(Source::open).collect::<Result<Vec<_>, _>>()?;
        let mut merged = Merged {
            heads: Vec::new(),
            sources,
        };
        merged.read_heads();
        Ok(merged)
    }

    /// Goes to just behind all that is not after `ts`, and gives the state there.
    ///
    /// # Errors
    /// The first fault on the way.
    pub(super) fn seek(&mut self, labels: &[Label], ts: Ts) -> Result<Image, SpecError> {
        // Of a venue that several brought, the newest holds.
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_key(|at| labels[*at].first);
        let mut whole = Writer::new(usize::MAX);
        for at in order {
            whole.restore(&self.sources[at].seek(ts)?);
        }
        self.read_heads();
        Ok(whole.image())
    }

    fn read_heads(&mut self) {
        self.heads = self.sources.iter_mut().map(Source::next).collect();
    }

    /// The next of what any says; `None` at the end of all.
    ///
    /// # Errors
    /// A recording's fault, once; the others go on.
    pub(super) fn next(&mut self) -> Result<Option<(Ts, Said)>, TapeError> {
        let mut earliest: Option<(Ts, usize)> = None;
        for at in 0..self.heads.len() {
            match &self.heads[at] {
                Err(_) => return mem::replace(&mut self.heads[at], Ok(None)),
                Ok(Some((ts, _))) if earliest.is_none_or(|(first, _)| *ts < first) => earliest = Some((*ts, at)),
                Ok(_) => {}
            }
        }
        match earliest {
            Some((_, at)) => mem::replace(&mut self.heads[at], self.sources[at].next()),
            None => Ok(None),
        }
    }
}
