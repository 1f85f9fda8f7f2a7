//! What can go wrong in a running feed.

use std::time::Duration;

use tokio_tungstenite::tungstenite;

use super::SpecError;
use crate::tape::TapeError;

/// The other end of the channel is gone: the service is stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the service no longer takes updates")]
pub struct FeedClosed;

/// Why a running feed broke off.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Nobody takes its updates any more.
    #[error(transparent)]
    Closed(#[from] FeedClosed),
    /// A recording is at fault; trying again would meet the same fault.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A file of lines cannot be read on; trying again would read it from its beginning.
    #[error("`{name}` cannot be read: {source}")]
    Input {
        /// The file, or `-`.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// The connection was lost or never made.
    #[error("{cause}")]
    Lost {
        /// Why.
        cause: Lost,
        /// Whether good data came over it for a while before: then the waits start over.
        was_good: bool,
    },
    /// A task of the feed itself came to an end that it must not have.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl FeedError {
    /// Whether a new attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        matches!(self, FeedError::Lost { .. })
    }

    /// Whether good data came for a while.
    pub fn was_good(&self) -> bool {
        matches!(self, FeedError::Lost { was_good: true, .. })
    }

    /// How long the other end asked to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            FeedError::Lost {
                cause: Lost::Refused { retry_after, .. },
                ..
            } => *retry_after,
            _ => None,
        }
    }
}

/// A recording that was looked into before.
impl From<SpecError> for FeedError {
    fn from(error: SpecError) -> FeedError {
        match error {
            SpecError::Tape(error) => FeedError::Tape(error),
            _ => FeedError::Internal("a recording is no longer what it was"),
        }
    }
}

/// A connection that never came to be, fresh from the opening.
impl From<Lost> for FeedError {
    fn from(cause: Lost) -> FeedError {
        FeedError::Lost { cause, was_good: false }
    }
}

/// Why a connection was lost or never made. The words become the venue's reason.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// No TCP connection or no TLS.
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    /// It took too long.
    #[error("not connected within {} s", .0.as_secs())]
    ConnectDeadline(Duration),
    /// The venue did not take the upgrade.
    #[error("refused with HTTP {status}{}", in_words(.retry_after))]
    Refused {
        /// Of the answer.
        status: u16,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// The upgrade failed otherwise.
    #[error("no WebSocket: {0}")]
    Handshake(Box<tungstenite::Error>),
    /// The other end closed it properly.
    #[error("closed by the venue ({code}{}{reason})", if .reason.is_empty() { "" } else { " " })]
    Closed {
        /// Of the close frame; 1005 where there was none.
        code: u16,
        /// In the venue's words.
        reason: String,
    },
    /// It broke.
    #[error("connection lost: {0}")]
    Broken(Box<tungstenite::Error>),
    /// It broke; of a plain TCP connection.
    #[error("connection lost: {0}")]
    Cut(std::io::Error),
    /// What was asked could not be sent.
    #[error("a request could not be sent within {} s", .0.as_secs())]
    SendDeadline(Duration),
    /// Not even a ping was answered.
    #[error("nothing heard for {} s, a ping was not answered", .0.as_secs())]
    Deaf(Duration),
    /// It is open, but says nothing.
    #[error("no data for {} s", .0.as_secs())]
    NoData(Duration),
    /// A request was never answered.
    #[error("request `{key}` was not answered")]
    NoAnswer {
        /// What it was known by.
        key: String,
    },
    /// Every request was refused.
    #[error("all requests were refused: {reason}")]
    AllRefused {
        /// The first, in the venue's words.
        reason: String,
    },
}

fn in_words(retry_after: &Option<Duration>) -> String {
    retry_after.map_or(String::new(), |wait| {
        format!(", to be tried again in {} s", wait.as_secs())
    })
}
