//! Frames of Coinbase Exchange to events.

use super::super::Batch;
use super::super::coinbase::{PRODUCTS_MAX, last, refusal};
use super::super::parse::{
    Answer, Contiguous, Continuity, Counts, FrameParser, Growing, Heard, Instruments, ParseError, Quote, QuoteBook,
    Tally, decimal, rfc3339, shape,
};
use super::messages::{Head, L2Update, Match, Snapshot, Ticker};
use super::{ANSWER, scan};
use crate::market::{BookSide, Decimal, Field, Fields, StaleCause, TickerState, Ts, VenueName};

/// What the parser keeps of an instrument.
#[derive(Debug, Default)]
struct Product {
    book: QuoteBook,
    /// `trade_id`.
    trades: Contiguous,
    /// The ticker's `sequence`: gives the order, is not contiguous.
    tickers: Growing,
    /// Whether matches came: then the ticker gives no last price.
    has_trades: bool,
}

type Instrument = super::super::parse::Instrument<Product>;

/// The parser of one connection; a new connection needs a new one, for its books start anew.
///
/// Bid and ask come from `snapshot` and `l2update`, last from `match`, open, volume, high and low from `ticker`, whose
/// price is the last price only until a match came of the instrument. The book has no numbering; the venue guarantees
/// that channel and none of the others ("Overview", Sequence Numbers), so a hole in `trade_id` is one in the trades
/// alone, and a book is lost where it crosses, is used up, or had a message that cannot be read.
pub struct Parser {
    instruments: Instruments<Product>,
    tally: Tally,
    /// Products whose books are to be asked for, to be said with the next frame that says nothing else.
    lost: Vec<Box<str>>,
}

impl FrameParser for Parser {
    fn frame(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Result<Heard, ParseError> {
        self.tally.frame();
        let outcome = match scan::l2update(frame) {
            Some(update) => self.change(&update, ts_recv, out),
            None => kind(frame).and_then(|kind| self.dispatch(kind, frame, ts_recv, out)),
        };
        let heard = match outcome {
            Ok(Outcome::Updated) => {
                self.tally.updates(1);
                Heard::Data
            }
            Ok(Outcome::Stale) => {
                self.tally.stale();
                Heard::Data
            }
            Ok(Outcome::PassedOver(heard)) => {
                self.tally.passed_over();
                heard
            }
            Err(error) => return Err(self.tally.refuse(error, frame)),
        };
        Ok(match heard {
            Heard::Data | Heard::Idle if !self.lost.is_empty() => Heard::Lost(std::mem::take(&mut self.lost)),
            heard => heard,
        })
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
            lost: Vec::new(),
        }
    }

    fn dispatch(&mut self, kind: &str, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        match kind {
            "l2update" => self.l2update(frame, ts_recv, out),
            "snapshot" => self.snapshot(frame, ts_recv, out),
            "ticker" => self.ticker(frame, ts_recv, out),
            "match" => self.trade(frame, ts_recv, out),
            "last_match" => self.last_match(frame, ts_recv, out),
            "heartbeat" => Ok(Outcome::PassedOver(Heard::Idle)),
            "subscriptions" => Ok(answer(None)),
            "error" => {
                let head: Head<'_> = shape("error", frame)?;
                self.tally.notice("error", frame);
                Ok(answer(Some(refusal(head.message.as_deref(), head.reason.as_deref()))))
            }
            _ => Ok(Outcome::PassedOver(Heard::Data)),
        }
    }

    fn snapshot(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "snapshot";
        let m: Snapshot<'_> = shape(KIND, frame)?;
        let instrument = self.instruments.of(KIND, &m.product_id)?;
        instrument.own.book.begin();
        let bids = m.bids.iter().map(|(price, size)| (BookSide::Bid, *price, *size));
        let asks = m.asks.iter().map(|(price, size)| (BookSide::Ask, *price, *size));
        if let Err(error) = set(KIND, &mut instrument.own.book, bids.chain(asks)) {
            // It would be no better the next time, so it is not asked for.
            lose(instrument, out);
            return Err(error);
        }
        Ok(tell(
            KIND,
            instrument,
            m.time,
            ts_recv,
            (&mut self.tally, &mut self.lost),
            out,
        ))
    }

