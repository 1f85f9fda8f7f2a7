//! Counts of a feed, for tests, for the metrics and for the log: the first of each kind of fault is told there.

use std::fmt::Display;

use metrics::Counter;

use super::ParseError;
use crate::market::VenueName;
use crate::monitor::names;

/// What a feed has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames received.
    pub frames: u64,
    /// Updates of tickers made of them.
    pub updates: u64,
    /// Messages that are known or unknown but of no use for tickers.
    pub passed_over: u64,
    /// Messages that are not what they should be.
    pub malformed: u64,
    /// Messages dropped because a newer one had come.
    pub stale: u64,
    /// Holes in a venue's own numbering.
    pub gaps: u64,
    /// Books that did not have the checksum that the venue stated.
    pub checksums: u64,
}

/// Bytes of a frame that a log line shows: enough for all of a quote.
const EXCERPT_BYTES: usize = 200;

/// Counts, each mirrored to a metric whose handle is made once.
///
/// A counter for a venue's name goes on over reconnects and loops, [`Counts`] begins with each `Tally`.
pub struct Tally {
    venue: VenueName,
    counts: Counts,
    /// Kinds of faults already logged; bounded by the kinds of messages times those of errors.
    logged: Vec<(&'static str, &'static str)>,
    frames: Counter,
    updates: Counter,
    passed_over: Counter,
    malformed: Counter,
    stale: Counter,
    gaps: Counter,
    checksums: Counter,
}

impl Tally {
    /// Makes the handles for a venue.
    pub fn new(venue: &VenueName) -> Tally {
        let name = venue;
        let venue = name.as_str().to_string();
        Tally {
            venue: name.clone(),
            counts: Counts::default(),
            logged: Vec::new(),
            frames: metrics::counter!(names::FEED_FRAMES, "venue" => venue.clone()),
            updates: metrics::counter!(names::FEED_UPDATES, "venue" => venue.clone()),
            passed_over: metrics::counter!(names::FEED_PASSED_OVER, "venue" => venue.clone()),
            malformed: metrics::counter!(names::FEED_MALFORMED, "venue" => venue.clone()),
            stale: metrics::counter!(names::FEED_STALE, "venue" => venue.clone()),
            gaps: metrics::counter!(names::FEED_GAPS, "venue" => venue.clone()),
            checksums: metrics::counter!(names::FEED_CHECKSUMS, "venue" => venue),
        }
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Counts a frame.
    pub fn frame(&mut self) {
        self.counts.frames += 1;
        self.frames.increment(1);
    }

    /// Counts updates.
    pub fn updates(&mut self, count: u64) {
        self.counts.updates += count;
        self.updates.increment(count);
    }

    /// Counts a message of no use.
    pub fn passed_over(&mut self) {
        self.counts.passed_over += 1;
        self.passed_over.increment(1);
    }

    /// Counts a message dropped as stale.
    pub fn stale(&mut self) {
        self.counts.stale += 1;
        self.stale.increment(1);
    }

    /// Counts a message that cannot be used, logs the first of its kind, and hands the error on.
    pub fn refuse(&mut self, error: ParseError, message: &[u8]) -> ParseError {
        let (kind, fault) = error.label();
        if matches!(error, ParseError::TooManySymbols { .. }) {
            self.passed_over();
            self.tell_first(kind, fault, &error, message);
        } else {
            self.malformed(kind, fault, &error, message);
        }
        error
    }

    /// Counts a message that cannot be used and logs the first with this fault.
    pub fn malformed(&mut self, kind: &'static str, fault: &'static str, error: &dyn Display, message: &[u8]) {
        self.counts.malformed += 1;
        self.malformed.increment(1);
        self.tell_first(kind, fault, error, message);
    }

    fn tell_first(&mut self, kind: &'static str, fault: &'static str, error: &dyn Display, message: &[u8]) {
        if self.is_first(kind, fault) {
            let message = excerpt(message);
            tracing::warn!(venue = %self.venue, %error, message, "first message of this kind that cannot be used");
        }
    }

    /// Counts a gap in the numbers of a kind of messages.
    pub fn gap(&mut self, kind: &'static str, expected: u64, got: u64) {
        self.counts.gaps += 1;
        self.gaps.increment(1);
        if self.is_first(kind, "gap") {
            tracing::warn!(venue = %self.venue, kind, expected, got, "first gap in the venue's numbering");
        }
    }

    /// Counts a book that is not as the venue says.
    pub fn checksum(&mut self, kind: &'static str, expected: u32, got: u32) {
        self.counts.checksums += 1;
        self.checksums.increment(1);
        if self.is_first(kind, "checksum") {
            tracing::warn!(venue = %self.venue, kind, expected, got, "first book with another checksum");
        }
    }

    /// Counts, as a gap, a book that cannot be right any more.
    pub fn broken(&mut self, kind: &'static str, why: &'static str) {
        self.counts.gaps += 1;
        self.gaps.increment(1);
        if self.is_first(kind, why) {
            tracing::warn!(venue = %self.venue, kind, why, "first book that is broken in this way");
        }
    }

    /// Logs a message in which the venue refuses something, or says what an operator should know; once a kind.
    pub fn notice(&mut self, kind: &'static str, message: &[u8]) {
        if self.is_first(kind, "notice") {
            tracing::warn!(venue = %self.venue, kind, message = excerpt(message), "the venue says");
        }
    }

    fn is_first(&mut self, kind: &'static str, fault: &'static str) -> bool {
        let is_first = !self.logged.contains(&(kind, fault));
        if is_first {
            self.logged.push((kind, fault));
        }
        is_first
    }
}

/// Beginning of a message for a log line, free of control characters.
fn excerpt(message: &[u8]) -> String {
    let head = &message[..message.len().min(EXCERPT_BYTES)];
    let text = String::from_utf8_lossy(head);
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
