//! What a subscriber holds: what it asks for, within what it may, and what it takes back.

use std::collections::HashSet;

use rustc_hash::FxHashSet;

use crate::market::{InstrumentId, SymbolPattern};
use crate::store::Seq;
use crate::wire::{self, Refused, proto};

use super::bounds::{PATTERNS_MAX, RESUME_WAIT_BEATS};
use super::commands::error;
use super::group::{GroupId, GroupKey};
use super::job::Job;
use super::resolve::{is_of_feeds, resolve};
use super::shard::Shard;
use super::{Allowance, Socket};

impl<S: Socket> Shard<S> {
    pub(super) fn subscribe(
        &mut self,
        slot: u32,
        request_id: u64,
        strings: Vec<SymbolPattern>,
        mut rejected: Vec<Refused>,
        resume: Option<(u64, Seq)>,
    ) {
        let (beat, newest) = (self.wall, self.table.seq());
        let Some(subscriber) = self.subscribers[slot as usize].as_ref() else {
            return;
        };
        let (given, held) = (subscriber.strings.clone(), subscriber.group);
        let (encoding, allowance) = (subscriber.encoding, subscriber.allowance.clone());
        let epoch = self.epoch.under(&allowance.rights).get();
        let (strings, forbidden) = allowance.sort_out(strings);
        rejected.extend(forbidden);
        let accepted = self.within_bounds(strings, &given, held, &allowance, &mut rejected);
        let mut all: Vec<SymbolPattern> = given.iter().cloned().chain(accepted.iter().cloned()).collect();
        all.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        all.dedup();
        let mut job = Job::new(request_id, accepted, rejected, allowance.rights, &self.table);
        if job.tail_at_most().cost(encoding) > wire::room(self.config.frame_bytes_max) {
            let message = "the answer's pending and rejected symbols would not fit into one message: ask for fewer \
                           symbols at once";
            return self.refuse(slot, error(request_id, proto::ErrorCode::TooManySymbols, message));
        }
        job.all_strings = all.into();
        match resume {
            // Before the first beat nothing was complete, and a whole snapshot voids what came of a broken-off delta.
            Some((_, Seq::ZERO)) => {}
            Some((e, seq)) if e == epoch && seq <= newest => job.since = Some(seq),
            Some((e, seq)) if e == epoch => job.wait_until = Some((seq, beat + RESUME_WAIT_BEATS)),
            _ => {}
        }
        if let Some(subscriber) = self.subscriber(slot) {
            subscriber.job = Some(Box::new(job));
        }
        self.pump(slot);
    }

    /// Takes strings, in their order, as long as the instruments that the subscriber sees and pending symbols stay
    /// within what is allowed; refuses the others one by one.
    fn within_bounds(
        &self,
        strings: Vec<SymbolPattern>,
        given: &[SymbolPattern],
        group: Option<GroupId>,
        allowance: &Allowance,
        rejected: &mut Vec<Refused>,
    ) -> Vec<SymbolPattern> {
        let most = allowance.symbols_max;
        let held = group.map_or(&[][..], |g| &self.groups.get(g).held);
        let mut ids: FxHashSet<InstrumentId> = held.iter().copied().collect();
        let is_pending = |s: &&SymbolPattern| self.table.id_of(s.as_str()).is_none();
        let is_pattern = |s: &SymbolPattern| matches!(s, SymbolPattern::Glob(_));
        let mut count = ids.len() + given.iter().filter(is_pending).count();
        let mut patterns = given.iter().filter(|s| is_pattern(s)).count();
        let (mut seen, mut accepted) = (HashSet::new(), Vec::new());
        for string in strings {
            if !seen.insert(string.clone()) {
                continue;
            }
            let is_new = !is_given(given, string.as_str());
            if is_new && is_pattern(&string) && patterns == PATTERNS_MAX {
                let message = format!("at most {PATTERNS_MAX} patterns can be held");
                rejected.push(too_many(&string, message));
                continue;
            }
            let new = resolve(std::slice::from_ref(&string), &allowance.rights, &self.table);
            let added = match new.len() {
                0 => 1,
                _ => new.iter().filter(|id| !ids.contains(id)).count(),
            };
            if is_new && count + added > most {
                let message = format!("at most {most} symbols can be held");
                rejected.push(too_many(&string, message));
                continue;
            }
            if is_new {
                ids.extend(new);
                count += added;
                patterns += usize::from(is_pattern(&string));
            }
            accepted.push(string);
        }
        accepted
    }

    /// A snapshot is complete: its symbols are held.
    pub(super) fn finish_job(&mut self, slot: u32, old: Option<GroupId>) {
        let Some(subscriber) = self.subscriber(slot) else {
            return;
        };
        let Some(job) = subscriber.job.take() else { return };
        let is_held_anew = subscriber.group.is_none() && !job.all_strings.is_empty();
        if is_held_anew || subscriber.strings != job.all_strings {
            subscriber.strings = job.all_strings;
            let is_of_feeds = is_of_feeds(&subscriber.strings);
            self.regroup(slot, old);
            if is_of_feeds && let Some(tell) = self.on_first_subscribe.take() {
                tell();
            }
        }
    }

    pub(super) fn unsubscribe(&mut self, slot: u32, request_id: u64, strings: &[String]) {
        let Some(subscriber) = self.subscribers[slot as usize].as_mut() else {
            return;
        };
        if let Some(unknown) = strings.iter().find(|text| !is_given(&subscriber.strings, text)) {
            let shown: String = unknown.chars().take(100).collect();
            let message = format!("`{shown}` was not subscribed: only strings given before can be taken back");
            return self.refuse(slot, error(request_id, proto::ErrorCode::NotSubscribed, &message));
        }
        let going: HashSet<&str> = strings.iter().map(String::as_str).collect();
        let left = subscriber.strings.iter().filter(|s| !going.contains(s.as_str()));
        subscriber.strings = left.cloned().collect();
        let old = subscriber.group;
        self.regroup(slot, old);
        self.ack(slot, request_id);
    }

    /// Moves a subscriber to the group of those it is like now.
    pub(super) fn regroup(&mut self, slot: u32, old: Option<GroupId>) {
        let Some(subscriber) = self.subscribers[slot as usize].as_mut() else {
            return;
        };
        subscriber.group = None;
        if subscriber.strings.is_empty() {
            if let Some(old) = old {
                self.groups.leave(old, slot);
            }
        } else {
            let key = GroupKey {
                strings: subscriber.strings.clone(),
                rights: subscriber.allowance.rights.clone(),
                encoding: subscriber.encoding,
                compression: subscriber.compression,
                pace: subscriber.pace,
            };
            let group = self.groups.move_to(key, slot, old, &self.table);
            // One list for all who are alike.
            subscriber.strings = self.groups.get(group).key.strings.clone();
            subscriber.group = Some(group);
        }
        self.settle(slot);
    }
}

/// Whether a string is one of those given, which are sorted.
fn is_given(given: &[SymbolPattern], text: &str) -> bool {
    given.binary_search_by(|s| s.as_str().cmp(text)).is_ok()
}

fn too_many(string: &SymbolPattern, message: String) -> Refused {
    Refused {
        symbol: string.as_str().to_owned(),
        code: proto::ErrorCode::TooManySymbols,
        message,
    }
}
