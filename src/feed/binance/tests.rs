use proptest::prelude::*;

use super::super::parse::{Counts, FrameParser, ParseError};
use super::super::{Batch, captures};
use super::Parser;
use crate::market::{Decimal, Event, Field, StaleCause, TickerState, Ts, Update, Value, VenueName};
use crate::tape::CaptureReader;

const BOOK: &str =
    r#"{"u":7,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}"#;
const TICKER: &str = r#"{"e":"24hrTicker","E":1711123991960,"s":"BTCUSDT","p":"-3.9","c":"553.8","Q":"0.224","b":"553.7","B":"54.24","a":"553.9","A":"29.8","o":"557.7","h":"588.1","l":"541.7","v":"1181388.682","n":712097}"#;
const MINI: &str = r#"{"e":"24hrMiniTicker","E":1711123991961,"s":"BTCUSDT","c":"553.9","o":"557.7","h":"588.1","l":"541.7","v":"8059.2","q":"9"}"#;

fn parser() -> Parser {
    Parser::new(VenueName::parse("binance").expect("a venue"))
}

fn trade(id: u64, price: &str) -> String {
    format!(
        r#"{{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":{id},"p":"{price}","q":"0.02","T":1723161255342,"m":true,"M":true}}"#
    )
}

fn agg_trade(id: u64, price: &str) -> String {
    format!(
        r#"{{"e":"aggTrade","E":1723161255343,"s":"BTCUSDT","a":{id},"p":"{price}","q":"0.02","f":1,"l":1,"T":1723161255342,"m":false}}"#
    )
}

/// Feeds frames to a parser and returns all events.
fn events(parser: &mut Parser, frames: &[&str]) -> Batch {
    let mut out = Batch::new();
    for frame in frames {
        let outcome = parser.frame(frame.as_bytes(), Ts(5), &mut out);
        assert!(outcome.is_ok(), "{frame}: {outcome:?}");
    }
    out
}

fn updates(batch: &Batch) -> Vec<&Update> {
    batch
        .iter()
        .filter_map(|event| match event {
            Event::Update(u) => Some(u),
            _ => None,
        })
        .collect()
}

fn value(update: &Update, field: Field) -> Option<String> {
    match update.fields.get(field)? {
        Value::Set(decimal) => Some(decimal.to_string()),
        other => Some(format!("{other:?}")),
    }
}

fn named(update: &Update) -> Vec<&'static str> {
    update.fields.named().iter().map(Field::name).collect()
}

#[test]
fn a_quote_gives_both_sides_and_no_event_time() {
    let combined = format!(r#"{{"stream":"btcusdt@bookTicker","data":{BOOK}}}"#);
    let spaced = format!("{{ \"data\" : {BOOK} , \"stream\":\"btcusdt@bookTicker\" }}");
    for frame in [BOOK, &combined, &spaced] {
        let batch = events(&mut parser(), &[frame]);
        let [update] = updates(&batch)[..] else {
            panic!("one update: {batch:?}");
        };
        assert_eq!(update.symbol.as_str(), "binance:BTCUSDT");
        assert_eq!((update.ts_event, update.ts_recv), (None, Ts(5)));
        assert_eq!(named(update), ["bid_price", "bid_size", "ask_price", "ask_size"]);
        assert_eq!(value(update, Field::BidPrice).as_deref(), Some("61837.63"));
        assert_eq!(value(update, Field::AskSize).as_deref(), Some("1.54698"));
    }
}

#[test]
fn an_empty_side_has_no_value() {
    let frame = r#"{"u":7,"s":"X","b":"0.00000000","B":"0.00000000","a":"1.5","A":"2"}"#;
    let batch = events(&mut parser(), &[frame]);
    assert_eq!(updates(&batch)[0].fields.get(Field::BidPrice), Some(Value::Cleared));
    assert_eq!(updates(&batch)[0].fields.get(Field::BidSize), Some(Value::Cleared));
    assert_eq!(value(updates(&batch)[0], Field::AskPrice).as_deref(), Some("1.5"));
}

#[test]
fn a_trade_gives_the_last_with_its_side_and_time() {
    let batch = events(&mut parser(), &[&trade(1, "61837.63")]);
    let update = updates(&batch)[0];
    assert!(update.fields.is_trade());
    assert_eq!(named(update), ["last_price", "last_size", "last_side"]);
    assert_eq!(
        value(update, Field::LastSide).as_deref(),
        Some("2"),
        "the buyer was the maker, so the seller took"
    );
    assert_eq!(update.ts_event, Some(Ts(1_723_161_255_342_000_000)));
    let micros = trade(2, "1").replace("1723161255342", "1723161255342001");
    let batch = events(&mut parser(), &[&micros]);
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_723_161_255_342_001_000)));
}

