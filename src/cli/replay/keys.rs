//! The keys that drive a replay, where it runs in a terminal.

use std::io::{self, IsTerminal, Read};
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::control::{ReplayCommand, ReplayRemote, ReplayState, ReplayStatus, Speed};
use crate::market::Ts;

/// Shown at the start.
pub(super) const HELP: &str = "keys: space pause/go on, . one beat, left/right 10 s, up/down 1 min, 0 to the beginning, \
                               + - faster/slower, 1 original speed, m as fast as possible, q end";

const SECOND: i64 = 1_000_000_000;

/// What a key means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    Do(ReplayCommand),
    End,
}

/// Keys come at once and unseen while this lives; the terminal is as before afterwards.
struct Unbuffered(Termios);

impl Unbuffered {
    fn new() -> Option<Unbuffered> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut modes = before.clone();
        // Signals and the output's line ends stay as they are.
        modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Now, &modes).ok()?;
        Some(Unbuffered(before))
    }
}

impl Drop for Unbuffered {
    fn drop(&mut self) {
        // Nothing can be done where the terminal has gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Does what keys say until `stop`; returns at once where there is no terminal.
pub(super) async fn drive(remote: ReplayRemote, stop: CancellationToken) {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return;
    }
    let Some(_unbuffered) = Unbuffered::new() else { return };
    tracing::info!("{HELP}");
    let mut pressed = pressed();
    loop {
        let key = tokio::select! {
            () = stop.cancelled() => return,
            key = pressed.recv() => key,
        };
        let Some(key) = key else { return };
        match meaning(&key, &remote.status()) {
            Some(Meaning::Do(command)) => {
                if let Some(Err(refusal)) = remote.ask(command).await {
                    tracing::warn!("{refusal}");
                }
            }
            Some(Meaning::End) => stop.cancel(),
            None => tracing::info!("{HELP}"),
        }
    }
}

/// Keys as they are pressed; a special one is several bytes that come together.
fn pressed() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(16);
    // Ends with the process: a read of a terminal cannot be cancelled.
    thread::spawn(move || {
        let (mut stdin, mut bytes) = (io::stdin(), [0; 16]);
        while let Ok(count @ 1..) = stdin.read(&mut bytes) {
            if sender.blocking_send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn meaning(key: &[u8], status: &ReplayStatus) -> Option<Meaning> {
    let is_still = matches!(status.state, ReplayState::Paused | ReplayState::Waiting);
    let command = match key {
        b" " if is_still => ReplayCommand::Resume,
        b" " => ReplayCommand::Pause,
        b"." => ReplayCommand::Step(1),
        b"+" | b"=" => ReplayCommand::Speed(faster(status.speed)),
        b"-" => ReplayCommand::Speed(slower(status.speed)),
        b"1" => ReplayCommand::Speed(Speed::ORIGINAL),
        b"m" => ReplayCommand::Speed(Speed::Max),
        b"0" => ReplayCommand::Seek(status.first),
        b"\x1b[C" | b"\x1bOC" => moved(status, 10),
        b"\x1b[D" | b"\x1bOD" => moved(status, -10),
        b"\x1b[A" | b"\x1bOA" => moved(status, 60),
        b"\x1b[B" | b"\x1bOB" => moved(status, -60),
        b"q" | b"\x04" => return Some(Meaning::End),
        _ => return None,
    };
    Some(Meaning::Do(command))
}

/// A seek by so many seconds, within the recording.
fn moved(status: &ReplayStatus, seconds: i64) -> ReplayCommand {
    let to = status.position.0.saturating_add(seconds * SECOND);
    ReplayCommand::Seek(Ts(to).clamp(status.first, status.last.max(status.first)))
}

fn faster(speed: Speed) -> Speed {
    match speed {
        Speed::Times(times) => Speed::times(times * 2.0).unwrap_or(Speed::Max),
        Speed::Max => Speed::Max,
    }
}

fn slower(speed: Speed) -> Speed {
    match speed {
        Speed::Times(times) => Speed::times(times / 2.0).unwrap_or(speed),
        Speed::Max => Speed::Times(1_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Epoch;

    fn status(state: ReplayState, speed: Speed) -> ReplayStatus {
        ReplayStatus {
            state,
            speed,
            first: Ts(0),
            last: Ts(100 * SECOND),
            position: Ts(95 * SECOND),
            pass: 1,
            updates: 0,
            epoch: Epoch::new(1).expect("an epoch"),
        }
    }

    #[test]
    fn each_key_means_one_thing_and_others_show_what_there_is() {
        let playing = status(ReplayState::Playing, Speed::Times(2.0));
        let paused = status(ReplayState::Paused, Speed::Max);
        for (key, status, want) in [
            (&b" "[..], &playing, ReplayCommand::Pause),
            (b" ", &paused, ReplayCommand::Resume),
            (b".", &paused, ReplayCommand::Step(1)),
            (b"+", &playing, ReplayCommand::Speed(Speed::Times(4.0))),
            (b"-", &playing, ReplayCommand::Speed(Speed::Times(1.0))),
            (b"-", &paused, ReplayCommand::Speed(Speed::Times(1_000.0))),
            (b"+", &paused, ReplayCommand::Speed(Speed::Max)),
            (b"0", &playing, ReplayCommand::Seek(Ts(0))),
            (b"\x1b[D", &playing, ReplayCommand::Seek(Ts(85 * SECOND))),
            (b"\x1b[C", &playing, ReplayCommand::Seek(Ts(100 * SECOND))),
            (b"\x1bOB", &playing, ReplayCommand::Seek(Ts(35 * SECOND))),
        ] {
            assert_eq!(meaning(key, status), Some(Meaning::Do(want)), "{key:?}");
        }
        assert_eq!(meaning(b"q", &playing), Some(Meaning::End));
        assert_eq!(meaning(b"x", &playing), None);
        let slowest = status(ReplayState::Playing, Speed::Times(0.1));
        assert_eq!(
            meaning(b"-", &slowest),
            Some(Meaning::Do(ReplayCommand::Speed(Speed::Times(0.1))))
        );
    }
}
