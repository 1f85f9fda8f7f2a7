//! Law 1: whoever has caught up sees what the table says, however it got there.

use proptest::prelude::*;

use crate::fanout::Request;
use crate::market::*;
use crate::store::{Image, Seq};
use crate::wire::{Compression, Encoding};

use super::world::{Options, World, config};

const INSTRUMENTS: u8 = 48;

static EMPTY: Image = Image {
    instruments: Vec::new(),
    venues: Vec::new(),
};

/// One step of a story; subscribers are named by a number taken modulo those there are.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
enum Op {
    Event(Event),
    /// Every instrument at once.
    Burst(i64),
    /// The state is kept aside for later.
    Keep,
    /// It becomes what was kept, in the same epoch.
    Restore,
    /// A new epoch begins, with what was kept or with nothing.
    Renew(bool),
    /// So many beats in one turn.
    Turn(u8),
    Join(Options),
    Subscribe(usize, Vec<usize>),
    Unsubscribe(usize, usize),
    Configure(usize, Option<u64>, Option<u32>),
    Received(usize),
    Room(usize, Option<usize>),
    Frames(usize, usize),
    Break(usize),
    Reconnect(usize),
    Authenticate(usize, Option<&'static [&'static str]>),
}

/// Long names, so that few instruments fill a message.
fn symbol(n: u8) -> Symbol {
    Symbol::parse(&format!("v{}:S{n:02}{}", n % 3, "X".repeat(50))).expect("a symbol")
}

/// What subscribers ask for: patterns, overlapping and not, symbols that come late and such as never come.
fn string(n: usize) -> String {
    match n % 12 {
        0 => "*".to_owned(),
        1 => "v0:*".to_owned(),
        2 => "*:S1*".to_owned(),
        3 => "v1:S*X".to_owned(),
        4 => "v2:NEVER".to_owned(),
        _ => symbol((n / 12 % usize::from(INSTRUMENTS)) as u8).to_string(),
    }
}

/// What subscribers may see: all, all but the server's own, some, and nothing.
fn rights() -> impl Strategy<Value = Option<&'static [&'static str]>> {
    const SOME: [&[&str]; 5] = [
        &["*"],
        &["v0:*"],
        &["v0:S0*", "v1:S4*", "v2:*"],
        &["*:S1*", "v2:NEVER"],
        &[],
    ];
    prop_oneof![3 => Just(None), 3 => prop::sample::select(SOME.to_vec()).prop_map(Some)]
}

fn options() -> impl Strategy<Value = Options> {
    let encoding = prop::sample::select(Encoding::ALL.to_vec());
    let compression = prop::sample::select(vec![Compression::None, Compression::Deflate]);
    let pace = prop::sample::select(vec![1, 1, 1, 3, 8]);
    (encoding, compression, pace, rights()).prop_map(|(encoding, compression, pace_beats, rights)| Options {
        encoding,
        compression,
        pace_beats,
        rights,
    })
}

fn op() -> impl Strategy<Value = Op> {
    let who = any::<usize>;
    let room = prop_oneof![1 => Just(Some(0)), 2 => (0usize..300).prop_map(Some), 2 => (0usize..9_000).prop_map(Some),
        3 => Just(None)];
    let pace = prop::option::of(prop::sample::select(vec![1, 3, 8]));
    prop_oneof![
        12 => arbitrary::event((0..INSTRUMENTS).map(symbol).collect(), 0..1_000).prop_map(Op::Event),
        2 => (0i64..5).prop_map(Op::Burst),
        12 => prop_oneof![4 => Just(1), 1 => 2u8..5].prop_map(Op::Turn),
        1 => Just(Op::Keep),
        1 => Just(Op::Restore),
        1 => any::<bool>().prop_map(Op::Renew),
        2 => options().prop_map(Op::Join),
        4 => (who(), prop::collection::vec(any::<usize>(), 1..4)).prop_map(|(w, s)| Op::Subscribe(w, s)),
        2 => (who(), who()).prop_map(|(w, s)| Op::Unsubscribe(w, s)),
        2 => (who(), pace, prop::option::of(0u32..3)).prop_map(|(w, p, n)| Op::Configure(w, p, n)),
        3 => who().prop_map(Op::Received),
        6 => (who(), room).prop_map(|(w, r)| Op::Room(w, r)),
        2 => (who(), 0usize..4).prop_map(|(w, n)| Op::Frames(w, n)),
        1 => who().prop_map(Op::Break),
        1 => who().prop_map(Op::Reconnect),
        1 => (who(), rights()).prop_map(|(w, r)| Op::Authenticate(w, r)),
    ]
}

