//! What the rows of the files of credentials have in common.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;

use super::entitlement::{Entitlement, Entitlements};
use super::error::AuthError;
use super::identity::{NAME_ALLOWED, is_name};

/// What is wrong in a file, and at which byte of it.
pub(super) type Wrong = (usize, String);

/// Reads a file by its text. Blocks on it.
///
/// # Errors
/// It cannot be read, or what is wrong in it.
pub(super) fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<T, AuthError> {
    let file = path.to_owned();
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|why| AuthError::Content { file, why }),
        Err(source) => Err(AuthError::Read { file, source }),
    }
}

/// Reads a file's tables.
///
/// # Errors
/// Not in the parser's own words, which have an excerpt: where a token was put in the place of its hash, it would stand in
/// the log.
pub(super) fn tables<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let wrong = |error: toml::de::Error| located(text, error.span().map_or(0, |span| span.start), error.message());
    toml::from_str(text).map_err(wrong)
}

/// What is wrong, with its line.
pub(super) fn located(text: &str, at: usize, why: &str) -> String {
    let before = text.get(..at).unwrap_or_default();
    format!("line {}: {why}", before.matches('\n').count() + 1)
}

/// A row's name, if it can be an identity's.
pub(super) fn name(name: Spanned<String>) -> Result<Arc<str>, Wrong> {
    match is_name(name.get_ref()) {
        true => Ok(name.into_inner().into()),
        false => Err((name.span().start, format!("`name` is not allowed: {NAME_ALLOWED} is"))),
    }
}

/// The entitlement that a row names.
pub(super) fn entitlement(name: &Spanned<String>, entitlements: &Entitlements) -> Result<Arc<Entitlement>, Wrong> {
    let missing = || {
        let (given, names) = (name.get_ref(), entitlements.names());
        (name.span().start, format!("there is no entitlement `{given}`: {names}"))
    };
    entitlements.get(name.get_ref()).cloned().ok_or_else(missing)
}
