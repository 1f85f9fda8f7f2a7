//! The queue between threads.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use super::super::events::bounded;
use super::super::waiting::Limits;
use super::*;

#[test]
fn several_feeds_keep_their_order_and_every_event_is_there_or_in_a_gap() {
    const TAPS: u64 = 4;
    const BATCHES: u64 = 3_000;
    let (tap, queue) = bounded(Limits {
        events_max: 500,
        batches_max: 100,
        reserve_max: 50,
    });
    let (mut last, mut events, mut lost) = (BTreeMap::new(), 0, 0);
    thread::scope(|scope| {
        let feeds: Vec<_> = (0..TAPS)
            .map(|at| {
                let tap = tap.clone();
                scope.spawn(move || {
                    for batch in 0..BATCHES {
                        let first = at * 1_000_000 + batch * 10;
                        let mut batch: Vec<Event> = (first..first + 9).map(update).collect();
                        batch.push(state(first + 9));
                        tap.record(Ts(0), &Arc::new(batch));
                    }
                })
            })
            .collect();
        loop {
            let is_over = feeds.iter().all(|feed| feed.is_finished());
            while let Some(item) = queue.next() {
                match item {
                    Item::Gap { events, .. } => lost += events,
                    Item::Events { events: batch, .. } => batch.iter().for_each(|event| {
                        let id = id(event);
                        let before = last.insert(id / 1_000_000, id);
                        assert!(before.is_none_or(|before| before < id));
                        events += 1;
                    }),
                }
                assert!(queue.waiting() <= 550);
            }
            if is_over {
                break;
            }
            thread::yield_now();
        }
    });
    assert_eq!(events + lost, TAPS * BATCHES * 10);
    assert_eq!(lost, queue.tally().dropped().load(Relaxed));
    assert_eq!(queue.tally().offered(), TAPS * BATCHES * 10);
}

#[test]
fn a_queue_that_is_gone_counts_what_waited_and_keeps_nothing_of_what_comes() {
    let (tap, queue) = event_queue();
    let (before, after) = (updates(0..7), updates(7..9));
    tap.record(Ts(1), &before);
    let tally = queue.tally().clone();
    drop(queue);
    tap.record(Ts(2), &after);
    assert_eq!((tally.offered(), tally.dropped().load(Relaxed)), (9, 9));
    assert_eq!((Arc::strong_count(&before), Arc::strong_count(&after)), (1, 1));
    assert!(!tap.is_crowded());
}

#[test]
fn who_can_wait_is_told_when_half_of_the_room_is_taken() {
    let (tap, queue) = bounded(Limits {
        events_max: 10,
        batches_max: 10,
        reserve_max: 0,
    });
    tap.record(Ts(1), &updates(0..5));
    assert!(!tap.is_crowded());
    tap.record(Ts(1), &updates(5..6));
    assert!(tap.is_crowded());
    queue.next();
    assert!(!tap.is_crowded());
}
