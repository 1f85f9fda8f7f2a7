//! Answers of one part: `/v1/snapshot` and `/v1/changes`.

use super::asked::{Asked, Position, Since};
use super::error::ApiError;
use super::query::{Query, State};
use crate::market::InstrumentId;
use crate::store::{Seq, VenueRow};
use crate::wire::{Chunks, Encoding, FrameBuf, SnapshotHead};

/// An answer of `/v1/snapshot`.
#[derive(Debug)]
pub(super) enum Snapshot {
    /// The message, and the tag of what it says.
    Whole { tag: String, body: Vec<u8> },
    /// The tag is one of those that the asker knows.
    Known { tag: String },
}

/// An answer of `/v1/changes`.
#[derive(Debug)]
pub(super) enum Changes {
    /// Something changed, or all is told.
    Some(Vec<u8>),
    /// Nothing changed; the message that says so.
    Nothing(Vec<u8>),
    /// The seq lies ahead of this table; the whole snapshot.
    Ahead(Vec<u8>),
}

impl Query {
    /// The answer of `/v1/snapshot`.
    ///
    /// Its tag is the epoch as the reader has it and the newest change of what is asked for. It is a weak one (RFC 9110, 8.8.1): `seq` and
    /// `ts` go on while what is said stays the same.
    ///
    /// # Errors
    /// Where more instruments are asked for than the reader may hold.
    pub(super) fn snapshot(&self, asked: &Asked, is_known: impl Fn(&str) -> bool) -> Result<Snapshot, ApiError> {
        self.read(|state| {
            let ids = asked.resolve(&state.table)?;
            let epoch = state.epoch.under(asked.rights());
            let tag = format!("W/\"{epoch}-{}\"", newest_change(state, asked, &ids));
            if is_known(&tag) {
                return Ok(Snapshot::Known { tag });
            }
            let body = assemble(state, asked, &ids, None).0;
            Ok(Snapshot::Whole { tag, body })
        })
    }

    /// The answer of `/v1/changes`, as things stand.
    ///
    /// # Errors
    /// Where more instruments are asked for than the reader may hold.
    pub(super) fn changes(&self, asked: &Asked, position: Option<Position>) -> Result<Changes, ApiError> {
        self.read(|state| {
            let ids = asked.resolve(&state.table)?;
            let from = Position::from(position, state.epoch.under(asked.rights()), state.table.seq());
            let since = match from {
                Since::Seq(seq) => Some(seq),
                Since::Start | Since::Ahead => None,
            };
            let (body, is_news) = assemble(state, asked, &ids, since);
            Ok(match from {
                Since::Ahead => Changes::Ahead(body),
                Since::Seq(_) if !is_news => Changes::Nothing(body),
                Since::Seq(_) | Since::Start => Changes::Some(body),
            })
        })
    }
}

/// The venues that are touched, with their positions in the table.
fn venues<'a>(state: &'a State, asked: &'a Asked) -> impl Iterator<Item = (usize, &'a VenueRow)> {
    let all = state.table.venues().enumerate();
    all.filter(|(_, venue)| asked.touches(venue.name.as_str()))
}

fn newest_change(state: &State, asked: &Asked, ids: &[InstrumentId]) -> Seq {
    let instruments = ids.iter().filter_map(|id| state.table.last_change(*id));
    let venues = venues(state, asked).filter_map(|(at, _)| state.table.last_venue_change(at));
    instruments.chain(venues).max().unwrap_or_default()
}

/// One part, whatever its size; and whether it says anything of instruments and venues.
fn assemble(state: &State, asked: &Asked, ids: &[InstrumentId], since: Option<Seq>) -> (Vec<u8>, bool) {
    let table = &state.table;
    let after = since.unwrap_or(Seq::ZERO);
    let mut chunks = Chunks::new(Encoding::Json);
    let entries = ids.iter().filter_map(|id| table.changes_since(*id, after));
    entries.for_each(|entry| chunks.push(&entry, state.ts));
    let news = venues(state, asked).filter(|(at, _)| since.is_none() || table.is_venue_news(*at, after));
    news.for_each(|(_, venue)| chunks.push_venue(venue));
    let picks: Vec<u32> = (0..chunks.len() as u32).collect();
    let head = SnapshotHead {
        epoch: state.epoch.under(asked.rights()),
        seq: table.seq(),
        ts: state.ts,
        request_id: 0,
        resumed: since.is_some(),
    };
    let mut frame = FrameBuf::new();
    frame.snapshot(&head, &chunks, &picks, Some(&asked.tail(table)));
    (frame.as_bytes().to_vec(), !chunks.is_empty())
}
