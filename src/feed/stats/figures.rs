//! What is said, and how it follows from what was counted at two moments. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::market::Decimal;
use crate::monitor::{Readings, Spans, names};

/// Venues whose figures are said: more than anybody configures, and 448 instruments.
const VENUES_MAX: usize = 64;

/// Decimals of rates, shares and spans.
const DECIMALS: u8 = 1;

/// What the process has counted by a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    /// Time since the start.
    pub(super) uptime: Duration,
    /// Processor time of all threads.
    pub(super) cpu: Duration,
    /// Memory, where the system says.
    pub(super) resident_bytes: Option<u64>,
    /// What was counted.
    pub(super) readings: Readings,
}

/// One statistic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figure {
    /// Ends in its unit.
    pub(super) name: String,
    pub(super) decimals: u8,
    pub(super) value: Said,
}

/// What is said of a statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It was measured.
    Value(Decimal),
    /// Nothing was measured, so it has no value now.
    Nothing,
    /// Nothing was measured, which is as usual: the last value stands for some samples ([`super::memory`]).
    AsBefore,
}

/// Counters that are said as a rate a second, in all.
const RATES: &[(&str, &[&str])] = &[
    ("updates_per_s", &[names::UPDATES]),
    ("changed_updates_per_s", &[names::UPDATES_CHANGED]),
    ("frames_per_s", &[names::FRAMES]),
    ("entries_per_s", &[names::ENTRIES]),
    ("bytes_per_s", &[names::FRAME_BYTES]),
    ("built_frames_per_s", &[names::FRAMES_BUILT]),
    ("skipped_beats_per_s", &[names::SKIPPED]),
    ("beats_per_s", &[names::BEATS]),
    ("late_beats_per_s", &[names::BEATS_LATE]),
    ("held_beats_per_s", &[names::BEATS_HELD]),
    ("connections_per_s", &[names::CONNECTIONS]),
    ("closes_per_s", &[names::CLOSES]),
    (
        "errors_per_s",
        &[
            names::HANDSHAKES_REFUSED,
            names::CLIENT_ERRORS,
            names::FEED_MALFORMED,
            names::FEED_GAPS,
            names::FEED_CHECKSUMS,
            names::MISFITS,
            names::REFUSED,
            names::RECORD_DROPPED,
            names::RECORD_EVENTS_DROPPED,
        ],
    ),
    ("recorded_events_per_s", &[names::RECORD_EVENTS]),
];

/// The same by encoding.
const RATES_BY_ENCODING: &[(&str, &str)] = &[
    ("frames_per_s", names::FRAMES),
    ("entries_per_s", names::ENTRIES),
    ("bytes_per_s", names::FRAME_BYTES),
];

/// The same by venue.
const RATES_BY_VENUE: &[(&str, &str)] = &[
    ("updates_per_s", names::UPDATES),
    ("malformed_per_s", names::FEED_MALFORMED),
    ("gaps_per_s", names::FEED_GAPS),
    ("connects_per_s", names::FEED_CONNECTS),
];

/// Figures whose labels say which venues there are.
const OF_VENUES: &[&str] = &[
    names::UPDATES,
    names::VENUE_STATE,
    names::FEED_FRAMES,
    names::FEED_CONNECTS,
];

/// Gauges said as they are.
const LEVELS: &[(&str, &str)] = &[
    ("instruments", names::INSTRUMENTS),
    ("subscribers", names::SUBSCRIBERS),
    ("slow_subscribers", names::SUBSCRIBERS_SLOW),
    ("waiting_readers", names::WAITING),
    ("waiting_events", names::RECORD_EVENTS_WAITING),
];

/// Spans said by their middle and their worst percent.
const SPANS: &[(&str, &str, &str)] = &[
    ("beat", names::BEAT_SECONDS, ""),
    ("hop.feed", names::HOP_SECONDS, "feed"),
    ("hop.queue", names::HOP_SECONDS, "queue"),
    ("hop.beat", names::HOP_SECONDS, "beat"),
    ("hop.write", names::HOP_SECONDS, "write"),
];

