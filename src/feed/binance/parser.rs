//! Frames of Binance spot and USD-M to events.

use serde::de::Error as _;
use serde_json::value::RawValue;

use super::super::Batch;
use super::super::parse::{
    Continuity, Counts, FrameParser, Heard, Instruments, ParseError, SYMBOLS_MAX, Tally, decimal, level,
    millis_or_micros as time, whole,
};
use super::control;
use super::envelope::{Kind, glance};
use super::known::{Instrument, Known, Sink};
use super::messages::{AggTrade, BookTicker, DayTicker, Depth, Head, Trade, from_str, read};
use crate::market::{Field, Fields, Side, Ts, VenueName};

/// The parser of one connection, and of the one that takes over from it: all its numbers are the venue's, not the
/// connection's, so what both bring is taken once. The messages themselves say what differs between spot and USD-M.
///
/// Bid and ask come from bookTicker, last from trade (from aggTrade where no trade came), open, high, low, volume and
/// trade count from the day tickers, 24hrTicker and 24hrMiniTicker. Those are up to a second old, so their bid and ask
/// are taken only until a bookTicker came, and their last only until a trade did. Depth is checked for continuity and
/// gives nothing.
///
/// An instrument is live with its first bid and ask or, where those are not awaited, its first last price.
pub struct Parser {
    instruments: Instruments<Known>,
    tally: Tally,
    awaits_quotes: bool,
}

impl FrameParser for Parser {
    fn frame(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        self.tally.frame();
        let mut sink = Sink {
            out,
            ts_recv,
            awaits_quotes: self.awaits_quotes,
        };
        let Ok(text) = std::str::from_utf8(frame) else {
            let source = serde_json::Error::custom("not UTF-8");
            return Err(self.tally.refuse(ParseError::Shape { kind: "JSON", source }, frame));
        };
        if let Some((kind, message)) = glance(text) {
            match self.of_kind(kind, message, &mut sink) {
                // What the name promised is not there: what is, the general way tells.
                Err(ParseError::Shape { .. }) => {}
                outcome => return self.count(outcome, message),
            }
        }
        self.any(text, &mut sink)
    }

    fn counts(&self) -> Counts {
        self.tally.counts()
    }
}

impl Parser {
    /// Starts a connection; symbols get the venue's name in front.
    pub fn new(venue: VenueName) -> Parser {
        Parser::with_limit(venue, SYMBOLS_MAX)
    }

    /// The same with another bound of instruments.
    pub(super) fn with_limit(venue: VenueName, symbols_max: usize) -> Parser {
        Parser {
            tally: Tally::new(&venue),
            instruments: Instruments::new(venue, symbols_max),
            awaits_quotes: false,
        }
    }

    /// Says that quotes were subscribed: a last price alone then makes no instrument live, for its bid and ask may
    /// still be those from before the connection.
    pub fn awaiting_quotes(self) -> Parser {
        Parser {
            awaits_quotes: true,
            ..self
        }
    }

