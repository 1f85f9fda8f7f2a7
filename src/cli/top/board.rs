//! What is known of the server: its statistics now and over the last minutes. Pure: takes `now`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::cli::link::Link;
use crate::client::{Number, View};
use crate::market::Field;

/// Where the statistics are.
const VENUE: &str = "$stats:";

/// The one that changes with every sample.
pub(super) const CLOCK: &str = "$stats:uptime_s";

/// Samples kept, one a second: three minutes.
const KEPT: usize = 180;

/// Statistics come once a second: where none came in so long, something is wrong.
const OLD_AFTER: Duration = Duration::from_millis(2_500);

/// All of it.
pub(super) struct Board {
    /// As given.
    pub(super) url: String,
    /// Its name and version, once it has said them.
    pub(super) server: String,
    pub(super) link: Link,
    pub(super) epoch: Option<String>,
    pub(super) seq: u64,
    /// By name without the venue; those without a value are not in it.
    pub(super) values: BTreeMap<String, Number>,
    history: BTreeMap<String, VecDeque<Option<f64>>>,
    sampled: Option<Instant>,
}

impl Board {
    pub(super) fn new(url: &str) -> Board {
        Board {
            url: url.to_owned(),
            server: String::new(),
            link: Link::Connecting,
            epoch: None,
            seq: 0,
            values: BTreeMap::new(),
            history: BTreeMap::new(),
            sampled: None,
        }
    }

    /// Takes a sample that has come.
    pub(super) fn take(&mut self, view: &View, now: Instant) {
        self.epoch = view.epoch().map(|epoch| epoch.to_string());
        self.seq = view.seq();
        let named = view.iter().filter_map(|ticker| {
            let name = ticker.symbol().as_str().strip_prefix(VENUE)?;
            Some((name.to_owned(), ticker.value(Field::LastPrice)?))
        });
        self.values = named.collect();
        self.sampled = Some(now);
        for name in self.values.keys() {
            self.history.entry(name.clone()).or_default();
        }
        self.remember(|board, name| board.value(name));
    }

    /// A second has passed: where nothing came in it, that is a gap in what is remembered. Says whether it is one.
    pub(super) fn second(&mut self, now: Instant) -> bool {
        let is_gap = self.is_old(now);
        if is_gap {
            self.remember(|_, _| None);
        }
        is_gap
    }

    fn remember(&mut self, value: impl Fn(&Board, &str) -> Option<f64>) {
        let mut history = std::mem::take(&mut self.history);
        for (name, kept) in &mut history {
            if kept.len() >= KEPT {
                kept.pop_front();
            }
            kept.push_back(value(self, name));
        }
        // What has had no value for so long is forgotten.
        history.retain(|_, kept| kept.iter().any(Option::is_some));
        self.history = history;
    }

    /// Whether any sample has come.
    pub(super) fn has_sample(&self) -> bool {
        self.sampled.is_some()
    }

    /// Whether what is known is not of now.
    pub(super) fn is_old(&self, now: Instant) -> bool {
        let is_late = |at: Instant| now.saturating_duration_since(at) >= OLD_AFTER;
        self.sampled.is_some_and(is_late) || (self.has_sample() && !self.link.is_up())
    }

    /// Whether a server that is there has said nothing for longer than it should.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        let is_late = |at: Instant| now.saturating_duration_since(at) >= OLD_AFTER;
        matches!(self.link, Link::Connected(since) if !self.has_sample() && is_late(since))
    }

    /// A statistic now.
    pub(super) fn value(&self, name: &str) -> Option<f64> {
        let number = self.values.get(name)?;
        Some(number.mantissa as f64 / 10f64.powi(i32::from(number.decimals)))
    }

    /// A statistic over the last minutes, oldest first.
    pub(super) fn history(&self, name: &str) -> impl DoubleEndedIterator<Item = Option<f64>> {
        self.history.get(name).into_iter().flatten().copied()
    }

    /// The venues that have a state, or anything but nought in the last minutes: what can be pushed to and never was is
    /// none.
    pub(super) fn venues(&self) -> Vec<&str> {
        let names = self.values.keys().filter_map(|name| {
            let (venue, what) = name.strip_prefix("venue.")?.split_once('.')?;
            let has_any = || self.history(name).flatten().any(|value| value != 0.0);
            (what == "state" || has_any()).then_some(venue)
        });
        let venues: BTreeSet<&str> = names.collect();
        venues.into_iter().collect()
    }

    /// The encodings that have statistics.
    pub(super) fn encodings(&self) -> Vec<&str> {
        let names = self.values.keys().filter_map(|name| name.strip_prefix("encoding."));
        let encodings: BTreeSet<&str> = names.filter_map(|name| name.split('.').next()).collect();
        encodings.into_iter().collect()
    }
}
