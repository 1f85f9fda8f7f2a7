//! Every metric there is, in one table: its name, type, labels and meaning. README has the same table.

use metrics::{describe_counter, describe_gauge, describe_histogram};

use super::names::*;

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by buckets: seen as `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl Kind {
    /// As Prometheus names it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// As Prometheus knows it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its label, empty where it has none.
    pub label: &'static str,
    /// Meaning, in words.
    pub help: &'static str,
}

const fn counter(name: &'static str, label: &'static str, help: &'static str) -> Metric {
    let kind = Kind::Counter;
    Metric {
        name,
        kind,
        label,
        help,
    }
}

const fn gauge(name: &'static str, label: &'static str, help: &'static str) -> Metric {
    let kind = Kind::Gauge;
    Metric {
        name,
        kind,
        label,
        help,
    }
}

const fn histogram(name: &'static str, label: &'static str, help: &'static str) -> Metric {
    let kind = Kind::Histogram;
    Metric {
        name,
        kind,
        label,
        help,
    }
}

/// What the service counts.
pub const ALL: &[Metric] = &[
    gauge(
        BUILD_INFO,
        "version",
        "Always 1; version of the running binary as a label.",
    ),
    counter(BEATS, "", "Beats of the service's timer."),
    counter(
        BEATS_LATE,
        "",
        "Beats that the timer had to leave out because the one before took too long.",
    ),
    counter(
        BEATS_HELD,
        "",
        "Beats not sealed because a fan-out shard had not taken the ones before.",
    ),
    histogram(BEAT_SECONDS, "", "Time to drain, apply, seal and encode one beat."),
    counter(UPDATES, "venue", "Source updates taken into the store, by venue."),
    counter(
        UPDATES_CHANGED,
        "venue",
        "Source updates that changed something, by venue.",
    ),
    counter(
        UPDATES_CONFLATED,
        "venue",
        "Of these, such as found their instrument changed already in the same beat, and went out with it.",
    ),
    counter(
        MISFITS,
        "",
        "Values that could not be held exactly and cleared their field.",
    ),
    counter(REFUSED, "", "Events refused because the store was full."),
    gauge(INSTRUMENTS, "", "Instruments ever listed in this epoch."),
    gauge(SUBSCRIBERS, "", "Subscribers connected."),
    gauge(SUBSCRIBERS_SLOW, "", "Subscribers whose socket does not take more now."),
    gauge(WAITING, "", "Readers over HTTP who wait: long polls and event streams."),
    counter(FRAMES, "encoding", "Data frames written, by encoding."),
    counter(
        FRAME_BYTES,
        "encoding",
        "Bytes of data frames written, by encoding, headers included.",
    ),
    counter(
        ENTRIES,
        "encoding",
        "Instruments' entries in data frames written, by encoding.",
    ),
    counter(
        FRAMES_BUILT,
        "encoding",
        "Data frames assembled, by encoding; below frames where groups share them.",
    ),
    counter(
        SKIPPED,
        "",
        "Beats with changes that were dropped for a subscriber that could not keep up.",
    ),
    counter(
        CLOSES,
        "code",
        "Ends of subscribers' connections, by close code; 0 is a connection that broke.",
    ),
    histogram(
        PING_SECONDS,
        "",
        "From asking for a WebSocket ping to the subscriber's pong.",
    ),
    counter(CONNECTIONS, "", "Subscribers' connections accepted."),
    counter(
        ACCEPTS_FAILED,
        "",
        "Times that the system refused to accept a connection, such as for lack of descriptors.",
    ),
    counter(HANDSHAKES_REFUSED, "reason", "WebSocket upgrades refused, by reason."),
    counter(
        CLIENT_ERRORS,
        "code",
        "Requests of subscribers answered with an error, by code.",
    ),
    counter(
        HTTP_ERRORS,
        "code",
        "Plain HTTP requests answered with an error, by its code.",
    ),
    counter(
        PUSH_LINES,
        "outcome",
        "Lines of updates pushed over HTTP, by outcome: accepted or rejected.",
    ),
    gauge(VENUE_STATE, "venue", "State of a venue's feed: 1 up, 2 stale, 3 down."),
    counter(FEED_FRAMES, "venue", "Frames received from a venue."),
    counter(FEED_UPDATES, "venue", "Updates made of a venue's frames."),
    counter(
        FEED_MALFORMED,
        "venue",
        "Frames of a venue that could not be understood.",
    ),
    counter(
        FEED_PASSED_OVER,
        "venue",
        "Frames of a venue that are deliberately not used.",
    ),
    counter(
        FEED_STALE,
        "venue",
        "Frames of a venue older than what was known, dropped.",
    ),
    counter(FEED_GAPS, "venue", "Holes in a venue's own numbering."),
    counter(
        FEED_CHECKSUMS,
        "venue",
        "Order books that did not have the checksum stated by the venue.",
    ),
    counter(FEED_CONNECTS, "venue", "Attempts to connect to a venue."),
    counter(
        FEED_HANDOVERS,
        "venue",
        "Times that a connection was replaced by the next one without a break.",
    ),
    counter(
        FEED_RESYNCS,
        "venue",
        "Instruments that were asked for anew after lost data.",
    ),
    histogram(
        VENUE_LAG_SECONDS,
        "venue",
        "From the venue's own stamp to our socket; negative where the venue's clock is ahead.",
    ),
    histogram(
        HOP_SECONDS,
        "hop",
        "Time in each hop: `feed` from the socket to the engine's queue, `queue` until it is applied to the store, `beat` until it is sealed, `write` until a shard has written it to all whose sockets took it.",
    ),
    counter(FEED_RESTARTS, "venue", "Times that a feed was started again."),
    counter(
        FAULTS,
        "kind",
        "Faults made on purpose for those who test consumers, by kind.",
    ),
    counter(
        RECORD_FRAMES,
        "venue",
        "Frames of a venue recorded and handed to the system.",
    ),
    counter(
        RECORD_FRAME_BYTES,
        "venue",
        "Bytes of recorded frames, before compression.",
    ),
    counter(
        RECORD_DROPPED,
        "venue",
        "Frames of a venue not recorded: the disk did not keep up or failed, or the frame is no text.",
    ),
    counter(
        RECORD_EVENTS,
        "",
        "Events of feeds recorded to a tape and handed to the system.",
    ),
    counter(
        RECORD_EVENTS_DROPPED,
        "",
        "Events of feeds not recorded: the disk did not keep up or failed.",
    ),
    gauge(
        RECORD_EVENTS_WAITING,
        "",
        "Events of feeds that wait for the tape's disk.",
    ),
    gauge(
        RECORD_UP,
        "",
        "1 while a tape is recorded, 0 once its disk has failed or it has ended.",
    ),
    counter(STATE_WRITTEN, "", "Checkpoints of the store written."),
    counter(
        STATE_FAILED,
        "",
        "Checkpoints of the store that could not be written; serving goes on.",
    ),
    gauge(STATE_BYTES, "", "Bytes of the newest checkpoint."),
    gauge(
        STATE_WRITTEN_AT,
        "",
        "When the newest checkpoint was written, in seconds since 1970.",
    ),
    histogram(
        STATE_SECONDS,
        "",
        "Time to encode a checkpoint and have it on the disk.",
    ),
    counter(
        LOG_LINES_LEFT_OUT,
        "",
        "Lines left out of the log, because there were too many of their kind.",
    ),
];

/// What the process uses, under the names that Prometheus' own libraries give it.
pub const PROCESS: &[Metric] = &[
    counter(
        PROCESS_CPU_SECONDS,
        "",
        "Processor time of all threads since the process's start.",
    ),
    gauge(PROCESS_RESIDENT_BYTES, "", "Resident memory of the process."),
    gauge(PROCESS_OPEN_FDS, "", "Open descriptors of the process."),
    gauge(PROCESS_MAX_FDS, "", "Descriptors that the process may have open."),
    gauge(
        PROCESS_START_SECONDS,
        "",
        "When the process began, in seconds since 1970 UTC.",
    ),
];

/// Describes every metric to the installed recorder, and says what is running.
pub fn describe() {
    for Metric { name, kind, help, .. } in ALL {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram => describe_histogram!(*name, *help),
        }
    }
    metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"));

    fn row(metric: &Metric) -> String {
        let kind = metric.kind.word();
        let label = match metric.label {
            "" => String::new(),
            label => format!("`{label}`"),
        };
        format!("| `{}` | {kind} | {label} | {} |", metric.name, metric.help)
    }

    #[test]
    fn the_readme_has_every_metric_and_no_other() {
        let section = README.split("\n### Metrics\n").nth(1).expect("a section of metrics");
        let section = section.split("\n## ").next().unwrap_or_default();
        let told: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
        let known: Vec<String> = ALL.iter().chain(PROCESS).map(row).collect();
        assert_eq!(told, known, "the table should be:\n{}", known.join("\n"));
    }

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for Metric {
            name,
            kind,
            label,
            help,
        } in ALL.iter().chain(PROCESS)
        {
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert_eq!(
                name.ends_with("_seconds"),
                *kind == Kind::Histogram || name.contains("start_time"),
                "{name}"
            );
            assert!(name.starts_with("tickwire_") || name.starts_with("process_"), "{name}");
            assert!(
                name.bytes()
                    .chain(label.bytes())
                    .all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name}"
            );
            assert!(help.ends_with('.') && !help.contains('|'), "{name}: {help}");
        }
        let mut all: Vec<&str> = ALL.iter().chain(PROCESS).map(|metric| metric.name).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), ALL.len() + PROCESS.len(), "a name stands twice");
    }
}