    /// A frame laid out in any way.
    fn any(&mut self, frame: &str, sink: &mut Sink<'_>) -> Result<Heard, ParseError> {
        if is_array(frame) {
            return self.each(frame, sink);
        }
        let head: Head<'_> = match from_str("JSON", frame) {
            Ok(head) => head,
            Err(error) => return Err(self.tally.refuse(error, frame.as_bytes())),
        };
        match head.data.map(RawValue::get) {
            Some(data) if is_array(data) => self.each(data, sink),
            Some(data) => self.one(data, sink),
            None => {
                let outcome = self.dispatch(&head, frame, sink);
                self.count(outcome, frame)
            }
        }
    }

    /// The messages of an all-market stream, such as `!miniTicker@arr`; one at fault does not hide the others.
    fn each(&mut self, array: &str, sink: &mut Sink<'_>) -> Result<Heard, ParseError> {
        let messages: Vec<&RawValue> = match from_str("array", array) {
            Ok(messages) => messages,
            Err(error) => return Err(self.tally.refuse(error, array.as_bytes())),
        };
        let mut heard = Ok(Heard::Idle);
        for message in messages {
            heard = match (heard, self.one(message.get(), sink)) {
                (Err(first), _) => Err(first),
                (Ok(before), Ok(Heard::Idle)) => Ok(before),
                (_, outcome) => outcome,
            };
        }
        heard
    }

    fn one(&mut self, message: &str, sink: &mut Sink<'_>) -> Result<Heard, ParseError> {
        let outcome = from_str::<Head<'_>>("JSON", message).and_then(|head| self.dispatch(&head, message, sink));
        self.count(outcome, message)
    }

    fn count(&mut self, outcome: Parsed, message: &str) -> Result<Heard, ParseError> {
        match outcome {
            Ok(Outcome::Updated) => self.tally.updates(1),
            Ok(Outcome::PassedOver) => self.tally.passed_over(),
            Ok(Outcome::Stale) => self.tally.stale(),
            Ok(Outcome::Other(heard)) => {
                self.tally.passed_over();
                return Ok(heard);
            }
            Err(error) => return Err(self.tally.refuse(error, message.as_bytes())),
        }
        Ok(Heard::Data)
    }

    fn dispatch(&mut self, head: &Head<'_>, message: &str, sink: &mut Sink<'_>) -> Parsed {
        match head.event.as_deref() {
            None if head.has_update_id && head.has_symbol => self.of_kind(Kind::BookTicker, message, sink),
            None if head.has_result || head.has_error || head.has_code => Ok(self.answer(message)),
            Some("serverShutdown") => Ok(Outcome::Other(Heard::Ending)),
            event => match event.and_then(Kind::of_event) {
                Some(kind) => self.of_kind(kind, message, sink),
                // Of no meaning for tickers, such as kline, or a REST snapshot that the recorder put in line.
                None => Ok(Outcome::Other(Heard::Idle)),
            },
        }
    }

    fn answer(&mut self, message: &str) -> Outcome {
        match control::answer(message) {
            Some(answer) => Outcome::Other(Heard::Answers(vec![answer])),
            None => {
                self.tally.notice("control", message.as_bytes());
                Outcome::Other(Heard::Idle)
            }
        }
    }

    /// Reads a message of a kind. Where it has another shape nothing has happened.
    fn of_kind(&mut self, kind: Kind, message: &str, sink: &mut Sink<'_>) -> Parsed {
        match kind {
            Kind::BookTicker => self.book_ticker(&read(kind, message)?, sink),
            Kind::Trade => self.trade(&read(kind, message)?, sink),
            Kind::AggTrade => self.agg_trade(&read(kind, message)?, sink),
            Kind::Ticker | Kind::MiniTicker => self.day_ticker(kind, &read(kind, message)?, sink),
            Kind::Depth => self.depth(&read(kind, message)?),
        }
    }

    fn book_ticker(&mut self, m: &BookTicker<'_>, sink: &mut Sink<'_>) -> Parsed {
        const KIND: &str = Kind::BookTicker.word();
        let mut fields = Fields::new();
        let (bid, ask) = (Field::BidPrice, Field::AskPrice);
        level(&mut fields, KIND, (bid, &m.bid), (Field::BidSize, &m.bid_size))?;
        level(&mut fields, KIND, (ask, &m.ask), (Field::AskSize, &m.ask_size))?;
        let ts_event = m.time.map(|t| time(KIND, t)).transpose()?;
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        instrument.own.has_quotes = true;
        if instrument.own.quotes.check(m.update_id) == Continuity::Stale {
            return Ok(Outcome::Stale);
        }
        sink.update(instrument, fields, ts_event);
        Ok(Outcome::Updated)
    }

    /// Futures also tell, as trades, what the insurance fund or a forced settlement took at prices far from the
    /// market's, and numbers without any trade (`"p":"0","X":"NA"`): those count in the numbering alone.
    fn trade(&mut self, m: &Trade<'_>, sink: &mut Sink<'_>) -> Parsed {
        const KIND: &str = Kind::Trade.word();
        let fields = last(KIND, &m.price, &m.size, m.buyer_is_maker)?;
        let ts_event = time(KIND, m.time)?;
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        let continuity = instrument.own.trades.check(m.id, m.id);
        if !is_new(&mut self.tally, KIND, continuity, instrument, sink) {
            return Ok(Outcome::Stale);
        }
        if m.execution.as_deref().is_some_and(|how| how != "MARKET") {
            return Ok(Outcome::PassedOver);
        }
        instrument.own.has_trades = true;
        instrument.own.has_last = true;
        sink.update(instrument, fields, Some(ts_event));
        Ok(Outcome::Updated)
    }

    fn agg_trade(&mut self, m: &AggTrade<'_>, sink: &mut Sink<'_>) -> Parsed {
        const KIND: &str = Kind::AggTrade.word();
        let fields = last(KIND, &m.price, &m.size, m.buyer_is_maker)?;
        let ts_event = time(KIND, m.time)?;
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        let continuity = instrument.own.agg_trades.check(m.id, m.id);
        if instrument.own.has_trades {
            return Ok(check_only(&mut self.tally, KIND, continuity));
        }
        if !is_new(&mut self.tally, KIND, continuity, instrument, sink) {
            return Ok(Outcome::Stale);
        }
        instrument.own.has_last = true;
        sink.update(instrument, fields, Some(ts_event));
        Ok(Outcome::Updated)
    }

    fn day_ticker(&mut self, kind: Kind, m: &DayTicker<'_>, sink: &mut Sink<'_>) -> Parsed {
        let word = kind.word();
        let (day, last, quote) = (day(word, m)?, day_last(word, m)?, day_quote(word, m)?);
        let ts_event = time(word, m.time)?;
        let instrument = self.instruments.of(word, &m.symbol)?;
        let own = &mut instrument.own;
        let same = if kind == Kind::Ticker {
            &mut own.full_days
        } else {
            &mut own.mini_days
        };
        if same.check(m.time) == Continuity::Stale || own.days.check_or_same(m.time) == Continuity::Stale {
            return Ok(Outcome::Stale);
        }
        let mut fields = day;
        let last = last.iter().filter(|_| !own.has_last);
        let quote = quote.iter().filter(|_| !own.has_quotes);
        last.chain(quote).for_each(|(field, value)| {
            fields.put(field, value);
        });
        sink.update(instrument, fields, Some(ts_event));
        Ok(Outcome::Updated)
    }

    fn depth(&mut self, m: &Depth<'_>) -> Parsed {
        const KIND: &str = Kind::Depth.word();
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        let first = m.previous_update_id.map_or(m.first_update_id, |u| u.saturating_add(1));
        let continuity = instrument.own.depth.check(first, m.last_update_id);
        Ok(check_only(&mut self.tally, KIND, continuity))
    }
}

