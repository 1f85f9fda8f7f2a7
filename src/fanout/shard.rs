//! One shard's state: its copy of the table, its subscribers, their groups. No thread, no clock, no
//! socket library: `tests` drive it with sockets of their own.

use std::sync::Arc;

use metrics::{Counter, Gauge};
use rustc_hash::FxHashMap;

use crate::engine::{BEAT, Clock, Demand};
use crate::market::{InstrumentId, Ts};
use crate::monitor::names;
use crate::store::{Epoch, Seq, Table};
use crate::wire::{Chunks, Deflater, Encoding, FrameBuf, proto};

use super::bounds::OWN_BYTES_PER_TURN;
use super::group::{GroupId, Groups};
use super::letter::Part;
use super::outgoing::Outgoing;
use super::subscriber::{Control, Subscriber};
use super::wheel::Wheel;
use super::{Allowance, CloseReason, Socket, SubscriberId};

/// What every shard is told.
#[derive(Clone, Debug)]
pub struct FanoutConfig {
    /// The timeline at the start.
    pub epoch: Epoch,
    /// Whose time it is.
    pub clock: Clock,
    /// Largest message, inflated.
    pub frame_bytes_max: usize,
    /// Beats without a message after which a heartbeat is sent.
    pub heartbeat_beats: u64,
    /// Beats that a frame may take to be read.
    pub slow_deadline_beats: u64,
    /// Most symbols and instruments at subscribe, of anybody.
    pub symbols_max: usize,
    /// Largest message from a client, for the welcome.
    pub message_bytes_max: usize,
    /// Write through io_uring where the system allows it.
    pub io_uring: bool,
}

impl FanoutConfig {
    /// What a subscriber is told first: session, pace as granted, what it may have, and where the timeline is.
    pub fn welcome(
        &self,
        session: String,
        pace_beats: u64,
        (allowance, authenticated): (&Allowance, bool),
        (epoch, seq, ts): (Epoch, Seq, Ts),
    ) -> proto::Welcome {
        proto::Welcome {
            server: concat!("tickwire/", env!("CARGO_PKG_VERSION")).to_owned(),
            epoch: epoch.under(&allowance.rights).get(),
            seq: seq.0,
            ts: ts.as_wire(),
            interval_ms: beats_ms(pace_beats),
            heartbeat_ms: beats_ms(self.heartbeat_beats),
            max_symbols: u32::try_from(allowance.symbols_max).unwrap_or(u32::MAX),
            max_message_bytes: self.message_bytes_max as u32,
            session,
            authenticated,
            frame_bytes_max: self.frame_bytes_max as u32,
            clock: match self.clock {
                Clock::Wall => proto::Clock::Wall,
                Clock::Tape { .. } => proto::Clock::Tape,
            } as i32,
        }
    }
}

/// So many beats in milliseconds.
pub(super) fn beats_ms(beats: u64) -> u32 {
    u32::try_from(beats * BEAT.as_millis() as u64).unwrap_or(u32::MAX)
}

/// Memory used again from frame to frame.
pub(super) struct Scratch {
    pub(super) frame: FrameBuf,
    pub(super) chunks: [Chunks; 3],
    pub(super) picks: Vec<u32>,
    pub(super) ids: Vec<InstrumentId>,
    pub(super) deflater: Deflater,
    pub(super) packed: Vec<u8>,
    /// Of one group's delta.
    pub(super) parts: Vec<Part>,
    /// Groups that the turn's beats concern.
    pub(super) touched: Vec<GroupId>,
}

/// Handles made once, and what one turn adds to them.
pub(super) struct Meters {
    frames: [Counter; 3],
    bytes: [Counter; 3],
    entries: [Counter; 3],
    pub(super) built: [Counter; 3],
    pub(super) skipped: Counter,
    pub(super) subscribers: Gauge,
    pub(super) slow: Gauge,
    in_turn: [InTurn; 3],
}

/// What was built and went out in one encoding.
#[derive(Clone, Copy, Default)]
struct InTurn {
    built: u64,
    frames: u64,
    bytes: u64,
    entries: u64,
}

