//! The law: whatever happens, nobody is told that it resumed where something is missing, and all who are left converge.

use proptest::prelude::*;

use super::world::{View, World, epoch};
use crate::market::{
    Decimal, Event, Field, Fields, StaleCause, Symbol, TickerState, Ts, Update, VenueName, VenueState,
};
use crate::store::Seq;

const SUBSCRIBERS: usize = 3;

fn symbols() -> Vec<Symbol> {
    let names = ["v0:A", "v0:B", "v1:A", "v2:C", "$stats:x", "$stats:y"];
    names.map(|name| Symbol::parse(name).expect(name)).to_vec()
}

#[derive(Clone, Debug)]
enum Step {
    Event(Box<Event>),
    Beat,
    Connect(usize),
    Disconnect(usize),
    Checkpoint,
    Crash,
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    let own = Event::Venue {
        venue: VenueName::parse("$stats").expect("a venue"),
        state: VenueState::Up,
        reason: String::new(),
    };
    prop_oneof![
        12 => crate::market::arbitrary::event(symbols(), 0..100).prop_map(|event| Step::Event(Box::new(event))),
        1 => Just(Step::Event(Box::new(own))),
        6 => Just(Step::Beat),
        3 => (0..SUBSCRIBERS).prop_map(Step::Connect),
        2 => (0..SUBSCRIBERS).prop_map(Step::Disconnect),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Crash),
        2 => Just(Step::Stop),
    ]
}

fn play(steps: &[Step]) -> World {
    let mut world = World::new(SUBSCRIBERS);
    for step in steps {
        match step {
            Step::Event(event) => world.apply(event),
            Step::Beat => world.beat(),
            Step::Connect(at) => world.connect(*at),
            Step::Disconnect(at) => world.disconnect(*at),
            Step::Checkpoint => world.checkpoint(false),
            Step::Crash => world.restart(),
            // What the open beat has is lost: nobody was sent it.
            Step::Stop => {
                world.checkpoint(true);
                world.restart();
            }
        }
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn whoever_comes_back_after_any_stops_and_crashes_knows_what_there_is(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = play(&steps);
        for at in 0..SUBSCRIBERS {
            world.connect(at);
        }
        world.beat();
    }
}

fn price(symbol: &str, price: i64) -> Event {
    let mut fields = Fields::new();
    fields.set(Field::BidPrice, Decimal::from_int(price));
    Event::Update(Update {
        symbol: Symbol::parse(symbol).expect(symbol),
        fields,
        ts_event: None,
        ts_recv: Ts(0),
    })
}

#[test]
fn a_clean_stop_goes_on_in_its_epoch_and_a_crash_after_it_does_not() {
    let mut world = World::new(1);
    world.connect(0);
    world.apply(&price("v0:A", 1));
    world.beat();
    world.checkpoint(true);
    world.restart();
    assert_eq!((world.timeline.epoch, world.timeline.table.seq()), (epoch(1), Seq(2)));
    world.connect(0);
    assert_eq!(world.resumed, 1);
    // Seen by the subscriber and by no checkpoint.
    world.apply(&price("v0:A", 2));
    world.beat();
    world.restart();
    assert_eq!(world.timeline.epoch, epoch(3));
    world.connect(0);
    assert_eq!(world.resumed, 1, "told whole");
}

#[test]
fn an_instrument_is_live_again_with_its_feeds_first_update_even_if_that_changes_nothing() {
    let mut world = World::new(0);
    world.apply(&price("v0:A", 1));
    world.apply(&price("v0:B", 1));
    world.beat();
    world.checkpoint(true);
    world.restart();
    world.apply(&price("v0:A", 1));
    world.beat();
    let view = View::whole(&world.timeline.table);
    let states: Vec<_> = view.rows.values().map(|row| row.state).collect();
    let stale = (TickerState::Stale, Some(StaleCause::Restart));
    assert_eq!(states, [(TickerState::Live, None), stale]);
}

#[test]
fn a_store_that_takes_less_than_before_begins_a_new_epoch() {
    let mut world = World::new(0);
    for name in ["v0:A", "$stats:x", "v0:B"] {
        world.apply(&price(name, 1));
    }
    world.beat();
    let state = world.timeline.table.versioned();
    let checkpoint = super::super::Checkpoint {
        epoch: epoch(1),
        is_final: true,
        taken: Ts(0),
        state,
    };
    let timeline = super::super::Timeline::revive(&checkpoint, epoch(2), 1, Ts(0));
    assert_eq!((timeline.epoch, timeline.table.len()), (epoch(2), 1));
    // Even a clock that stepped back to the very moment makes another one.
    let timeline = super::super::Timeline::revive(&checkpoint, epoch(1), 1, Ts(0));
    assert_eq!(timeline.epoch, epoch(2));
}
