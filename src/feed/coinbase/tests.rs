use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value as Json;
use tokio::sync::watch;

use super::super::live::Dialect;
use super::super::parse::{Answer, Counts, FrameParser, Heard};
use super::super::{Batch, FeedContext, FeedSpec, captures};
use super::dialect::Connection;
use super::{Parser, build, connections, target};
use crate::market::{Decimal, Event, Field, StaleCause, TickerState, Ts, Update, Value, VenueName};
use crate::tape::CaptureReader;

const CAPTURE: &str = "coinbase/advanced_20260809.capture.gz";
pub(in super::super) const STALE: (TickerState, Option<StaleCause>) = (TickerState::Stale, Some(StaleCause::Gap));
pub(in super::super) const LIVE: (TickerState, Option<StaleCause>) = (TickerState::Live, None);

fn parser() -> Parser {
    Parser::new(VenueName::parse("coinbase").expect("a venue"))
}

fn message(number: u64, channel: &str, events: &str) -> String {
    format!(
        r#"{{"channel":"{channel}","client_id":"","timestamp":"2026-08-09T21:05:48.5Z","sequence_num":{number},"events":{events}}}"#
    )
}

/// Levels as `bid 10 1`.
fn book(number: u64, kind: &str, product: &str, levels: &[&str]) -> String {
    let levels: Vec<String> = levels
        .iter()
        .map(|level| {
            let [side, price, size] = level.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{level}");
            };
            format!(
                r#"{{"side":"{side}","event_time":"2026-08-09T21:05:48.25Z","price_level":"{price}","new_quantity":"{size}"}}"#
            )
        })
        .collect();
    let levels = levels.join(",");
    let events = format!(r#"[{{"type":"{kind}","product_id":"{product}","updates":[{levels}]}}]"#);
    message(number, "l2_data", &events)
}

fn snapshot(number: u64, product: &str) -> String {
    book(
        number,
        "snapshot",
        product,
        &["bid 10 1", "bid 9 2", "offer 11 3", "offer 12 4"],
    )
}

fn update(number: u64, level: &str) -> String {
    book(number, "update", "BTC-USD", &[level])
}

fn trade_text(id: u64, price: &str, side: &str) -> String {
    format!(
        r#"{{"product_id":"BTC-USD","trade_id":"{id}","price":"{price}","size":"0.5","time":"2026-08-09T21:05:48.167634Z","side":"{side}"}}"#
    )
}

