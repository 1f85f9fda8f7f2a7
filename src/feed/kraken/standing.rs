//! How an instrument stands: the book's break, the venue's halt and a trade's gap combine to one state.
//!
//! LIVE takes everything back that was said before, so it is only said while the book is whole, and a halt is said again
//! behind it.

use super::super::Batch;
use crate::market::{Event, StaleCause, Symbol, TickerState};

/// Where an instrument's quote stands on this connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Quote {
    /// No data that make it whole came yet.
    #[default]
    Awaited,
    Whole,
    /// The book was not the venue's; a new one is awaited.
    Broken,
}

/// The state of one instrument.
#[derive(Debug, Default)]
pub(super) struct Standing {
    quote: Quote,
    is_halted: bool,
}

impl Standing {
    /// Data came that make the quote whole.
    pub(super) fn whole(&mut self, symbol: &Symbol, out: &mut Batch) {
        if self.quote != Quote::Whole {
            self.quote = Quote::Whole;
            self.live(symbol, out);
        }
    }

    /// The book was found wrong.
    pub(super) fn broke(&mut self, symbol: &Symbol, out: &mut Batch) {
        if self.quote != Quote::Broken {
            self.quote = Quote::Broken;
            out.push(stale(symbol, StaleCause::Checksum));
        }
    }

    /// The venue says whether the instrument is traded.
    pub(super) fn trading(&mut self, is_halted: bool, symbol: &Symbol, out: &mut Batch) {
        if std::mem::replace(&mut self.is_halted, is_halted) == is_halted {
            return;
        }
        match (is_halted, self.quote) {
            (true, Quote::Broken) => out.extend([halted(symbol), stale(symbol, StaleCause::Checksum)]),
            (true, _) => out.push(halted(symbol)),
            (false, Quote::Whole) => self.live(symbol, out),
            // The snapshot that is awaited will say it.
            (false, Quote::Awaited | Quote::Broken) => {}
        }
    }

    /// Hands over the trade that shows a hole before it. The last trade is whole again with it; that there was a hole is
    /// said all the same, unless the instrument is no longer or not yet live anyway: `has_book` and its book not whole.
    pub(super) fn behind_gap(&self, update: Event, has_book: bool, symbol: &Symbol, out: &mut Batch) {
        if has_book && self.quote != Quote::Whole {
            out.push(update);
            return;
        }
        out.extend([stale(symbol, StaleCause::Gap), update]);
        self.live(symbol, out);
    }

    fn live(&self, symbol: &Symbol, out: &mut Batch) {
        out.push(state(symbol, TickerState::Live, None));
        if self.is_halted {
            out.push(halted(symbol));
        }
    }
}

fn stale(symbol: &Symbol, cause: StaleCause) -> Event {
    state(symbol, TickerState::Stale, Some(cause))
}

fn halted(symbol: &Symbol) -> Event {
    state(symbol, TickerState::Halted, None)
}

fn state(symbol: &Symbol, state: TickerState, cause: Option<StaleCause>) -> Event {
    Event::State {
        symbol: symbol.clone(),
        state,
        cause,
    }
}
