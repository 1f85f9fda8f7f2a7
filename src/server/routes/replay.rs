//! `/v1/replay`: where a replay is, and how it is driven.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::Identity;
use crate::control::{ReplayCommand, ReplayRemote, ReplayStatus, STEP_MAX, Speed};
use crate::market::Ts;
use crate::server::bounds::REPLAY_BODY_BYTES_MAX;
use crate::server::door::control;
use crate::server::error::ApiError;
use crate::server::reply::json;
use crate::server::{App, Peer};

const ALLOWED: &str = "exactly one of `{\"speed\": 2}` or `{\"speed\": \"max\"}`, `{\"pause\": true}`, \
                       `{\"resume\": true}`, `{\"step\": 5}` and `{\"seek\": \"2026-01-31T12:00:00Z\"}` is allowed";

/// A command as it is asked for. A type of its own, so that an unknown key is named.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    speed: Option<Value>,
    pause: Option<Value>,
    resume: Option<Value>,
    step: Option<Value>,
    seek: Option<Value>,
}

#[derive(Serialize)]
struct Answer {
    state: &'static str,
    /// A number, or `"max"`.
    speed: Value,
    first: String,
    last: String,
    position: String,
    position_time: String,
    progress: f64,
    pass: u64,
    /// For who may drive it, or read statistics: it counts what others may not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    updates: Option<u64>,
    epoch: String,
    /// Why whoever asks may not drive it; absent where it may.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl Answer {
    fn of(status: ReplayStatus, identity: &Identity, refused: Option<String>) -> Answer {
        let may_count = refused.is_none() || identity.entitlement.may_read_statistics;
        let speed = match status.speed {
            Speed::Times(times) => times.into(),
            Speed::Max => "max".into(),
        };
        Answer {
            state: status.state.word(),
            speed,
            first: status.first.0.to_string(),
            last: status.last.0.to_string(),
            position: status.position.0.to_string(),
            position_time: status.position.to_rfc3339(),
            progress: status.progress(),
            pass: status.pass,
            updates: may_count.then_some(status.updates),
            epoch: status.epoch.under(&identity.entitlement.rights).to_string(),
            refused,
        }
    }
}

/// `GET`: where the replay is, and whether whoever asks may drive it.
pub(in crate::server) async fn status(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    request: Request,
) -> Result<Response, ApiError> {
    let refused = app.may(control::REPLAY, &identity, &peer, &request).err();
    let refused = refused.map(|why| why.to_string());
    Ok(answer(remote(&app)?.status(), &identity, refused))
}

/// `POST`: has the replay do something, and says where it is then.
pub(in crate::server) async fn drive(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Extension(identity): Extension<Identity>,
    request: Request,
) -> Result<Response, ApiError> {
    app.may(control::REPLAY, &identity, &peer, &request)
        .map_err(|why| ApiError::forbidden(why.to_string()))?;
    let remote = remote(&app)?;
    let command = command(&read(request.into_body()).await?)?;
    match remote.ask(command).await {
        Some(Ok(status)) => Ok(answer(status, &identity, None)),
        Some(Err(refusal)) => Err(ApiError::invalid(refusal.to_string())),
        None => Err(ApiError::busy("the replay has stopped")),
    }
}

fn remote(app: &App) -> Result<&ReplayRemote, ApiError> {
    let nothing = || ApiError::missing("nothing is replayed here: `tickwire replay FILE` is");
    app.controls.replay.as_ref().ok_or_else(nothing)
}

fn answer(status: ReplayStatus, identity: &Identity, refused: Option<String>) -> Response {
    json(serde_json::to_string(&Answer::of(status, identity, refused)).unwrap_or_default())
}

async fn read(body: Body) -> Result<Vec<u8>, ApiError> {
    let too_long = |_| {
        ApiError::invalid(format!(
            "the body is longer than {REPLAY_BODY_BYTES_MAX} bytes, or broke off"
        ))
    };
    Ok(to_bytes(body, REPLAY_BODY_BYTES_MAX).await.map_err(too_long)?.into())
}

fn command(body: &[u8]) -> Result<ReplayCommand, ApiError> {
    let wrong = |error: serde_json::Error| ApiError::invalid(format!("{error}: {ALLOWED}"));
    // serde would take a list too, key by key.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::invalid(ALLOWED));
    }
    let asked: Asked = serde_json::from_slice(body).map_err(wrong)?;
    match asked {
        Asked {
            speed: Some(value),
            pause: None,
            resume: None,
            step: None,
            seek: None,
        } => speed(&value),
        Asked {
            speed: None,
            pause: Some(value),
            resume: None,
            step: None,
            seek: None,
        } => is_true("pause", &value).map(|()| ReplayCommand::Pause),
        Asked {
            speed: None,
            pause: None,
            resume: Some(value),
            step: None,
            seek: None,
        } => is_true("resume", &value).map(|()| ReplayCommand::Resume),
        Asked {
            speed: None,
            pause: None,
            resume: None,
            step: Some(value),
            seek: None,
        } => step(&value),
        Asked {
            speed: None,
            pause: None,
            resume: None,
            step: None,
            seek: Some(value),
        } => seek(&value),
        _ => Err(ApiError::invalid(ALLOWED)),
    }
}

