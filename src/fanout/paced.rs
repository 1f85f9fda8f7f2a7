//! Groups of longer paces: their frames span several beats. Those that fell due together share what was encoded.

use rustc_hash::FxHashMap;

use crate::market::InstrumentId;
use crate::store::{Seq, Table};
use crate::wire::{Chunks, Encoding};

use super::Socket;
use super::group::{Group, GroupId};
use super::shard::Shard;

/// What changed since one seq, in one encoding: encoded when the first group asks for it.
pub(super) struct SharedSpan {
    since: Seq,
    chunks: Chunks,
    /// Where an instrument stands among the chunks; `None` where nothing of it changed.
    instruments: FxHashMap<InstrumentId, Option<u32>>,
    /// Where a venue does, by its position in the table and whether its reason is told.
    venues: Vec<((usize, bool), u32)>,
}

impl SharedSpan {
    fn new(encoding: Encoding, since: Seq) -> SharedSpan {
        SharedSpan {
            since,
            chunks: Chunks::new(encoding),
            instruments: FxHashMap::default(),
            venues: Vec::new(),
        }
    }
}

impl<S: Socket> Shard<S> {
    /// Writes their frames to the groups of longer paces that fell due.
    pub(super) fn fan_out_paced(&mut self) {
        let fell_due = |g: &&GroupId| self.groups.get(**g).key.pace.fell_due(self.beat_before, self.beat);
        let due: Vec<GroupId> = self.groups.paced().iter().filter(fell_due).copied().collect();
        let mut spans: Vec<SharedSpan> = Vec::new();
        for id in due {
            let group = self.groups.get(id);
            // Nothing that it holds changed between its last frame and what it covers.
            let (encoding, since) = (group.key.encoding, group.covered);
            let known = spans
                .iter()
                .position(|span| span.since == since && span.chunks.encoding() == encoding);
            let at = known.unwrap_or_else(|| {
                spans.push(SharedSpan::new(encoding, since));
                spans.len() - 1
            });
            self.pick_from(id, &mut spans[at]);
            self.fan_out_group(id, &spans[at].chunks, since);
            self.groups.end_turn(id);
        }
    }

    /// Gives a group its picks, and encodes what nobody has asked for before.
    fn pick_from(&mut self, id: GroupId, span: &mut SharedSpan) {
        let group = self.groups.get_mut(id);
        let mut picks = std::mem::take(&mut group.picks);
        picks.clear();
        find_changed(&self.table, group, span.since, &mut self.scratch.ids);
        for instrument in self.scratch.ids.iter().copied() {
            let at = *span.instruments.entry(instrument).or_insert_with(|| {
                let entry = self.table.delta_since(instrument, span.since, span.since)?;
                span.chunks.push(&entry, self.ts);
                Some(span.chunks.len() as u32 - 1)
            });
            picks.extend(at);
        }
        for (position, venue) in self.table.venues().enumerate() {
            if !self.table.is_venue_news(position, span.since) || !group.touches(venue.name.as_str()) {
                continue;
            }
            let key = (position, group.key.rights.cover_venue(venue.name.as_str()));
            let known = span.venues.iter().find(|(known, _)| *known == key);
            let at = known.map(|(_, at)| *at).unwrap_or_else(|| {
                span.chunks.push_venue(venue, key.1);
                let at = span.chunks.len() as u32 - 1;
                span.venues.push((key, at));
                at
            });
            picks.push(at);
        }
        group.picks = picks;
    }
}

/// Finds a group's instruments that may have changed, ascending: whichever list is shorter is gone through.
fn find_changed(table: &Table, group: &Group, since: Seq, changed: &mut Vec<InstrumentId>) {
    changed.clear();
    changed.extend(table.changed_since(since).take(group.held.len() + 1));
    if changed.len() > group.held.len() {
        changed.clear();
        changed.extend_from_slice(&group.held);
        return;
    }
    changed.retain(|id| group.held.binary_search(id).is_ok());
    changed.sort_unstable();
}
