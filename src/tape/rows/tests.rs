use proptest::prelude::*;

use super::csv::{CsvWriter, Rows};
use super::error::{ROW_BYTES_MAX, RowError};
use super::ndjson::{Fault, Lines, NdjsonWriter};
use crate::market::{Decimal, Event, Field, Side, StaleCause, Symbol, TickerState, Ts, Value, VenueState, arbitrary};
use crate::tape::{Taped, What};

/// Records of any kind: any times, symbols of every sign that a name may have, reasons of any text.
fn taped() -> impl Strategy<Value = Taped> {
    let symbols = ["x:A", "kraken:BTC/USD", "v0:\"q\"\\'é:;", "$stats:beats_s"];
    let symbols = symbols.map(|text| Symbol::parse(text).expect(text)).to_vec();
    let ts = || prop_oneof![any::<i64>(), 0..3_000_000_000i64].prop_map(Ts);
    let event = (
        arbitrary::event(symbols, -5_000..5_000),
        ts(),
        "\\PC{0,9}|[\"\r\n, \t\u{0}]{0,9}",
    )
        .prop_map(|(mut event, ts_recv, words)| {
            match &mut event {
                Event::Update(update) => update.ts_recv = ts_recv,
                Event::Venue { reason, .. } => *reason = words,
                _ => {}
            }
            let (ts, what) = (ts_recv, What::Event(event));
            Taped { ts, what }
        });
    let gap = (ts(), any::<u64>()).prop_map(|(ts, events)| Taped {
        ts,
        what: What::Gap { events },
    });
    prop_oneof![20 => event, 1 => gap]
}

fn ndjson(records: &[Taped]) -> String {
    let mut writer = NdjsonWriter::new(Vec::new());
    records
        .iter()
        .for_each(|one| writer.write(one).expect("a vector takes all"));
    String::from_utf8(writer.finish().expect("a vector takes all")).expect("text")
}

fn csv(records: &[Taped]) -> String {
    let mut writer = CsvWriter::new(Vec::new()).expect("a vector takes all");
    records
        .iter()
        .for_each(|one| writer.write(one).expect("a vector takes all"));
    String::from_utf8(writer.finish().expect("a vector takes all")).expect("text")
}

/// What lines say up to the first fault, and that with its line.
fn read_ndjson(text: &[u8]) -> (Vec<Taped>, Option<(u64, String)>) {
    let (mut lines, mut out) = (Lines::new(text), Vec::new());
    loop {
        match lines.next(&mut out) {
            Ok(true) => {}
            Ok(false) => return (out, None),
            Err(fault) => return (out, Some((lines.number, words(fault)))),
        }
    }
}

fn read_csv(text: &[u8]) -> (Vec<Taped>, Option<(u64, String)>) {
    let mut rows = match Rows::new(text) {
        Ok(rows) => rows,
        Err(fault) => return (Vec::new(), Some((1, words(fault)))),
    };
    let mut out = Vec::new();
    loop {
        match rows.next(&mut out) {
            Ok(true) => {}
            Ok(false) => return (out, None),
            Err(fault) => return (out, Some((rows.line, words(fault)))),
        }
    }
}

fn words(fault: Fault) -> String {
    match fault {
        Fault::Row(error) => error.to_string(),
        Fault::Read(error) => panic!("{error}"),
    }
}

fn parsed(line: &str) -> Vec<Taped> {
    let (records, fault) = read_ndjson(line.as_bytes());
    assert_eq!(fault, None, "{line}");
    records
}

fn refused(line: &str) -> String {
    let (records, fault) = read_ndjson(line.as_bytes());
    assert!(records.is_empty(), "{line}: {records:?}");
    fault.unwrap_or_else(|| panic!("{line} was taken")).1
}

fn update(taped: &Taped) -> &crate::market::Update {
    match &taped.what {
        What::Event(Event::Update(update)) => update,
        other => panic!("{other:?} is no update"),
    }
}