/// What became of a message that is as it should be.
enum Outcome {
    Updated,
    PassedOver,
    Stale,
    /// No market data.
    Other(Heard),
}

type Parsed = Result<Outcome, ParseError>;

fn is_array(json: &str) -> bool {
    json.trim_ascii_start().starts_with('[')
}

/// Counts what the numbering says of a message that gives no field.
fn check_only(tally: &mut Tally, kind: &'static str, continuity: Continuity) -> Outcome {
    match continuity {
        Continuity::Next => Outcome::PassedOver,
        Continuity::Stale => Outcome::Stale,
        Continuity::Gap { expected, got } => {
            tally.gap(kind, expected, got);
            Outcome::PassedOver
        }
    }
}

/// Whether a trade is newer than those before; a break between them is said first.
fn is_new(
    tally: &mut Tally,
    kind: &'static str,
    continuity: Continuity,
    instrument: &mut Instrument,
    sink: &mut Sink<'_>,
) -> bool {
    match continuity {
        Continuity::Next => true,
        Continuity::Stale => false,
        Continuity::Gap { expected, got } => {
            tally.gap(kind, expected, got);
            sink.lost_trades(instrument);
            true
        }
    }
}

fn last(kind: &'static str, price: &str, size: &str, buyer_is_maker: bool) -> Result<Fields, ParseError> {
    let side = if buyer_is_maker { Side::Sell } else { Side::Buy };
    let mut fields = Fields::new();
    fields.trade(decimal(kind, price)?, decimal(kind, size)?, Some(side));
    Ok(fields)
}

fn day(kind: &'static str, m: &DayTicker<'_>) -> Result<Fields, ParseError> {
    let mut fields = Fields::new();
    fields.put(Field::Open, decimal(kind, &m.open)?);
    fields.put(Field::High, decimal(kind, &m.high)?);
    fields.put(Field::Low, decimal(kind, &m.low)?);
    fields.put(Field::Volume, decimal(kind, &m.volume)?);
    if let Some(trades) = m.trades {
        fields.put(Field::TradeCount, whole(trades));
    }
    Ok(fields)
}

fn day_last(kind: &'static str, m: &DayTicker<'_>) -> Result<Fields, ParseError> {
    let mut fields = Fields::new();
    fields.put(Field::LastPrice, decimal(kind, &m.last)?);
    if let Some(size) = &m.last_size {
        fields.put(Field::LastSize, decimal(kind, size)?);
    }
    Ok(fields)
}

fn day_quote(kind: &'static str, m: &DayTicker<'_>) -> Result<Fields, ParseError> {
    let mut fields = Fields::new();
    if let (Some(bid), Some(size)) = (&m.bid, &m.bid_size) {
        level(&mut fields, kind, (Field::BidPrice, bid), (Field::BidSize, size))?;
    }
    if let (Some(ask), Some(size)) = (&m.ask, &m.ask_size) {
        level(&mut fields, kind, (Field::AskPrice, ask), (Field::AskSize, size))?;
    }
    Ok(fields)
}
