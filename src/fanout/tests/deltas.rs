//! Rules 1, 2, 8 and 9: deltas, heartbeats, venues.

use super::world::{PLAIN, World, config};
use super::*;

#[test]
fn a_delta_comes_at_the_beats_in_which_something_held_changed_and_at_no_other() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("a:C", 1)]);
    world.subscribe(at, &["a:B"]);
    for price in [2, 3] {
        world.beat(&[bid("a:B", price)]);
        world.beat(&[bid("a:C", price)]);
        world.beat(&[]);
    }
    let deltas = world.peers[at].model.deltas();
    let seqs: Vec<_> = deltas.iter().map(|d| (d.prev_seq, d.seq)).collect();
    assert_eq!(seqs, [(None, 2), (Some(2), 4)]);
}

#[test]
fn after_beats_that_did_not_concern_it_prev_seq_is_still_one_that_was_sent() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("a:C", 1)]);
    world.subscribe(at, &["a:B", "a:C"]);
    for price in 2..5 {
        world.beat(&[bid("z:Z", price)]);
    }
    // A group of its own, made at a seq that the subscriber never saw.
    world.unsubscribe(at, &["a:C"]);
    world.beat(&[bid("z:Z", 9)]);
    world.beat(&[bid("a:B", 2)]);
    assert_eq!(world.peers[at].model.deltas()[0].prev_seq, Some(1));
}

#[test]
fn beats_that_come_late_together_are_one_delta_that_counts_the_others_as_skipped() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    for price in 2..5 {
        world.apply(&[bid("a:B", price), bid("z:Z", price)]);
        world.seal();
    }
    world.turn();
    let deltas = world.peers[at].model.deltas();
    assert_eq!((deltas.len(), deltas[0].seq, deltas[0].skipped), (1, 4, 2));
    assert_eq!(deltas[0].tickers[0].update_count, Some(4));
}

#[test]
fn ages_count_from_the_messages_own_time_when_a_beat_comes_late() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.subscribe(at, &["a:B"]);
    let Event::Update(update) = bid("a:B", 1) else { return };
    let stamped = Update {
        ts_event: Some(Ts(5_000)),
        ..update
    };
    world.apply(&[Event::Update(stamped)]);
    world.seal();
    world.seal();
    world.turn();
    let delta = world.peers[at].model.deltas()[0];
    let age = delta.tickers[0].event_age_us.expect("a stamp");
    assert_eq!(delta.ts as i64 - age * 1_000, 5_000);
}

#[test]
fn a_heartbeat_comes_after_each_second_of_silence_and_says_the_newest_seq() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.beat(&[bid("z:Z", 1)]);
    world.beats(30);
    let said: Vec<_> = world.peers[at]
        .model
        .heartbeats()
        .iter()
        .map(|h| (h.seq, h.prev_seq))
        .collect();
    assert_eq!(said, [(2, 1); 3]);
}

#[test]
fn a_venue_state_comes_like_a_field_to_those_whose_strings_touch_it() {
    let mut world = World::new(config());
    let (at, other) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&[bid("a:B", 1), venue("a", VenueState::Up), venue("b", VenueState::Up)]);
    world.subscribe(at, &["a:NEVER"]);
    world.subscribe(other, &["b:*"]);
    world.beat(&[venue("a", VenueState::Stale)]);
    let model = &world.peers[at].model;
    assert_eq!(model.snapshots()[0].venues.len(), 1);
    assert_eq!(model.deltas()[0].venues[0].name, "a");
    assert!(world.peers[other].model.deltas().is_empty());
}

#[test]
fn a_large_delta_comes_in_parts_within_one_turn_for_all() {
    let mut world = World::new(config());
    let (at, other) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&bids(100, 1));
    world.subscribe(at, &["*"]);
    world.subscribe(other, &["*"]);
    world.beats(5);
    world.beat(&relisted(100, 1));
    for at in [at, other] {
        let parts = world.peers[at].model.deltas();
        assert!(
            parts.len() > 2 && parts.iter().rev().skip(1).all(|d| d.more),
            "{}",
            parts.len()
        );
    }
}

#[test]
fn a_part_that_came_late_and_the_next_beat_count_no_update_twice() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&bids(100, 1));
    world.subscribe(at, &["*"]);
    world.beats(5);
    world.room(at, Some(100));
    world.beat(&relisted(100, 2));
    world.room(at, None);
    // The second part is assembled with this beat's values, which a shared frame would bring again.
    let last = bids(100, 3).pop().expect("the last one");
    world.beat(&[last]);
    assert_eq!(world.peers[at].model.own, world.truth.seq().0);
    world.peers[at].model.view.check(&world.truth);
}

#[test]
fn a_part_not_taken_is_assembled_again_and_nothing_is_left_out() {
    let mut world = World::new(config());
    let (at, own) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&bids(200, 1));
    world.subscribe(at, &["*"]);
    world.subscribe(own, &["*"]);
    // One takes its parts from the shared frames, the other is behind and gets its own.
    world.frames(own, 0);
    world.beat(&[bid("w:W", 1)]);
    for at in [at, own] {
        world.frames(at, 1);
    }
    world.beat(&relisted(200, 2));
    for _ in 0..20 {
        for at in [at, own] {
            world.frames(at, 1);
        }
        world.beat(&[]);
    }
    for at in [at, own] {
        assert!(world.peers[at].model.deltas().len() > 3);
        assert_eq!(world.peers[at].model.own, world.truth.seq().0);
    }
}
