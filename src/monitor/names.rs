//! Every metric's name; [`super::catalogue`] says what each means.
//!
//! Labels are few and bounded: venue, encoding, close code, kind. Never a symbol, never a subscriber.

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
/// Source updates merged with others of their instrument.
pub const UPDATES_CONFLATED: &str = "tickwire_updates_conflated_total";
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
/// Connections that the system refused to accept.
pub const ACCEPTS_FAILED: &str = "tickwire_accepts_failed_total";
/// Upgrades refused.
pub const HANDSHAKES_REFUSED: &str = "tickwire_handshakes_refused_total";
/// Looks at the files of certificates after which the ones before stayed.
pub const CERTIFICATE_LOOKS_FAILED: &str = "tickwire_certificate_looks_failed_total";
/// Requests refused.
pub const CLIENT_ERRORS: &str = "tickwire_client_errors_total";
/// Plain HTTP requests refused.
pub const HTTP_ERRORS: &str = "tickwire_http_errors_total";
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
/// Panics.
pub const PANICS: &str = "tickwire_panics_total";
/// Lines left out of the log.
pub const LOG_LINES_LEFT_OUT: &str = "tickwire_log_lines_left_out_total";

/// Processor time.
pub const PROCESS_CPU_SECONDS: &str = "process_cpu_seconds_total";
/// Memory.
pub const PROCESS_RESIDENT_BYTES: &str = "process_resident_memory_bytes";
/// Open descriptors.
pub const PROCESS_OPEN_FDS: &str = "process_open_fds";
/// Descriptors that may be open.
pub const PROCESS_MAX_FDS: &str = "process_max_fds";
/// When the process began.
pub const PROCESS_START_SECONDS: &str = "process_start_time_seconds";