impl Meters {
    fn new() -> Meters {
        let by_encoding = |name: &'static str| Encoding::ALL.map(|e| metrics::counter!(name, "encoding" => e.name()));
        Meters {
            frames: by_encoding(names::FRAMES),
            bytes: by_encoding(names::FRAME_BYTES),
            entries: by_encoding(names::ENTRIES),
            built: by_encoding(names::FRAMES_BUILT),
            skipped: metrics::counter!(names::SKIPPED),
            subscribers: metrics::gauge!(names::SUBSCRIBERS),
            slow: metrics::gauge!(names::SUBSCRIBERS_SLOW),
            in_turn: [InTurn::default(); 3],
        }
    }

    /// Notes a frame; three additions, the shared counters follow once a turn.
    pub(super) fn note(&mut self, encoding: Encoding, bytes: usize, entries: u32) {
        let sum = &mut self.in_turn[encoding as usize];
        sum.frames += 1;
        sum.bytes += bytes as u64;
        sum.entries += u64::from(entries);
    }

    /// Notes frames built, each for one subscriber or for many who are alike.
    pub(super) fn note_built(&mut self, encoding: Encoding, frames: usize) {
        self.in_turn[encoding as usize].built += frames as u64;
    }

    pub(super) fn end_turn(&mut self) {
        for (at, sum) in self.in_turn.iter_mut().enumerate() {
            let sum = std::mem::take(sum);
            if sum.built > 0 {
                self.built[at].increment(sum.built);
            }
            if sum.frames > 0 {
                self.frames[at].increment(sum.frames);
                self.bytes[at].increment(sum.bytes);
                self.entries[at].increment(sum.entries);
            }
        }
    }
}

/// The end of all subscribers, spread in time.
#[derive(Debug)]
pub(super) struct Drain {
    pub(super) left: Vec<u32>,
    /// To be closed in each turn.
    pub(super) share: usize,
}

/// A shard.
pub struct Shard<S> {
    pub(super) config: FanoutConfig,
    pub(super) table: Table,
    /// The timeline, as of the newest tick.
    pub(super) epoch: Epoch,
    /// The timeline's newest beat: paces fall due by it.
    pub(super) beat: u64,
    /// The one before: paces whose beat came after it fall due.
    pub(super) beat_before: u64,
    /// The timer's newest beat: deadlines and heartbeats go by it.
    pub(super) wall: u64,
    /// The timeline's time.
    pub(super) ts: Ts,
    pub(super) subscribers: Vec<Option<Subscriber<S>>>,
    free: Vec<u32>,
    by_id: FxHashMap<SubscriberId, u32>,
    pub(super) groups: Groups,
    pub(super) wheel: Wheel,
    /// Subscribers that need more than shared frames: blocked, behind, with a job or something to say.
    pub(super) busy: Vec<u32>,
    /// Bytes that may still be written in this turn besides shared frames.
    pub(super) budget: usize,
    /// The first who got none of it.
    pub(super) left_out: Option<u32>,
    pub(super) own_bytes_per_turn: usize,
    /// Subscribers whose connection broke while their group was written to.
    pub(super) broken: Vec<u32>,
    /// What is still to be closed, once the server stops.
    pub(super) draining: Option<Drain>,
    pub(super) scratch: Scratch,
    /// Shared frames on their way.
    pub(super) outgoing: Outgoing,
    pub(super) meters: Meters,
    pub(super) random: fastrand::Rng,
    pub(super) demand: Arc<Demand>,
    /// Called once, when the first subscriber holds something.
    pub(super) on_first_subscribe: Option<Box<dyn FnOnce() + Send>>,
}

impl<S: Socket> Shard<S> {
    /// Makes a shard without subscribers.
    pub fn new(config: FanoutConfig, demand: Arc<Demand>, on_first_subscribe: Box<dyn FnOnce() + Send>) -> Shard<S> {
        Shard {
            epoch: config.epoch,
            // Whoever is welcomed before the first beat has come is told a time too.
            ts: config.clock.start(),
            config,
            table: Table::new(),
            beat: 0,
            beat_before: 0,
            wall: 0,
            subscribers: Vec::new(),
            free: Vec::new(),
            by_id: FxHashMap::default(),
            groups: Groups::default(),
            wheel: Wheel::new(),
            busy: Vec::new(),
            budget: OWN_BYTES_PER_TURN,
            left_out: None,
            own_bytes_per_turn: OWN_BYTES_PER_TURN,
            broken: Vec::new(),
            draining: None,
            scratch: Scratch {
                frame: FrameBuf::new(),
                chunks: Encoding::ALL.map(Chunks::new),
                picks: Vec::new(),
                ids: Vec::new(),
                deflater: Deflater::new(),
                packed: Vec::new(),
                parts: Vec::new(),
                touched: Vec::new(),
            },
            outgoing: Outgoing::default(),
            meters: Meters::new(),
            random: fastrand::Rng::new(),
            demand,
            on_first_subscribe: Some(on_first_subscribe),
        }
    }

