//! What holds for any bytes, any layout, and any two connections.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::super::parse::{Heard, ParseError};
use super::*;
use crate::tape::CaptureReader;

const DEPTH: &str = r#"{"e":"depthUpdate","E":1,"s":"X","U":1,"u":2,"b":[["1","2"]],"a":[]}"#;

fn messages() -> [(&'static str, String); 7] {
    [
        ("btcusdt@bookTicker", BOOK.into()),
        ("btcusdt@bookTicker", USDM_BOOK.into()),
        ("btcusdt@trade", executed(1, "MARKET")),
        ("btcusdt@aggTrade", agg_trade(1, "1")),
        ("btcusdt@ticker", TICKER.into()),
        ("btcusdt@miniTicker", MINI.into()),
        ("btcusdt@depth@100ms", DEPTH.into()),
    ]
}

fn parsed(frame: &[u8]) -> (Result<Heard, ParseError>, Batch) {
    let mut out = Batch::new();
    (parser().frame(frame, Ts(1), &mut out), out)
}

/// The members of an object in another order.
fn shuffled(object: &str, order: &[prop::sample::Index], space: &str) -> String {
    let object: BTreeMap<String, Box<serde_json::value::RawValue>> = serde_json::from_str(object).expect("JSON");
    let mut members: Vec<String> = object
        .iter()
        .map(|(key, v)| format!("{space}\"{key}\"{space}:{space}{v}{space}"))
        .collect();
    for (at, other) in order.iter().enumerate() {
        let length = members.len();
        members.swap(at % length, other.index(length));
    }
    format!("{{{}}}", members.join(","))
}

/// The first frames of the project's own recording: quotes, trades and day tickers of five instruments.
fn recording() -> Vec<Vec<u8>> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("feeds/demo.capture.gz");
    let mut reader = CaptureReader::open(&path).expect("a capture");
    let mut frames = Vec::new();
    while frames.len() < 800 {
        let record = reader.next_record().expect("no fault").expect("so many");
        frames.push(record.frame.to_vec());
    }
    frames
}

/// Each field's last value by symbol, and the counts of updates and states.
type Outcome = (BTreeMap<(String, &'static str), String>, usize, usize);

fn outcome<'a>(frames: impl Iterator<Item = &'a Vec<u8>>) -> Outcome {
    let (mut parser, mut out) = (parser(), Batch::new());
    frames.for_each(|frame| drop(parser.frame(frame, Ts(1), &mut out).expect("a frame")));
    let mut values = BTreeMap::new();
    for update in updates(&out) {
        for (field, _) in update.fields.iter() {
            let key = (update.symbol.to_string(), field.name());
            values.insert(key, value(update, field).expect("named"));
        }
    }
    let count = updates(&out).len();
    (values, count, out.len() - count)
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
    fn a_damaged_message_gives_one_outcome_laid_out_in_either_way(which in 0usize..7, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let (stream, message) = messages()[which].clone();
        let mut message = message.into_bytes();
        let at = at.index(message.len());
        if cut { message.truncate(at); } else { message[at] = byte; }
        let wrapped = |head: String, tail: &str| [head.as_bytes(), &message, tail.as_bytes()].concat();
        let usual = wrapped(format!(r#"{{"stream":"{stream}","data":"#), "}");
        let other = wrapped(r#"{"data":"#.into(), &format!(r#","stream":"{stream}"}}"#));
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(&usual, Ts(1), &mut out);
        let counts = parser.counts();
        prop_assert_eq!(outcome.is_err(), counts.malformed == 1);
        prop_assert_eq!(counts.updates + counts.passed_over + counts.malformed, 1);
        prop_assert_eq!(updates(&out).len() as u64, counts.updates);
        let want = parsed(&other);
        prop_assert_eq!((outcome.ok(), out), (want.0.ok(), want.1));
    }

    #[test]
    fn any_order_of_keys_and_any_white_space_means_the_same(which in 0usize..7, order in prop::collection::vec(any::<prop::sample::Index>(), 0..20), space in "[ \t\n\r]{0,2}", swap in any::<bool>()) {
        let (stream, message) = messages()[which].clone();
        let want = parsed(message.as_bytes());
        let inner = shuffled(&message, &order, &space);
        let name = format!(r#"{space}"stream":{space}"{stream}"{space}"#);
        let data = format!(r#"{space}"data":{space}{inner}{space}"#);
        let wrapped = if swap { format!("{{{data},{name}}}") } else { format!("{{{name},{data}}}") };
        for frame in [&inner, &combined(stream, &inner), &wrapped, &format!("[{inner}]")] {
            let got = parsed(frame.as_bytes());
            prop_assert_eq!((got.0.ok(), &got.1), (Some(Heard::Data), &want.1), "{}", frame);
        }
    }

    #[test]
    fn two_connections_that_overlap_give_what_one_gives_and_nothing_twice(start in 0usize..600, overlap in 1usize..200, turns in prop::collection::vec(any::<bool>(), 400)) {
        let frames = recording();
        let want = outcome(frames.iter());
        let end = start + overlap;
        // The new one begins once the old one has come so far; from then on either may be ahead.
        let (mut old, mut new) = (frames[start..end].iter(), frames[start..end].iter());
        let mut both = Vec::new();
        for turn in turns {
            both.extend(if turn { old.next() } else { new.next() });
        }
        both.extend(old.chain(new));
        let got = outcome(frames[..start].iter().chain(both).chain(&frames[end..]));
        prop_assert_eq!(got, want);
    }
}
