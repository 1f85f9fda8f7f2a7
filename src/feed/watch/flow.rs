//! Whether a socket's data flow: what pings and heartbeats do not tell.

use std::time::Duration;

use super::rhythm::Rhythm;

/// All limits are so many times the shortest suspicious silence, 10 s unless set otherwise. A socket on which nothing
/// came at all: what was asked for comes within seconds, even of calm markets, as snapshots.
const STALE_WITHOUT_DATA: u32 = 3;
/// One whose rate is not known yet.
const STALE_UNKNOWN: u32 = 30;
/// The calmest one.
const STALE_AT_LATEST: u32 = 60;
/// So much later the connection is given up.
const DEAD_AFTER: u32 = 2;

/// The data of one socket, against their own usual rate.
#[derive(Clone, Debug)]
pub struct Flow {
    opened: Duration,
    silence: Duration,
    rhythm: Rhythm,
    first: Option<Duration>,
}

/// What the silence of a socket means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// Data came lately.
    Flowing,
    /// None came for so long: what is shown may be old.
    Silent(Duration),
    /// Nor will they: the connection is to be made anew.
    Dead(Duration),
}

impl Flow {
    /// Begins with a socket; `silence` is the shortest one that is ever suspicious.
    pub fn new(now: Duration, silence: Duration) -> Flow {
        Flow {
            opened: now,
            silence,
            rhythm: Rhythm::default(),
            first: None,
        }
    }

    /// Takes a frame of data; heartbeats and answers are none.
    pub fn data(&mut self, now: Duration) {
        self.first.get_or_insert(now);
        self.rhythm.event(now);
    }

    /// Whether any came.
    pub fn has_begun(&self) -> bool {
        self.first.is_some()
    }

    /// When the last came.
    pub fn last(&self) -> Option<Duration> {
        self.rhythm.last()
    }

    /// From the first data to the last.
    pub fn span(&self) -> Duration {
        let span = self.first.zip(self.rhythm.last()).map(|(first, last)| last - first);
        span.unwrap_or_default()
    }

    /// What the silence since the last data, or since the opening, means.
    pub fn state(&self, now: Duration) -> FlowState {
        let silent = now.saturating_sub(self.rhythm.last().unwrap_or(self.opened));
        let stale_after = match (self.first, self.rhythm.allowed()) {
            (None, _) => self.silence * STALE_WITHOUT_DATA,
            (Some(_), None) => self.silence * STALE_UNKNOWN,
            (Some(_), Some(allowed)) => allowed.clamp(self.silence, self.silence * STALE_AT_LATEST),
        };
        if silent >= stale_after + self.silence * DEAD_AFTER {
            FlowState::Dead(silent)
        } else if silent >= stale_after {
            FlowState::Silent(silent)
        } else {
            FlowState::Flowing
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_busy_socket_is_suspected_early_and_a_calm_one_late() {
        let mut busy = Flow::new(Duration::ZERO, 10 * S);
        let mute = busy.clone();
        let (mut unknown, mut calm) = (busy.clone(), busy.clone());
        unknown.data(Duration::ZERO);
        for n in 0..100 {
            calm.data(n * 60 * S);
        }
        let calm_since = 99 * 60 * S;
        for n in 0..1000 {
            busy.data(Duration::from_millis(n));
        }
        for (flow, at, want) in [
            (&busy, 10 * S, FlowState::Flowing),
            (&busy, 11 * S, FlowState::Silent(Duration::from_millis(10_001))),
            (&busy, 31 * S, FlowState::Dead(Duration::from_millis(30_001))),
            (&mute, 29 * S, FlowState::Flowing),
            (&mute, 30 * S, FlowState::Silent(30 * S)),
            (&mute, 50 * S, FlowState::Dead(50 * S)),
            (&unknown, 299 * S, FlowState::Flowing),
            (&unknown, 300 * S, FlowState::Silent(300 * S)),
            (&calm, calm_since + 590 * S, FlowState::Flowing),
            (&calm, calm_since + 600 * S, FlowState::Silent(600 * S)),
        ] {
            assert_eq!(flow.state(at), want, "{at:?}");
        }
        assert_eq!((busy.span(), mute.span()), (Duration::from_millis(999), Duration::ZERO));
        assert!(busy.has_begun() && !mute.has_begun());
    }
}
