//! Tapes: what an update takes on the disk and of a core, and how fast any moment is at hand.
//!
//! A regression means that a day of a venue no longer fits where it did, that a replay at full speed waits for the tape
//! and not for the store, or that a seek is felt. Sizes are those of real recordings where `TICKWIRE_CAPTURES` names their
//! folder, else of the project's own; a capture's gzip stands beside them.
//!
//! `cargo bench --bench tape -- --seek-large` seeks in a tape of 100 million updates, which it makes in the temporary
//! folder, 1.2 GB at most, and removes; without it in one of 3 million. `-- --packing` compares ways to pack blocks.

mod measure;

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use measure::{cpu_ns, finish, median, per_unit, show, within};
use tickwire::feed::parse::FrameParser;
use tickwire::feed::synthetic::{EvenModel, Model};
use tickwire::feed::{binance, coinbase, coinbase_exchange, kraken};
use tickwire::market::{Event, Symbol, Ts, Update, VenueName};
use tickwire::store::{INSTRUMENTS_MAX, Writer};
use tickwire::tape::{CaptureReader, OnDamage, Rotation, TapeReader, TapeWriter, Taped, What};

const ROUNDS: usize = 11;

type Make = fn(VenueName) -> Box<dyn FrameParser>;

/// Recordings, the venue's parser, and the most bytes that an update may take.
const CAPTURES: &[(&str, Make, Option<f64>)] = &[
    (
        "binance/spot_btcusdt_20240808.capture.gz",
        |v| Box::new(binance::Parser::new(v)),
        Some(10.0),
    ),
    (
        "binance/usdm_btcusdt_20240808.capture.gz",
        |v| Box::new(binance::Parser::new(v)),
        Some(10.0),
    ),
    (
        "coinbase/advanced_20260809.capture.gz",
        |v| Box::new(coinbase::Parser::new(v)),
        None,
    ),
    (
        "coinbase/exchange_10products_20210417.capture.gz",
        |v| Box::new(coinbase_exchange::Parser::new(v)),
        None,
    ),
    (
        "kraken/v2_book_btcusd_d25_20260802.capture.gz",
        |v| Box::new(kraken::Parser::new(v)),
        None,
    ),
];

/// A folder in the temporary one, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("tickwire-bench-tape-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the bench");
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        let _ = std::fs::remove_file(&path);
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A capture's events with their times.
fn events(path: &Path, make: Make) -> Vec<(Ts, Event)> {
    let mut reader = CaptureReader::open(path).expect("a capture");
    let mut parser = make(reader.venue().clone());
    let (mut events, mut batch) = (Vec::new(), Vec::new());
    while let Some(record) = reader.next_record().expect("a record") {
        let ts = record.ts_recv;
        let _ = parser.frame(record.frame, ts, &mut batch);
        events.extend(batch.drain(..).map(|event| (ts, event)));
    }
    events
}

fn write(path: &Path, events: &[(Ts, Event)]) -> u64 {
    let mut writer = TapeWriter::create(path, Rotation::default()).expect("a new file");
    for (ts, event) in events {
        writer.write(*ts, event).expect("written");
    }
    writer.finish().expect("finished").updates
}

/// Plays a tape into a store; how many updates.
fn play(path: &Path, out: &mut Vec<Taped>) -> u64 {
    let mut reader = TapeReader::open(path, OnDamage::Stop).expect("a tape");
    let mut store = Writer::new(INSTRUMENTS_MAX);
    store.restore(reader.image());
    while reader.read(out).expect("a block") {
        apply(&mut store, out);
    }
    black_box(store).counts().updates
}

fn apply(store: &mut Writer, records: &mut Vec<Taped>) {
    for record in records.drain(..) {
        if let What::Event(event) = &record.what {
            store.apply(event, record.ts);
        }
    }
}

/// Size and speed of a capture's tape.
fn capture(folder: &Folder, name: &str, make: Make, bytes_max: Option<f64>) -> bool {
    let path = std::env::var_os("TICKWIRE_CAPTURES").map(|captures| PathBuf::from(captures).join(name));
    let Some(path) = path.filter(|path| path.exists()) else {
        println!("{name} is in no folder that TICKWIRE_CAPTURES names: left out");
        return true;
    };
    sizes_and_speeds(folder, name, &path, make, bytes_max)
}

fn sizes_and_speeds(folder: &Folder, name: &str, path: &Path, make: Make, bytes_max: Option<f64>) -> bool {
    let events = events(path, make);
    let what = |what: &str| {
        format!(
            "{}: {what}",
            name.rsplit('/').next().unwrap_or(name).trim_end_matches(".capture.gz")
        )
    };
    let tape = folder.file("capture.tape");
    let updates = write(&tape, &events) as f64;
    show(&what("updates"), updates, "");
    let size = |path: &Path| path.metadata().expect("a file").len() as f64;
    show(&what("capture, gzip"), size(path) / updates, "B/upd");
    let mut ok = true;
    match bytes_max {
        Some(max) => ok &= within(&what("tape"), size(&tape) / updates, max, "B/upd"),
        None => show(&what("tape"), size(&tape) / updates, "B/upd"),
    }
    let written = per_unit(ROUNDS, || write(&folder.file("again.tape"), &events));
    show(&what("writing an update"), written, "ns");
    let mut out = Vec::new();
    let played = per_unit(ROUNDS, || play(&tape, &mut out));
    // Short tapes are mostly their opening.
    if updates > 10_000.0 {
        ok &= within(&what("an update from the tape into a store"), played, 200.0, "ns");
        show(&what("on one core"), 1e3 / played, "M/s");
    }
    ok
}

