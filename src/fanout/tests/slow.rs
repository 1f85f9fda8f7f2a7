//! Rule 10 and law 2: a subscriber can hurt only itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use metrics::Gauge;

use super::world::{EPOCH, PLAIN, World, config};
use super::*;
use crate::fanout::{CloseReason, FanoutConfig};

/// Two subscribers of `a:B`, who have its snapshot.
fn pair() -> (World, usize, usize) {
    let mut world = World::new(config());
    let (at, other) = (world.join(PLAIN), world.join(PLAIN));
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.subscribe(other, &["a:B"]);
    (world, at, other)
}

#[test]
fn a_frame_not_finished_by_the_deadline_ends_its_subscriber_and_nobody_else_notices() {
    for room in [0, 5] {
        let (mut world, at, other) = pair();
        world.room(at, Some(room));
        (2..62).for_each(|price| world.beat(&[bid("a:B", price)]));
        assert!(world.peers[at].is_connected);
        world.beat(&[bid("a:B", 62)]);
        assert!(world.peers[at].socket.wire().is_aborted);
        assert_eq!(world.peers[at].link.ended(), Some(&CloseReason::SlowConsumer));
        assert_eq!(
            (
                world.peers[other].model.deltas().len(),
                world.peers[other].model.skipped
            ),
            (61, 0)
        );
        assert_eq!(world.shard.len(), 1);
    }
}

#[test]
fn a_reader_that_is_slow_but_finishes_each_frame_is_kept_and_told_what_it_missed() {
    let (mut world, at, _) = pair();
    (2..400).for_each(|price| {
        world.room(at, Some(1));
        world.beat(&[bid("a:B", price)]);
    });
    assert!(world.peers[at].is_connected);
    world.room(at, None);
    world.beat(&[]);
    world.beat(&[]);
    let model = &world.peers[at].model;
    assert_eq!(model.own, world.truth.seq().0);
    // Each delta brought its own beat, but the last: that came when nothing new had changed.
    let deltas = model.deltas().len();
    assert!(deltas > 5, "{deltas}");
    assert_eq!(model.skipped as usize + deltas - 1, 398);
}

#[test]
fn the_deadline_is_the_frames_own() {
    let (mut world, at, _) = pair();
    world.room(at, Some(0));
    (2..50).for_each(|price| world.beat(&[bid("a:B", price)]));
    world.room(at, Some(3));
    (50..100).for_each(|price| world.beat(&[bid("a:B", price)]));
    assert!(world.peers[at].is_connected);
    (100..120).for_each(|price| world.beat(&[bid("a:B", price)]));
    assert!(!world.peers[at].is_connected);
}

#[test]
fn a_stuck_subscriber_keeps_at_most_one_frame() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&bids(300, 1));
    world.subscribe(at, &["*"]);
    world.beats(10);
    world.room(at, Some(10));
    let kept = |world: &mut World| world.shard.subscriber(0).map_or(0, |s| s.outbox_bytes());
    for price in 2..50 {
        world.beat(&bids(300, price));
        assert!(kept(&mut world) <= 2 * config().frame_bytes_max);
    }
    world.room(at, None);
    world.beats(10);
    assert_eq!((kept(&mut world), world.peers[at].model.own), (0, world.truth.seq().0));
}

#[test]
fn what_was_begun_is_finished_before_anything_else() {
    let (mut world, at, _) = pair();
    world.room(at, Some(4));
    world.beat(&[bid("a:B", 2)]);
    world.configure(at, None, Some(0));
    let read = world.peers[at].model.said.len();
    world.beat(&[bid("a:B", 3)]);
    world.room(at, None);
    world.beats(2);
    let said = &world.peers[at].model.said[read..];
    assert_eq!(said.len(), 3);
    assert_eq!(
        world.peers[at].model.deltas().iter().map(|d| d.seq).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(world.peers[at].model.skipped, 1);
}

#[test]
fn a_beat_that_a_full_socket_takes_after_all_in_the_same_turn_is_not_counted() {
    let (mut world, at, _) = pair();
    world.room(at, Some(0));
    world.beat(&[bid("a:B", 2)]);
    world.room(at, None);
    world.beat(&[bid("a:B", 3)]);
    world.beat(&[bid("a:B", 4)]);
    let told: Vec<_> = world.peers[at].model.deltas().iter().map(|d| d.skipped).collect();
    assert_eq!(told, [1, 0]);
}

#[test]
fn beats_dropped_while_a_snapshot_is_stuck_are_counted() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&bids(100, 1));
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.room(at, Some(100));
    world.subscribe(at, &["v:*"]);
    (2..7).for_each(|price| world.beat(&[bid("a:B", price)]));
    world.room(at, None);
    world.beats(5);
    assert_eq!(world.peers[at].model.skipped, 5);
}

#[test]
fn a_broken_connection_ends_at_once_and_takes_nothing_with_it() {
    let (mut world, at, other) = pair();
    world.peers[at].socket.wire().is_broken = true;
    world.beat(&[bid("a:B", 2)]);
    assert_eq!(world.peers[at].link.ended(), Some(&CloseReason::Broken));
    assert!(world.peers[at].socket.wire().is_aborted);
    assert_eq!((world.shard.len(), world.peers[other].model.deltas().len()), (1, 1));
    world.beat(&[bid("a:B", 3)]);
    assert_eq!(world.peers[other].model.deltas().len(), 2);
}