fn trades(number: u64, kind: &str, trades: &[String]) -> String {
    let trades = trades.join(",");
    message(
        number,
        "market_trades",
        &format!(r#"[{{"type":"{kind}","trades":[{trades}]}}]"#),
    )
}

fn ticker(number: u64) -> String {
    let ticker = r#"{"type":"ticker","product_id":"BTC-USD","price":"65086.18","volume_24_h":"2867.5","low_24_h":"64675.22","high_24_h":"65252.99","low_52_w":"1","high_52_w":"2","price_percent_chg_24_h":"0.096","best_bid":"65083.66","best_ask":"65083.67","best_bid_quantity":"0.2","best_ask_quantity":"0.3"}"#;
    message(
        number,
        "ticker",
        &format!(r#"[{{"type":"update","tickers":[{ticker}]}}]"#),
    )
}

/// Feeds frames to a parser and returns all that was heard and all events.
pub(in super::super) fn run(parser: &mut dyn FrameParser, frames: &[impl AsRef<str>]) -> (Vec<Heard>, Batch) {
    let mut out = Batch::new();
    let heard = frames.iter().map(AsRef::as_ref).map(|frame| {
        let outcome = parser.frame(frame.as_bytes(), Ts(5), &mut out);
        outcome.unwrap_or_else(|error| panic!("{frame}: {error}"))
    });
    let heard = heard.collect();
    (heard, out)
}

pub(in super::super) fn updates(batch: &Batch) -> Vec<&Update> {
    let events = batch.iter();
    events
        .filter_map(|event| match event {
            Event::Update(update) => Some(update),
            _ => None,
        })
        .collect()
}

/// Each event in short: an update's fields and values, or a state.
pub(in super::super) fn told(batch: &Batch) -> Vec<String> {
    let text = |value| match value {
        Value::Set(decimal) => decimal.to_string(),
        other => format!("{other:?}"),
    };
    let event = |event: &Event| match event {
        Event::Update(u) => {
            let fields: Vec<_> = u
                .fields
                .iter()
                .map(|(f, v)| format!("{}={}", f.name(), text(v)))
                .collect();
            fields.join(" ")
        }
        Event::State { symbol, state, .. } => format!("{} {}", symbol.name(), state.word()),
        other => format!("{other:?}"),
    };
    batch.iter().map(event).collect()
}

pub(in super::super) fn states(batch: &Batch) -> Vec<(TickerState, Option<StaleCause>)> {
    let state = |event: &Event| match event {
        Event::State { state, cause, .. } => Some((*state, *cause)),
        _ => None,
    };
    batch.iter().filter_map(state).collect()
}

fn lost(names: &[&str]) -> Heard {
    Heard::Lost(names.iter().map(|n| (*n).into()).collect())
}

#[test]
fn the_best_levels_are_told_when_they_change_and_no_others() {
    let frames = [
        snapshot(0, "BTC-USD"),
        update(1, "bid 9 7"),
        update(2, "bid 10 0"),
        update(3, "offer 11 5"),
        update(4, "offer 10.5 1"),
        update(5, "bid 3 0"),
        snapshot(6, "BTC-USD"),
    ];
    let mut parser = parser();
    let (heard, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch),
        [
            "bid_price=10 bid_size=1 ask_price=11 ask_size=3",
            "BTC-USD live",
            "bid_price=9 bid_size=7",
            "ask_price=11 ask_size=5",
            "ask_price=10.5 ask_size=1",
            "bid_price=10 bid_size=1 ask_price=11 ask_size=3",
        ]
    );
    assert!(heard.iter().all(|h| *h == Heard::Data), "{heard:?}");
    let want = Counts {
        frames: 7,
        updates: 5,
        passed_over: 2,
        ..Counts::default()
    };
    assert_eq!(parser.counts(), want);
    let first = updates(&batch)[0];
    assert_eq!((first.symbol.as_str(), first.ts_recv), ("coinbase:BTC-USD", Ts(5)));
    assert_eq!(first.ts_event, Some(Ts(1_786_309_548_250_000_000)), "the levels' own");
}

#[test]
fn a_side_without_levels_has_no_value_and_a_stamp_of_the_year_1_is_none() {
    let mut frame = book(0, "snapshot", "BTC-USD", &["bid 10 1"]);
    frame = frame.replace("2026-08-09T21:05:48.25Z", "0001-01-01T00:00:00Z");
    let (_, batch) = run(&mut parser(), &[frame.clone()]);
    assert_eq!(
        told(&batch)[0],
        "bid_price=10 bid_size=1 ask_price=Cleared ask_size=Cleared"
    );
    assert_eq!(
        updates(&batch)[0].ts_event,
        Some(Ts(1_786_309_548_500_000_000)),
        "the message's"
    );
    let (_, batch) = run(
        &mut parser(),
        &[frame.replace("2026-08-09T21:05:48.5Z", "0001-01-01T00:00:00Z")],
    );
    assert_eq!(updates(&batch)[0].ts_event, None);
}

#[test]
fn changes_of_a_book_without_snapshot_are_passed_over() {
    let mut parser = parser();
    let (heard, batch) = run(&mut parser, &[update(4, "bid 10 1"), update(5, "bid 11 1")]);
    assert_eq!((heard, batch), (vec![Heard::Data, Heard::Data], Batch::new()));
    assert_eq!(parser.counts().passed_over, 2);
}

#[test]
fn a_hole_loses_every_book_and_asks_for_all_until_their_snapshots_come() {
    let mut parser = parser();
    let (heard, batch) = run(
        &mut parser,
        &[
            snapshot(0, "BTC-USD"),
            snapshot(1, "ETH-USD"),
            update(3, "bid 10 5"),
            update(4, "bid 10 6"),
            snapshot(5, "ETH-USD"),
            update(6, "bid 10 7"),
            snapshot(7, "BTC-USD"),
            update(8, "bid 10 8"),
        ],
    );
    assert_eq!(states(&batch), [LIVE, LIVE, STALE, STALE, LIVE, LIVE]);
    assert_eq!(
        told(&batch)[8..],
        [
            "bid_price=10 bid_size=1 ask_price=11 ask_size=3",
            "BTC-USD live",
            "bid_price=10 bid_size=8"
        ]
    );
    assert_eq!(heard[2], lost(&["BTC-USD", "ETH-USD"]));
    assert_eq!(heard.iter().filter(|h| **h != Heard::Data).count(), 1, "{heard:?}");
    assert_eq!((parser.counts().gaps, parser.counts().updates), (1, 5));
}

#[test]
fn what_is_lost_is_said_after_the_answers_and_after_a_message_at_fault() {
    let answer = message(2, "subscriptions", r#"[{"subscriptions":{"level2":["BTC-USD"]}}]"#);
    let (heard, _) = run(
        &mut parser(),
        &[snapshot(0, "BTC-USD"), answer, message(3, "heartbeats", "[]")],
    );
    assert!(matches!(heard[1], Heard::Answers(_)), "{heard:?}");
    assert_eq!(heard[2], lost(&["BTC-USD"]));

    let (mut parser, mut out) = (parser(), Batch::new());
    assert!(parser.frame(snapshot(0, "BTC-USD").as_bytes(), Ts(1), &mut out).is_ok());
    assert!(parser.frame(b"{", Ts(1), &mut out).is_err(), "its number is not known");
    let (heard, batch) = run(&mut parser, &[message(2, "heartbeats", "[]")]);
    assert_eq!((heard, states(&batch)), (vec![lost(&["BTC-USD"])], vec![STALE]));
}

#[test]
fn a_product_whose_first_snapshot_was_in_the_hole_is_asked_for_once() {
    let (heard, batch) = run(
        &mut parser(),
        &[
            ticker(0).replace("BTC", "ETH"),
            ticker(2).replace("BTC", "ETH"),
            update(3, "bid 1 1"),
            update(4, "bid 1 1"),
        ],
    );
    assert_eq!(
        heard,
        [Heard::Data, lost(&["ETH-USD"]), lost(&["BTC-USD"]), Heard::Data]
    );
    assert_eq!(states(&batch), []);
}

#[test]
fn repeated_and_older_messages_are_dropped_and_counted() {
    let mut parser = parser();
    let frames = [
        snapshot(3, "BTC-USD"),
        update(4, "bid 10 5"),
        update(4, "bid 10 6"),
        update(2, "bid 10 7"),
        update(5, "bid 10 8"),
    ];
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch)[2..],
        ["bid_price=10 bid_size=5", "bid_price=10 bid_size=8"]
    );
    assert_eq!((parser.counts().stale, parser.counts().gaps), (2, 0));
}

