//! Binance USD-M futures: bookTicker with times, aggTrade, and a ticker without bid and ask.

use tickwire::feed::binance::{Parser, VENUE_USDM};
use tickwire::market::Field;

use super::binance::{Numbers, name};
use super::market::Told;
use super::text::{PRICE, SIZE, decimal, fixed, percent};
use super::{ASSETS, Recording, Teller};

pub(super) const RECORDING: Recording = Recording {
    file: "binance-usdm.capture.gz",
    venue: VENUE_USDM,
    frames: 1_500,
    teller: || Box::new(Usdm::default()),
    name,
    parser: |venue| Box::new(Parser::new(venue)),
    passed_over: &[r#"{"result":null"#],
};

const DAY_MS: u64 = 86_400_000;

#[derive(Default)]
struct Usdm {
    numbers: [Numbers; ASSETS.len()],
}

impl Teller for Usdm {
    fn opening(&mut self, _ns: u64) -> Vec<String> {
        vec![r#"{"result":null,"id":1}"#.to_owned()]
    }

    fn frames(&mut self, told: &Told<'_>) -> Vec<String> {
        let numbers = self.numbers[told.at].take(told);
        let mut frames = Vec::new();
        if told.changed.quote {
            frames.push(framed(told, "bookTicker", &quote(told, numbers.update)));
        }
        if told.changed.trade {
            frames.push(framed(told, "aggTrade", &trade(told, numbers.trade)));
        }
        if told.changed.day {
            frames.push(framed(told, "ticker", &day(told, numbers.trade)));
        }
        frames
    }
}

fn framed(told: &Told<'_>, stream: &str, data: &str) -> String {
    let name = name(ASSETS[told.at]).to_ascii_lowercase();
    format!(r#"{{"stream":"{name}@{stream}","data":{data}}}"#)
}

fn quote(told: &Told<'_>, u: u64) -> String {
    let (name, ms) = (name(ASSETS[told.at]), told.sent_ns / 1_000_000);
    let (b, a) = (price(told, Field::BidPrice), price(told, Field::AskPrice));
    let (bs, asz) = (size(told, Field::BidSize), size(told, Field::AskSize));
    format!(r#"{{"e":"bookTicker","u":{u},"s":"{name}","b":"{b}","B":"{bs}","a":"{a}","A":"{asz}","T":{ms},"E":{ms}}}"#)
}

fn trade(told: &Told<'_>, t: u64) -> String {
    let (name, ms, sold) = (name(ASSETS[told.at]), told.sent_ns / 1_000_000, told.row.is_sold());
    let (p, q) = (price(told, Field::LastPrice), size(told, Field::LastSize));
    format!(
        r#"{{"e":"aggTrade","E":{ms},"a":{t},"s":"{name}","p":"{p}","q":"{q}","f":{t},"l":{t},"T":{ms},"m":{sold}}}"#
    )
}

fn day(told: &Told<'_>, last: u64) -> String {
    let (name, ms) = (name(ASSETS[told.at]), told.sent_ns / 1_000_000);
    let p = |field| price(told, field);
    let (o, h, l, c) = (p(Field::Open), p(Field::High), p(Field::Low), p(Field::LastPrice));
    let (v, q, n) = (
        size(told, Field::Volume),
        size(told, Field::LastSize),
        told.row.get(Field::TradeCount),
    );
    let (from, to) = (
        told.row.units(Field::Open, PRICE),
        told.row.units(Field::LastPrice, PRICE),
    );
    let change = fixed(decimal(to - from, PRICE), PRICE.into());
    let percent = fixed(percent(from, to, 3), 3);
    let begun = ms - DAY_MS;
    format!(
        r#"{{"e":"24hrTicker","E":{ms},"s":"{name}","p":"{change}","P":"{percent}","c":"{c}","Q":"{q}","o":"{o}","h":"{h}","l":"{l}","v":"{v}","O":{begun},"C":{ms},"F":1,"L":{last},"n":{n}}}"#
    )
}

fn price(told: &Told<'_>, field: Field) -> String {
    fixed(told.row.get(field), PRICE.into())
}

fn size(told: &Told<'_>, field: Field) -> String {
    fixed(told.row.get(field), SIZE.into())
}
