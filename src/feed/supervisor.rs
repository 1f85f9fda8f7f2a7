//! Keeps one feed running, and says as data when it does not.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{Feed, FeedClosed, FeedEnd, FeedError, Outlet, tell_down};
use crate::backoff::Backoff;
use crate::market::VenueName;
use crate::monitor::names;

/// How a feed came to be no longer supervised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to stop, or nobody takes its updates any more.
    Stopped,
    /// It came to its end by itself, for this reason.
    Ended(String),
    /// It cannot go on, for this reason.
    Failed(String),
}

/// Runs a feed until it ends, cannot go on, or `stop` is cancelled; starts it again after errors that may pass.
///
/// Each break is told to subscribers as the venue's state with its reason; the values stay. A panic of the feed ends
/// this feed only.
///
/// # Cancel safety
/// To be stopped by `stop`: dropped in the middle, it leaves the feed running until the channel closes.
pub async fn supervise(feed: Box<dyn Feed>, out: Outlet, stop: CancellationToken) -> Ending {
    let out = out.of_one_feed();
    let mut waits = Waits::default();
    let mut random = fastrand::Rng::new();
    let mut next = feed;
    loop {
        let Some((mut feed, outcome)) = run_once(next, &out, &stop).await else {
            return Ending::Stopped;
        };
        let venues = feed.venues().to_vec();
        let (reason, then) = match outcome {
            Outcome::Broke(FeedError::Closed(_)) => return Ending::Stopped,
            Outcome::Ended(FeedEnd { reason }) => {
                tracing::info!(?venues, reason, "feed ended");
                (reason.clone(), Then::End(Ending::Ended(reason)))
            }
            Outcome::Broke(error) if error.is_retryable() => {
                let wait = waits.after(&error, &mut random);
                venues.iter().for_each(count_restart);
                tracing::warn!(?venues, %error, wait_ms = wait.as_millis() as u64, "feed broke off, trying again");
                (error.to_string(), Then::Wait(wait))
            }
            Outcome::Broke(error) => {
                tracing::error!(?venues, %error, "feed cannot go on");
                let reason = error.to_string();
                (reason.clone(), Then::End(Ending::Failed(reason)))
            }
            Outcome::Panicked => {
                tracing::error!(?venues, "feed panicked, the others go on");
                let reason = "internal error".to_string();
                (reason.clone(), Then::End(Ending::Failed(reason)))
            }
        };
        let told = tokio::select! {
            told = tell(&mut feed, &venues, reason, &out) => told,
            () = stop.cancelled() => return Ending::Stopped,
        };
        match then {
            _ if told.is_err() => return Ending::Stopped,
            Then::End(ending) => return ending,
            Then::Wait(wait) => tokio::select! {
                () = tokio::time::sleep(wait) => next = feed,
                () = stop.cancelled() => return Ending::Stopped,
            },
        }
    }
}

/// What comes after a feed has said that it is down.
enum Then {
    Wait(Duration),
    End(Ending),
}

/// Has the feed say that it is down; where even that panics, its venues are.
async fn tell(feed: &mut Box<dyn Feed>, venues: &[VenueName], reason: String, out: &Outlet) -> Result<(), FeedClosed> {
    if let Ok(told) = AssertUnwindSafe(feed.down(reason.clone(), out)).catch_unwind().await {
        return told;
    }
    for venue in venues {
        tell_down(venue, reason.clone(), out).await?;
    }
    Ok(())
}

fn count_restart(venue: &VenueName) {
    metrics::counter!(names::FEED_RESTARTS, "venue" => venue.as_str().to_owned()).increment(1);
}

enum Outcome {
    Ended(FeedEnd),
    Broke(FeedError),
    Panicked,
}

/// Runs the feed in a task of its own and gives it back; `None` where it was stopped.
async fn run_once(mut feed: Box<dyn Feed>, out: &Outlet, stop: &CancellationToken) -> Option<(Box<dyn Feed>, Outcome)> {
    let out = out.clone();
    let mut task = tokio::spawn(async move {
        // Of a feed that panicked nothing is used any more but what it says at its end.
        let outcome = match AssertUnwindSafe(feed.run(&out)).catch_unwind().await {
            Ok(Ok(end)) => Outcome::Ended(end),
            Ok(Err(error)) => Outcome::Broke(error),
            Err(_) => Outcome::Panicked,
        };
        (feed, outcome)
    });
    tokio::select! {
        joined = &mut task => joined.ok(),
        () = stop.cancelled() => {
            task.abort();
            // The feed is gone when this returns, so nothing of it outlives the supervisor.
            let _ = task.await;
            None
        }
    }
}

/// How long to wait before the next run.
#[derive(Default)]
struct Waits {
    backoff: Backoff,
}

impl Waits {
    /// Starts over after good data only, and waits as long as the other end asks at least.
    fn after(&mut self, error: &FeedError, random: &mut fastrand::Rng) -> Duration {
        if error.was_good() {
            self.backoff.reset();
        }
        let wait = self.backoff.next(random);
        // A crowd that was sent away at once is not to come back at once.
        error.retry_after().map_or(wait, |after| after + wait)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Lost, Run, Told, channel};
    use super::*;
    use crate::market::{Event, VenueState};
    use std::io;

    /// Does what it is told to at each run.
    struct Scripted {
        venues: [VenueName; 1],
        runs: Vec<fn() -> Result<FeedEnd, FeedError>>,
    }

