//! Tapes play as the captures that they were made of.

use proptest::prelude::*;

use super::super::beats::{BEAT_NS, beat_before};
use super::super::source::Label;
use super::*;
use crate::market::{Decimal, Field, Fields, Update};
use crate::tape::{Rotation, TapeReader, TapeWriter};

/// A tape for one test, or the files of a rotation.
pub(super) struct Tape {
    pub(super) files: Vec<PathBuf>,
}

impl Tape {
    pub(super) fn write(name: &str, rotation: Rotation, events: impl Iterator<Item = (Ts, Event)>) -> Tape {
        let path = std::env::temp_dir().join(format!("tickwire-replay-{}-{name}.tape", std::process::id()));
        let numbered = |n: u64| path.with_extension(format!("{n:04}.tape"));
        (1..100)
            .map(numbered)
            .chain([path.clone()])
            .for_each(|file| drop(std::fs::remove_file(file)));
        let mut writer = TapeWriter::create(&path, rotation).expect("a tape");
        for (n, (ts, event)) in events.enumerate() {
            writer.write(ts, &event).expect("a record");
            // So that a file grows by little.
            if rotation.is_on() && n % 3 == 0 {
                writer.flush().expect("a disk");
            }
        }
        let written = writer.finish().expect("a tape");
        let files = if rotation.is_on() {
            (1..=written.files).map(numbered).collect()
        } else {
            vec![path]
        };
        Tape { files }
    }

    pub(super) fn of_capture(name: &str, rotation: Rotation, capture: &Path) -> Tape {
        let events = captured(capture, None).expect("a capture");
        Tape::write(name, rotation, events.map(|event| event.expect("an event")))
    }

    pub(super) fn paths(&self) -> Vec<&Path> {
        self.files.iter().map(PathBuf::as_path).collect()
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.files.iter().for_each(|file| drop(std::fs::remove_file(file)));
    }
}

const CAPTURES: &[&str] = &[
    "binance/spot_4symbols_20211012.capture.gz",
    "binance/spot_btcusdt_20240808.capture.gz",
    "binance/us_20211012.capture.gz",
    "binance/usdm_btcusdt_20240808.capture.gz",
    "coinbase/advanced_20260809.capture.gz",
    "coinbase/exchange_10products_20210417.capture.gz",
    "kraken/v2_book_btcusd_d10_resub_20260801.capture.gz",
    "kraken/v2_book_btcusd_d25_20260802.capture.gz",
];

/// The state at the end, and how many updates there were.
fn ended(file: &Path) -> (Image, u64) {
    let mut timeline = Timeline::open(&plan(&[file]), None, 0).expect("a timeline");
    let (mut writer, mut updates) = (Writer::new(100_000), 0);
    while let Some(step) = timeline.next().expect("a step") {
        match &step.what {
            What::Event(event) => {
                updates += u64::from(matches!(event, Event::Update(_)));
                writer.apply(event, beat_of(step.at));
            }
            What::Image(image) => writer.restore(image),
            What::Beat => drop(writer.seal(step.at)),
        }
    }
    (writer.image(), updates)
}

#[test]
fn tapes_end_as_their_captures() {
    for file in CAPTURES {
        let Some(path) = captures::path(file) else { continue };
        let tape = Tape::of_capture(&file.replace('/', "-"), Rotation::default(), &path);
        let (image, updates) = ended(&path);
        assert!(updates > 0 && !image.instruments.is_empty(), "{file}");
        assert_eq!((image, updates), ended(&tape.files[0]), "{file}");
    }
}

/// Updates of 20 instruments, 0.1 ms apart, and now and then a word of the venue with a time that steps back.
fn long(count: i64) -> impl Iterator<Item = (Ts, Event)> {
    (0..count).map(|n| {
        let ts_recv = Ts(1_000_000_000 + n * 100_000);
        if n % 2_500 == 0 {
            let venue = VenueName::parse("long").expect("a venue");
            let (state, reason) = (
                if n % 5_000 == 0 {
                    VenueState::Up
                } else {
                    VenueState::Stale
                },
                String::new(),
            );
            return (Ts(ts_recv.0 - 25_000_000), Event::Venue { venue, state, reason });
        }
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::from_int(n));
        let symbol = Symbol::parse(&format!("long:S{}", n * 7919 % 20)).expect("a symbol");
        (
            ts_recv,
            Event::Update(Update {
                symbol,
                fields,
                ts_event: None,
                ts_recv,
            }),
        )
    })
}

