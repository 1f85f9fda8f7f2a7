//! Frames of Coinbase Advanced Trade to events.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Batch;
use super::super::parse::{
    Contiguous, Continuity, Counts, FrameParser, Growing, Heard, Instruments, ParseError, Quote, QuoteBook, Tally,
    decimal, rfc3339, shape,
};
use super::messages::{BookEvent, EventKind, Head, Ticker, TickerEvent, Trade, TradesEvent};
use super::{CHANNELS, PRODUCTS_MAX};
use crate::market::{Decimal, Field, Fields, StaleCause, TickerState, Ts, VenueName};

/// What the parser keeps of an instrument.
#[derive(Debug, Default)]
struct Product {
    book: QuoteBook,
    /// Whether its book was asked for anew and has not come yet.
    is_asked: bool,
    /// `trade_id`: for the order only, losses show in `sequence_num`.
    trades: Growing,
    /// Whether market_trades came: then the ticker gives no last price.
    has_trades: bool,
}

type Instrument = super::super::parse::Instrument<Product>;

/// The parser of one connection; a new connection needs a new one, for its numbering starts anew.
///
/// Bid and ask come from the book of `l2_data`, last from `market_trades`, volume, high and low from `ticker`. The
/// ticker's bid and ask are not in step with the book and are not read; its price is the last price only until a trade
/// came of the instrument (a first ticker has been seen with an older price than the trades before it). There is no
/// exact open: the venue gives a rounded percentage.
///
/// A hole in `sequence_num` may be a loss in any channel: every book is then lost and asked for anew, and its instrument
/// is stale until the next snapshot. The same for one instrument whose book crosses, is used up, or had a message that
/// cannot be read.
pub struct Parser {
    instruments: Instruments<Product>,
    pub(super) tally: Tally,
    sequence: Contiguous,
    /// Stamp of the message with number 0.
    began: Option<Box<str>>,
    /// Whether there was a hole: it may have held a product's snapshot.
    had_hole: bool,
    /// Products whose books are to be asked for, to be said with the next frame that says nothing else.
    lost: Vec<Box<str>>,
    /// Which of the channels asked for were answered.
    pub(super) is_answered: [bool; CHANNELS.len()],
}

impl FrameParser for Parser {
    fn frame(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        self.tally.frame();
        let head: Head<'_> = shape("JSON", frame).map_err(|error| self.tally.refuse(error, frame))?;
        if let Some(number) = head.sequence_num {
            match self.continuity(number, head.timestamp) {
                Continuity::Next => {}
                Continuity::Stale => {
                    self.tally.stale();
                    return Ok(self.or_lost(Heard::Data));
                }
                Continuity::Gap { expected, got } => {
                    self.tally.gap("sequence_num", expected, got);
                    self.had_hole = true;
                    self.lose_all(out);
                }
            }
        }
        let said = out.len();
        let heard = match head.channel {
            Some("l2_data") => self.books(&head, frame, ts_recv, out),
            Some("ticker" | "ticker_batch") => self.tickers(&head, ts_recv, out),
            Some("market_trades") => self.trades(&head, ts_recv, out),
            Some("subscriptions") => self.subscriptions(&head),
            Some("heartbeats") => Ok(self.passed_over(Heard::Idle)),
            None if head.kind == Some("error") => Ok(self.refusal(&head, frame)),
            _ => Ok(self.passed_over(Heard::Data)),
        };
        match heard {
            Ok(heard) => Ok(self.or_lost(heard)),
            Err(Fault::Counted(error)) => Err(error),
            Err(Fault::New(error)) => {
                out.truncate(said);
                Err(self.tally.refuse(error, frame))
            }
        }
    }

    fn counts(&self) -> Counts {
        self.tally.counts()
    }
}

impl Parser {
    /// Starts a connection; symbols get the venue's name in front.
    pub fn new(venue: VenueName) -> Parser {
        Parser {
            tally: Tally::new(&venue),
            instruments: Instruments::new(venue, PRODUCTS_MAX),
            sequence: Contiguous::default(),
            began: None,
            had_hole: false,
            lost: Vec::new(),
            is_answered: [false; CHANNELS.len()],
        }
    }

