//! What the program is told, and the place where it waits to be read.

use std::collections::{BTreeSet, VecDeque};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::end::Disconnect;
use super::limits::{CHANGED_MAX, NOTICES_MAX};
use super::table::{Breach, VenueStatus};
use crate::market::{Symbol, VenueName};
use crate::wire::proto::ErrorCode;

/// One item of the subscriber's stream.
#[derive(Debug)]
pub enum Notice {
    /// Connected and greeted.
    Connected {
        /// Name and version of the server.
        server: String,
        /// The session's name in the server's log.
        session: String,
        /// The pace as granted.
        interval_ms: u32,
        /// The server's stamps are a tape's time, which stands still and leaps as the tape is played.
        is_tape: bool,
    },
    /// The answer to a subscribe is complete.
    SnapshotDone {
        /// Own seq after it.
        seq: u64,
        /// It held only what changed since the connection was lost.
        resumed: bool,
        /// Symbols that do not exist yet.
        pending: Vec<String>,
    },
    /// Instruments changed since the last such notice; the view has their newest values.
    Changed(Changed),
    /// A venue's state was told.
    Venue {
        /// Which venue.
        name: VenueName,
        /// Its state now.
        status: VenueStatus,
    },
    /// The server refused a symbol; it is not asked for again.
    Rejected {
        /// As asked for.
        symbol: String,
        /// Why.
        code: ErrorCode,
        /// In the server's words.
        message: String,
    },
    /// The server refused a whole request; its symbols are not asked for again.
    ServerError {
        /// Why.
        code: ErrorCode,
        /// In the server's words.
        message: String,
    },
    /// Something was lost on the way, or the server broke the protocol: what was held was asked for again.
    Repair(Option<Breach>),
    /// The server is about to close.
    Goaway {
        /// In the server's words.
        reason: String,
        /// When it asks to come back.
        reconnect_after: Duration,
        /// Where it asks to come back, if elsewhere; told only, not followed.
        url: String,
    },
    /// There is no connection; the view stays as it was.
    Disconnected {
        /// Why.
        reason: Disconnect,
        /// When the next one is tried.
        retry_in: Duration,
    },
    /// There is no connection and no other will be tried: the last item.
    GaveUp(Disconnect),
    /// The program did not read for long: so many older notices were dropped. Changed symbols never are.
    Missed(u64),
}

/// Instruments that changed, each once however often it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Those that are in the view, or were removed from it.
    pub symbols: BTreeSet<Symbol>,
    /// More changed than are listed: the whole view is to be read.
    pub is_everything: bool,
}

/// Notices not yet read; bounded, and conflated where it can be.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    notices: VecDeque<Notice>,
    missed: u64,
    changed: Changed,
    is_ended: bool,
    reader: Option<Waker>,
}

impl Outbox {
    pub(super) fn push(&mut self, notice: Notice) {
        if self.notices.len() >= NOTICES_MAX {
            self.notices.pop_front();
            self.missed += 1;
        }
        self.notices.push_back(notice);
        self.wake();
    }

    pub(super) fn push_changed(&mut self, symbols: impl IntoIterator<Item = Symbol>) {
        let before = self.changed.symbols.len();
        for symbol in symbols {
            if self.changed.symbols.len() >= CHANGED_MAX {
                self.changed.is_everything = true;
            } else {
                self.changed.symbols.insert(symbol);
            }
        }
        if self.changed.symbols.len() > before {
            self.wake();
        }
    }

    pub(super) fn end(&mut self) {
        self.is_ended = true;
        self.wake();
    }

    /// Notices in their order, then what changed.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Notice>> {
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            return Poll::Ready(Some(Notice::Missed(missed)));
        }
        // The last word is said last, after what changed before it.
        let only_last = self.is_ended && self.notices.len() == 1;
        if (self.notices.is_empty() || only_last) && !self.changed.symbols.is_empty() {
            return Poll::Ready(Some(Notice::Changed(std::mem::take(&mut self.changed))));
        }
        if let Some(notice) = self.notices.pop_front() {
            return Poll::Ready(Some(notice));
        }
        if self.is_ended {
            return Poll::Ready(None);
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(outbox: &mut Outbox) -> Poll<Option<Notice>> {
        outbox.poll(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_program_that_does_not_read_costs_no_more_than_the_bounds() {
        let mut outbox = Outbox::default();
        let symbols = ["a:A", "a:B"].map(|s| Symbol::parse(s).expect(s));
        for _ in 0..10_000 {
            outbox.push(Notice::Repair(None));
            outbox.push_changed(symbols.clone());
        }
        assert!(matches!(poll(&mut outbox), Poll::Ready(Some(Notice::Missed(n))) if n == 10_000 - NOTICES_MAX as u64));
        for _ in 0..NOTICES_MAX {
            assert!(matches!(poll(&mut outbox), Poll::Ready(Some(Notice::Repair(None)))));
        }
        let Poll::Ready(Some(Notice::Changed(changed))) = poll(&mut outbox) else {
            panic!("changes are kept");
        };
        assert_eq!(Vec::from_iter(changed.symbols), symbols);
        assert!(poll(&mut outbox).is_pending());
    }

    #[test]
    fn giving_up_is_the_last_word() {
        let mut outbox = Outbox::default();
        outbox.push_changed([Symbol::parse("a:A").expect("a symbol")]);
        outbox.push(Notice::GaveUp(Disconnect::Ended));
        outbox.end();
        assert!(matches!(poll(&mut outbox), Poll::Ready(Some(Notice::Changed(_)))));
        assert!(matches!(poll(&mut outbox), Poll::Ready(Some(Notice::GaveUp(_)))));
        assert!(matches!(poll(&mut outbox), Poll::Ready(None)));
    }
}
