//! The columns: what stands in them, and which of them there is room for.

use super::age::Ages;
use crate::cli::figures::printable;
use crate::cli::terminal::cells;
use crate::client::{Number, Ticker, View};
use crate::market::{Field, Side, TickerState, Ts, VenueName};

/// Where there is no value.
const NONE: &str = "-";

/// A symbol takes no more than two fifths of the width, unless that is less, before prices have their place.
const SYMBOL_LEAST: u16 = 12;
/// What any age takes, but for the oddest: columns must not move because a value grows old.
const AGE_WIDTH: u16 = 7;
/// A state's first word, and where its sentence ends.
const STATE_LEAST: u16 = 5;
const STATE_MOST: u16 = 24;
/// A sparkline is worth its place from so many bars on, has so many before what is worth less comes, and takes what is
/// left up to so many.
const LINE_LEAST: u16 = 8;
const LINE_GOOD: u16 = 16;
pub(super) const LINE_MOST: u16 = 30;

/// One column, in the order from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Symbol,
    BidSize,
    Bid,
    Ask,
    AskSize,
    Last,
    LastSize,
    Spread,
    Change,
    High,
    Low,
    Volume,
    Age,
    Line,
    State,
}

/// Number of [`Column`]s.
pub(super) const COLUMNS: usize = 15;

/// What there is room for first, and what comes and goes together.
const BY_WORTH: [&[Column]; 12] = [
    &[Column::Symbol],
    &[Column::Last],
    &[Column::Change],
    &[Column::State],
    &[Column::Bid, Column::Ask],
    &[Column::Line],
    &[Column::Age],
    &[Column::BidSize, Column::AskSize],
    &[Column::Spread],
    &[Column::Volume],
    &[Column::High, Column::Low],
    &[Column::LastSize],
];

impl Column {
    pub(super) const ALL: [Column; COLUMNS] = [
        Column::Symbol,
        Column::BidSize,
        Column::Bid,
        Column::Ask,
        Column::AskSize,
        Column::Last,
        Column::LastSize,
        Column::Spread,
        Column::Change,
        Column::High,
        Column::Low,
        Column::Volume,
        Column::Age,
        Column::Line,
        Column::State,
    ];

    pub(super) fn head(self) -> &'static str {
        match self {
            Column::Symbol => "symbol",
            Column::BidSize => "bid size",
            Column::Bid => "bid",
            Column::Ask => "ask",
            Column::AskSize => "ask size",
            Column::Last => "last",
            Column::LastSize => "size",
            Column::Spread => "spread",
            Column::Change => "change",
            Column::High => "high",
            Column::Low => "low",
            Column::Volume => "volume",
            Column::Age => "age",
            Column::Line => "2 min",
            Column::State => "state",
        }
    }

    /// The value that is shown, where it is one of the stream.
    pub(super) fn field(self) -> Option<Field> {
        Some(match self {
            Column::BidSize => Field::BidSize,
            Column::Bid => Field::BidPrice,
            Column::Ask => Field::AskPrice,
            Column::AskSize => Field::AskSize,
            Column::Last => Field::LastPrice,
            Column::LastSize => Field::LastSize,
            Column::High => Field::High,
            Column::Low => Field::Low,
            Column::Volume => Field::Volume,
            _ => return None,
        })
    }

    /// Words stand to the left, numbers to the right, so that the points of one instrument stay where they are.
    pub(super) fn is_words(self) -> bool {
        matches!(self, Column::Symbol | Column::Line | Column::State)
    }

    /// What stands there; a sparkline is made elsewhere, once its width is known.
    pub(super) fn text(self, view: &View, ticker: &Ticker, ages: &Ages, clock: Ts) -> String {
        let text = match self {
            Column::Symbol => Some(printable(ticker.symbol().as_str())),
            // The side has its place where there is none, so that prices stand above each other.
            Column::Last => ticker.value(Field::LastPrice).map(|price| match ticker.last_side() {
                Some(Side::Buy) => format!("{price} B"),
                Some(Side::Sell) => format!("{price} S"),
                None => format!("{price}  "),
            }),
            Column::Spread => spread(ticker).map(|spread| spread.to_string()),
            Column::Change => change(ticker).map(|change| {
                let sign = if change < 0 { '-' } else { '+' };
                let (whole, part) = (change.unsigned_abs() / 100, change.unsigned_abs() % 100);
                format!("{sign}{whole}.{part:02}%")
            }),
            Column::Age => ages.text(ticker, clock),
            Column::Line => Some(String::new()),
            Column::State => Some(state(view, ticker)),
            other => other
                .field()
                .and_then(|field| ticker.value(field))
                .map(|v| v.to_string()),
        };
        text.unwrap_or_else(|| NONE.into())
    }

    /// How wide that is, `None` where there is no value: made for all rows, so without their texts.
    pub(super) fn need(self, view: &View, ticker: &Ticker) -> Option<u16> {
        let value = |field| ticker.value(field).map(digits);
        match self {
            Column::Symbol => Some(cells(ticker.symbol().as_str())),
            Column::Last => value(Field::LastPrice).map(|wide| wide + 2),
            Column::Spread => spread(ticker).map(digits),
            // Its sign and the percent.
            Column::Change => change(ticker).map(|change| {
                let mantissa = change.abs();
                digits(Number { mantissa, decimals: 2 }) + 2
            }),
            Column::Age => Some(AGE_WIDTH),
            Column::Line => price(ticker).map(|_| LINE_LEAST),
            Column::State => Some(cells(&state(view, ticker))),
            other => value(other.field()?),
        }
    }
}