fn refused(key: &str, value: &Value, allowed: &str) -> ApiError {
    let value: String = value.to_string().chars().take(60).collect();
    ApiError::invalid(format!("`{key}` is {value}: {allowed} is allowed"))
}

fn speed(value: &Value) -> Result<ReplayCommand, ApiError> {
    let speed = match value {
        Value::Number(number) => number.as_f64().and_then(Speed::times),
        Value::String(text) => Speed::parse(text),
        _ => None,
    };
    let speed = speed.ok_or_else(|| refused("speed", value, Speed::ALLOWED))?;
    Ok(ReplayCommand::Speed(speed))
}

fn is_true(key: &str, value: &Value) -> Result<(), ApiError> {
    match value {
        Value::Bool(true) => Ok(()),
        _ => Err(refused(key, value, "`true`")),
    }
}

fn step(value: &Value) -> Result<ReplayCommand, ApiError> {
    let beats = value.as_u64().and_then(|beats| u32::try_from(beats).ok());
    let beats = beats.filter(|beats| (1..=STEP_MAX).contains(beats));
    let allowed = format!("a whole number of beats from 1 to {STEP_MAX}");
    beats
        .map(ReplayCommand::Step)
        .ok_or_else(|| refused("step", value, &allowed))
}

fn seek(value: &Value) -> Result<ReplayCommand, ApiError> {
    let ts = match value {
        Value::Number(number) => number.as_i64().map(Ts),
        Value::String(text) => Ts::parse(text),
        _ => None,
    };
    ts.map(ReplayCommand::Seek)
        .ok_or_else(|| refused("seek", value, Ts::ALLOWED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_body() {
        for (body, want) in [
            (r#"{"speed": 2}"#, ReplayCommand::Speed(Speed::Times(2.0))),
            (r#"{"speed": 0.5}"#, ReplayCommand::Speed(Speed::Times(0.5))),
            (r#"{"speed": "max"}"#, ReplayCommand::Speed(Speed::Max)),
            (r#"{"pause": true}"#, ReplayCommand::Pause),
            (r#"{"resume": true}"#, ReplayCommand::Resume),
            (r#"{"step": 5}"#, ReplayCommand::Step(5)),
            (
                r#"{"seek": 1700000000000000001}"#,
                ReplayCommand::Seek(Ts(1_700_000_000_000_000_001)),
            ),
            (
                r#"{"seek": "1700000000000000001"}"#,
                ReplayCommand::Seek(Ts(1_700_000_000_000_000_001)),
            ),
            (
                r#"{"seek": "2023-11-14T22:13:20.000000001Z"}"#,
                ReplayCommand::Seek(Ts(1_700_000_000_000_000_001)),
            ),
        ] {
            assert_eq!(command(body.as_bytes()).expect(body), want, "{body}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_is_allowed() {
        for (body, part) in [
            ("", "exactly one of"),
            ("[]", "exactly one of"),
            ("[2, null, null, null, null]", "exactly one of"),
            ("{", "exactly one of"),
            ("{}", "exactly one of"),
            (r#"{"pause": true, "resume": true}"#, "exactly one of"),
            (r#"{"rewind": true}"#, "unknown field `rewind`"),
            (
                r#"{"speed": 0}"#,
                "`speed` is 0: a number from 0.1 to 1000 or `max` is allowed",
            ),
            (r#"{"speed": "fast"}"#, "`speed` is \"fast\""),
            (r#"{"speed": true}"#, "`speed` is true"),
            (r#"{"pause": false}"#, "`pause` is false: `true` is allowed"),
            (r#"{"step": 0}"#, "from 1 to 6000"),
            (r#"{"step": 6001}"#, "from 1 to 6000"),
            (r#"{"step": 1.5}"#, "`step` is 1.5"),
            (r#"{"seek": "yesterday"}"#, "RFC 3339"),
            (r#"{"seek": 1e30}"#, "RFC 3339"),
        ] {
            let error = format!("{:?}", command(body.as_bytes()).expect_err(body));
            assert!(!error.contains("struct"), "{body}: {error}");
            let part = part.replace('"', "\\\"");
            assert!(error.contains(&part), "{body}: {error}");
        }
    }
}