    /// Numbers begin with 0 on each connection. One after others, with a stamp of its own, is where a recording goes on
    /// with the next connection; what lies between is a hole.
    fn continuity(&mut self, number: u64, stamp: Option<&str>) -> Continuity {
        let continuity = self.sequence.check(number, number);
        if number > 0 || stamp == self.began.as_deref() {
            return continuity;
        }
        self.began = stamp.map(Box::from);
        match continuity {
            Continuity::Stale => {
                self.sequence = Contiguous::default();
                self.sequence.check(0, 0);
                Continuity::Gap { expected: 0, got: 0 }
            }
            continuity => continuity,
        }
    }

    /// All books are lost, and so may be the snapshots of those that have none.
    fn lose_all(&mut self, out: &mut Batch) {
        self.lost.clear();
        for instrument in self.instruments.iter_mut() {
            lose(instrument, out);
            instrument.own.is_asked = true;
            self.lost.push(instrument.symbol.name().into());
        }
    }

    /// What was heard, or what is lost if nothing else is to be said.
    fn or_lost(&mut self, heard: Heard) -> Heard {
        match heard {
            Heard::Data | Heard::Idle if !self.lost.is_empty() => Heard::Lost(std::mem::take(&mut self.lost)),
            heard => heard,
        }
    }

    pub(super) fn passed_over(&mut self, heard: Heard) -> Heard {
        self.tally.passed_over();
        heard
    }

    fn updated(&mut self, updates: u64) -> Heard {
        match updates {
            0 => self.tally.passed_over(),
            count => self.tally.updates(count),
        }
        Heard::Data
    }

    /// An event at fault hides no other; where all are, nobody knows whose books they were.
    fn books(&mut self, head: &Head<'_>, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "l2_data";
        let events: Vec<BookEvent<'_>> = match events(KIND, head) {
            Ok(events) => events,
            Err(error) => {
                self.lose_all(out);
                return Err(Fault::Counted(self.tally.refuse(error, frame)));
            }
        };
        let mut first_fault = None;
        for event in &events {
            if let Err(error) = self.apply(KIND, event, out) {
                let error = self.tally.refuse(error, frame);
                first_fault.get_or_insert(error);
            }
        }
        // Told only now: a book is right after a whole message.
        let mut updates = 0;
        for event in &events {
            updates += u64::from(self.tell(KIND, event, head, ts_recv, out));
        }
        match first_fault {
            None => Ok(self.updated(updates)),
            Some(error) => {
                self.tally.updates(updates);
                Err(Fault::Counted(error))
            }
        }
    }

    /// Sets an event's levels; a book of which one cannot be read is lost.
    fn apply(&mut self, kind: &'static str, event: &BookEvent<'_>, out: &mut Batch) -> Result<(), ParseError> {
        let instrument = self.instruments.of(kind, &event.product_id)?;
        let product = &mut instrument.own;
        match event.kind {
            EventKind::Snapshot => {
                product.book.begin();
                product.is_asked = false;
                // The message that showed the hole may be what was to be asked for.
                self.lost.retain(|name| **name != *event.product_id);
            }
            EventKind::Update if product.book.is_whole() => {}
            EventKind::Update => {
                // Its snapshot was in the hole.
                if self.had_hole && !product.is_asked {
                    ask(instrument, &mut self.lost);
                }
                return Ok(());
            }
        }
        let set = event.updates.iter().try_for_each(|level| {
            let price = number(kind, level.price_level)?;
            let size = number(kind, level.new_quantity)?;
            product.book.set(level.side.into(), price, size);
            Ok(())
        });
        if set.is_err() {
            lose(instrument, out);
            // A snapshot that cannot be read would be no better the next time.
            if event.kind == EventKind::Update {
                ask(instrument, &mut self.lost);
            }
        }
        set
    }

    /// Says the best levels if they changed, and that the quote is whole with the first; returns whether it did.
    fn tell(
        &mut self,
        kind: &'static str,
        event: &BookEvent<'_>,
        head: &Head<'_>,
        ts_recv: Ts,
        out: &mut Batch,
    ) -> bool {
        let Ok(instrument) = self.instruments.of(kind, &event.product_id) else {
            return false;
        };
        match instrument.own.book.quote() {
            Quote::Same => false,
            Quote::Changed { fields, is_first } => {
                // All levels of an event have had the same stamp. One that cannot be read spoils no book.
                let stamp = |text| rfc3339(kind, text).ok().flatten();
                let own = event.updates.last().and_then(|level| level.event_time);
                let ts_event = own.and_then(stamp).or_else(|| head.timestamp.and_then(stamp));
                out.push(instrument.update(fields, ts_event, ts_recv));
                if is_first {
                    out.push(instrument.state(TickerState::Live, None));
                }
                true
            }
            Quote::Broken(why) => {
                self.tally.broken(kind, why);
                lose(instrument, out);
                ask(instrument, &mut self.lost);
                false
            }
        }
    }

    fn tickers(&mut self, head: &Head<'_>, ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "ticker";
        let events: Vec<TickerEvent<'_>> = events(KIND, head)?;
        let ts_event = head.timestamp.map(|t| rfc3339(KIND, t)).transpose()?.flatten();
        let mut updates = 0;
        for ticker in events.iter().flat_map(|event| &event.tickers) {
            let mut fields = day(KIND, ticker)?;
            let last = decimal(KIND, ticker.price)?;
            let instrument = self.instruments.of(KIND, &ticker.product_id)?;
            if !instrument.own.has_trades {
                fields.put(Field::LastPrice, last);
            }
            out.push(instrument.update(fields, ts_event, ts_recv));
            updates += 1;
        }
        Ok(self.updated(updates))
    }

    fn trades(&mut self, head: &Head<'_>, ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "market_trades";
        let mut events: Vec<TradesEvent<'_>> = events(KIND, head)?;
        let (mut updates, mut stale) = (0, 0);
        for event in &mut events {
            let is_old = event.kind == EventKind::Snapshot;
            if is_old {
                // Only the newest of each product is the last one.
                let order =
                    |a: &Trade<'_>, b: &Trade<'_>| a.product_id.cmp(&b.product_id).then(b.trade_id.cmp(&a.trade_id));
                event.trades.sort_by(order);
                event.trades.dedup_by(|later, kept| later.product_id == kept.product_id);
            }
            event.trades.sort_by_key(|trade| trade.trade_id);
            for trade in &event.trades {
                let fields = last(KIND, trade, is_old)?;
                let ts_event = rfc3339(KIND, trade.time)?;
                let instrument = self.instruments.of(KIND, &trade.product_id)?;
                instrument.own.has_trades = true;
                if instrument.own.trades.check(trade.trade_id) == Continuity::Stale {
                    stale += 1;
                    continue;
                }
                out.push(instrument.update(fields, ts_event, ts_recv));
                updates += 1;
            }
        }
        if updates == 0 && stale > 0 {
            self.tally.stale();
            return Ok(Heard::Data);
        }
        Ok(self.updated(updates))
    }
}