/// The last price, or the middle of bid and ask: what a sparkline is of.
pub(super) fn price(ticker: &Ticker) -> Option<f32> {
    let of = |field| ticker.value(field).map(approximate);
    let middle = || Some((of(Field::BidPrice)? + of(Field::AskPrice)?) / 2.0);
    of(Field::LastPrice).or_else(middle).map(|price| price as f32)
}

/// Good enough to draw and to sort by.
pub(super) fn approximate(number: Number) -> f64 {
    number.mantissa as f64 / 10f64.powi(i32::from(number.decimals))
}

/// Cells that a number takes.
fn digits(number: Number) -> u16 {
    let sign = u16::from(number.mantissa < 0);
    // At most 39.
    let digits = number.mantissa.unsigned_abs().checked_ilog10().unwrap_or(0) as u16 + 1;
    sign + match u16::from(number.decimals) {
        0 => digits,
        decimals => digits.max(decimals + 1) + 1,
    }
}

/// Ask less bid; below zero where the book is crossed.
fn spread(ticker: &Ticker) -> Option<Number> {
    let (bid, ask) = (ticker.value(Field::BidPrice)?, ticker.value(Field::AskPrice)?);
    let mantissa = ask.mantissa - bid.mantissa;
    Some(Number { mantissa, ..ask })
}

/// From open to last, in hundredths of a percent, rounded; exact until then.
pub(super) fn change(ticker: &Ticker) -> Option<i128> {
    let (open, last) = (
        ticker.value(Field::Open)?.mantissa,
        ticker.value(Field::LastPrice)?.mantissa,
    );
    let (moved, of) = ((last - open) * 10_000, open.abs());
    // To the nearest, halves away from zero.
    (of != 0).then(|| (moved.abs() + of / 2) / of * moved.signum())
}

/// In words; not live because of its venue is told too (rule 9).
fn state(view: &View, ticker: &Ticker) -> String {
    let own = ticker.state().map_or("unknown", TickerState::word);
    let venue = VenueName::parse(ticker.symbol().venue()).ok();
    let status = venue.and_then(|name| view.venues().get(&name));
    match (ticker.cause(), status) {
        (Some(cause), _) => format!("{own}: {}", cause.word()),
        (None, Some(status)) if own == "live" && !view.is_live(ticker) => format!("venue {}", status.state.word()),
        _ => own.into(),
    }
}

/// Which columns there are on so many cells, and how wide they are; `need` is how wide they would be, 0 where no row has
/// anything in them.
pub(super) fn layout(width: u16, need: impl Fn(Column) -> u16) -> Vec<(Column, u16)> {
    let between = between(width);
    let mut left = width.saturating_add(between);
    let mut taken: Vec<(Column, u16)> = Vec::new();
    let is_used = |column: &Column| *column == Column::Symbol || need(*column) > 0;
    let need = |column: Column| need(column).max(cells(column.head()));
    for group in BY_WORTH.into_iter().filter(|group| group.iter().any(is_used)) {
        if group == [Column::Line] {
            widen(&mut taken, &mut left, Column::Symbol, need(Column::Symbol));
        }
        let wide = |column: Column, left: u16| match column {
            Column::Symbol => need(column).min((width / 5 * 2).max(SYMBOL_LEAST)).min(width),
            Column::Line => LINE_LEAST,
            // A part of it is better than nothing.
            Column::State => need(column)
                .min(left.saturating_sub(between))
                .clamp(STATE_LEAST, STATE_MOST),
            other => need(other),
        };
        let wanted = group.iter().map(|column| wide(*column, left).saturating_add(between));
        let wanted = wanted.fold(0, u16::saturating_add);
        if wanted > left {
            continue;
        }
        taken.extend(group.iter().map(|column| (*column, wide(*column, left))));
        left -= wanted;
        if group == [Column::Line] {
            widen(&mut taken, &mut left, Column::Line, LINE_GOOD);
        }
    }
    widen(&mut taken, &mut left, Column::Line, LINE_MOST);
    taken.sort_by_key(|(column, _)| *column as usize);
    taken
}

