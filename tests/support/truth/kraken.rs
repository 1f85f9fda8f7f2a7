//! Kraken spot v2.
//!
//! Bid and ask are the best of `book`, whose checksum holds after every message once it is cut to the subscribed depth,
//! as CRC32 worked out here from the numbers' own text; the last trade comes from `trade`, and from `ticker` only where there are no trades; volume, high
//! and low from `ticker`. The recordings have neither trades nor tickers, so nothing here reads them. Precisions are those
//! of the `instrument` snapshot; a sum of sizes needs no more decimals than they do.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Levels, Rows, Sheet, frames, rows, text};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    channel: &'a str,
    #[serde(default, rename = "type")]
    kind: &'a str,
    #[serde(default, borrow)]
    data: Vec<&'a RawValue>,
    #[serde(default)]
    result: Option<Granted>,
}

#[derive(Deserialize)]
struct Granted {
    depth: Option<usize>,
}

/// Values keep their text.
#[derive(Deserialize)]
struct Book<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    bids: Vec<BTreeMap<&'a str, &'a RawValue>>,
    #[serde(borrow)]
    asks: Vec<BTreeMap<&'a str, &'a RawValue>>,
    checksum: u32,
}

/// The state at the end of a capture of books, and the number of checksums that held.
///
/// `instruments` is the text of a snapshot of channel `instrument`.
pub(crate) fn of_capture(capture: &str, instruments: &str) -> (Rows, usize) {
    let mut books: BTreeMap<String, (Sheet, Levels)> = BTreeMap::new();
    let (mut depth, mut held) = (None, 0);
    for frame in frames(capture) {
        let message: Message<'_> = serde_json::from_str(frame).unwrap_or_else(|e| panic!("{e}: {frame}"));
        // Every subscription of a recording has the same depth.
        depth = message.result.and_then(|granted| granted.depth).or(depth);
        match message.channel {
            "book" => {}
            "trade" | "ticker" => panic!("what it means is not written here: {frame}"),
            _ => continue,
        }
        for data in message.data {
            let data: Book<'_> = serde_json::from_str(data.get()).expect("a book");
            let (sheet, book) = books.entry(data.symbol.to_owned()).or_default();
            take(book, &data, message.kind == "snapshot", depth.expect("granted before"));
            assert_eq!(checksum(book), data.checksum, "after {frame}");
            assert!(!book.is_crossed(), "crossed by {frame}");
            held += 1;
            sheet.update(|sheet| sheet.put_best(book));
        }
    }
    let instruments: Value = serde_json::from_str(instruments).expect("JSON");
    let pairs = instruments["data"]["pairs"].as_array().expect("pairs");
    for (name, (sheet, _)) in &mut books {
        let pair = pairs.iter().find(|pair| text(pair, "symbol") == name).expect("listed");
        let digits = |key: &str| pair[key].as_u64().expect("a number") as usize;
        let (price, size) = (digits("price_precision"), digits("qty_precision"));
        sheet.state_decimals(price, size, size);
    }
    let sheets = books.into_iter().map(|(name, (sheet, _))| (name, sheet));
    (rows("kraken", sheets), held)
}

/// A snapshot in the middle is one that was asked for again: it tells what was known, as nothing was lost.
fn take(book: &mut Levels, data: &Book<'_>, is_snapshot: bool, depth: usize) {
    let known = book.clone();
    if is_snapshot {
        *book = Levels::default();
    }
    for (is_bid, levels) in [(true, &data.bids), (false, &data.asks)] {
        for level in levels {
            book.set(is_bid, level["price"].get(), level["qty"].get());
        }
    }
    book.cut(depth);
    let is_new = known == Levels::default();
    assert!(!is_snapshot || is_new || known == *book, "the recording has a hole");
}

/// Of the ten best: asks from low to high, then bids from high to low, each price and size without the point and without
/// leading zeros.
fn checksum(book: &Levels) -> u32 {
    let mut digits = String::new();
    for (price, size) in book.asks().take(10).chain(book.bids().take(10)) {
        for number in [price, size] {
            digits.push_str(number.replace('.', "").trim_start_matches('0'));
        }
    }
    crc32(digits.as_bytes())
}

/// Bit by bit, as RFC 1952 defines it; a table would be quicker and no clearer.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
