//! Why a subscriber's connection ends: the code it sees, the label we count, the manners we keep.

/// Every end there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed, with this code if it gave one.
    Peer(Option<u16>),
    /// The connection broke.
    Broken,
    /// The peer broke the WebSocket protocol (RFC 6455, 7.4.1: 1002).
    Protocol(String),
    /// A text message was not UTF-8 (RFC 6455, 8.1: 1007).
    NotUtf8,
    /// A message was larger than max_message_bytes.
    TooBig {
        /// What is allowed.
        bytes_max: usize,
    },
    /// The server stops.
    Shutdown,
    /// Something of ours failed.
    Internal,
    /// A frame was not taken within the deadline.
    SlowConsumer,
    /// A ping was not answered.
    NoPong,
    /// More asked than is allowed, again and again.
    RateLimited,
    /// Malformed messages, again and again.
    Malformed,
    /// Too many connections.
    TooMany,
    /// Too many connections of one identity.
    TooManyOfOne,
    /// The credentials are nobody's.
    BadCredentials,
    /// The credentials are worth nothing any more.
    Expired,
    /// What its peer may have has changed.
    Changed,
    /// Credentials are needed, and none came.
    NoCredentials,
    /// A connection option that does not exist.
    BadOption(String),
    /// A page of another site, or a name that is not this server's.
    Forbidden(String),
}

impl CloseReason {
    /// The WebSocket close code; 0 where the peer sees only a broken connection.
    pub fn code(&self) -> u16 {
        match self {
            CloseReason::Peer(code) => code.unwrap_or(1000),
            CloseReason::Broken => 0,
            CloseReason::Protocol(_) => 1002,
            CloseReason::NotUtf8 => 1007,
            CloseReason::TooBig { .. } => 1009,
            CloseReason::Changed => 1001,
            CloseReason::Shutdown => 4001,
            CloseReason::Internal => 4004,
            CloseReason::SlowConsumer => 4008,
            CloseReason::NoPong => 4012,
            CloseReason::RateLimited => 4013,
            CloseReason::BadCredentials | CloseReason::Expired => 4500,
            CloseReason::Malformed => 4501,
            CloseReason::NoCredentials => 4502,
            CloseReason::TooMany | CloseReason::TooManyOfOne => 4504,
            CloseReason::BadOption(_) => 4505,
            CloseReason::Forbidden(_) => 4507,
        }
    }

    /// The code as a metric's label: a peer's own codes could be any number.
    pub fn label(&self) -> String {
        match self {
            CloseReason::Peer(_) => "1000".to_owned(),
            other => other.code().to_string(),
        }
    }

    /// The reason in words, for the close frame and the log.
    pub fn words(&self) -> String {
        match self {
            CloseReason::Peer(_) => "bye".to_owned(),
            CloseReason::Broken => "connection broken".to_owned(),
            CloseReason::Protocol(what) => format!("WebSocket protocol error: {what}"),
            CloseReason::NotUtf8 => "a text message must be UTF-8".to_owned(),
            CloseReason::TooBig { bytes_max } => format!("a message may have at most {bytes_max} bytes"),
            CloseReason::Shutdown => "the server is stopping, come back after the goaway's delay".to_owned(),
            CloseReason::Internal => "internal error".to_owned(),
            CloseReason::SlowConsumer => "a frame was not read within the deadline".to_owned(),
            CloseReason::NoPong => "a ping was not answered in time".to_owned(),
            CloseReason::RateLimited => "too many messages, again and again: come back after a while".to_owned(),
            CloseReason::Malformed => "too many malformed messages".to_owned(),
            CloseReason::TooMany => "too many connections".to_owned(),
            CloseReason::TooManyOfOne => "too many connections of one identity".to_owned(),
            CloseReason::BadCredentials => "unknown or expired credentials".to_owned(),
            CloseReason::Changed => "what this connection may have has changed: come back".to_owned(),
            CloseReason::Expired => "the credentials have expired: come back with new ones".to_owned(),
            CloseReason::NoCredentials => "no credentials came in time".to_owned(),
            CloseReason::BadOption(what) | CloseReason::Forbidden(what) => what.clone(),
        }
    }
}
