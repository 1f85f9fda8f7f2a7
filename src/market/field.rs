//! The fields of a ticker, with the protocol's numbers, and the states beside them.

/// Number of [`Field`]s.
pub const FIELDS: usize = 12;

/// One value of a ticker. The order is the order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Field {
    /// Best bid's price.
    BidPrice,
    /// Size at the best bid.
    BidSize,
    /// Best ask's price.
    AskPrice,
    /// Size at the best ask.
    AskSize,
    /// Price of the last trade.
    LastPrice,
    /// Size of the last trade.
    LastSize,
    /// Traded in the venue's day or last 24 h.
    Volume,
    /// First price of that period.
    Open,
    /// Highest price of that period.
    High,
    /// Lowest price of that period.
    Low,
    /// Trades in that period.
    TradeCount,
    /// Aggressor of the last trade: a [`Side`].
    LastSide,
}

/// Which of an instrument's three precisions a field is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scale {
    /// Prices; may be negative.
    Price,
    /// Sizes; never negative.
    Size,
    /// Volume; never negative.
    Volume,
    /// A plain whole number.
    Whole,
}

impl Field {
    /// All fields in the order of their numbers.
    pub const ALL: [Field; FIELDS] = [
        Field::BidPrice,
        Field::BidSize,
        Field::AskPrice,
        Field::AskSize,
        Field::LastPrice,
        Field::LastSize,
        Field::Volume,
        Field::Open,
        Field::High,
        Field::Low,
        Field::TradeCount,
        Field::LastSide,
    ];

    /// Position in [`Field::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The field's number in `Ticker` of the protocol.
    pub const fn number(self) -> u32 {
        match self {
            Field::TradeCount => 18,
            Field::LastSide => 19,
            other => other as u32 + 2,
        }
    }

    /// The field with this number in the protocol's `Ticker`.
    pub fn from_number(number: u32) -> Option<Field> {
        Field::ALL.into_iter().find(|f| f.number() == number)
    }

    /// The field's name in the protocol's `Ticker`.
    pub const fn name(self) -> &'static str {
        match self {
            Field::BidPrice => "bid_price",
            Field::BidSize => "bid_size",
            Field::AskPrice => "ask_price",
            Field::AskSize => "ask_size",
            Field::LastPrice => "last_price",
            Field::LastSize => "last_size",
            Field::Volume => "volume",
            Field::Open => "open",
            Field::High => "high",
            Field::Low => "low",
            Field::TradeCount => "trade_count",
            Field::LastSide => "last_side",
        }
    }

    /// The field with this name in the protocol's `Ticker`.
    pub fn from_name(name: &str) -> Option<Field> {
        Field::ALL.into_iter().find(|f| f.name() == name)
    }

    /// What the field is counted in.
    pub const fn scale(self) -> Scale {
        match self {
            Field::BidPrice | Field::AskPrice | Field::LastPrice | Field::Open | Field::High | Field::Low => {
                Scale::Price
            }
            Field::BidSize | Field::AskSize | Field::LastSize => Scale::Size,
            Field::Volume => Scale::Volume,
            Field::TradeCount | Field::LastSide => Scale::Whole,
        }
    }
}

/// An instrument's three precisions, each at most [`DECIMALS_MAX`](super::DECIMALS_MAX).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decimals {
    /// Of prices.
    pub price: u8,
    /// Of sizes.
    pub size: u8,
    /// Of the volume.
    pub volume: u8,
}

impl Decimals {
    /// The precision of a scale.
    pub const fn of(self, scale: Scale) -> u8 {
        match scale {
            Scale::Price => self.price,
            Scale::Size => self.size,
            Scale::Volume => self.volume,
            Scale::Whole => 0,
        }
    }

    /// Raises the precision of a scale; whole numbers have none.
    pub fn set(&mut self, scale: Scale, decimals: u8) {
        match scale {
            Scale::Price => self.price = decimals,
            Scale::Size => self.size = decimals,
            Scale::Volume => self.volume = decimals,
            Scale::Whole => {}
        }
    }
}

/// A set of [`Field`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldSet(u16);

impl FieldSet {
    /// No field.
    pub const EMPTY: FieldSet = FieldSet(0);

