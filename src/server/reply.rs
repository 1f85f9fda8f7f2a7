//! Answers in JSON.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};

/// An answer that is true now and not to be kept.
pub(super) fn json(body: impl Into<Body>) -> Response {
    (
        [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        body.into(),
    )
        .into_response()
}
