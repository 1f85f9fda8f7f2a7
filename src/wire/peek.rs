//! The head of a delta without its entries, for who measures a stream and needs no values: some 100 ns where the
//! whole message takes microseconds.

use prost::encoding::{WireType, decode_key, decode_varint};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::head::DeltaHead;
use super::{Encoding, proto};
use crate::market::Ts;
use crate::store::Seq;

/// What a message is, as far as a look at its head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peek<'a> {
    /// A delta.
    Delta(DeltaPeek),
    /// A heartbeat.
    Heartbeat {
        /// Everything up to here was sent.
        seq: Seq,
        /// Of the last data message.
        prev_seq: Seq,
    },
    /// Raw DEFLATE of another message.
    Deflated(&'a [u8]),
    /// Anything else, to be decoded in full: another body, bytes that are no message, or one written in a way that a
    /// server of this version does not write.
    Other,
}

/// What stands in a delta besides values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeltaPeek {
    /// Its numbers and its time.
    pub head: DeltaHead,
    /// Another part of the same delta follows.
    pub more: bool,
    /// Tickers in it.
    pub entries: usize,
    /// It takes instruments away or announces some.
    pub has_listings: bool,
}

impl Peek<'static> {
    /// The same of a message that is decoded.
    pub fn of(message: &proto::ServerMessage) -> Peek<'static> {
        use proto::server_message::Body;
        match &message.body {
            Some(Body::Delta(delta)) => {
                let fields = Fields {
                    seq: delta.seq,
                    prev_seq: delta.prev_seq,
                    ts: delta.ts,
                    skipped: delta.skipped,
                    more: delta.more,
                    entries: delta.tickers.len(),
                    has_listings: !(delta.removed.is_empty() && delta.instruments.is_empty()),
                };
                fields.delta()
            }
            Some(Body::Heartbeat(heartbeat)) => Peek::Heartbeat {
                seq: Seq(heartbeat.seq),
                prev_seq: Seq(heartbeat.prev_seq),
            },
            _ => Peek::Other,
        }
    }
}

/// Looks at a server's message; entries are counted and not read, so what is wrong in them is not seen.
pub fn peek_server(encoding: Encoding, is_text: bool, bytes: &[u8]) -> Peek<'_> {
    let found = match encoding {
        Encoding::Json if !is_text => Some(Peek::Deflated(bytes)),
        Encoding::Json => json(bytes),
        _ if is_text => None,
        Encoding::Protobuf => protobuf(bytes),
        Encoding::Msgpack => msgpack(bytes),
    };
    found.unwrap_or(Peek::Other)
}

/// Fields of a delta or a heartbeat as they come.
#[derive(Default)]
struct Fields {
    seq: u64,
    prev_seq: Option<u64>,
    ts: u64,
    skipped: u32,
    more: bool,
    entries: usize,
    has_listings: bool,
}

impl Fields {
    fn delta(self) -> Peek<'static> {
        Peek::Delta(DeltaPeek {
            head: DeltaHead {
                seq: Seq(self.seq),
                prev_seq: Seq(self.prev_seq.unwrap_or(self.seq.saturating_sub(1))),
                // Those beyond 2262 are as good as the last one.
                ts: Ts(i64::try_from(self.ts).unwrap_or(i64::MAX)),
                skipped: self.skipped,
            },
            more: self.more,
            entries: self.entries,
            has_listings: self.has_listings,
        })
    }

    fn heartbeat(self) -> Peek<'static> {
        Peek::Heartbeat {
            seq: Seq(self.seq),
            prev_seq: Seq(self.prev_seq.unwrap_or(0)),
        }
    }
}

fn protobuf(mut left: &[u8]) -> Option<Peek<'_>> {
    let (number, WireType::LengthDelimited) = decode_key(&mut left).ok()? else {
        return None;
    };
    let body = content(&mut left)?;
    if !left.is_empty() {
        return None;
    }
    match number {
        3 => protobuf_delta(body).map(Fields::delta),
        4 => protobuf_heartbeat(body).map(Fields::heartbeat),
        15 => Some(Peek::Deflated(body)),
        _ => None,
    }
}

