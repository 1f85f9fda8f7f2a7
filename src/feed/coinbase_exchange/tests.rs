use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value as Json;
use tokio::sync::watch;

use super::super::coinbase::tests::{LIVE, Naive, STALE, run, scaled, states, told, turned, updates};
use super::super::live::Dialect;
use super::super::parse::{Answer, Counts, FrameParser, Heard};
use super::super::{Batch, FeedContext, FeedSpec, captures};
use super::dialect::Connection;
use super::{Parser, build};
use crate::market::{Field, Ts, Value, VenueName};
use crate::tape::CaptureReader;

const CAPTURE: &str = "coinbase/exchange_10products_20210417.capture.gz";
const SNAPSHOT: &str = r#"{"type":"snapshot","product_id":"BTC-USD","asks":[["11.00","3"],["12","4"]],"bids":[["10.00","1"],["9","2"]],"time":"2026-09-30T02:03:12.699555Z"}"#;
const TICKER: &str = r#"{"type":"ticker","sequence":7,"product_id":"BTC-USD","price":"17165.16","open_24h":"16437.94","volume_24h":"42492.05081975","low_24h":"16423.37","high_24h":"17259.37","volume_30d":"1","best_bid":"17165.15","best_bid_size":"0.6","best_ask":"17167.76","best_ask_size":"0.1","side":"sell","time":"2022-12-01T00:00:00.122581Z","trade_id":463751434,"last_size":"0.05"}"#;
const HEARTBEAT: &str = r#"{"type":"heartbeat","last_trade_id":20,"product_id":"BTC-USD","sequence":90,"time":"2022-05-20T21:22:34.751219Z"}"#;
const SUBSCRIPTIONS: &str = r#"{"type":"subscriptions","channels":[{"name":"level2_50","product_ids":["BTC-USD"],"account_ids":null},{"name":"matches","product_ids":["BTC-USD"]}]}"#;

fn parser() -> Parser {
    Parser::new(VenueName::parse("coinbase-exchange").expect("a venue"))
}

fn l2update(side: &str, price: &str, size: &str) -> String {
    format!(
        r#"{{"type":"l2update","product_id":"BTC-USD","changes":[["{side}","{price}","{size}"]],"time":"2021-04-17T16:43:37.075687Z"}}"#
    )
}

fn matched(kind: &str, id: u64, price: &str, side: &str) -> String {
    format!(
        r#"{{"type":"{kind}","trade_id":{id},"maker_order_id":"a","taker_order_id":"b","side":"{side}","size":"70","price":"{price}","product_id":"BTC-USD","sequence":1,"time":"2021-04-17T16:43:18.435588Z"}}"#
    )
}

fn lost() -> Heard {
    Heard::Lost(vec!["BTC-USD".into()])
}

#[test]
fn the_best_levels_are_told_when_they_change_and_no_others() {
    let mut parser = parser();
    let frames = [
        l2update("buy", "10", "9"),
        SNAPSHOT.into(),
        l2update("buy", "9", "7"),
        l2update("buy", "10.000", "0.000"),
        l2update("sell", "10.5", "1"),
        l2update("sell", "3000", "0"),
    ];
    let (heard, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch),
        [
            "bid_price=10 bid_size=1 ask_price=11 ask_size=3",
            "BTC-USD live",
            "bid_price=9 bid_size=7",
            "ask_price=10.5 ask_size=1",
        ]
    );
    assert!(heard.iter().all(|h| *h == Heard::Data), "{heard:?}");
    let first = updates(&batch)[0];
    assert_eq!(first.symbol.as_str(), "coinbase-exchange:BTC-USD");
    assert_eq!(first.ts_event, Some(Ts(1_790_733_792_699_555_000)));
    assert_eq!((parser.counts().updates, parser.counts().passed_over), (3, 3));
    // A time in the year 1 has been seen.
    let year_1 = l2update("buy", "10", "5").replace("2021-04-17T16:43:37.075687Z", "0001-01-01T00:00:00.000000Z");
    assert_eq!(updates(&run(&mut parser, &[&year_1]).1)[0].ts_event, None);
}

