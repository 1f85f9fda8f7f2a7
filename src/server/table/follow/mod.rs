//! What comes next on an event stream: the answer to "what changed since the last message", assembled when the reader
//! has room for it and not before.
//!
//! A message that is larger than one frame comes in parts, each assembled when its turn comes: what is kept in between
//! is four bytes an instrument. A later part may hold values that are newer than the message's seq; the next delta,
//! which begins at that seq, has them again, and values are absolute.

#[cfg(test)]
mod tests;

use super::State;
use super::asked::{Asked, Position, Since};
use super::search::Search;
use crate::market::InstrumentId;
use crate::server::error::ApiError;
use crate::store::{Epoch, Seq, Table};
use crate::wire::{self, Chunks, DeltaHead, Encoding, FrameBuf, SnapshotHead};

/// One stream's position.
#[derive(Debug)]
pub(in crate::server) struct Follow {
    asked: Asked,
    /// The table's own; the reader is told it under its rights.
    /// Instruments held, as far as the table was looked at for them.
    held: Search,
    /// Those of a new epoch, as far as they were looked for.
    next_held: Option<Search>,
    /// The subscriber has seen everything up to here.
    told: Seq,
    /// Seq of the last data message.
    last_data: Seq,
    /// Updates up to here may have been counted.
    counted: Seq,
    /// The message whose last part was not given.
    open: Option<Open>,
    frame_bytes_max: usize,
}

/// Memory for one message, which streams take turns with: it grows to the largest that it was used for.
#[derive(Debug)]
pub(in crate::server) struct Scratch {
    chunks: Chunks,
    frame: FrameBuf,
}

#[derive(Debug)]
struct Open {
    kind: Kind,
    seq: Seq,
    /// What it counts from.
    since: Seq,
    /// Its instruments; those before `at` were given.
    ids: Vec<InstrumentId>,
    at: usize,
    /// Venues before this position of the table were given.
    venue_at: usize,
    is_begun: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Snapshot { resumed: bool },
    Delta { skipped: u32 },
}

/// A message or a part of one, in JSON.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) struct Message<'a> {
    /// Its body's name.
    pub(in crate::server) name: &'static str,
    /// Where to resume, once it was read.
    pub(in crate::server) id: Option<(Epoch, Seq)>,
    pub(in crate::server) json: &'a [u8],
    /// Instruments and venues in it.
    pub(in crate::server) entries: usize,
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch {
            chunks: Chunks::new(Encoding::Json),
            frame: FrameBuf::new(),
        }
    }
}

impl Follow {
    /// Begins behind a position, or with a whole snapshot, of what was found in this table.
    ///
    /// # Errors
    /// Where more is asked for than the reader may hold, or than a message can say.
    pub(in crate::server) fn begin(
        asked: Asked,
        held: Search,
        position: Option<Position>,
        state: &State,
        frame_bytes_max: usize,
    ) -> Result<Follow, ApiError> {
        if asked.tail_at_most().cost(Encoding::Json) > wire::room(frame_bytes_max) {
            return Err(ApiError::too_much(
                "the snapshot's pending and rejected symbols would not fit into one message: ask for fewer symbols at once",
            ));
        }
        asked.check_count(&held.ids, &state.table)?;
        let told = held.epoch.under(asked.rights());
        let mut follow = Follow {
            asked,
            held,
            next_held: None,
            told: Seq::ZERO,
            last_data: Seq::ZERO,
            counted: Seq::ZERO,
            open: None,
            frame_bytes_max,
        };
        match Position::from(position, told, state.table.seq()) {
            Since::Seq(since) => follow.snapshot(state, Some(since)),
            Since::Start | Since::Ahead => follow.snapshot(state, None),
        }
        Ok(follow)
    }

    /// Whether a message was begun: its next part waits for no pace.
    pub(in crate::server) fn is_mid_message(&self) -> bool {
        self.open.is_some()
    }

