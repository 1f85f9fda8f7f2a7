//! What is shown: the rows of the view that the screen has room for, as texts. Pure; takes `now`.

use std::time::{Duration, Instant};

use super::age::Ages;
use super::choice::{Choice, Order};
use super::columns::{COLUMNS, Column, LINE_MOST, layout};
use super::past::{Flashes, Prices};
use super::picture::{Head, Picture, ShownRow};
use super::traffic::Traffic;
use super::words::Stream;
use super::{screen, words};
use crate::cli::link::Link;
use crate::cli::terminal::{Base, cells, sparkline};
use crate::client::{Changed, Ticker, View};
use crate::market::Symbol;

/// Rows are put in order anew so often, and a second later for each so many: all of them are looked at for it.
const ORDER_EVERY: Duration = Duration::from_secs(1);
const ORDERED_A_SECOND: u64 = 50_000;

/// All that is known beside the view.
pub(super) struct Board {
    pub(super) stream: Stream,
    pub(super) choice: Choice,
    pub(super) ages: Ages,
    prices: Prices,
    flashes: Flashes,
    /// The rows' symbols, when and of how many and in which order.
    rows: Vec<Symbol>,
    ordered: Option<(Instant, usize, Order)>,
    /// Widest texts so far, of all rows: columns must not move while rows do, so they only become wider. 0 where no row
    /// has anything; begun anew with another order or filter.
    widths: [u16; COLUMNS],
    /// What is held still, and since when.
    held: Option<(Box<View>, Instant)>,
    was_complete: bool,
}

impl Board {
    pub(super) fn new(url: &str, encoding: String, now: Instant) -> Board {
        Board {
            stream: Stream {
                url: url.to_owned(),
                encoding,
                server: String::new(),
                interval_ms: None,
                link: Link::Connecting,
                traffic: Traffic::default(),
            },
            choice: Choice::default(),
            ages: Ages::new(now),
            prices: Prices::default(),
            flashes: Flashes::default(),
            rows: Vec::new(),
            ordered: None,
            widths: [0; COLUMNS],
            held: None,
            was_complete: false,
        }
    }

    /// Takes what changed. What a snapshot says is of any age: only what comes behind it is as old as its way was long.
    pub(super) fn changed(&mut self, view: &View, changed: &Changed) {
        if self.was_complete {
            self.stream.traffic.take(view, changed);
            self.ages.changed(view, changed);
        }
    }

    /// Takes the view as it is now, whatever of it is shown.
    pub(super) fn take(&mut self, view: &View, received_bytes: u64, now: Instant) {
        self.was_complete = view.is_complete();
        self.stream.traffic.second(received_bytes, now);
        self.prices.remember(view, now);
        self.ages.take(view, now);
        match (self.choice.is_held, &self.held) {
            (true, None) => self.held = Some((Box::new(view.clone()), now)),
            (false, Some(_)) => self.held = None,
            _ => {}
        }
    }

    /// Whether a picture would move though nothing came.
    pub(super) fn is_moving(&self, now: Instant) -> bool {
        self.held.is_none() && self.flashes.is_moving(now)
    }

    /// The picture on a screen of so many columns and lines.
    pub(super) fn picture(&mut self, view: &View, now: Instant, size: (u16, u16)) -> Picture {
        let held = self.held.take();
        let (shown, at) = held.as_ref().map_or((view, now), |(view, at)| (&**view, *at));
        self.order(shown, now);
        let head = Head {
            link: (
                words::connection(&self.stream, !view.is_empty(), now),
                self.stream.link.is_up(),
            ),
            figures: words::figures(&self.stream, view, held.as_ref().map(|(_, at)| *at), now),
            venues: words::venues(view),
        };
        let window = self.choice.window(self.rows.len(), screen::room(&head, size));
        let tickers: Vec<&Ticker> = self.rows[window.clone()]
            .iter()
            .filter_map(|symbol| shown.get(symbol.as_str()))
            .collect();
        self.flashes.see(tickers.iter().copied(), at);
        let (columns, rows) = self.table(shown, &tickers, at, size.0);
        let nothing = match self.rows.is_empty() {
            true => words::nothing(&self.stream, &self.choice.order.filter, shown),
            false => String::new(),
        };
        let picture = Picture {
            head,
            columns,
            rows,
            nothing,
            foot: words::foot(&self.choice, window, self.rows.len(), shown.len(), size.0),
            has_help: self.choice.has_help,
        };
        self.held = held;
        picture
    }

    /// Puts rows in order where that was asked for anew, some came or went, or it is time to.
    fn order(&mut self, view: &View, now: Instant) {
        let every = ORDER_EVERY + Duration::from_secs(view.len() as u64 / ORDERED_A_SECOND);
        let is_same = self.ordered.as_ref().is_some_and(|(at, count, order)| {
            *order == self.choice.order && (*count == view.len()) && now.saturating_duration_since(*at) < every
        });
        if is_same {
            return;
        }
        self.rows = self.choice.order.symbols(view);
        let is_other = self
            .ordered
            .as_ref()
            .is_none_or(|(.., order)| *order != self.choice.order);
        if is_other {
            self.widths = [0; COLUMNS];
        }
        self.measure(view);
        self.ordered = Some((now, view.len(), self.choice.order.clone()));
    }

    /// Looks at all rows, whichever are shown.
    fn measure(&mut self, view: &View) {
        for ticker in view.iter() {
            for (width, column) in self.widths.iter_mut().zip(Column::ALL) {
                *width = column.need(view, ticker).unwrap_or(0).max(*width);
            }
        }
    }

    fn table(
        &mut self,
        view: &View,
        tickers: &[&Ticker],
        now: Instant,
        width: u16,
    ) -> (Vec<(Column, u16)>, Vec<ShownRow>) {
        let clock = self.ages.clock(now);
        let texts: Vec<[String; COLUMNS]> = tickers
            .iter()
            .map(|ticker| Column::ALL.map(|column| column.text(view, ticker, &self.ages, clock)))
            .collect();
        // What changed since all rows were looked at.
        for (ticker, row) in tickers.iter().zip(&texts) {
            for (at, column) in Column::ALL.into_iter().enumerate() {
                if column.need(view, ticker).is_some() {
                    self.widths[at] = self.widths[at].max(cells(&row[at]));
                }
            }
        }
        let columns = layout(width, |column| self.widths[column as usize]);
        let rows = tickers.iter().zip(texts).map(|(ticker, mut texts)| ShownRow {
            cells: columns
                .iter()
                .map(|(column, width)| match column {
                    Column::Line => (self.line(ticker.symbol(), usize::from(*width)), None),
                    other => {
                        let flash = other
                            .field()
                            .and_then(|field| self.flashes.of(ticker.symbol(), field, now));
                        (std::mem::take(&mut texts[*other as usize]), flash)
                    }
                })
                .collect(),
            is_live: view.is_live(ticker) && self.stream.link.is_up(),
        });
        let rows = rows.collect();
        (columns, rows)
    }

    fn line(&self, symbol: &Symbol, width: usize) -> String {
        let width = width.min(usize::from(LINE_MOST));
        sparkline(self.prices.steps(symbol, width).into_iter(), width, Base::Lowest)
    }
}
