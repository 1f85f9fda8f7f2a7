//! Entries for one subscriber's message, taken from the table until its room is used up.

use crate::market::{InstrumentId, Ts};
use crate::store::{Seq, Table};
use crate::wire::Chunks;

use super::group::Group;
use super::job::Job;
use super::rest::Rest;

/// Changed instruments up to this many are found by walking the table's order of change; above, the
/// held ones are gone through, so that a part costs at most what is held.
const WALK_MAX: usize = 4_096;

/// What a subscriber holds: its group's instruments and those of a snapshot under way.
pub(super) struct Held<'a> {
    pub(super) group: Option<&'a Group>,
    pub(super) job: Option<&'a Job>,
}

impl Held<'_> {
    fn lists(&self) -> [&[InstrumentId]; 2] {
        [self.group.map_or(&[], |g| &g.held), self.job.map_or(&[], Job::held)]
    }

    fn contains(&self, id: InstrumentId) -> bool {
        self.lists().iter().any(|list| list.binary_search(&id).is_ok())
    }

    fn touches(&self, venue: &str) -> bool {
        self.group.is_some_and(|g| g.touches(venue)) || self.job.is_some_and(|j| j.touches(venue))
    }

    /// Whether a venue's reason may be told: rights to some of its symbols are none to the names of others.
    fn tells_reason(&self, venue: &str) -> bool {
        let rights = [self.group.map(|g| &g.key.rights), self.job.map(Job::rights)];
        rights.into_iter().flatten().any(|rights| rights.cover_venue(venue))
    }

    /// The next held instrument after `id`.
    fn next_after(&self, id: InstrumentId) -> Option<InstrumentId> {
        let next = |list: &&[InstrumentId]| list.get(list.partition_point(|held| *held <= id)).copied();
        self.lists().iter().filter_map(next).min()
    }
}

/// Appends what changed since `rest.prev_seq` until the room is used up; true where more is to come.
pub(super) fn fill_delta(
    table: &Table,
    held: &Held<'_>,
    rest: &mut Rest,
    chunks: &mut Chunks,
    room: usize,
    ts: Ts,
    ids: &mut Vec<InstrumentId>,
) -> bool {
    rest.mark();
    let mut push = |id: InstrumentId, rest: &mut Rest| {
        let fits = match table.delta_since(id, rest.prev_seq, rest.counted) {
            Some(entry) => chunks.push_within(&entry, ts, room),
            None => true,
        };
        if fits {
            rest.after = id;
        }
        fits
    };
    if walk(table, rest.prev_seq, ids) {
        ids.retain(|id| *id > rest.after && held.contains(*id));
        ids.sort_unstable();
        if !ids.iter().all(|id| push(*id, rest)) {
            return true;
        }
    } else {
        while let Some(id) = held.next_after(rest.after) {
            if !push(id, rest) {
                return true;
            }
        }
    }
    for (at, venue) in table.venues().enumerate().skip(rest.venue_at) {
        let name = venue.name.as_str();
        let is_news = table.is_venue_news(at, rest.prev_seq) && held.touches(name);
        if is_news && !chunks.push_venue_within(venue, held.tells_reason(name), room) {
            return true;
        }
        rest.venue_at = at + 1;
    }
    false
}

/// Finds what changed by walking the order of change; false where that would be too long a walk.
fn walk(table: &Table, since: Seq, ids: &mut Vec<InstrumentId>) -> bool {
    ids.clear();
    ids.extend(table.changed_since(since).take(WALK_MAX + 1));
    ids.len() <= WALK_MAX
}

/// How far a snapshot's part reaches.
pub(super) struct Progress {
    pub(super) done: usize,
    pub(super) venue_at: usize,
    pub(super) is_last: bool,
}

/// Appends venues, then instruments, until the room is used up.
pub(super) fn fill_snapshot(table: &Table, job: &mut Job, chunks: &mut Chunks, room: usize, ts: Ts) -> Progress {
    let since = job.since.unwrap_or(Seq::ZERO);
    let mut progress = Progress {
        done: job.done,
        venue_at: job.venue_at,
        is_last: false,
    };
    for (at, venue) in table.venues().enumerate().skip(job.venue_at) {
        let name = venue.name.as_str();
        let is_news = table.is_venue_news(at, since) && job.touches(name);
        if is_news && !chunks.push_venue_within(venue, job.rights().cover_venue(name), room) {
            return progress;
        }
        progress.venue_at = at + 1;
    }
    loop {
        while let Some(id) = job.ids().get(progress.done) {
            if let Some(entry) = table.changes_since(*id, since)
                && !chunks.push_within(&entry, ts, room)
            {
                return progress;
            }
            progress.done += 1;
        }
        if !job.extend(table) {
            progress.is_last = true;
            return progress;
        }
    }
}
