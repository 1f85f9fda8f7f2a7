//! A subscriber that writes down every change of a state that it is told, in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tickwire::client::Row;
use tickwire::market::{Field, TickerState};
use tickwire::wire::Encoding;

use super::LIMIT;
use super::follower::Follower;
use super::peer::{Item, Options, Peer};
use super::server::Server;

/// What a subscriber of all instruments was told; it reads in a thread of its own until the server ends.
pub(crate) struct History {
    told: Arc<(Mutex<Told>, Condvar)>,
}

#[derive(Default)]
struct Told {
    /// `venue: state reason` and `venue:NAME: state cause`, each when it changed.
    lines: Vec<String>,
    /// Of which the test has spoken.
    read: usize,
    states: BTreeMap<String, String>,
    rows: BTreeMap<String, Row>,
}

impl History {
    /// Subscribes to everything and begins to read.
    pub(crate) fn of(server: &Server) -> History {
        let mut peer = Peer::connect(server.addr, Options::of(Encoding::Protobuf));
        let mut follower = Follower::subscribe(&mut peer, &["*"]);
        let told = Arc::new((Mutex::default(), Condvar::new()));
        let shared = told.clone();
        note(&follower, &shared);
        std::thread::spawn(move || {
            while let Item::Message(message) = peer.next(Instant::now() + LIMIT) {
                follower.take(&message);
                note(&follower, &shared);
            }
        });
        History { told }
    }

    /// Waits for a line that begins so, among those not spoken of yet; it and those before it are then spoken of.
    pub(crate) fn sees(&self, beginning: &str) -> String {
        let is_so = |told: &Told| {
            told.lines[told.read..]
                .iter()
                .position(|line| line.starts_with(beginning))
        };
        let (mut told, at) = self.wait(&format!("`{beginning}`"), is_so);
        let at = told.read + at;
        told.read = at + 1;
        told.lines[at].clone()
    }

    /// Waits until a venue or an instrument has a state that begins so, from now on or already.
    pub(crate) fn is(&self, name: &str, beginning: &str) {
        let is_so = |told: &Told| {
            let state = told.states.get(name)?;
            state.starts_with(beginning).then_some(())
        };
        drop(self.wait(&format!("{name}: {beginning}"), is_so));
    }

    /// Waits until the values of an instrument are as wanted.
    pub(crate) fn has(&self, what: &str, symbol: &str, is_so: impl Fn(&Row) -> bool) {
        let is_so = |told: &Told| told.rows.get(symbol).filter(|row| is_so(row)).map(|_| ());
        drop(self.wait(what, is_so));
    }

    /// Waits until all rows are these, but for the counts, which depend on what was repeated, and the decimals of what
    /// has no value.
    pub(crate) fn becomes(&self, rows: &BTreeMap<String, Row>) {
        let is_so = |told: &Told| (told.rows.len() == rows.len() && uncounted(&told.rows) == *rows).then_some(());
        drop(self.wait(&format!("{rows:#?}"), is_so));
    }

    /// Lines so far that begin so.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        let told = self.lock();
        told.lines.iter().filter(|line| line.starts_with(beginning)).count()
    }

    /// All rows as they are now, as [`becomes`](History::becomes) compares them.
    pub(crate) fn rows(&self) -> BTreeMap<String, Row> {
        uncounted(&self.lock().rows)
    }

    /// Everything, for the message of a test that failed.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    fn wait<T>(&self, what: &str, is_so: impl Fn(&Told) -> Option<T>) -> (MutexGuard<'_, Told>, T) {
        let until = Instant::now() + LIMIT;
        let mut told = self.lock();
        loop {
            if let Some(found) = is_so(&told) {
                return (told, found);
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "never told: {what}; {:#?}; {:#?}",
                told.lines,
                told.rows
            );
            let waited = self.told.1.wait_timeout(told, left);
            told = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value of a field as text, empty where there is none.
pub(crate) fn value(row: &Row, field: Field) -> &str {
    row.values.get(field.name()).map_or("", String::as_str)
}

fn uncounted(rows: &BTreeMap<String, Row>) -> BTreeMap<String, Row> {
    let mut rows = rows.clone();
    for row in rows.values_mut() {
        // The values' own texts show the decimals of what has a value.
        (row.update_count, row.decimals) = (0, [0; 3]);
    }
    rows
}

fn note(follower: &Follower, shared: &(Mutex<Told>, Condvar)) {
    let mut told = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
    told.rows = follower.view.dump();
    let mut states = BTreeMap::new();
    for (name, status) in follower.view.venues() {
        states.insert(name.to_string(), format!("{} {}", status.state.word(), status.reason));
    }
    for (symbol, row) in &told.rows {
        let state = row.state.unwrap_or(TickerState::Live);
        let cause = row.cause.map_or("", |cause| cause.word());
        states.insert(symbol.clone(), format!("{} {cause}", state.word()));
    }
    for (name, state) in &states {
        if told.states.get(name) != Some(state) {
            let line = format!("{name}: {}", state.trim_end());
            told.lines.push(line);
        }
    }
    told.states = states;
    drop(told);
    shared.1.notify_all();
}
