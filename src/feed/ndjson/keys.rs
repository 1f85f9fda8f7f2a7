//! The keys of a line that are not fields of the protocol's `Ticker`.

pub(super) const SYMBOL: &str = "symbol";
pub(super) const TS_EVENT: &str = "ts_event";
pub(super) const STATE: &str = "state";
