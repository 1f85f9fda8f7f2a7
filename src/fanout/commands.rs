//! What a shard does with what sessions ask.

use crate::market::Ts;
use crate::monitor::names;
use crate::wire::{self, Encoding, proto};

use super::bounds::DRAIN_BEATS;
use super::command::{Command, Join, Request};
use super::pace::Pace;
use super::shard::{Drain, Shard, beats_ms};
use super::subscriber::{Message, Subscriber};
use super::{CloseReason, Socket, websocket};

type Body = proto::server_message::Body;

impl<S: Socket> Shard<S> {
    /// Does what is asked. What concerns a subscriber that has gone is passed over.
    pub fn command(&mut self, command: Command<S>) {
        match command {
            Command::Join(join) => self.join(*join),
            Command::Request(id, request) => {
                if let Some(slot) = self.slot_of(id) {
                    self.request(slot, request);
                }
            }
            Command::Pong(id, frame) => self.say_to(id, |control| control.pong = Some(frame)),
            Command::Ping(id) => self.say_to(id, |control| control.ping = true),
            Command::Close(id, reason) => self.close(id, reason),
            Command::Leave(id, reason) => {
                if let Some(slot) = self.slot_of(id) {
                    self.remove(slot, reason);
                }
            }
            // Whoever asked may have gone.
            Command::Standings(reply) => drop(reply.send(self.standings())),
            Command::Drain => self.drain(),
        }
    }

    fn say_to(&mut self, id: super::SubscriberId, what: impl FnOnce(&mut super::subscriber::Control)) {
        if let Some(slot) = self.slot_of(id) {
            self.say(slot, what);
        }
    }

    fn close(&mut self, id: super::SubscriberId, reason: CloseReason) {
        let Some(slot) = self.slot_of(id) else { return };
        if matches!(reason, CloseReason::Expired | CloseReason::Changed) {
            let goaway = goaway(&reason, &mut self.random);
            self.tell(slot, Body::Goaway(goaway), false);
        }
        self.say(slot, |control| control.close = Some(reason));
    }

    fn join(&mut self, join: Join<S>) {
        let is_authenticated = join.is_authenticated;
        let mut subscriber = Subscriber::new(join);
        subscriber.last_write = self.wall;
        let reader = (&subscriber.allowance, is_authenticated);
        let position = (self.epoch, self.table.seq(), self.ts);
        let (session, pace) = (subscriber.id.to_string(), subscriber.pace.beats);
        let welcome = self.config.welcome(session, pace, reader, position);
        let slot = self.insert(subscriber);
        self.tell(slot, Body::Welcome(welcome), false);
        if self.draining.is_some() {
            self.go_away(slot);
        }
    }

    fn request(&mut self, slot: u32, request: Request) {
        let subscriber = self.subscriber(slot);
        if let Some(subscriber) = subscriber.filter(|s| s.has_to_wait(&request)) {
            subscriber.deferred = Some(Box::new(request));
            return;
        }
        match request {
            Request::Subscribe {
                request_id,
                strings,
                rejected,
                resume,
            } => {
                self.subscribe(slot, request_id, strings, rejected, resume);
            }
            Request::Unsubscribe { request_id, strings } => self.unsubscribe(slot, request_id, &strings),
            Request::Configure {
                request_id,
                pace_beats,
                window,
            } => {
                self.configure(slot, request_id, pace_beats, window);
            }
            Request::Authenticated { request_id, allowance } => self.authenticated(slot, request_id, allowance),
            Request::Received(seq) => {
                if let Some(subscriber) = self.subscriber(slot) {
                    subscriber.confirm(seq);
                }
            }
            Request::Ping { ping, ts_recv } => {
                let (ts_recv, ts_sent) = (ts_recv.as_wire(), Ts::now().as_wire());
                let pong = proto::Pong {
                    nonce: ping.nonce,
                    ts_client: ping.ts,
                    ts_recv,
                    ts_sent,
                };
                self.tell(slot, Body::Pong(pong), true);
            }
            Request::Refuse(error) => self.refuse(slot, error),
        }
    }

    /// Does what had to wait, once it need not any more.
    pub(super) fn take_up_deferred(&mut self, slot: u32) {
        if let Some(subscriber) = self.subscriber(slot)
            && let Some(request) = subscriber.deferred.take()
        {
            self.request(slot, *request);
        }
    }

