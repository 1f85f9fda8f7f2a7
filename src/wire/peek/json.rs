//! A look at a JSON message: entries are checked to be JSON and not read.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::{Fields, Peek};
use crate::store::Seq;

/// A message as the server writes it; what it writes otherwise, such as numbers in quotes, is left to the decoder.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    heartbeat: Option<Heartbeat<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    seq: u64,
    prev_seq: Option<u64>,
    ts: &'a str,
    removed: Count,
    instruments: Count,
    tickers: Count,
    skipped: u32,
    more: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Heartbeat<'a> {
    seq: u64,
    ts: &'a str,
    prev_seq: u64,
}

/// Items of a list.
#[derive(Clone, Copy, Default)]
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        struct Counting;
        impl<'de> Visitor<'de> for Counting {
            type Value = Count;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_seq(Counting)
    }
}

pub(super) fn peek(bytes: &[u8]) -> Option<Peek<'_>> {
    let message: Message<'_> = serde_json::from_slice(bytes).ok()?;
    let stamp = |text: &str| match text {
        "" => Some(0),
        text => text.parse().ok(),
    };
    match (message.delta, message.heartbeat) {
        (Some(delta), None) => {
            let fields = Fields {
                seq: delta.seq,
                prev_seq: delta.prev_seq,
                ts: stamp(delta.ts)?,
                skipped: delta.skipped,
                more: delta.more,
                entries: delta.tickers.0,
                has_listings: delta.removed.0 + delta.instruments.0 > 0,
            };
            Some(fields.delta())
        }
        (None, Some(heartbeat)) => {
            stamp(heartbeat.ts)?;
            Some(Peek::Heartbeat {
                seq: Seq(heartbeat.seq),
                prev_seq: Seq(heartbeat.prev_seq),
            })
        }
        _ => None,
    }
}
