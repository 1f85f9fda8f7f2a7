//! Several recordings as one: by time, then in the order in which they were given.

use std::mem;

use super::source::{Label, Said, Source};
use crate::feed::SpecError;
use crate::market::Ts;
use crate::store::{Image, Writer};
use crate::tape::TapeError;

/// Puts recordings in order: as they were given, but of one venue the earlier first. Those that follow another one of
/// their venue begin when that has ended, and captures of one recorder become one.
///
/// # Errors
/// Recordings of one venue overlap in time: each would overwrite the other. Names both files and the venue.
pub(super) fn arranged(labels: Vec<Label>) -> Result<Vec<Label>, SpecError> {
    check(&labels)?;
    let mut left = labels;
    let mut arranged: Vec<Label> = Vec::new();
    while !left.is_empty() {
        let is_first = |one: &Label| !left.iter().any(|other| is_before(other, one));
        let at = left.iter().position(is_first).unwrap_or(0);
        let mut label = left.remove(at);
        let before = arranged.iter().filter(|before| is_before(before, &label));
        label.floor = before.map(|before| before.last).max().unwrap_or(label.floor);
        label.first = label.first.max(label.floor);
        label.last = label.last.max(label.floor);
        match arranged.iter_mut().find(|before| before.goes_on_in(&label)) {
            Some(before) => before.join(label),
            None => arranged.push(label),
        }
    }
    Ok(arranged)
}

/// Whether the second of two recordings of one venue follows the first.
fn is_before(one: &Label, other: &Label) -> bool {
    let shares = one.venues.iter().any(|venue| other.venues.contains(venue));
    // What one recorder's files say, their times may deny: those of several connections step back a little.
    shares && one.number_before(other).unwrap_or(one.last < other.first)
}

fn check(labels: &[Label]) -> Result<(), SpecError> {
    for (at, one) in labels.iter().enumerate() {
        for other in &labels[at + 1..] {
            let is_apart = is_before(one, other) || is_before(other, one) || one.is_empty() || other.is_empty();
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
    pub(super) fn seek(&mut self, ts: Ts) -> Result<Image, SpecError> {
        // Of a venue that several brought, the newest holds, and stands behind the others.
        let mut whole = Writer::new(usize::MAX);
        for source in &mut self.sources {
            whole.restore(&source.seek(ts)?);
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
