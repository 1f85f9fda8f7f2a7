//! Whether the other end of a socket is there at all.

use std::time::Duration;

/// Anything heard within so long needs no question; an answer may take as long again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The other end of a socket.
#[derive(Clone, Debug)]
pub struct Transport {
    heard: Duration,
    asked: Option<Duration>,
}

/// What to do about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportState {
    /// Something came lately, or may still come.
    Alive,
    /// A ping is due.
    Ask,
    /// Nothing came, not even an answer to the ping, for so long.
    Dead(Duration),
}

impl Transport {
    /// Begins with a socket.
    pub fn new(now: Duration) -> Transport {
        Transport {
            heard: now,
            asked: None,
        }
    }

    /// Takes anything that came, a pong or part of a frame as well.
    pub fn heard(&mut self, now: Duration) {
        self.heard = now;
        self.asked = None;
    }

    /// Says what is due; [`TransportState::Ask`] once for each silence.
    pub fn state(&mut self, now: Duration) -> TransportState {
        let silent = now.saturating_sub(self.heard);
        match self.asked {
            None if silent >= PATIENCE => {
                self.asked = Some(now);
                TransportState::Ask
            }
            Some(asked) if now.saturating_sub(asked) >= PATIENCE => TransportState::Dead(silent),
            _ => TransportState::Alive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_peer_is_asked_once_and_given_up_without_an_answer() {
        let s = Duration::from_secs;
        let mut transport = Transport::new(s(0));
        assert_eq!(transport.state(s(9)), TransportState::Alive);
        assert_eq!(transport.state(s(10)), TransportState::Ask);
        assert_eq!(transport.state(s(19)), TransportState::Alive);
        assert_eq!(transport.state(s(20)), TransportState::Dead(s(20)));
        transport.heard(s(20));
        assert_eq!(transport.state(s(29)), TransportState::Alive);
        assert_eq!(transport.state(s(31)), TransportState::Ask);
    }
}
