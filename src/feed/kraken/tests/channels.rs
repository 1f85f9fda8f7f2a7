//! Trades, tickers, reference data, answers, and all that is passed over.

use super::naive::Naive;
use super::*;
use crate::feed::kraken::pairs::{Pairs, is_halted};
use crate::feed::parse::{Answer, Counts};

const TICKER: &str = r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":60108.6,"bid_qty":2.84311954,"ask":60108.7,"ask_qty":0.00138853,"last":60108.7,"volume":4473.99704028,"vwap":59460.1,"low":58033,"high":61858.8,"change":-1497.7,"change_pct":-2.43,"trades":38144,"timestamp":"2026-06-26T06:41:22.476797Z"}]}"#;

pub(super) fn trade(id: u64, price: &str) -> String {
    format!(
        r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"sell","price":{price},"qty":0.00037711,"ord_type":"limit","trade_id":{id},"timestamp":"2025-09-09T21:31:50.716224Z"}}]}}"#
    )
}

pub(super) fn reference(status: &str) -> String {
    format!(
        r#"{{"channel":"instrument","type":"update","data":{{"assets":[{{"id":"USD"}}],"pairs":[{{"symbol":"BTC/USD","base":"BTC","status":"{status}","price_precision":1,"qty_precision":8,"qty_increment":1e-8}}]}}}}"#
    )
}

pub(super) fn system(word: &str) -> String {
    format!(
        r#"{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"{word}","api_version":"v2","connection_id":2950167385101900187}}]}}"#
    )
}

#[test]
fn a_trade_gives_the_last_with_the_takers_side_and_its_time() {
    let batch = events(&mut parser(), &[trade(7, "111399.1")]);
    let update = updates(&batch)[0];
    assert!(update.fields.is_trade());
    assert_eq!(named(update), ["last_price", "last_size", "last_side"]);
    assert_eq!(value(update, Field::LastPrice).as_deref(), Some("111399.1"));
    assert_eq!(value(update, Field::LastSide).as_deref(), Some("2"), "the taker sold");
    assert_eq!(update.ts_event, Some(Ts(1_757_453_510_716_224_000)));
}