/// All statistics, of the time between two moments; rates by the time that has really passed.
pub(super) fn figures(before: &Moment, now: &Moment) -> Vec<Figure> {
    let elapsed = now.uptime.saturating_sub(before.uptime);
    let mut all = Sheet {
        figures: Vec::with_capacity(64),
        before: &before.readings,
        now: &now.readings,
        elapsed_us: elapsed.as_micros().max(1),
    };
    all.put("uptime_s", 0, whole(now.uptime.as_secs()));
    let cpu = now.cpu.saturating_sub(before.cpu);
    all.put("cpu_percent", DECIMALS, tenths(cpu.as_micros() * 1_000, all.elapsed_us));
    all.put("resident_bytes", 0, now.resident_bytes.and_then(whole));
    for (name, metric) in LEVELS {
        all.level(name, metric, "");
    }
    for (name, metrics) in RATES {
        let count = metrics.iter().map(|metric| all.counted(metric, None)).sum();
        all.rate(name, count);
    }
    for encoding in now.readings.labels(names::FRAMES) {
        for (name, metric) in RATES_BY_ENCODING {
            all.rate(
                &format!("encoding.{encoding}.{name}"),
                all.counted(metric, Some(encoding)),
            );
        }
    }
    for (name, metric, label) in SPANS {
        all.spans(name, metric, label, Said::Nothing);
    }
    // A subscriber is pinged every 20 s, so there are few.
    all.spans("ping", names::PING_SECONDS, "", Said::AsBefore);
    for venue in venues(&now.readings) {
        all.level(&format!("venue.{venue}.state"), names::VENUE_STATE, venue);
        for (name, metric) in RATES_BY_VENUE {
            all.rate(&format!("venue.{venue}.{name}"), all.counted(metric, Some(venue)));
        }
        all.spans(
            &format!("venue.{venue}.lag"),
            names::VENUE_LAG_SECONDS,
            venue,
            Said::Nothing,
        );
    }
    all.figures
}

/// The venues that have said something, by name.
fn venues(now: &Readings) -> impl Iterator<Item = &str> {
    let all: BTreeSet<&str> = OF_VENUES.iter().flat_map(|metric| now.labels(metric)).collect();
    // A `*` stands for those beyond what the store tells apart.
    all.into_iter().filter(|venue| *venue != "*").take(VENUES_MAX)
}

/// The figures so far, and what they are made from.
struct Sheet<'a> {
    figures: Vec<Figure>,
    before: &'a Readings,
    now: &'a Readings,
    elapsed_us: u128,
}

impl Sheet<'_> {
    fn put(&mut self, name: &str, decimals: u8, value: Option<Decimal>) {
        self.say(name, decimals, value.map_or(Said::Nothing, Said::Value));
    }

    fn say(&mut self, name: &str, decimals: u8, value: Said) {
        self.figures.push(Figure {
            name: name.to_owned(),
            decimals,
            value,
        });
    }

    /// How far a counter has come since.
    fn counted(&self, metric: &str, label: Option<&str>) -> u64 {
        let (now, before) = (self.now.count(metric, label), self.before.count(metric, label));
        now.saturating_sub(before)
    }

    fn level(&mut self, name: &str, metric: &str, label: &str) {
        let level = self.now.level(metric, label);
        self.put(name, 0, level.and_then(|level| whole(level.max(0.0) as u64)));
    }

    fn rate(&mut self, name: &str, count: u64) {
        self.put(name, DECIMALS, tenths(u128::from(count) * 10_000_000, self.elapsed_us));
    }

    fn spans(&mut self, name: &str, metric: &str, label: &str, otherwise: Said) {
        let since = self.now.spans(metric, label).since(&self.before.spans(metric, label));
        for percent in [50, 99] {
            let value = span(&since, percent).map_or(otherwise, Said::Value);
            self.say(&format!("{name}_p{percent}_us"), DECIMALS, value);
        }
    }
}

fn whole(value: u64) -> Option<Decimal> {
    i64::try_from(value).ok().map(Decimal::from_int)
}

/// `part / whole`, which is in tenths already, rounded to the nearest.
fn tenths(part: u128, whole: u128) -> Option<Decimal> {
    let tenths = (part + whole / 2) / whole;
    Decimal::new(i64::try_from(tenths).ok()?, DECIMALS)
}

/// A percentile in microseconds; below zero where a clock is ahead.
fn span(spans: &Spans, percent: u64) -> Option<Decimal> {
    let ns = spans.percentile(percent)?;
    Decimal::new(ns / 100, DECIMALS)
}

#[cfg(test)]
mod tests {
    use metrics::{NoopRecorder, counter, gauge, histogram};

    use super::*;
    use crate::monitor::{Reader, Recorder};

    struct World {
        recorder: Recorder<NoopRecorder>,
        reader: Reader,
    }