#[test]
fn the_next_connection_in_a_recording_begins_anew() {
    let next = snapshot(0, "BTC-USD").replace("21:05:48.5Z", "21:06:48.5Z");
    let frames = [
        snapshot(0, "BTC-USD"),
        update(1, "bid 10 5"),
        snapshot(0, "BTC-USD"),
        next,
        update(1, "bid 10 6"),
    ];
    let mut parser = parser();
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!(states(&batch), [LIVE, STALE, LIVE]);
    assert_eq!(told(&batch).last().map(String::as_str), Some("bid_price=10 bid_size=6"));
    assert_eq!((parser.counts().stale, parser.counts().gaps), (1, 1));
}

#[test]
fn a_crossed_book_is_lost_and_others_are_not() {
    let mut parser = parser();
    let frames = [
        snapshot(0, "BTC-USD"),
        snapshot(1, "ETH-USD"),
        update(2, "bid 11 1"),
        update(3, "bid 10 9"),
        snapshot(4, "BTC-USD"),
    ];
    let (heard, batch) = run(&mut parser, &frames);
    assert_eq!(heard[2], lost(&["BTC-USD"]));
    assert_eq!(told(&batch)[4], "BTC-USD stale");
    assert_eq!(states(&batch), [LIVE, LIVE, STALE, LIVE]);
    assert_eq!((parser.counts().gaps, parser.counts().updates), (1, 3));
    // Both sides of a change in one message: crossed only in between.
    let (heard, batch) = run(
        &mut parser,
        &[book(5, "update", "BTC-USD", &["bid 11 1", "offer 11 0"])],
    );
    assert_eq!(
        (heard, told(&batch)),
        (
            vec![Heard::Data],
            vec!["bid_price=11 bid_size=1 ask_price=12 ask_size=4".into()]
        )
    );
}