    /// Adds a field.
    pub fn insert(&mut self, field: Field) {
        self.0 |= 1 << field.index();
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: Field) {
        self.0 &= !(1 << field.index());
    }

    /// Whether the field is in the set.
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field.index()) != 0
    }

    /// Whether no field is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Fields in either set.
    pub const fn union(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 | other.0)
    }

    /// Fields in both sets.
    pub const fn intersection(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 & other.0)
    }

    /// Fields in this set but not in the other.
    pub const fn difference(self, other: FieldSet) -> FieldSet {
        FieldSet(self.0 & !other.0)
    }

    /// Number of fields in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The fields in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = Field> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            Field::ALL.get(at).copied()
        })
    }

    /// The protocol's `cleared`: bit n for field number n.
    pub fn to_number_bits(self) -> u64 {
        self.iter().fold(0, |bits, f| bits | 1 << f.number())
    }

    /// From the protocol's `cleared`; bits of unknown fields are passed over.
    pub fn from_number_bits(bits: u64) -> FieldSet {
        Field::ALL
            .into_iter()
            .filter(|f| bits & (1 << f.number()) != 0)
            .collect()
    }
}

impl FromIterator<Field> for FieldSet {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> FieldSet {
        let mut set = FieldSet::EMPTY;
        fields.into_iter().for_each(|f| set.insert(f));
        set
    }
}

/// Aggressor of a trade, with the protocol's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// The buyer took.
    Buy = 1,
    /// The seller took.
    Sell = 2,
}

/// The instrument's own state, with the protocol's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TickerState {
    /// Values are current.
    #[default]
    Live = 1,
    /// Values may be old; the cause says why.
    Stale = 2,
    /// The venue stopped trading it.
    Halted = 3,
}

/// Why an instrument is stale, with the protocol's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum StaleCause {
    /// The venue's own numbering shows a hole.
    Gap = 1,
    /// Quiet for far longer than usual.
    Silent = 2,
    /// The connection to the venue is gone.
    Disconnected = 3,
    /// The venue's checksum does not match.
    Checksum = 4,
    /// Known from before a restart only.
    Restart = 5,
}

/// The state of a venue's feed, with the protocol's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum VenueState {
    /// Data flows.
    Up = 1,
    /// Connected, but data has stopped.
    Stale = 2,
    /// Not connected.
    Down = 3,
}

impl Side {
    /// The word that people read.
    pub const fn word(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

impl TickerState {
    /// The word that people read.
    pub const fn word(self) -> &'static str {
        match self {
            TickerState::Live => "live",
            TickerState::Stale => "stale",
            TickerState::Halted => "halted",
        }
    }
}

impl StaleCause {
    /// The word that people read.
    pub const fn word(self) -> &'static str {
        match self {
            StaleCause::Gap => "gap",
            StaleCause::Silent => "silent",
            StaleCause::Disconnected => "disconnected",
            StaleCause::Checksum => "checksum",
            StaleCause::Restart => "restart",
        }
    }
}

impl VenueState {
    /// The word that people read.
    pub const fn word(self) -> &'static str {
        match self {
            VenueState::Up => "up",
            VenueState::Stale => "stale",
            VenueState::Down => "down",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_the_protocols() {
        let numbers: Vec<u32> = Field::ALL.iter().map(|f| f.number()).collect();
        assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 18, 19]);
        for (at, field) in Field::ALL.into_iter().enumerate() {
            assert_eq!(field.index(), at);
            assert_eq!(Field::from_number(field.number()), Some(field));
            assert_eq!(Field::from_name(field.name()), Some(field));
        }
        assert_eq!(Field::from_number(12), None);
    }

    #[test]
    fn a_set_is_walked_in_the_order_of_numbers_and_survives_the_wire() {
        let set: FieldSet = [Field::LastSide, Field::BidSize, Field::Low].into_iter().collect();
        assert_eq!(
            set.iter().collect::<Vec<_>>(),
            [Field::BidSize, Field::Low, Field::LastSide]
        );
        assert_eq!(set.to_number_bits(), 1 << 3 | 1 << 11 | 1 << 19);
        assert_eq!(FieldSet::from_number_bits(set.to_number_bits() | 1 << 40), set);
    }
}
