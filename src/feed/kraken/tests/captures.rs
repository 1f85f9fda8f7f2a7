//! Real recordings: every checksum holds, and a book of the tests' own says the same.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::naive::{Message, Naive};
use super::*;
use crate::feed::captures;
use crate::feed::parse::Counts;
use crate::market::Decimal;
use crate::tape::CaptureReader;

const DEPTH_25: &str = "kraken/v2_book_btcusd_d25_20260802.capture.gz";
const DEPTH_10: &str = "kraken/v2_book_btcusd_d10_resub_20260801.capture.gz";

#[derive(Deserialize)]
struct Frame<'a> {
    channel: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// The frames of a capture.
fn frames(file: &str) -> Option<Vec<(Ts, String)>> {
    let mut reader = CaptureReader::open(&captures::path(file)?).expect("a capture");
    let mut frames = Vec::new();
    while let Some(record) = reader.next_record().expect("no fault") {
        let text = std::str::from_utf8(record.frame).expect("text");
        frames.push((record.ts_recv, text.to_owned()));
    }
    Some(frames)
}

fn play(parser: &mut Parser, frames: &[(Ts, String)]) -> (Batch, Vec<Heard>) {
    let mut out = Batch::new();
    let heard = frames.iter().map(|(ts_recv, frame)| {
        let outcome = parser.frame(frame.as_bytes(), *ts_recv, &mut out);
        outcome.unwrap_or_else(|error| panic!("{frame}: {error}"))
    });
    let heard = heard.collect();
    (out, heard)
}

/// The best bid and ask after each book message of a capture, by the book of the tests' own; checks each checksum.
fn as_it_should_be(frames: &[(Ts, String)], depth: usize) -> Vec<[Option<String>; 4]> {
    let mut naive = Naive::new(depth);
    let mut best = Vec::new();
    for (_, text) in frames {
        let frame: Frame<'_> = serde_json::from_str(text).expect("JSON");
        let (Some("book"), Some(data)) = (frame.channel, frame.data) else {
            continue;
        };
        let messages: Vec<Message<'_>> = serde_json::from_str(data.get()).expect("a book");
        for message in &messages {
            if frame.kind == Some("snapshot") {
                naive.clear();
            }
            naive.take(message);
            assert_eq!(naive.checksum(), message.checksum, "{text}");
        }
        let plain = |text: &String| Decimal::parse(text).expect(text).to_string();
        let side = |levels: &[(String, String)]| {
            let first = levels.first();
            [first.map(|l| plain(&l.0)), first.map(|l| plain(&l.1))]
        };
        let ([bid, bid_size], [ask, ask_size]) = (side(&naive.bids), side(&naive.asks));
        best.push([bid, bid_size, ask, ask_size]);
    }
    best
}

#[test]
fn every_checksum_of_the_recordings_holds_and_the_best_levels_are_those_of_another_book() {
    for (file, depth, snapshots, book_updates, others) in [(DEPTH_25, 25, 1, 2051, 52), (DEPTH_10, 10, 5, 296, 76)] {
        let Some(frames) = frames(file) else { return };
        let (mut parser, want) = (parser(), as_it_should_be(&frames, depth));
        assert_eq!(want.len(), snapshots + book_updates, "{file}");
        let (batch, _) = play(&mut parser, &frames);
        let mut told = want.clone();
        told.dedup();
        let counts = Counts {
            frames: frames.len() as u64,
            updates: told.len() as u64,
            passed_over: (want.len() - told.len() + others) as u64,
            ..Counts::default()
        };
        assert_eq!(parser.counts(), counts, "{file}");
        let states: Vec<_> = words(&batch).into_iter().filter(|word| word != "update").collect();
        assert_eq!(states, ["live"], "{file}: subscribing again breaks nothing");
        let fields = [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize];
        let mut now: [Option<String>; 4] = Default::default();
        for (update, want) in updates(&batch).into_iter().zip(&told) {
            for (slot, field) in now.iter_mut().zip(fields) {
                *slot = value(update, field).or(slot.take());
            }
            assert_eq!(now, *want, "{file}");
        }
    }
}

