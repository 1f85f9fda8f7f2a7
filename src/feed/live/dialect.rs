//! How a venue wants to be spoken to: what a new venue has to say of itself. Pure.

use std::time::Duration;

use super::super::parse::FrameParser;

/// One connection to a venue: where it goes and what is said there. A feed of many instruments has several.
pub trait Dialect: Send + 'static {
    /// A parser for a connection that begins.
    fn parser(&self) -> Box<dyn FrameParser>;

    /// The sockets that the connection consists of, and what is asked for on each. They live and die together; mostly
    /// there is one.
    fn sockets(&mut self) -> Vec<SocketPlan>;

    /// What to ask, in this order, so that the venue sends anew what it told of these instruments (its own names, as in
    /// [`Heard::Lost`](super::super::parse::Heard::Lost)); sent on the socket on which they were lost. None where the
    /// next message is whole anyway.
    fn resync(&mut self, names: &[Box<str>]) -> Vec<Request>;

    /// The venue's limits.
    fn rules(&self) -> Rules;
}

/// A socket to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketPlan {
    /// Path and query, from `/`; what stands before it is the feed's `url`.
    pub path: String,
    /// What is asked for, in this order.
    pub requests: Vec<Request>,
}

/// A message to the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// As sent, in a text frame.
    pub text: String,
    /// Its answers' keys, each awaited once; the same may stand several times. Empty where the venue does not answer.
    pub answers: Vec<String>,
}

/// What a venue allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Time between two requests on a socket, at least.
    pub request_spacing: Duration,
    /// Time between two connection attempts, at least; over all connections to the venue.
    pub connect_spacing: Duration,
    /// Connection attempts in a minute, at most; over all connections to the venue.
    pub connects_per_minute: u32,
    /// After so long the next connection is opened before the old one is closed, as the venue ends them by itself soon
    /// after. Both then feed one parser, so only venues whose numbering is not the connection's own may ask for it.
    pub handover_after: Option<Duration>,
}
