//! How a session's next sockets take over from those in use, before a venue ends them: nothing is missed, nothing comes
//! twice.

use std::time::Duration;

use tokio_tungstenite::tungstenite::Bytes;

use super::super::Batch;
use super::super::error::Lost;
use super::super::parse::Heard;
use super::early::Early;
use super::handover::{Handover, OVERLAP};
use super::link::Link;
use super::session::Session;
use crate::market::Ts;
use crate::monitor::names;

/// Kept of the next sockets: 64 MiB are 10 s of 30,000 quotes a second, where 3 s are the rule.
const EARLY_BYTES_MAX: usize = 64 << 20;

impl Session<'_> {
    /// Keeps a frame of the next sockets until they are in use.
    pub(super) fn keep(&mut self, ts_recv: Ts, frame: Bytes) -> Heard {
        let Early { parser, frames, bytes } = &mut self.early;
        // What it counts is counted again by the parser in use.
        let dialect = &self.connection.dialect;
        let make = || metrics::with_local_recorder(&metrics::NoopRecorder, || dialect.parser());
        let parser = parser.get_or_insert_with(make);
        let heard = parser.frame(&frame, ts_recv, &mut Batch::new());
        // A frame takes some room besides its bytes.
        *bytes += frame.len() + 64;
        frames.push((ts_recv, frame));
        heard.unwrap_or(Heard::Idle)
    }

    /// Gives the next sockets up, to be tried again later.
    pub(super) fn next_failed(&mut self, why: &str) {
        tracing::warn!(venue = %self.connection.desk.venue, why, "the next connection failed, the old one goes on");
        let in_use = self.links[0].generation;
        self.links.retain(|link| link.generation == in_use);
        self.early = Early::default();
        let now = self.connection.desk.now();
        self.handover.failed(now, &mut self.connection.random);
    }

    /// Takes the next sockets beside those in use.
    pub(super) fn opened(&mut self, opened: Result<Vec<Link>, Lost>) {
        self.opening = None;
        match opened {
            Ok(links) => self.links.extend(links),
            Err(lost) => self.next_failed(&lost.to_string()),
        }
    }

    /// Whether the next sockets can take over: all is asked and answered, and data came on each, unless none came on the
    /// old one either.
    pub(super) fn is_next_ready(&self) -> bool {
        let in_use = self.links[0].generation;
        let (old, next): (Vec<&Link>, Vec<&Link>) = self.links.iter().partition(|link| link.generation == in_use);
        let is_ready = |(old, next): (&&Link, &&Link)| {
            let quiet_since = |at| old.flow.last().is_none_or(|last| last < at);
            next.settled.is_some_and(|at| next.flow.has_begun() || quiet_since(at))
        };
        !next.is_empty() && old.iter().zip(&next).all(is_ready)
    }

    /// Opens the next sockets in time, and lets the old ones go once both have run beside each other for a while.
    pub(super) fn hand_over(&mut self, now: Duration) {
        if self.handover.due().is_some_and(|due| now >= due) && self.opening.is_none() {
            self.handover.begun();
            let generation = self.links.last().map_or(0, |link| link.generation) + 1;
            let plans = self.connection.dialect.sockets();
            self.opening = Some(self.connection.open(plans, self.rules, generation));
        }
        let in_use = self.links[0].generation;
        let next = self.links.last().filter(|link| link.generation != in_use);
        let has_overlapped = next.and_then(|link| link.settled).is_some_and(|at| now >= at + OVERLAP);
        if has_overlapped && self.is_next_ready() {
            self.switch();
        } else if self.early.bytes > EARLY_BYTES_MAX {
            self.next_failed("it took too long to be ready");
        }
    }

    /// Lets the old sockets go and takes what came over the next ones.
    pub(super) fn switch(&mut self) {
        let in_use = self.links[0].generation;
        let (old, next): (Vec<Link>, Vec<Link>) = std::mem::take(&mut self.links)
            .into_iter()
            .partition(|link| link.generation == in_use);
        self.links = next;
        tokio::spawn(async move {
            for link in old {
                link.close().await;
            }
        });
        let now = self.connection.desk.now();
        for (ts_recv, frame) in std::mem::take(&mut self.early).frames {
            // What it is beyond its events was seen when it came.
            self.parse(ts_recv, &frame, now);
        }
        self.handover = Handover::new(self.rules.handover_after, now);
        let venue = self.connection.desk.venue.as_str().to_owned();
        metrics::counter!(names::FEED_HANDOVERS, "venue" => venue).increment(1);
        tracing::info!(venue = %self.connection.desk.venue, "handed over to the next connection");
    }
}
