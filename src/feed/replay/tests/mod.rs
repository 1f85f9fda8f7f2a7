//! Recordings as feeds.

mod clocks;
mod driven;
mod faults;
mod rotated;
mod tapes;
mod timelines;

use std::io::Write;
use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
use tokio_util::sync::CancellationToken;

use super::super::{captures, channel, supervise};
use std::path::Path;
use std::time::Instant;

use tokio::sync::watch;

use super::super::{FeedError, FeedSpec};
use super::player::BATCH_EVENTS_MAX;
use super::*;

use crate::market::{Event, Symbol, TickerState, Ts, VenueState};
use crate::store::{Image, Writer};

/// A file for one test, gone when it is dropped.
struct Recording(PathBuf);

impl Recording {
    fn new(name: &str, bytes: &[u8]) -> Recording {
        let path = std::env::temp_dir().join(format!("tickwire-replay-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).expect("a file for the test");
        Recording(path)
    }

    fn feed(&self, options: &str) -> Result<Box<dyn Feed>, SpecError> {
        feed(&self.0, options, watch::channel(true).1)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn feed(path: &Path, options: &str, first_subscriber: watch::Receiver<bool>) -> Result<Box<dyn Feed>, SpecError> {
    let spec = FeedSpec::parse(&format!("replay:{}{options}", path.display())).expect("a spec");
    let feeds = build(&spec, &FeedContext::new(first_subscriber))?;
    Ok(feeds.into_iter().next().expect("a feed"))
}

/// At full speed on the recording's clock, and nothing else.
fn options(files: &[&Path]) -> ReplayOptions {
    ReplayOptions {
        files: files.iter().map(|file| file.to_path_buf()).collect(),
        salvage: false,
        clock: ReplayClock::Tape,
        speed: Speed::Max,
        from: None,
        to: None,
        is_loop: false,
        max_gap: None,
        is_paused: false,
        starts_at_first_subscriber: false,
        faults: Vec::new(),
        fault_seed: 1,
    }
}

/// Trades and quotes of three instruments at these milliseconds.
fn capture(venue: &str, moments: &[(i64, u8)]) -> String {
    let mut text = format!("#tickwire-capture 1 venue={venue}\n");
    for (n, (ms, which)) in moments.iter().enumerate() {
        let (ns, symbol, id) = (ms * 1_000_000, which % 3, n + 1);
        let line = if which & 1 == 0 {
            format!(r#"{{"e":"trade","s":"S{symbol}","t":{id},"p":"{id}.5","q":"1","T":{ms},"m":true}}"#)
        } else {
            format!(r#"{{"u":{id},"s":"S{symbol}","b":"{id}","B":"1","a":"{id}.25","A":"2"}}"#)
        };
        text += &format!("{ns} {line}\n");
    }
    text
}

fn plan(files: &[&Path]) -> Arc<Plan> {
    let files: Vec<PathBuf> = files.iter().map(|file| file.to_path_buf()).collect();
    Arc::new(Plan {
        labels: Plan::labels(&files, None, false).expect("recordings"),
        from: None,
        to: None,
        is_loop: false,
        faults: Vec::new(),
        fault_seed: 1,
        is_plain: false,
    })
}

fn steps(plan: &Arc<Plan>, at: Option<Ts>) -> Vec<Step> {
    let mut timeline = Timeline::open(plan, at, 0).expect("a timeline");
    std::iter::from_fn(|| timeline.next().expect("a step")).collect()
}

/// The state after all beats up to a time, as the engine has it.
fn played(steps: &[Step], until: Ts) -> Image {
    let mut writer = Writer::new(10_000);
    for step in steps {
        match &step.what {
            What::Beat if step.at >= until => break,
            What::Beat => {}
            What::Event(event) if step.at <= until => writer.apply(event, beat_of(step.at)),
            What::Event(_) => break,
            What::Image(image) => writer.restore(image),
        }
    }
    writer.image()
}

/// So many trades, 1 ms apart, with prices from 1 on.
fn trades(count: u64) -> String {
    (1..=count).fold("#tickwire-capture 1 venue=binance\n".to_string(), |text, n| {
        let ns = n * 1_000_000;
        text + &format!(
            "{ns} {{\"e\":\"trade\",\"s\":\"X\",\"t\":{n},\"p\":\"{n}\",\"q\":\"1\",\"T\":1723161255342,\"m\":true}}\n"
        )
    })
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

/// All events of a supervised run, until the feed is done.
async fn play(feed: Box<dyn Feed>) -> Vec<Event> {
    let (out, mut batches) = channel(4);
    let supervised = tokio::spawn(supervise(feed, out, CancellationToken::new()));
    let mut events = Vec::new();
    while let Some(inflow) = batches.recv().await {
        let batch = inflow.into_events();
        assert!(batch.len() <= BATCH_EVENTS_MAX + 2);
        events.extend(batch.into_iter().filter(says_something));
    }
    supervised.await.expect("no panic");
    events
}

/// LIVE of an instrument that never was anything else is no news.
fn says_something(event: &Event) -> bool {
    let live = TickerState::Live;
    !matches!(event, Event::State { state, .. } if *state == live)
}

fn is_venue(event: &Event, want: VenueState) -> bool {
    matches!(event, Event::Venue { state, .. } if *state == want)
}

fn reason(event: Option<&Event>) -> &str {
    match event {
        Some(Event::Venue { reason, .. }) => reason,
        other => panic!("{other:?} is no venue's state"),
    }
}

#[tokio::test]
async fn a_replay_gives_all_in_order_with_the_recorded_times_and_says_when_it_ends() {
    let recording = Recording::new("all", &gzip(&trades(1000)));
    let events = play(recording.feed("?speed=max&venue=other").expect("a feed")).await;
    assert!(is_venue(&events[0], VenueState::Up));
    let symbol = Symbol::parse("other:X").expect("a symbol");
    for (n, event) in events[1..1001].iter().enumerate() {
        let Event::Update(update) = event else {
            panic!("{event:?}");
        };
        assert_eq!(
            (&update.symbol, update.ts_recv),
            (&symbol, Ts((n as i64 + 1) * 1_000_000))
        );
    }
    assert!(is_venue(&events[1001], VenueState::Down));
    assert_eq!((reason(events.last()), events.len()), ("replay ended", 1002));
}

#[tokio::test]
async fn a_truncated_capture_is_used_up_to_the_cut_and_the_reason_names_file_and_line() {
    let whole = gzip(&trades(5000));
    let recording = Recording::new("cut", &whole[..whole.len() / 2]);
    let events = play(recording.feed("?speed=max").expect("a feed")).await;
    let updates = events.len() - 2;
    assert!(updates > 500, "{updates} came before the cut");
    let reason = reason(events.last());
    assert!(reason.contains(&format!("{}", recording.0.display())), "{reason}");
    assert!(
        reason.contains(&format!("line {}", updates + 2)) && reason.contains("truncated"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_bad_line_is_told_after_what_came_before_and_malformed_frames_end_nothing() {
    let text = trades(3) + "4000000 not json\n5000000 {\"e\":\"trade\"}\nno record\n";
    let recording = Recording::new("bad-line", text.as_bytes());
    let events = play(recording.feed("?speed=max").expect("a feed")).await;
    assert_eq!(events.len(), 5);
    assert!(reason(events.last()).contains("line 7"), "{:?}", events.last());
}

#[test]
fn what_is_wrong_at_the_beginning_is_told_by_build() {
    let other = Recording::new("other-venue", b"#tickwire-capture 1 venue=nasdaq\n");
    let error = other.feed("").err().expect("no parser").to_string();
    assert!(
        error.contains("`nasdaq`") && error.contains("`binance`") && error.contains("other-venue"),
        "{error}"
    );
    let none = Recording::new("no-header", b"hello\n");
    let error = none.feed("").err().expect("no header").to_string();
    assert!(error.contains("no-header") && error.contains("line 1"), "{error}");
}

#[tokio::test]
async fn the_pace_is_the_recorded_one_over_the_speed() {
    let recording = Recording::new("pace", trades(101).as_bytes());
    let started = Instant::now();
    let events = play(recording.feed("?speed=2").expect("a feed")).await;
    // 100 ms recorded, at twice the speed; only the lower bound is sure on a busy machine.
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(events.len(), 103);
}

#[tokio::test]
async fn a_loop_begins_again_with_a_new_numbering_and_stays_up() {
    let recording = Recording::new("loop", trades(10).as_bytes());
    let mut feed = recording.feed("?speed=max&loop=true").expect("a feed");
    let (out, mut batches) = channel(1);
    let run = tokio::spawn(async move { feed.run(&out).await });
    let mut events = Vec::new();
    while events.len() < 31 {
        let batch = batches.recv().await.expect("it goes on").into_events();
        events.extend(batch.into_iter().filter(says_something));
    }
    assert!(is_venue(&events[0], VenueState::Up));
    assert!(
        events[1..]
            .iter()
            .all(|e| matches!(e, Event::Update(_) | Event::Removed(_)) || is_venue(e, VenueState::Up)),
        "no gap, no stale, no state"
    );
    let removed = events
        .iter()
        .position(|e| matches!(e, Event::Removed(_)))
        .expect("between two passes");
    assert_eq!(
        events[..removed]
            .iter()
            .filter(|e| matches!(e, Event::Update(_)))
            .count(),
        10
    );
    drop(batches);
    assert!(matches!(run.await.expect("no panic"), Err(FeedError::Closed(_))));
}

#[tokio::test]
async fn an_empty_capture_ends_even_in_a_loop() {
    let recording = Recording::new("empty", trades(0).as_bytes());
    let events = play(recording.feed("?speed=max&loop=true").expect("a feed")).await;
    assert_eq!((events.len(), reason(events.last())), (1, "replay ended"));
}

#[tokio::test]
async fn it_waits_for_the_first_subscriber_where_asked_to() {
    let recording = Recording::new("start", trades(3).as_bytes());
    let (subscribed, first_subscriber) = watch::channel(false);
    let mut feed = feed(&recording.0, "?speed=max&start=first_subscriber", first_subscriber).expect("a feed");
    let (out, mut batches) = channel(4);
    let run = tokio::spawn(async move { feed.run(&out).await });
    tokio::task::yield_now().await;
    assert!(batches.try_recv().is_err());
    subscribed.send(true).expect("the feed waits");
    let batch = batches.recv().await.expect("it runs").into_events();
    assert_eq!(batch.iter().filter(|event| says_something(event)).count(), 4);
    run.await.expect("no panic").expect("an end");
}

#[tokio::test]
async fn a_real_capture_plays_twice_alike() {
    let Some(path) = captures::path("binance/spot_4symbols_20211012.capture.gz") else {
        return;
    };
    let run = || play(feed(&path, "?speed=max", watch::channel(true).1).expect("a feed"));
    let events = run().await;
    assert_eq!(events.len(), 1 + 84 + 2 + 1);
    assert_eq!(events, run().await);
}
