//! Follows the beat with a table of its own, and has a second thread write it now and then: a disk that stands still
//! holds up nobody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::journal::Journal;
use super::{Checkpoint, Folder, Timeline};
use crate::engine::{Tick, TickReceiver};
use crate::market::Ts;
use crate::store::{Epoch, Table};

/// Ticks that it may be behind: 2.5 s. To copy a million instruments takes it 0.2 s (`benches/state.rs`, with so many).
pub const KEEPER_TICKS_MAX: usize = 256;

/// Time between two checkpoints: what a crash loses of the values at most, besides the time to write one.
const EVERY: Duration = Duration::from_secs(5);

/// What the writing thread does.
const IDLE: u8 = 0;
const WRITING: u8 = 1;
/// Nothing, and the last one is not on the disk.
const FAILED: u8 = 2;

/// Both threads.
pub struct Keeper {
    follower: JoinHandle<Follower>,
    writer: JoinHandle<Journal>,
}

/// The table as of the newest tick.
struct Follower {
    epoch: Epoch,
    table: Table,
    /// A feed has changed something since the newest checkpoint.
    is_changed: bool,
}

impl Keeper {
    /// Starts both, from where the timeline begins; the folder holds that already.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn spawn(folder: Folder, timeline: &Timeline, ticks: TickReceiver) -> io::Result<Keeper> {
        let (sender, checkpoints) = sync_channel(1);
        let doing = Arc::new(AtomicU8::new(IDLE));
        let shared = doing.clone();
        let mut journal = Journal::new(folder);
        let writer = thread::Builder::new().name("state-write".to_owned()).spawn(move || {
            write(&mut journal, &checkpoints, &shared);
            journal
        })?;
        let mut follower = Follower {
            epoch: timeline.epoch,
            table: timeline.table.clone(),
            is_changed: false,
        };
        let follower = thread::Builder::new().name("state".to_owned()).spawn(move || {
            follower.follow(ticks, &sender, &doing);
            follower
        })?;
        Ok(Keeper { follower, writer })
    }

    /// Waits until the engine has ended, and for the disk; the last checkpoint says whether the stop was a clean one.
    pub fn finish(self, is_clean: bool) {
        let (Ok(follower), Ok(mut journal)) = (self.follower.join(), self.writer.join()) else {
            return tracing::error!("internal error: the last checkpoint is not written");
        };
        let checkpoint = follower.checkpoint(is_clean);
        if journal.save(&checkpoint) {
            let (instruments, seq) = (follower.table.len(), follower.table.seq());
            tracing::info!(instruments, %seq, is_clean, "the store is kept");
        }
    }
}

/// The writing thread.
fn write(journal: &mut Journal, checkpoints: &Receiver<Checkpoint>, doing: &AtomicU8) {
    while let Ok(checkpoint) = checkpoints.recv() {
        let is_written = journal.save(&checkpoint);
        doing.store(if is_written { IDLE } else { FAILED }, SeqCst);
    }
}

impl Follower {
    /// The following thread; ends with the engine, once it has taken all ticks.
    fn follow(&mut self, mut ticks: TickReceiver, writer: &SyncSender<Checkpoint>, doing: &AtomicU8) {
        let mut due = Instant::now() + EVERY;
        while let Some(tick) = ticks.blocking_recv() {
            self.take(&tick);
            if tick.sealed < due {
                continue;
            }
            due = tick.sealed + EVERY;
            let is_wanted = match doing.load(SeqCst) {
                WRITING => false,
                FAILED => true,
                _ => self.is_changed,
            };
            if is_wanted {
                doing.store(WRITING, SeqCst);
                self.is_changed = false;
                // It is idle, so there is room.
                let _ = writer.try_send(self.checkpoint(false));
            }
        }
    }

    fn take(&mut self, tick: &Tick) {
        if tick.epoch != self.epoch {
            self.epoch = tick.epoch;
            self.table = Table::after(self.table.seq());
            self.is_changed = true;
        }
        let Some(beat) = &tick.beat else { return };
        self.table.apply(beat);
        let is_of_feed = |id| {
            self.table
                .listing(id)
                .is_some_and(|listing| !listing.symbol.is_server_own())
        };
        // The server's own statistics change all the time, and are not kept.
        self.is_changed = self.is_changed
            || beat.venues.iter().any(|venue| !venue.name.is_server_own())
            || beat.changes.iter().any(|change| is_of_feed(change.id));
    }

    fn checkpoint(&self, is_final: bool) -> Checkpoint {
        Checkpoint {
            epoch: self.epoch,
            is_final,
            taken: Ts::now(),
            state: self.table.versioned(),
        }
    }
}
