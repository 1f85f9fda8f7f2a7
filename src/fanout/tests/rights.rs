//! Rights: what may not be seen is not there for a reader, in anything that it is told.

use super::world::{Options, PLAIN, World, config};
use super::*;
use crate::fanout::{Allowance, FanoutConfig};
use crate::store::Seq;
use crate::wire::Encoding;
use crate::wire::proto::server_message::Body;
use crate::wire::proto::{self, ErrorCode};

const ONLY_A: Option<&[&str]> = Some(&["a:*"]);

fn with(rights: &'static [&'static str]) -> Options {
    Options {
        rights: Some(rights),
        ..PLAIN
    }
}

fn symbols(instruments: &[proto::Instrument]) -> Vec<&str> {
    instruments.iter().map(|i| i.symbol.as_str()).collect()
}

fn refused(part: &proto::Snapshot) -> Vec<(&str, ErrorCode)> {
    part.rejected.iter().map(|r| (r.symbol.as_str(), r.code())).collect()
}

fn acks(world: &World, at: usize) -> Vec<&proto::Ack> {
    let said = world.peers[at].model.said.iter();
    said.filter_map(|(_, body)| if let Body::Ack(ack) = body { Some(ack) } else { None })
        .collect()
}

#[test]
fn a_pattern_takes_in_only_what_may_be_seen_now_and_later() {
    let mut world = World::new(config());
    world.beat(&[
        bid("a:B", 1),
        bid("b:B", 1),
        venue("a", VenueState::Up),
        venue("b", VenueState::Up),
    ]);
    let at = world.join(with(&["a:*"]));
    world.subscribe(at, &["*"]);
    world.beat(&[bid("b:C", 1), venue("b", VenueState::Down)]);
    world.beat(&[bid("a:C", 1), bid("b:B", 2)]);
    let model = &world.peers[at].model;
    let part = model.snapshots()[0];
    let venues: Vec<&str> = part.venues.iter().map(|v| v.name.as_str()).collect();
    assert_eq!((symbols(&part.instruments), venues), (vec!["a:B"], vec!["a"]));
    assert!(part.rejected.is_empty(), "silently");
    let deltas: Vec<_> = model.deltas().iter().map(|d| symbols(&d.instruments)).collect();
    assert_eq!(deltas, [["a:C"]]);
}

#[test]
fn a_venues_reason_is_told_to_who_may_see_all_of_the_venue() {
    let because = |state, reason: &str| {
        let (venue, reason) = (VenueName::parse("a").expect("a venue"), reason.to_owned());
        Event::Venue { venue, state, reason }
    };
    for encoding in Encoding::ALL {
        let mut world = World::new(config());
        world.beat(&[bid("a:B", 1), because(VenueState::Up, "1 refused: SECRET")]);
        let joined = |world: &mut World, rights, pace_beats| {
            let at = world.join(Options {
                encoding,
                pace_beats,
                ..with(rights)
            });
            world.subscribe(at, &["*"]);
            at
        };
        let each: Vec<(usize, bool)> = [1, 3]
            .into_iter()
            .flat_map(|pace| {
                [
                    (joined(&mut world, &["a:*"], pace), true),
                    (joined(&mut world, &["a:B"], pace), false),
                ]
            })
            .collect();
        // One beat, several in a turn, and what was missed while the socket was full.
        world.beat(&[because(VenueState::Stale, "SECRET is silent")]);
        world.apply(&[because(VenueState::Down, "SECRET is gone")]);
        world.seal();
        world.beat(&[bid("a:B", 2)]);
        each.iter().for_each(|(at, _)| world.room(*at, Some(0)));
        world.beat(&[bid("a:B", 3)]);
        world.beat(&[because(VenueState::Up, "SECRET is back")]);
        each.iter().for_each(|(at, _)| world.room(*at, None));
        world.beats(6);
        for (at, is_told) in each {
            let model = &world.peers[at].model;
            let told: Vec<&proto::Venue> = (model.snapshots().iter().flat_map(|part| &part.venues))
                .chain(model.deltas().iter().flat_map(|delta| &delta.venues))
                .collect();
            assert!(told.len() >= 3, "{told:?}");
            assert_eq!(told.last().map(|venue| venue.state()), Some(proto::VenueState::Up));
            let knows = |venue: &&proto::Venue| venue.reason.contains("SECRET");
            assert_eq!(
                told.iter().filter(|v| knows(v)).count(),
                if is_told { told.len() } else { 0 },
                "{told:?}"
            );
        }
    }
}

