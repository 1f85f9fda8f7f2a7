//! The beat by a tape's clock: it ends where the feed says so, and the timer only keeps sockets and deadlines going.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{BEAT, Engine, Lockstep, Pulse, Tick};
use crate::control::Inflow;
use crate::market::Ts;

/// The engine's loop under a tape's clock.
struct Reel<'a> {
    engine: Engine,
    lockstep: &'a Lockstep,
    patience: Duration,
    /// The timeline's time.
    ts: Ts,
    /// The timer's newest beat.
    wall: u64,
    /// Ticks handed to every reader.
    ticks: u64,
    /// The newest of them that subscribers have to take before the next beat.
    owed: u64,
    /// A beat that is to end, and since when it waits.
    due: Option<(Ts, Instant)>,
}

/// Takes what the feed says, item by item, until `stop`; a beat ends once everybody has taken the one before.
pub(super) async fn run(engine: Engine, start: Ts, patience: Duration, lockstep: &Lockstep, stop: &CancellationToken) {
    let mut pulse = Pulse::new();
    let mut is_open = true;
    let mut reel = Reel {
        engine,
        lockstep,
        patience,
        ts: start,
        wall: 0,
        ticks: 0,
        owed: 0,
        due: None,
    };
    loop {
        let wait = pulse.timer.wait(Instant::now());
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {
                let now = Instant::now();
                reel.wall = pulse.timer.tick(now);
                let tick = reel.engine.beater.idle(beat_number(reel.ts), reel.wall, reel.ts);
                reel.publish(tick).await;
                pulse.note(now, &reel.engine.health, reel.engine.held);
            }
            () = lockstep.changed(), if reel.due.is_some() => {}
            inflow = reel.engine.inlet.recv(), if is_open && reel.due.is_none() => match inflow {
                Some(Inflow::Beat(ts)) => reel.due = Some((ts, Instant::now())),
                Some(inflow) => reel.engine.take(inflow, reel.ts),
                None => is_open = false,
            },
        }
        reel.end_beat().await;
    }
}

impl Reel<'_> {
    /// Ends the beat that is due, if everybody has taken the one before or has had time enough.
    async fn end_beat(&mut self) {
        let Some((ts, since)) = self.due else { return };
        if !self.lockstep.is_at(self.owed) && since.elapsed() < self.patience {
            return;
        }
        self.due = None;
        self.ts = ts;
        let before = self.engine.beater.told_epoch();
        let tick = self.engine.seal(beat_number(ts), self.wall, ts);
        let is_owed = tick.beat.is_some() || tick.epoch != before || self.engine.beater.is_paced();
        self.publish(tick).await;
        if is_owed {
            self.owed = self.ticks;
        }
    }

    /// Hands a tick to every reader, waiting for those that are behind.
    async fn publish(&mut self, tick: Tick) {
        let tick = Arc::new(tick);
        for reader in &self.engine.readers {
            // A reader that has gone is being stopped.
            let _ = reader.send(tick.clone()).await;
        }
        self.ticks += 1;
    }
}

