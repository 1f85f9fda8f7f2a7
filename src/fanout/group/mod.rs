//! Subscribers alike share one frame: groups, and which instruments concern which group.

use std::collections::HashMap;
use std::sync::Arc;

use crate::market::{InstrumentId, Rights, Symbol, SymbolPattern};
use crate::store::{Seq, Table};
use crate::wire::{Compression, Encoding};

use super::pace::Pace;
use super::resolve::{held_after, only_in_first, resolve};

/// What makes subscribers alike.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct GroupKey {
    /// The strings asked for, sorted.
    pub(super) strings: Arc<[SymbolPattern]>,
    /// What they may see of it.
    pub(super) rights: Rights,
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
    pub(super) pace: Pace,
}

/// Position of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct GroupId(pub(super) u32);

/// Subscribers with one key, and what they hold.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) key: GroupKey,
    /// Instruments covered by the strings that may be seen, ascending, tombstones included: they may be listed again.
    pub(super) held: Vec<InstrumentId>,
    pub(super) members: Vec<u32>,
    /// Seq of the last frame made for the group.
    pub(super) last_frame: Seq,
    /// Everything up to here was offered to the members.
    pub(super) covered: Seq,
    /// Positions of this turn's changed instruments that concern the group, in the order of the instruments.
    pub(super) picks: Vec<u32>,
    /// Beats of this turn with changes that concern it.
    pub(super) beats: u32,
    marked: Seq,
}

impl Group {
    /// One that has its members' past behind it: whoever is not at `seq` catches up by itself.
    fn new(key: GroupKey, held: Vec<InstrumentId>, members: Vec<u32>, seq: Seq) -> Group {
        Group {
            key,
            held,
            members,
            last_frame: seq,
            covered: seq,
            picks: Vec::new(),
            beats: 0,
            marked: Seq::ZERO,
        }
    }

    /// Whether a symbol is asked for and may be seen.
    pub(super) fn wants(&self, symbol: &Symbol) -> bool {
        self.key.strings.iter().any(|s| s.matches(symbol)) && self.key.rights.allow(symbol)
    }

    /// Whether a venue is touched by what is asked for, and may be seen.
    pub(super) fn touches(&self, venue: &str) -> bool {
        self.key.strings.iter().any(|s| s.touches_venue(venue)) && self.key.rights.touch_venue(venue)
    }

    /// Notes that a beat concerns the group; true for the first time in this turn.
    pub(super) fn mark(&mut self, seq: Seq) -> bool {
        let is_first = self.beats == 0;
        if self.marked != seq {
            self.marked = seq;
            self.beats += 1;
        }
        is_first
    }

    /// Forgets the turn's marks.
    pub(super) fn end_turn(&mut self) {
        self.picks.clear();
        self.beats = 0;
    }
}

/// All groups of a shard.
#[derive(Debug, Default)]
pub(super) struct Groups {
    list: Vec<Option<Group>>,
    free: Vec<GroupId>,
    // Subscribers choose the keys of these two, so the hash is a keyed one: nobody can make them collide.
    by_key: HashMap<GroupKey, GroupId>,
    /// For each instrument the groups that take every beat and hold it.
    interest: Vec<Vec<GroupId>>,
    /// Groups that wait for a symbol, existing or not.
    exact: HashMap<Symbol, Vec<GroupId>>,
    /// Groups with a pattern, once for each.
    globs: Vec<GroupId>,
    /// Groups with a pace of more than one beat.
    paced: Vec<GroupId>,
}

impl Groups {
    pub(super) fn get(&self, id: GroupId) -> &Group {
        self.list[id.0 as usize].as_ref().expect("a group with members exists")
    }

    pub(super) fn get_mut(&mut self, id: GroupId) -> &mut Group {
        self.list[id.0 as usize].as_mut().expect("a group with members exists")
    }

    /// Whether a group is still there and concerned by this turn.
    pub(super) fn is_touched(&self, id: GroupId) -> bool {
        self.list[id.0 as usize].as_ref().is_some_and(|g| g.beats > 0)
    }

