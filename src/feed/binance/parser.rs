//! Frames of Binance spot to events.

use serde_json::value::RawValue;

use super::super::Batch;
use super::super::parse::{
    Contiguous, Continuity, Counts, FrameParser, Growing, Heard, Instruments, ParseError, SYMBOLS_MAX, Tally, decimal,
    level, millis_or_micros as time, shape, whole,
};
use super::messages::{AggTrade, BookTicker, Depth, Head, MiniTicker, TickerRest, Trade};
use crate::market::{Event, Field, Fields, Side, StaleCause, TickerState, Ts, Update, VenueName};

/// What the parser keeps of an instrument.
#[derive(Debug, Default)]
struct Numbering {
    /// bookTicker's `u`: gives the order, is not contiguous.
    quotes: Growing,
    /// trade's `t`.
    trades: Contiguous,
    /// aggTrade's `a`.
    agg_trades: Contiguous,
    /// depth's `U` to `u`.
    depth: Contiguous,
    /// `E` of both 24 h tickers.
    tickers: Growing,
    /// Whether trades came one by one: then aggTrade gives no last price.
    has_trades: bool,
    /// Whether bookTicker, trade or aggTrade came: then the 24 h tickers give only what those do not.
    has_live_source: bool,
}

type Instrument = super::super::parse::Instrument<Numbering>;

/// The parser of one connection; a new connection needs a new one, for its numbering starts anew.
///
/// Bid and ask come from bookTicker, last from trade (from aggTrade where no trade came), open, high, low, volume and
/// trade count from the 24 h tickers. Those are up to a second old, so their bid, ask and last are taken only while
/// nothing else came of the instrument. Depth is checked for continuity and gives nothing.
pub struct Parser {
    venue: VenueName,
    instruments: Instruments<Numbering>,
    tally: Tally,
}

