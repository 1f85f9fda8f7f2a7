//! One connection's decisions: what to send, what to tell, when to give it up. Pure; `now` is an argument.

use std::time::{Duration, Instant};

use super::end::Disconnect;
use super::limits::{GOOD_AFTER, REPAIRS_MAX, reason};
use super::notice::Notice;
use super::options::Options;
use super::table::{Breach, Changes};
use super::view::{Outcome, View};
use crate::market::{Symbol, SymbolPattern};
use crate::wire::proto::{self, ErrorCode, client_message, server_message};

/// What the program wants.
#[derive(Debug)]
pub(super) enum Command {
    Subscribe(Vec<SymbolPattern>),
    Unsubscribe(Vec<String>),
}

/// What is to be done after an input.
#[derive(Debug, Default)]
pub(super) struct Todo {
    pub(super) send: Vec<proto::ClientMessage>,
    pub(super) tell: Vec<Notice>,
    pub(super) changed: Vec<Symbol>,
}

/// The state of the connection, and request numbers over all of them.
#[derive(Debug)]
pub(super) struct Session {
    window: u32,
    welcome_deadline: Duration,
    silence_min: Duration,
    last_request_id: u64,
    /// Silence that means a lost connection; `None` before the welcome.
    silence: Option<Duration>,
    heard: Instant,
    complete_since: Option<Instant>,
    repairs: u32,
    repaired: Option<Instant>,
    goaway: Option<Duration>,
    /// Own seq of the last `received`.
    confirmed: Option<u64>,
}

impl Session {
    pub(super) fn new(options: &Options, now: Instant) -> Session {
        Session {
            window: options.window,
            welcome_deadline: options.welcome_deadline,
            silence_min: options.silence_min,
            last_request_id: 0,
            silence: None,
            heard: now,
            complete_since: None,
            repairs: 0,
            repaired: None,
            goaway: None,
            confirmed: None,
        }
    }

    /// A connection is there; the welcome is not.
    pub(super) fn opened(&mut self, now: Instant) {
        self.silence = None;
        self.heard = now;
        self.complete_since = None;
        self.repairs = 0;
        self.repaired = None;
        self.goaway = None;
        self.confirmed = None;
    }

    /// Anything came, a WebSocket ping included.
    pub(super) fn heard(&mut self, now: Instant) {
        // Before the welcome only the welcome counts.
        if self.silence.is_some() {
            self.heard = now;
        }
    }

    /// When the connection is lost if nothing comes, and why it is then.
    pub(super) fn deadline(&self) -> (Instant, Disconnect) {
        match self.silence {
            None => (
                self.heard + self.welcome_deadline,
                Disconnect::NoWelcome(self.welcome_deadline),
            ),
            Some(silence) => (self.heard + silence, Disconnect::Silent(silence)),
        }
    }

    /// How long everything was complete on this connection.
    pub(super) fn good_for(&self, now: Instant) -> Option<Duration> {
        self.complete_since.map(|since| now.saturating_duration_since(since))
    }

    /// The delay of the server's goaway, once.
    pub(super) fn take_goaway(&mut self) -> Option<Duration> {
        self.goaway.take()
    }

    /// Takes a wish of the program; what is to be sent is for an open connection, and is told anew to the next.
    pub(super) fn command(&mut self, view: &mut View, command: Command) -> Todo {
        let mut todo = Todo::default();
        match command {
            Command::Subscribe(patterns) => {
                let beyond = view.want(patterns);
                if beyond > 0 {
                    let message = format!("{beyond} symbols are beyond the bound of this subscriber");
                    todo.tell.push(Notice::ServerError {
                        code: ErrorCode::TooManySymbols,
                        message,
                    });
                }
            }
            Command::Unsubscribe(strings) => {
                self.last_request_id += 1;
                let (message, changes) = view.leave(&strings, self.last_request_id);
                todo.send.extend(message);
                self.tell_changes(view, changes, &mut todo);
            }
        }
        if self.silence.is_some() {
            self.ask(view, &mut todo);
        }
        todo
    }

