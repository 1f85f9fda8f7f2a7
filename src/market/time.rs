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

    /// What [`Ts::parse`] takes.
    pub const ALLOWED: &str = "a time in RFC 3339, such as 2026-01-31T12:00:00.5Z, or in nanoseconds since 1970";

    /// Reads a time in RFC 3339 or in nanoseconds since 1970, `None` where it is neither.
    pub fn parse(text: &str) -> Option<Ts> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(Ts);
        }
        let time: jiff::Timestamp = text.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok().map(Ts)
    }

    /// The time in RFC 3339, UTC, with as many digits as it needs.
    pub fn to_rfc3339(self) -> String {
        // Every 64-bit number of nanoseconds is within jiff's years.
        jiff::Timestamp::from_nanosecond(self.0.into()).map_or_else(|_| self.0.to_string(), |time| time.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_rfc_3339_and_in_nanoseconds_and_written_so_that_they_are_read_again() {
        for (text, want) in [
            ("0", Some(0)),
            ("1700000000000000001", Some(1_700_000_000_000_000_001)),
            ("2023-11-14T22:13:20Z", Some(1_700_000_000_000_000_000)),
            ("2023-11-14T23:13:20.000000001+01:00", Some(1_700_000_000_000_000_001)),
            ("1969-12-31T23:59:59Z", Some(-1_000_000_000)),
            ("", None),
            ("-5", None),
            ("2023-11-14", None),
            ("2023-11-14T22:13:20", None),
            ("99999999999999999999", None),
            ("9999-01-01T00:00:00Z", None),
        ] {
            assert_eq!(Ts::parse(text), want.map(Ts), "{text}");
        }
        for ns in [0, 1, -1, 1_700_000_000_000_000_001, i64::MAX, i64::MIN] {
            assert_eq!(Ts::parse(&Ts(ns).to_rfc3339()), Some(Ts(ns)), "{ns}");
        }
    }
}
