//! Every metric's name, type and meaning, described once at start.
//!
//! Labels are few and bounded: venue, encoding, close code, kind. Never a symbol, never a subscriber.

use metrics::{describe_counter, describe_gauge, describe_histogram};

/// What a metric is.
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Name, kind and help of every metric.
const ALL: &[(&str, Kind, &str)] = &[
    (
        BUILD_INFO,
        Kind::Gauge,
        "Always 1; version of the running binary as a label.",
    ),
    (BEATS, Kind::Counter, "Beats of the service's timer."),
    (
        BEATS_LATE,
        Kind::Counter,
        "Beats that the timer had to leave out because the one before took too long.",
    ),
    (
        BEATS_HELD,
        Kind::Counter,
        "Beats not sealed because a fan-out shard had not taken the ones before.",
    ),
    (
        BEAT_SECONDS,
        Kind::Histogram,
        "Time to drain, apply, seal and encode one beat.",
    ),
    (UPDATES, Kind::Counter, "Source updates taken into the store, by venue."),
    (
        UPDATES_CHANGED,
        Kind::Counter,
        "Source updates that changed something, by venue.",
    ),
    (
        MISFITS,
        Kind::Counter,
        "Values that could not be held exactly and cleared their field.",
    ),
    (REFUSED, Kind::Counter, "Events refused because the store was full."),
    (INSTRUMENTS, Kind::Gauge, "Instruments ever listed in this epoch."),
    (SUBSCRIBERS, Kind::Gauge, "Subscribers connected."),
    (
        SUBSCRIBERS_SLOW,
        Kind::Gauge,
        "Subscribers whose socket does not take more now.",
    ),
    (
        WAITING,
        Kind::Gauge,
        "Readers over HTTP who wait: long polls and event streams.",
    ),
    (FRAMES, Kind::Counter, "Data frames written, by encoding."),
    (
        FRAME_BYTES,
        Kind::Counter,
        "Bytes of data frames written, by encoding, headers included.",
    ),
    (
        ENTRIES,
        Kind::Counter,
        "Instruments' entries in data frames written, by encoding.",
    ),
    (
        FRAMES_BUILT,
        Kind::Counter,
        "Data frames assembled, by encoding; below frames where groups share them.",
    ),
    (
        SKIPPED,
        Kind::Counter,
        "Beats with changes that were dropped for a subscriber that could not keep up.",
    ),
    (
        CLOSES,
        Kind::Counter,
        "Ends of subscribers' connections, by close code; 0 is a connection that broke.",
    ),
    (
        PING_SECONDS,
        Kind::Histogram,
        "From asking for a WebSocket ping to the subscriber's pong.",
    ),
    (CONNECTIONS, Kind::Counter, "Subscribers' connections accepted."),
    (
        HANDSHAKES_REFUSED,
        Kind::Counter,
        "WebSocket upgrades refused, by reason.",
    ),
    (
        CLIENT_ERRORS,
        Kind::Counter,
        "Requests of subscribers answered with an error, by code.",
    ),
    (
        PUSH_LINES,
        Kind::Counter,
        "Lines of updates pushed over HTTP, by outcome: accepted or rejected.",
    ),
    (
        VENUE_STATE,
        Kind::Gauge,
        "State of a venue's feed: 1 up, 2 stale, 3 down.",
    ),
    (FEED_FRAMES, Kind::Counter, "Frames received from a venue."),
    (FEED_UPDATES, Kind::Counter, "Updates made of a venue's frames."),
    (
        FEED_MALFORMED,
        Kind::Counter,
        "Frames of a venue that could not be understood.",
    ),
    (
        FEED_PASSED_OVER,
        Kind::Counter,
        "Frames of a venue that are deliberately not used.",
    ),
    (
        FEED_STALE,
        Kind::Counter,
        "Frames of a venue older than what was known, dropped.",
    ),
    (FEED_GAPS, Kind::Counter, "Holes in a venue's own numbering."),
    (
        FEED_CHECKSUMS,
        Kind::Counter,
        "Order books that did not have the checksum stated by the venue.",
    ),
    (FEED_CONNECTS, Kind::Counter, "Attempts to connect to a venue."),
    (
        FEED_HANDOVERS,
        Kind::Counter,
        "Times that a connection was replaced by the next one without a break.",
    ),
    (
        FEED_RESYNCS,
        Kind::Counter,
        "Instruments that were asked for anew after lost data.",
    ),
    (
        VENUE_LAG_SECONDS,
        Kind::Histogram,
        "From the venue's own stamp to our socket; negative where the venue's clock is ahead.",
    ),
    (
        HOP_SECONDS,
        Kind::Histogram,
        "Time in each hop: `feed` from the socket to the engine's queue, `queue` until it is applied to the store, `beat` \
         until it is sealed, `write` until a shard has written it to all whose sockets took it.",
    ),
    (FEED_RESTARTS, Kind::Counter, "Times that a feed was started again."),
    (
        FAULTS,
        Kind::Counter,
        "Faults made on purpose for those who test consumers, by kind.",
    ),
    (
        RECORD_FRAMES,
        Kind::Counter,
        "Frames of a venue recorded and handed to the system.",
    ),
    (
        RECORD_FRAME_BYTES,
        Kind::Counter,
        "Bytes of recorded frames, before compression.",
    ),
    (
        RECORD_DROPPED,
        Kind::Counter,
        "Frames of a venue not recorded: the disk did not keep up or failed, or the frame is no text.",
    ),
    (
        RECORD_EVENTS,
        Kind::Counter,
        "Events of feeds recorded to a tape and handed to the system.",
    ),
    (
        RECORD_EVENTS_DROPPED,
        Kind::Counter,
        "Events of feeds not recorded: the disk did not keep up or failed.",
    ),
    (
        RECORD_EVENTS_WAITING,
        Kind::Gauge,
        "Events of feeds that wait for the tape's disk.",
    ),
    (
        RECORD_UP,
        Kind::Gauge,
        "1 while a tape is recorded, 0 once its disk has failed or it has ended.",
    ),
    (STATE_WRITTEN, Kind::Counter, "Checkpoints of the store written."),
    (
        STATE_FAILED,
        Kind::Counter,
        "Checkpoints of the store that could not be written; serving goes on.",
    ),
    (STATE_BYTES, Kind::Gauge, "Bytes of the newest checkpoint."),
    (
        STATE_WRITTEN_AT,
        Kind::Gauge,
        "When the newest checkpoint was written, in seconds since 1970.",
    ),
    (
        STATE_SECONDS,
        Kind::Histogram,
        "Time to encode a checkpoint and have it on the disk.",
    ),
];