    /// The epoch as the reader has it.
    fn told_epoch(&self) -> Epoch {
        self.held.epoch.under(self.asked.rights())
    }

    /// Looks at the next instruments that are new in the table; true once there are no more, and a message can be made.
    pub(in crate::server) fn catch_up(&mut self, state: &State) -> bool {
        if state.epoch == self.held.epoch {
            return self.held.step(&self.asked, &state.table);
        }
        let begun = self.next_held.take().filter(|next| next.epoch == state.epoch);
        let next = begun.unwrap_or_else(|| Search::begin(&self.asked, state));
        self.next_held.insert(next).step(&self.asked, &state.table)
    }

    /// The next message, or part of one; `None` where nothing is news.
    ///
    /// `skipped`: beats with changes that the reader had no room for.
    pub(in crate::server) fn next<'a>(
        &mut self,
        state: &State,
        skipped: u32,
        scratch: &'a mut Scratch,
    ) -> Option<Message<'a>> {
        while !self.catch_up(state) {}
        if state.epoch != self.held.epoch {
            return Some(self.renew(state, scratch));
        }
        if self.open.is_none() {
            self.delta(&state.table, skipped)?;
        }
        Some(self.part(state, scratch))
    }

    /// A heartbeat, never beyond a change that was not told.
    pub(in crate::server) fn heartbeat<'a>(&mut self, state: &State, scratch: &'a mut Scratch) -> Message<'a> {
        while !self.catch_up(state) {}
        let is_current = state.epoch == self.held.epoch && self.open.is_none();
        if is_current && self.news(&state.table).is_none() {
            self.told = state.table.seq();
        }
        scratch
            .frame
            .heartbeat(Encoding::Json, self.told, state.ts, self.last_data);
        Message {
            name: "heartbeat",
            id: (self.told > Seq::ZERO && self.open.is_none()).then(|| (self.told_epoch(), self.told)),
            json: scratch.frame.as_bytes(),
            entries: 0,
        }
    }

    /// Ends a delta that was begun, without anything more, then begins a whole snapshot of the new epoch.
    fn renew<'a>(&mut self, state: &State, scratch: &'a mut Scratch) -> Message<'a> {
        let begun = self.open.take().filter(|open| open.is_begun);
        if let Some(Open {
            kind: Kind::Delta { skipped },
            seq,
            since,
            ..
        }) = begun
        {
            let head = DeltaHead {
                seq,
                prev_seq: since,
                ts: state.ts,
                skipped,
            };
            scratch.chunks.clear();
            scratch.frame.delta(&head, &scratch.chunks, &[], false);
            (self.told, self.last_data) = (seq, seq);
            let (name, id, json) = ("delta", None, scratch.frame.as_bytes());
            let entries = 0;
            return Message {
                name,
                id,
                json,
                entries,
            };
        }
        if let Some(next) = self.next_held.take() {
            self.held = next;
        }
        self.snapshot(state, None);
        self.part(state, scratch)
    }

    fn snapshot(&mut self, state: &State, since: Option<Seq>) {
        let resumed = since.is_some();
        self.open = Some(Open {
            kind: Kind::Snapshot { resumed },
            seq: state.table.seq(),
            since: since.unwrap_or(Seq::ZERO),
            ids: self.held.ids.clone(),
            at: 0,
            venue_at: 0,
            is_begun: false,
        });
    }

    /// Begins a delta, where there is anything to tell.
    fn delta(&mut self, table: &Table, skipped: u32) -> Option<()> {
        let ids = self.news(table)?;
        self.open = Some(Open {
            kind: Kind::Delta { skipped },
            seq: table.seq(),
            since: self.told,
            ids,
            at: 0,
            venue_at: 0,
            is_begun: false,
        });
        Some(())
    }

    /// Instruments held that changed, ascending; `None` where neither they nor a venue did.
    fn news(&self, table: &Table) -> Option<Vec<InstrumentId>> {
        // Whichever list is shorter is gone through.
        let changed: Vec<_> = table.changed_since(self.told).take(self.held.ids.len() + 1).collect();
        let is_held = |id: &InstrumentId| self.held.ids.binary_search(id).is_ok();
        let mut ids: Vec<InstrumentId> = match changed.len() > self.held.ids.len() {
            true => self.held.ids.clone(),
            false => changed.into_iter().filter(is_held).collect(),
        };
        ids.retain(|id| table.delta_since(*id, self.told, self.counted).is_some());
        ids.sort_unstable();
        let is_news = |(at, venue): (usize, &crate::store::VenueRow)| {
            table.is_venue_news(at, self.told) && self.asked.touches(venue.name.as_str())
        };
        (!ids.is_empty() || table.venues().enumerate().any(is_news)).then_some(ids)
    }

    /// Assembles the next part of the message that is open.
    fn part<'a>(&mut self, state: &State, scratch: &'a mut Scratch) -> Message<'a> {
        let table = &state.table;
        let Some(mut open) = self.open.take() else {
            unreachable!("a message was begun")
        };
        let Scratch { chunks, frame } = scratch;
        chunks.clear();
        let room = wire::room(self.frame_bytes_max);
        let is_all = self.fill(&mut open, state, chunks, room);
        let counted = self.counted.max(table.seq());
        let tail = match open.kind {
            Kind::Snapshot { .. } => self.asked.tail(table),
            Kind::Delta { .. } => Default::default(),
        };
        let is_last = is_all && chunks.cost() + tail.cost(Encoding::Json) <= room;
        let picks: Vec<u32> = (0..chunks.len() as u32).collect();
        let (epoch, seq, ts) = (self.told_epoch(), open.seq, state.ts);
        let name = match open.kind {
            Kind::Snapshot { resumed } => {
                let head = SnapshotHead {
                    epoch,
                    seq,
                    ts,
                    request_id: 0,
                    resumed,
                };
                frame.snapshot(&head, chunks, &picks, is_last.then_some(&tail));
                "snapshot"
            }
            Kind::Delta { skipped } => {
                let head = DeltaHead {
                    seq,
                    prev_seq: open.since,
                    ts,
                    skipped: if is_last { skipped } else { 0 },
                };
                frame.delta(&head, chunks, &picks, !is_last);
                "delta"
            }
        };
        self.counted = counted;
        open.is_begun = true;
        // Parts of a snapshot move own seq, each by itself; those of a delta with the last.
        if is_last || matches!(open.kind, Kind::Snapshot { .. }) {
            (self.told, self.last_data) = (seq, seq);
        }
        if !is_last {
            self.open = Some(open);
        }
        Message {
            name,
            id: is_last.then_some((epoch, seq)),
            json: frame.as_bytes(),
            entries: picks.len(),
        }
    }

    /// Takes what fits into a part; true once nothing is left.
    fn fill(&self, open: &mut Open, state: &State, chunks: &mut Chunks, room: usize) -> bool {
        let (table, is_snapshot) = (&state.table, matches!(open.kind, Kind::Snapshot { .. }));
        for id in &open.ids[open.at..] {
            let entry = match is_snapshot {
                true => table.changes_since(*id, open.since),
                false => table.delta_since(*id, open.since, self.counted),
            };
            if entry.is_some_and(|entry| !chunks.push_within(&entry, state.ts, room)) {
                return false;
            }
            open.at += 1;
        }
        for (at, venue) in table.venues().enumerate().skip(open.venue_at) {
            let name = venue.name.as_str();
            let is_whole = open.kind == Kind::Snapshot { resumed: false };
            let is_news = self.asked.touches(name) && (is_whole || table.is_venue_news(at, open.since));
            if is_news && !chunks.push_venue_within(venue, self.asked.rights().cover_venue(name), room) {
                return false;
            }
            open.venue_at = at + 1;
        }
        true
    }
}
