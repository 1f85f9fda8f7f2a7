//! What can go wrong in a running feed.

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
    /// The connection to the venue failed or was never made.
    #[error("connection to the venue: {0}")]
    Connection(#[from] std::io::Error),
    /// A task of the feed itself came to an end that it must not have.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl FeedError {
    /// Whether a new attempt can end differently.
    pub fn is_retryable(&self) -> bool {
        matches!(self, FeedError::Connection(_))
    }
}
