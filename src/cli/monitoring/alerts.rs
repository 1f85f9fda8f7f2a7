//! Alert rules for Prometheus: each names one situation that somebody has to look at, and what to look at first.

use serde_json::Value;

use crate::monitor::names::*;

/// The servers' job in Prometheus' configuration, for what is not counted under names of our own.
const JOB: &str = r#"{job="tickwire"}"#;

/// Somebody is to get up.
const CRITICAL: &str = "critical";
/// Somebody is to look at it by day.
const WARNING: &str = "warning";

struct Alert {
    name: &'static str,
    expr: String,
    /// How long it has to be so.
    lasts: &'static str,
    severity: &'static str,
    summary: &'static str,
    description: &'static str,
}

/// All rules as a file of Prometheus.
pub(super) fn rules() -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let mut text = String::from("# Made by `tickwire monitoring alerts`.\ngroups:\n  - name: tickwire\n    rules:\n");
    let groups = [service(), feeds(), subscribers(), recording()];
    for alert in groups.into_iter().flatten() {
        // A text in JSON is one in YAML.
        let [expr, summary, description] = [&alert.expr, alert.summary, alert.description].map(quoted);
        text += &format!(
            "      - alert: {}\n        expr: {expr}\n        for: {}\n        labels:\n          severity: {}\n        \
             annotations:\n          summary: {summary}\n          description: {description}\n",
            alert.name, alert.lasts, alert.severity
        );
    }
    text
}

/// The process and its beat.
fn service() -> Vec<Alert> {
    vec![
        Alert {
            name: "TickwireDown",
            expr: format!("up{JOB} == 0 or absent(up{JOB})"),
            lasts: "30s",
            severity: CRITICAL,
            summary: "{{ $labels.instance }} does not answer",
            description: "Prometheus cannot read /metrics. See whether the process runs, and its log.",
        },
        Alert {
            name: "TickwireRestarts",
            expr: format!("changes({PROCESS_START_SECONDS}{JOB}[15m]) > 1"),
            lasts: "0s",
            severity: CRITICAL,
            summary: "{{ $labels.instance }} starts again and again",
            description: "It began anew {{ $value }} times within 15 minutes. The log says why it ended.",
        },
        // One beat in a hundred.
        Alert {
            name: "TickwireBeatLate",
            expr: format!("rate({BEATS_LATE}[1m]) > 1 or rate({BEATS_HELD}[1m]) > 1"),
            lasts: "1m",
            severity: WARNING,
            summary: "{{ $labels.instance }} does not keep the beat",
            description: "{{ $value | humanize }} beats a second are left out or held. The machine lacks processor time, or \
                          more is asked for than it can send.",
        },
        Alert {
            name: "TickwireInternalLag",
            expr: format!("histogram_quantile(0.99, rate({HOP_SECONDS}_bucket[5m])) > 0.05"),
            lasts: "5m",
            severity: WARNING,
            summary: "{{ $labels.instance }} lags in its hop {{ $labels.hop }}",
            description: "One update in a hundred takes {{ $value | humanizeDuration }} there.",
        },
        Alert {
            name: "TickwireDescriptorsShort",
            expr: format!("{PROCESS_OPEN_FDS}{JOB} > 0.9 * {PROCESS_MAX_FDS} or increase({ACCEPTS_FAILED}[5m]) > 0"),
            lasts: "0s",
            severity: CRITICAL,
            summary: "{{ $labels.instance }} runs out of descriptors",
            description: "New connections will be refused or are. Raise the bound on open files (LimitNOFILE), or lower \
                          max_connections.",
        },
        Alert {
            name: "TickwireInternalErrors",
            expr: format!(
                r#"sum without (code) (increase({CLOSES}{{code="4004"}}[5m])) > 0 or sum without (code) (increase({HTTP_ERRORS}{{code="internal"}}[5m])) > 0 or increase({PANICS}[5m]) > 0"#
            ),
            lasts: "0s",
            severity: CRITICAL,
            summary: "{{ $labels.instance }} has internal errors",
            description: "Subscribers were answered or closed with an internal error. The log says more.",
        },
    ]
}