#[test]
fn a_crossed_book_and_one_with_a_level_that_cannot_be_read_are_lost_until_the_next_snapshot() {
    let mut parser = parser();
    let crossing = l2update("sell", "10", "1");
    let (heard, batch) = run(
        &mut parser,
        &[SNAPSHOT, &crossing, &crossing, SNAPSHOT, &l2update("buy", "10.5", "1")],
    );
    assert_eq!(heard, [Heard::Data, lost(), Heard::Data, Heard::Data, Heard::Data]);
    assert_eq!(states(&batch), [LIVE, STALE, LIVE]);
    assert_eq!(parser.counts().gaps, 1);
    for fault in [l2update("buy", "ten", "1"), l2update("bid", "10", "1")] {
        let mut out = Batch::new();
        assert!(parser.frame(fault.as_bytes(), Ts(1), &mut out).is_err());
        assert_eq!(states(&out), [STALE]);
        let (heard, batch) = run(&mut parser, &[HEARTBEAT, SNAPSHOT]);
        assert_eq!((heard, states(&batch)), (vec![lost(), Heard::Data], vec![LIVE]));
    }
    let mut out = Batch::new();
    let fault = SNAPSHOT.replace("\"9\"", "\"\"");
    assert!(parser.frame(fault.as_bytes(), Ts(1), &mut out).is_err());
    let (heard, _) = run(&mut parser, &[HEARTBEAT]);
    assert_eq!((states(&out), heard), (vec![STALE], vec![Heard::Idle]));
}

#[test]
fn the_last_match_is_the_start_and_a_hole_after_it_is_said_around_the_trade_that_shows_it() {
    let mut parser = parser();
    let frames = [
        SNAPSHOT.to_string(),
        matched("last_match", 5, "1", "sell"),
        matched("match", 6, "2", "sell"),
        matched("match", 6, "2", "sell"),
        matched("match", 9, "3", "buy"),
        matched("match", 8, "9", "buy"),
        matched("last_match", 4, "9", "buy"),
    ];
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!(
        told(&batch)[2..],
        [
            "last_price=1 last_size=70 last_side=1",
            "last_price=2 last_size=70 last_side=1",
            "BTC-USD stale",
            "last_price=3 last_size=70 last_side=2",
            "BTC-USD live",
        ]
    );
    let trades: Vec<bool> = updates(&batch).iter().map(|u| u.fields.is_trade()).collect();
    assert_eq!(trades, [false, false, true, true]);
    assert_eq!(
        (parser.counts().gaps, parser.counts().stale, parser.counts().updates),
        (1, 3, 4)
    );
}

#[test]
fn a_hole_in_the_trades_makes_nothing_live_that_has_no_book() {
    let frames = [matched("match", 5, "1", "sell"), matched("match", 7, "2", "sell")];
    let mut parser = parser();
    let (_, batch) = run(&mut parser, &frames);
    assert_eq!((states(&batch), parser.counts().gaps), (vec![], 1));
    run(&mut parser, &[SNAPSHOT, &l2update("sell", "10", "1")]);
    let (_, batch) = run(&mut parser, &[&matched("match", 9, "3", "sell")]);
    assert_eq!((states(&batch), batch.len()), (vec![], 1));
}

#[test]
fn the_ticker_gives_the_day_and_the_last_price_only_until_a_match_comes() {
    let day = "volume=42492.05081975 open=16437.94 high=17259.37 low=16423.37";
    let older = TICKER.replace("\"sequence\":7", "\"sequence\":6");
    let mut parser = parser();
    let (_, batch) = run(
        &mut parser,
        &[TICKER, &matched("last_match", 5, "1", "sell"), TICKER, &older],
    );
    assert_eq!(
        told(&batch),
        [
            &format!("last_price=17165.16 {day}"),
            "last_price=1 last_size=70 last_side=1",
            day
        ]
    );
    assert_eq!(updates(&batch)[0].ts_event, Some(Ts(1_669_852_800_122_581_000)));
    assert_eq!(parser.counts().stale, 1);
}

