//! The tree under MessagePack and JSON: what a message consists of and how its values look.
//!
//! [`Tree`] describes a message, [`Kind`] one value in each [`Manner`]; `walk` goes through them with serde, so the formats themselves are rmp-serde's and serde_json's. What serde's own traits have
//! no room for, decimals when writing and limits when reading, travels in a context.

use crate::market::Decimals;
use serde::de::{Deserializer, MapAccess};
use serde::ser::{SerializeMap, Serializer};
use std::cell::Cell;

/// How fields are called and values look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Field numbers and plain integers: MessagePack.
    Numbers,
    /// Names, words and decimal text: JSON.
    Names,
}

/// What a writer must know beside the value.
#[derive(Clone, Copy)]
pub(crate) struct WriteContext<'a> {
    pub(crate) manner: Manner,
    /// The precisions of an instrument, for JSON.
    pub(crate) decimals_of: &'a dyn Fn(u32) -> Option<Decimals>,
    /// Those of the ticker being written.
    pub(crate) decimals: Option<Decimals>,
}

/// What a reader must know, and what it found out beside the value.
pub(crate) struct ReadContext {
    pub(crate) manner: Manner,
    /// List elements that may still be read.
    pub(crate) items_left: Cell<usize>,
    /// Whether one more was there than allowed.
    pub(crate) is_over_items: Cell<bool>,
    /// Bodies seen; counted here because only the caller can say which request had too many.
    pub(crate) bodies: Cell<u32>,
}

impl ReadContext {
    pub(crate) fn new(manner: Manner, items_max: usize) -> ReadContext {
        ReadContext {
            manner,
            items_left: Cell::new(items_max),
            is_over_items: Cell::new(false),
            bodies: Cell::new(0),
        }
    }

    /// Counts a list element, false when there are too many.
    pub(crate) fn take_item(&self) -> bool {
        let left = self.items_left.get();
        self.is_over_items.set(self.is_over_items.get() || left == 0);
        self.items_left.set(left.saturating_sub(1));
        left > 0
    }

    pub(crate) fn count_body(&self) {
        self.bodies.set(self.bodies.get().saturating_add(1));
    }
}

/// How a value of type `V` is written and read.
pub(crate) trait Kind<V> {
    /// Whether the field is left out.
    fn is_absent(value: &V, cx: &WriteContext<'_>) -> bool;

    /// Whether the value, default or not, can be said at all in this context.
    fn is_writable(_value: &V, _cx: &WriteContext<'_>) -> bool {
        true
    }

    fn write<S: Serializer>(value: &V, serializer: S, cx: &WriteContext<'_>) -> Result<S::Ok, S::Error>;

    fn read<'de, D: Deserializer<'de>>(deserializer: D, cx: &ReadContext) -> Result<V, D::Error>;
}

/// A message with its fields' numbers, names and kinds; `messages!` implements it.
pub(crate) trait Tree: Default {
    /// Numbers and names, bodies included.
    const FIELDS: &'static [(u32, &'static str)];
    /// Numbers of those that are bodies.
    const BODIES: &'static [u32];

    /// Number of fields that will be written.
    fn len(&self, cx: &WriteContext<'_>) -> usize;

    /// Writes the fields in ascending order of their numbers.
    fn write_fields<M: SerializeMap>(&self, map: &mut M, cx: &WriteContext<'_>) -> Result<(), M::Error>;

    /// Reads the value of one field; passes over that of an unknown number.
    fn read_field<'de, A: MapAccess<'de>>(
        &mut self,
        number: u32,
        map: &mut A,
        cx: &ReadContext,
    ) -> Result<(), A::Error>;
}

/// Implements [`Tree`] for generated messages: `Name { NUMBER FIELD: KIND, .. }`, for one with bodies
/// followed by `=> MODULE { NUMBER FIELD VARIANT: KIND, .. }`.
macro_rules! messages {
    ($($message:ident { $($number:literal $field:ident: $kind:ty),* $(,)? }
        $(=> $module:ident { $($body_number:literal $body:ident $variant:ident: $body_kind:ty),* $(,)? })?
    )*) => { $(
        impl Tree for proto::$message {
            const FIELDS: &'static [(u32, &'static str)] = &[
                $(($number, stringify!($field)),)*
                $($(($body_number, stringify!($body)),)*)?
            ];
            const BODIES: &'static [u32] = &[$($($body_number),*)?];

            fn len(&self, cx: &WriteContext<'_>) -> usize {
                let fields = 0 $(+ usize::from(!<$kind as Kind<_>>::is_absent(&self.$field, cx)))*;
                $(let fields = fields + match &self.body {
                    $(Some(proto::$module::Body::$variant(value)) => {
                        usize::from(<$body_kind as Kind<_>>::is_writable(value, cx))
                    })*
                    None => 0,
                };)?
                fields
            }

            fn write_fields<M: SerializeMap>(&self, map: &mut M, cx: &WriteContext<'_>) -> Result<(), M::Error> {
                $(if !<$kind as Kind<_>>::is_absent(&self.$field, cx) {
                    write_field::<$kind, _, M>(map, $number, stringify!($field), &self.$field, cx)?;
                })*
                $(match &self.body {
                    $(Some(proto::$module::Body::$variant(value))
                        if <$body_kind as Kind<_>>::is_writable(value, cx) =>
                    {
                        write_field::<$body_kind, _, M>(map, $body_number, stringify!($body), value, cx)?;
                    })*
                    _ => {}
                })?
                Ok(())
            }

            fn read_field<'de, A: MapAccess<'de>>(
                &mut self,
                number: u32,
                map: &mut A,
                cx: &ReadContext,
            ) -> Result<(), A::Error> {
                match number {
                    $($number => if let Some(value) = read_value::<$kind, _, A>(map, cx)? {
                        self.$field = value;
                    },)*
                    $($($body_number => if let Some(value) = read_value::<$body_kind, _, A>(map, cx)? {
                        cx.count_body();
                        self.body = Some(proto::$module::Body::$variant(value));
                    },)*)?
                    _ => pass_over(map)?,
                }
                Ok(())
            }
        }
    )* };
}
pub(crate) use messages;
