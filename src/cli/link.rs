//! The connection to a server, as it is shown.

use std::time::{Duration, Instant};

use super::figures::seconds;
use crate::client::Notice;

/// Whether there is one.
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
    /// Takes what the subscriber tells of it.
    pub(super) fn hear(&mut self, notice: &Notice, now: Instant) {
        match notice {
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
            _ => {}
        }
    }

    /// Whether there is one now.
    pub(super) fn is_up(&self) -> bool {
        matches!(self, Link::Connected(_))
    }
}

/// A time that has passed, in whole seconds.
pub(super) fn passed(since: Instant, now: Instant) -> String {
    seconds(now.saturating_duration_since(since).as_secs())
}

/// A time that is to come: not 0 s before it is there.
pub(super) fn ahead(until: Instant, now: Instant) -> String {
    let left = until.saturating_duration_since(now);
    seconds((left + Duration::from_millis(999)).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Disconnect;

    #[test]
    fn attempts_that_fail_do_not_begin_the_loss_anew() {
        let start = Instant::now();
        let s = Duration::from_secs;
        let lost = || Notice::Disconnected {
            reason: Disconnect::Ended,
            retry_in: s(3),
        };
        let mut link = Link::Connecting;
        link.hear(&lost(), start);
        link.hear(&lost(), start + s(5));
        let Link::Lost { since, why, next } = &link else {
            panic!("{link:?}");
        };
        assert_eq!((*since, *next, why.as_str()), (start, start + s(8), "connection ended"));
        assert_eq!(
            (passed(*since, start + s(64)), ahead(*next, start + s(7))),
            ("1 min 4 s".into(), "1 s".into())
        );
        assert_eq!(ahead(*next, start + Duration::from_millis(7_999)), "1 s");
        assert_eq!(ahead(*next, start + s(9)), "0 s");
        let connected = Notice::Connected {
            server: String::new(),
            session: String::new(),
            interval_ms: 10,
        };
        link.hear(&connected, start + s(9));
        assert!(link.is_up());
    }
}