fn protobuf_delta(mut left: &[u8]) -> Option<Fields> {
    use WireType::{LengthDelimited, SixtyFourBit, Varint};
    let mut fields = Fields::default();
    while !left.is_empty() {
        match decode_key(&mut left).ok()? {
            (1, Varint) => fields.seq = decode_varint(&mut left).ok()?,
            (2, Varint) => fields.prev_seq = Some(decode_varint(&mut left).ok()?),
            (3, SixtyFourBit) => fields.ts = fixed64(&mut left)?,
            (4 | 5, LengthDelimited) => {
                content(&mut left)?;
                fields.has_listings = true;
            }
            (6, LengthDelimited) => {
                content(&mut left)?;
                fields.entries += 1;
            }
            (7, LengthDelimited) => _ = content(&mut left)?,
            (8, Varint) => fields.skipped = decode_varint(&mut left).ok()? as u32,
            (9, Varint) => fields.more = decode_varint(&mut left).ok()? != 0,
            _ => return None,
        }
    }
    Some(fields)
}

fn protobuf_heartbeat(mut left: &[u8]) -> Option<Fields> {
    use WireType::{SixtyFourBit, Varint};
    let mut fields = Fields::default();
    while !left.is_empty() {
        match decode_key(&mut left).ok()? {
            (1, Varint) => fields.seq = decode_varint(&mut left).ok()?,
            (2, SixtyFourBit) => fields.ts = fixed64(&mut left)?,
            (3, Varint) => fields.prev_seq = Some(decode_varint(&mut left).ok()?),
            _ => return None,
        }
    }
    Some(fields)
}

fn content<'a>(left: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(decode_varint(left).ok()?).ok()?;
    take(left, len)
}

fn fixed64(left: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(left, 8)?.try_into().ok()?))
}

fn take<'a>(left: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = left.split_at_checked(len)?;
    *left = rest;
    Some(taken)
}

fn msgpack(mut left: &[u8]) -> Option<Peek<'_>> {
    if items(&mut left, MAP)? != 1 {
        return None;
    }
    let peek = match uint(&mut left)? {
        3 => msgpack_delta(&mut left)?.delta(),
        4 => msgpack_heartbeat(&mut left)?.heartbeat(),
        15 => {
            let len = match be(&mut left, 1)? {
                0xc4 => be(&mut left, 1)?,
                0xc5 => be(&mut left, 2)?,
                0xc6 => be(&mut left, 4)?,
                _ => return None,
            };
            Peek::Deflated(take(&mut left, usize::try_from(len).ok()?)?)
        }
        _ => return None,
    };
    left.is_empty().then_some(peek)
}

fn msgpack_delta(left: &mut &[u8]) -> Option<Fields> {
    let mut fields = Fields::default();
    for _ in 0..items(left, MAP)? {
        match uint(left)? {
            1 => fields.seq = uint(left)?,
            2 => fields.prev_seq = Some(uint(left)?),
            3 => fields.ts = uint(left)?,
            4 | 5 => {
                let count = items(left, ARRAY)?;
                skip(left, count)?;
                fields.has_listings |= count > 0;
            }
            6 => {
                fields.entries = items(left, ARRAY)?;
                skip(left, fields.entries)?;
            }
            7 => {
                let count = items(left, ARRAY)?;
                skip(left, count)?;
            }
            8 => fields.skipped = u32::try_from(uint(left)?).ok()?,
            9 => {
                fields.more = match be(left, 1)? {
                    0xc2 => false,
                    0xc3 => true,
                    _ => return None,
                }
            }
            _ => return None,
        }
    }
    Some(fields)
}

