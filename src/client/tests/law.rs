//! Law 1 from the subscriber's side: whatever is lost, cut or conflated, a caught-up view equals the truth.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::client::{Outcome, View};
use crate::market::Symbol;
use crate::wire::proto::client_message::Body as ClientBody;
use crate::wire::proto::{Ack, ClientMessage, Subscribe};

/// Strings that the subscriber gives and takes back; they overlap.
const STRINGS: [&str; 4] = ["a:*", "b:*", "*:X", "a:X"];
const SYMBOLS: [&str; 5] = ["a:X", "a:Y", "b:X", "b:Y", "c:X"];

#[derive(Clone, Debug)]
enum Op {
    /// A beat in which an instrument, listed if it is not there, gets a value by so many updates.
    Change(usize, i64, u32),
    Remove(usize),
    /// The delta of all since the last one arrives, in one part or two.
    Deliver(bool),
    /// The same is lost on the way.
    Lose,
    Heartbeat,
    Disconnect,
    NewEpoch,
    /// A new epoch on the same connection: all that is held is told unasked, in one part or two with a lost or delivered
    /// delta between.
    Renew(bool, bool),
    Want(usize),
    Leave(usize),
    /// The server answers the oldest request, in one part or two with a lost or delivered delta between.
    Answer(bool, bool),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..5usize, 0..100i64, 1..4u32).prop_map(|(s, v, n)| Op::Change(s, v, n)),
        1 => (0..5usize).prop_map(Op::Remove),
        6 => any::<bool>().prop_map(Op::Deliver),
        1 => Just(Op::Lose),
        1 => Just(Op::Heartbeat),
        1 => Just(Op::Disconnect),
        1 => Just(Op::NewEpoch),
        1 => any::<(bool, bool)>().prop_map(|(parts, lost)| Op::Renew(parts, lost)),
        2 => (0..4usize).prop_map(Op::Want),
        1 => (0..4usize).prop_map(Op::Leave),
        4 => any::<(bool, bool)>().prop_map(|(parts, lost)| Op::Answer(parts, lost)),
    ]
}

/// One listing of an instrument, gone or not.
struct Item {
    symbol: &'static str,
    value: i64,
    count: u64,
    listed: u64,
    changed: u64,
    removed: Option<u64>,
}

/// A server of one subscriber, plainly right: values with the seq of their last change, strings held.
struct Model {
    epoch: u64,
    seq: u64,
    items: BTreeMap<u32, Item>,
    next_id: u32,
    held: BTreeSet<String>,
    /// Instruments held since a part of an answer not ended.
    held_ids: BTreeSet<u32>,
    last_sent: u64,
    inbox: Vec<ClientMessage>,
}

impl Model {
    fn change(&mut self, symbol: &'static str, value: i64, updates: u32) {
        self.seq += 1;
        let seq = self.seq;
        let known = self
            .items
            .values_mut()
            .find(|i| i.symbol == symbol && i.removed.is_none());
        if let Some(item) = known {
            (item.value, item.changed) = (value, seq);
            item.count += u64::from(updates);
            return;
        }
        let item = Item {
            symbol,
            value,
            count: u64::from(updates),
            listed: seq,
            changed: seq,
            removed: None,
        };
        self.items.insert(self.next_id, item);
        self.next_id += 1;
    }

    fn remove(&mut self, symbol: &str) {
        if let Some(item) = self
            .items
            .values_mut()
            .find(|i| i.symbol == symbol && i.removed.is_none())
        {
            self.seq += 1;
            item.removed = Some(self.seq);
        }
    }

    fn is_held(&self, id: u32) -> bool {
        self.held_ids.contains(&id) || covers(&self.held, self.items[&id].symbol)
    }

    /// Ids that the strings cover, of instruments that are gone too.
    fn meant(&self, strings: &[String]) -> BTreeSet<u32> {
        let covered = self.items.iter().filter(|(_, item)| covers(strings, item.symbol));
        covered.map(|(id, _)| *id).collect()
    }