#[test]
fn the_last_price_is_from_agg_trades_only_until_a_trade_comes() {
    let mut parser = parser();
    let batch = events(
        &mut parser,
        &[&agg_trade(1, "5"), &trade(9, "6"), &agg_trade(2, "7"), &trade(10, "8")],
    );
    let prices: Vec<_> = updates(&batch)
        .into_iter()
        .map(|u| value(u, Field::LastPrice))
        .collect();
    assert_eq!(prices, ["5", "6", "8"].map(|p| Some(p.to_string())));
    assert_eq!(parser.counts().passed_over, 1);
}

#[test]
fn day_tickers_give_all_while_they_are_the_only_source_and_then_the_day_only() {
    let day = ["volume", "open", "high", "low"];
    let batch = events(&mut parser(), &[TICKER]);
    assert_eq!(named(updates(&batch)[0]).len(), 11, "all but the last trade's side");
    assert!(!updates(&batch)[0].fields.is_trade());
    assert_eq!(value(updates(&batch)[0], Field::TradeCount).as_deref(), Some("712097"));
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_711_123_991_960_000_000)));
    let batch = events(&mut parser(), &[MINI]);
    assert_eq!(
        named(updates(&batch)[0]),
        ["last_price", "volume", "open", "high", "low"]
    );
    for live in [BOOK, &trade(1, "5"), &agg_trade(1, "5")] {
        let batch = events(&mut parser(), &[live, TICKER, MINI]);
        assert_eq!(
            named(updates(&batch)[1]),
            [&day[..], &["trade_count"]].concat(),
            "{live}"
        );
        assert_eq!(named(updates(&batch)[2]), day, "{live}");
    }
    let other = TICKER.replace("BTCUSDT", "ETHUSDT");
    let batch = events(&mut parser(), &[BOOK, &other]);
    assert_eq!(named(updates(&batch)[1]).len(), 11, "sources count for each instrument");
}

#[test]
fn an_all_market_array_gives_each_instrument_and_one_at_fault_hides_no_other() {
    let array = format!(
        "[{MINI},{{\"e\":\"24hrMiniTicker\"}},{}]",
        MINI.replace("BTCUSDT", "ETHUSDT")
    );
    for frame in [
        array.clone(),
        format!(r#"{{"stream":"!miniTicker@arr","data":{array}}}"#),
    ] {
        let (mut parser, mut out) = (parser(), Batch::new());
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err());
        let want = Counts {
            frames: 1,
            updates: 2,
            malformed: 1,
            ..Counts::default()
        };
        assert_eq!((out.len(), parser.counts()), (2, want));
    }
}

#[test]
fn older_messages_are_dropped_and_counted() {
    let older_ticker = TICKER.replace("1711123991960", "1711123991959");
    let book_again = BOOK.replace("\"u\":7", "\"u\":6");
    for (first, second) in [
        (BOOK, BOOK),
        (BOOK, book_again.as_str()),
        (&trade(5, "1"), &trade(5, "1")),
        (&trade(5, "1"), &trade(4, "1")),
        (&agg_trade(5, "1"), &agg_trade(5, "1")),
        (TICKER, &older_ticker),
        (MINI, TICKER),
    ] {
        let mut parser = parser();
        let batch = events(&mut parser, &[first, second]);
        assert_eq!(batch.len(), 1, "{second}");
        assert_eq!((parser.counts().stale, parser.counts().updates), (1, 1), "{second}");
    }
}

#[test]
fn a_hole_in_the_trades_is_said_around_the_trade_that_shows_it() {
    for make in [trade as fn(u64, &str) -> String, agg_trade] {
        let mut parser = parser();
        let batch = events(&mut parser, &[&make(5, "1"), &make(8, "2"), &make(9, "3")]);
        let states: Vec<_> = batch
            .iter()
            .map(|event| match event {
                Event::State { state, cause, .. } => Some((*state, *cause)),
                _ => None,
            })
            .collect();
        let stale = Some((TickerState::Stale, Some(StaleCause::Gap)));
        let live = Some((TickerState::Live, None));
        assert_eq!(states, [None, stale, None, live, None]);
        assert_eq!((parser.counts().gaps, parser.counts().updates), (1, 3));
    }
}

