//! The kinds of values: how each looks as MessagePack and as JSON, and what a lenient reader takes for it.

use super::decimals::{parse_decimal, push_decimal, push_decimal_unsigned};
use super::loose::{List, Loose, Scalar, fit, parse_whole};
use super::proto;
use super::tree::{Kind, Manner, ReadContext, Tree, WriteContext};
use super::walk::{Writing, read_tree, write_tree};
use super::words::Words;
use crate::market::{Field, FieldSet};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serializer};
use std::marker::PhantomData;

/// Text.
pub(crate) struct Text;
/// True or false; 1 and 0 are taken too.
pub(crate) struct Flag;
/// Bytes; MessagePack only, since a compressed JSON message is a frame of its own sort.
pub(crate) struct Bytes;
/// An integer, a number everywhere.
pub(crate) struct Whole;
/// A 64-bit number that JSON writes as a string.
pub(crate) struct Fixed;
/// An enum: its number, in JSON a word.
pub(crate) struct Word<E>(PhantomData<E>);
/// A message.
pub(crate) struct Nested;
/// A ticker: a message whose decimals are its instrument's.
pub(crate) struct Entry;
/// A list.
pub(crate) struct Many<K>(PhantomData<K>);
/// An optional value: written whenever it is there, default or not.
pub(crate) struct Maybe<K>(PhantomData<K>);
/// A scaled price, in JSON a decimal string.
pub(crate) struct Price;
/// A scaled size, in JSON a decimal string.
pub(crate) struct Size;
/// A scaled volume, in JSON a decimal string.
pub(crate) struct Volume;
/// Bits of field numbers, in JSON a list of field names.
pub(crate) struct FieldNames;

impl Kind<String> for Text {
    fn is_absent(value: &String, _: &WriteContext<'_>) -> bool {
        value.is_empty()
    }

    fn write<S: Serializer>(value: &String, serializer: S, _: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &ReadContext) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

impl Kind<bool> for Flag {
    fn is_absent(value: &bool, _: &WriteContext<'_>) -> bool {
        !value
    }

    fn write<S: Serializer>(value: &bool, serializer: S, _: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(*value)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &ReadContext) -> Result<bool, D::Error> {
        match deserializer.deserialize_any(Loose)? {
            Scalar::Flag(value) => Ok(value),
            Scalar::Whole(0) => Ok(false),
            Scalar::Whole(1) => Ok(true),
            _ => Err(D::Error::custom("true or false is owed")),
        }
    }
}

impl Kind<Vec<u8>> for Bytes {
    fn is_absent(value: &Vec<u8>, _: &WriteContext<'_>) -> bool {
        value.is_empty()
    }

    fn is_writable(_: &Vec<u8>, cx: &WriteContext<'_>) -> bool {
        cx.manner == Manner::Numbers
    }

    fn write<S: Serializer>(value: &Vec<u8>, serializer: S, _: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(value)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &ReadContext) -> Result<Vec<u8>, D::Error> {
        match deserializer.deserialize_any(Loose)? {
            Scalar::Bytes(value) => Ok(value),
            _ => Err(D::Error::custom("bytes are owed")),
        }
    }
}

/// Integers: absent at zero, read from whatever stands for a whole number.
macro_rules! whole {
    ($($type:ty),*) => { $(
        impl Kind<$type> for Whole {
            fn is_absent(value: &$type, _: &WriteContext<'_>) -> bool {
                *value == 0
            }

            fn write<S: Serializer>(value: &$type, serializer: S, _: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(value, serializer)
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &ReadContext) -> Result<$type, D::Error> {
                fit(deserializer.deserialize_any(Loose)?.whole()?)
            }
        }
    )* };
}
whole!(u32, u64, i64);

impl Kind<u64> for Fixed {
    fn is_absent(value: &u64, _: &WriteContext<'_>) -> bool {
        *value == 0
    }