    /// Groups with a pace of more than one beat.
    pub(super) fn paced(&self) -> &[GroupId] {
        &self.paced
    }

    /// Forgets a group's marks of this turn.
    pub(super) fn end_turn(&mut self, id: GroupId) {
        if let Some(group) = self.list[id.0 as usize].as_mut() {
            group.end_turn();
        }
    }

    /// Notes a beat's change of an instrument at the groups that take every beat and hold it; those
    /// noted for the first time in this turn are added to `touched`. With the change's position, where that is
    /// known already.
    pub(super) fn mark(&mut self, id: InstrumentId, seq: Seq, pick: Option<u32>, touched: &mut Vec<GroupId>) {
        for at in self.interest.get(id.index()).into_iter().flatten() {
            let Some(group) = &mut self.list[at.0 as usize] else {
                continue;
            };
            if group.mark(seq) {
                touched.push(*at);
            }
            group.picks.extend(pick);
        }
    }

    /// Gives a changed instrument's position to the groups that take every beat, hold it, and were marked:
    /// one made since then has the change already, and would keep the position for a turn that it is wrong in.
    pub(super) fn pick(&mut self, id: InstrumentId, position: u32) {
        for at in self.interest.get(id.index()).into_iter().flatten() {
            if let Some(group) = self.list[at.0 as usize].as_mut().filter(|g| g.beats > 0) {
                group.picks.push(position);
            }
        }
    }

    /// The same for a venue: every group is asked, venues change seldom.
    pub(super) fn mark_venue(&mut self, venue: &str, seq: Seq, touched: &mut Vec<GroupId>) {
        for (at, group) in self.list.iter_mut().enumerate() {
            if let Some(group) = group
                && group.key.pace.beats <= 1
                && group.touches(venue)
                && group.mark(seq)
            {
                touched.push(GroupId(at as u32));
            }
        }
    }

    /// The same for a venue: without its reason it stands one position further.
    pub(super) fn pick_venue(&mut self, venue: &str, position: u32) {
        for group in self.list.iter_mut().flatten() {
            if group.beats > 0 && group.touches(venue) {
                let tells_reason = group.key.rights.cover_venue(venue);
                group.picks.push(position + u32::from(!tells_reason));
            }
        }
    }

    /// Moves a member to the group of this key, whose rights are those of the old one. Who was alone and stays so keeps
    /// the group, of which only what differs is changed: a subscribe costs what it asks for, not what is held.
    pub(super) fn move_to(&mut self, key: GroupKey, member: u32, old: Option<GroupId>, table: &Table) -> GroupId {
        let is_alone =
            |group: &Group| group.members == [member] && group.key.pace == key.pace && group.key.rights == key.rights;
        if let Some(old) = old {
            if is_alone(self.get(old)) && !self.by_key.contains_key(&key) {
                self.change(old, key, table);
                return old;
            }
            self.leave(old, member);
        }
        self.join(key, member, table)
    }

    /// Adds a member to the group of this key, made now if there is none.
    fn join(&mut self, key: GroupKey, member: u32, table: &Table) -> GroupId {
        let id = match self.by_key.get(&key) {
            Some(id) => *id,
            None => self.create(key, table),
        };
        self.get_mut(id).members.push(member);
        id
    }

    /// Takes a member out; an empty group goes.
    pub(super) fn leave(&mut self, id: GroupId, member: u32) {
        let group = self.get_mut(id);
        if let Some(at) = group.members.iter().position(|m| *m == member) {
            group.members.swap_remove(at);
        }
        if group.members.is_empty() {
            self.remove(id);
        }
    }

    /// Gives a newly listed instrument to the groups that asked for it.
    pub(super) fn listed(&mut self, id: InstrumentId, symbol: &Symbol) {
        let exact = self.exact.get(symbol).into_iter().flatten().copied();
        let may_see = |g: &GroupId| self.get(*g).key.rights.allow(symbol);
        let mut takers: Vec<GroupId> = exact.filter(may_see).collect();
        takers.extend(self.globs.iter().copied().filter(|g| self.get(*g).wants(symbol)));
        takers.sort_unstable_by_key(|g| g.0);
        takers.dedup();
        for taker in takers {
            // Ids only grow, so the list stays in order.
            let group = self.get_mut(taker);
            if group.held.last().is_none_or(|last| *last < id) {
                group.held.push(id);
                if group.key.pace.beats <= 1 {
                    self.interest_mut(id).push(taker);
                }
            }
        }
    }