impl FrameParser for Parser {
    fn frame(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        self.tally.frame();
        if is_array(frame) {
            return self.each(frame, ts_recv, out);
        }
        let head: Head<'_> = match shape("JSON", frame) {
            Ok(head) => head,
            Err(error) => return Err(self.tally.refuse(error, frame)),
        };
        match head.data.map(|d| d.get().as_bytes()) {
            Some(data) if is_array(data) => self.each(data, ts_recv, out),
            Some(data) => self.one(data, ts_recv, out),
            None => self.count(&head, frame, ts_recv, out),
        }
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
            instruments: Instruments::new(venue.clone(), symbols_max),
            venue,
        }
    }

    /// The messages of an all-market stream, such as `!miniTicker@arr`; one at fault does not hide the others.
    fn each(&mut self, array: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        let messages: Vec<&RawValue> = match shape("array", array) {
            Ok(messages) => messages,
            Err(error) => return Err(self.tally.refuse(error, array)),
        };
        let mut first = Ok(Heard::Data);
        for message in messages {
            let outcome = self.one(message.get().as_bytes(), ts_recv, out);
            first = first.and(outcome);
        }
        first
    }

    fn one(&mut self, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        match shape::<Head<'_>>("JSON", message) {
            Ok(head) => self.count(&head, message, ts_recv, out),
            Err(error) => Err(self.tally.refuse(error, message)),
        }
    }

    fn count(&mut self, head: &Head<'_>, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        match self.dispatch(head, message, ts_recv, out) {
            Ok(Outcome::Updated) => self.tally.updates(1),
            Ok(Outcome::PassedOver) => self.tally.passed_over(),
            Ok(Outcome::Stale) => self.tally.stale(),
            Err(error) => return Err(self.tally.refuse(error, message)),
        }
        Ok(Heard::Data)
    }

    fn dispatch(&mut self, head: &Head<'_>, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        match head.event.as_deref() {
            Some("bookTicker") => self.book_ticker(message, ts_recv, out),
            None if head.has_update_id && head.has_symbol => self.book_ticker(message, ts_recv, out),
            Some("trade") => self.trade(message, ts_recv, out),
            Some("aggTrade") => self.agg_trade(message, ts_recv, out),
            Some("24hrTicker") => self.full_ticker(message, ts_recv, out),
            Some("24hrMiniTicker") => self.mini_ticker(message, ts_recv, out),
            Some("depthUpdate") => self.depth(message),
            Some("serverShutdown") => {
                tracing::info!(venue = %self.venue, "the venue announces the end of this connection");
                Ok(Outcome::PassedOver)
            }
            // A REST snapshot that the recorder put in line, or the answer to a subscription.
            None if head.has_last_update_id || head.has_result => Ok(Outcome::PassedOver),
            None if head.has_error || head.has_code => {
                self.tally.notice("control", message);
                Ok(Outcome::PassedOver)
            }
            _ => Ok(Outcome::PassedOver),
        }
    }

    fn book_ticker(&mut self, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "bookTicker";
        let m: BookTicker<'_> = shape(KIND, message)?;
        let mut fields = Fields::new();
        level(
            &mut fields,
            KIND,
            (Field::BidPrice, &m.bid),
            (Field::BidSize, &m.bid_size),
        )?;
        level(
            &mut fields,
            KIND,
            (Field::AskPrice, &m.ask),
            (Field::AskSize, &m.ask_size),
        )?;
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        instrument.own.has_live_source = true;
        if instrument.own.quotes.check(m.update_id) == Continuity::Stale {
            return Ok(Outcome::Stale);
        }
        out.push(update(instrument, fields, None, ts_recv));
        Ok(Outcome::Updated)
    }

    fn trade(&mut self, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "trade";
        let m: Trade<'_> = shape(KIND, message)?;
        let fields = last(KIND, &m.price, &m.size, m.buyer_is_maker)?;
        let ts_event = time(KIND, m.time)?;
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        instrument.own.has_live_source = true;
        instrument.own.has_trades = true;
        let continuity = instrument.own.trades.check(m.id, m.id);
        let update = update(instrument, fields, Some(ts_event), ts_recv);
        Ok(self.push_in_order(KIND, continuity, update, out))
    }

    fn agg_trade(&mut self, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "aggTrade";
        let m: AggTrade<'_> = shape(KIND, message)?;
        let fields = last(KIND, &m.price, &m.size, m.buyer_is_maker)?;
        let ts_event = time(KIND, m.time)?;
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        instrument.own.has_live_source = true;
        let continuity = instrument.own.agg_trades.check(m.id, m.id);
        if instrument.own.has_trades {
            return Ok(self.check_only(KIND, continuity));
        }
        let update = update(instrument, fields, Some(ts_event), ts_recv);
        Ok(self.push_in_order(KIND, continuity, update, out))
    }

    fn full_ticker(&mut self, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "24hrTicker";
        let m: MiniTicker<'_> = shape(KIND, message)?;
        let rest: TickerRest<'_> = shape(KIND, message)?;
        let mut fields = day(KIND, &m)?;
        fields.put(Field::TradeCount, whole(rest.trades));
        let mut all = fields;
        all.put(Field::LastPrice, decimal(KIND, &m.last)?);
        all.put(Field::LastSize, decimal(KIND, &rest.last_size)?);
        level(
            &mut all,
            KIND,
            (Field::BidPrice, &rest.bid),
            (Field::BidSize, &rest.bid_size),
        )?;
        level(
            &mut all,
            KIND,
            (Field::AskPrice, &rest.ask),
            (Field::AskSize, &rest.ask_size),
        )?;
        self.ticker(KIND, &m, fields, all, ts_recv, out)
    }

    fn mini_ticker(&mut self, message: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "24hrMiniTicker";
        let m: MiniTicker<'_> = shape(KIND, message)?;
        let fields = day(KIND, &m)?;
        let mut all = fields;
        all.put(Field::LastPrice, decimal(KIND, &m.last)?);
        self.ticker(KIND, &m, fields, all, ts_recv, out)
    }

    /// Says `all` while nothing else came of the instrument, else only the day's figures.
    fn ticker(
        &mut self,
        kind: &'static str,
        m: &MiniTicker<'_>,
        day: Fields,
        all: Fields,
        ts_recv: Ts,
        out: &mut Batch,
    ) -> Parsed {
        let ts_event = time(kind, m.time)?;
        let instrument = self.instruments.of(kind, &m.symbol)?;
        if instrument.own.tickers.check_or_same(m.time) == Continuity::Stale {
            return Ok(Outcome::Stale);
        }
        let fields = if instrument.own.has_live_source { day } else { all };
        out.push(update(instrument, fields, Some(ts_event), ts_recv));
        Ok(Outcome::Updated)
    }

    fn depth(&mut self, message: &[u8]) -> Parsed {
        const KIND: &str = "depthUpdate";
        let m: Depth<'_> = shape(KIND, message)?;
        let instrument = self.instruments.of(KIND, &m.symbol)?;
        let continuity = instrument.own.depth.check(m.first_update_id, m.last_update_id);
        Ok(self.check_only(KIND, continuity))
    }

    /// Counts what the numbering says of a message that gives no field.
    fn check_only(&mut self, kind: &'static str, continuity: Continuity) -> Outcome {
        match continuity {
            Continuity::Next => Outcome::PassedOver,
            Continuity::Stale => Outcome::Stale,
            Continuity::Gap { expected, got } => {
                self.tally.gap(kind, expected, got);
                Outcome::PassedOver
            }
        }
    }

    /// Hands a trade over, between the two states of a break where some before it are missing.
    ///
    /// The last trade is whole again with this one; that there was a break is said all the same, in order.
    fn push_in_order(&mut self, kind: &'static str, continuity: Continuity, update: Event, out: &mut Batch) -> Outcome {
        let (expected, got) = match continuity {
            Continuity::Stale => return Outcome::Stale,
            Continuity::Next => {
                out.push(update);
                return Outcome::Updated;
            }
            Continuity::Gap { expected, got } => (expected, got),
        };
        self.tally.gap(kind, expected, got);
        let state = |state, cause| match &update {
            Event::Update(u) => Some(Event::State {
                symbol: u.symbol.clone(),
                state,
                cause,
            }),
            _ => None,
        };
        let stale = state(TickerState::Stale, Some(StaleCause::Gap));
        let live = state(TickerState::Live, None);
        out.extend(stale.into_iter().chain([update]).chain(live));
        Outcome::Updated
    }
}

