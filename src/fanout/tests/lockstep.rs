//! Law 5: under a tape's clock a subscriber that was there before the first beat gets the same bytes, however its socket
//! takes them; and nobody holds the tape up for good.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::socket::{FakeSocket, Frame};
use super::world::{Options, PLAIN, config};
use super::*;
use crate::engine::{Beater, Clock, Demand, Lockstep, beat_number};
use crate::fanout::websocket::{BINARY, TEXT};
use crate::fanout::{Allowance, CloseReason, Command, FanoutConfig, Join, Link, Request, Shard, SubscriberId};
use crate::store::{Epoch, Image, Seq, Writer};
use crate::wire::proto::server_message::Body;
use crate::wire::{Compression, DecodeLimits, Encoding, decode_server};

const START: Ts = Ts(1_700_000_000_000_000_000);
const BEAT_NS: i64 = 10_000_000;

/// A tape being played: its beats end one after the other, and the timer goes on beside them.
struct Stage {
    beater: Beater,
    shard: Shard<FakeSocket>,
    ts: Ts,
    wall: u64,
    sockets: Vec<FakeSocket>,
    links: Vec<Arc<Link>>,
    said: Vec<Vec<Vec<u8>>>,
    encodings: Vec<Encoding>,
}

impl Stage {
    fn new(changed: impl Fn(FanoutConfig) -> FanoutConfig) -> Stage {
        let demand = Arc::new(Demand::default());
        let clock = Clock::Tape {
            start: START,
            patience: Duration::from_secs(1),
            lockstep: Arc::new(Lockstep::new(1)),
        };
        let config = changed(FanoutConfig { clock, ..config() });
        Stage {
            beater: Beater::new(Writer::new(1_000), demand.clone(), config.epoch),
            shard: Shard::new(config, demand, Box::new(|| {})),
            ts: START,
            wall: 0,
            sockets: Vec::new(),
            links: Vec::new(),
            said: Vec::new(),
            encodings: Vec::new(),
        }
    }

    /// A subscriber that has its snapshot.
    fn subscriber(&mut self, options: Options, strings: &[&str]) -> usize {
        let at = self.sockets.len();
        let (socket, link, id) = (
            FakeSocket::default(),
            Arc::new(Link::default()),
            SubscriberId(at as u64),
        );
        self.shard.command(Command::Join(Box::new(Join {
            id,
            socket: socket.clone(),
            link: link.clone(),
            encoding: options.encoding,
            compression: options.compression,
            pace_beats: options.pace_beats,
            allowance: Allowance::everything(1_000),
            is_authenticated: false,
        })));
        self.sockets.push(socket);
        self.links.push(link);
        self.said.push(Vec::new());
        self.encodings.push(options.encoding);
        let strings = strings.iter().map(|s| SymbolPattern::parse(s).expect(s)).collect();
        let (request_id, rejected, resume) = (1, Vec::new(), None);
        self.ask(
            at,
            Request::Subscribe {
                request_id,
                strings,
                rejected,
                resume,
            },
        );
        at
    }

    fn ask(&mut self, at: usize, request: Request) {
        self.shard.command(Command::Request(SubscriberId(at as u64), request));
        self.read();
    }

    /// A beat of the tape ends, whether or not everybody has the one before.
    fn beat(&mut self, events: &[Event], beats: i64) {
        self.beater.apply(events, self.ts);
        self.ts = Ts(self.ts.0 + beats * BEAT_NS);
        let tick = self.beater.seal(beat_number(self.ts), self.wall, self.ts);
        self.shard.turn(&[Arc::new(tick)]);
        self.read();
    }

    /// The timer's beat: the tape stands still.
    fn idle(&mut self) {
        self.wall += 1;
        let tick = self.beater.idle(beat_number(self.ts), self.wall, self.ts);
        self.shard.turn(&[Arc::new(tick)]);
        self.read();
    }

    /// The timer goes on until everybody has what is theirs.
    fn wait(&mut self, most: usize) -> usize {
        for waited in 0..most {
            if self.shard.owes_nothing() {
                return waited;
            }
            self.idle();
        }
        most
    }