#[test]
fn depth_is_checked_and_gives_nothing() {
    let depth = |first: u64, last: u64| {
        format!(r#"{{"e":"depthUpdate","E":1,"s":"X","U":{first},"u":{last},"b":[["1","2"]],"a":[]}}"#)
    };
    let mut parser = parser();
    let frames = [depth(1, 5), depth(6, 6), depth(6, 6), depth(8, 9), depth(10, 12)];
    let batch = events(&mut parser, &frames.each_ref().map(String::as_str));
    let want = Counts {
        frames: 5,
        passed_over: 4,
        stale: 1,
        gaps: 1,
        ..Counts::default()
    };
    assert_eq!((batch.len(), parser.counts()), (0, want));
}

#[test]
fn answers_and_messages_of_no_use_are_passed_over() {
    for frame in [
        r#"{"result":null,"id":1}"#,
        r#"{"result":["a@trade"],"id":2}"#,
        r#"{"code":2,"msg":"Invalid request"}"#,
        r#"{"error":{"code":2,"msg":"Invalid request"},"id":1}"#,
        r#"{"id":"x","status":400,"error":{"code":-1,"msg":"y"}}"#,
        r#"{"lastUpdateId":5,"bids":[["1","2"]],"asks":[]}"#,
        r#"{"e":"kline","E":1,"s":"X","k":{}}"#,
        r#"{"e":"serverShutdown","E":1}"#,
        r#"{"e":"somethingNew","x":[{"y":1}]}"#,
        r#"{"stream":"x","data":null}"#,
        r#"{"stream":"x","data":{"stream":"y","data":{}}}"#,
        "{}",
    ] {
        let mut parser = parser();
        assert_eq!(events(&mut parser, &[frame]).len(), 0, "{frame}");
        assert_eq!(parser.counts().passed_over, 1, "{frame}");
    }
}

#[test]
fn malformed_messages_are_counted_and_the_next_is_read() {
    let (mut parser, mut out) = (parser(), Batch::new());
    let frames = [
        "",
        "not json",
        "[1",
        "\u{0}",
        r#"{"e":5}"#,
        r#"{"u":7,"s":"X"}"#,
        r#"{"u":7,"s":"X","b":1.5,"B":"1","a":"2","A":"1"}"#,
        r#"{"u":-7,"s":"X","b":"1","B":"1","a":"2","A":"1"}"#,
        r#"{"u":7,"s":"A B","b":"1","B":"1","a":"2","A":"1"}"#,
        r#"{"u":7,"s":"","b":"1","B":"1","a":"2","A":"1"}"#,
        r#"{"u":7,"s":"X","b":"1,5","B":"1","a":"2","A":"1"}"#,
        r#"{"e":"trade","s":"X"}"#,
        r#"{"e":"trade","e":"trade"}"#,
        r#"{"stream":"a@trade","data":{"e":"trade"}}"#,
        r#"{"stream":"a@trade","data":"#,
        r#"{"e":"trade","s":"X","t":1,"p":"1","q":"1","T":18446744073709551615,"m":true}"#,
    ];
    for frame in frames {
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err(), "{frame}");
    }
    assert!(parser.frame(b"{\"e\":\"trade\xff\"}", Ts(1), &mut out).is_err());
    assert_eq!((parser.counts().malformed, out.len()), (frames.len() as u64 + 1, 0));
    events(&mut parser, &[BOOK]);
}

#[test]
fn values_that_do_not_fit_are_misfits_of_their_field_alone() {
    let frame = BOOK.replace("61837.63000000", "99999999999999999999");
    let batch = events(&mut parser(), &[&frame]);
    assert_eq!(updates(&batch)[0].fields.get(Field::BidPrice), Some(Value::Misfit));
    assert_eq!(value(updates(&batch)[0], Field::BidSize).as_deref(), Some("3.78826"));
}

#[test]
fn escaped_text_is_the_text_it_means() {
    let batch = events(&mut parser(), &[&BOOK.replace("BTCUSDT", "\\u0042TCUSDT")]);
    assert_eq!(updates(&batch)[0].symbol.as_str(), "binance:BTCUSDT");
}

#[test]
fn instruments_beyond_the_bound_are_refused_and_the_others_go_on() {
    let (mut parser, mut out) = (
        Parser::with_limit(VenueName::parse("binance").expect("a venue"), 1),
        Batch::new(),
    );
    assert!(parser.frame(BOOK.as_bytes(), Ts(1), &mut out).is_ok());
    let outcome = parser.frame(BOOK.replace("BTC", "ETH").as_bytes(), Ts(1), &mut out);
    assert!(
        matches!(outcome, Err(ParseError::TooManySymbols { limit: 1, .. })),
        "{outcome:?}"
    );
    assert!(
        parser
            .frame(BOOK.replace(":7", ":8").as_bytes(), Ts(1), &mut out)
            .is_ok()
    );
    assert_eq!((out.len(), parser.counts().passed_over), (2, 1));
}

