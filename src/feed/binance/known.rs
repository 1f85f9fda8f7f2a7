//! What the parser keeps of an instrument: the venue's numbering, its sources, and what was said of its state.

use super::super::Batch;
use super::super::parse::{Contiguous, Growing};
use crate::market::{Field, FieldSet, Fields, StaleCause, TickerState, Ts};

/// What the parser keeps of an instrument. All of it holds over two connections that overlap.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// bookTicker's `u`: gives the order, is not contiguous.
    pub(super) quotes: Growing,
    /// trade's `t`.
    pub(super) trades: Contiguous,
    /// aggTrade's `a`.
    pub(super) agg_trades: Contiguous,
    /// depth's `U` to `u`; of futures `pu` + 1 to `u`.
    pub(super) depth: Contiguous,
    /// `E` of both day tickers: neither is taken once a later one of the other came.
    pub(super) days: Growing,
    /// `E` of 24hrTicker: the same comes twice over two connections.
    pub(super) full_days: Growing,
    /// `E` of 24hrMiniTicker.
    pub(super) mini_days: Growing,
    /// Whether bookTicker came: then the day tickers give no bid and ask.
    pub(super) has_quotes: bool,
    /// Whether trades came one by one: then aggTrade gives nothing.
    pub(super) has_trades: bool,
    /// Whether trade or aggTrade came: then the day tickers give no last price.
    pub(super) has_last: bool,
    /// Fields that came, in whatever way, until it was said to be live.
    seen: FieldSet,
    /// Whether trades are missing since the last that was handed over.
    has_lost_trades: bool,
    /// Whether it was said to be live, and no break since.
    is_live: bool,
}

pub(super) type Instrument = super::super::parse::Instrument<Known>;

/// Where the events of one frame go.
pub(super) struct Sink<'a> {
    pub(super) out: &'a mut Batch,
    pub(super) ts_recv: Ts,
    /// Whether bid and ask make an instrument live; else the last price does as well.
    pub(super) awaits_quotes: bool,
}

impl Sink<'_> {
    /// Hands an update over, and says that the instrument is live once enough of it came.
    pub(super) fn update(&mut self, instrument: &mut Instrument, fields: Fields, ts_event: Option<Ts>) {
        let (named, is_trade) = (fields.named(), fields.is_trade());
        self.out.push(instrument.update(fields, ts_event, self.ts_recv));
        let own = &mut instrument.own;
        if own.is_live {
            return;
        }
        own.seen = own.seen.union(named);
        own.has_lost_trades &= !is_trade;
        let has_quote = own.seen.contains(Field::BidPrice) && own.seen.contains(Field::AskPrice);
        let has_enough = has_quote || (!self.awaits_quotes && own.seen.contains(Field::LastPrice));
        if has_enough && !own.has_lost_trades {
            own.is_live = true;
            self.out.push(instrument.state(TickerState::Live, None));
        }
    }

    /// Says that trades are missing. The next one makes the last trade whole again, and the instrument live.
    pub(super) fn lost_trades(&mut self, instrument: &mut Instrument) {
        instrument.own.has_lost_trades = true;
        instrument.own.is_live = false;
        self.out
            .push(instrument.state(TickerState::Stale, Some(StaleCause::Gap)));
    }
}
