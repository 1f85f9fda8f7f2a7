//! A reader with rights is answered as it would be by a store that holds only what it may see. Its socket takes all: what a
//! slow one is told depends on when deltas come, and `law` looks at that.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::world::{Options, World, config};
use super::*;
use crate::fanout::FanoutConfig;
use crate::store::Table;
use crate::wire::proto::ErrorCode;
use crate::wire::proto::server_message::Body;
use crate::wire::{Compression, Encoding};

const VENUES: [&str; 4] = ["alpha", "beta", "gamma", "$stats"];
const NAMES: [&str; 4] = ["ONE", "TWO", "TEN", "TENTH"];
const STRINGS: [&str; 10] = [
    "*",
    "beta:*",
    "*:TEN*",
    "$stats:*",
    "gamma:ONE",
    "beta:TWO",
    "alpha:TENTH",
    "$stats:ONE",
    "gamma:NEVER",
    "alpha:*",
];
/// All of them see `alpha:ONE`, with which both stores begin.
const RIGHTS: [&[&str]; 6] = [
    &["alpha:*"],
    &["alpha:ONE", "beta:*"],
    &["alpha:ONE", "*:TEN"],
    &["*"],
    &["$stats:*", "alpha:ONE"],
    &["alpha:ONE", "gamma:ONE", "gamma:NEVER"],
];

#[derive(Clone, Debug)]
enum Step {
    Price(usize, i64),
    Removed(usize),
    Venue(usize, bool),
    Turn(usize),
    Subscribe(Vec<usize>),
    Unsubscribe(usize),
    Pace(u64),
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    let which = || 0usize..VENUES.len() * NAMES.len();
    prop_oneof![
        10 => (which(), 0i64..4).prop_map(|(n, price)| Step::Price(n, price)),
        2 => which().prop_map(Step::Removed),
        2 => (0..VENUES.len(), any::<bool>()).prop_map(|(n, is_up)| Step::Venue(n, is_up)),
        10 => (1usize..4).prop_map(Step::Turn),
        3 => prop::collection::vec(0..STRINGS.len(), 1..4).prop_map(Step::Subscribe),
        1 => (0..STRINGS.len()).prop_map(Step::Unsubscribe),
        1 => (1u64..4).prop_map(Step::Pace),
        1 => Just(Step::Reconnect),
    ]
}

fn symbol(n: usize) -> Symbol {
    let text = format!("{}:{}", VENUES[n / NAMES.len()], NAMES[n % NAMES.len()]);
    Symbol::parse(&text).expect("a symbol")
}

/// The store with all there is and its reader with rights; the store with what that may see and its reader.
struct Twins {
    worlds: [World; 2],
    rights: Rights,
    given: BTreeSet<&'static str>,
}

impl Twins {
    fn new(encoding: Encoding, rights: &'static [&'static str]) -> Twins {
        let options = |rights| Options {
            encoding,
            compression: Compression::None,
            pace_beats: 1,
            rights,
        };
        let seeing = [options(Some(rights)), options(None)];
        let worlds = seeing.map(|options| {
            // So few that the bound is met.
            let mut world = World::new(FanoutConfig {
                symbols_max: 6,
                ..config()
            });
            world.beat(&[bid("alpha:ONE", 1)]);
            world.join(options);
            world
        });
        let rights = seeing[0].rights();
        Twins {
            worlds,
            rights,
            given: BTreeSet::new(),
        }
    }

    fn apply(&mut self, event: Event, is_seen: bool) {
        self.worlds[0].apply(std::slice::from_ref(&event));
        if is_seen {
            self.worlds[1].apply(&[event]);
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Price(n, price) => self.apply(bid(symbol(n).as_str(), price), self.rights.allow(&symbol(n))),
            Step::Removed(n) => self.apply(removed(symbol(n).as_str()), self.rights.allow(&symbol(n))),
            Step::Venue(n, is_up) => {
                let state = if is_up { VenueState::Up } else { VenueState::Down };
                self.apply(venue(VENUES[n], state), self.rights.touch_venue(VENUES[n]));
            }
            Step::Subscribe(which) => self.subscribe(&which),
            step => self.worlds.iter_mut().for_each(|world| run_alike(world, &step)),
        }
    }

    fn subscribe(&mut self, which: &[usize]) {
        let strings: Vec<&str> = which.iter().map(|n| STRINGS[*n]).collect();
        let has_right = |s: &&str| self.rights.allow_string(&SymbolPattern::parse(s).expect(s));
        let allowed: Vec<&str> = strings.iter().copied().filter(has_right).collect();
        // An answer that refuses everything would have no twin.
        if !allowed.is_empty() {
            self.given.extend(which.iter().map(|n| STRINGS[*n]));
            self.worlds[0].subscribe(0, &strings);
            self.worlds[1].subscribe(0, &allowed);
        }
    }

    /// No byte that was sent tells a name that the reader may not see and did not say itself.
    fn check_bytes(&self) {
        let bytes = self.worlds[0].peers[0].socket.wire().bytes.clone();
        let all = (0..VENUES.len() * NAMES.len()).map(|n| symbol(n).to_string());
        let symbols = all.filter(|s| !self.rights.allow(&Symbol::parse(s).expect("a symbol")));
        let venues = VENUES.iter().filter(|venue| !self.rights.touch_venue(venue));
        for hidden in symbols.chain(venues.map(|venue| (*venue).to_owned())) {
            let is_told = bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes());
            let is_said = self.given.iter().any(|given| given.contains(&hidden));
            assert!(!is_told || is_said, "{hidden} is told");
        }
    }
}

