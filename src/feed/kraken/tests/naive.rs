//! A book of the tests' own: texts and a checksum bit by bit, as the venue's page has it. Shares nothing with the parser.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::NAME;

/// Level as written: price and size.
pub(super) type Level = (String, String);

/// Best levels first on both sides.
#[derive(Clone, Debug)]
pub(super) struct Naive {
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
    depth: usize,
}

/// A book's message, its numbers as texts.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    bids: Vec<Row<'a>>,
    #[serde(borrow)]
    asks: Vec<Row<'a>>,
    pub(super) checksum: u32,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

impl Naive {
    pub(super) fn new(depth: usize) -> Naive {
        Naive {
            bids: Vec::new(),
            asks: Vec::new(),
            depth,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Naive::new(self.depth);
    }

    pub(super) fn take(&mut self, message: &Message<'_>) {
        for (is_bid, rows) in [(true, &message.bids), (false, &message.asks)] {
            for row in rows {
                self.set(is_bid, row.price.get(), row.qty.get());
            }
        }
        self.cut();
    }

    fn set(&mut self, is_bid: bool, price: &str, size: &str) {
        let side = if is_bid { &mut self.bids } else { &mut self.asks };
        side.retain(|level| order(&level.0) != order(price));
        if order(size) > 0 {
            side.push((price.to_owned(), size.to_owned()));
        }
        side.sort_by_key(|level| if is_bid { -order(&level.0) } else { order(&level.0) });
    }

    fn cut(&mut self) {
        self.bids.truncate(self.depth);
        self.asks.truncate(self.depth);
    }

    /// CRC-32 of the best ten of both sides.
    pub(super) fn checksum(&self) -> u32 {
        let mut text = String::new();
        for (price, size) in self.asks.iter().take(10).chain(self.bids.iter().take(10)) {
            for number in [price, size] {
                text += number.replace('.', "").trim_start_matches('0');
            }
        }
        crc(text.as_bytes())
    }

    /// Applies levels and writes the venue's message of it.
    pub(super) fn frame(&mut self, kind: &str, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> String {
        if kind == "snapshot" {
            self.clear();
        }
        bids.iter().for_each(|(price, size)| self.set(true, price, size));
        asks.iter().for_each(|(price, size)| self.set(false, price, size));
        self.cut();
        frame(kind, bids, asks, self.checksum())
    }

    /// The venue's snapshot of the book as it is.
    pub(super) fn snapshot(&self) -> String {
        fn short(levels: &[Level]) -> Vec<(&str, &str)> {
            levels
                .iter()
                .map(|(price, size)| (price.as_str(), size.as_str()))
                .collect()
        }
        let (bids, asks) = (short(&self.bids), short(&self.asks));
        frame("snapshot", &bids, &asks, self.checksum())
    }
}

/// A book's message with whatever checksum.
pub(super) fn frame(kind: &str, bids: &[(&str, &str)], asks: &[(&str, &str)], checksum: u32) -> String {
    let side = |levels: &[(&str, &str)]| {
        let level = |(price, size): &(&str, &str)| format!(r#"{{"price":{price},"qty":{size}}}"#);
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{NAME}","bids":[{}],"asks":[{}],"checksum":{checksum},"timestamp":"2026-08-02T03:35:51.302928Z"}}]}}"#,
        side(bids),
        side(asks)
    )
}

/// A plain number's text as a number that orders: × 10^18.
fn order(number: &str) -> i128 {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    format!("{whole}{fraction:0<18}").parse().expect(number)
}

/// CRC-32 of ISO 3309, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes
        .iter()
        .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

#[test]
fn the_tests_own_checksum_is_the_one_that_everyone_knows() {
    assert_eq!(crc(b"123456789"), 0xcbf4_3926);
}