fn msgpack_heartbeat(left: &mut &[u8]) -> Option<Fields> {
    let mut fields = Fields::default();
    for _ in 0..items(left, MAP)? {
        match uint(left)? {
            1 => fields.seq = uint(left)?,
            2 => fields.ts = uint(left)?,
            3 => fields.prev_seq = Some(uint(left)?),
            _ => return None,
        }
    }
    Some(fields)
}

/// First byte of the short form, most items in it, first byte of the form with two bytes of length.
type Heads = (u8, u8, u8);
const MAP: Heads = (0x80, 15, 0xde);
const ARRAY: Heads = (0x90, 15, 0xdc);

/// Reads the head of a map or a list.
fn items(left: &mut &[u8], (short, most, long): Heads) -> Option<usize> {
    let first = be(left, 1)? as u8;
    let count = match first {
        _ if first == long => be(left, 2)?,
        _ if first == long + 1 => be(left, 4)?,
        _ if first & !most == short => u64::from(first & most),
        _ => return None,
    };
    usize::try_from(count).ok()
}

fn uint(left: &mut &[u8]) -> Option<u64> {
    match be(left, 1)? {
        short @ 0..=0x7f => Some(short),
        0xcc => be(left, 1),
        0xcd => be(left, 2),
        0xce => be(left, 4),
        0xcf => be(left, 8),
        _ => None,
    }
}

/// Bytes of a big-endian number.
fn be(left: &mut &[u8], len: usize) -> Option<u64> {
    Some(
        take(left, len)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

/// Passes over values with all that is in them, without recursion.
fn skip(left: &mut &[u8], mut values: usize) -> Option<()> {
    while values > 0 {
        values -= 1;
        let first = be(left, 1)? as u8;
        let (bytes, inner) = match first {
            0x80..=0x8f => (0, usize::from(first & 15) * 2),
            0x90..=0x9f => (0, usize::from(first & 15)),
            0xa0..=0xbf => (usize::from(first & 31), 0),
            0xc1 => return None,
            0xc4 | 0xd9 => (be(left, 1)? as usize, 0),
            0xc5 | 0xda => (be(left, 2)? as usize, 0),
            0xc6 | 0xdb => (be(left, 4)? as usize, 0),
            0xc7 => (be(left, 1)? as usize + 1, 0),
            0xc8 => (be(left, 2)? as usize + 1, 0),
            0xc9 => (be(left, 4)? as usize + 1, 0),
            0xcc | 0xd0 => (1, 0),
            0xcd | 0xd1 | 0xd4 => (2, 0),
            0xd5 => (3, 0),
            0xca | 0xce | 0xd2 => (4, 0),
            0xd6 => (5, 0),
            0xcb | 0xcf | 0xd3 => (8, 0),
            0xd7 => (9, 0),
            0xd8 => (17, 0),
            0xdc => (0, be(left, 2)? as usize),
            0xdd => (0, be(left, 4)? as usize),
            0xde => (0, be(left, 2)? as usize * 2),
            0xdf => (0, (be(left, 4)? as usize).checked_mul(2)?),
            // Small numbers, nil, true and false.
            _ => (0, 0),
        };
        take(left, bytes)?;
        // Each value owed has a byte at least: a length that is a lie ends here, not after it.
        values = values.checked_add(inner).filter(|owed| *owed <= left.len())?;
    }
    Some(())
}

/// A message as the server writes it; what it writes otherwise, such as numbers in quotes, is left to the decoder.
#[derive(Deserialize)]
struct JsonMessage<'a> {
    #[serde(borrow)]
    delta: Option<JsonDelta<'a>>,
    #[serde(borrow)]
    heartbeat: Option<JsonHeartbeat<'a>>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct JsonDelta<'a> {
    seq: u64,
    prev_seq: Option<u64>,
    ts: &'a str,
    removed: Count,
    instruments: Count,
    tickers: Count,
    skipped: u32,
    more: bool,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct JsonHeartbeat<'a> {
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

fn json(bytes: &[u8]) -> Option<Peek<'_>> {
    let message: JsonMessage<'_> = serde_json::from_slice(bytes).ok()?;
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
