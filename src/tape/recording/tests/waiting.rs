//! The queue without its lock, against a plain model.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::super::waiting::{Limits, Waiting};
use super::*;

const LIMITS: Limits = Limits {
    events_max: 12,
    batches_max: 5,
    reserve_max: 6,
};

/// What comes out, event by event.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Out {
    Event { now: i64, id: u64 },
    Gap { now: i64, events: u64 },
}

/// The same, as plainly as can be: everything is counted anew each time.
#[derive(Default)]
struct Model {
    /// Batches and gaps, as what comes out of each.
    items: VecDeque<Vec<Out>>,
    lost: Option<(i64, u64)>,
    is_full: bool,
}

impl Model {
    fn events(&self) -> usize {
        let all = self.items.iter().flatten();
        all.filter(|out| matches!(out, Out::Event { .. })).count()
    }

    fn offer(&mut self, now: i64, batch: &[Event]) {
        let (waiting, half) = (self.events(), LIMITS.events_max / 2);
        if waiting <= half && self.items.len() <= LIMITS.batches_max / 2 {
            self.is_full = false;
        }
        let has_room = waiting + batch.len() <= LIMITS.events_max && self.items.len() < LIMITS.batches_max;
        let mut kept: Vec<&Event> = batch.iter().collect();
        if self.is_full || !has_room {
            self.is_full = true;
            kept.retain(|event| !matches!(event, Event::Update(_)));
            if waiting + kept.len() > LIMITS.events_max + LIMITS.reserve_max {
                kept.clear();
            }
        }
        if !kept.is_empty() {
            self.gap();
            let outs = kept.iter().map(|event| Out::Event { now, id: id(event) });
            self.items.push_back(outs.collect());
        }
        if kept.len() < batch.len() {
            let before = self.lost.map_or(0, |(_, events)| events);
            self.lost = Some((now, before + (batch.len() - kept.len()) as u64));
        }
    }

    fn next(&mut self) -> Option<Vec<Out>> {
        if self.items.is_empty() {
            self.gap();
        }
        self.items.pop_front()
    }

    fn gap(&mut self) {
        if let Some((now, events)) = self.lost.take() {
            self.items.push_back(vec![Out::Gap { now, events }]);
        }
    }
}

fn outs(item: Item) -> Vec<Out> {
    match item {
        Item::Gap { now, events } => vec![Out::Gap { now: now.0, events }],
        Item::Events { now, events } => events
            .iter()
            .map(|event| Out::Event {
                now: now.0,
                id: id(event),
            })
            .collect(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// A batch, of each event whether it is an update.
    Offer(Vec<bool>),
    Next,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let batch = proptest::collection::vec(proptest::bool::weighted(0.8), 1..15);
    let step = prop_oneof![3 => batch.prop_map(Step::Offer), 2 => Just(Step::Next)];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_comes_out_is_what_the_plain_model_says(steps in steps()) {
        let (mut waiting, mut model) = (Waiting::new(LIMITS), Model::default());
        let (mut next_id, mut now) = (0, 0);
        let (mut told, mut lost) = (Vec::new(), 0);
        // Events offered up to each batch.
        let mut offered = vec![0];
        for step in steps {
            match step {
                Step::Offer(kinds) => {
                    now += 1;
                    let event = |is_update: &bool| {
                        next_id += 1;
                        if *is_update { update(next_id) } else { state(next_id) }
                    };
                    let batch: Batch = Arc::new(kinds.iter().map(event).collect());
                    lost += waiting.offer(Ts(now), &batch);
                    model.offer(now, &batch);
                    offered.push(next_id);
                }
                Step::Next => {
                    let item = waiting.next().map(outs);
                    prop_assert_eq!(&item, &model.next());
                    told.extend(item.into_iter().flatten());
                }
            }
            prop_assert_eq!(waiting.events(), model.events());
            prop_assert!(waiting.events() <= LIMITS.events_max + LIMITS.reserve_max);
        }
        while let Some(item) = waiting.next() {
            told.extend(outs(item));
        }

        // Whatever the rule for taking is: in order, and each hole is told where it is and as large as it is.
        let (mut after, mut events, mut in_gaps) = (0, 0, 0);
        for out in told {
            match out {
                Out::Event { id, .. } => {
                    prop_assert!(id > after);
                    after = id;
                    events += 1;
                }
                Out::Gap { now, events: holes } => {
                    prop_assert!(holes > 0);
                    in_gaps += holes;
                    prop_assert_eq!(events + in_gaps, offered[now as usize]);
                }
            }
        }
        prop_assert_eq!(in_gaps, lost);
        prop_assert_eq!(events + in_gaps, next_id);
    }
}

/// What waits, all of it.
fn all(waiting: &mut Waiting) -> Vec<Out> {
    std::iter::from_fn(|| waiting.next()).flat_map(outs).collect()
}

fn event(now: i64, id: u64) -> Out {
    Out::Event { now, id }
}

#[test]
fn a_gap_stands_between_what_came_before_it_and_what_came_after() {
    let mut waiting = Waiting::new(LIMITS);
    assert_eq!(waiting.offer(Ts(1), &updates(0..12)), 0);
    assert_eq!(waiting.offer(Ts(2), &updates(12..15)), 3);
    assert_eq!(waiting.offer(Ts(3), &updates(15..16)), 1);
    waiting.next();
    assert_eq!(waiting.offer(Ts(4), &updates(16..18)), 0);
    let gap = Out::Gap { now: 3, events: 4 };
    assert_eq!(all(&mut waiting), [gap, event(4, 16), event(4, 17)]);
}

#[test]
fn what_is_no_update_goes_through_while_the_reserve_lasts_and_the_gap_comes_behind_it() {
    let mut waiting = Waiting::new(LIMITS);
    waiting.offer(Ts(1), &updates(0..12));
    let mixed = Arc::new(vec![update(12), state(13), update(14), state(15)]);
    assert_eq!(waiting.offer(Ts(2), &mixed), 2);
    let states = Arc::new((16..20).map(state).collect());
    assert_eq!(waiting.offer(Ts(3), &states), 0);
    assert_eq!(waiting.offer(Ts(4), &Arc::new(vec![state(20)])), 1);
    waiting.next();
    let first = [event(2, 13), event(2, 15), Out::Gap { now: 2, events: 2 }];
    let then = [event(3, 16), event(3, 17), event(3, 18), event(3, 19)];
    let last = [Out::Gap { now: 4, events: 1 }];
    assert_eq!(all(&mut waiting), [&first[..], &then, &last].concat());
}

#[test]
fn once_full_it_takes_updates_again_when_half_is_free() {
    let mut waiting = Waiting::new(LIMITS);
    (0..3).for_each(|at| assert_eq!(waiting.offer(Ts(1), &updates(at * 4..at * 4 + 4)), 0));
    assert_eq!(waiting.offer(Ts(2), &updates(12..13)), 1);
    waiting.next();
    assert_eq!(waiting.offer(Ts(3), &updates(13..14)), 1, "8 of 12 wait");
    waiting.next();
    assert_eq!(waiting.offer(Ts(4), &updates(14..15)), 0, "4 of 12 wait");
}

#[test]
fn a_batch_is_shared_and_not_copied() {
    let mut waiting = Waiting::new(LIMITS);
    let (batch, states) = (updates(0..12), Arc::new(vec![state(12)]));
    waiting.offer(Ts(1), &batch);
    waiting.offer(Ts(2), &states);
    for shared in [&batch, &states] {
        assert!(matches!(waiting.next(), Some(Item::Events { events, .. }) if Arc::ptr_eq(&events, shared)));
    }
}
