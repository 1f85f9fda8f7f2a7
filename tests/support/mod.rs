//! What the end-to-end tests share: the real binary, peers that behave badly on purpose, and the truth.

// Each test file is a crate of its own, has all of this and uses a part.
#![allow(dead_code)]

pub(crate) mod auth;
pub(crate) mod captures;
pub(crate) mod client_certificates;
pub(crate) mod events;
pub(crate) mod follower;
pub(crate) mod frame;
pub(crate) mod history;
pub(crate) mod http;
pub(crate) mod market;
pub(crate) mod node;
pub(crate) mod output;
pub(crate) mod peer;
pub(crate) mod process;
pub(crate) mod prometheus;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod request;
pub(crate) mod rows;
pub(crate) mod server;
pub(crate) mod siege;
pub(crate) mod tape;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod truth;
pub(crate) mod venue;

use std::io::Write as _;
use std::time::{Duration, Instant};

use tickwire::wire::Encoding;

/// Far more than anything here takes on a loaded machine of two cores: a test that waits so long has failed.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Looks again and again until `look` finds something.
///
/// For conditions that nothing announces, such as a figure among the metrics.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs something for each encoding, all at once.
pub(crate) fn in_each_encoding(run: impl Fn(Encoding) + Sync) {
    std::thread::scope(|scope| {
        for encoding in Encoding::ALL {
            let run = &run;
            std::thread::Builder::new()
                .name(encoding.to_string())
                .spawn_scoped(scope, move || run(encoding))
                .expect("a thread");
        }
    });
}

/// Says that something is not tested here and why; with `TICKWIRE_TEST_STRICT=1` that is a failure.
pub(crate) fn skipped(why: &str) {
    let is_strict = std::env::var("TICKWIRE_TEST_STRICT").is_ok_and(|v| v == "1");
    assert!(!is_strict, "{why}");
    // Past the harness, which keeps what passing tests print to itself.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
