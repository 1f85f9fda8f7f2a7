//! Coinbase Advanced: snapshots, then changes, all numbered together, and a heartbeat each second.

use tickwire::feed::coinbase::{Parser, VENUE};
use tickwire::market::Field;

use super::ladder::{Ladder, Level, Sides};
use super::market::Told;
use super::text::{PRICE, SIZE, decimal, iso, percent};
use super::{ASSETS, Recording, SEED, Teller};

pub(super) const RECORDING: Recording = Recording {
    file: "coinbase.capture.gz",
    venue: VENUE,
    frames: 1_500,
    teller: || Box::new(Coinbase::new()),
    name,
    parser: |venue| Box::new(Parser::new(venue)),
    passed_over: &[
        r#"{"channel":"subscriptions""#,
        r#"{"channel":"heartbeats""#,
        r#"[{"type":"update","product_id""#,
    ],
};

const BEAT_NS: u64 = 1_000_000_000;

struct Coinbase {
    sequence: u64,
    beats: u64,
    next_beat_ns: u64,
    books: [Ladder; ASSETS.len()],
    trades: [u64; ASSETS.len()],
}

impl Coinbase {
    fn new() -> Coinbase {
        Coinbase {
            sequence: 0,
            beats: 0,
            next_beat_ns: 0,
            books: std::array::from_fn(|at| Ladder::new(false, SEED + at as u64)),
            trades: std::array::from_fn(|at| 1_000_000 * (at as u64 + 1)),
        }
    }

    /// A message with the connection's next number.
    fn message(&mut self, channel: &str, ns: u64, events: &str) -> String {
        let (time, number) = (iso(ns, 9), self.sequence);
        self.sequence += 1;
        format!(r#"{{"channel":"{channel}","timestamp":"{time}","sequence_num":{number},"events":[{events}]}}"#)
    }

    fn heartbeat(&mut self, ns: u64) -> Option<String> {
        if ns < self.next_beat_ns {
            return None;
        }
        self.next_beat_ns = ns + BEAT_NS;
        self.beats += 1;
        let (time, count) = (iso(ns, 9).replace('T', " ").replace('Z', " +0000 UTC"), self.beats);
        let event = format!(r#"{{"current_time":"{time} m=+{count}.000000001","heartbeat_counter":{count}}}"#);
        Some(self.message("heartbeats", ns, &event))
    }

    fn book(&mut self, told: &Told<'_>) -> Vec<String> {
        let book = &mut self.books[told.at];
        let changes = book.take(told.row);
        let deep = if told.is_first { None } else { book.deep() };
        let sides = [Some(changes), deep].into_iter().flatten();
        sides
            .map(|sides| self.message("l2_data", told.sent_ns, &levels(told, &sides)))
            .collect()
    }
}

impl Teller for Coinbase {
    fn opening(&mut self, ns: u64) -> Vec<String> {
        let products = ASSETS.map(|asset| format!(r#""{}""#, name(asset))).join(",");
        let mut channels = r#""heartbeats":["heartbeats"]"#.to_owned();
        let mut frames = Vec::new();
        for channel in ["level2", "ticker", "market_trades"] {
            channels = format!(r#"{channels},"{channel}":[{products}]"#);
            let event = format!(r#"{{"subscriptions":{{{channels}}}}}"#);
            frames.push(self.message("subscriptions", ns, &event));
        }
        frames
    }

    fn frames(&mut self, told: &Told<'_>) -> Vec<String> {
        let ns = told.sent_ns;
        let mut frames: Vec<String> = self.heartbeat(ns).into_iter().collect();
        if told.changed.quote {
            frames.extend(self.book(told));
        }
        if told.changed.trade {
            self.trades[told.at] += 1;
            let event = trade(told, self.trades[told.at]);
            frames.push(self.message("market_trades", ns, &event));
        }
        if told.changed.day {
            frames.push(self.message("ticker", ns, &ticker(told)));
        }
        frames
    }
}

fn name(asset: &str) -> String {
    format!("{asset}-USD")
}

fn kind(told: &Told<'_>) -> &'static str {
    if told.is_first { "snapshot" } else { "update" }
}

fn levels(told: &Told<'_>, sides: &Sides) -> String {
    let time = iso(told.sent_ns, 6);
    let level = |side: &str, (price, size): &Level| {
        let (price, size) = (decimal(*price, PRICE), decimal(*size, SIZE));
        format!(r#"{{"side":"{side}","event_time":"{time}","price_level":"{price}","new_quantity":"{size}"}}"#)
    };
    let bids = sides.bids.iter().map(|bid| level("bid", bid));
    let asks = sides.asks.iter().map(|ask| level("offer", ask));
    let updates = bids.chain(asks).collect::<Vec<_>>().join(",");
    let (kind, name) = (kind(told), name(ASSETS[told.at]));
    format!(r#"{{"type":"{kind}","product_id":"{name}","updates":[{updates}]}}"#)
}

fn trade(told: &Told<'_>, id: u64) -> String {
    let (kind, name, time) = (kind(told), name(ASSETS[told.at]), iso(told.sent_ns, 6));
    let (price, size) = (told.row.get(Field::LastPrice), told.row.get(Field::LastSize));
    // The maker's side.
    let side = if told.row.is_sold() { "BUY" } else { "SELL" };
    format!(
        r#"{{"type":"{kind}","trades":[{{"product_id":"{name}","trade_id":"{id}","price":"{price}","size":"{size}","time":"{time}","side":"{side}"}}]}}"#
    )
}

fn ticker(told: &Told<'_>) -> String {
    let (kind, name, row) = (kind(told), name(ASSETS[told.at]), told.row);
    let (price, volume) = (row.get(Field::LastPrice), row.get(Field::Volume));
    let (low, high) = (row.get(Field::Low), row.get(Field::High));
    let change = percent(row.units(Field::Open, PRICE), row.units(Field::LastPrice, PRICE), 8);
    let (bid, bid_size) = (row.get(Field::BidPrice), row.get(Field::BidSize));
    let (ask, ask_size) = (row.get(Field::AskPrice), row.get(Field::AskSize));
    format!(
        r#"{{"type":"{kind}","tickers":[{{"type":"ticker","product_id":"{name}","price":"{price}","volume_24_h":"{volume}","low_24_h":"{low}","high_24_h":"{high}","low_52_w":"{low}","high_52_w":"{high}","price_percent_chg_24_h":"{change}","best_bid":"{bid}","best_ask":"{ask}","best_bid_quantity":"{bid_size}","best_ask_quantity":"{ask_size}"}}]}}"#
    )
}