/// What comes in.
fn feeds() -> Vec<Alert> {
    vec![
        Alert {
            name: "TickwireFeedStale",
            expr: format!("{VENUE_STATE} == 2"),
            lasts: "30s",
            severity: WARNING,
            summary: "{{ $labels.venue }} is stale on {{ $labels.instance }}",
            description: "What subscribers see of this venue is old, and marked so. /v1/status says the cause.",
        },
        Alert {
            name: "TickwireFeedDown",
            expr: format!("{VENUE_STATE} == 3"),
            lasts: "1m",
            severity: CRITICAL,
            summary: "{{ $labels.venue }} is down on {{ $labels.instance }}",
            description: "The feed is not connected, or has ended. /v1/status says the cause.",
        },
        Alert {
            name: "TickwireVenueLag",
            expr: format!("histogram_quantile(0.99, rate({VENUE_LAG_SECONDS}_bucket[5m])) > 1"),
            lasts: "5m",
            severity: WARNING,
            summary: "{{ $labels.venue }} comes late to {{ $labels.instance }}",
            description: "One message in a hundred is {{ $value | humanizeDuration }} old when it comes. See the network, \
                          and whether the machine's clock is right.",
        },
        Alert {
            name: "TickwireFeedErrors",
            expr: format!(
                "increase({FEED_MALFORMED}[5m]) + increase({FEED_GAPS}[5m]) + increase({FEED_CHECKSUMS}[5m]) > 10"
            ),
            lasts: "0s",
            severity: WARNING,
            summary: "{{ $labels.venue }} sends what cannot be used to {{ $labels.instance }}",
            description: "{{ $value | humanize }} malformed messages, gaps and wrong checksums within 5 minutes. The log \
                          shows the first of each kind.",
        },
        Alert {
            name: "TickwireValuesRefused",
            expr: format!("increase({MISFITS}[5m]) + increase({REFUSED}[5m]) > 0"),
            lasts: "0s",
            severity: WARNING,
            summary: "{{ $labels.instance }} cannot hold what venues say",
            description: "Values did not fit, or the store is full: see max_instruments. The log names them.",
        },
    ]
}

/// What goes out.
fn subscribers() -> Vec<Alert> {
    vec![
        // One beat in a hundred for each subscriber.
        Alert {
            name: "TickwireSkippedBeats",
            expr: format!("rate({SKIPPED}[5m]) > clamp_min({SUBSCRIBERS}, 1)"),
            lasts: "5m",
            severity: WARNING,
            summary: "Subscribers of {{ $labels.instance }} miss beats",
            description: "{{ $value | humanize }} beats a second are conflated for subscribers that do not keep up: the \
                          network is short, or they are slow.",
        },
        Alert {
            name: "TickwireSlowConsumers",
            expr: format!("{SUBSCRIBERS_SLOW} > 0.1 * {SUBSCRIBERS}"),
            lasts: "1m",
            severity: WARNING,
            summary: "Many subscribers of {{ $labels.instance }} are slow",
            description: "{{ $value }} do not take more now, above a tenth of all.",
        },
        Alert {
            name: "TickwireSlowConsumersLetGo",
            expr: format!(r#"increase({CLOSES}{{code="4008"}}[5m]) > 10"#),
            lasts: "0s",
            severity: WARNING,
            summary: "{{ $labels.instance }} lets slow subscribers go",
            description: "{{ $value | humanize }} did not read a frame within slow_consumer_ms.",
        },
        // One a second.
        Alert {
            name: "TickwireRequestErrors",
            expr: format!(
                "sum without (code) (rate({CLIENT_ERRORS}[5m])) > 1 or sum without (code) (rate({HTTP_ERRORS}[5m])) > 1 or \
                 sum without (reason) (rate({HANDSHAKES_REFUSED}[5m])) > 1"
            ),
            lasts: "5m",
            severity: WARNING,
            summary: "{{ $labels.instance }} refuses many requests",
            description: "{{ $value | humanize }} a second are answered with an error.",
        },
        // There are 60 looks in 5 minutes; one or two may fall between the files of a renewal.
        Alert {
            name: "TickwireCertificateFiles",
            expr: format!("increase({CERTIFICATE_LOOKS_FAILED}[5m]) > 6"),
            lasts: "0s",
            severity: WARNING,
            summary: "{{ $labels.instance }} cannot use its files of certificates",
            description: "Of {{ $labels.what }} the files before still count: what is renewed or revoked since does not. The \
                          log says what is wrong.",
        },
    ]
}

/// What goes to the disk.
fn recording() -> Vec<Alert> {
    vec![Alert {
        name: "TickwireRecordingFailed",
        expr: format!("{RECORD_UP} == 0 or increase({RECORD_EVENTS_DROPPED}[5m]) > 0"),
        lasts: "0s",
        severity: CRITICAL,
        summary: "{{ $labels.instance }} does not record everything",
        description: "The tape's disk has failed, is full or does not keep up. /v1/status says the cause.",
    }]
}