fn burst(world: &mut World, price: i64) {
    for n in 0..INSTRUMENTS {
        let mut fields = Fields::new();
        fields
            .set(Field::BidPrice, Decimal::from_int(price))
            .set(Field::AskPrice, Decimal::from_int(price + 1));
        let (symbol, ts_event, ts_recv) = (symbol(n), None, Ts(0));
        world.apply(&[Event::Update(Update {
            symbol,
            fields,
            ts_event,
            ts_recv,
        })]);
    }
}

fn run(world: &mut World, kept: &mut Image, op: Op) {
    let who = |world: &World, n: usize| n % world.peers.len();
    match op {
        Op::Event(event) => world.apply(&[event]),
        Op::Burst(price) => burst(world, price),
        Op::Keep => *kept = world.image(),
        Op::Restore => world.restore(kept),
        Op::Renew(is_empty) => world.renew(if is_empty { &EMPTY } else { kept }),
        Op::Turn(beats) => {
            (0..beats).for_each(|_| world.seal());
            world.turn();
        }
        Op::Join(options) => _ = world.join(options),
        Op::Subscribe(n, strings) => {
            let strings: Vec<String> = strings.into_iter().map(string).collect();
            world.subscribe(who(world, n), &strings.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Op::Unsubscribe(n, which) => {
            let at = who(world, n);
            let strings: Vec<String> = world.peers[at].model.view.strings.keys().cloned().collect();
            if world.is_idle(at) && !strings.is_empty() {
                world.unsubscribe(at, &[&strings[which % strings.len()]]);
            }
        }
        Op::Configure(n, pace, window) => world.configure(who(world, n), pace, window),
        Op::Received(n) => received(world, who(world, n)),
        Op::Room(n, room) => world.room(who(world, n), room),
        Op::Frames(n, frames) => world.frames(who(world, n), frames),
        Op::Break(n) => world.peers[who(world, n)].socket.wire().is_broken = true,
        Op::Reconnect(n) => world.reconnect(who(world, n)),
        Op::Authenticate(n, rights) => world.authenticate(who(world, n), rights),
    }
}

fn received(world: &mut World, at: usize) {
    let own = Seq(world.peers[at].model.own);
    world.ask(at, Request::Received(own));
}

/// Everyone reads again, and those that were cut off come back.
fn finish(world: &mut World) {
    world.beat(&[]);
    for at in 0..world.peers.len() {
        world.room(at, None);
        let is_broken = world.peers[at].socket.wire().is_broken;
        if is_broken || !world.peers[at].is_connected {
            world.reconnect(at);
        }
    }
    for _ in 0..60 {
        (0..world.peers.len()).for_each(|at| received(world, at));
        world.beat(&[]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whoever_has_caught_up_sees_the_table(
        first in options(),
        second in options(),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut world = World::new(config());
        // So small that snapshots and long deltas take several turns, and some are left out.
        world.shard.own_bytes_per_turn = 15_000;
        world.join(first);
        world.join(second);
        let mut kept = Image::default();
        ops.into_iter().for_each(|op| run(&mut world, &mut kept, op));
        finish(&mut world);
        for at in 0..world.peers.len() {
            assert!(world.is_idle(at), "an answer is missing");
            let peer = &world.peers[at];
            assert!(peer.is_connected && !peer.socket.wire().is_mid_frame());
            assert_eq!(peer.model.own, world.truth.seq().0);
            let view = &peer.model.view;
            assert!(view.strings.values().all(|string| view.rights.allow_string(string)));
            view.check(&world.truth);
        }
    }
}
