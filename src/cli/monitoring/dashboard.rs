//! A dashboard for Grafana: one row of panels for each part of the way from venue to subscriber.

use serde_json::{Value, json};

use crate::monitor::names::*;

/// Only the servers that are chosen.
const CHOSEN: &str = r#"instance=~"$instance""#;

/// Panels beside each other, of Grafana's 24 columns.
const ABREAST: usize = 3;
/// Height of a panel, in Grafana's rows.
const HEIGHT: usize = 8;

struct Panel {
    title: &'static str,
    /// Grafana's name of the unit.
    unit: &'static str,
    /// What is drawn, and the legend of each.
    lines: Vec<(String, &'static str)>,
}

fn panel(title: &'static str, unit: &'static str, lines: Vec<(String, &'static str)>) -> Panel {
    Panel { title, unit, lines }
}

fn level(name: &str) -> String {
    format!("{name}{{{CHOSEN}}}")
}

fn rate(name: &str) -> String {
    format!("rate({name}{{{CHOSEN}}}[$__rate_interval])")
}

fn quantile(quantile: f64, name: &str) -> String {
    format!("histogram_quantile({quantile}, {})", rate(&format!("{name}_bucket")))
}

/// The dashboard as Grafana imports it.
pub(super) fn dashboard() -> String {
    let rows = [
        ("Service", service()),
        ("Feeds", feeds()),
        ("Subscribers", subscribers()),
        ("Errors and recording", errors()),
    ];
    let (mut panels, mut y) = (Vec::new(), 0);
    for (title, row) in rows {
        let id = panels.len() + 1;
        panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
        }));
        let lines = row.len().div_ceil(ABREAST);
        for (at, panel) in row.iter().enumerate() {
            let (x, y) = (at % ABREAST * (24 / ABREAST), y + 1 + at / ABREAST * HEIGHT);
            panels.push(drawn(panels.len() + 1, panel, (x, y)));
        }
        y += 1 + lines * HEIGHT;
    }
    let whole = json!({
        "title": "tickwire", "uid": "tickwire", "tags": ["tickwire"],
        "schemaVersion": 38, "version": 1, "editable": true, "timezone": "",
        "time": {"from": "now-1h", "to": "now"}, "refresh": "10s",
        "graphTooltip": 1, "annotations": {"list": []}, "links": [],
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
            {
                "name": "instance", "label": "Server", "type": "query", "datasource": source(),
                "query": format!("label_values({BUILD_INFO}, instance)"), "refresh": 2,
                "multi": true, "includeAll": true, "current": {"text": "All", "value": "$__all"},
            },
        ]},
        "panels": panels,
    });
    format!("{whole:#}\n")
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn drawn(id: usize, panel: &Panel, (x, y): (usize, usize)) -> Value {
    let target = |(at, (expr, legend)): (usize, &(String, &str))| {
        let name = char::from(b'A' + at as u8);
        json!({"refId": name.to_string(), "datasource": source(), "expr": expr, "legendFormat": legend})
    };
    let targets: Vec<Value> = panel.lines.iter().enumerate().map(target).collect();
    json!({
        "id": id, "type": "timeseries", "title": panel.title, "datasource": source(),
        "gridPos": {"x": x, "y": y, "w": 24 / ABREAST, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets,
    })
}

fn service() -> Vec<Panel> {
    vec![
        panel(
            "Processor",
            "percentunit",
            vec![(rate(PROCESS_CPU_SECONDS), "{{instance}}")],
        ),
        panel("Memory", "bytes", vec![(level(PROCESS_RESIDENT_BYTES), "{{instance}}")]),
        panel(
            "Descriptors",
            "short",
            vec![(level(PROCESS_OPEN_FDS), "open"), (level(PROCESS_MAX_FDS), "allowed")],
        ),
        panel(
            "Beat: drain, apply, seal, encode",
            "s",
            vec![
                (quantile(0.5, BEAT_SECONDS), "p50"),
                (quantile(0.99, BEAT_SECONDS), "p99"),
            ],
        ),
        panel(
            "Beats",
            "ops",
            vec![
                (rate(BEATS), "beats"),
                (rate(BEATS_LATE), "late"),
                (rate(BEATS_HELD), "held"),
            ],
        ),
        panel(
            "Lag in each hop, p99",
            "s",
            vec![(quantile(0.99, HOP_SECONDS), "{{hop}}")],
        ),
    ]
}

fn feeds() -> Vec<Panel> {
    vec![
        panel(
            "State: 1 up, 2 stale, 3 down",
            "short",
            vec![(level(VENUE_STATE), "{{venue}}")],
        ),
        panel(
            "Updates",
            "ops",
            vec![
                (rate(UPDATES), "{{venue}}"),
                (rate(UPDATES_CHANGED), "{{venue}} changed"),
                (rate(UPDATES_CONFLATED), "{{venue}} conflated"),
            ],
        ),
        panel(
            "Lag from the venue, p99",
            "s",
            vec![(quantile(0.99, VENUE_LAG_SECONDS), "{{venue}}")],
        ),
        panel(
            "Unusable",
            "ops",
            vec![
                (rate(FEED_MALFORMED), "{{venue}} malformed"),
                (rate(FEED_GAPS), "{{venue}} gaps"),
                (rate(FEED_CHECKSUMS), "{{venue}} checksums"),
            ],
        ),
        panel("Attempts to connect", "ops", vec![(rate(FEED_CONNECTS), "{{venue}}")]),
        panel("Instruments", "short", vec![(level(INSTRUMENTS), "{{instance}}")]),
    ]
}

fn subscribers() -> Vec<Panel> {
    vec![
        panel(
            "Connected",
            "short",
            vec![(level(SUBSCRIBERS), "connected"), (level(SUBSCRIBERS_SLOW), "slow")],
        ),
        panel(
            "Coming and going",
            "ops",
            vec![
                (rate(CONNECTIONS), "accepted"),
                (rate(CLOSES), "closed {{code}}"),
                (rate(HANDSHAKES_REFUSED), "refused {{reason}}"),
            ],
        ),
        panel(
            "Round trip of pings",
            "s",
            vec![
                (quantile(0.5, PING_SECONDS), "p50"),
                (quantile(0.99, PING_SECONDS), "p99"),
            ],
        ),
        panel(
            "Frames",
            "ops",
            vec![
                (rate(FRAMES), "{{encoding}}"),
                (rate(FRAMES_BUILT), "{{encoding}} built"),
            ],
        ),
        panel("Entries", "ops", vec![(rate(ENTRIES), "{{encoding}}")]),
        panel("Bytes", "Bps", vec![(rate(FRAME_BYTES), "{{encoding}}")]),
        panel("Skipped beats", "ops", vec![(rate(SKIPPED), "{{instance}}")]),
    ]
}

fn errors() -> Vec<Panel> {
    vec![
        panel(
            "Requests refused",
            "ops",
            vec![
                (rate(CLIENT_ERRORS), "WebSocket {{code}}"),
                (rate(HTTP_ERRORS), "HTTP {{code}}"),
                (rate(ACCEPTS_FAILED), "accepts"),
            ],
        ),
        panel(
            "Values and instruments not held",
            "ops",
            vec![(rate(MISFITS), "values"), (rate(REFUSED), "instruments")],
        ),
        panel(
            "Tape",
            "ops",
            vec![
                (rate(RECORD_EVENTS), "recorded"),
                (rate(RECORD_EVENTS_DROPPED), "dropped"),
            ],
        ),
        panel(
            "Tape: recording, waiting",
            "short",
            vec![
                (level(RECORD_UP), "recording"),
                (level(RECORD_EVENTS_WAITING), "waiting"),
            ],
        ),
    ]
}
