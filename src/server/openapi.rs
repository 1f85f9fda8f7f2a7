//! The description of every path over HTTP (OpenAPI 3.1), which is kept true by tests.

/// The document at `/v1/openapi.json`.
pub(super) const DOCUMENT: &str = include_str!("openapi.json");