#[test]
fn a_seek_from_a_keyframe_gives_what_playing_gives() {
    let tape = Tape::write("long", Rotation::default(), long(60_000));
    let keyframes = TapeReader::open(&tape.files[0], crate::tape::OnDamage::Stop)
        .expect("a tape")
        .info()
        .keyframes;
    assert!(keyframes >= 3, "{keyframes}");
    let plan = plan(&tape.paths());
    let whole = steps(&plan, None);
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..12 {
        let to = beat_before(Ts(random.i64(plan.start().0..plan.last().0)));
        let mut timeline = Timeline::open(&plan, Some(to), 0).expect("a timeline");
        let Some(What::Image(image)) = timeline.next().expect("a step").map(|step| step.what) else {
            panic!("a state comes first");
        };
        assert_eq!(*image, played(&whole, to), "{to:?}");
        timeline.next().expect("its beat");
        // What follows is the same.
        let follows = whole.iter().filter(|step| step.at > to).take(100);
        for want in follows {
            let step = timeline.next().expect("a step").expect("it goes on");
            assert_eq!(format!("{step:?}"), format!("{want:?}"));
        }
    }
}

#[test]
fn a_tape_and_a_capture_are_merged_and_a_tape_is_renamed() {
    let one = Recording::new(
        "merged-one",
        capture("binance", &[(1_000, 1), (1_030, 1), (1_060, 0)]).as_bytes(),
    );
    let two = Recording::new("merged-two", capture("kraken", &[]).as_bytes());
    let other = Recording::new(
        "merged-other",
        capture("binance-usdm", &[(1_010, 1), (1_030, 1)]).as_bytes(),
    );
    let tape = Tape::of_capture("merged", Rotation::default(), &other.0);
    let venues = |steps: Vec<Step>| -> Vec<String> {
        let update = |step: &Step| match &step.what {
            What::Event(Event::Update(update)) => Some(update.symbol.venue().to_owned()),
            _ => None,
        };
        steps.iter().filter_map(update).collect()
    };
    // Of one time, those come first that were given first; what is empty does not count.
    let plan = plan(&[&two.0, &tape.files[0], &one.0]);
    assert_eq!(plan.start(), Ts(990_000_000));
    let want = ["binance", "binance-usdm", "binance-usdm", "binance", "binance"];
    assert_eq!(venues(steps(&plan, None)), want);
    let events = [feed(&tape.files[0], "?speed=max&venue=x", watch::channel(true).1)];
    assert_eq!(events[0].as_ref().expect("a feed").venues()[0].as_str(), "x");
    let label = Label::read(&tape.files[0], None, crate::tape::OnDamage::Stop).expect("a tape");
    assert_eq!((label.first, label.last), (Ts(1_010_000_000), Ts(1_030_000_000)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]
    /// With times that step back, as those of several connections do.
    #[test]
    fn a_tape_plays_as_its_capture_and_so_do_its_parts(
        moments in prop::collection::vec((1_000i64..1_400, 0u8..6), 1..60), at in 0i64..45, bytes in 100u64..3_000, is_by_time: bool,
    ) {
        let mut moments = moments;
        moments.sort_unstable();
        // A little back and forth.
        for pair in moments.chunks_mut(2) {
            pair.reverse();
        }
        let recording = Recording::new("as-capture", capture("binance", &moments).as_bytes());
        let rotation = match is_by_time {
            true => Rotation { span_max: Some(Duration::from_millis(bytes / 10)), file_bytes_max: None },
            false => Rotation { file_bytes_max: Some(bytes), span_max: None },
        };
        let whole = Tape::of_capture("as-whole", Rotation::default(), &recording.0);
        let parts = Tape::of_capture("as-parts", rotation, &recording.0);
        let mut backwards = parts.paths();
        backwards.reverse();
        let plan_of = plan(&[&recording.0]);
        let to = Ts(plan_of.start().0 + at * BEAT_NS).min(beat_of(plan_of.last()));
        let want = (played(&steps(&plan_of, None), Ts(i64::MAX)), played(&steps(&plan_of, None), to));
        for files in [whole.paths(), parts.paths(), backwards] {
            let plan = plan(&files);
            let steps_of = steps(&plan, None);
            prop_assert_eq!(&played(&steps_of, Ts(i64::MAX)), &want.0);
            prop_assert_eq!(&played(&steps_of, to), &want.1);
            let sought = steps(&plan, Some(to));
            let What::Image(image) = &sought[0].what else { panic!("a state comes first") };
            prop_assert_eq!(&**image, &want.1);
            prop_assert_eq!(played(&sought, Ts(i64::MAX)), want.0.clone());
        }
    }
}