/// Resident memory in MB, where the system tells.
fn resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kb| kb / 1e3)
}

/// Seeks in a tape of so many updates of a hundred instruments, and plays on up to the time.
fn seeks(folder: &Folder, updates: u64) -> bool {
    const INSTRUMENTS: usize = 100;
    const START: i64 = 1_700_000_000_000_000_000;
    let path = folder.file("long.tape");
    let name = |n: usize| Symbol::parse(&format!("bench:S{n:03}")).expect("a symbol");
    let symbols: Vec<Symbol> = (0..INSTRUMENTS).map(name).collect();
    let mut writer = TapeWriter::create(&path, Rotation::default()).expect("a new file");
    let mut model = EvenModel::new(INSTRUMENTS, 7);
    let mut rng = fastrand::Rng::with_seed(7);
    let mut ts = START;
    for _ in 0..updates {
        // Some 10,000 a second.
        ts += rng.i64(1..200_000);
        let (at, fields) = model.next_update();
        let update = Update {
            symbol: symbols[at].clone(),
            fields,
            ts_event: Some(Ts(ts / 1_000_000 * 1_000_000 - 3_000_000)),
            ts_recv: Ts(ts),
        };
        writer.write(Ts(ts), &Event::Update(update)).expect("room on the disk");
    }
    let written = writer.finish().expect("finished");
    show("a long tape: updates", updates as f64 / 1e6, "M");
    show("a long tape", written.file_bytes as f64 / 1e6, "MB");
    show("a long tape", written.file_bytes as f64 / updates as f64, "B/upd");
    let mut out = Vec::new();
    let before = resident_mb();
    let start = Instant::now();
    let mut reader = TapeReader::open(&path, OnDamage::Stop).expect("a tape");
    show("opening it", start.elapsed().as_secs_f64() * 1e3, "ms");
    let mut costs = Vec::new();
    for _ in 0..200 {
        let to = rng.i64(START..=ts);
        let start = Instant::now();
        let image = reader.seek(Ts(to)).expect("a keyframe");
        let mut store = Writer::new(INSTRUMENTS_MAX);
        store.restore(&image);
        'play: while reader.read(&mut out).expect("a block") {
            for record in out.drain(..) {
                if record.ts > Ts(to) {
                    break 'play;
                }
                if let What::Event(event) = &record.what {
                    store.apply(event, record.ts);
                }
            }
        }
        out.clear();
        black_box(&store);
        costs.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let half = median(&mut costs);
    show("a seek and what is played up to the time, median", half, "ms");
    let mut ok = within("the slowest of 200", costs[costs.len() - 1], 50.0, "ms");
    if let (Some(before), Some(after)) = (before, resident_mb()) {
        ok &= within("memory more than before it was opened", after - before, 16.0, "MB");
    }
    ok
}

/// Payloads of a tape's blocks of records, by the format's own words.
fn payloads(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).expect("a tape");
    let (mut at, mut all) = (16, Vec::new());
    while bytes.get(at..at + 4) == Some(b"\xa7TwB") {
        let packed = u32::from_le_bytes(bytes[at + 12..at + 16].try_into().expect("four")) as usize;
        let payload = &bytes[at + 56..at + 56 + packed];
        if bytes[at + 4] == 1 {
            let mut raw = Vec::new();
            match bytes[at + 5] {
                0 => raw.extend_from_slice(payload),
                _ => drop(DeflateDecoder::new(payload).read_to_end(&mut raw).expect("deflate")),
            }
            all.push(raw);
        }
        at += 56 + packed;
    }
    all
}

fn packing(folder: &Folder) {
    for (name, make, _) in CAPTURES {
        let path = std::env::var_os("TICKWIRE_CAPTURES").map(|captures| PathBuf::from(captures).join(name));
        let Some(path) = path.filter(|path| path.exists()) else {
            continue;
        };
        let tape = folder.file("packing.tape");
        let updates = write(&tape, &events(&path, *make)) as f64;
        let payloads = payloads(&tape);
        let raw: usize = payloads.iter().map(Vec::len).sum();
        println!("{name}: {:.2} B/upd plain", raw as f64 / updates);
        for level in [1, 2, 3, 4, 5, 6, 9] {
            let pack = |raw: &Vec<u8>| {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
                encoder.write_all(raw).expect("a vector takes all");
                encoder.finish().expect("a vector takes all")
            };
            let packed: Vec<Vec<u8>> = payloads.iter().map(pack).collect();
            let bytes: usize = packed.iter().map(Vec::len).sum();
            let packs = per_unit(5, || {
                payloads.iter().for_each(|raw| drop(black_box(pack(raw))));
                updates as u64
            });
            let mut raw = Vec::new();
            let unpacks = per_unit(5, || {
                for packed in &packed {
                    raw.clear();
                    DeflateDecoder::new(&packed[..]).read_to_end(&mut raw).expect("deflate");
                }
                updates as u64
            });
            let size = bytes as f64 / updates;
            println!("  deflate {level}: {size:.2} B/upd, packing {packs:.1} ns/upd, unpacking {unpacks:.1} ns/upd");
        }
    }
}

fn main() {
    let folder = Folder::new();
    let has = |flag: &str| std::env::args().any(|arg| arg == flag);
    if has("--packing") {
        return packing(&folder);
    }
    println!("CPU time of one thread, medians of {ROUNDS} rounds; seeks by the clock");
    let mut ok = true;
    for (name, make, bytes_max) in CAPTURES {
        ok &= capture(&folder, name, *make, *bytes_max);
    }
    let _ = cpu_ns;
    ok &= seeks(&folder, if has("--seek-large") { 100_000_000 } else { 3_000_000 });
    drop(folder);
    finish(ok);
}
