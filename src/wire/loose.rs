//! A scalar as it stands, so that what is meant can be told from how a client's library wrote it.

use super::tree::{Kind, ReadContext};
use super::walk::Reading;
use serde::de::{Error, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Any single value of MessagePack or JSON.
pub(crate) enum Scalar {
    /// A truth value.
    Flag(bool),
    /// An integer, or a float of whole value: JavaScript cannot always choose.
    Whole(i128),
    /// A string.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Scalar {
    /// The integer meant, digits in a string included.
    pub(crate) fn whole<E: Error>(self) -> Result<i128, E> {
        let found = match self {
            Scalar::Whole(number) => Some(number),
            Scalar::Text(text) => parse_whole(&text),
            Scalar::Flag(_) | Scalar::Bytes(_) => None,
        };
        found.ok_or_else(|| E::custom("a whole number, or a string of its digits, is owed"))
    }
}

/// Parses digits with an optional minus.
pub(crate) fn parse_whole(text: &str) -> Option<i128> {
    // A plus sign is what `parse` would take beyond that.
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

/// Narrows to the field's type.
pub(crate) fn fit<T: TryFrom<i128>, E: Error>(number: i128) -> Result<T, E> {
    T::try_from(number).map_err(|_| E::custom(format_args!("{number} does not fit its field")))
}

/// Reads a [`Scalar`]; lists and maps are refused.
pub(crate) struct Loose;

impl Visitor<'_> for Loose {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(i128::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Whole(i128::from(value)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
        // Not a number and infinity have no fraction of zero, so they fail here too. The cast saturates,
        // and what is beyond 64 bits is refused when it is narrowed.
        if value.fract() == 0.0 {
            Ok(Scalar::Whole(value as i128))
        } else {
            Err(E::custom(format_args!("{value} is not a whole number")))
        }
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Scalar, E> {
        Ok(Scalar::Bytes(value.to_owned()))
    }
}

/// Reads a list without believing its declared length.
pub(crate) struct List<'a, K, V> {
    cx: &'a ReadContext,
    kind: PhantomData<(K, V)>,
}

impl<'a, K, V> List<'a, K, V> {
    pub(crate) fn new(cx: &'a ReadContext) -> List<'a, K, V> {
        List { cx, kind: PhantomData }
    }
}

impl<'de, K: Kind<V>, V> Visitor<'de> for List<'_, K, V> {
    type Value = Vec<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<V>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(Reading::<K, V>::new(self.cx))? {
            if !self.cx.take_item() {
                return Err(A::Error::custom("too many list elements"));
            }
            items.push(item);
        }
        Ok(items)
    }
}
