//! Counts of a feed, for tests and for the metrics.

use metrics::Counter;

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
}

/// Counts, each mirrored to a metric whose handle is made once.
///
/// A counter for a venue's name goes on over reconnects and loops, [`Counts`] begins with each `Tally`.
pub struct Tally {
    counts: Counts,
    frames: Counter,
    updates: Counter,
    passed_over: Counter,
    malformed: Counter,
    stale: Counter,
    gaps: Counter,
}

impl Tally {
    /// Makes the handles for a venue.
    pub fn new(venue: &VenueName) -> Tally {
        let venue = venue.as_str().to_string();
        Tally {
            counts: Counts::default(),
            frames: metrics::counter!(names::FEED_FRAMES, "venue" => venue.clone()),
            updates: metrics::counter!(names::FEED_UPDATES, "venue" => venue.clone()),
            passed_over: metrics::counter!(names::FEED_PASSED_OVER, "venue" => venue.clone()),
            malformed: metrics::counter!(names::FEED_MALFORMED, "venue" => venue.clone()),
            stale: metrics::counter!(names::FEED_STALE, "venue" => venue.clone()),
            gaps: metrics::counter!(names::FEED_GAPS, "venue" => venue),
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

    /// Counts a malformed message.
    pub fn malformed(&mut self) {
        self.counts.malformed += 1;
        self.malformed.increment(1);
    }

    /// Counts a message dropped as stale.
    pub fn stale(&mut self) {
        self.counts.stale += 1;
        self.stale.increment(1);
    }

    /// Counts a gap.
    pub fn gap(&mut self) {
        self.counts.gaps += 1;
        self.gaps.increment(1);
    }
}
