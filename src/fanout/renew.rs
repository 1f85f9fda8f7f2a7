//! A new epoch: all ids and values are void, and every subscriber is told anew what it holds. For one subscriber alone
//! other rights are the same.

use std::collections::HashSet;

use crate::engine::Tick;
use crate::store::Table;

use super::Socket;
use super::group::Groups;
use super::job::Job;
use super::rest::Rest;
use super::shard::Shard;
use super::subscriber::Subscriber;

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
    /// Forgets what it holds and begins a whole snapshot of all that it has asked for and may see; false where that is
    /// nothing. Strings that lost their right are refused in it, and no longer held once it is
    /// complete.
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
        let (wanted, request_id, mut rejected) = match self.job.take() {
            Some(job) if job.is_asked_for => (job.all_strings.clone(), Some(job.request_id), job.rejected()),
            Some(job) => {
                // What it was told to be refused is no longer held; the rest is, should its right have come back.
                let told: HashSet<&str> = job.told_rejected().collect();
                let held = self.strings.iter().filter(|s| !told.contains(s.as_str()));
                self.strings = held.cloned().collect();
                (self.strings.clone(), None, Vec::new())
            }
            None => (self.strings.clone(), None, Vec::new()),
        };
        let (strings, forbidden) = self.allowance.sort_out(wanted.to_vec());
        rejected.extend(forbidden);
        if request_id.is_none() && strings.is_empty() && rejected.is_empty() {
            return false;
        }
        let rights = self.allowance.rights.clone();
        let job = match request_id {
            Some(request_id) => Job::new(request_id, strings, rejected, rights, table),
            None => Job::unasked(strings, rejected, rights, table),
        };
        self.job = Some(Box::new(job));
        true
    }
}
