//! Numbers and times as venues write them.

use tickwire::market::Decimal;

/// Decimals of the market's prices.
pub(super) const PRICE: u8 = 2;
/// Decimals of the market's sizes.
pub(super) const SIZE: u8 = 5;

/// With at least so many decimals.
pub(super) fn fixed(number: Decimal, decimals: usize) -> String {
    let text = number.to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}.{part:0<decimals$}")
}

/// So many units of this many decimals.
pub(super) fn decimal(units: i64, decimals: u8) -> Decimal {
    Decimal::new(units, decimals).expect("few digits")
}

/// Percent from one price to another, with this many decimals.
pub(super) fn percent(from: i64, to: i64, decimals: u8) -> Decimal {
    decimal((to - from) * 100 * 10i64.pow(decimals.into()) / from, decimals)
}

/// A time as in RFC 3339.
pub(super) fn iso(ns: u64, decimals: usize) -> String {
    let stamp = jiff::Timestamp::from_nanosecond(ns.into()).expect("a year that jiff knows");
    format!("{stamp:.decimals$}")
}