/// What became of a message that is as it should be.
enum Outcome {
    Updated,
    PassedOver,
    Stale,
}

type Parsed = Result<Outcome, ParseError>;

fn is_array(json: &[u8]) -> bool {
    json.trim_ascii_start().first() == Some(&b'[')
}

fn update(instrument: &Instrument, fields: Fields, ts_event: Option<Ts>, ts_recv: Ts) -> Event {
    Event::Update(Update {
        symbol: instrument.symbol.clone(),
        fields,
        ts_event,
        ts_recv,
    })
}

fn last(kind: &'static str, price: &str, size: &str, buyer_is_maker: bool) -> Result<Fields, ParseError> {
    let side = if buyer_is_maker { Side::Sell } else { Side::Buy };
    let mut fields = Fields::new();
    fields.trade(decimal(kind, price)?, decimal(kind, size)?, Some(side));
    Ok(fields)
}

fn day(kind: &'static str, m: &MiniTicker<'_>) -> Result<Fields, ParseError> {
    let mut fields = Fields::new();
    fields.put(Field::Open, decimal(kind, &m.open)?);
    fields.put(Field::High, decimal(kind, &m.high)?);
    fields.put(Field::Low, decimal(kind, &m.low)?);
    fields.put(Field::Volume, decimal(kind, &m.volume)?);
    Ok(fields)
}
