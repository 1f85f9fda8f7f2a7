//! Walks a described message in either direction, as serde wants it.

use super::tree::{Kind, Manner, ReadContext, Tree, WriteContext};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A value with its kind and context, as serde wants it.
pub(crate) struct Writing<'a, K, V> {
    value: &'a V,
    cx: &'a WriteContext<'a>,
    kind: PhantomData<K>,
}

impl<'a, K: Kind<V>, V> Writing<'a, K, V> {
    pub(crate) fn new(value: &'a V, cx: &'a WriteContext<'a>) -> Writing<'a, K, V> {
        Writing {
            value,
            cx,
            kind: PhantomData,
        }
    }
}

impl<K: Kind<V>, V> Serialize for Writing<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        K::write(self.value, serializer, self.cx)
    }
}

pub(crate) fn write_field<K: Kind<V>, V, M: SerializeMap>(
    map: &mut M,
    number: u32,
    name: &'static str,
    value: &V,
    cx: &WriteContext<'_>,
) -> Result<(), M::Error> {
    match cx.manner {
        Manner::Numbers => map.serialize_key(&number)?,
        Manner::Names => map.serialize_key(name)?,
    }
    map.serialize_value(&Writing::<K, V>::new(value, cx))
}

pub(crate) fn write_tree<T: Tree, S: Serializer>(
    tree: &T,
    serializer: S,
    cx: &WriteContext<'_>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(tree.len(cx)))?;
    tree.write_fields(&mut map, cx)?;
    map.end()
}

pub(crate) fn read_tree<'de, T: Tree, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<T, D::Error> {
    deserializer.deserialize_map(TreeVisitor { cx, tree: PhantomData })
}

struct TreeVisitor<'a, T> {
    cx: &'a ReadContext,
    tree: PhantomData<T>,
}

impl<'de, T: Tree> Visitor<'de> for TreeVisitor<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut tree = T::default();
        let key = KeySeed {
            fields: T::FIELDS,
            manner: self.cx.manner,
        };
        while let Some(number) = map.next_key_seed(key)? {
            tree.read_field(number, &mut map, self.cx)?;
        }
        Ok(tree)
    }
}

/// Reads a key as a field number, 0 for an unknown one.
#[derive(Clone, Copy)]
struct KeySeed {
    fields: &'static [(u32, &'static str)],
    manner: Manner,
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = u32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u32, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field number or name")
    }

    fn visit_u64<E>(self, number: u64) -> Result<u32, E> {
        Ok(u32::try_from(number).unwrap_or(0))
    }

    fn visit_i64<E>(self, number: i64) -> Result<u32, E> {
        Ok(u32::try_from(number).unwrap_or(0))
    }

    fn visit_f64<E>(self, number: f64) -> Result<u32, E> {
        let whole = number as u32;
        Ok(if f64::from(whole) == number { whole } else { 0 })
    }

    // In MessagePack too: the keys of a JavaScript object are strings whatever was meant.
    fn visit_str<E>(self, key: &str) -> Result<u32, E> {
        Ok(match self.manner {
            Manner::Numbers => key.parse().unwrap_or(0),
            Manner::Names => self.fields.iter().find(|(_, name)| *name == key).map_or(0, |f| f.0),
        })
    }
}

/// Reads a value; `None` for nil and null, which JavaScript writes for a field that it leaves out.
pub(crate) fn read_value<'de, K: Kind<V>, V, A: MapAccess<'de>>(
    map: &mut A,
    cx: &ReadContext,
) -> Result<Option<V>, A::Error> {
    map.next_value_seed(Nullable(Reading::<K, V>::new(cx)))
}

pub(crate) fn pass_over<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// Reads a value of a kind, as serde wants it.
pub(crate) struct Reading<'a, K, V> {
    cx: &'a ReadContext,
    kind: PhantomData<(K, V)>,
}

impl<'a, K, V> Reading<'a, K, V> {
    pub(crate) fn new(cx: &'a ReadContext) -> Reading<'a, K, V> {
        Reading { cx, kind: PhantomData }
    }
}

impl<'de, K: Kind<V>, V> DeserializeSeed<'de> for Reading<'_, K, V> {
    type Value = V;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<V, D::Error> {
        K::read(deserializer, self.cx)
    }
}

struct Nullable<'a, K, V>(Reading<'a, K, V>);

impl<'de, K: Kind<V>, V> DeserializeSeed<'de> for Nullable<'_, K, V> {
    type Value = Option<V>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<V>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, K: Kind<V>, V> Visitor<'de> for Nullable<'_, K, V> {
    type Value = Option<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_none<E>(self) -> Result<Option<V>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<V>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<V>, D::Error> {
        K::read(deserializer, self.0.cx).map(Some)
    }
}
