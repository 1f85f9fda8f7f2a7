//! Frames of Kraken to events.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::Batch;
use super::super::parse::{
    Continuity, Counts, FrameParser, Heard, Instruments, ParseError, Tally, rfc3339, shape, whole,
};
use super::book::Applied;
use super::bounds::INSTRUMENTS_MAX;
use super::instrument::{Instrument, Own};
use super::messages::{self, Data, Frame, Ticker, Trade, Written};
use super::pairs::Pairs;
use super::reference::list;
use super::scan;
use crate::market::{Field, Fields, Side, Ts, Value, VenueName};

/// The parser of one connection; a new connection needs a new one.
///
/// Bid and ask come from the book, last from trades; volume, high, low and the number of trades from the ticker. The
/// ticker gives a last price too while no trade came, and bid and ask where there is no book. The opening price is not
/// told: the venue states a change over 24 hours but not against which price, so last minus change would be a guess.
pub struct Parser {
    pub(super) instruments: Instruments<Own>,
    pub(super) pairs: Pairs,
    /// The whole venue does not trade.
    pub(super) is_venue_halted: bool,
    pub(super) tally: Tally,
}

impl FrameParser for Parser {
    fn frame(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        self.tally.frame();
        if let Some((is_snapshot, book)) = scan::book(frame) {
            return self.each(&[book], frame, |p, book| p.book(book, is_snapshot, ts_recv, out));
        }
        let message: Frame<'_> = match shape("frame", frame) {
            Ok(message) => message,
            Err(error) => return Err(self.tally.refuse(error, frame)),
        };
        if message.channel.is_none() {
            return self.answered(&message, frame, out);
        }
        let is_snapshot = message.kind.as_deref() == Some("snapshot");
        match message.data {
            Some(Data::Book(books)) => self.each(&books, frame, |p, book| p.book(book, is_snapshot, ts_recv, out)),
            Some(Data::Trade(trades)) if is_snapshot => {
                let newest = newest(&trades);
                self.each(&newest, frame, |p, trade| p.old_trade(trade, ts_recv, out))
            }
            Some(Data::Trade(trades)) => self.each(&trades, frame, |p, trade| p.trade(trade, ts_recv, out)),
            Some(Data::Ticker(tickers)) => self.each(&tickers, frame, |p, ticker| p.ticker(ticker, ts_recv, out)),
            Some(Data::Instrument(reference)) => self.reference(&reference, frame, out),
            Some(Data::Status(systems)) => Ok(self.status(&systems, frame, out)),
            // Heartbeats have no data; channels that are not used here have.
            Some(Data::Other) | None => {
                self.tally.passed_over();
                Ok(Heard::Idle)
            }
        }
    }

    fn counts(&self) -> Counts {
        self.tally.counts()
    }
}

/// What became of a part of a message that is as it should be.
enum Outcome {
    Updated,
    PassedOver,
    Stale,
    /// The book was lost and is to be asked for anew.
    Lost(Box<str>),
}

type Parsed = Result<Outcome, ParseError>;

impl Parser {
    /// Starts a recording: symbols get the venue's name in front, and those are listed of which there are data.
    pub fn new(venue: VenueName) -> Parser {
        Parser::with(venue, Pairs::Recorded(FxHashMap::default()), INSTRUMENTS_MAX)
    }

    /// Starts a connection on which these were asked for, each with its book.
    pub(super) fn asked(venue: VenueName, names: Arc<FxHashSet<String>>) -> Parser {
        let limit = names.len();
        Parser::with(venue, Pairs::Asked(names), limit)
    }

    /// The same with another bound of instruments.
    pub(super) fn with(venue: VenueName, pairs: Pairs, limit: usize) -> Parser {
        Parser {
            tally: Tally::new(&venue),
            instruments: Instruments::new(venue, limit),
            pairs,
            is_venue_halted: false,
        }
    }

    /// Takes the parts of a message; one at fault does not hide the others.
    fn each<T>(
        &mut self,
        parts: &[T],
        frame: &[u8],
        mut take: impl FnMut(&mut Parser, &T) -> Parsed,
    ) -> Result<Heard, ParseError> {
        let (mut lost, mut fault) = (Vec::new(), None);
        for part in parts {
            match take(self, part) {
                Ok(Outcome::Updated) => self.tally.updates(1),
                Ok(Outcome::PassedOver) => self.tally.passed_over(),
                Ok(Outcome::Stale) => self.tally.stale(),
                Ok(Outcome::Lost(name)) => lost.push(name),
                Err(error) => fault = Some(self.tally.refuse(error, frame)),
            }
        }
        match fault {
            // What was lost is to be asked for, whatever else there was.
            Some(error) if lost.is_empty() => Err(error),
            _ if lost.is_empty() => Ok(Heard::Data),
            _ => Ok(Heard::Lost(lost)),
        }
    }

    /// The instrument of a message, listed now if this is the first one of it.
    pub(super) fn instrument(
        &mut self,
        kind: &'static str,
        name: &str,
        out: &mut Batch,
    ) -> Result<(&mut Instrument, &mut Tally), ParseError> {
        let instrument = self.instruments.of(kind, name)?;
        if !std::mem::replace(&mut instrument.own.has_begun, true) {
            instrument.own.has_book |= self.pairs.is_asked(name);
            let stated = self.pairs.stated(name).or(instrument.own.stated);
            list(instrument, stated, self.is_venue_halted, out);
        }
        Ok((instrument, &mut self.tally))
    }

