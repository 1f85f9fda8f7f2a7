//! Answers in JSON, and the tags by which a client asks whether one is still true (RFC 9110, 8.8.3 and 13.1.2).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
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

/// An answer that may be kept, and is asked for again with its tag.
pub(super) fn tagged(mut response: Response, tag: &str) -> Response {
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// The tags of `If-None-Match`.
#[derive(Debug)]
pub(super) struct KnownTags(Vec<String>);

impl KnownTags {
    pub(super) fn of(headers: &HeaderMap) -> KnownTags {
        let values = headers.get_all(header::IF_NONE_MATCH).iter();
        // Ours have no commas in them.
        let tags = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(','));
        KnownTags(tags.map(|tag| tag.trim().to_owned()).collect())
    }

    /// Whether one of them is this: weak and strong ones are alike here, and `*` is any.
    pub(super) fn has(&self, tag: &str) -> bool {
        let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        self.0.iter().any(|known| known == "*" || opaque(known) == opaque(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_weak_or_strong_among_others_or_by_a_star() {
        let has = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.append(header::IF_NONE_MATCH, value.parse().expect("a value"));
            KnownTags::of(&headers).has("W/\"5-7\"")
        };
        for value in ["W/\"5-7\"", "\"5-7\"", "\"a\", W/\"5-7\"", "*"] {
            assert!(has(value), "{value}");
        }
        for value in ["W/\"5-8\"", "5-7", "", "W/\"5-7", "\"*\""] {
            assert!(!has(value), "{value}");
        }
    }
}
