//! `feeds/` holds what the project made itself: this test makes the demo recording anew and compares.
//!
//! To write it again after a meant change: `TICKWIRE_BLESS=1 cargo test --test feeds`.

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::captures::{self, demo};
use tickwire::feed::binance::Parser;
use tickwire::feed::parse::FrameParser;
use tickwire::feed::synthetic::{MarketModel, Model};
use tickwire::feed::{FeedContext, FeedSpec, build};
use tickwire::market::{Decimal, Event, Field, Fields, Value};
use tickwire::tape::CaptureReader;

const SEED: u64 = 20_260_102;
const NAMES: [&str; 5] = ["ALFUSDT", "BRVUSDT", "CHLUSDT", "DLTUSDT", "ECHUSDT"];
const FRAMES: usize = 4_000;
/// 2026-01-02 00:00:00 UTC.
const START_NS: u64 = 1_767_312_000_000_000_000;

/// One instrument as the made-up venue knows it.
#[derive(Default)]
struct Instrument {
    values: Vec<(Field, Decimal)>,
    update_id: u64,
    trade_id: u64,
}

impl Instrument {
    fn get(&self, field: Field) -> Decimal {
        self.values
            .iter()
            .find(|(f, _)| *f == field)
            .map_or(Decimal::ZERO, |(_, v)| *v)
    }

    /// Takes an update; says whether quotes, the last trade or the day's figures changed.
    fn take(&mut self, fields: &Fields) -> [bool; 3] {
        let mut changed = [false, fields.is_trade(), false];
        for (field, value) in fields.iter() {
            let Value::Set(decimal) = value else { continue };
            self.values.retain(|(f, _)| *f != field);
            self.values.push((field, decimal));
            let quote = [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize].contains(&field);
            let day = [Field::Volume, Field::Open, Field::High, Field::Low, Field::TradeCount].contains(&field);
            changed = [changed[0] || quote, changed[1], changed[2] || day];
        }
        changed
    }

    /// The venue's frames of an update, in its own words.
    fn frames(&mut self, name: &str, changed: [bool; 3], ms: u64) -> Vec<String> {
        let stream = name.to_ascii_lowercase();
        let eight = |d: Decimal| {
            let text = d.to_string();
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            format!("{whole}.{part:0<8}")
        };
        self.update_id += if changed[0] { 1 + ms % 7 } else { 0 };
        self.trade_id += u64::from(changed[1]);
        let v = |f: Field| eight(self.get(f));
        let mut frames = Vec::new();
        if changed[0] {
            let (u, b, bs) = (self.update_id, v(Field::BidPrice), v(Field::BidSize));
            let (a, asz) = (v(Field::AskPrice), v(Field::AskSize));
            frames.push(format!(
                r#"{{"stream":"{stream}@bookTicker","data":{{"u":{u},"s":"{name}","b":"{b}","B":"{bs}","a":"{a}","A":"{asz}"}}}}"#
            ));
        }
        if changed[1] {
            let (t, p, q) = (self.trade_id, v(Field::LastPrice), v(Field::LastSize));
            let sold = self.get(Field::LastSide) == Decimal::from_int(2);
            frames.push(format!(
                r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{ms},"s":"{name}","t":{t},"p":"{p}","q":"{q}","T":{ms},"m":{sold},"M":true}}}}"#
            ));
        }
        if changed[2] {
            let (o, h, l) = (v(Field::Open), v(Field::High), v(Field::Low));
            let (c, vol, n) = (v(Field::LastPrice), v(Field::Volume), self.get(Field::TradeCount));
            let (b, bs, a, asz) = (
                v(Field::BidPrice),
                v(Field::BidSize),
                v(Field::AskPrice),
                v(Field::AskSize),
            );
            let (q, first) = (v(Field::LastSize), self.trade_id);
            frames.push(format!(
                r#"{{"stream":"{stream}@ticker","data":{{"e":"24hrTicker","E":{ms},"s":"{name}","c":"{c}","Q":"{q}","b":"{b}","B":"{bs}","a":"{a}","A":"{asz}","o":"{o}","h":"{h}","l":"{l}","v":"{vol}","F":1,"L":{first},"n":{n}}}}}"#
            ));
        }
        frames
    }
}

/// The whole recording as text.
fn recording() -> String {
    let mut model = MarketModel::new(NAMES.len(), SEED);
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut instruments: Vec<Instrument> = NAMES.iter().map(|_| Instrument::default()).collect();
    let mut text = "#tickwire-capture 1 venue=binance\n".to_owned();
    let (mut ns, mut ms, mut count) = (START_NS, 0, 0);
    while count < FRAMES {
        // Bursts: most updates come close together, then there is a pause.
        ns += if random.u8(..) < 40 {
            random.u64(1_000_000..40_000_000)
        } else {
            random.u64(50_000..900_000)
        };
        let (at, fields) = model.next_update();
        let changed = instruments[at].take(&fields);
        // The venue's own stamps never step back.
        ms = ms.max((ns - random.u64(1_000_000..6_000_000)) / 1_000_000);
        for frame in instruments[at].frames(NAMES[at], changed, ms) {
            writeln!(text, "{ns} {frame}").expect("memory");
            ns += 20_000;
            count += 1;
        }
    }
    text
}

#[test]
fn the_demo_recording_is_what_the_project_makes_of_its_seed() {
    let text = recording();
    if std::env::var_os("TICKWIRE_BLESS").is_some() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let packed = gzip
            .write_all(text.as_bytes())
            .and_then(|()| gzip.finish())
            .expect("memory");
        // Renamed into place: the tests beside this one read it meanwhile.
        let new = demo().with_extension("new");
        std::fs::write(&new, packed)
            .and_then(|()| std::fs::rename(&new, demo()))
            .expect("feeds/ is writable");
    }
    assert!(
        captures::text(&demo()) == text,
        "feeds/demo.capture.gz is not what its seed makes"
    );
}

#[test]
fn the_demo_recording_is_understood_to_the_last_frame() {
    let mut reader = CaptureReader::open(&demo()).expect("a capture");
    let mut parser = Parser::new(reader.venue().clone());
    let mut events = Vec::new();
    while let Some(record) = reader.next_record().expect("a record") {
        parser
            .frame(record.frame, record.ts_recv, &mut events)
            .expect("a frame");
    }
    let counts = parser.counts();
    assert_eq!(
        (counts.malformed, counts.passed_over, counts.stale, counts.gaps),
        (0, 0, 0, 0)
    );
    let spoken_of = |field| {
        events
            .iter()
            .any(|e| matches!(e, Event::Update(u) if u.fields.get(field).is_some()))
    };
    assert!(Field::ALL.into_iter().all(spoken_of));
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