    /// Everything meant that changed after `since`.
    fn changes(&self, since: u64, is_meant: impl Fn(u32) -> bool) -> Snapshot {
        let mut all = whole(0, self.seq, vec![], vec![]);
        for (&id, item) in self.items.iter().filter(|(id, _)| is_meant(**id)) {
            match item.removed {
                Some(removed) if removed > since => all.removed.push(id),
                Some(_) => {}
                None if item.changed > since => {
                    if item.listed > since {
                        all.instruments.push(instrument(id, item.symbol));
                    }
                    all.tickers.push(counted(id, item.value, item.count));
                }
                None => {}
            }
        }
        all
    }

    fn deltas(&mut self, in_parts: bool) -> Vec<ServerMessage> {
        let all = self.changes(self.last_sent, |id| self.is_held(id));
        let prev_seq = std::mem::replace(&mut self.last_sent, self.seq);
        if all.removed.is_empty() && all.tickers.is_empty() {
            // Nothing of its own: only the heartbeat would tell the seq.
            self.last_sent = prev_seq;
            return vec![];
        }
        let last = Delta {
            tickers: all.tickers,
            ..delta(prev_seq, self.seq, vec![])
        };
        let first = Delta {
            removed: all.removed,
            instruments: all.instruments,
            ..delta(prev_seq, self.seq, vec![])
        };
        if in_parts {
            return vec![Delta { more: true, ..first }.into(), last.into()];
        }
        vec![
            Delta {
                tickers: last.tickers,
                ..first
            }
            .into(),
        ]
    }

    /// One part of an answer, after what rule 3 has sent before it. A lost delta is lost here.
    fn part(&mut self, request_id: u64, since: Option<u64>, meant: &BTreeSet<u32>, more: bool) -> Snapshot {
        let part = self.changes(since.unwrap_or(0), |id| meant.contains(&id));
        let removed = if since.is_some() { part.removed } else { vec![] };
        self.held_ids.extend(meant);
        self.last_sent = self.seq;
        Snapshot {
            request_id,
            epoch: self.epoch,
            resumed: since.is_some(),
            more,
            removed,
            ..part
        }
    }
}

fn covers<S: AsRef<str>>(strings: impl IntoIterator<Item = S>, symbol: &str) -> bool {
    let symbol = Symbol::parse(symbol).expect("a symbol");
    strings.into_iter().any(|s| pattern(s.as_ref()).matches(&symbol))
}

/// Both ends and the wire between them.
struct World {
    model: Model,
    view: View,
    requests: u64,
}

impl World {
    fn new() -> World {
        let (items, held, held_ids) = Default::default();
        let model = Model {
            epoch: 1,
            seq: 0,
            items,
            next_id: 1,
            held,
            held_ids,
            last_sent: 0,
            inbox: vec![],
        };
        World {
            model,
            view: View::new(),
            requests: 0,
        }
    }

