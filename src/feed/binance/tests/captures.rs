//! Real recordings, frame by frame.

use std::collections::HashMap;

use super::super::super::parse::Counts;
use super::*;
use crate::market::{BookSide, Decimal, OrderBook};
use crate::tape::CaptureReader;

const SPOT: &str = "binance/spot_btcusdt_20240808.capture.gz";
const USDM: &str = "binance/usdm_btcusdt_20240808.capture.gz";

/// Reads a capture; `None`, said aloud, where there is none.
fn each_record(file: &str, mut take: impl FnMut(Ts, &[u8])) -> Option<()> {
    let mut reader = CaptureReader::open(&files::path(file)?).expect("a capture");
    while let Some(record) = reader.next_record().expect("no fault") {
        take(record.ts_recv, record.frame);
    }
    Some(())
}

#[test]
fn real_captures_are_understood_whole_and_have_no_gap() {
    for (file, frames, updates, symbols) in [
        (SPOT, 41_249, 28_040 + 9_757, 1),
        (USDM, 93_954, 66_089 + 21_313, 1),
        // The fourth has depth alone.
        ("binance/spot_4symbols_20211012.capture.gz", 265, 84 + 2, 3),
        ("binance/us_20211012.capture.gz", 480, 128 + 11, 4),
    ] {
        let (mut parser, mut batch) = (parser(), Batch::new());
        let read = each_record(file, |ts_recv, frame| {
            let outcome = parser.frame(frame, ts_recv, &mut batch);
            assert!(
                outcome.is_ok(),
                "{file} {}: {outcome:?}",
                String::from_utf8_lossy(frame)
            );
        });
        if read.is_none() {
            return;
        }
        let want = Counts {
            frames,
            updates,
            passed_over: frames - updates,
            ..Counts::default()
        };
        assert_eq!(parser.counts(), want, "{file}");
        let live: Vec<_> = states(&batch).into_iter().flatten().collect();
        assert!(live.iter().all(|state| *state == LIVE), "{file}: {live:?}");
        assert_eq!(live.len(), symbols, "{file}: each instrument is said to be live once");
    }
}

#[test]
fn the_last_values_of_a_real_capture_are_those_of_its_text() {
    for file in [SPOT, USDM] {
        let (mut parser, mut batch) = (parser(), Batch::new());
        let mut want: [Option<String>; 2] = [None, None];
        let read = each_record(file, |ts_recv, frame| {
            let _ = parser.frame(frame, ts_recv, &mut batch);
            let frame: serde_json::Value = serde_json::from_slice(frame).expect("JSON");
            let data = &frame["data"];
            let (slot, price) = match frame["stream"].as_str() {
                Some("btcusdt@bookTicker") => (0, &data["b"]),
                Some("btcusdt@trade") => (1, &data["p"]),
                _ => return,
            };
            want[slot] = price.as_str().map(|p| Decimal::parse(p).expect(p).to_string());
        });
        if read.is_none() {
            return;
        }
        let newest = |field| updates(&batch).into_iter().rev().find_map(|u| value(u, field));
        assert_eq!([newest(Field::BidPrice), newest(Field::LastPrice)], want, "{file}");
    }
}

/// A book made of the recorded snapshot and depth, apart from the parser.
#[derive(Default)]
struct Depth {
    book: OrderBook,
    /// `u` of the last message that the book has.
    at: u64,
    /// Those that came before the snapshot.
    waiting: Vec<serde_json::Value>,
}

impl Depth {
    fn take(&mut self, frame: &serde_json::Value) {
        if let Some(at) = frame["lastUpdateId"].as_u64() {
            self.at = at;
            self.levels(&frame["bids"], &frame["asks"]);
            let waiting = std::mem::take(&mut self.waiting);
            waiting.iter().for_each(|data| self.update(data));
        } else if self.at == 0 {
            self.waiting.push(frame["data"].clone());
        } else {
            self.update(&frame["data"]);
        }
    }

    fn update(&mut self, data: &serde_json::Value) {
        let last = data["u"].as_u64().expect("a number");
        if last > self.at {
            self.levels(&data["b"], &data["a"]);
            self.at = last;
        }
    }

    fn levels(&mut self, bids: &serde_json::Value, asks: &serde_json::Value) {
        for (side, levels) in [(BookSide::Bid, bids), (BookSide::Ask, asks)] {
            for level in levels.as_array().expect("levels") {
                let number = |at: usize| Decimal::parse(level[at].as_str().expect("text")).expect("a number");
                self.book.set(side, number(0), number(1));
            }
        }
    }

    fn best(&self) -> [Option<Value>; 4] {
        let [bid, ask] = [self.book.best_bid(), self.book.best_ask()].map(|best| best.expect("a level"));
        [bid.0, bid.1, ask.0, ask.1].map(|number| Some(Value::Set(number)))
    }
}

#[test]
fn depth_and_quotes_agree_where_their_numbers_meet() {
    const QUOTE: [Field; 4] = [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize];
    for (file, least) in [(SPOT, 560), (USDM, 620)] {
        let (mut parser, mut depth) = (parser(), Depth::default());
        let (mut quotes, mut books) = (HashMap::new(), HashMap::new());
        let read = each_record(file, |ts_recv, frame| {
            let json: serde_json::Value = serde_json::from_slice(frame).expect("JSON");
            let stream = json["stream"].as_str().unwrap_or_default();
            if stream.ends_with("@bookTicker") {
                let mut batch = Batch::new();
                parser.frame(frame, ts_recv, &mut batch).expect("a quote");
                let quote = QUOTE.map(|field| updates(&batch)[0].fields.get(field));
                quotes.insert(json["data"]["u"].as_u64().expect("a number"), quote);
            } else if !stream.ends_with("@trade") {
                depth.take(&json);
                if depth.at > 0 {
                    books.insert(depth.at, depth.best());
                }
            }
        });
        if read.is_none() {
            return;
        }
        let met: Vec<_> = books
            .iter()
            .filter_map(|(at, book)| Some((at, book, quotes.get(at)?)))
            .collect();
        assert!(met.len() >= least, "{file}: they met {} times", met.len());
        for (at, book, quote) in met {
            assert_eq!(book, quote, "{file} at {at}");
        }
    }
}

#[test]
fn every_sample_is_understood_or_passed_over_on_purpose() {
    let Some(path) = files::path("binance/payloads.jsonl") else {
        return;
    };
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in std::fs::read_to_string(path).expect("a text").lines() {
        let sample: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let text = |key: &str| sample[key].as_str().expect(key).to_string();
        let (raw, channel) = (text("raw"), text("channel"));
        let (mut parser, mut out) = (parser(), Batch::new());
        let outcome = parser.frame(raw.as_bytes(), Ts(1), &mut out);
        assert!(outcome.is_ok(), "{raw}: {outcome:?}");
        let is_passed_over = ["depth@100ms", "depth@0ms", "kline_1m", "SUBSCRIBE ack"].contains(&channel.as_str());
        // Those of COIN-M are as those of USD-M.
        assert_eq!(updates(&out).len(), usize::from(!is_passed_over), "{raw}");
        let is_real = text("kind") == "real-captured";
        *seen.entry(format!("{} {is_real}", text("market"))).or_default() += 1;
    }
    for (of, count) in [("spot true", 13), ("usdm true", 12), ("coinm true", 6)] {
        assert!(seen.get(of).is_some_and(|n| *n >= count), "{of}: {seen:?}");
    }
}