#[test]
fn a_name_without_right_is_forbidden_in_the_same_words_whether_or_not_it_exists() {
    let mut world = World::new(config());
    world.beat(&[bid("a:B", 1), bid("b:B", 1)]);
    let at = world.join(with(&["a:*"]));
    world.subscribe(at, &["b:B", "a:B", "b:NEVER", "a:LATER"]);
    let part = world.peers[at].model.snapshots()[0];
    assert_eq!(
        refused(part),
        [("b:B", ErrorCode::Forbidden), ("b:NEVER", ErrorCode::Forbidden)]
    );
    assert_eq!(part.rejected[0].message, part.rejected[1].message);
    assert_eq!(
        (symbols(&part.instruments), &part.pending[..]),
        (vec!["a:B"], &["a:LATER".to_owned()][..])
    );
    // It is not given, so it cannot be taken back.
    world.unsubscribe(at, &["b:B"]);
    assert!(matches!(world.peers[at].model.last(), Body::Error(e) if e.code() == ErrorCode::NotSubscribed));
}

#[test]
fn only_what_is_seen_counts() {
    let mut world = World::new(FanoutConfig {
        symbols_max: 2,
        ..config()
    });
    world.beat(&[bid("a:B", 1), bid("b:B", 1), bid("b:C", 1), bid("b:D", 1)]);
    let at = world.join(with(&["a:*"]));
    world.subscribe(at, &["*", "b:B", "a:LATER", "a:MORE"]);
    assert_eq!(
        refused(world.peers[at].model.snapshots()[0]),
        [("b:B", ErrorCode::Forbidden), ("a:MORE", ErrorCode::TooManySymbols)]
    );
    world.configure(at, None, Some(0));
    assert_eq!(acks(&world, at)[0].symbols, 1);
}

#[test]
fn readers_of_other_rights_share_no_frame_and_those_of_the_same_do() {
    let mut world = World::new(config());
    let (all, some) = (
        world.join(PLAIN),
        [world.join(with(&["a:*"])), world.join(with(&["a:*"]))],
    );
    for at in [all, some[0], some[1]] {
        world.subscribe(at, &["*"]);
    }
    world.beat(&[bid("a:B", 1), bid("secret:B", 1)]);
    let sent = |at: usize| world.peers[at].socket.wire().bytes.clone();
    let has_secret = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"secret");
    assert!(has_secret(&sent(all)) && !has_secret(&sent(some[0])));
    let tickers = |at: usize| world.peers[at].model.deltas()[0].tickers.len();
    assert_eq!((tickers(all), tickers(some[0]), tickers(some[1])), (2, 1, 1));
}

#[test]
fn a_resume_names_the_readers_own_epoch_and_no_other() {
    let mut world = World::new(config());
    world.beat(&[bid("a:B", 1), bid("b:B", 1)]);
    let at = world.join(with(&["a:*"]));
    world.subscribe(at, &["*"]);
    let epochs = |world: &World| world.peers[at].model.snapshots().last().map(|s| (s.epoch, s.resumed));
    let own = epochs(&world).expect("a snapshot").0;
    assert_eq!(own, world.config.epoch.under(&with(&["a:*"]).rights()).get());
    world.reconnect(at);
    assert_eq!(epochs(&world), Some((own, true)));
    // With other rights it is another timeline, whose epoch is not the one it knows.
    world.peers[at].options.rights = Some(&["a:*", "b:*"]);
    world.reconnect(at);
    assert!(epochs(&world).is_some_and(|(epoch, resumed)| epoch != own && !resumed));
    // Nor does the server's own help who may not see all.
    let (store, parse) = (world.config.epoch.get(), |s: &str| SymbolPattern::parse(s).expect(s));
    world.peers[at].model.view.epoch = 0;
    world.subscribe_from(at, vec![parse("*")], Some((store, Seq(1))));
    assert!(epochs(&world).is_some_and(|(_, resumed)| !resumed));
}

#[test]
fn with_other_rights_all_that_is_held_is_told_anew_and_what_lost_its_right_is_refused() {
    let mut world = World::new(config());
    world.beat(&[bid("a:B", 1), bid("b:B", 1), venue("b", VenueState::Up)]);
    let at = world.join(PLAIN);
    world.subscribe(at, &["*", "a:B", "b:B", "b:NEVER"]);
    world.authenticate(at, ONLY_A);
    assert_eq!(acks(&world, at)[0].symbols, 1);
    let parts = world.peers[at].model.snapshots();
    let (before, anew) = (parts[0].epoch, parts[1]);
    assert_eq!(
        (anew.request_id, anew.resumed, symbols(&anew.instruments)),
        (0, false, vec!["a:B"])
    );
    assert!(anew.epoch != before && anew.venues.is_empty());
    assert_eq!(
        refused(anew),
        [("b:B", ErrorCode::Forbidden), ("b:NEVER", ErrorCode::Forbidden)]
    );
    world.beat(&[bid("b:B", 2)]);
    world.beat(&[bid("a:B", 2)]);
    assert_eq!(world.peers[at].model.deltas().len(), 1);
    // What was refused stays so; the pattern takes in again what may be seen again.
    world.authenticate(at, None);
    let back = world.peers[at].model.snapshots()[2];
    assert_eq!((back.epoch, symbols(&back.instruments)), (before, vec!["a:B", "b:B"]));
    world.unsubscribe(at, &["b:B"]);
    assert!(matches!(world.peers[at].model.last(), Body::Error(_)));
}

