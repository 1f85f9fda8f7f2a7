//! Numbers that have a range: refused where they are read, so that the error names the flag, or the file and its line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::server::INTERVAL_MS;
use crate::tape::Rotation;
use crate::wire::FRAME_BYTES_MIN;

/// Fan-out threads.
pub(super) type Shards = Within<1, 256>;
/// Subscribers at a time.
pub(super) type Connections = Within<1, 1_000_000>;
/// What a subscriber may hold.
pub(super) type Symbols = Within<1, 10_000_000>;
/// What the store may hold.
pub(super) type Instruments = Within<1, 10_000_000>;
/// Of a client's message.
pub(super) type MessageBytes = Within<1_024, 1_048_576>;
/// Of a message to a client.
pub(super) type FrameBytes = Within<{ FRAME_BYTES_MIN as u64 }, 1_048_576>;
/// Patience with a socket, in milliseconds.
pub(super) type PatienceMs = Within<100, 600_000>;
/// Between two heartbeats, in milliseconds.
pub(super) type HeartbeatMs = Within<100, 60_000>;
/// Between two deltas, in milliseconds.
pub(super) type IntervalMs = Within<{ *INTERVAL_MS.start() as u64 }, { *INTERVAL_MS.end() as u64 }>;

/// Of one address.
pub(super) type PerAddress = Within<1, 1_000_000>;
/// In a second.
pub(super) type PerSecond = Within<1, 1_000_000>;
/// Of a request's head.
pub(super) type HeaderBytes = Within<8_192, 1_048_576>;

/// Of a recording's file, compressed.
pub(super) type RotateBytes = Within<65_536, { i64::MAX as u64 }>;
/// Of a recording's file, in seconds.
pub(super) type RotateSeconds = Within<1, RECORD_SECONDS_MAX>;

/// A year: longer is a mistake.
pub(super) const RECORD_SECONDS_MAX: u64 = 366 * 24 * 3_600;

/// When a recording goes on in another file.
pub(super) fn rotation(bytes: Option<RotateBytes>, seconds: Option<RotateSeconds>) -> Rotation {
    Rotation {
        file_bytes_max: bytes.map(Within::get),
        span_max: seconds.map(|seconds| Duration::from_secs(seconds.get())),
    }
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Within<const LEAST: u64, const MOST: u64>(u64);

/// The number is no number, or outside its range.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outside {
    got: String,
    least: u64,
    most: u64,
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outside { got, least, most } = self;
        write!(f, "`{got}` is not allowed: a whole number from {least} to {most} is")
    }
}

impl std::error::Error for Outside {}

impl<const LEAST: u64, const MOST: u64> Within<LEAST, MOST> {
    /// The number.
    pub(super) fn get(self) -> u64 {
        self.0
    }

    fn outside(got: String) -> Outside {
        Outside {
            got,
            least: LEAST,
            most: MOST,
        }
    }
}

impl<const LEAST: u64, const MOST: u64> FromStr for Within<LEAST, MOST> {
    type Err = Outside;

    fn from_str(text: &str) -> Result<Self, Outside> {
        let number = text.parse().ok().filter(|n| (LEAST..=MOST).contains(n));
        number.map(Within).ok_or_else(|| Self::outside(text.to_owned()))
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Within<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        // Signed, so that a negative number is refused by its range too.
        let number = i64::deserialize(value)?;
        let within = u64::try_from(number).ok().filter(|n| (LEAST..=MOST).contains(n));
        let outside = || de::Error::custom(Self::outside(number.to_string()));
        within.map(Within).ok_or_else(outside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_within_its_range_alone_and_else_the_range_is_told() {
        for text in ["99", "600001", "-1", "", "x", "1e3", "18446744073709551616"] {
            let error = text.parse::<PatienceMs>().expect_err(text).to_string();
            let want = format!("`{text}` is not allowed: a whole number from 100 to 600000 is");
            assert_eq!(error, want);
        }
        for number in [100, 600_000] {
            let parsed: PatienceMs = number.to_string().parse().expect("within");
            assert_eq!(parsed.get(), number);
        }
    }
}
