//! A store, a shard and its subscribers, driven step by step.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::{Beater, Clock, Demand, Tick};
use crate::fanout::{Allowance, CloseReason, Command, FanoutConfig, Join, Link, Request, Shard, SubscriberId};
use crate::market::{Event, Rights, SymbolPattern, Ts};
use crate::store::{Epoch, Image, Seq, Table, Writer};
use crate::wire::{Compression, Encoding, FRAME_BYTES_MIN};

use super::model::{Asked, History, Model};
use super::socket::{FakeSocket, When};
use super::view::View;

/// How a subscriber connects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) encoding: Encoding,
    pub(super) compression: Compression,
    pub(super) pace_beats: u64,
    /// Patterns that it may see; all there is without.
    pub(super) rights: Option<&'static [&'static str]>,
}

impl Options {
    pub(super) fn rights(self) -> Rights {
        let parse = |text: &&str| SymbolPattern::parse(text).expect(text);
        self.rights
            .map_or(Rights::all(), |texts| Rights::of(texts.iter().map(parse)))
    }
}

pub(super) const PLAIN: Options = Options {
    encoding: Encoding::Protobuf,
    compression: Compression::None,
    pace_beats: 1,
    rights: None,
};

/// One subscriber with its socket.
pub(super) struct Peer {
    pub(super) id: SubscriberId,
    pub(super) link: Arc<Link>,
    pub(super) socket: FakeSocket,
    pub(super) model: Model,
    pub(super) options: Options,
    pub(super) is_connected: bool,
    /// Requests whose turn comes when those before are answered.
    waiting: VecDeque<Request>,
    answered: u64,
    requests: u64,
}

/// All of it.
pub(super) struct World {
    pub(super) config: FanoutConfig,
    beater: Beater,
    pub(super) shard: Shard<FakeSocket>,
    pub(super) truth: Table,
    pub(super) history: History,
    epoch: Epoch,
    pub(super) sealed: Vec<Arc<Tick>>,
    pub(super) now: When,
    number: u64,
    /// By which the wall clock has stepped.
    pub(super) clock_step_ns: i64,
    epochs: u64,
    pub(super) peers: Vec<Peer>,
    joined: u64,
}

pub(super) const EPOCH: u64 = 77;

pub(in crate::fanout) fn config() -> FanoutConfig {
    FanoutConfig {
        epoch: Epoch::new(EPOCH).expect("an epoch"),
        clock: Clock::Wall,
        frame_bytes_max: FRAME_BYTES_MIN,
        heartbeat_beats: 10,
        slow_deadline_beats: 60,
        symbols_max: 1_000,
        message_bytes_max: 65_536,
        io_uring: false,
    }
}

impl World {
    pub(super) fn new(config: FanoutConfig) -> World {
        let demand = Arc::new(Demand::default());
        let epoch = config.epoch;
        World {
            beater: Beater::new(Writer::new(1_000), demand.clone(), epoch),
            shard: Shard::new(config.clone(), demand, Box::new(|| {})),
            truth: Table::new(),
            history: History::from([(epoch.get(), [(0, Table::new())].into())]),
            epoch,
            config,
            sealed: Vec::new(),
            now: When::default(),
            number: 0,
            clock_step_ns: 0,
            epochs: 0,
            peers: Vec::new(),
            joined: 0,
        }
    }

    pub(super) fn apply(&mut self, events: &[Event]) {
        self.beater.apply(events, self.ts());
    }

    fn note(&mut self) {
        let tables = self.history.entry(self.epoch.get()).or_default();
        tables.insert(self.truth.seq().0, self.truth.clone());
    }

    /// The state now.
    pub(super) fn image(&self) -> Image {
        self.beater.image()
    }

    /// The state becomes that of an image again.
    pub(super) fn restore(&mut self, image: &Image) {
        self.beater.restore(image);
    }

    /// A new epoch begins with an image.
    pub(super) fn renew(&mut self, image: &Image) {
        self.epochs += 1;
        let epoch = Epoch::new(EPOCH + self.epochs).expect("an epoch");
        self.beater.renew(epoch, image);
    }

    fn ts(&self) -> Ts {
        Ts(1_000_000_000_000_000_000 + self.clock_step_ns + self.number as i64 * 10_000_000)
    }