    fn l2update(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "l2update";
        match shape(KIND, frame) {
            Ok(m) => self.change(&m, ts_recv, out),
            Err(error) => {
                self.lose_all(out);
                Err(error)
            }
        }
    }

    fn change(&mut self, m: &L2Update<'_>, ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "l2update";
        let instrument = self.instruments.of(KIND, &m.product_id)?;
        if !instrument.own.book.is_whole() {
            return Ok(Outcome::PassedOver(Heard::Data));
        }
        let changes = m
            .changes
            .iter()
            .map(|(side, price, size)| ((*side).into(), *price, *size));
        if let Err(error) = set(KIND, &mut instrument.own.book, changes) {
            lose(instrument, out);
            ask(instrument, &mut self.lost);
            return Err(error);
        }
        Ok(tell(
            KIND,
            instrument,
            m.time,
            ts_recv,
            (&mut self.tally, &mut self.lost),
            out,
        ))
    }

    /// Nobody knows whose book the message was of that cannot be read.
    fn lose_all(&mut self, out: &mut Batch) {
        for instrument in self.instruments.iter_mut().filter(|i| i.own.book.is_whole()) {
            lose(instrument, out);
            ask(instrument, &mut self.lost);
        }
    }

    fn ticker(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "ticker";
        let m: Ticker<'_> = shape(KIND, frame)?;
        let mut fields = Fields::new();
        fields.put(Field::Open, decimal(KIND, m.open_24h)?);
        fields.put(Field::High, decimal(KIND, m.high_24h)?);
        fields.put(Field::Low, decimal(KIND, m.low_24h)?);
        fields.put(Field::Volume, decimal(KIND, m.volume_24h)?);
        let last = decimal(KIND, m.price)?;
        let ts_event = m.time.map(|t| rfc3339(KIND, t)).transpose()?.flatten();
        let instrument = self.instruments.of(KIND, &m.product_id)?;
        let is_older = |sequence| instrument.own.tickers.check_or_same(sequence) == Continuity::Stale;
        if m.sequence.is_some_and(is_older) {
            return Ok(Outcome::Stale);
        }
        if !instrument.own.has_trades {
            fields.put(Field::LastPrice, last);
        }
        out.push(instrument.update(fields, ts_event, ts_recv));
        Ok(Outcome::Updated)
    }

    /// The trade before the subscription: from here on they are counted.
    fn last_match(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "last_match";
        let (m, fields, ts_event) = matched(KIND, frame, true)?;
        let instrument = self.instruments.of(KIND, &m.product_id)?;
        instrument.own.has_trades = true;
        if instrument.own.trades.check(m.trade_id, m.trade_id) == Continuity::Stale {
            return Ok(Outcome::Stale);
        }
        out.push(instrument.update(fields, ts_event, ts_recv));
        Ok(Outcome::Updated)
    }

    /// Where trades before it are missing it stands between the two states of a break: the last trade is whole again with
    /// it, and that there was a break is said all the same. An instrument that is not live for want of a book stays so.
    fn trade(&mut self, frame: &[u8], ts_recv: Ts, out: &mut Batch) -> Parsed {
        const KIND: &str = "match";
        let (m, fields, ts_event) = matched(KIND, frame, false)?;
        let instrument = self.instruments.of(KIND, &m.product_id)?;
        instrument.own.has_trades = true;
        let continuity = instrument.own.trades.check(m.trade_id, m.trade_id);
        if continuity == Continuity::Stale {
            return Ok(Outcome::Stale);
        }
        let mut is_break = false;
        if let Continuity::Gap { expected, got } = continuity {
            self.tally.gap(KIND, expected, got);
            is_break = instrument.own.book.is_whole();
        }
        if is_break {
            out.push(instrument.state(TickerState::Stale, Some(StaleCause::Gap)));
        }
        out.push(instrument.update(fields, ts_event, ts_recv));
        if is_break {
            out.push(instrument.state(TickerState::Live, None));
        }
        Ok(Outcome::Updated)
    }
}

