//! Who has taken a beat of the tape's clock, and for whom the tape waits no longer.

use super::Socket;
use super::shard::Shard;
use super::subscriber::Subscriber;

impl<S: Socket> Shard<S> {
    /// Whether every subscriber has all that is its own so far, but for those for whom the tape did not wait.
    pub fn owes_nothing(&self) -> bool {
        let subscriber = |slot: &u32| self.subscribers[*slot as usize].as_ref();
        // Whoever is owed something is busy; of those who have gone the slots may still be in the list.
        let busy = self.busy.iter().filter_map(subscriber);
        busy.filter(|s| !s.is_left_behind).all(|s| !self.is_owed(s))
    }

    /// Whether a subscriber lacks something of what there is for it, or has not confirmed it. A resume that waits for
    /// the tape to go on is nothing to wait for.
    pub(super) fn is_owed(&self, subscriber: &Subscriber<S>) -> bool {
        let is_behind = subscriber.is_mid_delta() || subscriber.is_mid_snapshot() || !self.is_current(subscriber);
        !subscriber.is_closed && (is_behind || subscriber.is_window_closed())
    }

    /// The tape goes on: whoever still lacks something has had time enough, and its beat counts as dropped.
    pub(super) fn leave_behind(&mut self) {
        let seq = self.table.seq();
        for at in 0..self.busy.len() {
            let slot = self.busy[at];
            let Some(subscriber) = self.subscribers[slot as usize].as_ref() else {
                continue;
            };
            let is_owed = self.is_owed(subscriber);
            let Some(subscriber) = self.subscriber(slot) else {
                continue;
            };
            subscriber.is_left_behind |= is_owed;
            if std::mem::take(&mut subscriber.owes_beat) && subscriber.promised() < seq {
                self.skip(slot, 1);
            }
        }
    }

    /// Tries sockets that were full, and whoever got none of a turn's bytes, while the tape waits for them.
    pub(super) fn retry(&mut self) {
        self.budget = self.own_bytes_per_turn;
        for slot in self.take_busy() {
            self.pump(slot);
        }
        self.catch_up_all();
        self.meters.end_turn();
    }
}
