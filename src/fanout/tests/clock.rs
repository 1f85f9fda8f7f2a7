//! The wall clock may step, back too: it stamps messages and decides nothing.

use super::socket::When;
use super::world::{Options, PLAIN, World, config};
use super::*;
use crate::fanout::CloseReason;
use crate::wire::proto::server_message::Body;

const HOUR_NS: i64 = 3_600_000_000_000;

/// The beat of each step, and where the clock is from then on.
const STEPS: [(i64, i64); 3] = [(60, -HOUR_NS), (120, 24 * HOUR_NS), (200, -48 * HOUR_NS)];

struct Told {
    /// To each of four subscribers, and when; without the stamps.
    said: Vec<Vec<(When, Body)>>,
    stamps: Vec<u64>,
    /// How the stuck one ended.
    end: Option<CloseReason>,
}

fn told(steps: &[(i64, i64)]) -> Told {
    let mut world = World::new(config());
    let paced = |pace_beats| Options { pace_beats, ..PLAIN };
    let all = [PLAIN, paced(8), paced(40), PLAIN].map(|options| world.join(options));
    let stuck = world.join(PLAIN);
    world.beat(&[bid("a:B", 1), bid("a:QUIET", 1)]);
    all[..3].iter().for_each(|at| world.subscribe(*at, &["a:B"]));
    world.subscribe(all[3], &["a:QUIET"]);
    world.subscribe(stuck, &["a:*"]);
    world.beats(1);
    for beat in 0..300 {
        if let Some((_, step)) = steps.iter().find(|(at, _)| *at == beat) {
            world.clock_step_ns = *step;
        }
        if beat == 100 {
            world.room(stuck, Some(0));
        }
        world.beat(&[bid("a:B", 2 + beat)]);
    }
    let mut stamps = Vec::new();
    let mut strip = |body: &Body| {
        let mut body = body.clone();
        let ts = match &mut body {
            Body::Welcome(welcome) => &mut welcome.ts,
            Body::Snapshot(snapshot) => &mut snapshot.ts,
            Body::Delta(delta) => &mut delta.ts,
            Body::Heartbeat(heartbeat) => &mut heartbeat.ts,
            other => panic!("not asked for: {other:?}"),
        };
        stamps.push(std::mem::take(ts));
        body
    };
    let mut of = |at: &usize| -> Vec<(When, Body)> {
        let said = &world.peers[*at].model.said;
        said.iter().map(|(when, body)| (*when, strip(body))).collect()
    };
    let said = all.iter().map(&mut of).collect();
    let end = world.peers[stuck].link.ended().cloned();
    Told { said, stamps, end }
}

#[test]
fn a_clock_that_steps_back_changes_the_stamps_and_no_beat_pace_heartbeat_or_deadline() {
    let (steady, stepped) = (told(&[]), told(&STEPS));
    assert_eq!(stepped.said, steady.said);
    assert_eq!([&stepped.end, &steady.end], [&Some(CloseReason::SlowConsumer); 2]);
    assert!(
        stepped.stamps.iter().min() < steady.stamps.iter().min(),
        "it did step back"
    );
    assert!(stepped.stamps.iter().max() > steady.stamps.iter().max(), "and on");
    // Each had its deltas and the quiet one its heartbeats.
    let counts: Vec<usize> = steady.said.iter().map(Vec::len).collect();
    assert!(
        counts[0] > 300 && counts[1] > 35 && counts[2] > 6 && counts[3] > 25,
        "{counts:?}"
    );
}