    fn create(&mut self, key: GroupKey, table: &Table) -> GroupId {
        let held = resolve(&key.strings, &key.rights, table);
        let id = self.free.pop().unwrap_or(GroupId(self.list.len() as u32));
        if key.pace.beats <= 1 {
            held.iter().for_each(|i| self.interest_mut(*i).push(id));
        } else {
            self.paced.push(id);
        }
        key.strings.iter().for_each(|string| self.wait_for(id, string));
        self.by_key.insert(key.clone(), id);
        let group = Group::new(key, held, Vec::new(), table.seq());
        if id.0 as usize == self.list.len() {
            self.list.push(None);
        }
        self.list[id.0 as usize] = Some(group);
        id
    }

    /// Gives a group another key of the same pace and rights; it is then as if it were made now.
    fn change(&mut self, id: GroupId, key: GroupKey, table: &Table) {
        let Some(group) = self.list[id.0 as usize].take() else {
            return;
        };
        self.by_key.remove(&group.key);
        let by_text = |a: &SymbolPattern, b: &SymbolPattern| a.as_str().cmp(b.as_str());
        let going = only_in_first(&group.key.strings, &key.strings, by_text);
        let coming = only_in_first(&key.strings, &group.key.strings, by_text);
        going.iter().for_each(|string| self.forget_string(id, string));
        coming.iter().for_each(|string| self.wait_for(id, string));
        let held = held_after(&group.held, &going, &coming, &key.strings, &key.rights, table);
        if !key.pace.is_longer() {
            let gone = only_in_first(&group.held, &held, InstrumentId::cmp);
            gone.iter().for_each(|i| forget(self.interest_mut(**i), id));
            let new = only_in_first(&held, &group.held, InstrumentId::cmp);
            new.iter().for_each(|i| self.interest_mut(**i).push(id));
        }
        self.by_key.insert(key.clone(), id);
        self.list[id.0 as usize] = Some(Group::new(key, held, group.members, table.seq()));
    }

    /// Has a group told of instruments that a string covers when they are listed.
    fn wait_for(&mut self, id: GroupId, string: &SymbolPattern) {
        match string {
            SymbolPattern::Exact(symbol) => self.exact.entry(symbol.clone()).or_default().push(id),
            SymbolPattern::Glob(_) => self.globs.push(id),
        }
    }

    fn forget_string(&mut self, id: GroupId, string: &SymbolPattern) {
        match string {
            SymbolPattern::Exact(symbol) => {
                if let Some(list) = self.exact.get_mut(symbol) {
                    forget(list, id);
                    if list.is_empty() {
                        self.exact.remove(symbol);
                    }
                }
            }
            SymbolPattern::Glob(_) => forget(&mut self.globs, id),
        }
    }

    fn remove(&mut self, id: GroupId) {
        let Some(group) = self.list[id.0 as usize].take() else {
            return;
        };
        self.by_key.remove(&group.key);
        if group.key.pace.beats <= 1 {
            group.held.iter().for_each(|i| forget(self.interest_mut(*i), id));
        } else {
            forget(&mut self.paced, id);
        }
        group
            .key
            .strings
            .iter()
            .for_each(|string| self.forget_string(id, string));
        self.free.push(id);
    }

    fn interest_mut(&mut self, id: InstrumentId) -> &mut Vec<GroupId> {
        if id.index() >= self.interest.len() {
            self.interest.resize(id.index() + 1, Vec::new());
        }
        &mut self.interest[id.index()]
    }
}

/// Takes a group off a list.
fn forget(list: &mut Vec<GroupId>, id: GroupId) {
    if let Some(at) = list.iter().position(|g| *g == id) {
        list.swap_remove(at);
    }
}

#[cfg(test)]
mod tests;
