//! What a row can say: keys of NDJSON, columns of CSV and Parquet.

use crate::market::{FIELDS, Field};

/// One key of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// When it was received, in ns since 1970.
    TsRecv,
    /// Which [`Kind`] of event.
    Event,
    Symbol,
    /// Of a venue's state only.
    Venue,
    /// The value that a field has now.
    Value(Field),
    /// Whether an update is a trade.
    Trade,
    /// Fields that have no value now.
    Cleared,
    /// Fields whose value could not be held exactly.
    Misfit,
    /// The venue's own stamp, in ns since 1970.
    TsEvent,
    /// Of an instrument or a venue.
    State,
    /// Why an instrument is stale.
    Cause,
    /// Of a venue's state, in words.
    Reason,
    PriceDecimals,
    SizeDecimals,
    VolumeDecimals,
    /// How many events a gap of the recording has swallowed.
    EventsLost,
}

/// Number of keys: these, and one for each field.
pub(super) const KEYS: usize = 15 + FIELDS;

impl Key {
    /// All keys in the order of the columns.
    pub(super) const ALL: [Key; KEYS] = {
        let mut all = [Key::TsRecv; KEYS];
        let (head, tail) = (
            [Key::TsRecv, Key::Event, Key::Symbol, Key::Venue],
            [
                Key::Trade,
                Key::Cleared,
                Key::Misfit,
                Key::TsEvent,
                Key::State,
                Key::Cause,
                Key::Reason,
                Key::PriceDecimals,
                Key::SizeDecimals,
                Key::VolumeDecimals,
                Key::EventsLost,
            ],
        );
        let mut at = 0;
        while at < KEYS {
            all[at] = if at < head.len() {
                head[at]
            } else if at < head.len() + FIELDS {
                Key::Value(Field::ALL[at - head.len()])
            } else {
                tail[at - head.len() - FIELDS]
            };
            at += 1;
        }
        all
    };

    /// Position in [`Key::ALL`].
    pub(super) const fn index(self) -> usize {
        match self {
            Key::TsRecv => 0,
            Key::Event => 1,
            Key::Symbol => 2,
            Key::Venue => 3,
            Key::Value(field) => 4 + field.index(),
            Key::Trade => 4 + FIELDS,
            Key::Cleared => 5 + FIELDS,
            Key::Misfit => 6 + FIELDS,
            Key::TsEvent => 7 + FIELDS,
            Key::State => 8 + FIELDS,
            Key::Cause => 9 + FIELDS,
            Key::Reason => 10 + FIELDS,
            Key::PriceDecimals => 11 + FIELDS,
            Key::SizeDecimals => 12 + FIELDS,
            Key::VolumeDecimals => 13 + FIELDS,
            Key::EventsLost => 14 + FIELDS,
        }
    }

    /// As it stands in the file.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Key::TsRecv => "ts_recv",
            Key::Event => "event",
            Key::Symbol => "symbol",
            Key::Venue => "venue",
            Key::Value(field) => field.name(),
            Key::Trade => "trade",
            Key::Cleared => "cleared",
            Key::Misfit => "misfit",
            Key::TsEvent => "ts_event",
            Key::State => "state",
            Key::Cause => "cause",
            Key::Reason => "reason",
            Key::PriceDecimals => "price_decimals",
            Key::SizeDecimals => "size_decimals",
            Key::VolumeDecimals => "volume_decimals",
            Key::EventsLost => "events_lost",
        }
    }

    /// The key of this name.
    pub(super) fn from_name(name: &str) -> Option<Key> {
        Key::ALL.into_iter().find(|key| key.name() == name)
    }
}

/// What kind of event a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Update,
    State,
    Listed,
    Removed,
    Venue,
    Gap,
}

impl Kind {
    pub(super) const ALL: [Kind; 6] = [
        Kind::Update,
        Kind::State,
        Kind::Listed,
        Kind::Removed,
        Kind::Venue,
        Kind::Gap,
    ];

    /// The word for it in a row.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Kind::Update => "update",
            Kind::State => "state",
            Kind::Listed => "listed",
            Kind::Removed => "removed",
            Kind::Venue => "venue",
            Kind::Gap => "gap",
        }
    }

    /// Keys that such a row may have.
    pub(super) fn keys(self) -> KeySet {
        let own: &[Key] = match self {
            Kind::Update => {
                let keys = [
                    Key::Symbol,
                    Key::Trade,
                    Key::Cleared,
                    Key::Misfit,
                    Key::TsEvent,
                    Key::State,
                ];
                return KeySet::of(&keys).union(KeySet::VALUES).union(KeySet::EVERY_ROW);
            }
            Kind::State => &[Key::Symbol, Key::State, Key::Cause],
            Kind::Listed => &[Key::Symbol, Key::PriceDecimals, Key::SizeDecimals, Key::VolumeDecimals],
            Kind::Removed => &[Key::Symbol],
            Kind::Venue => &[Key::Venue, Key::State, Key::Reason],
            Kind::Gap => &[Key::EventsLost],
        };
        KeySet::of(own).union(KeySet::EVERY_ROW)
    }
}

/// A set of [`Key`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet(u32);

impl KeySet {
    const EVERY_ROW: KeySet = KeySet(1 << Key::TsRecv.index() | 1 << Key::Event.index());
    /// Every key.
    pub(super) const ALL: KeySet = KeySet((1 << KEYS) - 1);
    const VALUES: KeySet = KeySet(((1 << FIELDS) - 1) << 4);

    pub(super) fn of(keys: &[Key]) -> KeySet {
        keys.iter()
            .fold(KeySet::default(), |set, key| KeySet(set.0 | 1 << key.index()))
    }

    /// Adds a key; `false` where it was there.
    pub(super) fn insert(&mut self, key: Key) -> bool {
        let before = self.0;
        self.0 |= 1 << key.index();
        self.0 != before
    }

    pub(super) const fn contains(self, key: Key) -> bool {
        self.0 & (1 << key.index()) != 0
    }

    pub(super) const fn union(self, other: KeySet) -> KeySet {
        KeySet(self.0 | other.0)
    }

    pub(super) const fn difference(self, other: KeySet) -> KeySet {
        KeySet(self.0 & !other.0)
    }

    /// The keys in the order of the columns.
    pub(super) fn iter(self) -> impl Iterator<Item = Key> {
        Key::ALL.into_iter().filter(move |key| self.contains(*key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_place_and_its_name() {
        for (at, key) in Key::ALL.into_iter().enumerate() {
            assert_eq!(key.index(), at, "{key:?}");
            assert_eq!(Key::from_name(key.name()), Some(key));
        }
        assert_eq!(Key::from_name("price"), None);
        let values: Vec<Key> = KeySet::VALUES.iter().collect();
        assert_eq!(values, Field::ALL.map(Key::Value));
    }

    #[test]
    fn each_kind_has_keys_that_every_row_has_and_its_own() {
        for kind in Kind::ALL {
            let keys = kind.keys();
            assert!(keys.contains(Key::TsRecv) && keys.contains(Key::Event), "{kind:?}");
            assert_eq!(keys.contains(Key::Symbol), !matches!(kind, Kind::Venue | Kind::Gap));
        }
        assert!(!Kind::Update.keys().contains(Key::Cause));
    }
}
