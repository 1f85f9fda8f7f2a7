//! Kraken v2: precisions, books of depth 10 with their checksums, trades and tickers.

use flate2::Crc;
use tickwire::feed::kraken::{Parser, VENUE};
use tickwire::market::Field;

use super::ladder::{Ladder, Level, Sides};
use super::market::Told;
use super::text::{PRICE, SIZE, decimal, fixed, iso, percent};
use super::{ASSETS, Recording, SEED, Teller};

pub(super) const RECORDING: Recording = Recording {
    file: "kraken.capture.gz",
    venue: VENUE,
    frames: 1_500,
    teller: || Box::new(Kraken::new()),
    name,
    parser: |venue| Box::new(Parser::new(venue)),
    passed_over: &[
        r#"{"method":"subscribe""#,
        r#"{"channel":"status""#,
        r#"{"channel":"instrument""#,
        r#"{"channel":"book","type":"update""#,
    ],
};

/// Decimals with which the venue writes sizes.
const QTY: u8 = 8;

struct Kraken {
    books: [Ladder; ASSETS.len()],
    trades: [u64; ASSETS.len()],
}

impl Kraken {
    fn new() -> Kraken {
        Kraken {
            books: std::array::from_fn(|at| Ladder::new(true, SEED + at as u64)),
            trades: std::array::from_fn(|at| 1_000_000 * (at as u64 + 1)),
        }
    }

    fn book(&mut self, told: &Told<'_>) -> Vec<String> {
        let book = &mut self.books[told.at];
        let changes = book.take(told.row);
        let mut frames = vec![levels(told, &changes, checksum(&book.whole()))];
        if !told.is_first
            && let Some(changes) = book.deep()
        {
            frames.push(levels(told, &changes, checksum(&book.whole())));
        }
        frames
    }
}

impl Teller for Kraken {
    fn opening(&mut self, ns: u64) -> Vec<String> {
        let mut frames = vec![
            r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":2950167385101900187}]}"#.to_owned(),
            answer(r#""channel":"instrument","snapshot":true"#, ns),
            instruments(),
        ];
        for asset in ASSETS {
            let name = name(asset);
            for channel in [
                r#""channel":"book","depth":10,"snapshot":true"#,
                r#""channel":"trade","snapshot":true"#,
                r#""channel":"ticker","event_trigger":"trades","snapshot":true"#,
            ] {
                frames.push(answer(&format!(r#"{channel},"symbol":"{name}""#), ns));
            }
        }
        frames
    }

    fn frames(&mut self, told: &Told<'_>) -> Vec<String> {
        let mut frames = Vec::new();
        if told.changed.quote {
            frames.extend(self.book(told));
        }
        if told.changed.trade {
            self.trades[told.at] += 1;
            frames.push(trade(told, self.trades[told.at]));
        }
        if told.changed.day {
            frames.push(ticker(told));
        }
        frames
    }
}

fn name(asset: &str) -> String {
    format!("{asset}/USD")
}

fn answer(result: &str, ns: u64) -> String {
    let (received, sent) = (iso(ns - 42_000, 6), iso(ns, 6));
    format!(
        r#"{{"method":"subscribe","result":{{{result}}},"success":true,"time_in":"{received}","time_out":"{sent}"}}"#
    )
}

/// The reference data of all pairs.
fn instruments() -> String {
    let asset = |id: &str| {
        format!(r#"{{"id":"{id}","status":"enabled","precision":10,"precision_display":5,"borrowable":false}}"#)
    };
    let pair = |base: &str| {
        let name = name(base);
        format!(
            r#"{{"symbol":"{name}","base":"{base}","quote":"USD","status":"online","qty_precision":{QTY},"qty_increment":0.00000001,"price_precision":{PRICE},"cost_precision":5,"marginable":false,"has_index":true,"cost_min":0.50,"tick_size":0.01,"price_increment":0.01,"qty_min":0.00001000}}"#
        )
    };
    let (assets, pairs) = (ASSETS.map(asset).join(","), ASSETS.map(pair).join(","));
    format!(r#"{{"channel":"instrument","type":"snapshot","data":{{"assets":[{assets}],"pairs":[{pairs}]}}}}"#)
}

/// CRC32 of the ten best asks and bids: their digits without points and leading zeros, which are whole units.
fn checksum(book: &Sides) -> u32 {
    let mut crc = Crc::new();
    let qty_units = 10i64.pow((QTY - SIZE).into());
    for (price, size) in book.asks.iter().chain(&book.bids) {
        crc.update(format!("{price}{}", size * qty_units).as_bytes());
    }
    crc.sum()
}

/// A frame of a channel with data of one pair.
fn framed(told: &Told<'_>, channel: &str, data: &str) -> String {
    let kind = if told.is_first { "snapshot" } else { "update" };
    let symbol = name(ASSETS[told.at]);
    format!(r#"{{"channel":"{channel}","type":"{kind}","data":[{{"symbol":"{symbol}",{data}}}]}}"#)
}

fn levels(told: &Told<'_>, sides: &Sides, checksum: u32) -> String {
    let half = |levels: &[Level]| {
        let level = |(price, size): &Level| {
            let (price, qty) = (
                fixed(decimal(*price, PRICE), PRICE.into()),
                fixed(decimal(*size, SIZE), QTY.into()),
            );
            format!(r#"{{"price":{price},"qty":{qty}}}"#)
        };
        levels.iter().map(level).collect::<Vec<_>>().join(",")
    };
    let (bids, asks, time) = (half(&sides.bids), half(&sides.asks), iso(told.sent_ns, 6));
    let data = format!(r#""bids":[{bids}],"asks":[{asks}],"checksum":{checksum},"timestamp":"{time}""#);
    framed(told, "book", &data)
}

fn trade(told: &Told<'_>, id: u64) -> String {
    // The taker's side.
    let side = if told.row.is_sold() { "sell" } else { "buy" };
    let (price, qty) = (price(told, Field::LastPrice), qty(told, Field::LastSize));
    let time = iso(told.sent_ns, 6);
    let data = format!(
        r#""side":"{side}","price":{price},"qty":{qty},"ord_type":"market","trade_id":{id},"timestamp":"{time}""#
    );
    framed(told, "trade", &data)
}

fn ticker(told: &Told<'_>) -> String {
    let (bid, ask) = (price(told, Field::BidPrice), price(told, Field::AskPrice));
    let (bid_qty, ask_qty) = (qty(told, Field::BidSize), qty(told, Field::AskSize));
    let (last, volume) = (price(told, Field::LastPrice), qty(told, Field::Volume));
    let (low, high) = (price(told, Field::Low), price(told, Field::High));
    let cents = |field| told.row.units(field, PRICE);
    let (from, to) = (cents(Field::Open), cents(Field::LastPrice));
    let (change, percent) = (decimal(to - from, PRICE), percent(from, to, 2));
    let vwap = decimal((cents(Field::Low) + cents(Field::High)) / 2, PRICE);
    let (trades, time) = (told.row.get(Field::TradeCount), iso(told.sent_ns, 6));
    let data = format!(
        r#""bid":{bid},"bid_qty":{bid_qty},"ask":{ask},"ask_qty":{ask_qty},"last":{last},"volume":{volume},"vwap":{vwap},"low":{low},"high":{high},"change":{change},"change_pct":{percent},"trades":{trades},"timestamp":"{time}""#
    );
    framed(told, "ticker", &data)
}

fn price(told: &Told<'_>, field: Field) -> String {
    fixed(told.row.get(field), PRICE.into())
}

fn qty(told: &Told<'_>, field: Field) -> String {
    fixed(told.row.get(field), QTY.into())
}