#[test]
fn a_book_message_that_cannot_be_read_loses_its_book_and_a_snapshot_is_not_asked_for_again() {
    for (level, is_asked) in [
        ("bid x 1", true),
        ("bid 1 -", true),
        ("bid 1 99999999999999999999.1", true),
    ] {
        let (mut parser, mut out) = (parser(), Batch::new());
        run(&mut parser, &[snapshot(0, "BTC-USD"), snapshot(1, "ETH-USD")]);
        assert!(
            parser.frame(update(2, level).as_bytes(), Ts(1), &mut out).is_err(),
            "{level}"
        );
        assert_eq!(states(&out), [STALE], "{level}");
        let (heard, _) = run(&mut parser, &[message(3, "heartbeats", "[]")]);
        assert_eq!(heard == [lost(&["BTC-USD"])], is_asked, "{level}");
    }
    // Not even whose it was can be read.
    let (mut parser, mut out) = (parser(), Batch::new());
    run(&mut parser, &[snapshot(0, "BTC-USD"), snapshot(1, "ETH-USD")]);
    assert!(parser.frame(update(2, "ask 1 1").as_bytes(), Ts(1), &mut out).is_err());
    assert_eq!(states(&out), [STALE, STALE]);

    let (mut parser, mut out) = (self::parser(), Batch::new());
    let frame = snapshot(0, "BTC-USD").replace("\"9\"", "\"nine\"");
    assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err());
    let (heard, _) = run(&mut parser, &[message(1, "heartbeats", "[]"), update(2, "bid 1 1")]);
    assert_eq!((out, heard), (Batch::new(), vec![Heard::Idle, Heard::Data]));
}

#[test]
fn trades_come_in_order_and_never_twice_and_those_of_a_snapshot_are_no_news() {
    let three = [
        trade_text(9, "5", "SELL"),
        trade_text(8, "4", "BUY"),
        trade_text(7, "3", "BUY"),
    ];
    let more = [trade_text(11, "7", "BUY"), trade_text(10, "6", "SELL")];
    let mut parser = parser();
    let frames = [
        trades(0, "snapshot", &three),
        trades(1, "update", &more),
        trades(2, "update", &more),
        trades(3, "snapshot", &three),
    ];
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch),
        [
            "last_price=5 last_size=0.5 last_side=1",
            "last_price=6 last_size=0.5 last_side=1",
            "last_price=7 last_size=0.5 last_side=2",
        ]
    );
    assert_eq!(
        updates(&batch).iter().map(|u| u.fields.is_trade()).collect::<Vec<_>>(),
        [false, true, true]
    );
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_786_309_548_167_634_000)));
    assert_eq!((parser.counts().updates, parser.counts().stale), (3, 2));
}

#[test]
fn the_ticker_gives_the_day_and_the_last_price_only_until_a_trade_comes() {
    let (_, batch) = run(
        &mut parser(),
        &[ticker(0), trades(1, "update", &[trade_text(1, "5", "BUY")]), ticker(2)],
    );
    assert_eq!(
        told(&batch),
        [
            "last_price=65086.18 volume=2867.5 high=65252.99 low=64675.22",
            "last_price=5 last_size=0.5 last_side=2",
            "volume=2867.5 high=65252.99 low=64675.22",
        ]
    );
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_786_309_548_500_000_000)));
}

#[test]
fn answers_are_by_channel_and_a_refusal_is_of_the_first_without_one() {
    let heartbeats = message(
        0,
        "subscriptions",
        r#"[{"subscriptions":{"heartbeats":["heartbeats"]}}]"#,
    );
    let error = r#"{"type":"error","message":"no such product","reason":"X"}"#.to_string();
    let trades = message(
        1,
        "subscriptions",
        r#"[{"subscriptions":{"market_trades":["A"],"heartbeats":["heartbeats"]}}]"#,
    );
    let (heard, batch) = run(
        &mut parser(),
        &[heartbeats, error.clone(), error.clone(), trades, error],
    );
    let yes = |key: &str| Answer {
        key: key.into(),
        refused: None,
    };
    let no = |key: &str| Answer {
        key: key.into(),
        refused: Some("no such product: X".into()),
    };
    assert_eq!(
        heard,
        [
            vec![yes("heartbeats")],
            vec![no("level2")],
            vec![no("ticker")],
            vec![yes("heartbeats"), yes("market_trades")],
            vec![no("level2")],
        ]
        .map(Heard::Answers)
    );
    assert_eq!(batch, []);
}

