//! Coinbase Exchange: snapshot and l2update, match, and a ticker.

use fastrand::Rng;
use tickwire::feed::coinbase_exchange::{Parser, VENUE};
use tickwire::market::Field;

use super::ladder::{Ladder, Level, Sides};
use super::market::Told;
use super::text::{PRICE, SIZE, decimal, fixed, iso};
use super::{ASSETS, Recording, SEED, Teller};

pub(super) const RECORDING: Recording = Recording {
    file: "coinbase-exchange.capture.gz",
    venue: VENUE,
    frames: 1_500,
    teller: || Box::new(Exchange::new()),
    name,
    parser: |venue| Box::new(Parser::new(venue)),
    passed_over: &[r#"{"type":"subscriptions""#, r#"{"type":"l2update""#],
};

struct Product {
    book: Ladder,
    /// Of all that happens to it, though not all is told.
    sequence: u64,
    trade: u64,
}

struct Exchange {
    products: [Product; ASSETS.len()],
    random: Rng,
}

impl Exchange {
    fn new() -> Exchange {
        Exchange {
            products: std::array::from_fn(|at| Product {
                book: Ladder::new(false, SEED + at as u64),
                sequence: 10_000_000 * (at as u64 + 1),
                trade: 1_000_000 * (at as u64 + 1),
            }),
            random: Rng::with_seed(SEED),
        }
    }

    /// An order's name, a UUID of version 4.
    fn order(&mut self) -> String {
        let bits = self.random.u128(..) & !(0xf000 << 64 | 0xc000 << 48) | 0x4000 << 64 | 0x8000 << 48;
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn trade(&mut self, told: &Told<'_>) -> String {
        let (maker, taker) = (self.order(), self.order());
        let Product { sequence, trade, .. } = self.products[told.at];
        let kind = if told.is_first { "last_match" } else { "match" };
        let (name, time) = (name(ASSETS[told.at]), iso(told.sent_ns, 6));
        let (price, size) = (told.row.get(Field::LastPrice), told.row.get(Field::LastSize));
        // The maker's side.
        let side = if told.row.is_sold() { "buy" } else { "sell" };
        format!(
            r#"{{"type":"{kind}","trade_id":{trade},"maker_order_id":"{maker}","taker_order_id":"{taker}","side":"{side}","size":"{size}","price":"{price}","product_id":"{name}","sequence":{sequence},"time":"{time}"}}"#
        )
    }
}

impl Teller for Exchange {
    fn opening(&mut self, _ns: u64) -> Vec<String> {
        let products = ASSETS.map(|asset| format!(r#""{}""#, name(asset))).join(",");
        let channels = ["level2", "ticker", "matches"]
            .map(|channel| format!(r#"{{"name":"{channel}","product_ids":[{products}]}}"#))
            .join(",");
        vec![format!(r#"{{"type":"subscriptions","channels":[{channels}]}}"#)]
    }

    fn frames(&mut self, told: &Told<'_>) -> Vec<String> {
        let product = &mut self.products[told.at];
        product.sequence += 1 + told.sent_ns / 1_000 % 7;
        product.trade += u64::from(told.changed.trade);
        let mut frames = Vec::new();
        if told.is_first {
            product.book.take(told.row);
            frames.push(snapshot(told, &product.book.whole()));
        } else if told.changed.quote {
            frames.push(update(told, &product.book.take(told.row)));
            frames.extend(product.book.deep().map(|sides| update(told, &sides)));
        }
        if told.changed.day {
            frames.push(ticker(told, product.sequence, product.trade));
        }
        if told.changed.trade {
            frames.push(self.trade(told));
        }
        frames
    }
}

fn name(asset: &str) -> String {
    format!("{asset}-USD")
}

fn price_and_size((price, size): &Level) -> String {
    format!(r#""{}","{}""#, decimal(*price, PRICE), decimal(*size, SIZE))
}

fn snapshot(told: &Told<'_>, sides: &Sides) -> String {
    let half = |levels: &[Level]| {
        let levels = levels.iter().map(|level| format!("[{}]", price_and_size(level)));
        levels.collect::<Vec<_>>().join(",")
    };
    let (asks, bids) = (half(&sides.asks), half(&sides.bids));
    let (name, time) = (name(ASSETS[told.at]), iso(told.sent_ns, 6));
    format!(r#"{{"type":"snapshot","product_id":"{name}","asks":[{asks}],"bids":[{bids}],"time":"{time}"}}"#)
}

fn update(told: &Told<'_>, sides: &Sides) -> String {
    let change = |side: &str, level: &Level| format!(r#"["{side}",{}]"#, price_and_size(level));
    let bids = sides.bids.iter().map(|level| change("buy", level));
    let asks = sides.asks.iter().map(|level| change("sell", level));
    let changes = bids.chain(asks).collect::<Vec<_>>().join(",");
    let (name, time) = (name(ASSETS[told.at]), iso(told.sent_ns, 6));
    format!(r#"{{"type":"l2update","product_id":"{name}","changes":[{changes}],"time":"{time}"}}"#)
}

fn ticker(told: &Told<'_>, sequence: u64, trade: u64) -> String {
    let (name, time, row) = (name(ASSETS[told.at]), iso(told.sent_ns, 6), told.row);
    let (price, size) = (row.get(Field::LastPrice), row.get(Field::LastSize));
    let (open, low, high) = (row.get(Field::Open), row.get(Field::Low), row.get(Field::High));
    let (volume, month) = (
        fixed(row.get(Field::Volume), 8),
        fixed(decimal(30 * row.units(Field::Volume, SIZE), SIZE), 8),
    );
    let (bid, ask) = (row.get(Field::BidPrice), row.get(Field::AskPrice));
    // The taker's side, unlike that of a match.
    let side = if row.is_sold() { "sell" } else { "buy" };
    format!(
        r#"{{"type":"ticker","sequence":{sequence},"product_id":"{name}","price":"{price}","open_24h":"{open}","volume_24h":"{volume}","low_24h":"{low}","high_24h":"{high}","volume_30d":"{month}","best_bid":"{bid}","best_ask":"{ask}","side":"{side}","time":"{time}","trade_id":{trade},"last_size":"{size}"}}"#
    )
}
