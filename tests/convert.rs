//! `tickwire convert` with the real binary: nothing is lost on any way, and nothing half or wrong is left behind.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::captures;
use support::process::{Ended, Process, run};
use tickwire::feed;
use tickwire::market::{
    Decimal, Event, Field, Fields, Side, StaleCause, Symbol, TickerState, Ts, Update, Value, VenueName, VenueState,
};
use tickwire::store::{INSTRUMENTS_MAX, Image, Writer};
use tickwire::tape::{OnDamage, Rotation, TapeReader, TapeWriter, Taped, What};

const CAPTURES: [&str; 8] = [
    "binance/spot_4symbols_20211012.capture.gz",
    "binance/spot_btcusdt_20240808.capture.gz",
    "binance/us_20211012.capture.gz",
    "binance/usdm_btcusdt_20240808.capture.gz",
    "coinbase/advanced_20260809.capture.gz",
    "coinbase/exchange_10products_20210417.capture.gz",
    "kraken/v2_book_btcusd_d10_resub_20260801.capture.gz",
    "kraken/v2_book_btcusd_d25_20260802.capture.gz",
];

/// A folder that is empty, and gone with its files when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("convert-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn with(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, content).expect("written");
        path
    }

    /// Names of all that is in it, in order.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0)
            .expect("a folder")
            .map(|entry| entry.expect("an entry"));
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn convert(from: &Path, to: &Path, more: &[&str]) -> Ended {
    run(&[&["convert", text(from), text(to)], more].concat())
}

