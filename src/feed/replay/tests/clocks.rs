//! When things come, on a clock that stands still but for what is waited for.

use proptest::prelude::*;
use tokio::time::Instant as Moment;

use super::super::beats::BEAT_NS;
use super::driven::Driven;
use super::*;
use crate::control::{ReplayCommand, ReplayRefusal, replay_remote};
use crate::tape::Rotation;

const MS: i64 = 1_000_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn at_speed(recording: &Recording, speed: f64) -> ReplayOptions {
    ReplayOptions {
        speed: Speed::Times(speed),
        ..options(&[&recording.0])
    }
}

/// How late each beat came, against the first.
fn late(driven: &Driven, speed: f64) -> Vec<f64> {
    let (first, came) = (driven.beats[0], driven.came[0]);
    let beats = driven.beats.iter().zip(&driven.came);
    beats
        .map(|(beat, at)| (*at - came).as_secs_f64() * 1e3 - (beat - first) as f64 / speed)
        .collect()
}

/// Tokio's timer is as exact as a millisecond.
fn assert_on_time(driven: &Driven, speed: f64) {
    for late in late(driven, speed) {
        assert!((-0.01..=1.01).contains(&late), "{late} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn beats_come_at_their_times_over_the_speed_without_drift() {
    let recording = Recording::new("on-time", trades(2_000).as_bytes());
    for speed in [1.0, 3.0, 0.5] {
        let mut driven = Driven::start(at_speed(&recording, speed));
        driven.pass(ms(5_000)).await;
        assert!(driven.beats.len() > 200, "{}", driven.beats.len());
        assert_on_time(&driven, speed);
    }
}

#[tokio::test(start_paused = true)]
async fn passes_of_a_loop_follow_without_drift() {
    let recording = Recording::new("passes", trades(95).as_bytes());
    let options = ReplayOptions {
        is_loop: true,
        ..at_speed(&recording, 1.0)
    };
    let mut driven = Driven::start(options);
    driven.pass(ms(3_050)).await;
    let status = driven.remote.status();
    assert!(status.pass > 25, "{status:?}");
    for (n, came) in driven.came.iter().enumerate() {
        let late = (*came - driven.came[0]).as_secs_f64() * 1e3 - n as f64 * 10.0;
        assert!((-1.01..=1.01).contains(&late), "{late} ms at beat {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_gap_a_pause_and_another_speed_go_on_where_it_is_and_it_says_where() {
    // Past the minute of empty beats.
    let recording = Recording::new("in-gap", capture("binance", &[(1_000, 0), (201_000, 0)]).as_bytes());
    let mut driven = Driven::start(at_speed(&recording, 1.0));
    driven.pass(ms(100_000)).await;
    let begun = driven.came[0];
    let reached = |driven: &Driven| (driven.remote.status().position.0 / MS - 1_000) as f64 / 1e3;
    assert!((99.8..=100.0).contains(&reached(&driven)), "{}", reached(&driven));
    driven.ask(ReplayCommand::Pause).await.expect("a pause");
    driven.pass(ms(500_000)).await;
    assert!((99.8..=100.1).contains(&reached(&driven)), "{}", reached(&driven));
    driven.ask(ReplayCommand::Resume).await.expect("it goes on");
    driven.pass(ms(50_000)).await;
    driven
        .ask(ReplayCommand::Speed(Speed::Times(10.0)))
        .await
        .expect("a speed");
    driven.pass(ms(4_000)).await;
    assert!((189.0..=190.1).contains(&reached(&driven)), "{}", reached(&driven));
    driven.pass(ms(2_000)).await;
    assert_eq!(driven.remote.status().state, ReplayState::Ended);
    let last = driven
        .beats
        .iter()
        .position(|beat| *beat == 201_000)
        .expect("the last beat");
    let took = (driven.came[last] - begun).as_secs_f64() - 500.0;
    assert!((154.9..=155.1).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn of_a_gap_only_so_much_is_waited_for() {
    let recording = Recording::new(
        "max-gap",
        capture("binance", &[(1_000, 0), (61_000, 0), (61_500, 0)]).as_bytes(),
    );
    for clock in [ReplayClock::Tape, ReplayClock::Wall] {
        let mut driven = Driven::start(ReplayOptions {
            max_gap: Some(ms(1_000)),
            clock,
            ..at_speed(&recording, 1.0)
        });
        let begun = Moment::now();
        while driven.remote.status().state != ReplayState::Ended {
            driven.pass(ms(20)).await;
        }
        let took = begun.elapsed().as_secs_f64();
        // The venue's silence is told in between, which is something said.
        assert!((1.4..=3.7).contains(&took), "{clock:?}: {took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_step_or_a_seek_brings_waits_for_nothing_and_what_follows_keeps_its_distance() {
    let recording = Recording::new("step-seek", trades(3_000).as_bytes());
    let mut driven = Driven::start(at_speed(&recording, 1.0));
    driven.pass(ms(105)).await;
    let begun = Moment::now();
    let status = driven.ask(ReplayCommand::Step(100)).await.expect("a step");
    assert_eq!((begun.elapsed(), status.state), (Duration::ZERO, ReplayState::Paused));
    let stepped = status.position;
    driven.pass(ms(1_000)).await;
    assert_eq!(driven.remote.status().position, stepped);
    driven.ask(ReplayCommand::Resume).await.expect("it goes on");
    let (resumed, beats) = (Moment::now(), driven.beats.len());
    driven.pass(ms(100)).await;
    let waited = (driven.came[beats] - resumed).as_secs_f64() * 1e3;
    assert!((0.0..=11.1).contains(&waited), "{waited} ms");
    // Whatever a seek takes, what follows is not rushed.
    for to in [2_500, 500] {
        driven.ask(ReplayCommand::Seek(Ts(to * MS))).await.expect("a seek");
        assert_eq!(driven.beats.last(), Some(&to));
        let (sought, beats) = (Moment::now(), driven.beats.len());
        driven.pass(ms(305)).await;
        let came = driven.came[beats + 20] - sought;
        assert!((ms(200)..=ms(222)).contains(&came), "{came:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_broke_says_so_with_a_beat() {
    let text = trades(25) + "no record\n";
    let recording = Recording::new("broke", text.as_bytes());
    let replay = Replay::open(options(&[&recording.0])).expect("a replay");
    let (_remote, desk) = replay_remote(replay.status());
    let feed = replay
        .into_feed(&FeedContext::new(watch::channel(true).1), desk)
        .expect("a feed");
    let (out, mut inflows) = channel(100);
    supervise(feed, out, CancellationToken::new()).await;
    let (mut writer, mut beats) = (Writer::new(10), Vec::new());
    while let Some(inflow) = inflows.recv().await {
        match inflow {
            Inflow::Events { events, now, .. } => {
                let now = now.expect("the tape's time");
                events.iter().for_each(|event| writer.apply(event, now));
            }
            Inflow::Beat(ts) => beats.push((ts.0 / MS, writer.seal(ts).is_some())),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(beats, [(10, true), (20, true), (30, true), (40, true)]);
    let venue = &writer.image().venues[0];
    assert_eq!((venue.state, venue.since), (VenueState::Down, Ts(40 * MS)));
    assert!(venue.reason.contains("line 27"), "{}", venue.reason);
}

#[tokio::test(start_paused = true)]
async fn a_seek_into_a_file_that_is_gone_is_refused() {
    let recording = Recording::new("gone", trades(100).as_bytes());
    let mut driven = Driven::start(options(&[&recording.0]));
    driven.settle().await;
    std::fs::remove_file(&recording.0).expect("it is there");
    let refused = driven
        .ask(ReplayCommand::Seek(Ts(50 * MS)))
        .await
        .expect_err("it is gone");
    assert!(
        matches!(&refused, ReplayRefusal::Broken(why) if why.contains("-gone")),
        "{refused}"
    );
}

#[derive(Clone, Debug)]
enum Deed {
    Ask(ReplayCommand),
    Pass(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0i64..42).prop_map(|beat| Deed::Ask(ReplayCommand::Seek(Ts(990 * MS + beat * BEAT_NS + beat)))),
        2 => (1u32..8).prop_map(|beats| Deed::Ask(ReplayCommand::Step(beats))),
        2 => Just(Deed::Ask(ReplayCommand::Resume)),
        1 => Just(Deed::Ask(ReplayCommand::Pause)),
        2 => prop::sample::select(vec![0.1, 1.0, 10.0]).prop_map(|s| Deed::Ask(ReplayCommand::Speed(Speed::Times(s)))),
        1 => Just(Deed::Ask(ReplayCommand::Speed(Speed::Max))),
        4 => (0u64..120).prop_map(Deed::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn whatever_it_is_told_the_state_is_the_one_that_playing_gives(
        mut moments in prop::collection::vec((1_000i64..1_400, 0u8..6), 1..60),
        deeds in prop::collection::vec(deed(), 1..14), is_tape: bool,
    ) {
        moments.sort_unstable();
        let recording = Recording::new("deeds", capture("binance", &moments).as_bytes());
        let tape = tapes::Tape::of_capture("deeds", Rotation::default(), &recording.0);
        let plan = plan(&tape.paths());
        let whole = steps(&plan, None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let clock = if is_tape { ReplayClock::Tape } else { ReplayClock::Wall };
            let mut driven = Driven::start(ReplayOptions { clock, ..options(&tape.paths()) });
            for deed in deeds {
                match deed {
                    Deed::Ask(command) => drop(driven.ask(command).await),
                    Deed::Pass(span) => driven.pass(ms(span)).await,
                }
            }
            // To a beat's end, whatever it was doing.
            let status = match driven.ask(ReplayCommand::Step(1)).await {
                Ok(status) => status,
                Err(_) => driven.remote.status(),
            };
            driven.settle().await;
            let (got, want) = (driven.writer.image(), played(&whole, status.position));
            if is_tape {
                assert_eq!((&got, status.position.0 / MS), (&want, *driven.beats.last().expect("a beat")));
            }
            // Their own stamps are those of our clock.
            assert_eq!(got.instruments, want.instruments);
            assert_eq!(driven.remote.status().epoch, *driven.epochs().last().expect("an epoch"));
        });
    }
}

#[test]
fn playing_gives_what_the_timeline_says() {
    let recording = Recording::new("says", trades(3_000).as_bytes());
    let inflows = || {
        Replay::open(options(&[&recording.0]))
            .expect("a replay")
            .into_inflows()
            .expect("inflows")
    };
    let word = |inflow: Inflow| match inflow {
        Inflow::Events { now, events, .. } => events.iter().map(|event| format!("{now:?} {event:?}")).collect(),
        other => vec![format!("{other:?}")],
    };
    let want: Vec<String> = inflows().flat_map(|inflow| word(inflow.expect("an item"))).collect();
    assert!(inflows().all(|inflow| inflow.expect("an item").into_events().len() <= BATCH_EVENTS_MAX));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let got: Vec<String> = runtime.expect("a runtime").block_on(async {
        let replay = Replay::open(options(&[&recording.0])).expect("a replay");
        let (_remote, desk) = replay_remote(replay.status());
        let mut feed = replay
            .into_feed(&FeedContext::new(watch::channel(true).1), desk)
            .expect("a feed");
        let (out, mut inflows) = channel(3);
        tokio::spawn(async move { feed.run(&out).await });
        let mut got = Vec::new();
        while let Ok(Some(inflow)) = tokio::time::timeout(ms(100), inflows.recv()).await {
            got.extend(word(inflow));
        }
        got
    });
    assert!(got == want);
}
