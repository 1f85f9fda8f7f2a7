//! Rules 3, 4 and 5: snapshots in parts, and resumes.

use super::world::{EPOCH, PLAIN, World, config};
use super::*;
use crate::store::Seq;

fn resume(world: &mut World, at: usize, string: &str, epoch: u64, seq: u64) {
    let strings = vec![SymbolPattern::parse(string).expect(string)];
    world.subscribe_from(at, strings, Some((epoch, Seq(seq))));
}

#[test]
fn a_snapshot_in_parts_moves_with_the_market_and_each_part_is_exact() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&bids(400, 1));
    world.room(at, Some(5_000));
    world.subscribe(at, &["v:*"]);
    for n in 0..20 {
        world.room(at, Some(5_000));
        world.beat(&[
            bid(&format!("v:{n:03}{}", "X".repeat(50)), 5),
            bid(&format!("v:new{n}"), 1),
        ]);
    }
    world.room(at, None);
    world.beats(4);
    let parts = world.peers[at].model.snapshots();
    assert!(parts.len() > 5 && parts.windows(2).any(|pair| pair[0].seq < pair[1].seq));
    assert!(world.is_idle(at));
}

#[test]
fn a_resume_brings_what_changed_since_and_nothing_else() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("a:C", 1), bid("a:D", 1)]);
    world.subscribe(at, &["a:*"]);
    world.leave(at);
    world.beat(&[bid("a:B", 2), removed("a:C")]);
    world.reconnect(at);
    let part = world.peers[at].model.snapshots()[0];
    assert!(part.resumed && part.instruments.is_empty());
    assert_eq!((part.tickers.len(), &part.removed[..]), (1, &[2][..]));
}

#[test]
fn a_resume_of_another_epoch_is_whole() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    resume(&mut world, at, "a:B", EPOCH + 1, 1);
    let part = world.peers[at].model.snapshots()[0];
    assert!(!part.resumed);
    assert_eq!(part.instruments.len(), 1);
}

#[test]
fn a_whole_snapshot_names_no_tombstones_and_a_resume_does() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.beat(&[removed("a:B"), bid("a:C", 1)]);
    world.subscribe(at, &["a:*"]);
    resume(&mut world, at, "a:*", EPOCH, 1);
    let parts = world.peers[at].model.snapshots();
    assert_eq!((parts[0].removed.len(), &parts[1].removed[..]), (0, &[1][..]));
}

#[test]
fn a_resume_ahead_of_the_table_waits_a_second_and_is_then_whole() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    resume(&mut world, at, "a:B", EPOCH, 9);
    world.beats(99);
    assert!(world.peers[at].model.snapshots().is_empty());
    assert!(world.peers[at].model.heartbeats().len() > 8, "waiting is not silence");
    world.beat(&[]);
    assert!(!world.peers[at].model.snapshots()[0].resumed);
}

#[test]
fn a_resume_ahead_of_the_table_goes_on_when_the_table_is_there_and_holds_nothing_up() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("b:C", 1)]);
    world.subscribe(at, &["b:C"]);
    resume(&mut world, at, "x:*", EPOCH, 3);
    world.beat(&[bid("b:C", 2)]);
    assert_eq!(world.peers[at].model.deltas().len(), 1);
    world.beat(&[bid("a:B", 2)]);
    let parts = world.peers[at].model.snapshots();
    assert!(parts[1].resumed && parts[1].tickers.is_empty());
}

#[test]
fn an_instrument_heard_of_in_a_broken_off_delta_does_not_outlive_its_end() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("v:A", 1)]);
    world.subscribe(at, &["v:*"]);
    world.room(at, Some(6_000));
    world.beat(&bids(100, 1));
    let known = world.peers[at].model.view.rows.len();
    assert!((2..101).contains(&known));
    let gone: Vec<Event> = bids(100, 1)
        .iter()
        .map(|e| {
            if let Event::Update(u) = e {
                Event::Removed(u.symbol.clone())
            } else {
                e.clone()
            }
        })
        .collect();
    world.beat(&gone);
    world.reconnect(at);
    world.beats(2);
    assert_eq!(world.peers[at].model.view.rows.len(), 1);
}

#[test]
fn a_resume_from_before_the_first_beat_is_whole() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.subscribe(at, &["v:*"]);
    world.frames(at, 1);
    world.beat(&bids(100, 1));
    let gone = world.peers[at].model.view.rows[&1].symbol.clone();
    world.beat(&[removed(&gone)]);
    world.reconnect(at);
    assert!(world.peers[at].model.snapshots().iter().all(|part| !part.resumed));
    world.beats(2);
    assert_eq!(world.peers[at].model.view.rows.len(), 99);
}