    /// Data messages of what was written.
    fn read(&mut self) {
        for at in 0..self.sockets.len() {
            let next = || self.sockets[at].wire().next_frame();
            while let Some(frame) = next() {
                if is_data(&frame, self.encodings[at]) {
                    self.said[at].push(frame.payload);
                }
            }
            if let Some(reason) = self.links[at].ended().cloned() {
                self.shard.command(Command::Leave(SubscriberId(at as u64), reason));
            }
        }
    }

    fn deltas(&self, at: usize) -> Vec<crate::wire::proto::Delta> {
        let delta = |bytes: &Vec<u8>| match body(bytes, false, self.encodings[at]) {
            Some(Body::Delta(delta)) => Some(delta),
            _ => None,
        };
        self.said[at].iter().filter_map(delta).collect()
    }
}

fn body(bytes: &[u8], is_text: bool, encoding: Encoding) -> Option<Body> {
    let limits = DecodeLimits::default();
    decode_server(encoding, is_text, bytes, &limits)
        .expect("a message")
        .body
}

fn is_data(frame: &Frame, encoding: Encoding) -> bool {
    let is_message = matches!(frame.opcode, TEXT | BINARY);
    let body = is_message.then(|| body(&frame.payload, frame.opcode == TEXT, encoding));
    matches!(body.flatten(), Some(Body::Snapshot(_) | Body::Delta(_)))
}

/// What happens to the tape.
#[derive(Clone, Debug)]
enum Step {
    Events(Vec<Event>),
    Burst(i64),
    Venues(u8),
    Keep,
    Restore,
    Renew(bool),
    /// So many beats of the tape's time pass; the last ends with what has come.
    Beat(i64),
}

/// What a socket takes while the tape waits: so many bytes at each beat of the timer, or so many calls.
#[derive(Clone, Copy, Debug)]
enum Takes {
    All,
    Bytes(usize),
    Calls(usize),
}

fn symbols() -> Vec<Symbol> {
    let symbol = |n: u8| Symbol::parse(&format!("v{}:S{n:02}{}", n % 3, "X".repeat(50))).expect("a symbol");
    (0..48).map(symbol).collect()
}

fn step() -> impl Strategy<Value = Step> {
    let events = prop::collection::vec(arbitrary::event(symbols(), 0..1_000), 1..12);
    prop_oneof![
        8 => events.prop_map(Step::Events),
        2 => (0i64..4).prop_map(Step::Burst),
        1 => any::<u8>().prop_map(Step::Venues),
        1 => Just(Step::Keep),
        1 => Just(Step::Restore),
        1 => any::<bool>().prop_map(Step::Renew),
        8 => prop_oneof![4 => Just(1i64), 1 => 0i64..20].prop_map(Step::Beat),
    ]
}

