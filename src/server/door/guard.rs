//! What every request and every answer passes: bounds, names, and what other sites' pages may see.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, REFERRER_POLICY,
    UPGRADE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::origins::{HostFault, Origins, Page};
use crate::server::App;
use crate::server::bounds::URL_BYTES_MAX;
use crate::server::error::ApiError;
use crate::server::url::STREAM_PATH;

/// What a page of another site may send, and read of an answer.
const MAY_SEND: &str = "Authorization, Content-Type, If-None-Match, Last-Event-ID";
const MAY_READ: &str = "ETag, Retry-After";

/// How long a browser need not ask again: browsers forget after two hours at most.
const PREFLIGHT_SECONDS: &str = "600";

/// Refuses what is refused everywhere, answers preflights, and puts on each answer what browsers go by.
pub(in crate::server) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let page = app.origins.page(request.headers());
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = match check(&app.origins, page, &request) {
        Err(error) => error.into_response(),
        Ok(()) if is_preflight(&request) && is_shared(page) => preflight(),
        Ok(()) => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if app.origins.vary() {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    if !app.origins.vary() {
        share(headers, HeaderValue::from_static("*"));
    } else if let Some(origin) = origin.filter(|_| is_shared(page)) {
        share(headers, origin);
    }
    response
}

fn check(origins: &Origins, page: Page, request: &Request) -> Result<(), ApiError> {
    let bytes = request.uri().path_and_query().map_or(0, |p| p.as_str().len());
    if bytes > URL_BYTES_MAX {
        return Err(ApiError::url(URL_BYTES_MAX));
    }
    match origins.check_host(request.headers(), request.version() >= Version::HTTP_11) {
        // A browser's socket is told by its close code.
        Err(HostFault::Foreign) if page != Page::Unsaid && is_socket(request) => Ok(()),
        Err(fault @ HostFault::Foreign) => Err(ApiError::forbidden(fault.to_string())),
        Err(fault @ HostFault::Malformed) => Err(ApiError::invalid(fault.to_string())),
        Ok(()) => Ok(()),
    }
}

fn is_socket(request: &Request) -> bool {
    request.uri().path() == STREAM_PATH && request.headers().contains_key(UPGRADE)
}

/// Whether the page sees what is answered. Its own origin is told too: behind a proxy the browser may find it another.
fn is_shared(page: Page) -> bool {
    matches!(page, Page::Own | Page::Named | Page::Any)
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, MAY_SEND),
        (ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Fetch standard, 3.2. Where all may read the answer is the same for all, so that any cache may keep it.
fn share(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(MAY_READ));
}