    fn configure(&mut self, slot: u32, request_id: u64, pace_beats: Option<u64>, window: Option<u32>) {
        let Some(subscriber) = self.subscriber(slot) else {
            return;
        };
        if let Some(window) = window {
            subscriber.set_window(window);
        }
        subscriber.asked_beats = pace_beats.unwrap_or(subscriber.asked_beats);
        self.grant_pace(slot);
        self.ack(slot, request_id);
    }

    /// Gives a subscriber the pace that it may have and that is nearest to the one it asked for.
    pub(super) fn grant_pace(&mut self, slot: u32) {
        let Some(subscriber) = self.subscriber(slot) else {
            return;
        };
        let beats = subscriber.allowance.pace(subscriber.asked_beats);
        if beats == subscriber.pace.beats {
            return;
        }
        let before = std::mem::replace(&mut subscriber.pace, Pace::new(beats, subscriber.id));
        let (now, group) = (subscriber.pace, subscriber.group);
        self.demand.pace(now.is_longer(), before.is_longer());
        // Else what it is told anew will end in the right group.
        if group.is_some() {
            self.regroup(slot, group);
        }
    }

    pub(super) fn ack(&mut self, slot: u32, request_id: u64) {
        let Some(subscriber) = self.subscribers[slot as usize].as_ref() else {
            return;
        };
        // What is told anew is no group's yet.
        let told_anew = || subscriber.job.as_ref().map_or(&[][..], |job| job.ids());
        let held = subscriber.group.map_or_else(told_anew, |g| &self.groups.get(g).held);
        let symbols = held.iter().filter(|id| self.table.is_live(**id)).count() as u32;
        let (interval_ms, window) = (beats_ms(subscriber.pace.beats), subscriber.window);
        self.tell(
            slot,
            Body::Ack(proto::Ack {
                request_id,
                interval_ms,
                window,
                symbols,
            }),
            true,
        );
    }

    pub(super) fn refuse(&mut self, slot: u32, error: proto::Error) {
        let code = wire::error_word(error.code());
        metrics::counter!(names::CLIENT_ERRORS, "code" => code).increment(1);
        self.tell(slot, Body::Error(error), true);
    }

    fn tell(&mut self, slot: u32, body: Body, is_answer: bool) {
        let Some(subscriber) = self.subscriber(slot) else {
            return;
        };
        let encoding = subscriber.encoding;
        let message = wire::encode_server(encoding, &proto::ServerMessage { body: Some(body) }, &|_| None);
        let opcode = if encoding == Encoding::Json {
            websocket::TEXT
        } else {
            websocket::BINARY
        };
        let (head, used) = websocket::header(opcode, message.len());
        let frame = [&head[..used], &message].concat();
        self.say(slot, |control| control.messages.push_back(Message { frame, is_answer }));
    }

    fn drain(&mut self) {
        if self.draining.is_none() {
            let all = (0..self.subscribers.len() as u32).filter(|s| self.subscribers[*s as usize].is_some());
            let all: Vec<u32> = all.collect();
            self.draining = Some(Drain {
                left: Vec::new(),
                share: all.len().div_ceil(DRAIN_BEATS).max(1),
            });
            all.iter().for_each(|slot| self.go_away(*slot));
        }
    }

    /// Each is told another delay, so that they do not all return at once.
    fn go_away(&mut self, slot: u32) {
        let goaway = goaway(&CloseReason::Shutdown, &mut self.random);
        self.tell(slot, Body::Goaway(goaway), false);
        if let Some(drain) = &mut self.draining {
            drain.left.push(slot);
        }
    }
}

/// What a subscriber is told before it is sent away.
pub fn goaway(why: &CloseReason, random: &mut fastrand::Rng) -> proto::Goaway {
    proto::Goaway {
        reason: why.words(),
        reconnect_after_ms: random.u32(500..5_000),
        url: String::new(),
    }
}

/// An error's body.
pub(super) fn error(request_id: u64, code: proto::ErrorCode, message: &str) -> proto::Error {
    proto::Error {
        request_id,
        code: code as i32,
        message: message.to_owned(),
    }
}
