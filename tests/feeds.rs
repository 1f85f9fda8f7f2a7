//! `feeds/` holds what the project made itself: this test makes the recordings anew and compares.
//!
//! To write them again after a meant change: `TICKWIRE_BLESS=1 cargo test --test feeds`.

mod feeds_made;
mod support;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::Once;

use feeds_made::{ASSETS, RECORDINGS, Recording};
use flate2::Compression;
use flate2::write::GzEncoder;
use support::captures;
use tickwire::feed::parse::Counts;
use tickwire::feed::{Batch, FeedContext, FeedSpec, build};
use tickwire::market::{Decimal, Event, Field, Symbol, Update, Value, VenueName};
use tickwire::tape::CaptureReader;

/// Small enough to be kept with the sources.
const FILE_BYTES_MAX: usize = 100_000;

const QUOTE: [Field; 4] = [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize];
const TRADE: [Field; 3] = [Field::LastPrice, Field::LastSize, Field::LastSide];

/// What the venue's parser made of a recording.
struct Played {
    updates: Vec<Update>,
    counts: Counts,
    /// Frames of which nothing came though the venue has not said that as much may be.
    unknown: Vec<String>,
}

fn play(recording: &Recording) -> Played {
    bless();
    let mut reader = CaptureReader::open(&recording.path()).expect("a capture");
    assert_eq!(reader.venue().as_str(), recording.venue);
    let mut parser = (recording.parser)(reader.venue().clone());
    let (mut events, mut unknown, mut passed_over) = (Batch::new(), Vec::new(), 0);
    while let Some(record) = reader.next_record().expect("a record") {
        let frame = String::from_utf8_lossy(record.frame);
        let outcome = parser.frame(record.frame, record.ts_recv, &mut events);
        outcome.unwrap_or_else(|error| panic!("{frame}: {error}"));
        let counts = parser.counts();
        let is_known = recording.passed_over.iter().any(|words| frame.contains(words));
        if counts.passed_over > passed_over && !is_known {
            unknown.push(frame.into_owned());
        }
        passed_over = counts.passed_over;
    }
    let updates = events.into_iter().filter_map(|event| match event {
        Event::Update(update) => Some(update),
        _ => None,
    });
    Played {
        updates: updates.collect(),
        counts: parser.counts(),
        unknown,
    }
}

/// Newest values, as a subscriber has them.
#[derive(Default)]
struct View {
    values: HashMap<(Symbol, Field), Decimal>,
}

impl View {
    fn take(&mut self, update: &Update) {
        for (field, value) in update.fields.iter() {
            match value {
                Value::Set(decimal) => _ = self.values.insert((update.symbol.clone(), field), decimal),
                other => panic!("{}: {field:?} is {other:?}", update.symbol),
            }
        }
    }

    fn get(&self, symbol: &Symbol, field: Field) -> Option<Decimal> {
        self.values.get(&(symbol.clone(), field)).copied()
    }
}

/// Writes the files first, where that is asked for: the tests run side by side.
fn bless() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        if std::env::var_os("TICKWIRE_BLESS").is_some() {
            RECORDINGS.iter().for_each(|r| write(&r.path(), &r.make().text));
        }
    });
}

fn write(path: &Path, text: &str) {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let packed = gzip
        .write_all(text.as_bytes())
        .and_then(|()| gzip.finish())
        .expect("memory");
    // Renamed into place: whoever reads it meanwhile sees a whole file.
    let new = path.with_extension("new");
    std::fs::write(&new, packed)
        .and_then(|()| std::fs::rename(&new, path))
        .expect("feeds/ is writable");
}

#[test]
fn every_recording_is_small_and_what_the_project_makes_of_its_seed() {
    bless();
    for recording in &RECORDINGS {
        let (path, text) = (recording.path(), recording.make().text);
        let is_same = captures::text(&path) == text;
        assert!(is_same, "{} is not what its seed makes", path.display());
        let bytes = std::fs::read(&path).expect("the capture").len();
        assert!(bytes < FILE_BYTES_MAX, "{}: {bytes} bytes", path.display());
    }
}

#[test]
fn every_recording_is_understood_to_the_last_frame() {
    for recording in &RECORDINGS {
        let played = play(recording);
        let counts = played.counts;
        assert_eq!(
            (counts.malformed, counts.stale, counts.gaps, counts.checksums),
            (0, 0, 0, 0),
            "{}",
            recording.venue
        );
        assert_eq!(played.unknown, [""; 0], "{}", recording.venue);
        let is_told = |field| played.updates.iter().any(|u| u.fields.get(field).is_some());
        assert!(QUOTE.into_iter().all(is_told), "{}: no quotes", recording.venue);
        let is_traded = played.updates.iter().any(|u| u.fields.is_trade());
        assert!(is_traded, "{}: no trades", recording.venue);
    }
}

#[test]
fn the_demo_recording_tells_of_every_field() {
    let demo = RECORDINGS.iter().find(|r| r.path() == captures::demo());
    let played = play(demo.expect("the demo"));
    let is_told = |field| played.updates.iter().any(|u| u.fields.get(field).is_some());
    assert!(Field::ALL.into_iter().all(is_told));
}

#[test]
fn the_best_bid_is_below_the_best_ask_at_every_update_of_every_recording() {
    for recording in &RECORDINGS {
        let mut view = View::default();
        for update in play(recording).updates {
            view.take(&update);
            let [bid, ask] = [Field::BidPrice, Field::AskPrice].map(|field| view.get(&update.symbol, field));
            if let (Some(bid), Some(ask)) = (bid, ask) {
                assert!(bid < ask, "{}: {bid} and {ask}", update.symbol);
            }
        }
    }
}

#[test]
fn every_recording_ends_with_the_markets_own_quotes_and_trades() {
    for recording in &RECORDINGS {
        let mut view = View::default();
        play(recording).updates.iter().for_each(|update| view.take(update));
        let venue = VenueName::parse(recording.venue).expect("a venue");
        for (asset, row) in ASSETS.iter().zip(recording.make().rows) {
            let symbol = Symbol::new(&venue, &(recording.name)(asset)).expect("a symbol");
            for field in QUOTE.into_iter().chain(TRADE) {
                let got = view.get(&symbol, field);
                assert_eq!(got, Some(row.get(field)), "{symbol}: {field:?}");
            }
        }
    }
}

#[test]
fn every_feed_definition_in_feeds_can_be_built() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for entry in std::fs::read_dir(root.join("feeds")).expect("feeds/") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a definition");
        let table: toml::Table = text.parse().expect("TOML");
        for feed in table["feed"].as_array().expect("[[feed]]") {
            let spec = feed["spec"]
                .as_str()
                .expect("a spec")
                .replace("replay:feeds/", &format!("replay:{}/", root.join("feeds").display()));
            let context = FeedContext::new(tokio::sync::watch::channel(false).1);
            build(&FeedSpec::parse(&spec).expect(&spec), &context)
                .map(drop)
                .expect(&spec);
            count += 1;
        }
    }
    assert!(count >= 3, "feeds/ shows little: {count} feeds");
}