proptest! {
    #[test]
    fn what_was_written_as_lines_of_json_is_read_as_what_it_was(records in prop::collection::vec(taped(), 0..20)) {
        let text = ndjson(&records);
        prop_assert_eq!(text.lines().count(), records.len());
        prop_assert_eq!(read_ndjson(text.as_bytes()), (records, None), "{}", text);
    }

    #[test]
    fn what_was_written_as_csv_is_read_as_what_it_was(records in prop::collection::vec(taped(), 0..20)) {
        let text = csv(&records);
        prop_assert_eq!(read_csv(text.as_bytes()), (records, None), "{}", text);
    }

    #[test]
    fn columns_may_stand_in_any_order(records in prop::collection::vec(taped(), 1..8), seed in any::<u64>()) {
        let text = csv(&records);
        let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let rows: Vec<::csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
        let mut order: Vec<usize> = (0..rows[0].len()).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        for row in &rows {
            writer.write_record(order.iter().map(|at| &row[*at])).expect("a vector takes all");
        }
        let shuffled = writer.into_inner().expect("a vector takes all");
        prop_assert_eq!(read_csv(&shuffled), (records, None));
    }

    #[test]
    fn a_line_that_the_feed_takes_is_a_row_of_the_same_meaning(
        keys in prop::sample::subsequence(Field::ALL.to_vec(), 0..6),
        values in prop::collection::vec("null|-?[0-9]{1,20}|\"[0-9]{0,9}\\.[0-9]{1,19}\"|1e-7|\"buy\"|2|true|\\[\\]", 6),
        state in prop::sample::select(vec!["", ",\"state\":\"halted\"", ",\"state\":\"live\"", ",\"state\":\"stale\"", ",\"state\":null"]),
    ) {
        let fields: Vec<String> = keys.iter().zip(&values).map(|(f, v)| format!("\"{}\":{v},", f.name())).collect();
        let text = format!("{{{}\"symbol\":\"own:A\",\"ts_event\":7{state}}}", fields.concat());
        let (records, fault) = read_ndjson(text.as_bytes());
        match crate::feed::ndjson::parse(text.as_bytes()) {
            Ok(line) => {
                prop_assert_eq!(fault, None, "{}", text);
                let update = update(&records[1]);
                prop_assert_eq!((update.symbol.as_str(), update.fields), (&*line.symbol, line.fields));
                prop_assert_eq!(update.ts_event, line.ts_event);
                let states = records[2..].iter().map(|taped| match &taped.what {
                    What::Event(Event::State { state, cause: None, .. }) => *state,
                    other => panic!("{other:?} is no state"),
                });
                prop_assert_eq!(states.collect::<Vec<_>>(), Vec::from_iter(line.state));
            }
            // A side that is any number is kept where a recording has one.
            Err(crate::feed::ndjson::LineError::Side(_)) => {}
            Err(_) => prop_assert!(fault.is_some(), "{}", text),
        }
    }

    #[test]
    fn any_bytes_are_records_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = (read_ndjson(&bytes), read_csv(&bytes));
    }

    #[test]
    fn nearly_right_rows_are_records_or_an_error(
        line in "\\{(\"(symbol|low|last_side|ts_event|ts_recv|event|trade|cleared|state|venue)\":(null|true|1e5|\"[a-z:\\\\u0]{0,6}\"|\\[\\]),?){0,5}\\}?",
        row in "(ts_recv|symbol|low|event)(,(state|trade|venue|ts_recv)){0,3}\n([0-9a-z:\",]{0,9}\n){0,4}",
    ) {
        let _ = (read_ndjson(line.as_bytes()), read_csv(row.as_bytes()));
    }
}