    /// Seals a beat; the shard takes it at the next turn.
    pub(super) fn seal(&mut self) {
        self.number += 1;
        let tick = self.beater.seal(self.number, self.number, self.ts());
        if tick.epoch != self.epoch {
            self.epoch = tick.epoch;
            self.truth = Table::after(self.truth.seq());
            self.note();
        }
        if let Some(beat) = &tick.beat {
            self.truth.apply(beat);
            self.note();
        }
        self.sealed.push(Arc::new(tick));
    }

    /// Lets the shard take what was sealed.
    pub(super) fn turn(&mut self) {
        let ticks = std::mem::take(&mut self.sealed);
        if let Some(last) = ticks.last() {
            self.now = When {
                turn: self.now.turn + 1,
                beat: last.number,
                seq: self.truth.seq().0,
            };
            self.stamp();
            self.shard.turn(&ticks);
            self.read();
        }
    }

    /// Events, their beat and the shard's turn.
    pub(super) fn beat(&mut self, events: &[Event]) {
        self.apply(events);
        self.seal();
        self.turn();
    }

    pub(super) fn beats(&mut self, count: usize) {
        (0..count).for_each(|_| self.beat(&[]));
    }

    /// A new subscriber; gives its position.
    pub(super) fn join(&mut self, options: Options) -> usize {
        let peer = self.connect(options, View::default());
        self.peers.push(peer);
        self.read();
        self.peers.len() - 1
    }

    fn connect(&mut self, options: Options, mut view: View) -> Peer {
        self.joined += 1;
        let (socket, link) = (FakeSocket::default(), Arc::new(Link::default()));
        let id = SubscriberId(self.joined);
        socket.wire().now = self.now;
        self.shard.command(Command::Join(Box::new(Join {
            id,
            socket: socket.clone(),
            link: link.clone(),
            encoding: options.encoding,
            compression: options.compression,
            pace_beats: options.pace_beats,
            allowance: Allowance {
                rights: options.rights(),
                ..self.config.allowance()
            },
            is_authenticated: false,
        })));
        let (most, heartbeat) = (self.config.frame_bytes_max, self.config.heartbeat_beats);
        view.rights = options.rights();
        Peer {
            id,
            link,
            socket,
            model: Model::new(options.encoding, most, heartbeat, view),
            options,
            is_connected: true,
            waiting: VecDeque::new(),
            answered: 0,
            requests: 0,
        }
    }

    /// The reading task's end.
    pub(super) fn leave(&mut self, at: usize) {
        let id = self.peers[at].id;
        self.shard.command(Command::Leave(id, CloseReason::Peer(None)));
        self.peers[at].is_connected = false;
    }

    /// The same subscriber on a new connection, resuming what it had.
    pub(super) fn reconnect(&mut self, at: usize) {
        if self.peers[at].is_connected {
            self.leave(at);
        }
        let (own, epoch) = (self.peers[at].model.own, self.peers[at].model.view.epoch);
        let is_renewing = self.peers[at].model.is_renewing;
        let mut view = self.peers[at].model.view.clone();
        view.reconnect();
        let strings: Vec<SymbolPattern> = view.strings.values().cloned().collect();
        view.strings.clear();
        view.unsettle();
        self.peers[at] = self.connect(self.peers[at].options, view);
        if !strings.is_empty() {
            let resume = Some((epoch, Seq(own))).filter(|_| !is_renewing);
            self.subscribe_from(at, strings, resume);
        }
        self.read();
    }

    pub(super) fn subscribe(&mut self, at: usize, strings: &[&str]) {
        let parse = |s: &&str| SymbolPattern::parse(s).expect(s);
        self.subscribe_from(at, strings.iter().map(parse).collect(), None);
    }

    pub(super) fn subscribe_from(&mut self, at: usize, strings: Vec<SymbolPattern>, resume: Option<(u64, Seq)>) {
        let request_id = self.next_request(at);
        let rejected = Vec::new();
        self.ask(
            at,
            Request::Subscribe {
                request_id,
                strings,
                rejected,
                resume,
            },
        );
    }

