//! The columns: what stands in them, and which of them there is room for.

use crate::cli::figures::printable;
use crate::client::{Number, Ticker, View};
use crate::market::{Field, Side, TickerState, Ts, VenueName};

/// Where there is no value.
const NONE: &str = "-";

/// A symbol takes no more than so many hundredths of the width, unless that is less than [`SYMBOL_LEAST`].
const SYMBOL_PERCENT: u16 = 40;
const SYMBOL_LEAST: u16 = 12;
/// Sentences end somewhere.
const STATE_MOST: u16 = 24;
/// A sparkline is worth its place from so many bars on, and takes what is left up to so many.
const LINE_LEAST: u16 = 8;
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
    pub(super) fn text(self, view: &View, ticker: &Ticker, now: Ts) -> String {
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
            Column::Age => ticker.ts_event().map(|ts| age(now.micros_since(ts))),
            Column::Line => Some(String::new()),
            Column::State => Some(state(view, ticker)),
            other => other
                .field()
                .and_then(|field| ticker.value(field))
                .map(|v| v.to_string()),
        };
        text.unwrap_or_else(|| NONE.into())
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

/// An age in few characters; negative where the venue's clock is ahead: skew is shown, not clamped.
fn age(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    match us.unsigned_abs() {
        us @ ..1_000_000 => format!("{sign}{} ms", us / 1_000),
        us @ ..60_000_000 => format!("{sign}{}.{} s", us / 1_000_000, us / 100_000 % 10),
        us @ ..3_600_000_000 => format!("{sign}{} min", us / 60_000_000),
        us => format!("{sign}{} h", us / 3_600_000_000),
    }
}

/// Which columns there are on so many cells, and how wide they are; `need` is how wide they would be.
pub(super) fn layout(width: u16, need: impl Fn(Column) -> u16) -> Vec<(Column, u16)> {
    let between = between(width);
    let wide = |column: Column| match column {
        Column::Symbol => need(column).min((width * SYMBOL_PERCENT / 100).max(SYMBOL_LEAST)),
        Column::Line => LINE_LEAST,
        Column::State => need(column).min(STATE_MOST),
        other => need(other),
    };
    let mut left = width + between;
    let mut taken = Vec::new();
    for group in BY_WORTH {
        let wanted = group.iter().map(|column| wide(*column).saturating_add(between));
        let wanted = wanted.fold(0, u16::saturating_add);
        if wanted <= left {
            left -= wanted;
            taken.extend_from_slice(group);
        }
    }
    let shown = Column::ALL.into_iter().filter(|column| taken.contains(column));
    let width = |column: Column| match column {
        Column::Line => wide(column) + left.min(LINE_MOST - LINE_LEAST),
        other => wide(other),
    };
    shown.map(|column| (column, width(column))).collect()
}

/// Cells between two columns.
pub(super) fn between(width: u16) -> u16 {
    if width < 100 { 1 } else { 2 }
}
