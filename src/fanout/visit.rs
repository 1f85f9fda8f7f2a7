//! What is due by the clock: heartbeats, and the closes of a server that stops.

use crate::wire::Compression;

use super::pump::finish;
use super::shard::Shard;
use super::subscriber::Sent;
use super::{CloseReason, Socket};

impl<S: Socket> Shard<S> {
    /// Heartbeats for those who heard nothing for a while.
    pub(super) fn visit(&mut self) {
        let mut due = Vec::new();
        self.wheel.due(self.wall, &mut due);
        for slot in due {
            let (beat, period) = (self.wall, self.config.heartbeat_beats);
            let Some(subscriber) = self.subscriber(slot).filter(|s| s.next_visit <= beat) else {
                continue;
            };
            let is_free = !subscriber.is_mid_delta() && subscriber.control.is_none();
            let quiet = beat.saturating_sub(subscriber.last_write);
            if is_free && !subscriber.is_closed && quiet >= period {
                self.heartbeat(slot);
            }
            let next = if quiet >= period {
                beat + period
            } else {
                beat + period - quiet
            };
            let next = self.wheel.plan(next, slot);
            if let Some(subscriber) = self.subscriber(slot) {
                subscriber.next_visit = next;
            }
        }
    }

    fn heartbeat(&mut self, slot: u32) {
        let Some(subscriber) = self.subscribers[slot as usize].as_ref() else {
            return;
        };
        let offered = match subscriber.group.map(|g| self.groups.get(g)) {
            // A current member was sent all that its group was offered; between two beats of a pace that
            // is less than the newest.
            Some(group) if group.key.pace.beats > 1 => group.covered,
            _ => self.table.seq(),
        };
        // What a snapshot's parts brought already is no group's yet.
        let is_current = self.is_current(subscriber) && !subscriber.is_mid_snapshot();
        let seq = if is_current {
            subscriber.covered.max(offered)
        } else {
            subscriber.covered
        };
        let (encoding, last_data, beat) = (subscriber.encoding, subscriber.last_data, self.wall);
        self.scratch.frame.heartbeat(encoding, seq, self.ts, last_data);
        finish(&mut self.scratch, encoding, Compression::None);
        let Some(subscriber) = self.subscribers[slot as usize].as_mut() else {
            return;
        };
        match subscriber.offer(self.scratch.frame.as_bytes(), beat) {
            Sent::Whole | Sent::Begun => subscriber.note_seq(seq),
            Sent::Nothing => {}
            Sent::Broken => return self.remove(slot, CloseReason::Broken),
        }
        self.settle(slot);
    }

    /// While the server stops: closes a share of the subscribers in every turn.
    pub(super) fn close_some(&mut self) {
        let Some(drain) = &mut self.draining else { return };
        let later = drain.left.len().saturating_sub(drain.share);
        for slot in drain.left.split_off(later) {
            self.say(slot, |control| control.close = Some(CloseReason::Shutdown));
        }
    }
}