#[test]
fn lines_are_what_the_feed_takes_with_what_it_does_not_say_beside_it() {
    let mut fields = crate::market::Fields::new();
    fields.trade(
        Value::Set(Decimal::parse("61837.630").expect("a number")),
        Value::Misfit,
        Some(Side::Sell),
    );
    fields
        .clear(Field::AskPrice)
        .set(Field::TradeCount, Decimal::from_int(7));
    let symbol = Symbol::parse("x:A").expect("a symbol");
    let record = |what| Taped { ts: Ts(5), what };
    let venue = crate::market::VenueName::parse("x").expect("a venue");
    let records = [
        record(What::Event(Event::Update(crate::market::Update {
            symbol: symbol.clone(),
            fields,
            ts_event: Some(Ts(4)),
            ts_recv: Ts(5),
        }))),
        record(What::Event(Event::State {
            symbol: symbol.clone(),
            state: TickerState::Stale,
            cause: Some(StaleCause::Gap),
        })),
        record(What::Event(Event::Listed {
            symbol: symbol.clone(),
            price_decimals: Some(2),
            size_decimals: None,
            volume_decimals: Some(0),
        })),
        record(What::Event(Event::Removed(symbol))),
        record(What::Event(Event::Venue {
            venue,
            state: VenueState::Down,
            reason: "no \"data\"".into(),
        })),
        record(What::Gap { events: 12 }),
    ];
    let lines = ndjson(&records);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"ts_recv":"5","symbol":"x:A","ask_price":null,"last_price":"61837.63","trade_count":7,"last_side":"sell","trade":true,"ts_event":"4","misfit":"last_size"}"#,
            r#"{"ts_recv":"5","event":"state","symbol":"x:A","state":"stale","cause":"gap"}"#,
            r#"{"ts_recv":"5","event":"listed","symbol":"x:A","price_decimals":2,"volume_decimals":0}"#,
            r#"{"ts_recv":"5","event":"removed","symbol":"x:A"}"#,
            r#"{"ts_recv":"5","event":"venue","venue":"x","state":"down","reason":"no \"data\""}"#,
            r#"{"ts_recv":"5","event":"gap","events_lost":12}"#,
        ]
    );
    let text = csv(&records);
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(
        rows,
        [
            "ts_recv,event,symbol,venue,bid_price,bid_size,ask_price,ask_size,last_price,last_size,volume,open,high,low,\
             trade_count,last_side,trade,cleared,misfit,ts_event,state,cause,reason,price_decimals,size_decimals,\
             volume_decimals,events_lost",
            "5,update,x:A,,,,,,61837.63,,,,,,7,sell,true,ask_price,last_size,4,,,,,,,",
            "5,state,x:A,,,,,,,,,,,,,,,,,,stale,gap,,,,,",
            "5,listed,x:A,,,,,,,,,,,,,,,,,,,,,2,,0,",
            "5,removed,x:A,,,,,,,,,,,,,,,,,,,,,,,,",
            "5,venue,,x,,,,,,,,,,,,,,,,,down,,\"no \"\"data\"\"\",,,,",
            "5,gap,,,,,,,,,,,,,,,,,,,,,,,,,12",
        ]
    );
}

