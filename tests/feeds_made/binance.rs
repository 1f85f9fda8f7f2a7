//! Binance spot: bookTicker, trade and ticker.

use tickwire::feed::binance::{Parser, VENUE};
use tickwire::market::Field;

use super::market::Told;
use super::text::fixed;
use super::{ASSETS, Recording, Teller};

pub(super) const RECORDING: Recording = Recording {
    file: "demo.capture.gz",
    venue: VENUE,
    frames: 4_000,
    teller: || Box::new(Binance::default()),
    name,
    parser: |venue| Box::new(Parser::new(venue)),
    passed_over: &[],
};

pub(super) fn name(asset: &str) -> String {
    format!("{asset}USDT")
}

/// The venue's numbers of one instrument.
#[derive(Clone, Copy, Default)]
pub(super) struct Numbers {
    pub(super) update: u64,
    pub(super) trade: u64,
}

impl Numbers {
    /// Counts on with an update.
    pub(super) fn take(&mut self, told: &Told<'_>) -> Numbers {
        let ms = told.sent_ns / 1_000_000;
        self.update += if told.changed.quote { 1 + ms % 7 } else { 0 };
        self.trade += u64::from(told.changed.trade);
        *self
    }
}

#[derive(Default)]
struct Binance {
    numbers: [Numbers; ASSETS.len()],
}

impl Teller for Binance {
    fn frames(&mut self, told: &Told<'_>) -> Vec<String> {
        let numbers = self.numbers[told.at].take(told);
        let mut frames = Vec::new();
        if told.changed.quote {
            frames.push(quote(told, numbers.update));
        }
        if told.changed.trade {
            frames.push(trade(told, numbers.trade));
        }
        if told.changed.day {
            frames.push(day(told, numbers.trade));
        }
        frames
    }
}

fn quote(told: &Told<'_>, u: u64) -> String {
    let name = name(ASSETS[told.at]);
    let stream = name.to_ascii_lowercase();
    let [b, bs, a, asz] = sides(told);
    format!(
        r#"{{"stream":"{stream}@bookTicker","data":{{"u":{u},"s":"{name}","b":"{b}","B":"{bs}","a":"{a}","A":"{asz}"}}}}"#
    )
}

fn trade(told: &Told<'_>, t: u64) -> String {
    let name = name(ASSETS[told.at]);
    let (stream, ms, sold) = (name.to_ascii_lowercase(), told.sent_ns / 1_000_000, told.row.is_sold());
    let (p, q) = (eight(told, Field::LastPrice), eight(told, Field::LastSize));
    format!(
        r#"{{"stream":"{stream}@trade","data":{{"e":"trade","E":{ms},"s":"{name}","t":{t},"p":"{p}","q":"{q}","T":{ms},"m":{sold},"M":true}}}}"#
    )
}

fn day(told: &Told<'_>, first: u64) -> String {
    let name = name(ASSETS[told.at]);
    let (stream, ms) = (name.to_ascii_lowercase(), told.sent_ns / 1_000_000);
    let [b, bs, a, asz] = sides(told);
    let v = |field| eight(told, field);
    let (o, h, l, vol) = (v(Field::Open), v(Field::High), v(Field::Low), v(Field::Volume));
    let (c, q, n) = (v(Field::LastPrice), v(Field::LastSize), told.row.get(Field::TradeCount));
    format!(
        r#"{{"stream":"{stream}@ticker","data":{{"e":"24hrTicker","E":{ms},"s":"{name}","c":"{c}","Q":"{q}","b":"{b}","B":"{bs}","a":"{a}","A":"{asz}","o":"{o}","h":"{h}","l":"{l}","v":"{vol}","F":1,"L":{first},"n":{n}}}}}"#
    )
}

fn sides(told: &Told<'_>) -> [String; 4] {
    [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize].map(|field| eight(told, field))
}

/// The venue writes eight decimals.
fn eight(told: &Told<'_>, field: Field) -> String {
    fixed(told.row.get(field), 8)
}