fn run_alike(world: &mut World, step: &Step) {
    match step {
        Step::Turn(beats) => {
            (0..*beats).for_each(|_| world.seal());
            world.turn();
        }
        Step::Unsubscribe(n) => {
            let is_held = world.peers[0].model.view.strings.contains_key(STRINGS[*n]);
            if is_held && world.is_idle(0) {
                world.unsubscribe(0, &[STRINGS[*n]]);
            }
        }
        Step::Pace(beats) => world.configure(0, Some(*beats), None),
        Step::Reconnect => world.reconnect(0),
        _ => unreachable!("it is not the same for both"),
    }
}

/// An answer as far as it does not depend on ids and seqs. When deltas come does: who holds nothing that changes is
/// brought to the newest seq in silence.
fn answer(body: &Body, table: &Table) -> Option<String> {
    match body {
        Body::Snapshot(part) => {
            let name = |id| {
                table
                    .listing(InstrumentId(id))
                    .map(|listing| listing.symbol.to_string())
            };
            let told: BTreeSet<_> = part.tickers.iter().map(|t| name(t.id)).collect();
            let refused = part.rejected.iter().filter(|r| r.code() != ErrorCode::Forbidden);
            let refused: Vec<_> = refused.map(|r| (&r.symbol, &r.message)).collect();
            let venues = part.venues.iter().filter(|_| !part.resumed);
            let venues: BTreeMap<_, _> = venues.map(|v| (&v.name, v.state)).collect();
            let (pending, resumed, more) = (&part.pending, part.resumed, part.more);
            Some(format!(
                "{told:?} {venues:?} pending {pending:?} refused {refused:?} {resumed} {more}"
            ))
        }
        Body::Ack(ack) => Some(format!("ack {} {}", ack.symbols, ack.interval_ms)),
        Body::Delta(_) | Body::Heartbeat(_) => None,
        other => Some(format!("{other:?}")),
    }
}

/// What the newest connection was answered.
fn answers(world: &World) -> Vec<String> {
    let said = &world.peers[0].model.said[1..];
    said.iter().filter_map(|(_, body)| answer(body, &world.truth)).collect()
}

/// What it sees.
fn seen(world: &World) -> BTreeMap<&str, String> {
    let rows = world.peers[0].model.view.rows.values();
    rows.map(|row| (row.symbol.as_str(), format!("{row:?}"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_may_not_be_seen_might_as_well_not_exist(
        encoding in prop::sample::select(Encoding::ALL.to_vec()),
        rights in prop::sample::select(RIGHTS.to_vec()),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut twins = Twins::new(encoding, rights);
        for step in steps {
            // A new connection has bytes of its own.
            if matches!(step, Step::Reconnect) {
                twins.check_bytes();
            }
            twins.run(step);
            let [real, twin] = &twins.worlds;
            prop_assert_eq!(answers(real), answers(twin));
        }
        (0..8).for_each(|_| twins.run(Step::Turn(1)));
        twins.check_bytes();
        let [real, twin] = &twins.worlds;
        prop_assert_eq!(answers(real), answers(twin));
        prop_assert_eq!(seen(real), seen(twin));
        prop_assert_eq!(&real.peers[0].model.view.strings, &twin.peers[0].model.view.strings);
        real.peers[0].model.view.check(&real.truth);
    }
}
