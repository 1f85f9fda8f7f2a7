//! `GET /v1/status`: what there is, and how it fares.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;

use crate::auth::Identity;
use crate::market::Ts;
use crate::monitor::Recording;
use crate::server::App;
use crate::server::door::Door;
use crate::server::error::ApiError;
use crate::server::reply::json;
use crate::server::table::VenueStatus;

#[derive(Serialize)]
struct Status {
    version: &'static str,
    epoch: String,
    seq: u64,
    ts: String,
    instruments: usize,
    /// Who asks, where the server knows anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    subscribers: usize,
    waiting: usize,
    venues: Vec<VenueStatus>,
    beat: BeatStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<RecordingStatus>,
    /// What a replay does, where there is one: `/v1/replay` says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay: Option<&'static str>,
}

#[derive(Serialize)]
struct RecordingStatus {
    file: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    records: u64,
    dropped: u64,
    file_bytes: u64,
}

impl RecordingStatus {
    fn of(recording: &Recording) -> RecordingStatus {
        let state = recording.state();
        RecordingStatus {
            file: state.file.display().to_string(),
            state: if state.is_running { "recording" } else { "failed" },
            error: state.error,
            records: state.records,
            dropped: state.dropped,
            file_bytes: state.file_bytes,
        }
    }
}

#[derive(Serialize)]
struct BeatStatus {
    on_time: bool,
    took_us: u64,
    left_out: u64,
    held: u64,
}

/// Answers with what there is, as far as whoever asks may see it.
///
/// # Errors
/// Where the table cannot be asked.
pub(in crate::server) async fn status(
    State(app): State<Arc<App>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, ApiError> {
    let is_guarded = matches!(app.door, Door::Guarded(_));
    let name = is_guarded.then(|| identity.name().to_string());
    let entitlement = identity.entitlement;
    let rights = entitlement.rights.clone();
    let figures = app
        .query
        .run(move |query| query.figures(&rights))
        .await
        .ok_or_else(ApiError::internal)?;
    let now = Ts::now();
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        epoch: figures.epoch.to_string(),
        seq: figures.seq,
        ts: now.as_wire().to_string(),
        instruments: figures.instruments,
        identity: name,
        subscribers: app.demand.total(),
        waiting: figures.waiting,
        venues: figures.venues,
        beat: BeatStatus {
            on_time: app.health.is_on_time(Instant::now()),
            took_us: app.health.beat_us(),
            left_out: app.health.late(),
            held: app.health.held(),
        },
        // It names files of this machine.
        recording: app
            .recording
            .as_deref()
            .filter(|_| entitlement.may_read_statistics)
            .map(RecordingStatus::of),
        replay: app.controls.replay.as_ref().map(|remote| remote.status().state.word()),
    };
    Ok(json(serde_json::to_string(&status).unwrap_or_default()))
}
