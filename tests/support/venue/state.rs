//! The venue as plain state behind one lock: whoever subscribes, gets a snapshot of a position that no frame can
//! slip in before or after.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::book::Precision;
use super::connection::{Conn, Connection, Out};
use super::fault::{Fault, Refusal, corrupted};
use super::recording::Frame;
use super::script::Script;

pub(super) struct Shared {
    state: Mutex<State>,
    /// For tests that wait.
    changed: Condvar,
    /// For the player.
    pub(super) wake: Notify,
}

impl Shared {
    pub(super) fn new(state: State) -> Shared {
        let state = Mutex::new(state);
        Shared {
            state,
            changed: Condvar::new(),
            wake: Notify::new(),
        }
    }

    /// Changes the state and tells everybody who waits.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let done = change(&mut self.lock());
        self.changed.notify_all();
        self.wake.notify_one();
        done
    }

    /// Looks without a change.
    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Waits until `look` finds something; `None` if it does not within the limit.
    pub(super) fn wait<T>(&self, limit: Duration, mut look: impl FnMut(&State) -> Option<T>) -> Option<T> {
        let until = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&state) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A test that panicked while it looked has changed nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct State {
    pub(super) script: Box<dyn Script>,
    pub(super) frames: Vec<Frame>,
    /// How many frames were played.
    pub(super) played: usize,
    /// How many may be played so far.
    pub(super) target: usize,
    pub(super) frames_per_second: Option<f64>,
    /// Streams without which time stands still.
    pub(super) hold_for: Vec<String>,
    /// Every connection there ever was, by id.
    conns: Vec<Conn>,
    /// Every TCP connection, refused ones as well.
    pub(super) attempts: Vec<Instant>,
    faults: BTreeMap<usize, Vec<Fault>>,
    pub(super) refusals: VecDeque<Refusal>,
    pub(super) silent_next: usize,
    pub(super) precision: Precision,
}

impl State {
    pub(super) fn new(script: Box<dyn Script>, frames: Vec<Frame>) -> State {
        State {
            script,
            frames,
            played: 0,
            target: 0,
            frames_per_second: None,
            hold_for: Vec::new(),
            conns: Vec::new(),
            attempts: Vec::new(),
            faults: BTreeMap::new(),
            refusals: VecDeque::new(),
            silent_next: 0,
            precision: Precision::default(),
        }
    }

    pub(super) fn connections(&self) -> impl DoubleEndedIterator<Item = &Connection> {
        self.conns.iter().map(|conn| &conn.seen)
    }

    /// Counts an attempt and says what it meets.
    pub(super) fn attempt(&mut self) -> Option<Refusal> {
        self.attempts.push(Instant::now());
        self.refusals.pop_front()
    }

    pub(super) fn open(&mut self, path: String, query: String) -> (usize, UnboundedReceiver<Out>) {
        let (sender, out) = unbounded_channel();
        let id = self.conns.len();
        let mut conn = Conn::new(id, path, query, sender);
        conn.is_silent = self.silent_next > 0;
        self.silent_next = self.silent_next.saturating_sub(1);
        conn.precision = self.precision;
        self.script.opened(&mut conn);
        self.conns.push(conn);
        (id, out)
    }

    pub(super) fn ended(&mut self, id: usize) {
        self.conns[id].ended();
    }

    pub(super) fn request(&mut self, id: usize, text: &str) {
        let conn = &mut self.conns[id];
        conn.seen.requests.push(text.to_owned());
        self.script.incoming(conn);
        if conn.is_open() {
            self.script.request(conn, text);
        }
    }

    pub(super) fn pinged(&mut self, id: usize) {
        self.conns[id].seen.pings += 1;
        self.script.incoming(&mut self.conns[id]);
    }

    pub(super) fn ponged(&mut self, id: usize) {
        self.conns[id].seen.pongs += 1;
        self.script.incoming(&mut self.conns[id]);
    }

    pub(super) fn heartbeat(&mut self, id: usize, every: Duration) {
        self.script.heartbeat(&mut self.conns[id], every);
    }

    pub(super) fn has_subscribed(&self, id: usize) -> bool {
        !self.conns[id].seen.streams.is_empty()
    }

    /// Whether the next frame may be played.
    pub(super) fn may_play(&self) -> bool {
        let is_there = |stream: &String| self.conns.iter().any(|conn| conn.is_open() && conn.has(stream));
        self.played < self.target && self.hold_for.iter().all(is_there)
    }

    /// Plays the next frame to all who subscribed to it.
    pub(super) fn step(&mut self) {
        let frame = &self.frames[self.played];
        let faults = self.faults.remove(&self.played).unwrap_or_default();
        self.played += 1;
        self.script.advance(frame);
        for conn in self.conns.iter_mut().filter(|conn| conn.is_open()) {
            if !conn.has(&frame.stream) {
                continue;
            }
            for fault in faults.iter().filter(|fault| !fault.is_of_a_frame()) {
                conn.suffer(*fault, frame.text.clone());
            }
            if conn.is_silent || !conn.is_open() {
                continue;
            }
            let Some(text) = self.script.render(conn, frame) else {
                continue;
            };
            match faults.iter().find(|fault| fault.is_of_a_frame()) {
                None => conn.send_frame(text),
                Some(Fault::Repeat) => {
                    conn.send_frame(text.clone());
                    conn.send_frame(text);
                }
                Some(Fault::Swap) => conn.hold(text),
                Some(Fault::Corrupt) => conn.send_frame(corrupted(&text).into()),
                Some(_) => {}
            }
        }
    }

    /// Lets something go wrong with one or all connections at once, or with the next frame.
    pub(super) fn fault(&mut self, id: Option<usize>, fault: Fault) {
        if fault.is_of_a_frame() {
            assert!(id.is_none(), "a frame goes wrong for all");
            return self.fault_at(self.played, fault);
        }
        let next = self.frames.get(self.played).map(|frame| frame.text.clone());
        let text = next.unwrap_or_else(|| Utf8Bytes::from_static("{\"channel\":\"heartbeat\"}"));
        let chosen = self
            .conns
            .iter_mut()
            .filter(|conn| id.is_none_or(|id| conn.seen.id == id));
        chosen
            .filter(|conn| conn.is_open())
            .for_each(|conn| conn.suffer(fault, text.clone()));
    }

    pub(super) fn fault_at(&mut self, frame: usize, fault: Fault) {
        assert!(
            (self.played..self.frames.len()).contains(&frame),
            "frame {frame} is still to be played"
        );
        self.faults.entry(frame).or_default().push(fault);
    }

    /// Sends a text as it is to one or all.
    pub(super) fn send(&mut self, id: Option<usize>, text: &str) {
        let chosen = self
            .conns
            .iter_mut()
            .filter(|conn| id.is_none_or(|id| conn.seen.id == id));
        chosen.for_each(|conn| conn.send(text));
    }

    /// Sends a text as the next message to all.
    pub(super) fn say(&mut self, text: &str) {
        for conn in self.conns.iter_mut().filter(|conn| conn.is_open()) {
            let text = self.script.numbered(conn, text);
            conn.send(text);
        }
    }
}
