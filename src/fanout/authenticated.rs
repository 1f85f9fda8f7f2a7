//! A subscriber has said who it is, for the first time or again.

use super::shard::Shard;
use super::subscriber::Subscriber;
use super::{Allowance, Request, Socket};

impl<S: Socket> Shard<S> {
    /// Gives a subscriber what it may have from now on. With other rights the timeline is another one for it: all that
    /// it holds and may see is told whole, unasked, after the ack.
    pub(super) fn authenticated(&mut self, slot: u32, request_id: u64, allowance: Allowance) {
        let Some(subscriber) = self.subscribers[slot as usize].as_mut() else {
            return;
        };
        let is_other = subscriber.allowance.rights != allowance.rights;
        subscriber.allowance = allowance;
        if is_other {
            if let Some(group) = subscriber.group.take() {
                self.groups.leave(group, slot);
            }
            subscriber.renew(&self.table);
        }
        self.grant_pace(slot);
        self.ack(slot, request_id);
    }
}

impl<S: Socket> Subscriber<S> {
    /// Whether a request has to wait: one about symbols until what is told unasked is complete, one that may change
    /// rights until a delta that was begun has ended. That delta's seq stands for all that was held, and may be resumed
    /// from under the rights of before.
    pub(super) fn has_to_wait(&self, request: &Request) -> bool {
        match request {
            Request::Authenticated { .. } => self.rest.as_ref().is_some_and(|rest| rest.is_begun),
            request => request.is_about_symbols() && self.job.as_ref().is_some_and(|job| !job.is_asked_for),
        }
    }
}