#[test]
fn a_plain_line_means_what_it_means_to_the_feed_at_the_venues_time() {
    let records = parsed(
        r#"{"symbol":"own:A","last_price":1.50,"bid_size":null,"ts_event":"7","state":"halted"}
           {"symbol":"own:B","low":1,"ts_event":"8"}"#,
    );
    assert_eq!(records.iter().map(|taped| taped.ts.0).collect::<Vec<_>>(), [7, 7, 7, 8]);
    let up = VenueState::Up;
    assert!(
        matches!(&records[0].what, What::Event(Event::Venue { venue, state, .. }) if venue.as_str() == "own" && *state == up)
    );
    let update = update(&records[1]);
    assert_eq!((update.ts_event, update.ts_recv), (Some(Ts(7)), Ts(7)));
    assert!(update.fields.is_trade());
    assert_eq!(update.fields.get(Field::BidSize), Some(Value::Cleared));
    let halted = TickerState::Halted;
    assert!(matches!(&records[2].what, What::Event(Event::State { state, cause: None, .. }) if *state == halted));
    // The feed lists an instrument of which nothing but the state is said.
    assert_eq!(parsed(r#"{"symbol":"own:A","state":"live","ts_event":7}"#).len(), 3);
    assert_eq!(parsed(r#"{"symbol":"own:A","state":"live","ts_recv":7}"#).len(), 1);
    assert_eq!(
        parsed("\n \r\n{\"symbol\":\"own:A\",\"low\":1,\"ts_recv\":7}\r\n\n").len(),
        1
    );
    assert!(refused(r#"{"symbol":"own:A","low":1}"#).contains("neither `ts_recv` nor `ts_event`"));
}

#[test]
fn what_a_line_is_need_not_be_said_where_its_keys_say_it() {
    let venue = parsed(r#"{"ts_recv":"1","venue":"x","state":"down","reason":"bye"}"#);
    assert!(matches!(&venue[0].what, What::Event(Event::Venue { reason, .. }) if reason == "bye"));
    let state = parsed(r#"{"ts_recv":"1","symbol":"x:A","state":"stale","cause":"checksum"}"#);
    let want = Some(StaleCause::Checksum);
    assert!(matches!(&state[0].what, What::Event(Event::State { cause, .. }) if *cause == want));
    let trade = parsed(r#"{"ts_recv":"1","symbol":"x:A","last_price":"1","trade":false}"#);
    assert!(!update(&trade[0]).fields.is_trade());
    let nulls = parsed(r#"{"ts_recv":1,"symbol":"x:A","low":1,"cause":null,"venue":null,"event":null}"#);
    assert_eq!(nulls.len(), 1);
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    for (line, parts) in [
        (
            r#"{"symbol":"x:A","price":1}"#,
            &["`price`", "`bid_price`", "`events_lost`"][..],
        ),
        (r#"{"symbol":"x:A","low":1,"low":2}"#, &["`low`", "more than once"]),
        (
            r#"{"symbol":"x:A","low":1,"cleared":"high low"}"#,
            &["`low`", "more than once"],
        ),
        (
            r#"{"symbol":"x:A","misfit":"low price"}"#,
            &["`misfit`", "`price`", "spaces"],
        ),
        (r#"{"symbol":"x:A","low":"1,5"}"#, &["`low`", "1,5", "is no number"]),
        (r#"{"symbol":"x:A","last_side":"BUY"}"#, &["`last_side`", "BUY"]),
        (
            r#"{"ts_recv":"+1","symbol":"x:A","low":1}"#,
            &["`ts_recv`", "+1", "nanoseconds"],
        ),
        (
            r#"{"ts_recv":"2024-01-01T00:00:00Z"}"#,
            &["`ts_recv`", "2024", "nanoseconds"],
        ),
        (r#"{"ts_event":1.5}"#, &["`ts_event`", "1.5"]),
        (
            r#"{"ts_recv":1,"event":"trade"}"#,
            &["`event`", "`trade`", "`update`, `state`", "or `gap`"],
        ),
        (
            r#"{"ts_recv":1,"event":"update"}"#,
            &["`symbol` is missing", "`update`"],
        ),
        (r#"{"ts_recv":1,"symbol":"x:A"}"#, &["says nothing"]),
        (
            r#"{"ts_recv":1,"symbol":"x:A","low":1,"state":"stale"}"#,
            &["`state`", "stale", "`live` or `halted`"],
        ),
        (
            r#"{"ts_recv":1,"symbol":"x:A","state":"gone"}"#,
            &["`state`", "gone", "`stale`"],
        ),
        (
            r#"{"ts_recv":1,"event":"state","symbol":"x:A"}"#,
            &["`state` is missing"],
        ),
        (
            r#"{"ts_recv":1,"symbol":"x:A","state":"stale","cause":"why"}"#,
            &["`cause`", "why", "`checksum`"],
        ),
        (
            r#"{"ts_recv":1,"symbol":"x:A","low":1,"cause":"gap"}"#,
            &["`cause` has no meaning", "`update`", "`bid_price`"],
        ),
        (
            r#"{"ts_recv":1,"symbol":"x:A","low":1,"trade":1}"#,
            &["`trade`", "`true` or `false`"],
        ),
        (r#"{"ts_recv":1,"venue":"X","state":"up"}"#, &["`X` is not a venue"]),
        (
            r#"{"ts_recv":1,"venue":"x","state":"live"}"#,
            &["`state`", "live", "`up`"],
        ),
        (r#"{"venue":"x","state":"up"}"#, &["`ts_recv` is missing", "`venue`"]),
        (r#"{"ts_recv":1,"event":"gap"}"#, &["`events_lost` is missing"]),
        (
            r#"{"ts_recv":1,"event":"gap","events_lost":-1}"#,
            &["`events_lost`", "-1", "whole number"],
        ),
        (
            r#"{"ts_recv":1,"event":"listed","symbol":"x:A","price_decimals":19}"#,
            &["`price_decimals`", "19", "0 to 18"],
        ),
        (
            r#"{"ts_recv":1,"event":"removed","symbol":"x:A","low":1}"#,
            &["`low` has no meaning", "`removed`"],
        ),
        (r#"{"ts_recv":1,"symbol":"A","low":1}"#, &["`A` has no `:`"]),
        (r#"{"ts_recv":1,"symbol":["x:A"],"low":1}"#, &["`symbol`", "is no text"]),
        (r#"{"ts_recv":1,"#, &["not a JSON object"]),
        ("[]", &["not a JSON object"]),
        ("ts_recv,symbol", &["not a JSON object"]),
    ] {
        let error = refused(line);
        for part in parts {
            assert!(error.contains(part), "{line}: {error}");
        }
        assert!(error.len() < 700, "{error}");
    }
}

#[test]
fn the_first_fault_ends_the_reading_and_its_line_is_known() {
    let good = r#"{"ts_recv":1,"symbol":"x:A","low":1}"#;
    let (records, fault) = read_ndjson(format!("{good}\n\n{good}\n{{}}\n{good}\n").as_bytes());
    assert_eq!((records.len(), fault.map(|(line, _)| line)), (2, Some(4)));
    let (_, fault) = read_ndjson(b"\n\xff\n");
    assert_eq!(fault, Some((2, RowError::Utf8.to_string())));
    let long = format!("{good}\n{}", "x".repeat(ROW_BYTES_MAX + 1));
    assert_eq!(read_ndjson(long.as_bytes()).1, Some((2, RowError::TooLong.to_string())));
}

#[test]
fn a_table_needs_its_header_and_as_many_cells_as_it_has() {
    for (text, line, parts) in [
        ("", 1, &["no header", "`symbol`"][..]),
        ("symbol,price\n", 1, &["`price`", "`bid_price`"]),
        ("symbol,low,symbol\n", 1, &["`symbol`", "more than once"]),
        ("1,2\n", 1, &["there is no `1`"]),
        ("ts_recv,symbol,low\n1,x:A\n", 2, &["2 cells", "has 3"]),
        ("ts_recv,symbol,low\n1,x:A,5,6\n", 2, &["4 cells", "has 3"]),
        ("ts_recv,symbol,low\n\n1,x:A,5\n\"1\n\",x:A,5\n", 4, &["`ts_recv`"]),
        ("ts_recv,symbol,low\n1,x:A,5\n1,x:A,null\n", 3, &["`low`", "null"]),
        ("symbol,low\nx:A,5\n", 2, &["neither `ts_recv` nor `ts_event`"]),
    ] {
        let (_, fault) = read_csv(text.as_bytes());
        let (at, error) = fault.unwrap_or_else(|| panic!("{text} was taken"));
        assert_eq!(at, line, "{text}: {error}");
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
    assert_eq!(read_csv(b"symbol,low,ts_event\n"), (Vec::new(), None));
    let (records, fault) = read_csv("\u{feff}symbol,low,ts_event\r\nx:A,1,7\r\n".as_bytes());
    assert_eq!((records.len(), fault), (2, None));
    assert_eq!(
        read_csv(b"ts_recv,symbol,low\n1,x:\xff,5\n").1,
        Some((2, RowError::Utf8.to_string()))
    );
}

#[test]
fn a_quote_that_is_never_closed_is_not_the_whole_file() {
    let text = format!("ts_recv,symbol,low\n1,\"x:A,5\n{}", "1,x:A,5\n".repeat(ROW_BYTES_MAX));
    let (_, fault) = read_csv(text.as_bytes());
    assert_eq!(fault, Some((2, RowError::TooLong.to_string())));
}
