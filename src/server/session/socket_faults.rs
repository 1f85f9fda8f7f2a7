//! Faults of subscribers' sockets, on demand: for those who test what reads from them.

use std::io;
use std::time::{Duration, Instant};

use crate::monitor::names;

/// What is wrong with every subscriber's socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketFaults {
    /// It takes so many bytes a second and no more.
    pub bytes_per_second: Option<u64>,
    /// It breaks so long after it was opened, with the next message.
    pub disconnect_after: Option<Duration>,
}

/// So much of a second may be taken at once: ten beats.
const BURST: Duration = Duration::from_millis(100);

/// A byte in the units of the room.
const BYTE: u128 = 1_000_000_000;

/// The faults of one socket.
#[derive(Debug)]
pub(in crate::server) struct Faulty {
    faults: SocketFaults,
    opened: Instant,
    /// What may be taken now, in billionths of a byte: at so many bytes a second, those of a nanosecond.
    room: u128,
    filled: Instant,
    slowed: metrics::Counter,
}

impl Faulty {
    /// `None` where nothing is wrong.
    pub(in crate::server) fn new(faults: SocketFaults, now: Instant) -> Option<Box<Faulty>> {
        let faulty = Faulty {
            faults,
            opened: now,
            room: 0,
            filled: now,
            slowed: metrics::counter!(names::FAULTS, "kind" => "slow-socket"),
        };
        (faults != SocketFaults::default()).then(|| Box::new(faulty))
    }

    /// How many of so many bytes may be written now.
    ///
    /// # Errors
    /// `ConnectionReset` where the connection is to break now, `WouldBlock` where nothing may be written.
    pub(in crate::server) fn allow(&mut self, bytes: usize, now: Instant) -> io::Result<usize> {
        let age = now.saturating_duration_since(self.opened);
        if self.faults.disconnect_after.is_some_and(|after| age >= after) {
            metrics::counter!(names::FAULTS, "kind" => "disconnect-every").increment(1);
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let Some(per_second) = self.faults.bytes_per_second else {
            return Ok(bytes);
        };
        self.fill(per_second, now);
        let room = self.room / BYTE;
        let allowed = bytes.min(usize::try_from(room).unwrap_or(usize::MAX));
        if allowed < bytes {
            self.slowed.increment(1);
        }
        if allowed == 0 && bytes > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(allowed)
    }

    /// Notes what the socket really took.
    pub(in crate::server) fn took(&mut self, bytes: usize) {
        self.room = self.room.saturating_sub(bytes as u128 * BYTE);
    }

    fn fill(&mut self, per_second: u64, now: Instant) {
        let in_span = |span: Duration| u128::from(per_second).saturating_mul(span.as_nanos());
        let most = in_span(BURST).saturating_add(BYTE);
        let grown = in_span(now.saturating_duration_since(self.filled));
        self.room = self.room.saturating_add(grown).min(most);
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty(faults: SocketFaults, now: Instant) -> Box<Faulty> {
        Faulty::new(faults, now).expect("something is wrong")
    }

    #[test]
    fn a_socket_without_faults_has_none() {
        assert!(Faulty::new(SocketFaults::default(), Instant::now()).is_none());
    }

    #[test]
    fn over_any_while_a_slow_socket_takes_its_bytes_a_second_and_a_tenth_of_it_at_once() {
        for per_second in [1, 7, 1_000, 1_000_000] {
            let start = Instant::now();
            let faults = SocketFaults {
                bytes_per_second: Some(per_second),
                ..SocketFaults::default()
            };
            let (mut faulty, mut taken) = (faulty(faults, start), 0u64);
            for beat in 0..3_000u32 {
                let now = start + beat * Duration::from_millis(10);
                if let Ok(bytes) = faulty.allow(1 << 20, now) {
                    faulty.took(bytes);
                    taken += bytes as u64;
                }
            }
            let (whole, burst) = (30 * per_second, per_second / 10 + 1);
            assert!(
                taken <= whole + burst && taken + burst * 2 >= whole,
                "{taken} of {whole}"
            );
        }
    }

    #[test]
    fn a_connection_breaks_with_the_first_message_after_its_time() {
        let start = Instant::now();
        let faults = SocketFaults {
            disconnect_after: Some(Duration::from_secs(2)),
            ..SocketFaults::default()
        };
        let mut faulty = faulty(faults, start);
        assert_eq!(faulty.allow(10, start + Duration::from_millis(1_999)).ok(), Some(10));
        let error = faulty.allow(10, start + Duration::from_secs(2)).expect_err("it breaks");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
}