/// Upper bounds of each histogram's buckets, in seconds.
pub const BUCKETS: &[(&str, &[f64])] = &[
    (BEAT_SECONDS, WITHIN),
    (HOP_SECONDS, WITHIN),
    (STATE_SECONDS, &[0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0]),
    (
        PING_SECONDS,
        &[0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0],
    ),
    // Below zero is a venue's clock that is ahead of ours.
    (
        VENUE_LAG_SECONDS,
        &[
            -1.0, -0.1, -0.01, 0.0, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0,
        ],
    ),
];

/// Within the service: from a fraction of a beat to ten of them.
const WITHIN: &[f64] = &[
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
];

/// Build information.
pub const BUILD_INFO: &str = "tickwire_build_info";
/// Beats of the timer.
pub const BEATS: &str = "tickwire_beats_total";
/// Beats left out by the timer.
pub const BEATS_LATE: &str = "tickwire_beats_late_total";
/// Beats not sealed for lack of room downstream.
pub const BEATS_HELD: &str = "tickwire_beats_held_total";
/// Duration of a beat in the engine.
pub const BEAT_SECONDS: &str = "tickwire_beat_seconds";
/// Source updates taken.
pub const UPDATES: &str = "tickwire_updates_total";
/// Source updates that changed something.
pub const UPDATES_CHANGED: &str = "tickwire_updates_changed_total";
/// Values that did not fit.
pub const MISFITS: &str = "tickwire_misfits_total";
/// Events refused by a full store.
pub const REFUSED: &str = "tickwire_refused_total";
/// Instruments listed.
pub const INSTRUMENTS: &str = "tickwire_instruments";
/// Subscribers connected.
pub const SUBSCRIBERS: &str = "tickwire_subscribers";
/// Subscribers with a full socket.
pub const SUBSCRIBERS_SLOW: &str = "tickwire_subscribers_slow";
/// Polls that wait, and event streams.
pub const WAITING: &str = "tickwire_waiting_readers";
/// Data frames written.
pub const FRAMES: &str = "tickwire_frames_total";
/// Bytes of data frames written.
pub const FRAME_BYTES: &str = "tickwire_frame_bytes_total";
/// Entries in data frames written.
pub const ENTRIES: &str = "tickwire_entries_total";
/// Data frames assembled.
pub const FRAMES_BUILT: &str = "tickwire_frames_built_total";
/// Beats dropped for slow subscribers.
pub const SKIPPED: &str = "tickwire_skipped_beats_total";
/// Connections ended.
pub const CLOSES: &str = "tickwire_closes_total";
/// Round trips of pings.
pub const PING_SECONDS: &str = "tickwire_ping_seconds";
/// Connections accepted.
pub const CONNECTIONS: &str = "tickwire_connections_total";
/// Upgrades refused.
pub const HANDSHAKES_REFUSED: &str = "tickwire_handshakes_refused_total";
/// Requests refused.
pub const CLIENT_ERRORS: &str = "tickwire_client_errors_total";
/// Lines pushed.
pub const PUSH_LINES: &str = "tickwire_push_lines_total";
/// State of a venue's feed.
pub const VENUE_STATE: &str = "tickwire_venue_state";
/// Frames from a venue.
pub const FEED_FRAMES: &str = "tickwire_feed_frames_total";
/// Updates from a venue.
pub const FEED_UPDATES: &str = "tickwire_feed_updates_total";
/// Frames not understood.
pub const FEED_MALFORMED: &str = "tickwire_feed_malformed_total";
/// Frames not used.
pub const FEED_PASSED_OVER: &str = "tickwire_feed_passed_over_total";
/// Frames too old.
pub const FEED_STALE: &str = "tickwire_feed_stale_total";
/// Holes in a venue's numbering.
pub const FEED_GAPS: &str = "tickwire_feed_gaps_total";
/// Wrong checksums.
pub const FEED_CHECKSUMS: &str = "tickwire_feed_checksums_total";
/// Connection attempts.
pub const FEED_CONNECTS: &str = "tickwire_feed_connects_total";
/// Connections replaced without a break.
pub const FEED_HANDOVERS: &str = "tickwire_feed_handovers_total";
/// Instruments asked for anew.
pub const FEED_RESYNCS: &str = "tickwire_feed_resyncs_total";
/// Venue's stamp to our socket.
pub const VENUE_LAG_SECONDS: &str = "tickwire_venue_lag_seconds";
/// Time in each hop.
pub const HOP_SECONDS: &str = "tickwire_hop_seconds";
/// Feed restarts.
pub const FEED_RESTARTS: &str = "tickwire_feed_restarts_total";
/// Faults made on purpose.
pub const FAULTS: &str = "tickwire_faults_total";
/// Frames recorded.
pub const RECORD_FRAMES: &str = "tickwire_record_frames_total";
/// Bytes of frames recorded.
pub const RECORD_FRAME_BYTES: &str = "tickwire_record_frame_bytes_total";
/// Frames not recorded.
pub const RECORD_DROPPED: &str = "tickwire_record_dropped_total";
/// Events recorded.
pub const RECORD_EVENTS: &str = "tickwire_record_events_total";
/// Events not recorded.
pub const RECORD_EVENTS_DROPPED: &str = "tickwire_record_events_dropped_total";
/// Events that wait for the disk.
pub const RECORD_EVENTS_WAITING: &str = "tickwire_record_events_waiting";
/// Whether a tape is recorded.
pub const RECORD_UP: &str = "tickwire_record_up";
/// Checkpoints written.
pub const STATE_WRITTEN: &str = "tickwire_state_checkpoints_total";
/// Checkpoints not written.
pub const STATE_FAILED: &str = "tickwire_state_checkpoints_failed_total";
/// Size of the newest checkpoint.
pub const STATE_BYTES: &str = "tickwire_state_checkpoint_bytes";
/// Time of the newest checkpoint.
pub const STATE_WRITTEN_AT: &str = "tickwire_state_checkpoint_timestamp_seconds";
/// Time that a checkpoint took.
pub const STATE_SECONDS: &str = "tickwire_state_checkpoint_seconds";

/// Processor time, and its meaning.
pub const PROCESS_CPU_SECONDS: (&str, &str) = (
    "process_cpu_seconds_total",
    "Processor time of all threads since the process's start.",
);
/// Memory, and its meaning.
pub const PROCESS_RESIDENT_BYTES: (&str, &str) = ("process_resident_memory_bytes", "Resident memory of the process.");

/// Describes every metric to the installed recorder, and says what is running.
pub fn describe() {
    for (name, kind, help) in ALL {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Histogram => describe_histogram!(*name, *help),
        }
    }
    metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}
