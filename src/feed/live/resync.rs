//! Which instruments are to be asked for anew, and when: at once the first time, later and later where it does not help.
//! Pure.

use std::collections::HashMap;
use std::time::Duration;

use crate::backoff::Backoff;

/// A book that is not whole by then is asked for again.
const HELP_DEADLINE: Duration = Duration::from_secs(30);

/// Whole for so long, and the next loss is a new story.
const GOOD_SPAN: Duration = Duration::from_secs(60);

/// The instruments of one connection that lost data, by the venue's own names.
#[derive(Debug, Default)]
pub(super) struct Resync {
    cases: HashMap<Box<str>, Case>,
}

#[derive(Debug)]
struct Case {
    /// When to ask; `None` once asked and helped.
    due: Option<Duration>,
    /// Of the last asking.
    asked: Option<Duration>,
    backoff: Backoff,
}

impl Resync {
    /// Takes note that data of an instrument were lost.
    pub(super) fn lost(&mut self, name: Box<str>, now: Duration, random: &mut fastrand::Rng) {
        let case = self.cases.entry(name).or_insert(Case {
            due: None,
            asked: None,
            backoff: Backoff::new(),
        });
        let wait = match case.asked {
            Some(asked) if now < asked + GOOD_SPAN => case.backoff.next(random),
            _ => {
                case.backoff.reset();
                Duration::ZERO
            }
        };
        case.due = Some(now + wait);
    }

    /// The names to ask for now.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Box<str>> {
        let mut names = Vec::new();
        for (name, case) in &mut self.cases {
            if case.due.is_some_and(|due| now >= due) {
                case.due = Some(now + HELP_DEADLINE);
                case.asked = Some(now);
                names.push(name.clone());
            }
        }
        names.sort_unstable();
        names
    }

    /// Forgets those that are whole again, except how lately they were asked for.
    pub(super) fn settle(&mut self, now: Duration, is_whole: impl Fn(&str) -> bool) {
        self.cases.retain(|name, case| {
            if case.asked.is_some() && is_whole(name) {
                case.due = None;
            }
            case.due.is_some() || case.asked.is_some_and(|asked| now < asked + GOOD_SPAN)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_at(resync: &Resync) -> Option<Duration> {
        resync.cases.values().filter_map(|case| case.due).min()
    }

    #[test]
    fn the_first_loss_is_asked_for_at_once_and_the_next_ones_later_and_later() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut resync = Resync::default();
        let mut now = Duration::from_secs(100);
        resync.lost("X".into(), now, &mut random);
        assert_eq!(resync.due(now), ["X".into()]);
        assert_eq!(resync.due(now), []);
        let mut waits = Vec::new();
        for _ in 0..12 {
            resync.settle(now, |_| true);
            resync.lost("X".into(), now, &mut random);
            let due = due_at(&resync).expect("a time");
            waits.push(due - now);
            now = due;
            assert_eq!(resync.due(now), ["X".into()]);
        }
        assert!(
            waits[..4].iter().sum::<Duration>() < Duration::from_secs(4),
            "{waits:?}"
        );
        assert!(
            waits[6..].iter().sum::<Duration>() > Duration::from_secs(20),
            "{waits:?}"
        );
        now += GOOD_SPAN;
        resync.settle(now, |_| true);
        resync.lost("X".into(), now, &mut random);
        assert_eq!(due_at(&resync), Some(now));
    }

    #[test]
    fn asking_that_does_not_help_is_repeated_and_what_is_whole_is_let_be() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut resync = Resync::default();
        let s = Duration::from_secs;
        resync.lost("X".into(), s(0), &mut random);
        resync.lost("Y".into(), s(0), &mut random);
        assert_eq!(resync.due(s(0)), ["X".into(), "Y".into()]);
        resync.settle(s(1), |name| name == "Y");
        assert_eq!(resync.due(s(29)), []);
        assert_eq!(resync.due(s(30)), ["X".into()]);
        resync.settle(s(31), |_| true);
        assert_eq!(due_at(&resync), None);
        resync.settle(s(95), |_| true);
        assert!(resync.cases.is_empty());
    }
}
