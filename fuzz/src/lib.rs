//! What is checked of each input, one function a target. `fuzz_targets/` feeds them what libFuzzer makes up,
//! `tests/corpora.rs` the files of `corpus/`.
//!
//! A check panics where the service has broken a promise; that it does not panic by itself is the least of them. Uses
//! nothing but what the service makes public.

mod capture;
mod decimal;
mod file;
mod forwarded;
mod kraken_book;
mod messages;
mod ndjson;
mod numbers;
mod parsed;
mod pattern;
mod query;
mod rows;
mod spec;
mod tape;
mod venues;

pub use capture::capture;
pub use decimal::decimal;
pub use forwarded::forwarded;
pub use messages::{client_message, server_message};
pub use ndjson::ndjson;
pub use pattern::symbol_pattern;
pub use query::query_string;
pub use rows::rows;
pub use spec::feed_spec;
pub use tape::tape;
pub use venues::{binance, coinbase, coinbase_exchange, kraken};

/// A target's check.
pub type Check = fn(&[u8]);

/// All targets by their names, which are those of `fuzz_targets/NAME.rs` and `corpus/NAME/`.
pub const TARGETS: &[(&str, Check)] = &[
    ("binance", binance),
    ("capture", capture),
    ("client_message", client_message),
    ("coinbase", coinbase),
    ("coinbase_exchange", coinbase_exchange),
    ("decimal", decimal),
    ("feed_spec", feed_spec),
    ("forwarded", forwarded),
    ("kraken", kraken),
    ("ndjson", ndjson),
    ("query_string", query_string),
    ("rows", rows),
    ("server_message", server_message),
    ("symbol_pattern", symbol_pattern),
    ("tape", tape),
];
