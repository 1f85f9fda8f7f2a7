//! Reference data and the venue's own state: precisions, and what is traded.

use super::super::Batch;
use super::super::parse::{Heard, ParseError};
use super::Parser;
use super::instrument::Instrument;
use super::messages::{Pair, Reference, System};
use super::pairs::{Stated, is_halted};
use crate::market::{DECIMALS_MAX, Event};

impl Parser {
    /// Takes what the venue says of its pairs; only those that the parser is for are told of.
    pub(super) fn reference(&mut self, m: &Reference<'_>, frame: &[u8], out: &mut Batch) -> Result<Heard, ParseError> {
        let mut fault = None;
        for pair in &m.pairs {
            if let Err(error) = self.pair(pair, frame, out) {
                fault = Some(self.tally.refuse(error, frame));
            }
        }
        if let Some(error) = fault {
            return Err(error);
        }
        self.tally.passed_over();
        // No market data: a connection that brings only these is silent.
        Ok(Heard::Idle)
    }

    fn pair(&mut self, pair: &Pair<'_>, frame: &[u8], out: &mut Batch) -> Result<(), ParseError> {
        let stated = Stated::of(pair);
        if stated.is_halted.is_none() {
            self.tally.notice("status of a pair", frame);
        }
        self.pairs.remember(&pair.symbol, stated);
        let is_venue_halted = self.is_venue_halted;
        let instrument = match self.pairs.is_asked(&pair.symbol) {
            true => self.instrument("instrument", &pair.symbol, out)?.0,
            false => match self.instruments.known(&pair.symbol) {
                Some(instrument) => instrument,
                None => return Ok(()),
            },
        };
        list(instrument, Some(stated), is_venue_halted, out);
        Ok(())
    }

    /// Takes the state of the whole venue, which says nothing of the connection.
    pub(super) fn status(&mut self, systems: &[System<'_>], frame: &[u8], out: &mut Batch) -> Heard {
        self.tally.passed_over();
        for system in systems {
            match is_halted(&system.system) {
                Some(is_halted) => self.is_venue_halted = is_halted,
                None => self.tally.notice("status", frame),
            }
        }
        for instrument in self.instruments.iter_mut() {
            let is_halted = self.is_venue_halted || instrument.own.stated.is_some_and(|s| s.is_halted == Some(true));
            instrument.own.standing.trading(is_halted, &instrument.symbol, out);
        }
        Heard::Idle
    }
}

/// Takes what the reference data say of an instrument, and tells what is new in it.
pub(super) fn list(instrument: &mut Instrument, stated: Option<Stated>, is_venue_halted: bool, out: &mut Batch) {
    let symbol = &instrument.symbol;
    let own = &mut instrument.own;
    let before = own.stated;
    if let Some(new) = stated {
        let is_halted = new.is_halted.or(before.and_then(|b| b.is_halted));
        own.stated = Some(Stated { is_halted, ..new });
        own.book.set_precision(new.precision);
        if before.is_none_or(|b| b.precision != new.precision) {
            let stated = |decimals: u8| (decimals <= DECIMALS_MAX).then_some(decimals);
            out.push(Event::Listed {
                symbol: symbol.clone(),
                price_decimals: stated(new.precision.price),
                size_decimals: stated(new.precision.size),
                // A sum of sizes has no more decimals than they have.
                volume_decimals: stated(new.precision.size),
            });
        }
    }
    let is_halted = is_venue_halted || own.stated.is_some_and(|s| s.is_halted == Some(true));
    own.standing.trading(is_halted, symbol, out);
}
