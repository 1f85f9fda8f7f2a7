//! When the next connection is opened while the old one still runs. Pure.

use std::time::Duration;

use crate::backoff::Backoff;

/// How long both run once the new one has everything: a venue's streams are apart by less than a second.
pub(super) const OVERLAP: Duration = Duration::from_secs(2);

/// The age of the sockets in use and what follows from it.
#[derive(Debug)]
pub(super) struct Handover {
    after: Option<Duration>,
    due: Option<Duration>,
    is_announced: bool,
    backoff: Backoff,
}

impl Handover {
    /// Begins with new sockets.
    pub(super) fn new(after: Option<Duration>, now: Duration) -> Handover {
        Handover {
            after,
            due: after.map(|after| now + after),
            is_announced: false,
            backoff: Backoff::new(),
        }
    }

    /// The venue has announced the end of the sockets in use: the first time that counts, however often it is said.
    /// Where no overlap is possible it is ignored.
    pub(super) fn announced(&mut self, now: Duration) {
        if !std::mem::replace(&mut self.is_announced, true) {
            self.due = self.after.map(|_| now);
        }
    }

    /// When the next ones are to be opened.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// The next ones are being opened.
    pub(super) fn begun(&mut self) {
        self.due = None;
    }

    /// Opening failed, or what was opened broke before it was of use.
    pub(super) fn failed(&mut self, now: Duration, random: &mut fastrand::Rng) {
        self.due = Some(now + self.backoff.next(random));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_sockets_are_due_before_the_old_ones_end_and_again_after_a_failure() {
        let s = Duration::from_secs;
        let mut handover = Handover::new(Some(s(100)), s(5));
        assert_eq!(handover.due(), Some(s(105)));
        handover.announced(s(7));
        assert_eq!(handover.due(), Some(s(7)));
        handover.begun();
        assert_eq!(handover.due(), None);
        handover.failed(s(8), &mut fastrand::Rng::with_seed(1));
        assert!(handover.due().is_some_and(|due| due >= s(8) && due < s(9)));
        let mut never = Handover::new(None, s(5));
        never.announced(s(7));
        assert_eq!(never.due(), None);
    }
}
