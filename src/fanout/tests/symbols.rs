//! Rules 4 and 7: what is held, what is refused, what comes later.

use super::world::{PLAIN, World, config};
use super::*;
use crate::fanout::FanoutConfig;
use crate::wire::proto::ErrorCode;
use crate::wire::proto::server_message::Body;

#[test]
fn a_pattern_takes_in_later_instruments_with_announcement_and_all_fields() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.subscribe(at, &["a:*"]);
    world.beat(&[bid("a:B", 7), bid("b:B", 7)]);
    let delta = world.peers[at].model.deltas()[0];
    let symbols: Vec<_> = delta.instruments.iter().map(|i| i.symbol.as_str()).collect();
    assert_eq!((symbols, delta.tickers[0].bid_price), (vec!["a:B"], Some(7)));
}

#[test]
fn a_pending_symbol_comes_when_it_is_listed() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.subscribe(at, &["a:B", "a:C"]);
    assert_eq!(world.peers[at].model.snapshots()[0].pending, ["a:B", "a:C"]);
    world.beat(&[bid("a:C", 1)]);
    assert_eq!(world.peers[at].model.deltas()[0].instruments[0].symbol, "a:C");
}

#[test]
fn a_star_never_takes_in_the_servers_own_venues() {
    let mut world = World::new(config());
    let (at, own) = (world.join(PLAIN), world.join(PLAIN));
    world.subscribe(at, &["*"]);
    world.subscribe(own, &["$stats:*"]);
    world.beat(&[bid("$stats:x", 1), venue("$stats", VenueState::Up)]);
    assert!(world.peers[at].model.deltas().is_empty());
    assert_eq!(world.peers[own].model.deltas().len(), 1);
}

#[test]
fn symbols_over_the_limit_are_refused_one_by_one_and_the_others_stand() {
    let mut world = World::new(FanoutConfig {
        symbols_max: 3,
        ..config()
    });
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("a:C", 1), bid("b:D", 1)]);
    world.subscribe(at, &["a:*", "a:B", "b:*", "x:1", "x:2"]);
    let part = world.peers[at].model.snapshots()[0];
    let refused: Vec<_> = part.rejected.iter().map(|r| (r.symbol.as_str(), r.code())).collect();
    let too_many = ErrorCode::TooManySymbols;
    assert_eq!(refused, [("x:1", too_many), ("x:2", too_many)]);
    assert_eq!(part.tickers.len(), 3);
    // What is held already is never refused.
    world.subscribe(at, &["a:B", "x:3"]);
    assert_eq!(world.peers[at].model.snapshots()[1].rejected.len(), 1);
    world.beat(&[bid("a:B", 2)]);
    assert_eq!(world.peers[at].model.deltas().len(), 1);
}

#[test]
fn a_string_given_twice_counts_once() {
    let mut world = World::new(FanoutConfig {
        symbols_max: 1,
        ..config()
    });
    let at = world.join(PLAIN);
    world.subscribe(at, &["x:1", "x:1"]);
    let part = world.peers[at].model.snapshots()[0];
    assert_eq!((part.pending.len(), part.rejected.len()), (1, 0));
}

#[test]
fn patterns_beyond_the_bound_are_refused_and_symbols_are_not() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    let many: Vec<String> = (0..70).map(|n| format!("v:{n}*")).chain(["v:X".to_owned()]).collect();
    world.subscribe(at, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let part = world.peers[at].model.snapshots()[0];
    assert_eq!((part.rejected.len(), &part.pending[..]), (6, &["v:X".to_owned()][..]));
}

#[test]
fn only_strings_given_before_can_be_taken_back() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:*"]);
    world.unsubscribe(at, &["a:*", "a:B"]);
    let Body::Error(error) = world.peers[at].model.last() else {
        panic!("no error");
    };
    assert_eq!(error.code(), ErrorCode::NotSubscribed);
    world.peers[at].model.view.take_back_soon(&[]);
    world.beat(&[bid("a:B", 2)]);
    assert_eq!(world.peers[at].model.deltas().len(), 1);
}

#[test]
fn an_instrument_is_held_while_any_string_covers_it() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("a:C", 1), bid("b:D", 1)]);
    world.subscribe(at, &["a:*", "a:B", "b:D"]);
    for (taken, symbols, deltas) in [("a:*", 2, 1), ("b:D", 1, 2), ("a:B", 0, 2)] {
        world.unsubscribe(at, &[taken]);
        let Body::Ack(ack) = world.peers[at].model.last() else {
            panic!("no ack");
        };
        assert_eq!(ack.symbols, symbols, "{taken}");
        world.beat(&[bid("a:B", i64::from(symbols) + 5)]);
        assert_eq!(world.peers[at].model.deltas().len(), deltas, "{taken}");
    }
}

#[test]
fn taking_everything_back_in_the_middle_of_a_delta_ends_the_delta() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&bids(100, 1));
    world.subscribe(at, &["*"]);
    world.beats(5);
    world.room(at, Some(100));
    world.beat(&relisted(100, 2));
    world.unsubscribe(at, &["*"]);
    world.room(at, None);
    world.beats(2);
    assert!(world.is_idle(at));
    assert!(world.peers[at].model.deltas().last().is_some_and(|d| !d.more));
    world.subscribe(at, &["*"]);
    world.beats(5);
    assert!(world.is_idle(at));
}

#[test]
fn subscribing_to_what_is_held_sends_its_snapshot_again() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.subscribe(at, &["a:B"]);
    assert_eq!(world.peers[at].model.snapshots()[1].tickers.len(), 1);
}

#[test]
fn an_instrument_taken_away_is_told_and_may_come_back() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["a:B"]);
    world.beat(&[removed("a:B")]);
    assert_eq!(world.peers[at].model.deltas()[0].removed, [1]);
    assert!(world.peers[at].model.view.rows.is_empty());
    world.beat(&[bid("a:B", 2)]);
    assert_eq!(world.peers[at].model.deltas()[1].instruments[0].id, 1);
}

#[test]
fn an_instrument_that_came_and_went_while_the_shard_was_late_is_not_worth_a_message() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.subscribe(at, &["*"]);
    world.apply(&[bid("a:B", 1)]);
    world.seal();
    world.apply(&[removed("a:B")]);
    world.seal();
    world.turn();
    assert!(world.peers[at].model.deltas().is_empty());
    world.beat(&[bid("a:C", 1)]);
    assert_eq!(world.peers[at].model.deltas().len(), 1);
}