    impl Feed for Scripted {
        fn venues(&self) -> &[VenueName] {
            &self.venues
        }

        fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
            Box::pin(async move {
                let up = Event::Venue {
                    venue: self.venues[0].clone(),
                    state: VenueState::Up,
                    reason: String::new(),
                };
                out.send(vec![up]).await?;
                if self.runs.is_empty() {
                    std::future::pending::<()>().await;
                }
                self.runs.remove(0)()
            })
        }

        fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
            Box::pin(tell_down(&self.venues[0], reason, out))
        }
    }

    fn scripted(runs: Vec<fn() -> Result<FeedEnd, FeedError>>) -> Box<dyn Feed> {
        Box::new(Scripted {
            venues: [VenueName::parse("test").expect("a venue")],
            runs,
        })
    }

    fn lost() -> Result<FeedEnd, FeedError> {
        Err(Lost::Cut(io::Error::other("reset")).into())
    }

    fn ended() -> Result<FeedEnd, FeedError> {
        Ok(FeedEnd {
            reason: "replay ended".into(),
        })
    }

    async fn states(runs: Vec<fn() -> Result<FeedEnd, FeedError>>) -> Vec<(VenueState, String)> {
        all(runs).await.0
    }

    /// The states that are told, and how it ends.
    async fn all(runs: Vec<fn() -> Result<FeedEnd, FeedError>>) -> (Vec<(VenueState, String)>, Ending) {
        let (out, mut batches) = channel(16);
        let ending = supervise(scripted(runs), out, CancellationToken::new()).await;
        let mut states = Vec::new();
        while let Some(inflow) = batches.recv().await {
            for event in inflow.into_events() {
                let Event::Venue { state, reason, .. } = event else {
                    panic!("only states are sent");
                };
                states.push((state, reason));
            }
        }
        (states, ending)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_runs_a_feed_learns_how_it_ended() {
        let ended = |reason: &str| Ending::Ended(reason.to_owned());
        let failed = |reason: &str| Ending::Failed(reason.to_owned());
        for (what, runs, want) in [
            ("its end", vec![self::ended as fn() -> _], ended("replay ended")),
            ("its end after a break", vec![lost, self::ended], ended("replay ended")),
            (
                "a fault",
                vec![|| Err(FeedError::Internal("no reader"))],
                failed("internal error: no reader"),
            ),
            ("a panic", vec![|| panic!("a bug in a feed")], failed("internal error")),
        ] {
            assert_eq!(all(runs).await.1, want, "{what}");
        }
    }

    #[tokio::test]
    async fn an_end_is_told_and_the_feed_stays_down() {
        let up = (VenueState::Up, String::new());
        let down = (VenueState::Down, "replay ended".to_string());
        assert_eq!(states(vec![ended]).await, [up, down]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_again_and_each_break_is_told() {
        let states = states(vec![lost, ended]).await;
        let words: Vec<_> = states.iter().map(|(s, r)| format!("{s:?} {r}")).collect();
        let want = ["Up ", "Down connection lost: reset", "Up ", "Down replay ended"];
        assert_eq!(words, want);
    }

    #[tokio::test]
    async fn a_panic_and_an_own_fault_end_this_feed_without_another_try() {
        let panicked = states(vec![|| panic!("a bug in a feed"), ended]).await;
        assert_eq!(panicked.last().expect("a state").1, "internal error");
        assert_eq!(panicked.len(), 2);
        let faulty = states(vec![|| Err(FeedError::Internal("no reader")), ended]).await;
        assert_eq!(faulty.last().expect("a state").1, "internal error: no reader");
        assert_eq!(faulty.len(), 2);
    }

    #[tokio::test]
    async fn a_stop_ends_a_running_feed_silently() {
        let (out, mut batches) = channel(16);
        let stop = CancellationToken::new();
        let supervised = tokio::spawn(supervise(scripted(vec![]), out, stop.clone()));
        assert_eq!(batches.recv().await.expect("the first batch").into_events().len(), 1);
        stop.cancel();
        assert_eq!(supervised.await.expect("no panic"), Ending::Stopped);
        assert!(batches.recv().await.is_none());
    }

    #[tokio::test]
    async fn nobody_listening_ends_a_feed() {
        let (out, batches) = channel(1);
        drop(batches);
        let ending = supervise(scripted(vec![ended]), out, CancellationToken::new()).await;
        assert_eq!(ending, Ending::Stopped);
    }

    #[test]
    fn only_good_data_start_the_waits_over_and_the_other_end_may_ask_for_more() {
        let mut waits = Waits::default();
        let mut random = fastrand::Rng::with_seed(3);
        let lost = |was_good| FeedError::Lost {
            cause: Lost::NoData(Duration::from_secs(30)),
            was_good,
        };
        for _ in 0..20 {
            waits.after(&lost(false), &mut random);
        }
        assert_eq!(waits.backoff.bound(), Duration::from_secs(30));
        waits.after(&lost(true), &mut random);
        assert_eq!(waits.backoff.bound(), Duration::from_millis(500));
        let refused = FeedError::from(Lost::Refused {
            status: 429,
            retry_after: Some(Duration::from_secs(77)),
        });
        let wait = waits.after(&refused, &mut random);
        assert!((77..=78).contains(&wait.as_secs()), "{wait:?}");
    }
}
