//! Points in time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970-01-01 UTC, as every `ts_*` in this project.
///
/// Signed, because a difference may be negative: a venue's clock can be ahead of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ts(pub i64);

impl Ts {
    /// Reads the wall clock, which may step back: order is by seq, never by this.
    pub fn now() -> Ts {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Ts(since.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Takes milliseconds since 1970, `None` where they do not fit.
    pub fn from_millis(ms: i64) -> Option<Ts> {
        ms.checked_mul(1_000_000).map(Ts)
    }

    /// Takes microseconds since 1970, `None` where they do not fit.
    pub fn from_micros(us: i64) -> Option<Ts> {
        us.checked_mul(1_000).map(Ts)
    }

    /// Microseconds from `earlier` to here, negative where `earlier` is later: skew is shown, not clamped.
    pub fn micros_since(self, earlier: Ts) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000
    }

    /// The value as the wire's `fixed64`; times before 1970 become 0.
    pub fn as_wire(self) -> u64 {
        u64::try_from(self.0).unwrap_or(0)
    }
}