#[test]
fn the_same_rights_again_change_nothing() {
    let mut world = World::new(config());
    world.beat(&[bid("a:B", 1), bid("b:B", 1)]);
    let at = world.join(with(&["a:*", "b:X"]));
    world.subscribe(at, &["*"]);
    world.authenticate(at, Some(&["b:X", "a:*"]));
    assert!(matches!(world.peers[at].model.last(), Body::Ack(ack) if ack.symbols == 1));
    assert_eq!(world.peers[at].model.snapshots().len(), 1);
    world.beat(&[bid("a:B", 2)]);
    assert_eq!(world.peers[at].model.deltas().len(), 1);
}

#[test]
fn who_holds_nothing_is_told_nothing_and_may_ask_under_its_new_rights() {
    let mut world = World::new(config());
    world.beat(&[bid("a:B", 1), bid("b:B", 1)]);
    let at = world.join(with(&[]));
    world.authenticate(at, ONLY_A);
    assert!(world.peers[at].model.snapshots().is_empty());
    world.subscribe(at, &["*"]);
    assert_eq!(symbols(&world.peers[at].model.snapshots()[0].instruments), ["a:B"]);
}

#[test]
fn a_delta_that_was_begun_ends_before_other_rights_hold() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    world.subscribe(at, &["*"]);
    world.beat(&bids(200, 1));
    // A part of a long delta goes out, then nothing more.
    world.frames(at, 1);
    world.beat(&relisted(200, 2));
    let begun = world.peers[at].model.deltas().last().expect("a part").seq;
    assert!(world.peers[at].model.deltas().last().is_some_and(|d| d.more));
    world.authenticate(at, ONLY_A);
    world.beat(&[]);
    assert!(acks(&world, at).is_empty());
    world.room(at, None);
    world.beats(3);
    let model = &world.peers[at].model;
    let ended = model.deltas().iter().filter(|d| d.seq == begun && !d.more).count();
    assert_eq!((ended, acks(&world, at).len()), (1, 1));
    let told: usize = model
        .deltas()
        .iter()
        .filter(|d| d.seq == begun)
        .map(|d| d.tickers.len())
        .sum();
    assert_eq!(told, 200, "all that its seq stands for");
    assert!(
        model
            .snapshots()
            .last()
            .is_some_and(|s| s.tickers.is_empty() && !s.more)
    );
}

#[test]
fn more_refused_strings_than_a_message_can_say_come_in_several() {
    let mut world = World::new(config());
    let at = world.join(PLAIN);
    let lost: Vec<String> = (0..150).map(|n| format!("b:{n:03}")).collect();
    for some in lost.chunks(10) {
        world.subscribe(at, &some.iter().map(String::as_str).collect::<Vec<_>>());
    }
    world.subscribe(at, &["a:*", "a:LATER"]);
    let before = world.peers[at].model.snapshots().len();
    world.authenticate(at, ONLY_A);
    world.beat(&[bid("a:B", 1)]);
    let model = &world.peers[at].model;
    let parts = &model.snapshots()[before..];
    let told: Vec<&str> = parts
        .iter()
        .flat_map(|p| &p.rejected)
        .map(|r| r.symbol.as_str())
        .collect();
    assert!(parts.len() > 1 && parts.iter().all(|p| p.request_id == 0 && !p.more));
    assert_eq!(told, lost.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(model.view.strings.keys().collect::<Vec<_>>(), ["a:*", "a:LATER"]);
    assert_eq!(model.deltas().len(), 1);
}

#[test]
fn the_pace_granted_is_the_nearest_to_the_one_asked_for() {
    let mut world = World::new(config());
    let at = world.join(Options { pace_beats: 2, ..PLAIN });
    let allowance = |least: u64, most: u64| Allowance {
        pace_beats_min: least,
        pace_beats_max: most,
        ..Allowance::everything(1_000)
    };
    world.beat(&[bid("a:B", 1)]);
    world.subscribe(at, &["*"]);
    world.allow(at, allowance(5, 20));
    world.configure(at, Some(50), None);
    world.configure(at, Some(3), None);
    world.allow(at, allowance(1, 20));
    let granted: Vec<u32> = acks(&world, at).iter().map(|ack| ack.interval_ms).collect();
    assert_eq!(granted, [50, 200, 50, 30]);
    (0..9).for_each(|price| world.beat(&[bid("a:B", price + 2)]));
    assert_eq!(world.peers[at].model.deltas().len(), 3);
}