    /// Takes a message.
    ///
    /// # Errors
    /// Where the connection is of no more use.
    pub(super) fn message(
        &mut self,
        view: &mut View,
        message: proto::ServerMessage,
        now: Instant,
    ) -> Result<Todo, Disconnect> {
        if let Some(server_message::Body::Error(error)) = &message.body {
            // Not for the view: it would forget the symbols, which the next connection asks for again.
            if is_passing(error.code()) {
                return Err(Disconnect::Busy {
                    code: error.code(),
                    message: reason(&error.message),
                });
            }
        }
        let mut todo = Todo::default();
        match view.apply(&message) {
            Outcome::Applied(changes) => self.tell_changes(view, changes, &mut todo),
            Outcome::Ignored => {}
            Outcome::Lost => self.repair(None, now, &mut todo)?,
            Outcome::Broken(breach) => self.repair(Some(breach), now, &mut todo)?,
        }
        self.confirm(view, &message, &mut todo);
        match message.body {
            Some(server_message::Body::Welcome(welcome)) => self.welcome(welcome, now, &mut todo),
            Some(server_message::Body::Snapshot(snapshot)) => tell_snapshot(snapshot, view, &mut todo),
            Some(server_message::Body::Error(error)) => {
                let message = reason(&error.message);
                todo.tell.push(Notice::ServerError {
                    code: error.code(),
                    message,
                });
            }
            Some(server_message::Body::Goaway(goaway)) => {
                let reconnect_after = Duration::from_millis(u64::from(goaway.reconnect_after_ms));
                self.goaway = Some(reconnect_after);
                let (reason, url) = (reason(&goaway.reason), reason(&goaway.url));
                todo.tell.push(Notice::Goaway {
                    reason,
                    reconnect_after,
                    url,
                });
            }
            _ => {}
        }
        if self.silence.is_some() {
            self.ask(view, &mut todo);
        }
        self.complete_since = view.is_complete().then(|| self.complete_since.unwrap_or(now));
        Ok(todo)
    }

    /// Tells what is applied after a delta or an answer: one that repairs a loss stands for the deltas that were
    /// lost, and nothing else would ever confirm those.
    fn confirm(&mut self, view: &View, message: &proto::ServerMessage, todo: &mut Todo) {
        let is_whole = match &message.body {
            Some(server_message::Body::Delta(delta)) => !delta.more,
            Some(server_message::Body::Snapshot(snapshot)) => !snapshot.more,
            _ => false,
        };
        let seq = view.seq();
        if self.window == 0 || !is_whole || self.confirmed == Some(seq) {
            return;
        }
        self.confirmed = Some(seq);
        todo.send.push(proto::ClientMessage {
            request_id: 0,
            body: Some(client_message::Body::Received(proto::Received { seq })),
        });
    }

    fn welcome(&mut self, welcome: proto::Welcome, now: Instant, todo: &mut Todo) {
        // Another one would be against the protocol; it changes nothing then.
        let heartbeat = Duration::from_millis(u64::from(welcome.heartbeat_ms));
        let is_first = self.silence.replace((heartbeat * 3).max(self.silence_min)).is_none();
        self.heard = now;
        if !is_first {
            return;
        }
        if self.window > 0 {
            self.last_request_id += 1;
            let configure = proto::Configure {
                interval_ms: None,
                window: Some(self.window),
            };
            let body = Some(client_message::Body::Configure(configure));
            todo.send.push(proto::ClientMessage {
                request_id: self.last_request_id,
                body,
            });
        }
        todo.tell.push(Notice::Connected {
            is_tape: welcome.clock() == proto::Clock::Tape,
            server: reason(&welcome.server),
            session: reason(&welcome.session),
            interval_ms: welcome.interval_ms,
        });
    }

    fn tell_changes(&self, view: &View, changes: Changes, todo: &mut Todo) {
        for name in changes.venues {
            if let Some(status) = view.venues().get(&name) {
                todo.tell.push(Notice::Venue {
                    name,
                    status: status.clone(),
                });
            }
        }
        todo.changed.extend(changes.symbols);
        todo.changed.extend(changes.removed);
    }

    fn repair(&mut self, breach: Option<Breach>, now: Instant, todo: &mut Todo) -> Result<(), Disconnect> {
        if self
            .repaired
            .is_none_or(|at| now.saturating_duration_since(at) >= GOOD_AFTER)
        {
            self.repairs = 0;
        }
        self.repaired = Some(now);
        self.repairs += 1;
        if self.repairs > REPAIRS_MAX {
            return Err(Disconnect::Unrepairable(breach));
        }
        todo.tell.push(Notice::Repair(breach));
        Ok(())
    }

    fn ask(&mut self, view: &mut View, todo: &mut Todo) {
        if !view.has_requests() {
            return;
        }
        let last = &mut self.last_request_id;
        todo.send.extend(view.requests(|| {
            *last += 1;
            *last
        }));
    }
}

fn tell_snapshot(snapshot: proto::Snapshot, view: &View, todo: &mut Todo) {
    for rejected in snapshot.rejected {
        let code = rejected.code();
        let (symbol, message) = (reason(&rejected.symbol), reason(&rejected.message));
        todo.tell.push(Notice::Rejected { symbol, code, message });
    }
    if !snapshot.more {
        let pending = snapshot.pending.iter().map(|text| reason(text)).collect();
        todo.tell.push(Notice::SnapshotDone {
            seq: view.seq(),
            resumed: snapshot.resumed,
            pending,
        });
    }
}

/// Whether the same request may be granted later.
fn is_passing(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::RateLimited | ErrorCode::Internal)
}