    fn deliver(&mut self, messages: Vec<ServerMessage>) {
        for message in messages {
            let outcome = self.view.apply(&message);
            assert!(!matches!(outcome, Outcome::Broken(_)), "{outcome:?} of {message:?}");
        }
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Change(symbol, value, updates) => self.model.change(SYMBOLS[symbol], value, updates),
            Op::Remove(symbol) => self.model.remove(SYMBOLS[symbol]),
            Op::Deliver(in_parts) => {
                let messages = self.model.deltas(in_parts);
                self.deliver(messages);
            }
            Op::Lose => self.lose(),
            Op::Heartbeat => {
                let messages = self.model.deltas(false);
                self.deliver(messages);
                self.deliver(vec![heartbeat(self.model.last_sent, self.model.seq)]);
            }
            Op::Disconnect => self.disconnect(),
            Op::NewEpoch => {
                self.disconnect();
                self.model.epoch += 1;
                self.model.items.clear();
                self.model.next_id = 1;
                self.model.seq = 3;
            }
            Op::Renew(in_parts, is_lost) => self.renew(in_parts, is_lost),
            Op::Want(string) => assert_eq!(self.view.want([pattern(STRINGS[string])]), 0),
            Op::Leave(string) => {
                self.requests += 1;
                let (message, _) = self.view.leave(&[STRINGS[string].into()], self.requests);
                self.model.inbox.extend(message);
            }
            Op::Answer(in_parts, is_lost) => self.answer(in_parts, is_lost),
        }
        let requests = &mut self.requests;
        self.model.inbox.extend(self.view.requests(|| {
            *requests += 1;
            *requests
        }));
    }

    /// A loss is seen at the next delta or heartbeat. A snapshot part carries no prev_seq: one that came first
    /// would hide it, so here the heartbeat does.
    fn lose(&mut self) {
        drop(self.model.deltas(false));
        let seq = self.model.last_sent;
        self.deliver(vec![heartbeat(seq, seq)]);
    }

    fn disconnect(&mut self) {
        self.view.disconnected();
        self.model.inbox.clear();
        self.model.held.clear();
        self.model.held_ids.clear();
        self.model.last_sent = 0;
    }

    fn answer(&mut self, in_parts: bool, is_lost: bool) {
        if self.model.inbox.is_empty() {
            return;
        }
        let request = self.model.inbox.remove(0);
        let request_id = request.request_id;
        match request.body {
            Some(ClientBody::Unsubscribe(unsubscribe)) => {
                self.model.held.retain(|s| !unsubscribe.symbols.contains(s));
                self.deliver(vec![message(Body::Ack(Ack {
                    request_id,
                    ..Default::default()
                }))]);
            }
            Some(ClientBody::Subscribe(subscribe)) => self.subscribe(request_id, subscribe, in_parts, is_lost),
            other => panic!("{other:?}"),
        }
    }

    fn subscribe(&mut self, request_id: u64, subscribe: Subscribe, in_parts: bool, is_lost: bool) {
        let since = subscribe.resume.filter(|p| p.epoch == self.model.epoch).map(|p| p.seq);
        self.tell(request_id, since, subscribe.symbols, in_parts, is_lost);
    }

    fn renew(&mut self, in_parts: bool, is_lost: bool) {
        self.model.epoch += 1;
        self.model.items.clear();
        self.model.next_id = 1;
        (0..3).for_each(|at| self.model.change(SYMBOLS[at], 50, 1));
        let held: Vec<String> = std::mem::take(&mut self.model.held).into_iter().collect();
        self.model.last_sent = self.model.seq;
        if !held.is_empty() {
            self.tell(0, None, held, in_parts, is_lost);
        }
    }

    /// The snapshot of some strings, which are held from then on.
    fn tell(&mut self, request_id: u64, since: Option<u64>, strings: Vec<String>, in_parts: bool, is_lost: bool) {
        let meant = self.model.meant(&strings);
        let mut messages = self.model.deltas(false);
        if in_parts {
            let (first, _): (BTreeSet<u32>, BTreeSet<u32>) = meant.iter().partition(|id| *id % 2 == 0);
            messages.push(self.model.part(request_id, since, &first, true).into());
            self.deliver(messages);
            self.model.change(SYMBOLS[2], 77, 1);
            messages = vec![];
            match is_lost {
                true => self.lose(),
                false => messages = self.model.deltas(false),
            }
            // With what was listed meanwhile.
            let rest = &self.model.meant(&strings) - &first;
            messages.push(self.model.part(request_id, since, &rest, false).into());
        } else {
            messages.push(self.model.part(request_id, since, &meant, false).into());
        }
        self.model.held.extend(strings);
        self.model.held_ids.clear();
        self.deliver(messages);
    }

    fn settle(&mut self) {
        for _ in 0..20 {
            self.run(Op::Answer(false, false));
        }
        self.run(Op::Heartbeat);
        for _ in 0..20 {
            self.run(Op::Answer(false, false));
        }
        self.run(Op::Deliver(false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_view_that_has_caught_up_equals_the_truth(ops in prop::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        ops.iter().for_each(|op| world.run(op.clone()));
        world.settle();
        let held = world.model.held.clone();
        prop_assert_eq!(world.view.is_complete(), !held.is_empty());
        let alive = world.model.items.values().filter(|i| i.removed.is_none() && covers(&held, i.symbol));
        let truth: BTreeMap<String, (i128, u64)> = alive.map(|i| (i.symbol.into(), (i.value.into(), i.count))).collect();
        let bid = crate::market::Field::BidPrice;
        let known = world.view.iter().map(|t| (t.symbol().to_string(), (t.value(bid).map_or(-1, |v| v.mantissa), t.update_count())));
        prop_assert_eq!(known.collect::<BTreeMap<_, _>>(), truth);
    }
}
