//! Parsers: what a received frame costs until its events stand ready, beside `serde_json::Value` for the same bytes.
//!
//! A regression means that a busy venue takes more of a core: 100,000 frames a second of Binance are 5 % of one. Both
//! sides take the same frames in turn, round by round, so that the machine's drift hits both. The frames are those of
//! real recordings where `TICKWIRE_CAPTURES` names their folder, else the project's own. That a quote asks for no
//! memory is shown by `tests/allocations.rs`.
//!
//! `cargo bench --bench parse -- --once binance` parses the frames of one venue once and does nothing else. So that
//! instructions can be counted, which no other load changes:
//! `valgrind --tool=callgrind --toggle-collect='*parse_once*' target/release/deps/parse-* --once binance`.
//! Instructions a frame (bound): binance 6,300 (7,000) and binance-usdm 7,810 (8,600), recorded depth included; coinbase
//! 460,000 (510,000), of which two snapshots of 7.6 MB are nearly all; coinbase-exchange 4,580 (5,100); kraken 4,930
//! (5,500), checksums included. Of a Binance quote's, 3,000 are serde_json's: whoever needs more speed begins there.

mod measure;

use std::hint::black_box;
use std::path::{Path, PathBuf};

use measure::{cpu_ns, finish, median, show, within};
use tickwire::feed::parse::FrameParser;
use tickwire::feed::{binance, coinbase, coinbase_exchange, kraken};
use tickwire::market::{Event, Ts, VenueName};
use tickwire::tape::CaptureReader;

const ROUNDS: usize = 11;

type Make = fn(VenueName) -> Box<dyn FrameParser>;

/// Venues by the names of their captures: a recording, and the parser.
const VENUES: &[(&str, &str, Make)] = &[
    ("binance", "binance/spot_btcusdt_20240808.capture.gz", |v| {
        Box::new(binance::Parser::new(v))
    }),
    ("binance-usdm", "binance/usdm_btcusdt_20240808.capture.gz", |v| {
        Box::new(binance::Parser::new(v))
    }),
    ("coinbase", "coinbase/advanced_20260809.capture.gz", |v| {
        Box::new(coinbase::Parser::new(v))
    }),
    (
        "coinbase-exchange",
        "coinbase/exchange_10products_20210417.capture.gz",
        |v| Box::new(coinbase_exchange::Parser::new(v)),
    ),
    ("kraken", "kraken/v2_book_btcusd_d25_20260802.capture.gz", |v| {
        Box::new(kraken::Parser::new(v))
    }),
];

/// A recording in memory.
struct Frames {
    venue: VenueName,
    frames: Vec<(Ts, Vec<u8>)>,
}

impl Frames {
    fn read(path: &Path) -> Frames {
        let mut reader = CaptureReader::open(path).expect("a capture");
        let (venue, mut frames) = (reader.venue().clone(), Vec::new());
        while let Some(record) = reader.next_record().expect("a record") {
            frames.push((record.ts_recv, record.frame.to_vec()));
        }
        Frames { venue, frames }
    }

    fn bytes(&self) -> f64 {
        self.frames.iter().map(|(_, frame)| frame.len()).sum::<usize>() as f64
    }
}

/// The venue's recording, or the project's own, which is Binance's; `None`, said aloud, where there is neither.
fn recording(name: &str, file: &str) -> Option<Frames> {
    let path = std::env::var_os("TICKWIRE_CAPTURES").map(|folder| PathBuf::from(folder).join(file));
    if let Some(path) = path.filter(|p| p.exists()) {
        return Some(Frames::read(&path));
    }
    let own = (name == "binance").then(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.capture.gz"));
    let instead = own.as_ref().map_or("left out", |_| "feeds/demo.capture.gz instead");
    println!("{name}: {file} is in no folder that TICKWIRE_CAPTURES names: {instead}");
    own.map(|own| Frames::read(&own))
}

/// All frames through the parser, handed over in batches as a connection does; how many events they made.
#[inline(never)]
fn parse_once(parser: &mut dyn FrameParser, recording: &Frames, batch: &mut Vec<Event>) -> usize {
    let mut events = 0;
    for frames in recording.frames.chunks(64) {
        for (ts_recv, frame) in frames {
            let _ = black_box(parser.frame(frame, *ts_recv, batch));
        }
        events += batch.len();
        black_box(&mut *batch).clear();
    }
    events
}

fn values_once(recording: &Frames) {
    for (_, frame) in &recording.frames {
        let _ = black_box(serde_json::from_slice::<serde_json::Value>(frame));
    }
}

fn venue(name: &str, file: &str, make: Make) -> bool {
    let Some(recording) = recording(name, file) else {
        return true;
    };
    let (count, mut batch) = (recording.frames.len() as f64, Vec::new());
    let mut costs: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let start = cpu_ns();
        values_once(&recording);
        let values = (cpu_ns() - start) as f64;
        let mut parser = make(recording.venue.clone());
        let start = cpu_ns();
        parse_once(parser.as_mut(), &recording, &mut batch);
        let ours = (cpu_ns() - start) as f64;
        assert_eq!(parser.counts().malformed, 0, "{name}");
        [values, ours, values / ours]
            .into_iter()
            .zip(&mut costs)
            .for_each(|(cost, all)| all.push(cost));
    }
    let [values, ours, ratio] = costs.map(|mut all| median(&mut all));
    show(&format!("{name}: a frame as serde_json::Value"), values / count, "ns");
    show(&format!("{name}: a frame to events"), ours / count, "ns");
    show(&format!("{name}: on one core"), count / ours * 1e3, "M/s");
    show(&format!("{name}: on one core"), recording.bytes() / ours * 1e3, "MB/s");
    within(
        &format!("{name}: time over that of serde_json::Value"),
        1.0 / ratio,
        0.5,
        "x",
    )
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|a| a == "--once") {
        let asked = args.get(at + 1).map_or("", String::as_str);
        let Some((name, file, make)) = VENUES.iter().find(|(name, ..)| *name == asked) else {
            println!(
                "`--once VENUE`: there are {:?}",
                VENUES.iter().map(|v| v.0).collect::<Vec<_>>()
            );
            std::process::exit(2);
        };
        let Some(recording) = recording(name, file) else {
            return;
        };
        let mut parser = make(recording.venue.clone());
        let events = parse_once(parser.as_mut(), &recording, &mut Vec::with_capacity(256));
        println!("{} frames, {events} events", recording.frames.len());
        return;
    }
    println!("CPU time of one thread, medians of {ROUNDS} rounds in turn");
    finish(
        VENUES
            .iter()
            .fold(true, |ok, (name, file, make)| venue(name, file, *make) & ok),
    );
}
