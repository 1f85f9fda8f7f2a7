//! What is shared: one frame for all who are alike, and none for those who have nothing to hear.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use metrics::Counter;

use super::world::{Options, PLAIN, World, config};
use super::*;
use crate::fanout::FanoutConfig;
use crate::wire::{Compression, Encoding};

fn count_frames(world: &mut World, encoding: Encoding) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    // What was built until now is none of it.
    world.shard.meters.end_turn();
    world.shard.meters.built[encoding as usize] = Counter::from_arc(count.clone());
    count
}

#[test]
fn a_frame_is_assembled_once_for_all_who_are_alike() {
    let mut world = World::new(config());
    let joined: Vec<usize> = (0..50).map(|_| world.join(PLAIN)).collect();
    world.beat(&[bid("a:B", 1), bid("a:C", 1)]);
    // The order in which strings were given makes no difference.
    for at in &joined {
        world.subscribe(*at, if at % 2 == 0 { &["a:B", "a:C"] } else { &["a:C", "a:B"] });
    }
    let built = count_frames(&mut world, Encoding::Protobuf);
    (2..12).for_each(|price| world.beat(&[bid("a:B", price)]));
    assert_eq!(built.load(Relaxed), 10);
    assert!(joined.iter().all(|at| world.peers[*at].model.deltas().len() == 10));
}

#[test]
fn one_who_is_behind_gets_its_own_frame_and_then_shares_again() {
    let mut world = World::new(config());
    let (at, other) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.subscribe(other, &["a:B"]);
    world.room(at, Some(0));
    (2..5).for_each(|price| world.beat(&[bid("a:B", price)]));
    world.room(at, None);
    let built = count_frames(&mut world, Encoding::Protobuf);
    world.beat(&[bid("a:B", 5)]);
    assert_eq!(built.swap(0, Relaxed), 2);
    (6..10).for_each(|price| world.beat(&[bid("a:B", price)]));
    assert_eq!(built.load(Relaxed), 4);
    let conflated = world.peers[at].model.deltas()[0];
    assert_eq!((conflated.prev_seq, conflated.seq, conflated.skipped), (Some(1), 5, 3));
}

#[test]
fn an_idle_subscriber_costs_no_socket_calls_but_its_heartbeats() {
    let mut world = World::new(FanoutConfig {
        heartbeat_beats: 100,
        ..config()
    });
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    let before = world.peers[at].socket.wire().calls;
    (0..450).for_each(|price| world.beat(&[bid("z:Z", price)]));
    assert_eq!(world.peers[at].socket.wire().calls - before, 4);
    assert!(world.shard.busy.is_empty());
}

#[test]
fn all_encodings_and_both_compressions_tell_the_same_and_deflate_is_smaller() {
    let mut world = World::new(config());
    let all = Encoding::ALL.into_iter().flat_map(|encoding| {
        [Compression::None, Compression::Deflate].map(|compression| Options {
            encoding,
            compression,
            ..PLAIN
        })
    });
    let joined: Vec<usize> = all.map(|options| world.join(options)).collect();
    joined.iter().for_each(|at| world.subscribe(*at, &["*"]));
    world.beat(&bids(30, 1));
    (2..5).for_each(|price| world.beat(&bids(30, price)));
    let len = |at: usize| world.peers[at].socket.wire().bytes.len();
    assert!(joined.chunks(2).all(|pair| len(pair[1]) < len(pair[0])));
    assert!(joined.iter().all(|at| world.peers[*at].model.own == 4));
}

#[test]
fn a_group_made_in_the_middle_of_a_turn_takes_nothing_over_into_the_next() {
    let mut world = World::new(config());
    let (at, other) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&[bid("a:A", 1), bid("a:B", 1)]);
    world.subscribe(other, &["a:*"]);
    world.room(at, Some(0));
    world.subscribe(at, &["a:B"]);
    world.room(at, None);
    // The snapshot ends in the turn of a change that it has already.
    world.beat(&[bid("a:B", 2)]);
    world.beat(&[bid("a:A", 3), bid("a:B", 3)]);
    let tickers: Vec<_> = world.peers[at].model.deltas().iter().map(|d| d.tickers.len()).collect();
    assert_eq!(tickers, [1]);
}

#[test]
fn a_group_whose_last_member_falls_in_the_turn_that_concerns_it_is_passed_over() {
    let mut world = World::new(config());
    let (at, other) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&[bid("a:B", 1), bid("a:C", 1)]);
    world.subscribe(at, &["a:B"]);
    world.subscribe(other, &["a:C"]);
    world.room(at, Some(3));
    (2..80).for_each(|price| world.beat(&[bid("a:B", price), bid("a:C", price)]));
    assert!(!world.peers[at].is_connected);
    assert_eq!(world.peers[other].model.deltas().len(), 78);
}

#[test]
fn slots_given_away_while_busy_serve_the_newcomer_once_a_turn() {
    let mut world = World::new(config());
    for _ in 0..20 {
        let at = world.join(PLAIN);
        world.beat(&[bid("a:B", 1)]);
        world.subscribe(at, &["a:B"]);
        world.room(at, Some(1));
        world.beat(&[bid("a:B", world.now.beat as i64)]);
        world.leave(at);
    }
    let at = world.join(PLAIN);
    world.subscribe(at, &["a:B"]);
    world.room(at, Some(1));
    world.beat(&[bid("a:B", -1)]);
    let before = world.peers[at].socket.wire().calls;
    world.beats(5);
    assert_eq!(world.peers[at].socket.wire().calls - before, 5);
    assert_eq!(world.shard.busy.len(), 1);
}