#[test]
fn the_answer_to_all_requests_has_one_key_whatever_the_channels_are_called() {
    let answer = |refused: Option<&str>| {
        let key = "subscriptions".to_string();
        let refused = refused.map(Into::into);
        Heard::Answers(vec![Answer { key, refused }])
    };
    let error = r#"{"type":"error","message":"Failed to subscribe","reason":"ticker is not a valid channel"}"#;
    let (heard, batch) = run(
        &mut parser(),
        &[SUBSCRIPTIONS, error, HEARTBEAT, r#"{"type":"received"}"#, "{}"],
    );
    let refused = answer(Some("Failed to subscribe: ticker is not a valid channel"));
    assert_eq!(heard, [answer(None), refused, Heard::Idle, Heard::Data, Heard::Data]);
    assert_eq!(batch, []);

    let venue = VenueName::parse("coinbase-exchange").expect("a venue");
    let products = vec!["BTC-USD".into()];
    let mut connection = Connection { venue, products };
    let [socket] = &connection.sockets()[..] else {
        panic!("one socket")
    };
    let [request] = &socket.requests[..] else {
        panic!("one request")
    };
    assert_eq!(
        request.text,
        r#"{"channels":["level2_batch","ticker","matches","heartbeat"],"product_ids":["BTC-USD"],"type":"subscribe"}"#
    );
    let resync = connection.resync(&["BTC-USD".into()]);
    let texts: Vec<&str> = resync.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(
        texts,
        ["unsubscribe", "subscribe"]
            .map(|kind| format!(r#"{{"channels":["level2_batch"],"product_ids":["BTC-USD"],"type":"{kind}"}}"#))
    );
    assert!(
        [request]
            .into_iter()
            .chain(&resync)
            .all(|r| r.answers == ["subscriptions"])
    );
}

#[test]
fn malformed_messages_are_counted_and_the_next_is_read() {
    let (mut parser, mut out) = (parser(), Batch::new());
    let frames = [
        String::new(),
        "not json".into(),
        "[]x".into(),
        r#"{"type":5}"#.into(),
        r#"{"type":"l2update"}"#.into(),
        SNAPSHOT.replace("\"3\"", "3"),
        SNAPSHOT.replace("BTC-USD", "BTC USD"),
        TICKER.replace("16437.94", "16,437"),
        TICKER.replace("T00:00", "T99:00"),
        matched("match", 1, "x", "buy"),
        matched("match", 1, "1", "hold"),
    ];
    for frame in &frames {
        assert!(parser.frame(frame.as_bytes(), Ts(1), &mut out).is_err(), "{frame}");
    }
    assert!(parser.frame(b"{\"type\":\"\xff\"}", Ts(1), &mut out).is_err());
    assert_eq!(
        (parser.counts().malformed, &out),
        (frames.len() as u64 + 1, &Batch::new())
    );
    assert_eq!(run(&mut parser, &[SNAPSHOT]).1.len(), 2);
}

fn samples() -> Vec<String> {
    let mut samples: Vec<String> = [SNAPSHOT, TICKER, HEARTBEAT, SUBSCRIPTIONS].map(String::from).into();
    samples.extend([
        l2update("buy", "10", "1"),
        matched("match", 5, "1", "sell"),
        matched("last_match", 5, "1", "buy"),
    ]);
    samples
}

#[test]
fn the_order_of_keys_and_white_space_do_not_matter() {
    for frame in samples() {
        let json: Json = serde_json::from_str(&frame).expect("JSON");
        let want = run(&mut parser(), &[&frame]);
        assert_eq!(run(&mut parser(), &[&json.to_string()]), want, "{frame}");
        assert_eq!(run(&mut parser(), &[&turned(&json)]), want, "{frame}");
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
        which in 0usize..7, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut frame = samples()[which].clone().into_bytes();
        let at = at.index(frame.len());
        if cut { frame.truncate(at); } else { frame[at] = byte; }
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(&frame, Ts(1), &mut out);
        let counts = parser.counts();
        prop_assert_eq!(outcome.is_err(), counts.malformed == 1);
        prop_assert!(counts.malformed == 0 || out.is_empty());
        prop_assert_eq!(counts.updates + counts.passed_over + counts.malformed, 1);
        prop_assert_eq!(counts.updates, updates(&out).len() as u64);
    }
}

fn apply(book: &mut Naive, frame: &Json) {
    if frame["type"] == "snapshot" {
        *book = Naive::default();
    }
    let text = |json: &Json| json.as_str().expect("a text").to_string();
    for (key, is_bid) in [("bids", true), ("asks", false)] {
        for level in frame[key].as_array().into_iter().flatten() {
            book.set(is_bid, &text(&level[0]), &text(&level[1]));
        }
    }
    for change in frame["changes"].as_array().into_iter().flatten() {
        book.set(change[0] == "buy", &text(&change[1]), &text(&change[2]));
    }
}

#[test]
fn a_real_capture_is_understood_whole_and_its_quote_is_at_all_times_that_of_an_independent_book() {
    let Some(path) = captures::path(CAPTURE) else { return };
    let mut reader = CaptureReader::open(&path).expect("a capture");
    let (mut parser, mut all) = (parser(), Batch::new());
    let mut naive: BTreeMap<String, Naive> = BTreeMap::new();
    let mut shown: BTreeMap<String, BTreeMap<Field, i128>> = BTreeMap::new();
    let (mut takers, mut aggressors) = (BTreeMap::new(), BTreeMap::new());
    while let Some(record) = reader.next_record().expect("no fault") {
        let mut out = Batch::new();
        let heard = parser
            .frame(record.frame, record.ts_recv, &mut out)
            .expect("well formed");
        assert!(!matches!(heard, Heard::Lost(_)), "line {}", record.line);
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
        let product = frame["product_id"].as_str().unwrap_or_default();
        let kind = frame["type"].as_str().expect("a type");
        match kind {
            "snapshot" | "l2update" => {
                let book = naive.entry(product.into()).or_default();
                apply(book, &frame);
                let quote =
                    [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize].map(|f| shown[product][&f]);
                assert_eq!(quote, book.best(), "line {}", record.line);
            }
            // The ticker's side is the taker's.
            "ticker" => drop(takers.insert((product.to_string(), frame["trade_id"].as_u64()), frame["side"].clone())),
            "match" => {
                let side = shown[product][&Field::LastSide];
                aggressors.insert((product.to_string(), frame["trade_id"].as_u64()), side);
            }
            _ => {}
        }
        all.append(&mut out);
    }
    assert_eq!(states(&all), [LIVE; 10]);
    let both: Vec<_> = aggressors
        .iter()
        .filter_map(|(trade, side)| takers.get(trade).map(|taker| (side, taker)))
        .collect();
    assert!(both.len() > 20, "{both:?}");
    for (side, taker) in both {
        assert_eq!(*side, scaled(if taker == "buy" { "1" } else { "2" }));
    }
    let counts = parser.counts();
    let want = Counts {
        frames: 5967,
        updates: updates(&all).len() as u64,
        passed_over: 5967 - updates(&all).len() as u64,
        ..Counts::default()
    };
    assert_eq!(counts, want);
    assert_eq!(updates(&all).iter().filter(|u| u.fields.is_trade()).count(), 36);
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
        let channel = sample["channel"].as_str().expect("a channel");
        if sample["market"] != "exchange" {
            assert_eq!(out, [], "{raw}");
            continue;
        }
        seen += 1;
        assert!(outcome.is_ok(), "{raw}: {outcome:?}");
        let is_told = ["ticker", "match", "last_match", "snapshot"]
            .iter()
            .any(|kind| channel.starts_with(kind));
        assert_eq!(out.is_empty(), !is_told, "{raw}");
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_feed_names_its_products_and_what_is_wrong_with_them() {
    let built = |text: &str| {
        let context = FeedContext::new(watch::channel(false).1);
        build(&FeedSpec::parse(text).expect(text), &context).map(drop)
    };
    for (text, part) in [
        ("coinbase-exchange", "needs a target"),
        ("coinbase-exchange:*", "name each"),
        ("coinbase-exchange:BTC-USD?rate=5", "`rate`"),
    ] {
        let error = built(text).expect_err(text).to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    built("coinbase-exchange:BTC-USD").expect("a feed");
}
