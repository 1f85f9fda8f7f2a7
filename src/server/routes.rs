//! The pages of the service.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;

use super::App;
use super::bounds::URL_BYTES_MAX;
use super::error::ApiError;
use super::query::{Query, VenueStatus};
use super::query_string::pairs;
use super::reply::json;
use super::{Peer, push, replay, upgrade};
use crate::dashboard;
use crate::market::{SymbolPattern, Ts};
use crate::monitor::Recording;

type Shared = State<Arc<App>>;

/// All routes.
pub(super) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/v1/stream", get(stream))
        .route("/v1/symbols", get(symbols))
        .route("/v1/snapshot", get(snapshot))
        .route("/v1/status", get(status))
        .route(
            "/v1/updates",
            post(push::updates).fallback(|| async { ApiError::method("POST") }),
        )
        .route(
            "/v1/replay",
            get(replay::status)
                .post(replay::drive)
                .fallback(|| async { ApiError::method("GET, HEAD, POST") }),
        )
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz));
    for asset in dashboard::ASSETS {
        router = router.route(asset.path, get(move || async move { page(asset) }));
    }
    for asset in dashboard::CLIENT {
        router = router.route(asset.path, get(move || async move { shared(asset) }));
    }
    router
        .fallback(|uri: Uri| async move { ApiError::not_found(uri.path()) })
        .method_not_allowed_fallback(|| async { ApiError::method("GET, HEAD") })
        .layer(middleware::from_fn(check_url))
        .with_state(app)
}

async fn check_url(request: Request, next: Next) -> Response {
    let bytes = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    if bytes > URL_BYTES_MAX {
        return ApiError::url(URL_BYTES_MAX).into_response();
    }
    next.run(request).await
}

fn page(asset: &dashboard::Asset) -> Response {
    let mut response = asset.body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(dashboard::CONTENT_SECURITY_POLICY),
    );
    response
}

/// A script that pages of other origins may import; it holds nothing that is not public.
fn shared(asset: &dashboard::Asset) -> Response {
    let mut response = page(asset);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The only value of one key; other keys and repeated ones are refused.
fn only(uri: &Uri, key: &str) -> Result<Option<String>, ApiError> {
    let mut found = None;
    for (name, value) in pairs(uri.query())? {
        let name_shown: String = name.chars().take(60).collect();
        if name != key {
            return Err(ApiError::invalid(format!(
                "there is no parameter `{name_shown}`: `{key}` is allowed"
            )));
        }
        if found.replace(value).is_some() {
            return Err(ApiError::invalid(format!("parameter `{key}` is given more than once")));
        }
    }
    Ok(found)
}

async fn stream(
    State(app): Shared,
    Extension(peer): Extension<Peer>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let answer = match pairs(uri.query()) {
        Ok(query) => upgrade::upgrade(&app, peer, &query, &headers, request),
        Err(error) => Err(error),
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn symbols(State(app): Shared, uri: Uri) -> Result<Response, ApiError> {
    let pattern = match only(&uri, "match")? {
        Some(text) => Some(SymbolPattern::parse(&text).map_err(|e| ApiError::symbol(e.to_string()))?),
        None => None,
    };
    let body = app.query.run(move |query| query.symbols(pattern.as_ref())).await;
    body.map(json).ok_or_else(ApiError::internal)
}

async fn snapshot(State(app): Shared, uri: Uri) -> Result<Response, ApiError> {
    let list = only(&uri, "symbols")?.filter(|list| !list.is_empty());
    let list =
        list.ok_or_else(|| ApiError::invalid("`symbols` is missing: `symbols=venue:NAME,venue:NAME` is needed"))?;
    let symbols: Vec<String> = list.split(',').map(str::to_owned).collect();
    let body = app.query.run(move |query| query.snapshot(&symbols)).await;
    body.ok_or_else(ApiError::internal)?.map(json)
}

#[derive(Serialize)]
struct Status {
    version: &'static str,
    epoch: String,
    seq: u64,
    ts: String,
    instruments: usize,
    subscribers: usize,
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

async fn status(State(app): Shared) -> Result<Response, ApiError> {
    let figures = app.query.run(Query::figures).await.ok_or_else(ApiError::internal)?;
    let now = Ts::now();
    let status = Status {
        version: env!("CARGO_PKG_VERSION"),
        epoch: figures.epoch.to_string(),
        seq: figures.seq,
        ts: now.as_wire().to_string(),
        instruments: figures.instruments,
        subscribers: app.demand.total(),
        venues: figures.venues,
        beat: BeatStatus {
            on_time: app.health.is_on_time(Instant::now()),
            took_us: app.health.beat_us(),
            left_out: app.health.late(),
            held: app.health.held(),
        },
        recording: app.recording.as_deref().map(RecordingStatus::of),
        replay: app.controls.replay.as_ref().map(|remote| remote.status().state.word()),
    };
    Ok(json(serde_json::to_string(&status).unwrap_or_default()))
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
}

async fn readyz(State(app): Shared) -> Result<Response, ApiError> {
    let mut reasons = Vec::new();
    let figures = app.query.run(Query::figures).await.ok_or_else(ApiError::internal)?;
    if !figures.venues.iter().any(|venue| venue.state == "up") {
        let states = figures
            .venues
            .iter()
            .map(|v| format!("{} is {}", v.name, v.state))
            .collect::<Vec<_>>();
        let states = if states.is_empty() {
            "none has said anything yet".to_owned()
        } else {
            states.join(", ")
        };
        reasons.push(format!("no feed is up: {states}"));
    }
    if !app.health.is_on_time(Instant::now()) {
        reasons.push("the beat is late".to_owned());
    }
    if app.stop.is_cancelled() {
        reasons.push("the server is stopping".to_owned());
    }
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = json(serde_json::to_string(&Readiness { ready, reasons }).unwrap_or_default());
    *response.status_mut() = status;
    Ok(response)
}

async fn metrics(State(app): Shared) -> Response {
    let text = (app.render_metrics)();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response()
}
