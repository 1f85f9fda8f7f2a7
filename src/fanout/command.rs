//! What sessions ask of their shard.

use std::sync::Arc;

use crate::market::{SymbolPattern, Ts};
use crate::store::Seq;
use crate::wire::{Compression, Encoding, Refused, proto};

use super::{Allowance, CloseReason, Link, SubscriberId};

/// A new subscriber.
#[derive(Debug)]
pub struct Join<S> {
    /// Its number.
    pub id: SubscriberId,
    /// Its socket's writing half.
    pub socket: S,
    /// Signals to its reading task.
    pub link: Arc<Link>,
    /// How messages become bytes.
    pub encoding: Encoding,
    /// Whether they may be deflated.
    pub compression: Compression,
    /// Beats between two deltas, as asked for.
    pub pace_beats: u64,
    /// What it may have.
    pub allowance: Allowance,
    /// Whether it has said who it is, for the welcome.
    pub is_authenticated: bool,
}

/// A request, read and checked as far as can be without the table.
#[derive(Debug)]
pub enum Request {
    /// Symbols wanted.
    Subscribe {
        /// Echoed.
        request_id: u64,
        /// Those that are well formed.
        strings: Vec<SymbolPattern>,
        /// Those that are not.
        rejected: Vec<Refused>,
        /// Epoch and seq that these symbols are known at.
        resume: Option<(u64, Seq)>,
    },
    /// Symbols taken back.
    Unsubscribe {
        /// Echoed.
        request_id: u64,
        /// As given before.
        strings: Vec<String>,
    },
    /// Pace and window; absent ones stay.
    Configure {
        /// Echoed.
        request_id: u64,
        /// Beats between two deltas, as asked for.
        pace_beats: Option<u64>,
        /// Most unconfirmed deltas.
        window: Option<u32>,
    },
    /// It has said who it is, for the first time or again.
    Authenticated {
        /// Echoed.
        request_id: u64,
        /// What it may have from now on.
        allowance: Allowance,
    },
    /// Deltas applied up to a seq; not answered.
    Received(Seq),
    /// A measurement.
    Ping {
        /// The client's.
        ping: proto::Ping,
        /// When it left the socket.
        ts_recv: Ts,
    },
    /// A request that was refused before it came here.
    Refuse(proto::Error),
}

impl Request {
    /// Whether it changes what is held, or how.
    pub(super) fn is_about_symbols(&self) -> bool {
        matches!(
            self,
            Request::Subscribe { .. } | Request::Unsubscribe { .. } | Request::Configure { .. }
        )
    }

    /// Whether an answer will be written.
    pub fn is_answered(&self) -> bool {
        !matches!(self, Request::Received(_))
    }
}

/// All that a shard is asked.
#[derive(Debug)]
pub enum Command<S> {
    /// A subscriber is there: it is welcomed.
    Join(Box<Join<S>>),
    /// A request of a subscriber.
    Request(SubscriberId, Request),
    /// The finished frame that answers a WebSocket ping; a newer one replaces it.
    Pong(SubscriberId, Vec<u8>),
    /// A WebSocket ping is due.
    Ping(SubscriberId),
    /// The connection is to be closed with a close frame.
    Close(SubscriberId, CloseReason),
    /// The reading task has ended: forget the subscriber.
    Leave(SubscriberId, CloseReason),
    /// The server stops: tell everyone, close all, spread in time.
    Drain,
}