    impl World {
        fn new() -> World {
            let (recorder, reader) = Recorder::new(NoopRecorder);
            World { recorder, reader }
        }

        fn count(&self, what: impl FnOnce()) {
            metrics::with_local_recorder(&self.recorder, what);
        }

        fn moment(&self, uptime_ms: u64, cpu_ms: u64) -> Moment {
            Moment {
                uptime: Duration::from_millis(uptime_ms),
                cpu: Duration::from_millis(cpu_ms),
                resident_bytes: Some(4_096),
                readings: self.reader.read(),
            }
        }
    }

    fn said(figures: &[Figure], name: &str) -> Option<String> {
        let figure = figures.iter().find(|figure| figure.name == name);
        match figure.unwrap_or_else(|| panic!("no {name}")).value {
            Said::Value(value) => Some(value.to_string()),
            Said::Nothing | Said::AsBefore => None,
        }
    }

    #[test]
    fn rates_are_over_the_time_that_has_really_passed() {
        let world = World::new();
        world.count(|| counter!(names::UPDATES, "venue" => "a").increment(700));
        let before = world.moment(10_000, 500);
        world.count(|| {
            counter!(names::UPDATES, "venue" => "a").increment(1_000);
            counter!(names::UPDATES, "venue" => "b").increment(500);
            counter!(names::FRAME_BYTES, "encoding" => "json").increment(1);
            counter!(names::CLIENT_ERRORS, "code" => "x").increment(1);
            counter!(names::MISFITS).absolute(2);
            gauge!(names::SUBSCRIBERS).set(3.0);
        });
        // A machine that was away for a while.
        let figures = figures(&before, &world.moment(14_000, 1_500));
        for (name, want) in [
            ("uptime_s", "14"),
            ("cpu_percent", "25"),
            ("resident_bytes", "4096"),
            ("subscribers", "3"),
            ("updates_per_s", "375"),
            ("venue.a.updates_per_s", "250"),
            ("venue.b.updates_per_s", "125"),
            ("bytes_per_s", "0.3"),
            ("frames_per_s", "0"),
            ("errors_per_s", "0.8"),
        ] {
            assert_eq!(said(&figures, name).as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn spans_are_those_since_the_moment_before_and_none_is_no_value() {
        let world = World::new();
        world.count(|| histogram!(names::HOP_SECONDS, "hop" => "queue").record(5.0));
        let before = world.moment(1_000, 0);
        world.count(|| {
            counter!(names::UPDATES, "venue" => "a").increment(1);
            histogram!(names::VENUE_LAG_SECONDS, "venue" => "a").record(-0.000_002);
            (0..98).for_each(|_| histogram!(names::HOP_SECONDS, "hop" => "queue").record(0.000_001));
            (0..2).for_each(|_| histogram!(names::HOP_SECONDS, "hop" => "queue").record(0.001));
        });
        let figures = figures(&before, &world.moment(2_000, 0));
        let us = |name: &str| said(&figures, name).map(|text| text.parse::<f64>().expect("a number"));
        assert!(us("hop.queue_p50_us").is_some_and(|us| (0.9..=1.1).contains(&us)));
        assert!(us("hop.queue_p99_us").is_some_and(|us| (940.0..=1_060.0).contains(&us)));
        assert!(us("venue.a.lag_p50_us").is_some_and(|us| (-2.1..=-1.9).contains(&us)));
        assert_eq!(us("hop.write_p50_us"), None);
        let ping = figures.iter().find(|figure| figure.name == "ping_p99_us");
        assert_eq!(ping.map(|figure| figure.value), Some(Said::AsBefore));
    }

    #[test]
    fn of_any_number_of_venues_so_many_are_told_and_every_name_is_a_symbol() {
        let world = World::new();
        let name = |at: usize| format!("{at:a>32}");
        world.count(|| (0..100).for_each(|at| counter!(names::UPDATES, "venue" => name(at)).increment(1)));
        let figures = figures(&Moment::default(), &world.moment(1_000, 0));
        let venues: BTreeSet<_> = figures
            .iter()
            .filter_map(|figure| figure.name.split('.').nth(1))
            .collect();
        assert_eq!(venues.iter().filter(|venue| venue.len() == 32).count(), VENUES_MAX);
        for figure in figures {
            let text = format!("$stats:{}", figure.name);
            crate::market::Symbol::parse(&text).expect("a symbol");
        }
    }
}
