//! Rule 8 for those who want less: paces and windows.

use super::world::{Options, PLAIN, World, config};
use super::*;
use crate::fanout::Request;
use crate::fanout::pace::Pace;
use crate::store::Seq;
use crate::wire::proto::server_message::Body;

fn paced(pace_beats: u64) -> Options {
    Options { pace_beats, ..PLAIN }
}

#[test]
fn a_pace_gives_one_delta_an_interval_that_covers_all_of_it() {
    let mut world = World::new(config());
    let at = world.join(paced(8));
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    (2..34).for_each(|price| world.beat(&[bid("a:B", price)]));
    let model = &world.peers[at].model;
    let beats: Vec<u64> = model.said[2..].iter().map(|(when, _)| when.beat).collect();
    assert!(beats.windows(2).all(|pair| pair[1] - pair[0] == 8), "{beats:?}");
    assert_eq!((model.deltas().len(), model.skipped), (4, 0));
    assert!(
        model.deltas()[1..]
            .iter()
            .all(|d| d.seq - 8 == d.prev_seq.expect("a span"))
    );
}

#[test]
fn a_paced_heartbeat_never_goes_beyond_a_change_still_withheld() {
    let mut world = World::new(config());
    let at = world.join(paced(40));
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    (2..100).for_each(|price| world.beat(&[bid("a:B", price)]));
    let model = &world.peers[at].model;
    assert!(model.heartbeats().len() > 5);
    assert!(model.heartbeats().iter().all(|h| h.seq == h.prev_seq));
}

#[test]
fn a_new_pace_holds_from_its_ack_on_and_loses_nothing() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    for pace in [8, 1, 3] {
        world.configure(at, Some(pace), None);
        (0..24).for_each(|n| world.beat(&[bid("a:B", n)]));
    }
    let count = world.peers[at].model.deltas().len();
    assert!((3 + 24 + 8 - 2..=3 + 24 + 8 + 2).contains(&count), "{count}");
}

#[test]
fn a_closed_window_skips_beats_until_received_opens_it() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    let other = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.subscribe(other, &["a:B"]);
    world.configure(at, None, Some(2));
    (2..7).for_each(|price| world.beat(&[bid("a:B", price)]));
    assert_eq!(world.peers[at].model.deltas().len(), 2);
    world.ask(at, Request::Received(Seq(2)));
    world.beat(&[]);
    let last = world.peers[at].model.deltas()[2];
    assert_eq!((last.prev_seq, last.seq, last.skipped), (Some(3), 6, 3));
    assert_eq!(world.peers[other].model.deltas().len(), 5);
    assert_eq!(world.peers[other].model.skipped, 0);
}

#[test]
fn a_snapshot_is_answered_through_a_closed_window_and_its_deltas_stay_bounded() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("a:C", 1)]);
    world.subscribe(at, &["a:B"]);
    world.configure(at, None, Some(1));
    for price in 2..50 {
        world.beat(&[bid("a:B", price)]);
        world.subscribe(at, &["a:C"]);
        assert!(world.is_idle(at));
    }
    let newest = Seq(world.peers[at].model.own);
    world.ask(at, Request::Received(newest));
    world.beat(&[bid("a:B", 99)]);
    assert_eq!(world.peers[at].model.own, world.truth.seq().0);
}

#[test]
fn one_who_missed_its_interval_waits_for_the_next() {
    let mut world = World::new(config());
    let at = world.join(paced(8));
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    for price in 2..60 {
        world.room(at, (price < 30).then_some(0));
        world.beat(&[bid("a:B", price)]);
    }
    let model = &world.peers[at].model;
    let deltas = model.said.iter().filter(|(_, body)| matches!(body, Body::Delta(_)));
    let beats: Vec<u64> = deltas.map(|(when, _)| when.beat % 8).collect();
    assert!(
        beats.len() > 2 && beats.iter().all(|beat| *beat == beats[0]),
        "{beats:?}"
    );
}

#[test]
fn beats_missed_before_a_change_of_pace_are_told_after_it() {
    let mut world = World::new(config());
    let other = world.join(paced(8));
    let pace = Pace::new(8, world.peers[other].id);
    // One of the same phase, which then moves into a group that is under way.
    let mut at = world.join(PLAIN);
    while Pace::new(8, world.peers[at].id) != pace {
        at = world.join(PLAIN);
    }
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.subscribe(other, &["a:B"]);
    while world.now.beat % 8 != pace.phase {
        world.beat(&[]);
    }
    world.room(at, Some(0));
    world.beat(&[bid("a:B", 2)]);
    world.room(at, None);
    world.configure(at, Some(8), None);
    world.beats(8);
    let told = |at: usize| {
        world.peers[at]
            .model
            .deltas()
            .iter()
            .map(|d| d.skipped)
            .collect::<Vec<_>>()
    };
    assert_eq!((told(at), told(other)), (vec![1], vec![0]));
}
