//! Paths and parameters that more than one part knows.

/// Where sockets are.
pub(super) const STREAM_PATH: &str = "/v1/stream";

/// Where event streams are.
pub(super) const EVENTS_PATH: &str = "/v1/events";

/// Parameter of a ticket, where there is one.
pub(super) const TICKET: &str = "ticket";