#[test]
fn messages_of_no_use_are_passed_over() {
    for (frame, want) in [
        (
            message(0, "heartbeats", r#"[{"current_time":"x","heartbeat_counter":1}]"#),
            Heard::Idle,
        ),
        (
            message(0, "candles", r#"[{"type":"snapshot","candles":[]}]"#),
            Heard::Data,
        ),
        (message(0, "status", "[]"), Heard::Data),
        (message(0, "something_new", "{}"), Heard::Data),
        (message(0, "l2_data", "[]"), Heard::Data),
        ("{}".into(), Heard::Data),
        (r#"{"type":"new"}"#.into(), Heard::Data),
    ] {
        let mut parser = parser();
        let (heard, batch) = run(&mut parser, std::slice::from_ref(&frame));
        assert_eq!((heard, batch), (vec![want], Batch::new()), "{frame}");
        assert_eq!(parser.counts().passed_over, 1, "{frame}");
    }
}

#[test]
fn malformed_messages_are_counted_and_the_next_is_read() {
    let (mut parser, mut out) = (parser(), Batch::new());
    let frames = [
        String::new(),
        "not json".into(),
        "[1]".into(),
        r#"{"channel":5}"#.into(),
        r#"{"channel":"l2_data"}"#.into(),
        r#"{"channel":"ticker","sequence_num":-1}"#.into(),
        message(0, "l2_data", "{}"),
        message(1, "ticker", r#"[{"tickers":[{}]}]"#),
        ticker(2).replace("2867.5", "2,867"),
        ticker(3).replace("BTC-USD", "BTC USD"),
        ticker(4).replace("21:05:48", "25:05:48"),
        trades(5, "update", &[trade_text(2, "1", "BUY"), trade_text(1, "x", "BUY")]),
        trades(6, "update", &[trade_text(3, "1", "HOLD")]),
        trades(7, "update", &[trade_text(3, "1", "BUY").replace("\"3\"", "\"three\"")]),
        message(8, "subscriptions", r#"[{"subscriptions":[]}]"#),
    ];
    for frame in &frames {
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err(), "{frame}");
    }
    assert!(parser.frame(b"{\"channel\":\"\xff\"}", Ts(1), &mut out).is_err());
    assert_eq!(
        (parser.counts().malformed, &out),
        (frames.len() as u64 + 1, &Batch::new())
    );
    assert_eq!(run(&mut parser, &[snapshot(9, "BTC-USD")]).1.len(), 2);
}

/// The same JSON with the keys of every object the other way round.
pub(in super::super) fn turned(json: &Json) -> String {
    match json {
        Json::Object(map) => {
            let pairs: Vec<_> = map.iter().rev().map(|(k, v)| format!("{k:?}: {}", turned(v))).collect();
            format!("{{ {} }}", pairs.join(" , "))
        }
        Json::Array(list) => format!("[{}]", list.iter().map(turned).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

fn samples() -> Vec<String> {
    vec![
        snapshot(0, "BTC-USD"),
        update(0, "bid 10 5"),
        ticker(0),
        trades(0, "update", &[trade_text(2, "1.5", "BUY"), trade_text(1, "1", "SELL")]),
        message(
            0,
            "subscriptions",
            r#"[{"subscriptions":{"level2":["A"],"ticker":["A"]}}]"#,
        ),
        r#"{"type":"error","message":"no"}"#.into(),
    ]
}

#[test]
fn the_order_of_keys_and_white_space_do_not_matter() {
    for frame in samples() {
        let json: Json = serde_json::from_str(&frame).expect("JSON");
        let want = run(&mut parser(), std::slice::from_ref(&frame));
        assert_eq!(run(&mut parser(), &[json.to_string()]), want, "{frame}");
        assert_eq!(run(&mut parser(), &[turned(&json)]), want, "{frame}");
    }
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
    fn a_damaged_message_gives_an_outcome_and_says_nothing_if_malformed(
        which in 0usize..6, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut frame = samples()[which].clone().into_bytes();
        let at = at.index(frame.len());
        if cut { frame.truncate(at); } else { frame[at] = byte; }
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(&frame, Ts(1), &mut out);
        let counts = parser.counts();
        prop_assert_eq!(outcome.is_err(), counts.malformed == 1);
        prop_assert!(counts.malformed == 0 || out.is_empty());
        prop_assert_eq!(counts.updates, updates(&out).len() as u64);
    }

    #[test]
    fn whatever_is_lost_repeated_or_reordered_a_live_quote_is_the_venues(
        order in prop::collection::vec(0usize..3, 20..60), levels in prop::collection::vec((any::<bool>(), 0i64..5, 0i64..3), 60),
    ) {
        let mut venue: [BTreeMap<i64, i64>; 2] = [BTreeMap::from([(10, 1)]), BTreeMap::from([(20, 1)])];
        let (mut parser, mut out, mut is_live) = (parser(), Batch::new(), false);
        let mut shown: BTreeMap<Field, Value> = BTreeMap::new();
        let mut resync = true;
        let (mut number, mut older) = (0, String::new());
        for (fate, (is_bid, price, size)) in order.into_iter().zip(levels) {
            let frame = if resync {
                let side = |at: usize, name: &str| venue[at].iter().map(|(p, s)| format!("{name} {p} {s}")).collect::<Vec<_>>();
                let all = [side(0, "bid"), side(1, "offer")].concat();
                book(number, "snapshot", "BTC-USD", &all.iter().map(String::as_str).collect::<Vec<_>>())
            } else {
                // Never the anchors at 10 and 20, so that no side is empty.
                let (at, name, price) = if is_bid { (0, "bid", price + 11) } else { (1, "offer", price + 15) };
                let (at, name, price) = if price == 15 { (1, "offer", 16) } else { (at, name, price) };
                if size == 0 { venue[at].remove(&price); } else { venue[at].insert(price, size); }
                update(number, &format!("{name} {price} {size}"))
            };
            number += 1;
            // 0 and 1 arrive, 1 with an older one after it; 2 is lost, but a hole before anything came is none.
            if fate == 2 && number > 1 { continue; }
            resync = false;
            let both = [frame.clone(), std::mem::replace(&mut older, frame)];
            for frame in both.iter().take(if fate == 1 && !both[1].is_empty() { 2 } else { 1 }) {
                out.clear();
                if let Heard::Lost(names) = parser.frame(frame.as_bytes(), Ts(1), &mut out).expect("well formed") {
                    prop_assert_eq!(names.len(), 1);
                    resync = true;
                }
                for event in &out {
                    match event {
                        Event::Update(u) => shown.extend(u.fields.iter()),
                        Event::State { state, .. } => is_live = *state == TickerState::Live,
                        _ => {}
                    }
                }
            }
            if is_live {
                let best = |level: Option<(&i64, &i64)>| level.map(|(p, s)| [*p, *s].map(|n| Value::Set(Decimal::from_int(n))));
                let now = |price, size| Some([shown[&price], shown[&size]]);
                prop_assert_eq!(now(Field::BidPrice, Field::BidSize), best(venue[0].last_key_value()));
                prop_assert_eq!(now(Field::AskPrice, Field::AskSize), best(venue[1].first_key_value()));
            }
        }
    }
}

/// A book that knows nothing of the parser: whole, numbers scaled by their text.
#[derive(Default)]
pub(in super::super) struct Naive {
    bids: BTreeMap<i128, i128>,
    asks: BTreeMap<i128, i128>,
}

pub(in super::super) fn scaled(text: &str) -> i128 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{part:0<18}").parse().expect(text)
}

impl Naive {
    pub(in super::super) fn set(&mut self, is_bid: bool, price: &str, size: &str) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        match scaled(size) {
            0 => side.remove(&scaled(price)),
            size => side.insert(scaled(price), size),
        };
    }

    /// Price and size of the best bid, then of the best ask.
    pub(in super::super) fn best(&self) -> [i128; 4] {
        let (bid, ask) = (self.bids.last_key_value(), self.asks.first_key_value());
        let (bid, ask) = (bid.expect("a bid"), ask.expect("an ask"));
        assert!(bid.0 < ask.0, "crossed");
        [*bid.0, *bid.1, *ask.0, *ask.1]
    }
}

fn apply(book: &mut Naive, event: &Json) {
    if event["type"] == "snapshot" {
        *book = Naive::default();
    }
    for level in event["updates"].as_array().expect("levels") {
        let text = |key: &str| level[key].as_str().expect(key);
        book.set(level["side"] == "bid", text("price_level"), text("new_quantity"));
    }
}

#[test]
fn a_real_capture_is_understood_whole_and_its_quote_is_at_all_times_that_of_an_independent_book() {
    let Some(path) = captures::path(CAPTURE) else { return };
    let mut reader = CaptureReader::open(&path).expect("a capture");
    let (mut parser, mut all) = (parser(), Batch::new());
    let mut naive: BTreeMap<String, Naive> = BTreeMap::new();
    let mut shown: BTreeMap<String, BTreeMap<Field, i128>> = BTreeMap::new();
    let mut heard = Vec::new();
    while let Some(record) = reader.next_record().expect("no fault") {
        let mut out = Batch::new();
        heard.push(
            parser
                .frame(record.frame, record.ts_recv, &mut out)
                .expect("well formed"),
        );
        for update in updates(&out) {
            let fields = shown.entry(update.symbol.name().into()).or_default();
            for (field, value) in update.fields.iter() {
                let Value::Set(value) = value else {
                    panic!("{field:?} {value:?}")
                };
                fields.insert(field, scaled(&value.to_string()));
            }
        }
        let frame: Json = serde_json::from_slice(record.frame).expect("JSON");
        if frame["channel"] == "l2_data" {
            for event in frame["events"].as_array().expect("events") {
                let product = event["product_id"].as_str().expect("a product");
                let book = naive.entry(product.into()).or_default();
                apply(book, event);
                let quote =
                    [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize].map(|f| shown[product][&f]);
                assert_eq!(quote, book.best(), "line {}", record.line);
            }
        }
        all.append(&mut out);
    }
    assert_eq!(naive.len(), 2);
    assert_eq!(states(&all), [LIVE, LIVE]);
    assert!(!heard.iter().any(|h| matches!(h, Heard::Lost(_))));
    assert_eq!(heard.iter().filter(|h| **h == Heard::Idle).count(), 14);
    assert_eq!(heard.iter().filter(|h| matches!(h, Heard::Answers(_))).count(), 5);
    let counts = parser.counts();
    assert_eq!(
        (counts.frames, counts.malformed, counts.stale, counts.gaps),
        (618, 0, 0, 0)
    );
    assert_eq!(counts.updates, updates(&all).len() as u64);
    assert_eq!(updates(&all).iter().filter(|u| u.fields.is_trade()).count(), 57);
}

#[test]
fn the_aggressor_is_who_took_from_the_side_of_the_book_that_was_hit() {
    let Some(path) = captures::path(CAPTURE) else { return };
    let mut reader = CaptureReader::open(&path).expect("a capture");
    let (mut parser, mut out) = (parser(), Batch::new());
    while let Some(record) = reader.next_record().expect("no fault") {
        parser
            .frame(record.frame, record.ts_recv, &mut out)
            .expect("well formed");
    }
    let set = |u: &Update, field| match u.fields.get(field) {
        Some(Value::Set(value)) => Some(value),
        _ => None,
    };
    let mut bids: BTreeMap<&str, Decimal> = BTreeMap::new();
    let (mut right, mut wrong) = (0, 0);
    for update in updates(&out) {
        if let Some(bid) = set(update, Field::BidPrice) {
            bids.insert(update.symbol.name(), bid);
        }
        if let (true, Some(price), Some(bid)) = (
            update.fields.is_trade(),
            set(update, Field::LastPrice),
            bids.get(update.symbol.name()),
        ) {
            let sold = price <= *bid;
            let says_sold = set(update, Field::LastSide) == Some(Decimal::from_int(2));
            *(if sold == says_sold { &mut right } else { &mut wrong }) += 1;
        }
    }
    // The channels are not in step, so a few trades meet a book that has moved on.
    assert!(right > 40 && wrong < 6, "{right} right, {wrong} wrong");
}

#[test]
fn every_real_sample_is_understood_or_passed_over_on_purpose_and_the_others_do_no_harm() {
    let Some(path) = captures::path("coinbase/payloads.jsonl") else {
        return;
    };
    let mut seen = 0;
    for line in std::fs::read_to_string(path).expect("a text").lines() {
        let sample: Json = serde_json::from_str(line).expect("JSON");
        let (mut parser, mut out) = (parser(), Batch::new());
        let raw = sample["raw"].as_str().expect("a frame");
        let outcome = parser.frame(raw.as_bytes(), Ts(1), &mut out);
        if sample["market"] != "advanced" {
            assert_eq!(out, [], "{raw}");
            continue;
        }
        seen += 1;
        assert!(outcome.is_ok(), "{raw}: {outcome:?}");
        let channel = sample["channel"].as_str().expect("a channel");
        let is_told =
            channel.starts_with("ticker") || channel.starts_with("market_trades") || channel == "l2_data:snapshot";
        assert_eq!(out.is_empty(), !is_told, "{raw}");
    }
    assert!(seen > 10, "{seen}");
}

fn built(text: &str) -> Result<usize, String> {
    let context = FeedContext::new(watch::channel(false).1);
    let spec = FeedSpec::parse(text).map_err(|error| error.to_string())?;
    build(&spec, &context)
        .map(|feeds| feeds.len())
        .map_err(|error| error.to_string())
}

#[test]
fn a_feed_names_its_products_and_what_is_wrong_with_them() {
    for (text, part) in [
        ("coinbase", "needs a target"),
        ("coinbase:*", "name each"),
        ("coinbase:BTC-*", "`BTC-*`"),
        ("coinbase:BTC-USD,BTC-USD", "more than once"),
        ("coinbase:BTC-USD?depth=5", "`depth`"),
        ("coinbase:BTC-USD?url=http://x", "url=http://x"),
    ] {
        let error = built(text).expect_err(text);
        assert!(error.contains(part), "{text}: {error}");
    }
    built("coinbase:BTC-USD,ETH-USD?venue=cb&url=ws://127.0.0.1:1").expect("a feed");
}

#[test]
fn heartbeats_are_asked_for_first_and_every_channel_of_all_products_once() {
    let venue = VenueName::parse("coinbase").expect("a venue");
    let products = vec!["BTC-USD".into(), "ETH-USD".into()];
    let mut connection = Connection { venue, products };
    let [socket] = &connection.sockets()[..] else {
        panic!("one socket")
    };
    assert_eq!(socket.path, "/");
    let texts: Vec<&str> = socket.requests.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{"channel":"heartbeats","type":"subscribe"}"#,
            r#"{"channel":"level2","product_ids":["BTC-USD","ETH-USD"],"type":"subscribe"}"#,
            r#"{"channel":"ticker","product_ids":["BTC-USD","ETH-USD"],"type":"subscribe"}"#,
            r#"{"channel":"market_trades","product_ids":["BTC-USD","ETH-USD"],"type":"subscribe"}"#,
        ]
    );
    let keys: Vec<&str> = socket
        .requests
        .iter()
        .flat_map(|r| &r.answers)
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["heartbeats", "level2", "ticker", "market_trades"]);
    let resync = connection.resync(&["ETH-USD".into()]);
    assert_eq!(
        resync[0].text,
        r#"{"channel":"level2","product_ids":["ETH-USD"],"type":"unsubscribe"}"#
    );
    assert_eq!(
        resync[1].text,
        r#"{"channel":"level2","product_ids":["ETH-USD"],"type":"subscribe"}"#
    );
    assert_eq!(resync[1].answers, ["level2"]);
}

#[test]
fn products_are_shared_out_a_hundred_to_a_connection() {
    let names: Vec<String> = (0..250).map(|n| format!("P{n}-USD")).collect();
    let spec = FeedSpec::parse(&format!("coinbase:{}", names.join(","))).expect("a spec");
    let context = FeedContext::new(watch::channel(false).1);
    let target = target(&spec, &context, "coinbase", "wss://x").expect("a target");
    let shares = std::cell::RefCell::new(Vec::new());
    let dialects = connections(&target, |venue, products| {
        shares.borrow_mut().push(products.len());
        Box::new(Connection { venue, products })
    });
    assert_eq!((dialects.len(), shares.into_inner()), (3, vec![100, 100, 50]));
}