#[test]
fn falling_behind_and_catching_up_are_edges_of_one_gauge() {
    let (mut world, at, _) = pair();
    let slow = Arc::new(AtomicU64::new(0));
    world.shard.meters.slow = Gauge::from_arc(slow.clone());
    let level = || f64::from_bits(slow.load(Relaxed));
    for price in (0..30).step_by(3) {
        world.room(at, Some(2));
        (2..5).for_each(|n| world.beat(&[bid("a:B", price * 10 + n)]));
        assert_eq!(level(), 1.0);
        world.room(at, None);
        world.beats(2);
        assert_eq!(level(), 0.0);
    }
    world.room(at, Some(2));
    (0..3).for_each(|n| world.beat(&[bid("a:B", 900 + n)]));
    world.leave(at);
    assert_eq!(level(), 0.0);
}

#[test]
fn a_socket_that_was_full_once_is_not_stuck_while_nothing_is_tried() {
    let mut world = World::new(FanoutConfig {
        heartbeat_beats: 100,
        ..config()
    });
    let at = world.join(PLAIN);
    world.beats(99);
    world.room(at, Some(0));
    world.beats(2);
    world.room(at, None);
    world.beats(200);
    assert!(world.peers[at].is_connected);
    assert!(!world.peers[at].model.heartbeats().is_empty());
}

#[test]
fn many_snapshots_at_once_share_a_turns_bytes_and_no_one_is_left_out_for_good() {
    let mut world = World::new(config());
    let neighbour = world.join(PLAIN);
    world.beat(&bids(100, 1));
    world.subscribe(neighbour, &["w:W"]);
    world.shard.own_bytes_per_turn = 20_000;
    let joined: Vec<usize> = (0..40).map(|_| world.join(PLAIN)).collect();
    joined.iter().for_each(|at| world.subscribe(*at, &["v:*"]));
    let read = |world: &World| world.peers.iter().map(|p| p.socket.wire().bytes.len()).sum::<usize>();
    for price in 1..60 {
        // The first ten always want something again.
        for at in &joined[..10] {
            if world.is_idle(*at) {
                world.subscribe(*at, &["v:*"]);
            }
        }
        let before = read(&world);
        world.beat(&[bid("w:W", price), bids(1, price).remove(0)]);
        assert!(read(&world) - before < 30_000);
    }
    assert!(joined.iter().all(|at| !world.peers[*at].model.view.strings.is_empty()));
    assert_eq!(world.peers[neighbour].model.deltas().len(), 59);
}

#[test]
fn a_delta_between_two_parts_when_a_new_epoch_begins_is_ended_and_tells_nothing_of_it() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&bids(300, 1));
    world.beat(&[venue("v", VenueState::Up)]);
    world.subscribe(at, &["v:*"]);
    world.beats(10);
    let image = world.image();
    world.room(at, Some(0));
    (2..5).for_each(|price| world.beat(&relisted(300, price)));
    world.room(at, Some(5_000));
    world.beat(&[]);
    let parts = world.peers[at].model.deltas().len();
    assert!(parts > 0 && world.peers[at].model.deltas()[parts - 1].more);
    world.renew(&image);
    world.beat(&[]);
    world.room(at, None);
    world.beats(10);
    let model = &world.peers[at].model;
    let deltas = model.deltas();
    let last = deltas.last().expect("the end");
    assert_eq!(
        (last.more, last.tickers.len(), last.venues.len(), last.skipped),
        (false, 0, 0, 3)
    );
    assert_eq!(model.epoch, EPOCH + 1);
    assert!(world.is_idle(at));
    model.view.check(&world.truth);
}

#[test]
fn one_whose_socket_never_takes_all_that_changes_still_gets_the_snapshot_that_it_asks_for() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&bids(100, 1));
    world.beat(&[bid("a:B", 1), bid("a:C", 1)]);
    world.subscribe(at, &["v:*"]);
    for price in 2..40 {
        // A tenth of what a beat changes.
        world.room(at, Some(1_000));
        if price == 20 {
            world.subscribe(at, &["a:*"]);
        }
        world.beat(&bids(100, price));
    }
    let parts = world.peers[at].model.snapshots();
    assert!(
        parts.iter().any(|part| part.tickers.len() == 2 && !part.more),
        "no answer in twenty beats"
    );
    world.room(at, None);
    world.beats(3);
    assert!(world.is_idle(at) && world.peers[at].model.own == world.truth.seq().0);
}

#[test]
fn who_lags_by_how_much_and_what_it_cost_is_told() {
    let (mut world, at, other) = pair();
    world.configure(other, None, Some(3));
    let standing = |world: &World, at: usize| {
        let all = world.shard.standings();
        all.into_iter().find(|standing| standing.id == world.peers[at].id)
    };
    world.room(at, Some(0));
    (2..10).for_each(|price| world.beat(&[bid("a:B", price)]));
    let slow = standing(&world, at).expect("it is there");
    assert_eq!(
        (slow.symbols, slow.behind, slow.blocked_beats, slow.skipped),
        (1, 8, 7, 8)
    );
    let windowed = standing(&world, other).expect("it is there");
    assert_eq!((windowed.window, windowed.unconfirmed, windowed.skipped), (3, 3, 5));
    assert!(windowed.sent_bytes > slow.sent_bytes);
    world.room(at, None);
    world.beat(&[bid("a:B", 10)]);
    let caught_up = standing(&world, at).expect("it is there");
    assert_eq!(
        (caught_up.behind, caught_up.blocked_beats, caught_up.is_slow),
        (0, 0, false)
    );
    let sent = world.peers[at].socket.wire().bytes.len() as u64;
    assert_eq!(caught_up.sent_bytes, sent, "every byte that the socket took");
}