    fn book(&mut self, m: &messages::Book<'_>, is_snapshot: bool, ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "book";
        let ts_event = time(KIND, m.timestamp.as_deref())?;
        let (instrument, tally) = self.instrument(KIND, &m.symbol, out)?;
        let symbol = &instrument.symbol;
        let own = &mut instrument.own;
        own.has_book = true;
        let applied = match is_snapshot {
            true => own.book.snapshot(&m.bids, &m.asks, m.checksum),
            false => own.book.update(&m.bids, &m.asks, m.checksum),
        };
        match applied {
            Applied::NoBook => Ok(Outcome::PassedOver),
            Applied::Wrong { expected, got } => {
                tally.checksum(KIND, expected, got);
                own.standing.broke(symbol, out);
                Ok(Outcome::Lost(Box::from(&*m.symbol)))
            }
            Applied::Whole(fields) => {
                let is_update = !fields.is_empty();
                if is_update {
                    out.push(instrument.update(fields, ts_event, ts_recv));
                }
                instrument.own.standing.whole(&instrument.symbol, out);
                Ok(if is_update {
                    Outcome::Updated
                } else {
                    Outcome::PassedOver
                })
            }
        }
    }

    fn trade(&mut self, m: &Trade<'_>, ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "trade";
        let ts_event = time(KIND, Some(&m.timestamp))?;
        let (instrument, tally) = self.instrument(KIND, &m.symbol, out)?;
        let mut fields = Fields::new();
        fields.trade(m.price.value, m.qty.value, side(&m.side));
        let update = instrument.update(fields, ts_event, ts_recv);
        let own = &mut instrument.own;
        own.has_trades = true;
        match own.trades.check(m.trade_id, m.trade_id) {
            Continuity::Stale => return Ok(Outcome::Stale),
            Continuity::Next => out.push(update),
            Continuity::Gap { expected, got } => {
                tally.gap(KIND, expected, got);
                own.standing.behind_gap(update, own.has_book, &instrument.symbol, out);
            }
        }
        Ok(Outcome::Updated)
    }

    /// A trade from before the connection: it gives the last price but is no event of now, so it has no time.
    fn old_trade(&mut self, m: &Trade<'_>, ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "trade";
        let (instrument, _) = self.instrument(KIND, &m.symbol, out)?;
        instrument.own.has_trades = true;
        if instrument.own.trades.check(m.trade_id, m.trade_id) == Continuity::Stale {
            return Ok(Outcome::Stale);
        }
        let mut fields = Fields::new();
        let side = side(&m.side).map_or(Value::Cleared, |side| whole(side as u64));
        fields
            .put(Field::LastPrice, m.price.value)
            .put(Field::LastSize, m.qty.value)
            .put(Field::LastSide, side);
        out.push(instrument.update(fields, None, ts_recv));
        Ok(Outcome::Updated)
    }

    fn ticker(&mut self, m: &Ticker<'_>, ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "ticker";
        let ts_event = time(KIND, m.timestamp.as_deref())?;
        let (instrument, _) = self.instrument(KIND, &m.symbol, out)?;
        let mut fields = Fields::new();
        fields
            .put(Field::Volume, m.volume.value)
            .put(Field::High, m.high.value)
            .put(Field::Low, m.low.value);
        if let Some(trades) = m.trades {
            fields.put(Field::TradeCount, whole(trades));
        }
        if !instrument.own.has_trades {
            fields.put(Field::LastPrice, m.last.value);
        }
        let has_book = instrument.own.has_book;
        if !has_book {
            best(&mut fields, (Field::BidPrice, m.bid), (Field::BidSize, m.bid_qty));
            best(&mut fields, (Field::AskPrice, m.ask), (Field::AskSize, m.ask_qty));
        }
        out.push(instrument.update(fields, ts_event, ts_recv));
        if !has_book {
            instrument.own.standing.whole(&instrument.symbol, out);
        }
        Ok(Outcome::Updated)
    }
}

/// The newest trade of each instrument: a snapshot has some fifty of each, in an order that the venue does not promise.
fn newest<'m, 'a>(trades: &'m [Trade<'a>]) -> Vec<&'m Trade<'a>> {
    let mut newest: FxHashMap<&str, &Trade<'a>> = FxHashMap::default();
    for trade in trades {
        let slot = newest.entry(&trade.symbol).or_insert(trade);
        if trade.trade_id > slot.trade_id {
            *slot = trade;
        }
    }
    // In the message's order: the map's is no one's.
    trades
        .iter()
        .filter(|t| newest.get(&*t.symbol).is_some_and(|n| std::ptr::eq(*n, *t)))
        .collect()
}

/// One side's best level of a ticker; an empty side is written as size zero.
fn best(fields: &mut Fields, price: (Field, Written), size: (Field, Written)) {
    match size.1.value {
        Value::Set(s) if s.is_zero() => fields.clear(price.0).clear(size.0),
        value => fields.put(price.0, price.1.value).put(size.0, value),
    };
}

fn side(word: &str) -> Option<Side> {
    match word {
        "buy" => Some(Side::Buy),
        "sell" => Some(Side::Sell),
        _ => None,
    }
}

fn time(kind: &'static str, text: Option<&str>) -> Result<Option<Ts>, ParseError> {
    text.map_or(Ok(None), |text| rfc3339(kind, text))
}
