//! Feeds that run for a recording alone.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Until;
use crate::control::Inflow;
use crate::feed::{self, Ending, Feed};
use crate::tape::EventTap;

/// Batches that feeds may have waiting to be thrown away, which takes no time.
const BATCHES_QUEUED_MAX: usize = 16;

/// How often the recorder is looked at: so long its error may wait to be told.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often a crowded recorder is looked at; it writes some 10,000 events meanwhile.
const CROWD_LOOK_EVERY: Duration = Duration::from_millis(10);

/// A feed and how it is recorded.
pub(super) struct Recorded {
    pub(super) feed: Box<dyn Feed>,
    /// Where its events go, besides away.
    pub(super) tap: Option<EventTap>,
    /// Whether it may be made to wait for the disk. A file can; a venue would close the connection.
    pub(super) can_wait: bool,
}

/// Runs feeds until something ends the recording, and has them stopped; tells how they ended where all did by themselves.
///
/// # Errors
/// A task of ours panicked.
pub(super) async fn run(
    feeds: Vec<Recorded>,
    is_recording: impl Fn() -> bool,
    until: &Until,
) -> Result<Option<Vec<Ending>>, JoinError> {
    let end = CancellationToken::new();
    let mut running = JoinSet::new();
    for Recorded { feed, tap, can_wait } in feeds {
        let (outlet, inlet) = feed::channel(BATCHES_QUEUED_MAX);
        tokio::spawn(throw_away(inlet, tap.clone().filter(|_| can_wait)));
        let outlet = match tap {
            Some(tap) => outlet.with_tap(tap),
            None => outlet,
        };
        running.spawn(feed::supervise(feed, outlet, end.clone()));
    }
    let mut endings = Vec::new();
    let have_ended = tokio::select! {
        () = until.stop.cancelled() => false,
        () = has_stopped(is_recording) => false,
        () = time_is_up(until.limit) => false,
        ended = all_ended(&mut running, &mut endings) => { ended?; true }
    };
    end.cancel();
    all_ended(&mut running, &mut Vec::new()).await?;
    Ok(have_ended.then_some(endings))
}

/// Empties the channel, so that no feed waits but for the recorder that it may wait for.
async fn throw_away(mut inlet: mpsc::Receiver<Inflow>, waits_for: Option<EventTap>) {
    while inlet.recv().await.is_some() {
        while waits_for.as_ref().is_some_and(EventTap::is_crowded) {
            tokio::time::sleep(CROWD_LOOK_EVERY).await;
        }
    }
}

async fn has_stopped(is_recording: impl Fn() -> bool) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    while is_recording() {
        look.tick().await;
    }
}

async fn time_is_up(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

async fn all_ended(running: &mut JoinSet<Ending>, endings: &mut Vec<Ending>) -> Result<(), JoinError> {
    while let Some(ending) = running.join_next().await {
        endings.push(ending?);
    }
    Ok(())
}
