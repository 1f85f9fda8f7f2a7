//! What must not ask for memory: a quote that comes in when its instrument is known.
//!
//! The counting allocator is of this file's own binary, so that no other test and no bench has it.

use tickwire::feed::binance::Parser;
use tickwire::feed::parse::{FrameParser, Heard};
use tickwire::market::{Event, Ts, VenueName};

const SPOT: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":NUMBER,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
const USDM: &str = r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":NUMBER,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256313}}"#;
const TRADE: &str = r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":NUMBER,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}"#;

/// Allocations of so many frames of a kind, after the first ten.
fn allocations(frame: &str, count: usize) -> u64 {
    let frames: Vec<String> = (1..=count + 10)
        .map(|n| frame.replace("NUMBER", &n.to_string()))
        .collect();
    let mut parser = Parser::new(VenueName::parse("binance").expect("a venue"));
    // As a connection has it: what it hands over has its room before the frames come.
    let mut batch: Vec<Event> = Vec::with_capacity(16);
    let mut take = |frames: &[String]| {
        for frame in frames {
            batch.clear();
            let heard = parser.frame(frame.as_bytes(), Ts(1), &mut batch);
            assert!(matches!(heard, Ok(Heard::Data)) && !batch.is_empty(), "{frame}");
        }
    };
    take(&frames[..10]);
    allocation_counter::measure(|| take(&frames[10..])).count_total
}

#[test]
fn a_quote_or_trade_of_a_known_instrument_asks_for_no_memory() {
    for frame in [SPOT, USDM, TRADE] {
        assert_eq!(allocations(frame, 10_000), 0, "{frame}");
    }
}

#[test]
fn the_counter_counts() {
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1u8; 10]))).count_total > 0);
}
