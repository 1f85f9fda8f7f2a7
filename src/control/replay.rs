//! How a replay is driven while it runs: by the server, or by keys in the terminal.

use std::fmt;

use tokio::sync::{mpsc, oneshot, watch};

use crate::market::Ts;
use crate::store::Epoch;

/// Most beats of one step: a minute of the tape.
pub const STEP_MAX: u32 = 6_000;

/// Commands that may wait for the replay: each comes from one request or key, and each waits for its answer.
const COMMANDS_QUEUED_MAX: usize = 16;

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times the original pace, 0.1 to 1000.
    Times(f64),
    /// Without waiting.
    Max,
}

impl Speed {
    /// What may be written for a speed.
    pub const ALLOWED: &str = "a number from 0.1 to 1000 or `max`";

    /// The original pace.
    pub const ORIGINAL: Speed = Speed::Times(1.0);

    /// Takes a number, `None` where it is out of bounds.
    pub fn times(times: f64) -> Option<Speed> {
        (0.1..=1000.0).contains(&times).then_some(Speed::Times(times))
    }

    /// Reads a number or `max`.
    pub fn parse(text: &str) -> Option<Speed> {
        match text {
            "max" => Some(Speed::Max),
            times => Speed::times(times.parse().ok()?),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Times(times) => times.fmt(f),
            Speed::Max => f.write_str("max"),
        }
    }
}

/// What a replay can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ReplayCommand {
    /// Go on at this speed.
    Speed(Speed),
    /// Stop where it is.
    Pause,
    /// Go on.
    Resume,
    /// Play so many beats, 1 to [`STEP_MAX`], then stop.
    Step(u32),
    /// Go on from this moment of the recording, paused if it was.
    Seek(Ts),
}

/// What a replay is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayState {
    /// For the first subscriber.
    Waiting,
    /// It plays.
    Playing,
    /// It stands still until it is told otherwise.
    Paused,
    /// Everything was played; a seek goes back.
    Ended,
    /// A recording could not be read on; the log and the venues' states say why.
    Failed,
}

impl ReplayState {
    /// The word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            ReplayState::Waiting => "waiting",
            ReplayState::Playing => "playing",
            ReplayState::Paused => "paused",
            ReplayState::Ended => "ended",
            ReplayState::Failed => "failed",
        }
    }
}

/// Where a replay is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplayStatus {
    /// What it is doing.
    pub state: ReplayState,
    /// How fast it plays.
    pub speed: Speed,
    /// Where it begins.
    pub first: Ts,
    /// Where it ends.
    pub last: Ts,
    /// Everything up to here was played.
    pub position: Ts,
    /// Which pass of a loop this is, from 1.
    pub pass: u64,
    /// Updates played since the start.
    pub updates: u64,
    /// The timeline that it plays now.
    pub epoch: Epoch,
}

impl ReplayStatus {
    /// How much of the recording's time has been played, 0 to 1.
    pub fn progress(&self) -> f64 {
        let whole = self.last.0.saturating_sub(self.first.0);
        if whole <= 0 {
            return if self.position >= self.last { 1.0 } else { 0.0 };
        }
        let played = self.position.0.saturating_sub(self.first.0);
        (played as f64 / whole as f64).clamp(0.0, 1.0)
    }
}

/// Why a replay does not do what it is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayRefusal {
    /// The recording has no such moment.
    #[error("{asked} is not in the recording: it goes from {first} to {last} (ns since 1970)", asked = .asked.0, first = .first.0, last = .last.0)]
    OutOfRange {
        /// The moment asked for.
        asked: Ts,
        /// Where the recording begins.
        first: Ts,
        /// Where it ends.
        last: Ts,
    },
    /// A number of beats that no step has.
    #[error("a step of {0} beats: 1 to {STEP_MAX} are allowed")]
    Step(u32),
    /// Everything was played.
    #[error("the replay has ended: only a seek goes on")]
    Ended,
    /// The recording can no longer be read.
    #[error("{0}")]
    Broken(String),
}

/// A command and where its outcome is told.
#[derive(Debug)]
pub struct ReplayAsk {
    /// What to do.
    pub command: ReplayCommand,
    /// Told once it was done.
    pub reply: oneshot::Sender<Result<ReplayStatus, ReplayRefusal>>,
}

/// The hand that drives a replay. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ReplayRemote {
    commands: mpsc::Sender<ReplayAsk>,
    status: watch::Receiver<ReplayStatus>,
}

/// The replay's own end.
#[derive(Debug)]
pub struct ReplayDesk {
    /// What it is told.
    pub commands: mpsc::Receiver<ReplayAsk>,
    /// Where it says where it is.
    pub status: watch::Sender<ReplayStatus>,
}

/// Makes both ends, with what is true at the start.
pub fn replay_remote(status: ReplayStatus) -> (ReplayRemote, ReplayDesk) {
    let (sender, commands) = mpsc::channel(COMMANDS_QUEUED_MAX);
    let (status, watched) = watch::channel(status);
    let remote = ReplayRemote {
        commands: sender,
        status: watched,
    };
    (remote, ReplayDesk { commands, status })
}

impl ReplayRemote {
    /// Where the replay is now.
    pub fn status(&self) -> ReplayStatus {
        *self.status.borrow()
    }

    /// Waits until the status has changed; `false` once the replay is gone.
    ///
    /// # Cancel safety
    /// No change is missed.
    pub async fn changed(&mut self) -> bool {
        self.status.changed().await.is_ok()
    }

    /// Has the replay do something and waits until it was done; `None` once the replay is gone.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ask(&self, command: ReplayCommand) -> Option<Result<ReplayStatus, ReplayRefusal>> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(ReplayAsk { command, reply }).await.ok()?;
        answer.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_bounded_numbers_or_max() {
        for (text, want) in [
            ("1", Some(Speed::Times(1.0))),
            ("0.1", Some(Speed::Times(0.1))),
            ("1000", Some(Speed::Times(1000.0))),
            ("max", Some(Speed::Max)),
            ("0.09", None),
            ("1001", None),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("Max", None),
            ("", None),
        ] {
            assert_eq!(Speed::parse(text), want, "{text}");
        }
        assert_eq!(
            (Speed::Times(2.5).to_string(), Speed::Max.to_string()),
            ("2.5".into(), "max".into())
        );
    }

    #[test]
    fn progress_is_a_share_of_the_recordings_time_whatever_the_times_are() {
        let at = |first, last, position| {
            let status = ReplayStatus {
                state: ReplayState::Playing,
                speed: Speed::ORIGINAL,
                first: Ts(first),
                last: Ts(last),
                position: Ts(position),
                pass: 1,
                updates: 0,
                epoch: Epoch::new(1).expect("an epoch"),
            };
            status.progress()
        };
        assert_eq!(
            (at(100, 200, 150), at(100, 200, 50), at(100, 200, 900)),
            (0.5, 0.0, 1.0)
        );
        assert_eq!(
            (at(5, 5, 5), at(5, 5, 4), at(i64::MIN, i64::MAX, i64::MIN)),
            (1.0, 0.0, 0.0)
        );
    }
}
