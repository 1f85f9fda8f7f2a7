//! What one stream tells next. It is asked on a thread that may block, and goes there as a whole.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Bytes;
use metrics::Counter;

use super::event;
use crate::market::Ts;
use crate::monitor::names;
use crate::server::error::ApiError;
use crate::server::table::asked::{Asked, Position};
use crate::server::table::follow::{Follow, Scratch};
use crate::server::table::waiting::Watching;
use crate::server::table::watches::Watch;
use crate::server::table::{Query, State};
use crate::store::{Epoch, Seq};
use crate::wire::Encoding;

/// A stream's position, and what was counted of it.
pub(super) struct Teller {
    follow: Follow,
    watching: Watching,
    pace_beats: u64,
    /// The timer's beat from which on the next delta may begin.
    pub(super) due_wall: u64,
    /// Beats that concerned it up to the last message that began.
    seen: u64,
    meters: Meters,
}

struct Meters {
    frames: Counter,
    bytes: Counter,
    entries: Counter,
    built: Counter,
    skipped: Counter,
}

impl Teller {
    /// Begins behind a position; gives where the table is.
    ///
    /// # Errors
    /// Where more is asked for than is allowed.
    pub(super) fn begin(
        query: &Arc<Query>,
        asked: Asked,
        position: Option<Position>,
        frame_bytes_max: usize,
        pace_beats: u64,
    ) -> Result<(Teller, (Epoch, Seq, Ts)), ApiError> {
        let watching = query.watch(&asked);
        let of = asked.clone();
        let (follow, seen, at) = query.find(&of, |state, held| {
            let at = (state.epoch, state.table.seq(), state.ts);
            // Beats of before are in the snapshot.
            let follow = Follow::begin(asked, held, position, state, frame_bytes_max)?;
            Ok::<_, ApiError>((follow, watching.watch.beats(), at))
        })?;
        let teller = Teller {
            follow,
            watching,
            pace_beats,
            due_wall: 0,
            seen,
            meters: Meters::new(),
        };
        Ok((teller, at))
    }

    /// Where it is woken.
    pub(super) fn watch(&self) -> Arc<Watch> {
        self.watching.watch.clone()
    }

    /// Looks at the next instruments that are new in the table; true once a message can be made.
    pub(super) fn catch_up(&mut self, state: &State) -> bool {
        self.follow.catch_up(state)
    }

    /// Whether a message was begun: its next part waits for no pace.
    pub(super) fn is_mid_message(&self) -> bool {
        self.follow.is_mid_message()
    }

    /// The next data message, where there is one.
    ///
    /// `since_due`: how many beats had concerned it when a delta fell due and there was no room, and when room came.
    pub(super) fn next(
        &mut self,
        state: &State,
        scratch: &mut Scratch,
        since_due: Option<Range<u64>>,
    ) -> Option<Bytes> {
        let beats = self.watching.watch.beats();
        // A longer pace leaves out beats by itself; only those count that a full socket cost.
        let skipped = match since_due {
            _ if self.pace_beats == 1 => (beats - self.seen).saturating_sub(1),
            // Where nothing waited when it fell due the first that came is no loss.
            Some(since) => (since.end - since.start).saturating_sub(u64::from(since.start == self.seen)),
            None => 0,
        };
        let skipped = u32::try_from(skipped).unwrap_or(u32::MAX);
        let is_first = !self.follow.is_mid_message();
        let message = self.follow.next(state, skipped, scratch)?;
        if is_first {
            // What comes while its parts are read is news for the next.
            self.seen = beats;
            if message.name == "delta" {
                self.due_wall = state.wall + self.pace_beats;
                self.meters.skipped.increment(u64::from(skipped));
            }
        }
        let bytes = event(&message);
        self.meters.frames.increment(1);
        self.meters.built.increment(1);
        self.meters.entries.increment(message.entries as u64);
        self.meters.bytes.increment(bytes.len() as u64);
        Some(bytes)
    }

    /// A heartbeat.
    pub(super) fn heartbeat(&mut self, state: &State, scratch: &mut Scratch) -> Bytes {
        event(&self.follow.heartbeat(state, scratch))
    }
}

impl Meters {
    fn new() -> Meters {
        let json = Encoding::Json.name();
        Meters {
            frames: metrics::counter!(names::FRAMES, "encoding" => json),
            bytes: metrics::counter!(names::FRAME_BYTES, "encoding" => json),
            entries: metrics::counter!(names::ENTRIES, "encoding" => json),
            built: metrics::counter!(names::FRAMES_BUILT, "encoding" => json),
            skipped: metrics::counter!(names::SKIPPED),
        }
    }
}
