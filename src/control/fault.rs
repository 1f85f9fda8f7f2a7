//! Faults that a replay makes on purpose, for those who test what reads from it.

use std::fmt;
use std::time::Duration;

/// One kind of fault and how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// This share of updates vanishes without a trace.
    Drop(f64),
    /// This share of updates comes twice.
    Duplicate(f64),
    /// This share of updates comes after the next one of their instrument.
    Reorder(f64),
    /// This share of updates vanishes, and their instruments are stale with cause GAP until their next one.
    Gap(f64),
    /// Everything comes so much later, without overtaking.
    Delay(Duration, Duration),
    /// Each subscriber's connection breaks so long after it was made.
    DisconnectEvery(Duration),
    /// Each subscriber's socket takes so many bytes a second.
    SlowSocket(u64),
}

/// A text is no fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "fault `{0}` is not known: drop=P, duplicate=P, reorder=P and gap=P with a share from 0 to 1, delay=A..B such as \
     5ms..50ms, disconnect-every=TIME such as 10s, and slow-socket=BYTES (a second, from 1) are allowed"
)]
pub struct FaultError(String);

/// Longest delay and time between two breaks: an hour.
const SPAN_MAX: Duration = Duration::from_secs(3_600);

impl Fault {
    /// Reads `KIND=HOW-MUCH`.
    ///
    /// # Errors
    /// Says which faults there are.
    pub fn parse(text: &str) -> Result<Fault, FaultError> {
        let fault = text.split_once('=').and_then(|(kind, much)| match kind {
            "drop" => share(much).map(Fault::Drop),
            "duplicate" => share(much).map(Fault::Duplicate),
            "reorder" => share(much).map(Fault::Reorder),
            "gap" => share(much).map(Fault::Gap),
            "delay" => {
                let (least, most) = much.split_once("..")?;
                let (least, most) = (span(least)?, span(most)?);
                (least <= most && most <= SPAN_MAX).then_some(Fault::Delay(least, most))
            }
            "disconnect-every" => {
                let every = span(much).filter(|span| !span.is_zero() && *span <= SPAN_MAX);
                every.map(Fault::DisconnectEvery)
            }
            "slow-socket" => much.parse().ok().filter(|bytes| *bytes > 0).map(Fault::SlowSocket),
            _ => None,
        });
        fault.ok_or_else(|| FaultError(text.chars().take(60).collect()))
    }

    /// Whether it changes what is said; else it is one of subscribers' sockets.
    pub fn is_of_stream(&self) -> bool {
        !matches!(self, Fault::DisconnectEvery(_) | Fault::SlowSocket(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Drop(share) => write!(f, "drop={share}"),
            Fault::Duplicate(share) => write!(f, "duplicate={share}"),
            Fault::Reorder(share) => write!(f, "reorder={share}"),
            Fault::Gap(share) => write!(f, "gap={share}"),
            Fault::Delay(least, most) => write!(f, "delay={}us..{}us", least.as_micros(), most.as_micros()),
            Fault::DisconnectEvery(every) => write!(f, "disconnect-every={}us", every.as_micros()),
            Fault::SlowSocket(bytes) => write!(f, "slow-socket={bytes}"),
        }
    }
}

fn share(text: &str) -> Option<f64> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}

/// Reads a time such as `500ms`, `1.5s` or `2m`; without a unit nothing is.
pub fn span(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    let seconds: f64 = number.parse().ok()?;
    // Whole microseconds, so that a text read from what was written is the same.
    Duration::try_from_secs_f64((seconds * unit * 1e6).round() / 1e6).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn every_fault_is_read_and_written_so_that_it_is_read_again() {
        for (text, want) in [
            ("drop=0.25", Fault::Drop(0.25)),
            ("duplicate=1", Fault::Duplicate(1.0)),
            ("reorder=0", Fault::Reorder(0.0)),
            ("gap=1e-3", Fault::Gap(0.001)),
            ("delay=5ms..50ms", Fault::Delay(5 * MS, 50 * MS)),
            ("delay=0s..1.5s", Fault::Delay(Duration::ZERO, 1_500 * MS)),
            ("disconnect-every=2m", Fault::DisconnectEvery(120_000 * MS)),
            ("slow-socket=4096", Fault::SlowSocket(4_096)),
        ] {
            let fault = Fault::parse(text).expect(text);
            assert_eq!(fault, want, "{text}");
            assert_eq!(Fault::parse(&fault.to_string()), Ok(fault), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_there_is() {
        for text in [
            "",
            "drop",
            "drop=",
            "drop=1.1",
            "drop=-0.1",
            "drop=NaN",
            "lose=0.5",
            "delay=5ms",
            "delay=50ms..5ms",
            "delay=5..50",
            "delay=1s..2h",
            "disconnect-every=0s",
            "disconnect-every=10",
            "slow-socket=0",
            "slow-socket=1.5",
        ] {
            let error = Fault::parse(text).expect_err(text).to_string();
            assert!(
                error.contains(&format!("`{text}`")) && error.contains("delay=A..B"),
                "{error}"
            );
        }
    }
}
