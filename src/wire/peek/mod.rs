//! The head of a delta without its entries, for who measures a stream and needs no values: some 100 ns where the
//! whole message takes microseconds.

mod json;
mod msgpack;
mod protobuf;

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
        Encoding::Json => json::peek(bytes),
        _ if is_text => None,
        Encoding::Protobuf => protobuf::peek(bytes),
        Encoding::Msgpack => msgpack::peek(bytes),
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

fn take<'a>(left: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, rest) = left.split_at_checked(len)?;
    *left = rest;
    Some(taken)
}