#[test]
fn of_old_trades_only_the_newest_of_each_instrument_gives_the_last() {
    let row = |name: &str, id: u64| {
        trade(id, &format!("{id}.5"))
            .replace(NAME, name)
            .split_once('[')
            .expect("data")
            .1
            .replace("]}", "")
    };
    let rows = [
        row("A/B", 5),
        row("C/D", 9),
        row("A/B", 7),
        row("A/B", 6),
        row("C/D", 8),
    ]
    .join(",");
    let snapshot = format!(r#"{{"channel":"trade","type":"snapshot","data":[{rows}]}}"#);
    let mut parser = parser();
    let batch = events(&mut parser, &[snapshot.as_str(), &trade(8, "3.0").replace(NAME, "A/B")]);
    assert_eq!(
        words(&batch),
        ["update", "update", "update"],
        "the next one follows without a gap"
    );
    let old = &updates(&batch)[..2];
    let told: Vec<_> = old
        .iter()
        .map(|u| (u.symbol.name(), value(u, Field::LastPrice)))
        .collect();
    assert_eq!(told, [("C/D", Some("9.5".into())), ("A/B", Some("7.5".into()))]);
    assert!(old.iter().all(|u| !u.fields.is_trade() && u.ts_event.is_none()));
    assert!(updates(&batch)[2].fields.is_trade());
    let before = parser.counts();
    events(&mut parser, &[snapshot, trade(8, "3.0").replace(NAME, "A/B")]);
    assert_eq!(
        parser.counts().stale,
        before.stale + 3,
        "what was told is not told again"
    );
}

#[test]
fn trades_that_are_missing_are_a_gap_and_those_that_came_are_not_told_again() {
    let mut parser = parser();
    let frames = [trade(5, "1.0"), trade(5, "1.0"), trade(4, "1.0"), trade(8, "2.0")];
    let batch = events(&mut parser, &frames);
    assert_eq!(words(&batch), ["update", "stale gap", "update", "live"]);
    let counts = parser.counts();
    assert_eq!((counts.gaps, counts.stale, counts.updates), (1, 2, 2));
}

#[test]
fn a_ticker_gives_the_days_figures_and_what_nothing_better_gives() {
    const DAY: [&str; 4] = ["volume", "high", "low", "trade_count"];
    const QUOTE: [&str; 4] = ["bid_price", "bid_size", "ask_price", "ask_size"];
    let alone = events(&mut parser(), &[TICKER]);
    assert_eq!(words(&alone), ["update", "live"]);
    assert_eq!(named(updates(&alone)[0]), [&QUOTE[..], &["last_price"], &DAY].concat());
    assert_eq!(newest(&alone, Field::Low).as_deref(), Some("58033"));
    assert_eq!(newest(&alone, Field::TradeCount).as_deref(), Some("38144"));
    assert_eq!(
        newest(&alone, Field::Open),
        None,
        "a change is against a price that the venue does not state"
    );
    let traded = events(&mut parser(), &[trade(1, "5.0"), TICKER.into()]);
    assert_eq!(named(updates(&traded)[1]), [&QUOTE[..], &DAY].concat());
    let book = Naive::new(10).frame("snapshot", &[("1.0", "1.0")], &[]);
    let booked = events(&mut parser(), &[book.as_str(), TICKER]);
    assert_eq!(named(updates(&booked)[1]), [&["last_price"][..], &DAY].concat());
    let asked = events(&mut asked(&[NAME]), &[TICKER]);
    assert_eq!(words(&asked), ["update"], "its book is still to come");
    assert_eq!(named(updates(&asked)[0]), [&["last_price"][..], &DAY].concat());
    let older = TICKER.replace(r#","trades":38144,"timestamp":"2026-06-26T06:41:22.476797Z""#, "");
    let older = events(&mut parser(), &[older]);
    assert_eq!(
        (newest(&older, Field::TradeCount), updates(&older)[0].ts_event),
        (None, None)
    );
    let empty = events(&mut parser(), &[TICKER.replace("2.84311954", "0.00000000")]);
    assert_eq!(updates(&empty)[0].fields.get(Field::BidPrice), Some(Value::Cleared));
}

#[test]
fn only_pairs_that_were_asked_for_or_have_data_are_listed() {
    let other = reference("online").replace(NAME, "ETH/USD");
    let batch = events(
        &mut asked(&[NAME]),
        &[other.clone(), reference("online"), reference("online")],
    );
    assert_eq!(words(&batch), ["listed 1 8"]);
    let mut recorded = parser();
    let batch = events(&mut recorded, &[other.clone(), reference("cancel_only")]);
    assert_eq!(words(&batch), [""; 0]);
    let batch = events(&mut recorded, &[trade(1, "5.0"), trade(2, "5.0"), other]);
    assert_eq!(words(&batch), ["listed 1 8", "halted", "update", "update"]);
    let precise = reference("online").replace(r#""qty_precision":8"#, r#""qty_precision":19"#);
    assert_eq!(
        words(&events(&mut asked(&[NAME]), &[precise])),
        ["listed 1 99"],
        "more decimals than are held"
    );
}

#[test]
fn every_word_of_the_venue_for_a_state_is_known_and_others_change_nothing() {
    for (word, want) in [
        ("online", Some(false)),
        ("limit_only", Some(false)),
        ("reduce_only", Some(false)),
        ("cancel_only", Some(true)),
        ("post_only", Some(true)),
        ("maintenance", Some(true)),
        ("delisted", Some(true)),
        ("work_in_progress", Some(true)),
        ("resting", None),
    ] {
        assert_eq!(is_halted(word), want, "{word}");
    }
    let mut parser = asked(&[NAME]);
    let batch = events(
        &mut parser,
        &[reference("delisted"), reference("resting"), system("resting")],
    );
    assert_eq!(words(&batch), ["listed 1 8", "halted"]);
}

#[test]
fn answers_are_told_apart_by_their_number_and_refusals_carry_the_venues_words() {
    let granted = |rest: &str| format!(r#"{{"method":"subscribe","result":{rest},"success":true}}"#);
    for (frame, key, refused) in [
        (
            r#"{"method":"subscribe","req_id":7,"result":{"channel":"trade","symbol":"BTC/USD","snapshot":true},"success":true}"#,
            "7",
            None,
        ),
        (
            r#"{"method":"unsubscribe","req_id":8,"result":{"channel":"book","symbol":"BTC/USD","depth":10},"success":true}"#,
            "8",
            None,
        ),
        (
            &granted(r#"{"channel":"instrument","snapshot":true,"warnings":[]}"#),
            "instrument/",
            None,
        ),
        (
            &granted(r#"{"channel":"book","symbol":"BTC/USD","depth":25}"#),
            "book/BTC/USD",
            None,
        ),
        (
            &granted(r#"{"channel":"book","symbol":"BTC/USD","depth":1001}"#),
            "book/BTC/USD",
            Some("BTC/USD: a book of depth 1001 is more than is kept"),
        ),
        (
            r#"{"error":"Currency pair not supported NOPE/USD","method":"subscribe","req_id":9,"success":false,"symbol":"NOPE/USD"}"#,
            "9",
            Some("Currency pair not supported NOPE/USD"),
        ),
        (
            r#"{"error":"Already subscribed","method":"subscribe","success":false,"symbol":"A/B","req_id":9}"#,
            "9",
            Some("Already subscribed: A/B"),
        ),
    ] {
        let (mut parser, mut out) = (parser(), Batch::new());
        let answer = Answer {
            key: key.into(),
            refused: refused.map(Into::into),
        };
        assert_eq!(
            heard(&mut parser, frame, &mut out),
            Heard::Answers(vec![answer]),
            "{frame}"
        );
        assert!(out.is_empty(), "{frame}");
        assert_eq!(parser.counts().passed_over, 1, "{frame}");
    }
}

#[test]
fn signs_of_life_and_what_is_not_known_are_passed_over() {
    for frame in [
        r#"{"channel":"heartbeat"}"#,
        r#"{"method":"pong","req_id":3,"time_in":"2026-08-02T03:35:50.983359Z","time_out":"2026-08-02T03:35:50.983398Z"}"#,
        &system("online"),
        &reference("online"),
        r#"{"channel":"ohlc","type":"update","data":[{"symbol":"BTC/USD","open":1.5}]}"#,
        r#"{"data":{"x":[{"y":1}]},"channel":"something new"}"#,
        r#"{"channel":"book","type":"update"}"#,
        r#"{"Error":"Exceeded msg rate"}"#,
        r#"{"error":"Malformed request","success":false}"#,
        r#"{"method":"add_order","success":false,"error":"no"}"#,
        r#"{"event":"heartbeat"}"#,
        r#"{"feed":"ticker_lite","product_id":"PI_XRPUSD","bid":0.5883,"ask":0.5888}"#,
        "{}",
    ] {
        let (mut parser, mut out) = (parser(), Batch::new());
        assert_eq!(heard(&mut parser, frame, &mut out), Heard::Idle, "{frame}");
        assert_eq!((out.len(), parser.counts().passed_over), (0, 1), "{frame}");
    }
}

#[test]
fn malformed_messages_are_counted_and_the_next_is_read() {
    let (mut parser, mut out) = (parser(), Batch::new());
    let trade = trade(1, "5.0");
    let replaced = [
        trade.replace("5.0", "\"5.0\""),
        trade.replace("5.0", "null"),
        trade.replace("5.0", "-"),
        trade.replace("2025-09-09T", "2025-13-09T"),
        trade.replace(NAME, "BTC USD"),
        trade.replace("\"trade_id\":1", "\"trade_id\":-1"),
        trade.replace("\"trade_id\":1,", ""),
        TICKER.replace("58033", "{}"),
    ];
    let plain = [
        "",
        "not json",
        "[1",
        "[]",
        "5",
        "\u{0}",
        r#"{"channel":5}"#,
        r#"{"channel":"book","data":5}"#,
    ];
    for frame in plain.into_iter().chain(replaced.iter().map(String::as_str)) {
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err(), "{frame}");
    }
    assert!(parser.frame(b"{\"channel\":\"tra\xff\"}", Ts(1), &mut out).is_err());
    let malformed = (plain.len() + replaced.len() + 1) as u64;
    assert_eq!((parser.counts().malformed, out.len()), (malformed, 0));
    events(&mut parser, &[trade]);
}

#[test]
fn instruments_beyond_the_bound_are_refused_and_the_others_go_on() {
    let pairs = Pairs::Recorded(Default::default());
    let (mut parser, mut out) = (Parser::with(venue(), pairs, 1), Batch::new());
    events(&mut parser, &[trade(1, "5.0")]);
    let outcome = parser.frame(trade(1, "5.0").replace("BTC", "ETH").as_bytes(), Ts(1), &mut out);
    assert!(outcome.is_err(), "{outcome:?}");
    events(&mut parser, &[trade(2, "5.0")]);
    let want = Counts {
        frames: 3,
        updates: 2,
        passed_over: 1,
        ..Counts::default()
    };
    assert_eq!((out.len(), parser.counts()), (0, want));
}
