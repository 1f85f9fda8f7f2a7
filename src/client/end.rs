//! Why a connection ended, and whether and when to come back.

use std::io;
use std::time::Duration;

use tokio_tungstenite::tungstenite;

use super::limits::{DELAY_MAX, DELAY_MIN, GOOD_AFTER, reason};
use super::table::Breach;
use crate::backoff::Backoff;
use crate::wire::DecodeError;
use crate::wire::proto::ErrorCode;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Disconnect {
    /// TCP said no.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// The upgrade was not done within the deadline.
    #[error("cannot connect: no answer within {0:?}")]
    ConnectDeadline(Duration),
    /// The server answered the upgrade with an HTTP error.
    #[error("refused with HTTP status {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The server's sentence.
        message: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The socket broke, or what came is no WebSocket.
    #[error("connection broken: {0}")]
    Socket(#[source] Box<tungstenite::Error>),
    /// No welcome within the deadline.
    #[error("no welcome within {0:?}")]
    NoWelcome(Duration),
    /// Nothing came for three heartbeats.
    #[error("silent for {0:?}")]
    Silent(Duration),
    /// The server closed.
    #[error("closed with code {code}: {reason}")]
    Closed {
        /// Of the close frame; 1005 where it had none.
        code: u16,
        /// In the server's words.
        reason: String,
    },
    /// The stream ended without a close frame.
    #[error("connection ended")]
    Ended,
    /// A message that is none.
    #[error("undecodable message: {0}")]
    Decode(#[source] DecodeError),
    /// The server cannot serve a request now.
    #[error("refused for now ({code:?}): {message}")]
    Busy {
        /// `RATE_LIMITED` or `INTERNAL`.
        code: ErrorCode,
        /// In the server's words.
        message: String,
    },
    /// Repair after repair did not help.
    #[error("the stream cannot be repaired{}", .0.map(|b| format!(": {b}")).unwrap_or_default())]
    Unrepairable(Option<Breach>),
}

/// Whether to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComeBack {
    /// After the backoff.
    Soon,
    /// After the backoff, but not before so long.
    After(Duration),
    /// The same would happen again.
    Never,
}

impl Disconnect {
    /// Applies the protocol's tables of close codes and HTTP statuses.
    pub fn come_back(&self, has_token: bool) -> ComeBack {
        match self {
            Disconnect::Closed { code, .. } => match code {
                1009 | 4501 | 4505 | 4507 | 4500 => ComeBack::Never,
                4502 if !has_token => ComeBack::Never,
                4013 | 4504 => ComeBack::After(DELAY_MIN),
                _ => ComeBack::Soon,
            },
            Disconnect::Refused {
                status, retry_after, ..
            } => match status {
                408 | 425 | 429 | 500.. => {
                    ComeBack::After(retry_after.unwrap_or(DELAY_MIN).clamp(DELAY_MIN, DELAY_MAX))
                }
                _ => ComeBack::Never,
            },
            // Another certificate needs a hand.
            Disconnect::Socket(error) if is_untrusted(error) => ComeBack::Never,
            Disconnect::Busy { .. } | Disconnect::Unrepairable(_) => ComeBack::After(DELAY_MIN),
            _ => ComeBack::Soon,
        }
    }

    /// Takes what a close frame says; code 1005 where it says nothing.
    pub fn closed(code: u16, words: &str) -> Disconnect {
        Disconnect::Closed {
            code,
            reason: reason(words),
        }
    }

    /// Reads a failed upgrade.
    pub fn from_upgrade(error: tungstenite::Error) -> Disconnect {
        let tungstenite::Error::Http(response) = error else {
            return Disconnect::Socket(Box::new(error));
        };
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|v| v.to_str().ok()?.trim().parse().ok());
        let body = response.body().as_deref().unwrap_or_default();
        let message = match serde_json::from_slice::<ErrorBody>(body) {
            Ok(body) => body.error.message,
            Err(_) => String::from_utf8_lossy(body).trim().to_owned(),
        };
        Disconnect::Refused {
            status: response.status().as_u16(),
            message: reason(&message),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }
}

/// Whether the server's certificate is none that is believed.
fn is_untrusted(error: &tungstenite::Error) -> bool {
    let tungstenite::Error::Io(error) = error else {
        return false;
    };
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    tls.is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
}

/// The body of an HTTP error.
#[derive(serde::Deserialize)]
struct ErrorBody {
    error: ErrorMessage,
}

#[derive(serde::Deserialize)]
struct ErrorMessage {
    message: String,
}

/// When to try again.
#[derive(Debug)]
pub(super) struct Retry {
    backoff: Backoff,
    random: fastrand::Rng,
    has_token: bool,
}

impl Retry {
    pub(super) fn new(has_token: bool, random: fastrand::Rng) -> Retry {
        Retry {
            backoff: Backoff::new(),
            random,
            has_token,
        }
    }

    /// The wait before the next connection, `None` to give up.
    ///
    /// `good_for`: how long complete data had flowed. `goaway`: the delay that the server asked for; it has
    /// spread its subscribers itself, so no jitter is added, but one that says so again and again, with little or
    /// no delay, is come back to no sooner than any other.
    pub(super) fn next(
        &mut self,
        disconnect: &Disconnect,
        good_for: Option<Duration>,
        goaway: Option<Duration>,
    ) -> Option<Duration> {
        let come_back = disconnect.come_back(self.has_token);
        if come_back == ComeBack::Never {
            return None;
        }
        if good_for.is_some_and(|d| d >= GOOD_AFTER) {
            self.backoff.reset();
        }
        let is_first = self.backoff.is_fresh();
        let wait = self.backoff.next(&mut self.random);
        Some(match (goaway, come_back) {
            (Some(delay), _) if is_first => delay.min(DELAY_MAX),
            (Some(delay), _) => delay.min(DELAY_MAX).max(wait),
            (None, ComeBack::After(least)) => least + wait,
            (None, _) => wait,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(code: u16) -> Disconnect {
        Disconnect::Closed {
            code,
            reason: String::new(),
        }
    }

    #[test]
    fn each_close_code_is_answered_as_the_protocol_says() {
        for code in [1009, 4501, 4505, 4507, 4500, 4502] {
            assert_eq!(closed(code).come_back(false), ComeBack::Never, "{code}");
        }
        for code in [1000, 1001, 4001, 4004, 4008, 4012, 1005, 4999] {
            assert_eq!(closed(code).come_back(false), ComeBack::Soon, "{code}");
        }
        for code in [4013, 4504] {
            assert_eq!(closed(code).come_back(false), ComeBack::After(DELAY_MIN), "{code}");
        }
        assert_eq!(closed(4502).come_back(true), ComeBack::Soon);
        let busy = |status, retry_after| Disconnect::Refused {
            status,
            message: String::new(),
            retry_after,
        };
        let asked = Some(Duration::from_secs(7));
        assert_eq!(
            busy(503, asked).come_back(false),
            ComeBack::After(Duration::from_secs(7))
        );
        assert_eq!(busy(400, asked).come_back(false), ComeBack::Never);
    }

    #[test]
    fn a_goaway_sets_the_wait_and_only_lasting_good_data_resets_the_backoff() {
        let mut retry = Retry::new(false, fastrand::Rng::with_seed(3));
        let delay = Duration::from_millis(1234);
        assert_eq!(retry.next(&closed(4001), None, Some(delay)), Some(delay));
        let again: Duration = (0..6)
            .filter_map(|_| retry.next(&closed(4001), None, Some(Duration::ZERO)))
            .sum();
        assert!(again > Duration::from_secs(1), "no storm: {again:?} for six");
        for _ in 0..9 {
            assert!(
                retry
                    .next(&Disconnect::Ended, Some(Duration::from_secs(1)), None)
                    .is_some()
            );
        }
        assert_eq!(retry.backoff.bound(), Duration::from_secs(30));
        let wait = retry.next(&Disconnect::Ended, Some(GOOD_AFTER), None);
        assert!(wait.is_some_and(|w| w <= Duration::from_millis(250)));
        assert_eq!(retry.next(&closed(4507), Some(GOOD_AFTER), Some(delay)), None);
    }
}
