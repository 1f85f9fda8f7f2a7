//! One made-up instrument: its quote and last trade, in whole cents and hundred-thousandths.

use fastrand::Rng;

use crate::market::{Decimal, Field, Fields, Side, Value};

/// Decimals of made-up prices.
pub(super) const PRICE_DECIMALS: u8 = 2;
/// Decimals of made-up sizes and volumes: recorded ones need at most 5.
pub(super) const SIZE_DECIMALS: u8 = 5;

/// Sizes of quotes lie below 6.00000, half of them below 1.5: of BTCUSDT on Binance, 28,040 quotes of 2024-08-08,
/// half were below 1.1 and one in a hundred above 6.1.
const QUOTE_SIZE_MAX: u64 = 600_000;

/// Sizes of trades lie between 0.00009 and 0.4, half of them below 0.002: of the same market's 9,757 trades half were
/// below 0.0006 and one in a hundred above 0.32.
const TRADE_SIZE_MIN: i64 = 9;
const TRADE_SIZE_MAX: u64 = 40_000;

/// Draws are fractions of this.
const ONE: u64 = 1 << 32;

/// Bid, ask and last. Always 0 < bid < ask.
#[derive(Clone, Debug)]
pub(super) struct Quote {
    pub(super) bid: i64,
    pub(super) ask: i64,
    pub(super) last: i64,
    bid_size: i64,
    ask_size: i64,
    last_size: i64,
    side: Side,
}

impl Quote {
    /// Makes a quote around `bid` with a spread, both in cents.
    pub(super) fn new(bid: i64, spread: i64, random: &mut Rng) -> Quote {
        Quote {
            bid,
            ask: bid + spread,
            last: bid,
            bid_size: quote_size(random),
            ask_size: quote_size(random),
            last_size: trade_size(random),
            side: Side::Sell,
        }
    }

    /// Size of the last trade, in hundred-thousandths.
    pub(super) fn last_size(&self) -> i64 {
        self.last_size
    }

    /// Another size at the best bid.
    pub(super) fn change_bid_size(&mut self, random: &mut Rng) -> Fields {
        self.bid_size = other(self.bid_size, quote_size(random));
        let mut fields = Fields::new();
        fields.put(Field::BidSize, size(self.bid_size));
        fields
    }

    /// Another size at the best ask.
    pub(super) fn change_ask_size(&mut self, random: &mut Rng) -> Fields {
        self.ask_size = other(self.ask_size, quote_size(random));
        let mut fields = Fields::new();
        fields.put(Field::AskSize, size(self.ask_size));
        fields
    }

    /// Another best bid, with another size.
    pub(super) fn move_bid(&mut self, bid: i64, random: &mut Rng) -> Fields {
        self.bid = bid;
        let mut fields = self.change_bid_size(random);
        fields.put(Field::BidPrice, price(bid));
        fields
    }

    /// Another best ask, with another size.
    pub(super) fn move_ask(&mut self, ask: i64, random: &mut Rng) -> Fields {
        self.ask = ask;
        let mut fields = self.change_ask_size(random);
        fields.put(Field::AskPrice, price(ask));
        fields
    }

    /// Both sides move.
    pub(super) fn move_both(&mut self, bid: i64, ask: i64, random: &mut Rng) -> Fields {
        self.move_bid(bid, random);
        self.move_ask(ask, random);
        let mut fields = Fields::new();
        self.put_quote(&mut fields);
        fields
    }

    /// A trade at this price, of another size than the last.
    pub(super) fn trade(&mut self, at: i64, side: Side, random: &mut Rng) -> Fields {
        self.last = at;
        self.last_size = other(self.last_size, trade_size(random));
        self.side = side;
        self.trade_again()
    }

    /// A trade just like the last one, which is a change all the same.
    pub(super) fn trade_again(&self) -> Fields {
        let mut fields = Fields::new();
        fields.trade(price(self.last), size(self.last_size), Some(self.side));
        fields
    }

    /// Everything: quote and last trade.
    pub(super) fn whole(&self) -> Fields {
        let mut fields = self.trade_again();
        self.put_quote(&mut fields);
        fields
    }

    fn put_quote(&self, fields: &mut Fields) {
        fields
            .put(Field::BidPrice, price(self.bid))
            .put(Field::BidSize, size(self.bid_size));
        fields
            .put(Field::AskPrice, price(self.ask))
            .put(Field::AskSize, size(self.ask_size));
    }
}

/// Cents as a price.
pub(super) fn price(cents: i64) -> Value {
    Decimal::new(cents, PRICE_DECIMALS).map_or(Value::Misfit, Value::Set)
}

/// Hundred-thousandths as a size.
pub(super) fn size(units: i64) -> Value {
    Decimal::new(units, SIZE_DECIMALS).map_or(Value::Misfit, Value::Set)
}

/// A size of a quote: the square of an even draw.
fn quote_size(random: &mut Rng) -> i64 {
    1 + share(QUOTE_SIZE_MAX, squared(random.u64(..ONE)))
}

/// A size of a trade: the eighth power of an even draw.
fn trade_size(random: &mut Rng) -> i64 {
    TRADE_SIZE_MIN + share(TRADE_SIZE_MAX, squared(squared(squared(random.u64(..ONE)))))
}

fn squared(fraction: u64) -> u64 {
    fraction * fraction / ONE
}

fn share(of: u64, fraction: u64) -> i64 {
    (of * fraction / ONE) as i64
}

/// What was drawn, or the next one if it is the old one: a change changes something.
fn other(old: i64, drawn: i64) -> i64 {
    if drawn == old { drawn + 1 } else { drawn }
}

/// A number from 1 to `max` that differs from `from`.
pub(super) fn other_step(from: i64, max: i64, random: &mut Rng) -> i64 {
    let drawn = random.i64(1..max);
    if drawn < from { drawn } else { drawn + 1 }
}