/// The number of the beat of a tape's clock that ends at this time; what is before 1970 has none.
pub fn beat_number(ts: Ts) -> u64 {
    u64::try_from(ts.0).unwrap_or(0) / BEAT.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::super::{Beater, TickReceiver, tick_channel};
    use super::*;
    use crate::market::{Decimal, Event, Field, Fields, Symbol, Update};
    use crate::store::{Epoch, Image, Writer};

    const MS: i64 = 1_000_000;
    const START: Ts = Ts(990 * MS);

    fn update(price: i64) -> Inflow {
        let mut fields = Fields::new();
        fields.set(Field::BidPrice, Decimal::from_int(price));
        Inflow::events(vec![Event::Update(Update {
            symbol: Symbol::parse("a:B").expect("a symbol"),
            fields,
            ts_event: None,
            ts_recv: Ts(0),
        })])
    }

    struct Playing {
        feed: mpsc::Sender<Inflow>,
        ticks: TickReceiver,
        lockstep: Arc<Lockstep>,
        taken: u64,
    }

    impl Playing {
        /// Time stands still but for what the engine waits for.
        fn start(patience: Duration) -> Playing {
            let (feed, inlet) = mpsc::channel(16);
            let (sender, ticks) = tick_channel(1_000);
            let epoch = Epoch::new(7).expect("an epoch");
            let beater = Beater::new(Writer::new(10), Arc::default(), epoch);
            let engine = Engine::new(beater, inlet, vec![sender], Arc::default());
            let lockstep = Arc::new(Lockstep::new(1));
            let shared = lockstep.clone();
            tokio::spawn(async move { run(engine, START, patience, &shared, &CancellationToken::new()).await });
            Playing {
                feed,
                ticks,
                lockstep,
                taken: 0,
            }
        }

        async fn say(&self, inflow: Inflow) {
            self.feed.send(inflow).await.expect("it runs");
        }

        /// The next tick that brings something; what is between them is counted.
        async fn next(&mut self) -> (u64, Arc<Tick>) {
            let mut idle = 0;
            loop {
                let tick = self.ticks.recv().await.expect("it runs");
                self.taken += 1;
                if tick.beat.is_some() {
                    return (idle, tick);
                }
                idle += 1;
            }
        }
    }

    #[tokio::test]
    async fn a_beat_ends_where_the_tape_says_and_waits_until_the_one_before_was_taken() {
        let mut playing = Playing::start(Duration::from_secs(60));
        for (price, ms) in [(1, 1_000), (2, 1_500)] {
            playing.say(update(price)).await;
            playing.say(Inflow::Beat(Ts(ms * MS))).await;
        }
        let (_, first) = playing.next().await;
        assert_eq!((first.ts, first.number), (Ts(1_000 * MS), 100));
        let waited = tokio::time::timeout(Duration::from_millis(60), playing.next()).await;
        assert!(waited.is_err(), "nobody has taken the first");
        playing.lockstep.busy(0);
        let waited = tokio::time::timeout(Duration::from_millis(60), playing.next()).await;
        assert!(waited.is_err(), "somebody is owed something");
        playing.lockstep.idle(0, playing.taken);
        let (_, second) = playing.next().await;
        assert_eq!((second.ts, second.number), (Ts(1_500 * MS), 150));
        assert!(second.wall > first.wall, "deadlines go on meanwhile");
    }

    #[tokio::test]
    async fn who_takes_nothing_holds_a_beat_up_for_the_patience_alone() {
        let mut playing = Playing::start(Duration::from_millis(50));
        for price in 1..=3 {
            playing.say(update(price)).await;
            playing.say(Inflow::Beat(Ts((1_000 + price * 10) * MS))).await;
        }
        playing.next().await;
        for _ in 0..2 {
            let (idle, _) = playing.next().await;
            assert!(idle >= 1, "the timer went on while the beat waited");
        }
    }

    #[tokio::test]
    async fn a_new_epoch_is_told_with_its_first_beat_even_if_that_is_empty() {
        let mut playing = Playing::start(Duration::from_secs(60));
        let epoch = Epoch::new(8).expect("an epoch");
        playing.say(update(1)).await;
        playing.say(Inflow::Beat(Ts(1_000 * MS))).await;
        let (_, first) = playing.next().await;
        playing.lockstep.idle(0, playing.taken);
        playing
            .say(Inflow::Renew {
                epoch,
                image: Box::new(Image::default()),
            })
            .await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        while let Ok(tick) = playing.ticks.try_recv() {
            assert_eq!(tick.epoch, first.epoch, "not before its first beat");
        }
        playing.say(Inflow::Beat(Ts(500 * MS))).await;
        loop {
            let tick = playing.ticks.recv().await.expect("it runs");
            if tick.epoch == epoch {
                assert_eq!((tick.ts, tick.beat.is_none()), (Ts(500 * MS), true));
                return;
            }
        }
    }
}