fn takes() -> impl Strategy<Value = Takes> {
    prop_oneof![
        Just(Takes::All),
        (0usize..3_000).prop_map(Takes::Bytes),
        (0usize..4).prop_map(Takes::Calls)
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let encoding = prop::sample::select(Encoding::ALL.to_vec());
    let compression = prop::sample::select(vec![Compression::None, Compression::Deflate]);
    (encoding, compression, prop::sample::select(vec![1u64, 1, 3])).prop_map(|(encoding, compression, pace_beats)| {
        Options {
            encoding,
            compression,
            pace_beats,
            rights: None,
        }
    })
}

/// Plays a tape; before each beat everybody has taken the one before, each in its own time.
fn play(steps: &[Step], subscribers: &[(Options, Vec<&str>)], takes: &[Takes]) -> Vec<Vec<Vec<u8>>> {
    let mut stage = Stage::new(|config| FanoutConfig {
        slow_deadline_beats: 1 << 40,
        ..config
    });
    stage.shard.own_bytes_per_turn = 15_000;
    for (options, strings) in subscribers {
        stage.subscriber(*options, strings);
    }
    let mut takes = takes.iter().copied().cycle();
    let (mut kept, mut epochs) = (Image::default(), 0);
    let mut hold_back = |stage: &mut Stage| {
        for socket in &stage.sockets {
            let mut wire = socket.wire();
            (wire.room, wire.calls_left) = match takes.next().unwrap_or(Takes::All) {
                Takes::All => (None, None),
                Takes::Bytes(bytes) => (Some(bytes), None),
                Takes::Calls(calls) => (None, Some(calls)),
            };
        }
    };
    for step in steps {
        match step {
            Step::Events(events) => stage.beater.apply(events, stage.ts),
            Step::Burst(price) => {
                let events: Vec<Event> = symbols().iter().map(|s| bid(s.as_str(), *price)).collect();
                stage.beater.apply(&events, stage.ts);
            }
            Step::Venues(seed) => {
                let state = |n: u8| {
                    if (seed >> (n % 8)) & 1 == 1 {
                        VenueState::Up
                    } else {
                        VenueState::Stale
                    }
                };
                let told = |n: u8| Event::Venue {
                    venue: VenueName::parse(&format!("v{n}")).expect("a name"),
                    state: state(n),
                    reason: "y".repeat(250),
                };
                stage.beater.apply(&(0..40).map(told).collect::<Vec<_>>(), stage.ts);
            }
            Step::Keep => kept = stage.beater.image(),
            Step::Restore => stage.beater.restore(&kept),
            Step::Renew(is_empty) => {
                epochs += 1;
                let image = if *is_empty { Image::default() } else { kept.clone() };
                stage
                    .beater
                    .renew(Epoch::new(1_000 + epochs).expect("an epoch"), &image);
            }
            Step::Beat(beats) => {
                hold_back(&mut stage);
                stage.beat(&[], *beats);
                let mut turns = 0;
                while !stage.shard.owes_nothing() {
                    hold_back(&mut stage);
                    // Now and then all is taken, so that each wait ends.
                    let all = stage.sockets.iter().filter(|_| turns % 7 == 6);
                    all.for_each(|socket| (socket.wire().room, socket.wire().calls_left) = (None, None));
                    stage.idle();
                    turns += 1;
                    assert!(turns < 20_000, "the tape is held up");
                }
            }
        }
    }
    stage.said
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn in_lockstep_everybody_gets_the_same_bytes_however_slowly_they_are_taken(
        steps in prop::collection::vec(step(), 1..60),
        subscribers in prop::collection::vec((options(), prop::sample::select(vec![vec!["*"], vec!["v0:*", "v1:S01*"], vec!["*:S1*", "v2:NEVER"]])), 1..4),
        slowness in prop::collection::vec(takes(), 1..9),
    ) {
        let want = play(&steps, &subscribers, &[Takes::All]);
        let got = play(&steps, &subscribers, &slowness);
        for (at, (want, got)) in want.iter().zip(&got).enumerate() {
            prop_assert_eq!(want.len(), got.len(), "messages of {}", at);
            for (n, (want, got)) in want.iter().zip(got).enumerate() {
                let encoding = subscribers[at].0.encoding;
                prop_assert!(want == got, "message {} of {}: {:?} and {:?}", n, at, body(want, encoding == Encoding::Json && want[0] == b'{', encoding), body(got, encoding == Encoding::Json && got[0] == b'{', encoding));
            }
        }
    }
}

#[test]
fn a_slow_subscriber_of_one_small_delta_gets_its_bytes() {
    let mut stage = Stage::new(|config| config);
    let (slow, quick) = (stage.subscriber(PLAIN, &["a:B"]), stage.subscriber(PLAIN, &["a:B"]));
    stage.beat(&[bid("a:B", 1)], 1);
    stage.sockets[slow].wire().room = Some(0);
    stage.beat(&[bid("a:B", 2)], 1);
    assert!(!stage.shard.owes_nothing(), "it is waited for");
    stage.sockets[slow].wire().room = None;
    assert_eq!(stage.wait(100), 1);
    assert_eq!(stage.said[slow], stage.said[quick]);
}

#[test]
fn a_heartbeat_between_two_beats_changes_nothing() {
    let mut stage = Stage::new(|config| config);
    let (slow, quick) = (
        stage.subscriber(PLAIN, &["a:B"]),
        stage.subscriber(PLAIN, &["a:B", "a:C"]),
    );
    stage.beat(&[bid("a:B", 1)], 1);
    stage.beat(&[bid("z:Z", 1)], 1);
    (0..40).for_each(|_| stage.idle());
    stage.sockets[slow].wire().room = Some(0);
    stage.beat(&[bid("a:B", 2)], 1);
    stage.sockets[slow].wire().room = None;
    stage.wait(100);
    let last = |at: usize| stage.deltas(at).last().map(|d| (d.seq, d.prev_seq, d.skipped));
    assert_eq!(last(slow), last(quick));
}

#[test]
fn a_paced_subscriber_with_a_full_socket_is_served_while_the_tape_waits_for_it() {
    let mut stage = Stage::new(|config| FanoutConfig {
        slow_deadline_beats: 1 << 40,
        ..config
    });
    let at = stage.subscriber(Options { pace_beats: 8, ..PLAIN }, &["a:B"]);
    for price in 1..40 {
        stage.sockets[at].wire().room = Some(0);
        stage.beat(&[bid("a:B", price)], 1);
        stage.sockets[at].wire().room = None;
        assert!(stage.wait(100) <= 2, "beat {price}");
    }
    assert!(stage.deltas(at).iter().all(|d| d.skipped == 0));
    assert_eq!(stage.deltas(at).len(), 5);
}

#[test]
fn a_closed_window_holds_the_tape_up_until_it_is_opened() {
    let mut stage = Stage::new(|config| config);
    let at = stage.subscriber(PLAIN, &["a:B"]);
    let (request_id, pace_beats) = (2, None);
    stage.ask(
        at,
        Request::Configure {
            request_id,
            pace_beats,
            window: Some(1),
        },
    );
    for price in 1..5 {
        stage.beat(&[bid("a:B", price)], 1);
        assert!(!stage.shard.owes_nothing(), "nothing is confirmed");
        stage.idle();
        assert!(!stage.shard.owes_nothing(), "nothing is confirmed yet");
        stage.ask(at, Request::Received(Seq(price as u64)));
        assert!(stage.shard.owes_nothing());
    }
    let told: Vec<_> = stage.deltas(at).iter().map(|d| (d.seq, d.skipped)).collect();
    assert_eq!(told, [(1, 0), (2, 0), (3, 0), (4, 0)]);
}

#[test]
fn one_for_whom_the_tape_did_not_wait_is_waited_for_again_only_once_it_has_caught_up() {
    let mut stage = Stage::new(|config| config);
    let (at, other) = (stage.subscriber(PLAIN, &["a:B"]), stage.subscriber(PLAIN, &["a:B"]));
    let (request_id, pace_beats) = (2, None);
    stage.ask(
        at,
        Request::Configure {
            request_id,
            pace_beats,
            window: Some(1),
        },
    );
    stage.beat(&[bid("a:B", 1)], 1);
    assert!(!stage.shard.owes_nothing());
    // Patience is over.
    for price in 2..6 {
        stage.beat(&[bid("a:B", price)], 1);
        assert!(stage.shard.owes_nothing(), "nobody is waited for twice");
    }
    assert_eq!((stage.deltas(at).len(), stage.deltas(other).len()), (1, 5));
    stage.ask(at, Request::Received(Seq(1)));
    stage.idle();
    assert_eq!(stage.deltas(at).last().map(|d| (d.seq, d.skipped)), Some((5, 4)));
    stage.ask(at, Request::Received(Seq(5)));
    stage.idle();
    stage.beat(&[bid("a:B", 6)], 1);
    assert!(!stage.shard.owes_nothing(), "it is one of them again");
    assert_eq!(stage.links[at].ended(), None::<&CloseReason>);
}