/// What became of a message that is as it should be.
enum Outcome {
    Updated,
    PassedOver(Heard),
    Stale,
}

type Parsed = Result<Outcome, ParseError>;

/// What kind of message it is, without a look at the rest where the venue says it first, as it always does.
fn kind(frame: &[u8]) -> Result<&str, ParseError> {
    const FIRST: &[u8] = br#"{"type":""#;
    let said = frame
        .strip_prefix(FIRST)
        .and_then(|rest| rest.split(|b| *b == b'"').next());
    let plain = |word: &&[u8]| {
        word.iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
    };
    match said.filter(plain).and_then(|word| std::str::from_utf8(word).ok()) {
        Some(kind) => Ok(kind),
        None => shape("JSON", frame).map(|head: Head<'_>| head.kind.unwrap_or_default()),
    }
}

fn answer(refused: Option<String>) -> Outcome {
    let key = ANSWER.to_string();
    Outcome::PassedOver(Heard::Answers(vec![Answer { key, refused }]))
}

/// Sets levels as far as they can be read. One that does not fit cannot be left out of a book.
fn set<'a>(
    kind: &'static str,
    book: &mut QuoteBook,
    mut levels: impl Iterator<Item = (BookSide, &'a str, &'a str)>,
) -> Result<(), ParseError> {
    let number = |text| Decimal::parse(text).map_err(|source| ParseError::Number { kind, source });
    levels.try_for_each(|(side, price, size)| {
        book.set(side, number(price)?, number(size)?);
        Ok(())
    })
}

/// Says the best levels if they changed, and that the quote is whole with the first.
fn tell(
    kind: &'static str,
    instrument: &mut Instrument,
    stamp: Option<&str>,
    ts_recv: Ts,
    (tally, lost): (&mut Tally, &mut Vec<Box<str>>),
    out: &mut Batch,
) -> Outcome {
    match instrument.own.book.quote() {
        Quote::Same => Outcome::PassedOver(Heard::Data),
        Quote::Changed { fields, is_first } => {
            // One that cannot be read spoils no book.
            let ts_event = stamp.and_then(|text| rfc3339(kind, text).ok().flatten());
            out.push(instrument.update(fields, ts_event, ts_recv));
            if is_first {
                out.push(instrument.state(TickerState::Live, None));
            }
            Outcome::Updated
        }
        Quote::Broken(why) => {
            tally.broken(kind, why);
            lose(instrument, out);
            ask(instrument, lost);
            Outcome::PassedOver(Heard::Data)
        }
    }
}

/// Forgets a book and says so, if it was told of.
fn lose(instrument: &mut Instrument, out: &mut Batch) {
    if instrument.own.book.lose() {
        out.push(instrument.state(TickerState::Stale, Some(StaleCause::Gap)));
    }
}

fn ask(instrument: &Instrument, lost: &mut Vec<Box<str>>) {
    let name = instrument.symbol.name();
    if !lost.iter().any(|n| **n == *name) {
        lost.push(name.into());
    }
}

fn matched<'a>(
    kind: &'static str,
    frame: &'a [u8],
    is_old: bool,
) -> Result<(Match<'a>, Fields, Option<Ts>), ParseError> {
    let m: Match<'_> = shape(kind, frame)?;
    let fields = last(decimal(kind, m.price)?, decimal(kind, m.size)?, m.side, is_old);
    let ts_event = rfc3339(kind, m.time)?;
    Ok((m, fields, ts_event))
}
