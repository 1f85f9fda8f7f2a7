//! Venues on this machine: they speak the real ones' protocols over real sockets, play recordings, and fail on demand.
//!
//! Nothing here is the service's own code: what an adapter made of a recording can be checked against it.
//! A [`Venue`] has one thread. All it knows lies behind one lock ([`state`]); a task per connection only moves bytes.

mod binance;
mod book;
mod coinbase;
mod connection;
mod exchange;
mod fault;
mod instruments;
mod kraken;
mod kraken_book;
mod listener;
mod recording;
mod script;
mod setup;
mod state;
mod task;
mod wire;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

// As dead code is, these are allowed to be of no use to a test that needs no venue.
#[allow(unused_imports)]
pub(crate) use self::{
    connection::Connection,
    fault::Fault,
    recording::Frame,
    setup::{Kind, Setup},
};

use self::book::Precision;
use self::fault::Refusal;
use self::listener::Thread;
use self::state::{Shared, State};
use super::LIMIT;
use crate::support::tls::Tls;

/// A running venue; it and its connections end when it is dropped.
pub(crate) struct Venue {
    shared: Arc<Shared>,
    thread: Thread,
    tls: Option<Tls>,
}

impl Venue {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.thread.addr
    }

    /// Scheme, address and port without a path.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}", self.addr())
    }

    /// The authority that signed the venue's certificate, in PEM.
    pub(crate) fn ca_file(&self) -> &Path {
        self.tls.as_ref().expect("set up with TLS").ca_file()
    }

    /// What a feed has to be told to come here: `url=..`, and with TLS `&ca_file=..`.
    pub(crate) fn options(&self) -> String {
        let ca_file = |tls: &Tls| format!("&ca_file={}", tls.ca_file().display());
        format!(
            "url={}{}",
            self.url(),
            self.tls.as_ref().map(ca_file).unwrap_or_default()
        )
    }

    // What there is to play.

    /// The frames that are played, in order; faults and positions name them by index.
    pub(crate) fn frames(&self) -> Vec<Frame> {
        self.look(|state| state.frames.clone())
    }

    pub(crate) fn frame_count(&self) -> usize {
        self.look(|state| state.frames.len())
    }

    /// The first frame at or after `from` that is as wanted.
    pub(crate) fn find(&self, from: usize, is_it: impl Fn(&Frame) -> bool) -> usize {
        let found = self.look(|state| state.frames[from..].iter().position(is_it));
        from + found.expect("the recording has such a frame")
    }

    /// How many frames were played.
    pub(crate) fn played(&self) -> usize {
        self.look(|state| state.played)
    }

    // Playing. There is one position for all: what is played while nobody is there is missed.

    /// Time stands still while these are not all subscribed, by one connection or several together.
    pub(crate) fn hold_for(&self, streams: &[&str]) {
        let streams = streams.iter().map(|&stream| stream.to_owned()).collect();
        self.change(|state| state.hold_for = streams);
    }

    /// Plays so many frames a second; `None`, as at first, is as fast as they can be queued.
    pub(crate) fn pace(&self, frames_per_second: Option<f64>) {
        self.change(|state| state.frames_per_second = frames_per_second);
    }

    /// Lets everything before frame `end` be played and returns at once.
    pub(crate) fn begin_to(&self, end: usize) {
        self.change(|state| {
            assert!(
                end <= state.frames.len(),
                "the recording has {} frames",
                state.frames.len()
            );
            state.target = end;
        });
    }

    /// Lets everything be played and returns at once.
    pub(crate) fn begin_rest(&self) {
        self.begin_to(self.frame_count());
    }

    /// Plays everything before frame `end`; it is then on its way to every subscriber.
    pub(crate) fn play_to(&self, end: usize) {
        self.begin_to(end);
        self.wait("the frames are played", |venue| (venue.played >= end).then_some(()));
    }

    /// Plays everything.
    pub(crate) fn play_rest(&self) {
        self.play_to(self.frame_count());
    }

    /// Sends a text of the test's own, as it is, to everybody.
    pub(crate) fn send(&self, text: &str) {
        self.change(|state| state.send(None, text));
    }

    /// Sends a text of the test's own to everybody as the venue's next message: with the next number, where it has one.
    pub(crate) fn say(&self, text: &str) {
        self.change(|state| state.say(text));
    }

    pub(crate) fn send_to(&self, connection: usize, text: &str) {
        self.change(|state| state.send(Some(connection), text));
    }

    // What goes wrong.

    /// At once with every open connection; what concerns a frame happens to the next one.
    pub(crate) fn fault(&self, fault: Fault) {
        self.change(|state| state.fault(None, fault));
    }

    /// At once with one connection.
    pub(crate) fn fault_on(&self, connection: usize, fault: Fault) {
        self.change(|state| state.fault(Some(connection), fault));
    }

    /// At a frame that is still to be played, with the connections that are subscribed to it.
    ///
    /// What breaks the connection takes the frame's place: it is cut, or never sent.
    pub(crate) fn fault_at(&self, frame: usize, fault: Fault) {
        self.change(|state| state.fault_at(frame, fault));
    }

    /// The next attempts, after any refused before, get this status instead of an upgrade.
    pub(crate) fn refuse_http(&self, attempts: usize, status: u16, retry_after_s: Option<u64>) {
        let refusal = Refusal::Http { status, retry_after_s };
        self.change(|state| state.refusals.extend(std::iter::repeat_n(refusal, attempts)));
    }

    /// The next attempts, after any refused before, end at once.
    pub(crate) fn refuse_tcp(&self, attempts: usize) {
        self.change(|state| state.refusals.extend(std::iter::repeat_n(Refusal::Tcp, attempts)));
    }

    /// The next connections get their acks and then nothing: [`Fault::Silence`] from the start.
    pub(crate) fn silent_next(&self, connections: usize) {
        self.change(|state| state.silent_next = connections);
    }

    /// From the next connection on numbers have so many decimals (Kraken); not fewer than in the recording.
    pub(crate) fn decimals(&self, price: usize, size: usize) {
        self.change(|state| state.precision = Precision { price, size });
    }

    /// From now on the venue does not know this symbol.
    pub(crate) fn refuse_symbol(&self, symbol: &str) {
        self.change(|state| state.script.refuse(symbol));
    }

    // What can be seen.

    /// When each TCP connection came, those that were refused included.
    pub(crate) fn attempts(&self) -> Vec<Instant> {
        self.look(|state| state.attempts.clone())
    }

    /// Every connection that was accepted so far.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        self.look(|state| state.connections().cloned().collect())
    }

    pub(crate) fn connection(&self, id: usize) -> Connection {
        self.connections().swap_remove(id)
    }

    pub(crate) fn open_count(&self) -> usize {
        self.look(|state| state.connections().filter(|c| c.closed.is_none()).count())
    }

    /// Waits until so many TCP connections came.
    pub(crate) fn wait_attempts(&self, count: usize) -> Vec<Instant> {
        let what = format!("{count} attempts");
        self.wait(&what, |venue| {
            (venue.attempts.len() >= count).then(|| venue.attempts.clone())
        })
    }

    /// Waits until a connection that is still open is subscribed to all of these; the newest such one.
    pub(crate) fn wait_subscribed(&self, streams: &[&str]) -> Connection {
        let is_it = |c: &&Connection| c.closed.is_none() && streams.iter().all(|&s| c.streams.contains(s));
        let look = |venue: &State| venue.connections().rev().find(is_it).cloned();
        self.wait(&format!("a connection is subscribed to {streams:?}"), look)
    }

    /// Waits until a connection, which need not be there yet, is over.
    pub(crate) fn wait_closed(&self, id: usize) -> Connection {
        let is_it = |c: &&Connection| c.id == id && c.closed.is_some();
        self.wait("the connection is over", |venue| {
            venue.connections().find(is_it).cloned()
        })
    }

    /// Waits until one of the connections is as wanted.
    pub(crate) fn wait_connection(&self, what: &str, mut is_it: impl FnMut(&Connection) -> bool) -> Connection {
        self.wait(what, |venue| venue.connections().find(|c| is_it(c)).cloned())
    }

    fn wait<T>(&self, what: &str, look: impl FnMut(&State) -> Option<T>) -> T {
        let found = self.shared.wait(LIMIT, look);
        found.unwrap_or_else(|| panic!("not within {LIMIT:?}: {what}; {:#?}", self.connections()))
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.shared.look(look)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.shared.change(change)
    }
}
