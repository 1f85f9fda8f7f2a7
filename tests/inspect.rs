//! `tickwire inspect` with the real binary: its figures are those of the recording.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::captures;
use support::process::{Ended, directory_with, run};
use tickwire::feed;
use tickwire::market::{
    Decimal, Event, Field, Fields, StaleCause, Symbol, TickerState, Ts, Update, VenueName, VenueState,
};
use tickwire::tape::{Rotation, TapeWriter};

const SECOND: i64 = 1_000_000_000;
/// 2023-11-14T22:13:20Z
const START: i64 = 1_700_000_000 * SECOND;

/// A folder of its own, gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        Folder(directory_with(("is", b"here")))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn inspect(file: &Path, more: &[&str]) -> Ended {
    run(&[&["inspect", file.to_str().expect("UTF-8")], more].concat())
}

fn report(file: &Path, more: &[&str]) -> Value {
    let ended = inspect(file, &[&["--json"], more].concat());
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    serde_json::from_str(&ended.out).expect("JSON")
}

fn refused(file: &Path, more: &[&str], code: i32, parts: &[&str]) {
    let ended = inspect(file, more);
    assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{}", ended.err);
    for part in parts {
        assert!(ended.err.contains(part), "no `{part}` in {}", ended.err);
    }
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

fn update(symbol: &str, is_trade: bool, ms: i64, lag_ms: Option<i64>) -> Event {
    let mut fields = Fields::new();
    let price = Decimal::from_int(ms);
    if is_trade {
        fields.set(Field::LastPrice, price).mark_trade();
    } else {
        fields.set(Field::BidPrice, price);
    }
    let ts_recv = Ts(START + ms * 1_000_000);
    Event::Update(Update {
        symbol: Symbol::parse(symbol).expect(symbol),
        fields,
        ts_event: lag_ms.map(|lag| Ts(ts_recv.0 - lag * 1_000_000)),
        ts_recv,
    })
}

/// A tape of 20 s whose figures can be counted by hand.
fn small(path: &Path) {
    let symbol = |text: &str| Symbol::parse(text).expect(text);
    let mut tape = TapeWriter::create(path, Rotation::default()).expect("a new file");
    let mut write = |ms: i64, event: Event| tape.write(Ts(START + ms * 1_000_000), &event).expect("written");
    let venue = |name: &str, state| Event::Venue {
        venue: VenueName::parse(name).expect(name),
        state,
        reason: String::new(),
    };
    write(0, venue("a", VenueState::Up));
    write(0, venue("quiet", VenueState::Down));
    write(
        0,
        Event::Listed {
            symbol: symbol("a:X"),
            price_decimals: None,
            size_decimals: None,
            volume_decimals: None,
        },
    );
    for ms in 0..100 {
        // All in one second, ten in each beat; the venue's clock is ahead for the first.
        write(ms, update("a:X", ms % 4 == 0, ms, Some(if ms == 0 { -3 } else { 10 })));
    }
    // Twelve in one beat.
    for at in 0..12 {
        write(15_100, update("a:Y", false, 15_100, (at < 3).then_some(1_000)));
    }
    for (state, cause) in [
        (TickerState::Stale, Some(StaleCause::Gap)),
        (TickerState::Stale, Some(StaleCause::Silent)),
        (TickerState::Stale, None),
        (TickerState::Halted, None),
    ] {
        let symbol = symbol("a:Y");
        write(15_100, Event::State { symbol, state, cause });
    }
    write(16_000, Event::Removed(symbol("a:X")));
    write(20_000, update("b:Z", true, 20_000, None));
    tape.finish().expect("finished");
}

#[test]
fn the_figures_of_a_tape_are_those_that_were_written() {
    let folder = Folder::new();
    let tape = folder.file("small.tape");
    small(&tape);
    let report = report(&tape, &[]);
    let time = |ms: i64, utc: &str| json!({"ns": (START + ms * 1_000_000).to_string(), "utc": utc});
    let bytes = fs::metadata(&tape).expect("a file").len();
    for (key, want) in [
        ("file", json!(tape.to_str())),
        ("kind", json!("tape")),
        ("bytes", json!(bytes)),
        ("damages", json!([])),
        ("records", json!(3 + 113 + 4 + 1)),
        ("first", time(0, "2023-11-14T22:13:20.000000000Z")),
        ("last", time(20_000, "2023-11-14T22:13:40.000000000Z")),
        ("span_ns", json!(20 * SECOND)),
        (
            "events",
            json!({
                "updates": 113, "trades": 26, "quotes": 87, "listed": 1, "removed": 1,
                "states": {"live": 0, "stale": 3, "halted": 1},
                "venue_states": {"up": 1, "stale": 0, "down": 1},
            }),
        ),
        (
            "breaks",
            json!({
                "marks": 0, "events_lost": 0,
                "gap": 1, "checksum": 0, "silent": 1, "disconnected": 0, "restart": 0, "unsaid": 1,
            }),
        ),
        (
            "venues",
            json!([
                {"venue": "a", "symbols": 2, "updates": 112, "per_second": 5.6},
                {"venue": "b", "symbols": 1, "updates": 1, "per_second": 0.05},
                {"venue": "quiet", "symbols": 0, "updates": 0, "per_second": 0.0},
            ]),
        ),
        ("symbols_total", json!(3)),
        (
            "symbols",
            json!([
                {"symbol": "a:X", "updates": 100, "trades": 25, "per_second": 5.0},
                {"symbol": "a:Y", "updates": 12, "trades": 0, "per_second": 0.6},
                {"symbol": "b:Z", "updates": 1, "trades": 1, "per_second": 0.05},
            ]),
        ),
        (
            "bursts",
            json!({
                "in_10_ms": {"updates": 12, "from": time(15_100, "2023-11-14T22:13:35.100000000Z")},
                "in_1_s": {"updates": 100, "from": time(0, "2023-11-14T22:13:20.000000000Z")},
            }),
        ),
        (
            "silence",
            json!({"ns": 15_001_000_000_i64, "from": time(99, "2023-11-14T22:13:20.099000000Z")}),
        ),
    ] {
        assert_eq!(report[key], want, "{key}");
    }
    assert_eq!(report["tape"]["has_index"], json!(true));
    assert!(report["tape"]["blocks"].as_u64() > Some(0) && report["tape"]["keyframes"].as_u64() > Some(0));
    let per_update = report["bytes_per_update"].as_f64().expect("a number");
    assert!((per_update - bytes as f64 / 113.0).abs() < 0.001, "{per_update}");
    let lag = &report["lag_ns"];
    assert_eq!(
        (&lag["count"], &lag["min"], &lag["max"]),
        (&json!(103), &json!(-3_000_000), &json!(1_000_000_000))
    );
    let close = |key: &str, want: i64| {
        let got = lag[key].as_i64().expect("a number");
        assert!(got.abs_diff(want) <= want.unsigned_abs() / 1_000, "{key} {got}");
    };
    close("p50", 10_000_000);
    close("p90", 10_000_000);
    close("p99", 1_000_000_000);
    let columns: Vec<u64> = report["rate"]["updates"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    assert_eq!((columns.len(), columns[0], columns[45], columns[59]), (60, 100, 12, 1));
    assert_eq!(columns.iter().sum::<u64>(), 113);
}

#[test]
fn the_table_says_the_same_for_people() {
    let folder = Folder::new();
    let tape = folder.file("small.tape");
    small(&tape);
    let ended = inspect(&tape, &[]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    for part in [
        "2023-11-14T22:13:20.000000000Z to 2023-11-14T22:13:40.000000000Z, 20.000 s",
        "121: 113 updates (87 with quotes, 26 trades), 1 listed, 1 removed",
        "0 marks (0 events lost), 1 GAP, 0 CHECKSUM, 1 SILENT, 0 DISCONNECTED, 1 without a cause",
        "min -3.0 ms",
        "12 in 10 ms at 2023-11-14T22:13:35.100000000Z, 100 in 1 s at",
        "15.001 s from 2023-11-14T22:13:20.099000000Z",
        "█",
        "a:X         100      25      5.00",
    ] {
        assert!(ended.out.contains(part), "no `{part}` in\n{}", ended.out);
    }
    let rate = ended.out.lines().find(|line| line.starts_with("rate")).expect("a rate");
    assert_eq!(rate.chars().position(|c| c == '│'), Some(11 + 60), "{rate}");
}

#[test]
fn only_the_busiest_symbols_are_told_unless_all_are_asked_for() {
    let folder = Folder::new();
    let path = folder.file("many.tape");
    let mut tape = TapeWriter::create(&path, Rotation::default()).expect("a new file");
    for n in 0..25 {
        for ms in 0..=n {
            tape.write(Ts(0), &update(&format!("a:S{n}"), false, ms, None))
                .expect("written");
        }
    }
    tape.finish().expect("finished");
    let top = report(&path, &[]);
    assert_eq!(
        (&top["symbols_total"], top["symbols"].as_array().map(Vec::len)),
        (&json!(25), Some(20))
    );
    assert_eq!(top["symbols"][0]["symbol"], json!("a:S24"));
    assert_eq!(top["lag_ns"], Value::Null);
    assert_eq!(report(&path, &["--all"])["symbols"].as_array().map(Vec::len), Some(25));
    assert!(inspect(&path, &[]).out.contains("and 5 more: --all shows them"));
    assert!(!inspect(&path, &["--all"]).out.contains("more"));
}

#[test]
fn marks_of_the_recorder_are_counted() {
    let folder = Folder::new();
    let path = folder.file("gap.tape");
    let mut tape = TapeWriter::create(&path, Rotation::default()).expect("a new file");
    tape.write(Ts(0), &update("a:X", false, 0, None)).expect("written");
    tape.gap(Ts(START + 1), 1_234).expect("written");
    tape.finish().expect("finished");
    let breaks = &report(&path, &[])["breaks"];
    assert_eq!(
        (&breaks["marks"], &breaks["events_lost"], &breaks["gap"]),
        (&json!(1), &json!(1_234), &json!(1))
    );
}

#[test]
fn an_empty_tape_has_nothing_to_tell() {
    let folder = Folder::new();
    let path = folder.file("empty.tape");
    TapeWriter::create(&path, Rotation::default())
        .expect("a new file")
        .finish()
        .expect("finished");
    let report = report(&path, &[]);
    assert_eq!(
        (&report["records"], &report["first"], &report["bytes_per_update"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    assert_eq!(
        (&report["silence"], &report["bursts"]["in_1_s"]),
        (&Value::Null, &Value::Null)
    );
    assert!(inspect(&path, &[]).out.contains("no record"));
}

/// The figures of a capture against a count of its events.
fn counts_right(capture: &Path, tape: &Path) {
    let (mut updates, mut lags): (BTreeMap<String, u64>, Vec<i64>) = Default::default();
    for event in feed::captured(capture, None).expect("a capture") {
        if let (_, Event::Update(update)) = event.expect("a whole capture") {
            *updates.entry(update.symbol.to_string()).or_default() += 1;
            lags.extend(update.ts_event.map(|ts| update.ts_recv.0 - ts.0));
        }
    }
    lags.sort_unstable();
    let converted = run(&[
        "convert",
        capture.to_str().expect("UTF-8"),
        tape.to_str().expect("UTF-8"),
    ]);
    assert_eq!(converted.code, Some(0), "{}", converted.err);
    for file in [capture, tape] {
        let report = report(file, &["--all"]);
        let counted = report["symbols"].as_array().expect("a list").iter();
        let counted = counted.map(|row| {
            (
                row["symbol"].as_str().expect("a symbol").to_owned(),
                row["updates"].as_u64(),
            )
        });
        let want = updates.iter().map(|(symbol, count)| (symbol.clone(), Some(*count)));
        let counted: BTreeMap<_, _> = counted.filter(|(_, count)| *count != Some(0)).collect();
        assert_eq!(counted, want.collect(), "{}", file.display());
        let lag = &report["lag_ns"];
        for (key, rank) in [
            ("min", 0),
            ("p50", lags.len().div_ceil(2) - 1),
            ("p99", (lags.len() * 99).div_ceil(100) - 1),
            ("max", lags.len() - 1),
        ] {
            let (got, want) = (lag[key].as_i64().expect("a number"), lags[rank]);
            assert!(
                got.abs_diff(want) <= want.unsigned_abs() / 1_000,
                "{key}: {got} for {want}"
            );
        }
        let total: u64 = report["rate"]["updates"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_u64)
            .sum();
        assert_eq!(total, updates.values().sum::<u64>());
    }
}

#[test]
fn captures_and_the_tapes_made_of_them_are_counted_right() {
    let folder = Folder::new();
    counts_right(&captures::demo(), &folder.file("demo.tape"));
    for (n, file) in [
        "binance/spot_btcusdt_20240808.capture.gz",
        "coinbase/exchange_10products_20210417.capture.gz",
        "kraken/v2_book_btcusd_d25_20260802.capture.gz",
    ]
    .into_iter()
    .enumerate()
    {
        if let Some(capture) = captures::real(file) {
            counts_right(&capture, &folder.file(&format!("{n}.tape")));
        }
    }
}

#[test]
fn what_is_damaged_is_told_with_what_came_before_and_salvage_reads_on() {
    let folder = Folder::new();
    let whole = folder.file("whole.tape");
    let mut tape = TapeWriter::create(&whole, Rotation::default()).expect("a new file");
    for ms in 0..50_000 {
        tape.write(Ts(0), &update("a:X", false, ms, None)).expect("written");
    }
    tape.finish().expect("finished");
    let mut bytes = fs::read(&whole).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let damaged = folder.file("damaged.tape");
    fs::write(&damaged, bytes).expect("written");
    let all = report(&whole, &[])["records"].as_u64();
    let stopped = inspect(&damaged, &["--json"]);
    assert_eq!(stopped.code, Some(1));
    assert!(
        stopped.err.contains("damaged.tape") && stopped.err.contains("--salvage"),
        "{}",
        stopped.err
    );
    let before: Value = serde_json::from_str(&stopped.out).expect("JSON");
    assert_eq!(before["damages"].as_array().map(Vec::len), Some(1));
    let salvaged = report(&damaged, &["--salvage"]);
    assert!(before["records"].as_u64() < salvaged["records"].as_u64() && salvaged["records"].as_u64() < all);
    assert_eq!(salvaged["damages"].as_array().map(Vec::len), Some(1));
    assert!(inspect(&damaged, &["--salvage"]).out.contains("\ndamage     "));

    let capture = fs::read(captures::demo()).expect("read");
    let cut = folder.file("cut.capture.gz");
    fs::write(&cut, &capture[..capture.len() / 2]).expect("written");
    let stopped = inspect(&cut, &[]);
    assert_eq!(stopped.code, Some(1));
    assert!(
        stopped.err.contains("truncated") && stopped.out.contains("truncated"),
        "{}",
        stopped.err
    );
    assert!(report(&cut, &["--salvage"])["records"].as_u64() > Some(100));
}

#[test]
fn what_is_no_recording_is_refused() {
    let folder = Folder::new();
    let csv = folder.file("x.csv");
    refused(&csv, &[], 2, &["x.csv", "CSV", "tickwire convert"]);
    refused(&folder.file("x.txt"), &[], 2, &["x.txt", ".tape"]);
    refused(&folder.file("none.tape"), &[], 1, &["none.tape"]);
    refused(&folder.file("none.capture"), &[], 1, &["none.capture"]);
    let text = folder.file("text.tape");
    fs::write(&text, "hello").expect("written");
    refused(&text, &[], 1, &["text.tape", "not a tape"]);
    refused(&text, &["--speed"], 2, &["--speed"]);
}
