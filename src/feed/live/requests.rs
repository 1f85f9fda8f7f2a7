//! What is still to be said on a socket, at the venue's pace, and which answers are awaited. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::parse::Answer;
use super::Request;

/// A venue answers within a second; this long is an answer that never comes.
const ANSWER_DEADLINE: Duration = Duration::from_secs(15);

/// The requests of one socket.
#[derive(Debug)]
pub(super) struct Requests {
    spacing: Duration,
    queue: VecDeque<Request>,
    next_at: Duration,
    awaited: Vec<Awaited>,
    granted: u64,
    refused: u64,
}

#[derive(Debug)]
struct Awaited {
    key: String,
    until: Duration,
}

impl Requests {
    pub(super) fn new(spacing: Duration, requests: Vec<Request>) -> Requests {
        Requests {
            spacing,
            queue: requests.into(),
            next_at: Duration::ZERO,
            awaited: Vec::new(),
            granted: 0,
            refused: 0,
        }
    }

    /// Puts more at the end of the queue.
    pub(super) fn push(&mut self, requests: Vec<Request>) {
        self.queue.extend(requests);
    }

    /// The next text to send, if one is due.
    pub(super) fn next(&mut self, now: Duration) -> Option<String> {
        if now < self.next_at {
            return None;
        }
        let request = self.queue.pop_front()?;
        self.next_at = now + self.spacing;
        let until = now + ANSWER_DEADLINE;
        let awaited = request.answers.into_iter().map(|key| Awaited { key, until });
        self.awaited.extend(awaited);
        Some(request.text)
    }

    /// Takes an answer; `false` if nobody awaits it, as venues repeat some.
    pub(super) fn answer(&mut self, answer: &Answer) -> bool {
        let Some(at) = self.awaited.iter().position(|a| a.key == answer.key) else {
            return false;
        };
        self.awaited.swap_remove(at);
        match answer.refused {
            None => self.granted += 1,
            Some(_) => self.refused += 1,
        }
        true
    }

    /// Whether all was said, answered or not.
    pub(super) fn is_said(&self) -> bool {
        self.queue.is_empty()
    }

    /// A request that was not answered in time.
    pub(super) fn overdue(&self, now: Duration) -> Option<&str> {
        let late = self.awaited.iter().find(|a| now >= a.until);
        late.map(|a| a.key.as_str())
    }

    /// Whether all was said and answered.
    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.awaited.is_empty()
    }

    /// Whether the venue refused all that it answered.
    pub(super) fn is_refused(&self) -> bool {
        self.is_settled() && self.refused > 0 && self.granted == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str, answers: &[&str]) -> Request {
        Request {
            text: text.into(),
            answers: answers.iter().map(ToString::to_string).collect(),
        }
    }

    fn answer(key: &str, refused: Option<&str>) -> Answer {
        Answer {
            key: key.into(),
            refused: refused.map(Into::into),
        }
    }

    #[test]
    fn requests_keep_the_venues_pace_and_wait_for_their_answers() {
        let ms = Duration::from_millis;
        let mut requests = Requests::new(ms(250), vec![request("a", &["1"]), request("b", &["2", "2"])]);
        assert_eq!(requests.next(ms(10)).as_deref(), Some("a"));
        assert_eq!(requests.next(ms(259)), None);
        assert_eq!(requests.next(ms(260)).as_deref(), Some("b"));
        assert_eq!(requests.overdue(ms(15_009)), None);
        requests.answer(&answer("1", None));
        requests.answer(&answer("2", Some("no")));
        requests.answer(&answer("7", None));
        assert!(!requests.is_settled());
        assert_eq!(
            (requests.overdue(ms(15_259)), requests.overdue(ms(15_260))),
            (None, Some("2"))
        );
        requests.answer(&answer("2", None));
        assert!(requests.is_settled() && !requests.is_refused());
        requests.push(vec![request("c", &[])]);
        assert!(!requests.is_settled());
        assert_eq!(requests.next(ms(600)).as_deref(), Some("c"));
        assert!(requests.is_settled());
    }

    #[test]
    fn a_venue_that_refuses_everything_is_told_from_one_that_refuses_something() {
        let mut requests = Requests::new(Duration::ZERO, vec![request("a", &["1", "2"])]);
        requests.next(Duration::ZERO);
        requests.answer(&answer("1", Some("unknown")));
        assert!(!requests.is_refused());
        requests.answer(&answer("2", Some("unknown")));
        assert!(requests.is_refused());
    }
}