#[test]
fn one_wrong_digit_in_a_recording_is_found_and_the_next_snapshot_mends_it() {
    let Some(mut frames) = frames(DEPTH_10) else { return };
    let snapshots: Vec<_> = (0..frames.len())
        .filter(|at| frames[*at].1.contains(r#""type":"snapshot""#))
        .collect();
    let is_update = |at: &usize| frames[*at].1.contains(r#""book","type":"update""#);
    let wrong = (snapshots[2]..snapshots[3]).find(is_update).expect("an update");
    let at = frames[wrong].1.find(r#""qty":"#).expect("a level") + 6;
    let digit = if frames[wrong].1.as_bytes()[at] == b'9' {
        "8"
    } else {
        "9"
    };
    frames[wrong].1.replace_range(at..=at, digit);
    let mut parser = parser();
    let (batch, heard) = play(&mut parser, &frames);
    let lost: Vec<_> = heard
        .iter()
        .enumerate()
        .filter(|(_, h)| matches!(h, Heard::Lost(_)))
        .collect();
    assert_eq!(lost, [(wrong, &Heard::Lost(vec![NAME.into()]))]);
    let states: Vec<_> = words(&batch).into_iter().filter(|word| word != "update").collect();
    assert_eq!(states, ["live", "stale checksum", "live"]);
    let between = |at: usize| (at > wrong && at < snapshots[3]).then_some(());
    let silent = (0..frames.len()).filter_map(between).count() as u64;
    let mut healthy = self::parser();
    play(&mut healthy, &frames[..wrong]);
    assert_eq!(parser.counts().checksums, 1);
    assert!(silent > 0 && parser.counts().passed_over > healthy.counts().passed_over);
    let want = as_it_should_be(&frames[snapshots[3]..], 10).pop().expect("a book");
    let fields = [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize];
    assert_eq!(fields.map(|field| newest(&batch, field)), want);
}

#[test]
fn of_the_venues_683_pairs_only_the_recorded_one_is_listed() {
    let Some(reference) = captures::path("kraken/v2_instrument_snapshot.json") else {
        return;
    };
    let Some(mut frames) = frames(DEPTH_10) else { return };
    let text = std::fs::read_to_string(reference).expect("a text");
    let (mut parser, mut out) = (parser(), Batch::new());
    assert_eq!(heard(&mut parser, &text, &mut out), Heard::Idle);
    assert!(out.is_empty());
    frames.push((Ts(9), text.clone()));
    let (batch, _) = play(&mut parser, &frames);
    let listed: Vec<_> = words(&batch).into_iter().filter(|word| word != "update").collect();
    assert_eq!(listed, ["listed 1 8", "live"]);
    assert_eq!(parser.counts().checksums, 0);
    let mut asked = asked(&["BTC/USD", "BTC/AED", "PEPE/EUR", "NOPE/USD"]);
    let mut listed = words(&events(&mut asked, &[text]));
    listed.sort_unstable();
    assert_eq!(listed, ["halted", "listed 0 8", "listed 1 8", "listed 9 5"]);
}

#[test]
fn every_sample_is_understood_or_passed_over_on_purpose() {
    let Some(path) = captures::path("kraken/payloads.jsonl") else {
        return;
    };
    let mut seen = 0;
    for line in std::fs::read_to_string(path).expect("a text").lines() {
        let sample: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let (raw, channel) = (
            sample["raw"].as_str().expect("a frame"),
            sample["channel"].as_str().expect("a channel"),
        );
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(raw.as_bytes(), Ts(1), &mut out);
        let counts = parser.counts();
        if sample["market"] != "spot-v2" {
            assert!(
                out.is_empty() && counts.passed_over + counts.malformed == 1,
                "{raw}: {outcome:?}"
            );
            continue;
        }
        seen += 1;
        let heard = outcome.unwrap_or_else(|error| panic!("{raw}: {error}"));
        let want = match channel.split([':', ' ']).next() {
            // An update without the book before it is passed over.
            Some("book") => (channel.contains("snapshot"), "data"),
            Some("ticker" | "trade") => (true, "data"),
            Some("subscribe" | "unsubscribe") => (false, "answer"),
            _ => (false, "idle"),
        };
        let kind = match heard {
            Heard::Data => "data",
            Heard::Answers(_) => "answer",
            _ => "idle",
        };
        assert_eq!((!out.is_empty(), kind), want, "{raw}");
        assert_eq!(counts.malformed + counts.checksums, 0, "{raw}");
    }
    assert!(seen > 20, "{seen}");
}