/// Runs a whole capture through a parser.
fn capture(file: &str) -> Option<(Counts, Batch)> {
    let mut reader = CaptureReader::open(&captures::path(file)?).expect("a capture");
    let (mut parser, mut out) = (parser(), Batch::new());
    while let Some(record) = reader.next_record().expect("no fault") {
        let outcome = parser.frame(record.frame, record.ts_recv, &mut out);
        assert!(outcome.is_ok(), "{file} line {}: {outcome:?}", record.line);
    }
    Some((parser.counts(), out))
}

#[test]
fn real_captures_are_understood_whole_and_have_no_gap() {
    for (file, frames, updates) in [
        ("binance/spot_btcusdt_20240808.capture.gz", 41_249, 28_040 + 9757),
        ("binance/spot_4symbols_20211012.capture.gz", 265, 84 + 2),
        ("binance/us_20211012.capture.gz", 480, 128 + 11),
    ] {
        let Some((counts, batch)) = capture(file) else { return };
        let want = Counts {
            frames,
            updates,
            passed_over: frames - updates,
            ..Counts::default()
        };
        assert_eq!(counts, want, "{file}");
        assert_eq!(batch.len() as u64, updates, "{file}");
    }
}

#[test]
fn the_last_values_of_a_real_capture_are_those_of_its_text() {
    let file = "binance/spot_btcusdt_20240808.capture.gz";
    let Some((_, batch)) = capture(file) else { return };
    let mut reader = CaptureReader::open(&captures::path(file).expect("found before")).expect("a capture");
    let mut want: [Option<String>; 2] = [None, None];
    while let Some(record) = reader.next_record().expect("no fault") {
        let frame: serde_json::Value = serde_json::from_slice(record.frame).expect("JSON");
        let data = &frame["data"];
        let (slot, price) = match frame["stream"].as_str() {
            Some("btcusdt@bookTicker") => (0, &data["b"]),
            Some("btcusdt@trade") => (1, &data["p"]),
            _ => continue,
        };
        want[slot] = price.as_str().map(|p| Decimal::parse(p).expect(p).to_string());
    }
    let newest = |field| updates(&batch).into_iter().rev().find_map(|u| value(u, field));
    assert_eq!([newest(Field::BidPrice), newest(Field::LastPrice)], want);
}

#[test]
fn every_real_sample_of_spot_is_understood_or_passed_over_on_purpose() {
    let Some(path) = captures::path("binance/payloads.jsonl") else {
        return;
    };
    let mut seen = 0;
    for line in std::fs::read_to_string(path).expect("a text").lines() {
        let sample: serde_json::Value = serde_json::from_str(line).expect("JSON");
        if sample["market"] != "spot" {
            continue;
        }
        seen += 1;
        let (mut parser, mut out) = (parser(), Batch::new());
        let raw = sample["raw"].as_str().expect("a frame");
        let outcome = parser.frame(raw.as_bytes(), Ts(1), &mut out);
        assert!(outcome.is_ok(), "{raw}: {outcome:?}");
        let channel = sample["channel"].as_str().expect("a channel");
        let is_passed_over = ["depth@100ms", "kline_1m", "SUBSCRIBE ack"].contains(&channel);
        assert_eq!(out.is_empty(), is_passed_over, "{raw}");
    }
    assert!(seen > 10, "{seen}");
}

proptest! {
    #[test]
    fn any_bytes_give_an_outcome(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..5)) {
        let (mut parser, mut out) = (parser(), Batch::new());
        for frame in &frames {
            let _ = parser.frame(frame, Ts(1), &mut out);
        }
        prop_assert_eq!(parser.counts().frames, frames.len() as u64);
    }

    #[test]
    fn a_damaged_message_gives_an_outcome_and_is_counted_once(which in 0usize..5, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let messages = [BOOK.to_string(), trade(1, "1"), agg_trade(1, "1"), TICKER.to_string(), MINI.to_string()];
        let mut frame = messages[which].clone().into_bytes();
        let at = at.index(frame.len());
        if cut { frame.truncate(at); } else { frame[at] = byte; }
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(&frame, Ts(1), &mut out);
        let counts = parser.counts();
        prop_assert_eq!(outcome.is_err(), counts.malformed == 1);
        prop_assert_eq!(counts.updates + counts.passed_over + counts.malformed, 1);
        prop_assert_eq!(out.len() as u64, counts.updates);
    }
}
