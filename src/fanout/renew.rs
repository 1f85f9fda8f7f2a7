//! A new epoch: all ids and values are void, and every subscriber is told anew what it holds.

use crate::engine::Tick;
use crate::store::Table;

use super::Socket;
use super::group::Groups;
use super::job::Job;
use super::shard::Shard;
use super::subscriber::{Rest, Subscriber};

impl<S: Socket> Shard<S> {
    /// Begins the epoch of a tick, before the tick itself is taken. The seq goes on.
    pub(super) fn renew(&mut self, tick: &Tick) {
        self.epoch = tick.epoch;
        // The timeline may begin at an earlier time.
        self.beat = tick.number.saturating_sub(1);
        self.ts = tick.ts;
        self.table = Table::after(self.table.seq());
        self.groups = Groups::default();
        for slot in 0..self.subscribers.len() as u32 {
            let table = &self.table;
            let Some(subscriber) = self.subscribers[slot as usize].as_mut() else {
                continue;
            };
            if subscriber.renew(table) {
                self.make_busy(slot);
            }
        }
    }
}

impl<S: Socket> Subscriber<S> {
    /// Forgets what it holds and begins a whole snapshot of all that it has asked for; false where that is nothing.
    ///
    /// Where a request is unanswered, the snapshot is its answer.
    pub(super) fn renew(&mut self, table: &Table) -> bool {
        self.group = None;
        // A delta in parts that was begun is ended, without anything more.
        self.rest.take_if(|rest| !rest.is_begun);
        self.rest.iter_mut().for_each(Rest::end_here);
        // The snapshot tells what was dropped, but for what that delta's end still says.
        self.skipped = self.rest.as_ref().map_or(0, |rest| rest.skipped);
        self.owes_beat = false;
        let job = match self.job.take().filter(|job| job.is_asked_for) {
            Some(job) => Job::new(job.request_id, job.all_strings.to_vec(), job.rejected, table),
            None if self.strings.is_empty() => return false,
            None => Job::unasked(self.strings.to_vec(), table),
        };
        self.job = Some(Box::new(job));
        true
    }
}
