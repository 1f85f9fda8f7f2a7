//! What the end-to-end tests share: the real binary, peers that behave badly on purpose, and the truth.

// Each test is a crate of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod captures;
pub(crate) mod follower;
pub(crate) mod http;
pub(crate) mod peer;
pub(crate) mod proxy;
pub(crate) mod rows;
pub(crate) mod server;
pub(crate) mod truth;

use std::time::{Duration, Instant};

/// Far more than anything here takes on a loaded machine of two cores: a test that waits so long has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Looks again and again until `look` finds something.
///
/// For conditions that nothing announces, such as a figure among the metrics.
pub(crate) fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Says that something is not tested here and why; with `TICKWIRE_TEST_STRICT=1` that is a failure.
pub(crate) fn skipped(why: &str) {
    let is_strict = std::env::var("TICKWIRE_TEST_STRICT").is_ok_and(|v| v == "1");
    assert!(!is_strict, "{why}");
    eprintln!("skipped: {why}");
}