/// Gives a column of what is left, up to so much.
fn widen(taken: &mut [(Column, u16)], left: &mut u16, column: Column, most: u16) {
    if let Some((_, width)) = taken.iter_mut().find(|(known, _)| *known == column) {
        let more = most.saturating_sub(*width).min(*left);
        *width += more;
        *left -= more;
    }
}

/// Cells between two columns.
pub(super) fn between(width: u16) -> u16 {
    if width < 100 { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::cli::watch::tests::view;

    fn text(column: Column, symbol: &str) -> String {
        let view = view();
        let text = column.text(
            &view,
            view.get(symbol).expect(symbol),
            &Ages::new(Instant::now()),
            view.ts(),
        );
        let need = column.need(&view, view.get(symbol).expect(symbol));
        assert!(
            column == Column::Age || need.is_none_or(|need| need == cells(&text)),
            "{column:?} {text}"
        );
        text
    }

    #[test]
    fn numbers_are_exact_and_what_has_no_value_is_a_dash() {
        for (column, bitcoin, ether, kraken) in [
            (Column::Bid, "61837.62", "2000.00", "-"),
            (Column::BidSize, "1.500", "-", "-"),
            (Column::Last, "61837.63 B", "-", "5940.00 S"),
            (Column::Spread, "0.02", "0.50", "-"),
            (Column::Change, "+3.06%", "-", "-1.00%"),
            (Column::Volume, "100", "500", "-"),
            (Column::Age, "≥0 ms", "≥0 ms", "≥0 ms"),
            (Column::State, "live", "live", "stale: silent"),
        ] {
            let got = ["binance:BTCUSDT", "binance:ETHUSDT", "kraken:BTC/USD"].map(|symbol| text(column, symbol));
            assert_eq!(got, [bitcoin, ether, kraken], "{column:?}");
        }
    }

    #[test]
    fn the_room_for_a_number_is_what_its_text_takes() {
        for mantissa in [0, 7, -7, 99, 100, -1_000, i128::from(u64::MAX), i128::from(i64::MIN)] {
            for decimals in 0..=18 {
                let number = Number { mantissa, decimals };
                assert_eq!(usize::from(digits(number)), number.to_string().len(), "{number}");
            }
        }
    }

    #[test]
    fn the_wider_the_screen_the_more_columns_and_never_more_than_fit() {
        let need = |column| match column {
            Column::Symbol => 15,
            Column::State => 13,
            Column::Change => 7,
            _ => 10,
        };
        let heads = |width| {
            let columns = layout(width, need);
            let used: u16 = columns.iter().map(|(_, wide)| wide + between(width)).sum();
            assert!(used <= width + between(width), "{columns:?}");
            columns
                .iter()
                .map(|(column, _)| column.head())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(heads(5), "symbol");
        assert_eq!(heads(40), "symbol last change state");
        assert_eq!(heads(80), "symbol bid ask last change 2 min state");
        assert_eq!(heads(120), "symbol bid ask last spread change age 2 min state");
        assert_eq!(heads(200).split_whitespace().count(), 18, "{}", heads(200));
        for width in 0..300 {
            heads(width);
            layout(width, |_| u16::MAX);
        }
    }

    #[test]
    fn what_no_row_has_takes_no_room_and_long_names_get_it() {
        let columns = |width, symbol| {
            layout(width, |column| match column {
                Column::Symbol => symbol,
                Column::Last => 13,
                Column::State => 4,
                Column::Line => LINE_LEAST,
                _ => 0,
            })
        };
        assert_eq!(
            columns(50, 46),
            [(Column::Symbol, 30), (Column::Last, 13), (Column::State, 5)]
        );
        let wide = columns(80, 37);
        assert_eq!(
            wide.iter()
                .map(|(column, wide)| (column.head(), *wide))
                .collect::<Vec<_>>(),
            [("symbol", 37), ("last", 13), ("2 min", 22), ("state", 5)]
        );
        assert_eq!(columns(20, 0), [(Column::Symbol, 6), (Column::Last, 13)]);
    }
}