    fn write<S: Serializer>(value: &u64, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        match cx.manner {
            Manner::Numbers => serializer.serialize_u64(*value),
            Manner::Names => serializer.collect_str(value),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<u64, D::Error> {
        Whole::read(deserializer, cx)
    }
}

impl<E: Words> Kind<i32> for Word<E> {
    fn is_absent(value: &i32, _: &WriteContext<'_>) -> bool {
        *value == 0
    }

    // A number without a word, which only a later version can give, stays a number.
    fn write<S: Serializer>(value: &i32, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        match E::word(*value).filter(|_| cx.manner == Manner::Names) {
            Some(word) => serializer.serialize_str(&word),
            None => serializer.serialize_i32(*value),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, _: &ReadContext) -> Result<i32, D::Error> {
        let number = match deserializer.deserialize_any(Loose)? {
            Scalar::Text(word) => match E::number(&word) {
                Some(number) => return Ok(number),
                None => parse_whole(&word),
            },
            other => Some(other.whole()?),
        };
        Ok(number.and_then(|n| i32::try_from(n).ok()).unwrap_or(E::UNKNOWN))
    }
}

impl<T: Tree> Kind<T> for Nested {
    fn is_absent(_: &T, _: &WriteContext<'_>) -> bool {
        false
    }

    fn write<S: Serializer>(value: &T, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        write_tree(value, serializer, cx)
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<T, D::Error> {
        read_tree(deserializer, cx)
    }
}

impl Kind<proto::Ticker> for Entry {
    fn is_absent(_: &proto::Ticker, _: &WriteContext<'_>) -> bool {
        false
    }

    fn write<S: Serializer>(value: &proto::Ticker, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        let decimals = (cx.decimals_of)(value.id);
        write_tree(value, serializer, &WriteContext { decimals, ..*cx })
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<proto::Ticker, D::Error> {
        read_tree(deserializer, cx)
    }
}

impl<K: Kind<V>, V> Kind<Vec<V>> for Many<K> {
    fn is_absent(value: &Vec<V>, _: &WriteContext<'_>) -> bool {
        value.is_empty()
    }

    fn write<S: Serializer>(value: &Vec<V>, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(value.iter().map(|item| Writing::<K, V>::new(item, cx)))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<Vec<V>, D::Error> {
        deserializer.deserialize_seq(List::<K, V>::new(cx))
    }
}

impl<K: Kind<V>, V> Kind<Option<V>> for Maybe<K> {
    fn is_absent(value: &Option<V>, cx: &WriteContext<'_>) -> bool {
        !value.as_ref().is_some_and(|value| K::is_writable(value, cx))
    }

    fn write<S: Serializer>(value: &Option<V>, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => K::write(value, serializer, cx),
            None => serializer.serialize_none(),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<Option<V>, D::Error> {
        K::read(deserializer, cx).map(Some)
    }
}

/// Scaled values: an integer in MessagePack, text with the instrument's decimals in JSON. Without an
/// announcement there is no right text, so the field is left out of JSON rather than said wrongly.
macro_rules! scaled {
    ($($kind:ident: $type:ty, $decimals:ident, $push:ident;)*) => { $(
        impl Kind<$type> for $kind {
            fn is_absent(value: &$type, cx: &WriteContext<'_>) -> bool {
                !<$kind as Kind<$type>>::is_writable(value, cx)
            }

            fn is_writable(_: &$type, cx: &WriteContext<'_>) -> bool {
                cx.manner == Manner::Numbers || cx.decimals.is_some()
            }

            fn write<S: Serializer>(value: &$type, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
                match (cx.manner, cx.decimals) {
                    (Manner::Numbers, _) => Whole::write(value, serializer, cx),
                    (Manner::Names, Some(decimals)) => {
                        let mut text = Vec::with_capacity(24);
                        $push(&mut text, *value, decimals.$decimals);
                        serializer.serialize_str(std::str::from_utf8(&text).map_err(S::Error::custom)?)
                    }
                    (Manner::Names, None) => serializer.serialize_none(),
                }
            }

            fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<$type, D::Error> {
                if cx.manner == Manner::Numbers {
                    return Whole::read(deserializer, cx);
                }
                match deserializer.deserialize_any(Loose)? {
                    Scalar::Text(text) => fit(parse_decimal(&text).ok_or_else(|| {
                        D::Error::custom("a decimal string such as \"-0.05\" is owed, within 64 bits")
                    })?),
                    _ => Err(D::Error::custom("a decimal string such as \"-0.05\" is owed")),
                }
            }
        }
    )* };
}
scaled! {
    Price: i64, price, push_decimal;
    Size: u64, size, push_decimal_unsigned;
    Volume: u64, volume, push_decimal_unsigned;
}

impl Kind<u64> for FieldNames {
    fn is_absent(value: &u64, _: &WriteContext<'_>) -> bool {
        *value == 0
    }

    fn write<S: Serializer>(value: &u64, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error> {
        match cx.manner {
            Manner::Numbers => serializer.serialize_u64(*value),
            Manner::Names => serializer.collect_seq(FieldSet::from_number_bits(*value).iter().map(Field::name)),
        }
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<u64, D::Error> {
        if cx.manner == Manner::Numbers {
            return Whole::read(deserializer, cx);
        }
        let names: Vec<String> = Many::<Text>::read(deserializer, cx)?;
        let known: FieldSet = names.iter().filter_map(|name| Field::from_name(name)).collect();
        Ok(known.to_number_bits())
    }
}
