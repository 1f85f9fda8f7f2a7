//! What was before: prices for the sparklines, and values for the flashes. Pure; `now` is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::columns::price;
use crate::client::{Number, Ticker, View};
use crate::market::{FIELDS, Field, Symbol};

/// A price is remembered so often, and so many of them: two minutes.
const EVERY: Duration = Duration::from_secs(2);
const KEPT: usize = 60;

/// Instruments whose prices are remembered: at 60 prices of 9 bytes and their names some 40 MB.
const INSTRUMENTS_MOST: usize = 50_000;

/// A change is bright for so long, and coloured for as long again.
const BRIGHT: Duration = Duration::from_millis(150);
const COLOURED: Duration = Duration::from_millis(300);

/// Prices of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Prices {
    /// Of each instrument the newest, with the number of the last of them.
    kept: HashMap<Symbol, VecDeque<Option<f32>>>,
    /// How often they were remembered.
    count: usize,
    last: Option<Instant>,
}

impl Prices {
    /// Remembers prices where it is time to; the first at once.
    pub(super) fn remember(&mut self, view: &View, now: Instant) {
        let is_early = |last: Instant| now.saturating_duration_since(last) < EVERY;
        if view.is_empty() || self.last.is_some_and(is_early) {
            return;
        }
        self.last = Some(now);
        self.count += 1;
        for ticker in view.iter() {
            let has_room = self.kept.len() < INSTRUMENTS_MOST;
            let kept = match self.kept.get_mut(ticker.symbol()) {
                Some(kept) => kept,
                None if has_room => self.kept.entry(ticker.symbol().clone()).or_default(),
                None => continue,
            };
            if kept.len() >= KEPT {
                kept.pop_front();
            }
            // What is not live is no price of now.
            kept.push_back(price(ticker).filter(|_| view.is_live(ticker)));
        }
        self.kept.retain(|symbol, _| view.get(symbol.as_str()).is_some());
    }

    /// Two minutes, or as much of them as there was, in so many steps, oldest first: of each step its newest price.
    pub(super) fn steps(&self, symbol: &Symbol, width: usize) -> Vec<Option<f64>> {
        let Some(kept) = self.kept.get(symbol) else {
            return Vec::new();
        };
        // Steps begin at the same samples each time, or the bars would change as they move.
        let size = self.count.min(KEPT).div_ceil(width.max(1)).max(1);
        let first = self.count - kept.len();
        let mut steps: VecDeque<Option<f64>> = VecDeque::new();
        let mut newest = None;
        for (at, price) in (first..).zip(kept) {
            if newest != Some(at / size) {
                newest = Some(at / size);
                steps.push_back(None);
            }
            if let (Some(price), Some(step)) = (price, steps.back_mut()) {
                *step = Some(f64::from(*price));
            }
        }
        steps.into()
    }
}

/// A value that has just changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flash {
    pub(super) is_up: bool,
    /// It is new; else it fades.
    pub(super) is_bright: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    value: Option<Number>,
    changed: Option<(Instant, bool)>,
}

/// The values of the rows that are shown, and when they changed.
#[derive(Debug, Default)]
pub(super) struct Flashes {
    rows: HashMap<Symbol, [Seen; FIELDS]>,
    newest: Option<Instant>,
}

impl Flashes {
    /// Takes the rows that are shown now; what was not shown before does not flash.
    pub(super) fn see<'a>(&mut self, shown: impl Iterator<Item = &'a Ticker>, now: Instant) {
        let mut before = std::mem::take(&mut self.rows);
        for ticker in shown {
            let known = before.remove(ticker.symbol());
            let is_new = known.is_none();
            let mut row = known.unwrap_or_default();
            for field in Field::ALL {
                let seen = &mut row[field.index()];
                let value = ticker.value(field);
                if let (Some(old), Some(value), false) = (seen.value, value, is_new)
                    && let Some(is_up) = is_rise(old, value)
                {
                    seen.changed = Some((now, is_up));
                    self.newest = Some(now);
                }
                seen.value = value;
            }
            self.rows.insert(ticker.symbol().clone(), row);
        }
    }

    pub(super) fn of(&self, symbol: &Symbol, field: Field, now: Instant) -> Option<Flash> {
        let (at, is_up) = self.rows.get(symbol)?[field.index()].changed?;
        let past = now.saturating_duration_since(at);
        (past < COLOURED).then_some(Flash {
            is_up,
            is_bright: past < BRIGHT,
        })
    }

    /// Whether anything fades, or did so a moment ago and has to be drawn without it.
    pub(super) fn is_moving(&self, now: Instant) -> bool {
        let is_young = |at: Instant| now.saturating_duration_since(at) < COLOURED + BRIGHT;
        self.newest.is_some_and(is_young)
    }
}

