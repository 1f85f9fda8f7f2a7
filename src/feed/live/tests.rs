//! What keeps a venue from being stormed, run together on a fake clock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::{Feed, FeedError, Lost, Outlet, Run, Told, channel, supervise, tell_down};
use super::*;
use crate::market::VenueName;
use std::time::Duration;

fn lock(times: &Mutex<Vec<Instant>>) -> MutexGuard<'_, Vec<Instant>> {
    times.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects in its turn and is dropped at once, so many times; then it stays.
struct Dropped {
    venues: [VenueName; 1],
    desk: Arc<Desk>,
    left: usize,
    /// Whether data came for a while before each drop.
    was_good: bool,
    connected: Arc<Mutex<Vec<Instant>>>,
}

impl Feed for Dropped {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, _: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            tokio::time::sleep_until(self.desk.connect_slot()).await;
            lock(&self.connected).push(Instant::now());
            if self.left == 0 {
                std::future::pending::<()>().await;
            }
            self.left -= 1;
            let cause = Lost::NoData(Duration::ZERO);
            let was_good = self.was_good;
            Err(FeedError::Lost { cause, was_good })
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(tell_down(&self.venues[0], reason, out))
    }
}

/// When so many connections of one venue connect, each dropped so many times.
async fn connects(rules: &Rules, connections: usize, drops: usize, was_good: bool) -> Vec<Instant> {
    let venue = VenueName::parse("test").expect("a venue");
    let desk = Arc::new(Desk::new(venue.clone(), rules, connections));
    let connected = Arc::new(Mutex::new(Vec::new()));
    let (out, mut batches) = channel(16);
    let stop = CancellationToken::new();
    for _ in 0..connections {
        let feed = Dropped {
            venues: [venue.clone()],
            desk: desk.clone(),
            left: drops,
            was_good,
            connected: connected.clone(),
        };
        tokio::spawn(supervise(Box::new(feed), out.clone(), stop.clone()));
    }
    let all = connections * (drops + 1);
    while lock(&connected).len() < all {
        tokio::select! {
            _ = batches.recv() => {}
            () = tokio::time::sleep(Duration::from_millis(10)) => {}
        }
    }
    stop.cancel();
    let mut times = lock(&connected).clone();
    times.sort();
    times
}

#[tokio::test(start_paused = true)]
async fn two_hundred_forced_drops_never_become_a_storm() {
    let rules = Rules {
        request_spacing: Duration::ZERO,
        connect_spacing: Duration::from_secs(1),
        connects_per_minute: 20,
        handover_after: None,
    };
    // Even where each connection was good, so that the backoff starts over, and several drop at once.
    for (connections, drops, was_good) in [(1, 200, false), (1, 200, true), (4, 50, true), (40, 5, false)] {
        let times = connects(&rules, connections, drops, was_good).await;
        assert_eq!(times.len(), connections * (drops + 1));
        for (n, at) in times.iter().enumerate() {
            let minute = times[n..]
                .iter()
                .filter(|t| **t < *at + Duration::from_secs(60))
                .count();
            assert!(minute <= 20, "{minute} connects within a minute");
            let before = n.checked_sub(1).map(|n| times[n]);
            assert!(
                before.is_none_or(|before| *at >= before + rules.connect_spacing),
                "too close"
            );
        }
        let span = times[times.len() - 1] - times[0];
        // It goes on trying: at most a cap of the backoff between two attempts of one connection, beside what all of
        // them together may have.
        let longest = Duration::from_secs(31) * (drops as u32 + 1) + Duration::from_secs(3) * times.len() as u32;
        assert!(span < longest, "{span:?}");
    }
}