    pub(super) fn unsubscribe(&mut self, at: usize, strings: &[&str]) {
        let request_id = self.next_request(at);
        let strings = strings.iter().map(|s| (*s).to_owned()).collect();
        self.ask(at, Request::Unsubscribe { request_id, strings });
    }

    pub(super) fn configure(&mut self, at: usize, pace_beats: Option<u64>, window: Option<u32>) {
        let request_id = self.next_request(at);
        self.ask(
            at,
            Request::Configure {
                request_id,
                pace_beats,
                window,
            },
        );
    }

    /// It says who it is, and may see this from now on.
    pub(super) fn authenticate(&mut self, at: usize, rights: Option<&'static [&'static str]>) {
        self.peers[at].options.rights = rights;
        let allowance = Allowance {
            rights: self.peers[at].options.rights(),
            ..self.config.allowance()
        };
        self.allow(at, allowance);
    }

    pub(super) fn allow(&mut self, at: usize, allowance: Allowance) {
        let request_id = self.next_request(at);
        self.ask(at, Request::Authenticated { request_id, allowance });
    }

    pub(super) fn next_request(&mut self, at: usize) -> u64 {
        self.peers[at].requests += 1;
        self.peers[at].requests
    }

    /// Sends a request once those before are answered, as a session's reading task does.
    pub(super) fn ask(&mut self, at: usize, request: Request) {
        self.peers[at].waiting.push_back(request);
        self.read();
    }

    pub(super) fn is_idle(&self, at: usize) -> bool {
        let peer = &self.peers[at];
        peer.waiting.is_empty() && peer.link.answers() == peer.answered
    }

    /// Bytes that a subscriber's socket takes from now on; absent where it takes all.
    pub(super) fn room(&mut self, at: usize, room: Option<usize>) {
        let mut wire = self.peers[at].socket.wire();
        (wire.room, wire.calls_left) = (room, None);
    }

    /// Frames that it takes from now on, each whole.
    pub(super) fn frames(&mut self, at: usize, frames: usize) {
        let mut wire = self.peers[at].socket.wire();
        (wire.room, wire.calls_left) = (None, Some(frames));
    }

    fn stamp(&mut self) {
        let now = self.now;
        self.peers.iter().for_each(|p| p.socket.wire().now = now);
    }

    /// Everyone reads what has come and asks what is next.
    pub(super) fn read(&mut self) {
        for at in 0..self.peers.len() {
            self.take_frames(at);
            while self.is_asking(at) {
                self.ask_next(at);
                self.take_frames(at);
            }
        }
    }

    fn take_frames(&mut self, at: usize) {
        let peer = &mut self.peers[at];
        let next = |socket: &FakeSocket| socket.wire().next_frame();
        while let Some(frame) = next(&peer.socket) {
            peer.model.take(&frame, &self.history);
        }
        if peer.is_connected && peer.link.ended().is_some() {
            self.leave(at);
        }
    }

    fn is_asking(&self, at: usize) -> bool {
        let peer = &self.peers[at];
        peer.is_connected && !peer.waiting.is_empty() && peer.link.answers() == peer.answered
    }

    fn ask_next(&mut self, at: usize) {
        let peer = &mut self.peers[at];
        let Some(request) = peer.waiting.pop_front() else {
            return;
        };
        if request.is_answered() {
            assert!(peer.model.asked.is_none(), "an answer was counted before it was there");
            peer.answered += 1;
            peer.model.asked = Some(asked(&request, &mut peer.model.view));
        }
        let id = peer.id;
        self.shard.command(Command::Request(id, request));
    }
}

fn asked(request: &Request, view: &mut View) -> Asked {
    match request {
        Request::Subscribe {
            request_id,
            strings,
            resume,
            ..
        } => Asked::Subscribe {
            id: *request_id,
            strings: strings.clone(),
            is_resume: resume.is_some(),
        },
        Request::Unsubscribe { request_id, strings } => {
            view.take_back_soon(strings);
            Asked::Unsubscribe {
                id: *request_id,
                strings: strings.clone(),
            }
        }
        Request::Configure { request_id, .. } => Asked::Configure { id: *request_id },
        Request::Authenticated { request_id, allowance } => Asked::Authenticate {
            id: *request_id,
            rights: allowance.rights.clone(),
        },
        _ => Asked::Other,
    }
}