/// Whether the second is above the first, `None` where they are equal; decimals may have grown between them.
fn is_rise(old: Number, new: Number) -> Option<bool> {
    let decimals = old.decimals.max(new.decimals);
    let scaled = |n: Number| n.mantissa * 10i128.pow(u32::from(decimals - n.decimals));
    let (old, new) = (scaled(old), scaled(new));
    (old != new).then_some(new > old)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::watch::tests::{view, view_with};

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn prices_are_remembered_for_two_minutes_and_a_step_has_the_newest_of_its_time() {
        let start = Instant::now();
        let mut prices = Prices::default();
        let view = view();
        let symbol = |text: &str| Symbol::parse(text).expect(text);
        for second in 0..8 {
            prices.remember(&view, start + S * second);
        }
        assert_eq!(
            prices.steps(&symbol("binance:BTCUSDT"), 60),
            [Some(61_837.63_f32.into()); 4]
        );
        assert_eq!(prices.steps(&symbol("binance:BTCUSDT"), 2).len(), 2);
        // It has no last price.
        assert_eq!(prices.steps(&symbol("binance:ETHUSDT"), 60)[0], Some(2_000.25));
        // Its venue is stale.
        assert_eq!(prices.steps(&symbol("kraken:BTC/USD"), 60), [None; 4]);
        for second in 8..1_000 {
            prices.remember(&view, start + S * second);
        }
        assert_eq!(prices.steps(&symbol("binance:BTCUSDT"), 60).len(), KEPT);
        assert!(prices.steps(&symbol("binance:BTCUSDT"), 12).len() <= 13);
        assert!(prices.steps(&symbol("a:GONE"), 12).is_empty());
    }

    #[test]
    fn a_change_is_bright_then_coloured_then_gone_and_what_was_not_shown_does_not_flash() {
        let start = Instant::now();
        let ms = |n| start + Duration::from_millis(n);
        let mut flashes = Flashes::default();
        let before = view();
        flashes.see(before.iter(), start);
        assert!(!flashes.is_moving(start));
        let after = view_with(&[(1, 6_183_800), (2, 1)]);
        flashes.see(after.iter(), ms(10));
        let symbol = Symbol::parse("binance:BTCUSDT").expect("a symbol");
        let last = |flashes: &Flashes, at| flashes.of(&symbol, Field::LastPrice, ms(at));
        let up = |is_bright| Some(Flash { is_up: true, is_bright });
        assert_eq!(last(&flashes, 10), up(true));
        assert_eq!(last(&flashes, 200), up(false));
        assert_eq!(last(&flashes, 310), None);
        assert!(flashes.is_moving(ms(310)) && !flashes.is_moving(ms(500)));
        assert_eq!(flashes.of(&symbol, Field::BidPrice, ms(10)), None);
        flashes.see(before.iter(), ms(600));
        assert_eq!(last(&flashes, 600).map(|flash| flash.is_up), Some(false));
        // Out of sight and back.
        flashes.see(std::iter::empty(), ms(700));
        flashes.see(after.iter(), ms(710));
        assert_eq!(last(&flashes, 710), None);
    }

    #[test]
    fn more_decimals_are_no_change() {
        let number = |mantissa, decimals| Number { mantissa, decimals };
        assert_eq!(is_rise(number(15, 1), number(1_500, 3)), None);
        assert_eq!(is_rise(number(15, 1), number(1_501, 3)), Some(true));
        assert_eq!(is_rise(number(i128::from(u64::MAX), 0), number(1, 18)), Some(false));
    }
}