fn converted(from: &Path, to: &Path) {
    let ended = convert(from, to, &[]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    assert!(ended.err.contains("converted "), "{}", ended.err);
}

/// Refused with this code and these words, and no new file is there.
fn refused(from: &Path, to: &Path, more: &[&str], code: i32, parts: &[&str]) {
    let was_there = fs::read(to).ok();
    let ended = convert(from, to, more);
    assert_eq!((ended.code, ended.out.as_str()), (Some(code), ""), "{}", ended.err);
    for part in parts {
        assert!(ended.err.contains(part), "no `{part}` in {}", ended.err);
    }
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
    assert_eq!(fs::read(to).ok(), was_there);
    let part = PathBuf::from(format!("{}.part", text(to)));
    assert!(!part.exists(), "{} is left", part.display());
}

fn records(tape: &Path) -> Vec<Taped> {
    let mut reader = TapeReader::open(tape, OnDamage::Stop).expect("a tape");
    let mut records = Vec::new();
    while reader.read(&mut records).expect("a whole tape") {}
    assert_eq!(reader.info().records, records.len() as u64);
    assert!(reader.info().has_index && reader.image().instruments.is_empty());
    records
}

fn image(records: &[Taped]) -> Image {
    let mut store = Writer::new(INSTRUMENTS_MAX);
    for taped in records {
        if let What::Event(event) = &taped.what {
            store.apply(event, taped.ts);
        }
    }
    store.image()
}

/// What the feed makes of a capture.
fn captured(path: &Path) -> Vec<Taped> {
    let events = feed::captured(path, None).expect("a capture");
    let taped = events.map(|event| {
        let (ts, event) = event.expect("a whole capture");
        let what = What::Event(event);
        Taped { ts, what }
    });
    taped.collect()
}

fn goes_all_ways(capture: &Path, name: &str) {
    let folder = Folder::new(name);
    let tape = folder.file("a.tape");
    converted(capture, &tape);
    let all = records(&tape);
    assert!(!all.is_empty());
    let events = captured(capture);
    assert_eq!(all.len(), events.len(), "{name}");
    assert_eq!(image(&all), image(&events), "{name}");
    for ending in ["ndjson", "csv"] {
        let (rows, back) = (
            folder.file(&format!("a.{ending}")),
            folder.file(&format!("{ending}.tape")),
        );
        converted(&tape, &rows);
        converted(&rows, &back);
        assert!(records(&back) == all, "{name}: a record is another one after {ending}");
        let direct = folder.file(&format!("direct.{ending}"));
        converted(capture, &direct);
        assert!(
            fs::read(&direct).expect("read") == fs::read(&rows).expect("read"),
            "{name}"
        );
    }
}

#[test]
fn the_demo_is_the_same_as_a_tape_and_after_every_way_through_rows() {
    goes_all_ways(&captures::demo(), "demo");
}

#[test]
fn every_recording_is_the_same_as_a_tape_and_after_every_way_through_rows() {
    for file in CAPTURES {
        if let Some(capture) = captures::real(file) {
            goes_all_ways(&capture, &file.replace('/', "-"));
        }
    }
}

/// A tape of every kind of record.
fn every_kind(path: &Path) {
    let symbol = |text: &str| Symbol::parse(text).expect(text);
    let decimal = |text: &str| Value::Set(Decimal::parse(text).expect(text));
    let mut trade = Fields::new();
    trade.trade(decimal("9223372036854775807"), Value::Misfit, Some(Side::Sell));
    let mut quote = Fields::new();
    quote.put(Field::BidPrice, decimal("-0.000000000000000001"));
    quote
        .clear(Field::AskPrice)
        .clear(Field::AskSize)
        .put(Field::LastPrice, decimal("5"));
    let update = |name: &str, fields, ts_event: Option<i64>, ts| {
        Event::Update(Update {
            symbol: symbol(name),
            fields,
            ts_event: ts_event.map(Ts),
            ts_recv: Ts(ts),
        })
    };
    let venue = |state, reason: &str| Event::Venue {
        venue: VenueName::parse("x").expect("a venue"),
        state,
        reason: reason.into(),
    };
    let mut tape = TapeWriter::create(path, Rotation::default()).expect("a new file");
    let mut write = |ts, event: Event| tape.write(Ts(ts), &event).expect("written");
    write(5, venue(VenueState::Up, ""));
    write(
        5,
        Event::Listed {
            symbol: symbol("x:\"A\"é"),
            price_decimals: Some(2),
            size_decimals: None,
            volume_decimals: Some(0),
        },
    );
    write(7, update("x:\"A\"é", trade, Some(6), 7));
    // A clock that was set back, and a stamp ahead of it.
    write(6, update("x:B", quote, Some(1_700_000_000_000_000_001), 6));
    write(6, update("x:B", Fields::new(), None, 6));
    for (state, cause) in [
        (TickerState::Stale, Some(StaleCause::Checksum)),
        (TickerState::Halted, None),
        (TickerState::Live, None),
    ] {
        let symbol = symbol("x:B");
        write(8, Event::State { symbol, state, cause });
    }
    tape.gap(Ts(9), 1_234).expect("written");
    let mut write = |ts, event: Event| tape.write(Ts(ts), &event).expect("written");
    write(10, update("x:B", quote, None, 10));
    write(11, Event::Removed(symbol("x:B")));
    write(12, venue(VenueState::Down, "said \"no, never\"\r\n and left\u{0}"));
    tape.finish().expect("finished");
}

#[test]
fn records_of_every_kind_are_kept_through_every_kind_of_row() {
    let folder = Folder::new("kinds");
    let tape = folder.file("a.tape");
    every_kind(&tape);
    let all = records(&tape);
    assert!(all.iter().any(|taped| taped.what == What::Gap { events: 1_234 }));
    for ending in ["ndjson", "jsonl", "csv", "tape"] {
        let (rows, back) = (
            folder.file(&format!("b.{ending}")),
            folder.file(&format!("{ending}.tape")),
        );
        converted(&tape, &rows);
        converted(&rows, &back);
        assert_eq!(records(&back), all, "{ending}");
    }
    // From one kind of rows to the other is as good as over a tape.
    let (csv, ndjson) = (folder.file("c.csv"), folder.file("c.ndjson"));
    converted(&folder.file("b.ndjson"), &csv);
    converted(&folder.file("b.csv"), &ndjson);
    assert_eq!(
        fs::read(csv).expect("read"),
        fs::read(folder.file("b.csv")).expect("read")
    );
    assert_eq!(
        fs::read(ndjson).expect("read"),
        fs::read(folder.file("b.ndjson")).expect("read")
    );
}

#[test]
fn a_users_own_lines_become_a_tape_at_their_own_times() {
    let folder = Folder::new("own");
    let lines = folder.with(
        "own.ndjson",
        concat!(
            "{\"symbol\": \"own:ABC\", \"bid_price\": \"1.250\", \"bid_size\": 10, \"ts_event\": \"1700000000000000000\"}\n",
            "\n",
            "{\"symbol\": \"own:ABC\", \"last_price\": 1.26, \"last_side\": \"buy\", \"state\": \"halted\", \"ts_event\": 1700000000000000007}\n",
        ),
    );
    let table = folder.with(
        "own.csv",
        "ts_event,symbol,bid_price,bid_size,last_price,last_side,state\n\
         1700000000000000000,own:ABC,1.25,10.0,,,\n\
         1700000000000000007,own:ABC,,,1.26,buy,halted\n",
    );
    let tapes = [(lines, "a.tape"), (table, "b.tape")].map(|(rows, tape)| {
        let tape = folder.file(tape);
        converted(&rows, &tape);
        records(&tape)
    });
    let times: Vec<i64> = tapes[0]
        .iter()
        .map(|taped| taped.ts.0 - 1_700_000_000_000_000_000)
        .collect();
    assert_eq!(times, [0, 0, 7, 7], "the venue is up with its first line");
    assert_eq!(tapes[0], tapes[1]);
    let image = image(&tapes[0]);
    assert_eq!(
        (image.venues[0].name.as_str(), image.venues[0].state),
        ("own", VenueState::Up)
    );
    let instrument = &image.instruments[0];
    assert_eq!((instrument.update_count, instrument.state.0), (2, TickerState::Halted));
    assert_eq!(instrument.ts_trade, Some(Ts(1_700_000_000_000_000_007)));
}

#[test]
fn a_broken_row_is_named_with_file_and_line_and_nothing_is_left() {
    let folder = Folder::new("broken");
    let good = r#"{"symbol":"own:A","low":1,"ts_event":7}"#;
    for (name, content, parts) in [
        (
            "key.ndjson",
            format!("{good}\n{good}\n{{\"symbol\":\"own:A\",\"price\":1,\"ts_event\":7}}\n{good}\n"),
            &["key.ndjson` line 3", "`price`", "`bid_price`"][..],
        ),
        (
            "time.jsonl",
            format!("{good}\n{{\"symbol\":\"own:A\",\"low\":1}}\n"),
            &["time.jsonl` line 2", "`ts_recv`", "`ts_event`"],
        ),
        (
            "cut.ndjson",
            format!("{good}\n{{\"symbol\":"),
            &["cut.ndjson` line 2", "not a JSON object"],
        ),
        (
            "column.csv",
            "symbol,price,ts_event\nown:A,1,7\n".into(),
            &["column.csv` line 1", "`price`", "`bid_price`"],
        ),
        ("empty.csv", String::new(), &["empty.csv` line 1", "header"]),
        (
            "number.csv",
            "symbol,low,ts_event\nown:A,1,7\nown:A,\"1,5\",7\n".into(),
            &["number.csv` line 3", "`low`", "1,5"],
        ),
        (
            "cells.csv",
            "symbol,low,ts_event\nown:A,1\n".into(),
            &["cells.csv` line 2", "2 cells", "has 3"],
        ),
    ] {
        let rows = folder.with(name, content);
        refused(&rows, &folder.file("x.tape"), &[], 1, parts);
        fs::remove_file(rows).expect("removed");
    }
    assert_eq!(folder.names(), [""; 0]);
    let no_tape = folder.with("text.tape", "hello");
    refused(&no_tape, &folder.file("x.csv"), &[], 1, &["text.tape"]);
    let no_capture = folder.with("text.capture", "hello");
    refused(&no_capture, &folder.file("x.csv"), &[], 1, &["text.capture", "line 1"]);
    refused(&folder.file("none.csv"), &folder.file("x.tape"), &[], 1, &["none.csv"]);
}

#[test]
fn what_is_there_is_never_overwritten() {
    let folder = Folder::new("there");
    let rows = folder.with("a.ndjson", r#"{"symbol":"own:A","low":1,"ts_event":7}"#);
    let there = folder.with("a.tape", "precious");
    refused(&rows, &there, &[], 1, &["a.tape", "is there already"]);
    refused(&rows, &rows, &[], 1, &["a.ndjson", "is there already"]);
    for ending in ["tape", "csv"] {
        let under_way = folder.with(&format!("b.{ending}.part"), "precious");
        let ended = convert(&rows, &folder.file(&format!("b.{ending}")), &[]);
        assert_eq!(ended.code, Some(1));
        assert!(ended.err.contains(&format!("b.{ending}.part")), "{}", ended.err);
        assert_eq!(fs::read(under_way).expect("it is there"), b"precious");
    }
    refused(&rows, &folder.file("no/where.csv"), &[], 1, &["where.csv"]);
}

#[test]
fn what_cannot_be_converted_is_a_2_that_says_what_can() {
    let folder = Folder::new("usage");
    let rows = folder.with("a.ndjson", r#"{"symbol":"own:A","low":1,"ts_event":7}"#);
    refused(
        &rows,
        &folder.file("x.txt"),
        &[],
        2,
        &["x.txt", ".capture.gz, .capture, .tape"],
    );
    refused(&folder.file("x"), &folder.file("x.tape"), &[], 2, &["ends with"]);
    refused(&rows, &folder.file("x.capture.gz"), &[], 2, &["tickwire record"]);
    refused(
        &folder.file("x.parquet"),
        &folder.file("x.tape"),
        &[],
        2,
        &["written only"],
    );
    refused(&rows, &folder.file("x.tape"), &["--speed"], 2, &["--speed"]);
    if !cfg!(feature = "parquet") {
        refused(&rows, &folder.file("x.parquet"), &[], 2, &["--features parquet"]);
    }
    let ended = run(&["convert", "a.tape"]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
}

fn own_line(n: u64, price: u64) -> String {
    let symbol = n % 50;
    format!("{{\"symbol\":\"own:S{symbol}\",\"bid_price\":\"{price}.5\",\"ts_event\":{n}}}\n")
}

#[test]
fn a_damaged_recording_is_refused_and_with_salvage_the_rest_is_kept() {
    let folder = Folder::new("damaged");
    let tape = folder.file("a.tape");
    let rows: String = (0..50_000).map(|n| own_line(n, n % 9_000)).collect();
    converted(&folder.with("a.ndjson", rows), &tape);
    let all = records(&tape);
    let mut bytes = fs::read(&tape).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let damaged = folder.with("damaged.tape", &bytes);
    refused(&damaged, &folder.file("b.tape"), &[], 1, &["damaged.tape"]);
    let rest = folder.file("rest.tape");
    let ended = convert(&damaged, &rest, &["--salvage"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("passed over: "), "{}", ended.err);
    let rest = records(&rest);
    assert!(!rest.is_empty() && rest.len() < all.len());
    let mut left = all.iter();
    let mut updates = rest
        .iter()
        .filter(|taped| matches!(taped.what, What::Event(Event::Update(_))));
    assert!(
        updates.all(|one| left.any(|other| other == one)),
        "what is left is in its order"
    );
    // Where something is missing nothing is live that has not spoken since.
    let at = rest.iter().position(|taped| taped.what == What::Gap { events: 0 });
    let states = |wanted: TickerState, why: Option<StaleCause>| {
        let behind = rest.iter().skip(at.expect("a gap"));
        let is_so = |taped: &&Taped| matches!(taped.what, What::Event(Event::State { state, cause, .. }) if (state, cause) == (wanted, why));
        behind.filter(is_so).count()
    };
    assert_eq!(states(TickerState::Stale, Some(StaleCause::Gap)), 50);
    assert_eq!(states(TickerState::Live, None), 50);

    let whole = fs::read(captures::demo()).expect("read");
    let cut = folder.with("cut.capture.gz", &whole[..whole.len() / 2]);
    refused(&cut, &folder.file("c.tape"), &[], 1, &["cut.capture.gz", "truncated"]);
    let ended = convert(&cut, &folder.file("c.tape"), &["--salvage"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("truncated"), "{}", ended.err);
    let begin = records(&folder.file("c.tape"));
    assert!(begin.len() > 100 && captured(&captures::demo()).len() > begin.len());
}

#[test]
fn a_large_file_takes_no_more_memory_than_a_small_one_and_an_interrupt_leaves_nothing() {
    let folder = Folder::new("large");
    // Prices without a pattern, so that a tape has its size.
    let mut random = fastrand::Rng::with_seed(1);
    let lines: String = (0..1_000_000).map(|n| own_line(n, random.u64(..1 << 40))).collect();
    let rows = folder.with("a.ndjson", &lines);
    for ending in ["tape", "csv"] {
        let to = folder.file(&format!("b.{ending}"));
        let process = Process::spawn(&["convert", text(&rows), text(&to)]);
        let mut most = 0;
        support::eventually("much of it is written", || {
            most = most.max(process.resident_bytes().unwrap_or(0));
            let part = fs::metadata(folder.file(&format!("b.{ending}.part"))).ok()?;
            (part.len() > 2_000_000).then_some(())
        });
        assert!(most < 60_000_000, "{most} bytes of memory for {} of rows", lines.len());
        process.signal("INT");
        let ended = process.wait();
        assert_eq!(ended.code, Some(1), "{}", ended.err);
        assert!(ended.err.contains("interrupted"), "{}", ended.err);
        assert_eq!(folder.names(), ["a.ndjson"]);
    }
}

#[cfg(feature = "parquet")]
mod parquet {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::RowAccessor;

    use super::*;

    #[test]
    fn parquet_has_the_cells_of_csv_with_times_as_timestamps() {
        let folder = Folder::new("parquet");
        let (tape, file) = (folder.file("a.tape"), folder.file("a.parquet"));
        every_kind(&tape);
        converted(&tape, &file);
        let reader = SerializedFileReader::new(fs::File::open(&file).expect("a file")).expect("Parquet");
        let schema = reader.metadata().file_metadata().schema_descr();
        let names: Vec<&str> = schema.columns().iter().map(|column| column.name()).collect();
        let csv = folder.file("a.csv");
        converted(&tape, &csv);
        let csv = fs::read(csv).expect("read");
        let mut csv = csv::Reader::from_reader(&csv[..]);
        assert_eq!(csv.headers().expect("a header").iter().collect::<Vec<_>>(), names);
        let mut rows = reader.get_row_iter(None).expect("rows");
        let mut count = 0;
        for record in csv.records() {
            let record = record.expect("a row");
            let row = rows.next().expect("as many rows").expect("a row");
            for (at, cell) in record.iter().enumerate() {
                let got = match names[at] {
                    "ts_recv" | "ts_event" => row.get_long(at).map(|ns| ns.to_string()),
                    "events_lost" => row.get_ulong(at).map(|count| count.to_string()),
                    "trade" => row.get_bool(at).map(|flag| flag.to_string()),
                    name if name.ends_with("_decimals") => row.get_int(at).map(|places| places.to_string()),
                    _ => row.get_string(at).cloned(),
                };
                assert_eq!(got.unwrap_or_default(), cell, "{} of {record:?}", names[at]);
            }
            count += 1;
        }
        assert!(rows.next().is_none() && count == records(&tape).len());
    }

    #[test]
    fn a_whole_recording_has_as_many_rows_as_records() {
        let folder = Folder::new("parquet-demo");
        let (tape, file) = (folder.file("a.tape"), folder.file("a.parquet"));
        converted(&captures::demo(), &tape);
        converted(&tape, &file);
        let reader = SerializedFileReader::new(fs::File::open(&file).expect("a file")).expect("Parquet");
        let rows = reader.metadata().file_metadata().num_rows();
        assert_eq!(rows as usize, records(&tape).len());
        let ts: Vec<i64> = reader
            .get_row_iter(None)
            .expect("rows")
            .map(|row| row.expect("a row").get_long(0).expect("a time"))
            .collect();
        assert!(records(&tape).iter().map(|taped| taped.ts.0).eq(ts));
    }
}
