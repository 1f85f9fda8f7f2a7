//! Errors over HTTP: `{"error": {"code": "...", "message": "..."}}`.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::fanout::CloseReason;
use crate::monitor::names;

/// A refused request.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    /// The methods that are allowed; said where another was used.
    allow: &'static str,
    /// How to say who one is (RFC 6750, 3); said where that is needed.
    challenge: &'static str,
}

impl ApiError {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError {
            status,
            code,
            message: message.into(),
            allow: "",
            challenge: "",
        }
    }

    /// 400: the request is wrong.
    pub(super) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_message", message)
    }

    /// 400: a symbol or pattern is wrong.
    pub(super) fn symbol(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_symbol", message)
    }

    /// 400: more of something than one answer may hold.
    pub(super) fn too_many(what: &str, asked: usize, most: usize) -> ApiError {
        let message = format!("{asked} {what} were asked for, at most {most} are allowed at once");
        ApiError::new(StatusCode::BAD_REQUEST, "too_many_symbols", message)
    }

    /// 400: an answer of all that was asked for would be too large.
    pub(super) fn too_much(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "too_many_symbols", message)
    }

    /// 404: there is no such page.
    pub(super) fn not_found(path: &str) -> ApiError {
        let path: String = path.chars().take(200).collect();
        ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("there is no `{path}` here"))
    }

    /// 404: there could be such a thing, but there is none.
    pub(super) fn missing(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// 403: not from here, or not at all.
    pub(super) fn forbidden(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 401: whoever asks has to say who it is.
    pub(super) fn no_credentials() -> ApiError {
        let message = "credentials are needed: send `Authorization: Bearer TOKEN`";
        let error = ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message);
        ApiError {
            challenge: "Bearer",
            ..error
        }
    }

    /// 401: the credentials are nobody's, or not any more. Which of the two is for the log.
    pub(super) fn bad_credentials() -> ApiError {
        let words = CloseReason::BadCredentials.words();
        let error = ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", words);
        let challenge = "Bearer error=\"invalid_token\"";
        ApiError { challenge, ..error }
    }

    /// 405: another method is allowed.
    pub(super) fn method(allow: &'static str) -> ApiError {
        let message = match allow.rsplit_once(", ") {
            Some((others, last)) => format!("only {others} and {last} are allowed here"),
            None => format!("only {allow} is allowed here"),
        };
        let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        ApiError { allow, ..error }
    }

    /// 408: the client has stopped in the middle.
    pub(super) fn timeout(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
    }

    /// 415: a body of another kind is needed.
    pub(super) fn media(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// 414: the URL is too long.
    pub(super) fn url(bytes_max: usize) -> ApiError {
        ApiError::new(
            StatusCode::URI_TOO_LONG,
            "url_too_long",
            format!("a URL may have at most {bytes_max} bytes"),
        )
    }

    /// 426: the WebSocket version is not the one there is (RFC 6455, section 4.4).
    pub(super) fn version() -> ApiError {
        let message = "the WebSocket version must be 13: send `Sec-WebSocket-Version: 13`";
        ApiError::new(StatusCode::UPGRADE_REQUIRED, "invalid_message", message)
    }

    /// 429: more than one address may ask in a second, or one identity have at a time.
    pub(super) fn rate_limited(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
    }

    /// 503: come back later.
    pub(super) fn busy(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// 500: something of ours failed.
    pub(super) fn internal() -> ApiError {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "internal error")
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Words<'a>,
}

#[derive(Serialize)]
struct Words<'a> {
    code: &'a str,
    message: &'a str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        metrics::counter!(names::HTTP_ERRORS, "code" => self.code).increment(1);
        let body = Envelope {
            error: Words {
                code: self.code,
                message: &self.message,
            },
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(self.challenge);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS].contains(&self.status) {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            let headers = response.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static(self.allow));
        }
        if self.status == StatusCode::REQUEST_TIMEOUT {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