    /// Begins with a table that the first tick goes on from.
    pub fn with_table(self, table: Table) -> Shard<S> {
        Shard { table, ..self }
    }

    /// The table as fanned out.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Subscribers here.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(super) fn slot_of(&self, id: SubscriberId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn insert(&mut self, mut subscriber: Subscriber<S>) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.subscribers.push(None);
            self.subscribers.len() as u32 - 1
        });
        self.demand.join(subscriber.encoding);
        self.demand.pace(subscriber.pace.is_longer(), false);
        self.meters.subscribers.increment(1.0);
        self.by_id.insert(subscriber.id, slot);
        subscriber.next_visit = self.wheel.plan(self.wall + self.config.heartbeat_beats, slot);
        if let (Some(ring), Some(socket)) = (&mut self.outgoing.ring, subscriber.socket.descriptor()) {
            ring.keep(slot, socket);
        }
        self.subscribers[slot as usize] = Some(subscriber);
        slot
    }

    /// Forgets a subscriber and tells its reading task why.
    pub(super) fn remove(&mut self, slot: u32, reason: CloseReason) {
        let Some(mut subscriber) = self.subscribers[slot as usize].take() else {
            return;
        };
        if let Some(group) = subscriber.group {
            self.groups.leave(group, slot);
        }
        if let Some(ring) = &mut self.outgoing.ring {
            ring.let_go(slot);
        }
        self.by_id.remove(&subscriber.id);
        self.free.push(slot);
        self.demand.leave(subscriber.encoding);
        self.demand.pace(false, subscriber.pace.is_longer());
        self.meters.subscribers.decrement(1.0);
        if subscriber.is_slow {
            self.meters.slow.decrement(1.0);
        }
        metrics::counter!(names::CLOSES, "code" => reason.label()).increment(1);
        let (session, identity) = (subscriber.id, subscriber.link.identity());
        tracing::debug!(%session, identity = &*identity, code = reason.code(), "subscriber gone: {}", reason.words());
        if matches!(reason, CloseReason::SlowConsumer | CloseReason::Broken) {
            subscriber.socket.abort();
        }
        subscriber.link.end(reason);
    }

    pub(super) fn subscriber(&mut self, slot: u32) -> Option<&mut Subscriber<S>> {
        self.subscribers.get_mut(slot as usize)?.as_mut()
    }

    /// Puts a subscriber on the list of those that are looked at in every turn.
    pub(super) fn make_busy(&mut self, slot: u32) {
        if let Some(subscriber) = self.subscribers[slot as usize].as_mut()
            && !std::mem::replace(&mut subscriber.is_busy, true)
        {
            self.busy.push(slot);
        }
    }

    /// Takes the list of busy subscribers. A slot of one that has gone may be in it, and twice if it was given away.
    pub(super) fn take_busy(&mut self) -> Vec<u32> {
        let mut slots = std::mem::take(&mut self.busy);
        if let Some(at) = self
            .left_out
            .take()
            .and_then(|slot| slots.iter().position(|s| *s == slot))
        {
            slots.rotate_left(at);
        }
        slots.retain(|slot| self.subscriber(*slot).is_some_and(|s| std::mem::take(&mut s.is_busy)));
        slots
    }

    /// Adds something to say and says it as soon as the socket takes it.
    pub(super) fn say(&mut self, slot: u32, what: impl FnOnce(&mut Control)) {
        if let Some(subscriber) = self.subscriber(slot)
            && !subscriber.is_closed
        {
            what(subscriber.control());
            self.pump(slot);
        }
    }
}
