//! The connection to a server: how it is made, how it is shown, and why a command without one ends.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::credentials::{CredentialArgs, CredentialError};
use super::figures::{printable, seconds};
use crate::client::{Notice, Options, OptionsError, Subscriber, SubscriberError};
use crate::market::SymbolError;

/// Why a command that follows a server failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// The URL or the file of authorities cannot be used.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The token cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// A symbol that is none.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// The server refused a symbol or the whole request.
    #[error("{0}")]
    Refused(String),
    /// There is no connection, and no other is tried.
    #[error("{url}: {why}")]
    Gone {
        /// As given.
        url: String,
        /// In words.
        why: String,
    },
    /// What is shown cannot be written.
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
}

impl LinkError {
    /// Whether the user has to write something else.
    pub(super) fn is_usage(&self) -> bool {
        match self {
            LinkError::Options(_) | LinkError::Symbol(_) => true,
            LinkError::Credentials(error) => error.is_usage(),
            _ => false,
        }
    }

    /// The reader of a pipe has seen enough: `watch … | head` is no failure.
    pub(super) fn forgiven(ended: Result<(), LinkError>) -> Result<(), LinkError> {
        match ended {
            Err(LinkError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// What every connection needs.
///
/// # Errors
/// Where one of them cannot be used.
pub(super) fn options(url: &str, ca_file: Option<&Path>, credentials: &CredentialArgs) -> Result<Options, LinkError> {
    let mut options = Options::new(url)?;
    if let Some(file) = ca_file {
        options = options.ca_file(file)?;
    }
    Ok(credentials.add_to(options)?)
}

/// A subscriber that wants these symbols.
///
/// # Errors
/// Where one of them is none.
pub(super) async fn subscriber<S: AsRef<str>>(
    options: Options,
    symbols: impl IntoIterator<Item = S>,
) -> Result<Subscriber, LinkError> {
    let subscriber = Subscriber::new(options);
    match subscriber.subscribe(symbols).await {
        Err(SubscriberError::Symbol(error)) => Err(error.into()),
        // Its last notice says why it gave up.
        Ok(()) | Err(SubscriberError::GaveUp) => Ok(subscriber),
    }
}

/// Whether there is a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Not connected yet.
    Connecting,
    /// Connected since.
    Connected(Instant),
    /// There is none, nor was one meanwhile.
    Lost {
        /// Since when.
        since: Instant,
        /// Why the newest attempt failed.
        why: String,
        /// When another is made.
        next: Instant,
    },
}

impl Link {
    /// Takes what the subscriber tells, and hands it on where it is no end.
    ///
    /// # Errors
    /// The server refuses, or is not worth trying again.
    pub(super) fn hear(&mut self, notice: Notice, url: &str, now: Instant) -> Result<Notice, LinkError> {
        match &notice {
            Notice::Connected { .. } => *self = Link::Connected(now),
            Notice::Disconnected { reason, retry_in } => {
                let since = match self {
                    Link::Lost { since, .. } => *since,
                    _ => now,
                };
                *self = Link::Lost {
                    since,
                    why: reason.to_string(),
                    next: now + *retry_in,
                };
            }
            Notice::Rejected { symbol, message, .. } => {
                return Err(LinkError::Refused(format!("{symbol}: {message}")));
            }
            Notice::ServerError { message, .. } => return Err(LinkError::Refused(message.clone())),
            Notice::GaveUp(reason) => return Err(gone(url, reason)),
            _ => {}
        }
        Ok(notice)
    }

    /// The same where nobody looks on: a script wants to know at once that nothing is there, so the first attempt
    /// has to do. A connection that was there is waited for.
    ///
    /// # Errors
    /// The first attempt failed, or the same as above.
    pub(super) fn hear_unseen(&mut self, notice: Notice, url: &str, now: Instant) -> Result<Notice, LinkError> {
        match (&*self, &notice) {
            (Link::Connecting, Notice::Disconnected { reason, .. }) => Err(gone(url, reason)),
            _ => self.hear(notice, url, now),
        }
    }

    /// Whether there is one now.
    pub(super) fn is_up(&self) -> bool {
        matches!(self, Link::Connected(_))
    }

    /// In a sentence, where it is lost; `has_values`: something is shown that is old then.
    pub(super) fn loss(&self, has_values: bool, now: Instant) -> Option<String> {
        let Link::Lost { since, why, next } = self else {
            return None;
        };
        let old = if has_values { ", values are old" } else { "" };
        let (since, next, why) = (passed(*since, now), ahead(*next, now), printable(why));
        Some(format!("no connection for {since}{old}, next attempt in {next}: {why}"))
    }
}

fn gone(url: &str, why: &impl ToString) -> LinkError {
    LinkError::Gone {
        url: url.to_owned(),
        why: printable(&why.to_string()),
    }
}

/// A time that has passed, in whole seconds.
pub(super) fn passed(since: Instant, now: Instant) -> String {
    seconds(now.saturating_duration_since(since).as_secs())
}

/// A time that is to come: not 0 s before it is there.
fn ahead(until: Instant, now: Instant) -> String {
    let left = until.saturating_duration_since(now);
    seconds((left + Duration::from_millis(999)).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Disconnect;

    const URL: &str = "http://h:1";

    fn lost() -> Notice {
        Notice::Disconnected {
            reason: Disconnect::Ended,
            retry_in: Duration::from_secs(3),
        }
    }

    fn connected() -> Notice {
        Notice::Connected {
            server: String::new(),
            session: String::new(),
            interval_ms: 10,
            is_tape: false,
        }
    }

    #[test]
    fn attempts_that_fail_do_not_begin_the_loss_anew() {
        let start = Instant::now();
        let s = Duration::from_secs;
        let mut link = Link::Connecting;
        for at in [start, start + s(5)] {
            assert!(link.hear(lost(), URL, at).is_ok());
        }
        let Link::Lost { since, why, next } = &link else {
            panic!("{link:?}");
        };
        assert_eq!((*since, *next, why.as_str()), (start, start + s(8), "connection ended"));
        assert_eq!(
            link.loss(true, start + s(7)).as_deref(),
            Some("no connection for 7 s, values are old, next attempt in 1 s: connection ended")
        );
        assert_eq!(
            link.loss(false, start + s(64)).as_deref(),
            Some("no connection for 1 min 4 s, next attempt in 0 s: connection ended")
        );
        assert_eq!(ahead(*next, start + Duration::from_millis(7_999)), "1 s");
        assert!(link.hear(connected(), URL, start + s(9)).is_ok());
        assert!(link.is_up() && link.loss(true, start).is_none());
    }

    #[test]
    fn unseen_the_first_attempt_has_to_do_and_a_connection_that_was_there_is_waited_for() {
        let now = Instant::now();
        let error = Link::Connecting.hear_unseen(lost(), URL, now).expect_err("an end");
        assert_eq!(
            (error.to_string().as_str(), error.is_usage()),
            ("http://h:1: connection ended", false)
        );
        let mut link = Link::Connecting;
        assert!(link.hear_unseen(connected(), URL, now).is_ok());
        for _ in 0..2 {
            assert!(link.hear_unseen(lost(), URL, now).is_ok());
        }
        let end = link.hear_unseen(Notice::GaveUp(Disconnect::Ended), URL, now);
        assert!(matches!(end, Err(LinkError::Gone { .. })), "{end:?}");
    }
}
