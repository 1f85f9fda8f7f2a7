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

const fn metric(name: &'static str, kind: Kind, label: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind,
        label,
        help,
    }
}

/// What the service counts.
pub const ALL: &[Metric] = &[
    metric(
        BUILD_INFO,
        Kind::Gauge,
        "version",
        "Always 1; version of the running binary as a label.",
    ),
    metric(BEATS, Kind::Counter, "", "Beats of the service's timer."),
    metric(
        BEATS_LATE,
        Kind::Counter,
        "",
        "Beats that the timer had to leave out because the one before took too long.",
    ),
    metric(
        BEATS_HELD,
        Kind::Counter,
        "",
        "Beats not sealed because a fan-out shard had not taken the ones before.",
    ),
    metric(
        BEAT_SECONDS,
        Kind::Histogram,
        "",
        "Time to drain, apply, seal and encode one beat.",
    ),
    metric(
        UPDATES,
        Kind::Counter,
        "venue",
        "Source updates taken into the store, by venue.",
    ),
    metric(
        UPDATES_CHANGED,
        Kind::Counter,
        "venue",
        "Source updates that changed something, by venue.",
    ),
    metric(
        UPDATES_CONFLATED,
        Kind::Counter,
        "venue",
        "Of these, such as found their instrument changed already in the same beat, and went out with it.",
    ),
    metric(
        MISFITS,
        Kind::Counter,
        "",
        "Values that could not be held exactly and cleared their field.",
    ),
    metric(REFUSED, Kind::Counter, "", "Events refused because the store was full."),
    metric(INSTRUMENTS, Kind::Gauge, "", "Instruments ever listed in this epoch."),
    metric(SUBSCRIBERS, Kind::Gauge, "", "Subscribers connected."),
    metric(
        SUBSCRIBERS_SLOW,
        Kind::Gauge,
        "",
        "Subscribers whose socket does not take more now.",
    ),
    metric(
        WAITING,
        Kind::Gauge,
        "",
        "Readers over HTTP who wait: long polls and event streams.",
    ),
    metric(FRAMES, Kind::Counter, "encoding", "Data frames written, by encoding."),
    metric(
        FRAME_BYTES,
        Kind::Counter,
        "encoding",
        "Bytes of data frames written, by encoding, headers included.",
    ),
    metric(
        ENTRIES,
        Kind::Counter,
        "encoding",
        "Instruments' entries in data frames written, by encoding.",
    ),
    metric(
        FRAMES_BUILT,
        Kind::Counter,
        "encoding",
        "Data frames assembled, by encoding; below frames where groups share them.",
    ),
    metric(
        SKIPPED,
        Kind::Counter,
        "",
        "Beats with changes that were dropped for a subscriber that could not keep up.",
    ),
    metric(
        CLOSES,
        Kind::Counter,
        "code",
        "Ends of subscribers' connections, by close code; 0 is a connection that broke.",
    ),
    metric(
        PING_SECONDS,
        Kind::Histogram,
        "",
        "From asking for a WebSocket ping to the subscriber's pong.",
    ),
    metric(CONNECTIONS, Kind::Counter, "", "Subscribers' connections accepted."),
    metric(
        ACCEPTS_FAILED,
        Kind::Counter,
        "",
        "Times that the system refused to accept a connection, such as for lack of descriptors.",
    ),
    metric(
        HANDSHAKES_REFUSED,
        Kind::Counter,
        "reason",
        "Connections, TLS handshakes and WebSocket upgrades refused, by reason.",
    ),
    metric(
        CERTIFICATE_LOOKS_FAILED,
        Kind::Counter,
        "what",
        "Looks at the files of certificates that found what cannot be used, by whose: certificate is the server's own, clients their authorities and lists of revoked ones.",
    ),
    metric(
        CLIENT_ERRORS,
        Kind::Counter,
        "code",
        "Requests of subscribers answered with an error, by code.",
    ),
    metric(
        HTTP_ERRORS,
        Kind::Counter,
        "code",
        "Plain HTTP requests answered with an error, by its code.",
    ),
    metric(
        PUSH_LINES,
        Kind::Counter,
        "outcome",
        "Lines of updates pushed over HTTP, by outcome: accepted or rejected.",
    ),
    metric(
        VENUE_STATE,
        Kind::Gauge,
        "venue",
        "State of a venue's feed: 1 up, 2 stale, 3 down.",
    ),
    metric(FEED_FRAMES, Kind::Counter, "venue", "Frames received from a venue."),
    metric(
        FEED_UPDATES,
        Kind::Counter,
        "venue",
        "Updates made of a venue's frames.",
    ),
    metric(
        FEED_MALFORMED,
        Kind::Counter,
        "venue",
        "Frames of a venue that could not be understood.",
    ),
    metric(
        FEED_PASSED_OVER,
        Kind::Counter,
        "venue",
        "Frames of a venue that are deliberately not used.",
    ),
    metric(
        FEED_STALE,
        Kind::Counter,
        "venue",
        "Frames of a venue older than what was known, dropped.",
    ),
    metric(FEED_GAPS, Kind::Counter, "venue", "Holes in a venue's own numbering."),
    metric(
        FEED_CHECKSUMS,
        Kind::Counter,
        "venue",
        "Order books that did not have the checksum stated by the venue.",
    ),
    metric(FEED_CONNECTS, Kind::Counter, "venue", "Attempts to connect to a venue."),
    metric(
        FEED_HANDOVERS,
        Kind::Counter,
        "venue",
        "Times that a connection was replaced by the next one without a break.",
    ),
    metric(
        FEED_RESYNCS,
        Kind::Counter,
        "venue",
        "Instruments that were asked for anew after lost data.",
    ),
    metric(
        VENUE_LAG_SECONDS,
        Kind::Histogram,
        "venue",
        "From the venue's own stamp to our socket; negative where the venue's clock is ahead.",
    ),
    metric(
        HOP_SECONDS,
        Kind::Histogram,
        "hop",
        "Time in each hop: `feed` from the socket to the engine's queue, `queue` until it is applied to the store, `beat` until it is sealed, `write` until a shard has written it to all whose sockets took it.",
    ),
    metric(
        FEED_RESTARTS,
        Kind::Counter,
        "venue",
        "Times that a feed was started again.",
    ),
    metric(
        FAULTS,
        Kind::Counter,
        "kind",
        "Faults made on purpose for those who test consumers, by kind.",
    ),
    metric(
        RECORD_FRAMES,
        Kind::Counter,
        "venue",
        "Frames of a venue recorded and handed to the system.",
    ),
    metric(
        RECORD_FRAME_BYTES,
        Kind::Counter,
        "venue",
        "Bytes of recorded frames, before compression.",
    ),
    metric(
        RECORD_DROPPED,
        Kind::Counter,
        "venue",
        "Frames of a venue not recorded: the disk did not keep up or failed, or the frame is no text.",
    ),
    metric(
        RECORD_EVENTS,
        Kind::Counter,
        "",
        "Events of feeds recorded to a tape and handed to the system.",
    ),
    metric(
        RECORD_EVENTS_DROPPED,
        Kind::Counter,
        "",
        "Events of feeds not recorded: the disk did not keep up or failed.",
    ),
    metric(
        RECORD_EVENTS_WAITING,
        Kind::Gauge,
        "",
        "Events of feeds that wait for the tape's disk.",
    ),
    metric(
        RECORD_UP,
        Kind::Gauge,
        "",
        "1 while a tape is recorded, 0 once its disk has failed or it has ended.",
    ),
    metric(STATE_WRITTEN, Kind::Counter, "", "Checkpoints of the store written."),
    metric(
        STATE_FAILED,
        Kind::Counter,
        "",
        "Checkpoints of the store that could not be written; serving goes on.",
    ),
    metric(STATE_BYTES, Kind::Gauge, "", "Bytes of the newest checkpoint."),
    metric(
        STATE_WRITTEN_AT,
        Kind::Gauge,
        "",
        "When the newest checkpoint was written, in seconds since 1970.",
    ),
    metric(
        STATE_SECONDS,
        Kind::Histogram,
        "",
        "Time to encode a checkpoint and have it on the disk.",
    ),
    metric(
        PANICS,
        Kind::Counter,
        "",
        "Panics, each a bug: of a session, a feed or a request it ended that one alone.",
    ),
    metric(
        LOG_LINES_LEFT_OUT,
        Kind::Counter,
        "",
        "Lines left out of the log, because there were too many of their kind.",
    ),
];

/// What the process uses, under the names that Prometheus' own libraries give it.
pub const PROCESS: &[Metric] = &[
    metric(
        PROCESS_CPU_SECONDS,
        Kind::Counter,
        "",
        "Processor time of all threads since the process's start.",
    ),
    metric(
        PROCESS_RESIDENT_BYTES,
        Kind::Gauge,
        "",
        "Resident memory of the process.",
    ),
    metric(PROCESS_OPEN_FDS, Kind::Gauge, "", "Open descriptors of the process."),
    metric(
        PROCESS_MAX_FDS,
        Kind::Gauge,
        "",
        "Descriptors that the process may have open.",
    ),
    metric(
        PROCESS_START_SECONDS,
        Kind::Gauge,
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
    // An alert cannot see a counter grow that begins with its first count.
    for what in ["certificate", "clients"] {
        metrics::counter!(CERTIFICATE_LOOKS_FAILED, "what" => what).increment(0);
    }
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
        let section = section.split("\n##").next().unwrap_or_default();
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
                // A moment is a gauge in seconds since 1970.
                *kind == Kind::Histogram || name.contains("start_time") || name.contains("timestamp"),
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
