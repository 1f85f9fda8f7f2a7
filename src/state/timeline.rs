//! Where a timeline begins: with nothing, or with a checkpoint.

use super::Checkpoint;
use crate::market::{Event, StaleCause, TickerState, Ts, VenueState};
use crate::store::{Epoch, Image, Table, Writer};

/// A venue's reason until its feed says more.
const REASON: &str = "the service was restarted";

/// Both halves of a store at the same beat, and the epoch that they are of.
#[derive(Debug)]
pub struct Timeline {
    /// Its epoch.
    pub epoch: Epoch,
    /// For the engine.
    pub writer: Writer,
    /// For each reader, which gets a copy.
    pub table: Table,
}

impl Timeline {
    /// Begins with nothing.
    pub fn empty(epoch: Epoch, instruments_max: usize) -> Timeline {
        Timeline {
            epoch,
            writer: Writer::new(instruments_max),
            table: Table::new(),
        }
    }

    /// Begins where a checkpoint was taken, with everything told as not current: in the checkpoint's own epoch if
    /// nothing was published after it, else in the fresh one.
    pub fn revive(checkpoint: &Checkpoint, fresh: Epoch, instruments_max: usize, now: Ts) -> Timeline {
        let same = || {
            let state = &checkpoint.state;
            let writer = Writer::resumed(instruments_max, state.seq, &state.image)?;
            Some(Timeline {
                epoch: checkpoint.epoch,
                writer,
                table: Table::of(state),
            })
        };
        let went_on = if checkpoint.is_final { same() } else { None };
        let mut timeline = went_on.unwrap_or_else(|| {
            // Two of one millisecond, or a clock that stepped back.
            let is_taken = fresh == checkpoint.epoch;
            let next = || Epoch::new(fresh.get() + 1).or(Epoch::new(1));
            let epoch = is_taken.then(next).flatten().unwrap_or(fresh);
            let mut timeline = Timeline::empty(epoch, instruments_max);
            timeline.writer.restore(&anew(&checkpoint.state.image));
            timeline
        });
        for event in not_current(&checkpoint.state.image) {
            timeline.writer.apply(&event, now);
        }
        if let Some(beat) = timeline.writer.seal(now) {
            timeline.table.apply(&beat);
        }
        timeline
    }
}

/// What a new epoch begins with: what is there, counted from now on.
fn anew(image: &Image) -> Image {
    let mut image = image.clone();
    image
        .instruments
        .retain(|instrument| !instrument.is_removed && !instrument.listing.symbol.is_server_own());
    image
        .instruments
        .iter_mut()
        .for_each(|instrument| instrument.update_count = 0);
    image
}

/// What makes everything in an image wait for its feed.
fn not_current(image: &Image) -> impl Iterator<Item = Event> + '_ {
    let venues = image.venues.iter().map(|venue| Event::Venue {
        venue: venue.name.clone(),
        state: VenueState::Down,
        reason: REASON.to_owned(),
    });
    let instruments = image.instruments.iter().filter(|instrument| !instrument.is_removed);
    let instruments = instruments.map(|instrument| {
        let symbol = instrument.listing.symbol.clone();
        match symbol.is_server_own() {
            true => Event::Removed(symbol),
            false => Event::State {
                symbol,
                state: TickerState::Stale,
                cause: Some(StaleCause::Restart),
            },
        }
    });
    venues.chain(instruments)
}