/// Why a message gave nothing.
pub(super) enum Fault {
    /// Not yet counted, and nothing of its message is to be said.
    New(ParseError),
    /// Counted; what is said stays said.
    Counted(ParseError),
}

impl From<ParseError> for Fault {
    fn from(error: ParseError) -> Fault {
        Fault::New(error)
    }
}

pub(super) type Parsed = Result<Heard, Fault>;

pub(super) fn events<'a, T: Deserialize<'a>>(kind: &'static str, head: &Head<'a>) -> Result<Vec<T>, ParseError> {
    shape(kind, head.events.map_or("null", RawValue::get).as_bytes())
}

/// A number that the book needs: one that does not fit cannot be left out of it.
fn number(kind: &'static str, text: &str) -> Result<Decimal, ParseError> {
    Decimal::parse(text).map_err(|source| ParseError::Number { kind, source })
}

/// Forgets a book and says so, if it was whole.
fn lose(instrument: &mut Instrument, out: &mut Batch) {
    if instrument.own.book.lose() {
        out.push(instrument.state(TickerState::Stale, Some(StaleCause::Gap)));
    }
}

fn ask(instrument: &mut Instrument, lost: &mut Vec<Box<str>>) {
    instrument.own.is_asked = true;
    let name = instrument.symbol.name();
    if !lost.iter().any(|n| **n == *name) {
        lost.push(name.into());
    }
}

fn day(kind: &'static str, ticker: &Ticker<'_>) -> Result<Fields, ParseError> {
    let mut fields = Fields::new();
    fields.put(Field::High, decimal(kind, ticker.high_24_h)?);
    fields.put(Field::Low, decimal(kind, ticker.low_24_h)?);
    fields.put(Field::Volume, decimal(kind, ticker.volume_24_h)?);
    Ok(fields)
}

/// A trade; an old one, which a snapshot brings, says the last price but is none that happened now.
fn last(kind: &'static str, trade: &Trade<'_>, is_old: bool) -> Result<Fields, ParseError> {
    let (price, size) = (decimal(kind, trade.price)?, decimal(kind, trade.size)?);
    Ok(super::last(price, size, trade.side, is_old))
}
