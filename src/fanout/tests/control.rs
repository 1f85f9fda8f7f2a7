//! Rule 11 and the end: answers, pings, closes, the drain.

use std::collections::BTreeSet;

use super::world::{PLAIN, World, config};
use super::*;
use crate::fanout::{CloseReason, Command, FanoutConfig, pong};
use crate::wire::proto::server_message::Body;

#[test]
fn an_answer_counts_when_all_of_it_was_written() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    for room in [0, 1, 10] {
        world.room(at, Some(room));
        world.subscribe(at, &["a:B"]);
        world.configure(at, None, Some(0));
        world.beats(2);
        assert!(!world.is_idle(at));
        world.room(at, None);
        world.beats(1);
        assert!(world.is_idle(at));
    }
}

#[test]
fn of_pings_only_the_newest_is_answered() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    let id = world.peers[at].id;
    world.room(at, Some(0));
    for n in 0..5u8 {
        world.shard.command(Command::Pong(id, pong(&[n])));
        world.shard.command(Command::Ping(id));
    }
    world.room(at, None);
    world.beats(1);
    assert_eq!(
        (&world.peers[at].model.pongs[..], world.peers[at].model.pings),
        (&[vec![4]][..], 1)
    );
}

#[test]
fn a_close_frame_goes_out_between_frames_and_nothing_follows() {
    let mut world = World::new(config());
    let (at, other) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.subscribe(other, &["a:B"]);
    world.room(at, Some(5));
    world.beat(&[bid("a:B", 2)]);
    let id = world.peers[at].id;
    world.shard.command(Command::Close(id, CloseReason::NoPong));
    assert!(world.peers[at].link.ended().is_none());
    world.room(at, Some(40));
    world.beat(&[bid("a:B", 3)]);
    // The close frame is begun: its end is told once it is whole.
    assert!(world.peers[at].link.ended().is_none());
    world.room(at, None);
    world.shard.command(Command::Ping(id));
    world.beat(&[bid("a:B", 4)]);
    let model = &world.peers[at].model;
    assert_eq!(model.close.as_ref().map(|(code, _)| *code), Some(4012));
    assert_eq!((model.deltas().len(), model.pings), (1, 0));
    assert_eq!(world.peers[at].link.ended(), Some(&CloseReason::NoPong));
    assert_eq!(world.peers[other].model.deltas().len(), 3);
}

#[test]
fn a_close_frame_that_is_not_read_ends_at_the_deadline() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.room(at, Some(3));
    let id = world.peers[at].id;
    world.shard.command(Command::Close(id, CloseReason::NoPong));
    world.beats(62);
    assert_eq!(world.peers[at].link.ended(), Some(&CloseReason::SlowConsumer));
}

#[test]
fn one_that_was_closed_and_lingers_costs_nothing() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    let id = world.peers[at].id;
    world.shard.command(Command::Close(id, CloseReason::NoPong));
    let before = world.peers[at].socket.wire().calls;
    for price in 2..40 {
        world.apply(&[bid("a:B", price)]);
        world.seal();
        let ticks = std::mem::take(&mut world.sealed);
        world.shard.turn(&ticks);
        assert!(world.shard.busy.is_empty());
    }
    assert_eq!(world.peers[at].socket.wire().calls, before);
}

#[test]
fn a_drain_tells_all_at_once_with_different_delays_and_closes_them_spread_over_two_seconds() {
    let mut world = World::new(FanoutConfig {
        heartbeat_beats: 1_000,
        ..config()
    });
    let joined: Vec<usize> = (0..500).map(|_| world.join(PLAIN)).collect();
    world.beats(1);
    world.shard.command(Command::Drain);
    world.read();
    let delay = |at: &usize| match world.peers[*at].model.last() {
        Body::Goaway(goaway) => goaway.reconnect_after_ms,
        other => panic!("{other:?}"),
    };
    let delays: BTreeSet<u32> = joined.iter().map(delay).collect();
    assert!(delays.len() > 300, "{}", delays.len());
    let late = world.join(PLAIN);
    let mut most = 0;
    for _ in 0..200 {
        let before = world.shard.len();
        world.beats(1);
        most = most.max(before - world.shard.len());
    }
    assert_eq!((most, world.shard.len()), (3, 0));
    let codes = |at: &usize| world.peers[*at].model.close.as_ref().map(|(code, _)| *code);
    assert!(joined.iter().chain([&late]).all(|at| codes(at) == Some(4001)));
}
