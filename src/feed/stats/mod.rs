//! The server's own statistics, as instruments of the venue `$stats`, once a second.
//!
//! They enter the store as any feed does. They are of this process and this moment: never on a tape, and never where the
//! clock is a tape's, so whoever puts the service together gives them an [`Outlet`] without recorder, or leaves them out.

mod figures;
mod memory;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval_at};

use super::{Batch, Feed, FeedClosed, Outlet, Run, Told, tell_down};
use crate::market::{Event, Field, Fields, Symbol, Ts, Update, VenueName, VenueState};
use crate::monitor::{Reader, process};
use figures::{Figure, Moment, Said, figures};
use memory::Memory;

/// Time between two samples.
const PERIOD: Duration = Duration::from_secs(1);

/// A feed of the server's own statistics.
pub struct Stats {
    venues: [VenueName; 1],
    reader: Reader,
    started: Instant,
}

impl Stats {
    /// Samples what a reader reads.
    pub fn new(reader: Reader) -> Stats {
        Stats {
            venues: [VenueName::parse("$stats").expect("it follows the grammar")],
            reader,
            started: Instant::now(),
        }
    }

    async fn sample(&self, out: &Outlet) -> Result<Infallible, FeedClosed> {
        let mut period = interval_at(tokio::time::Instant::now() + PERIOD, PERIOD);
        // After a pause of the machine one sample stands for all of it.
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut before, mut memory) = (self.moment(), Memory::default());
        loop {
            period.tick().await;
            let now = self.moment();
            let mut figures = figures(&before, &now);
            memory.settle(&mut figures);
            out.send(self.batch(&figures, Ts::now())).await?;
            before = now;
        }
    }

    fn moment(&self) -> Moment {
        let now = Instant::now();
        Moment {
            uptime: now.saturating_duration_since(self.started),
            cpu: process::cpu_time(),
            resident_bytes: process::resident_bytes(std::process::id()).ok(),
            readings: self.reader.read(),
        }
    }

    /// All figures, announced each time: a new epoch of a replay knows none of them.
    fn batch(&self, figures: &[Figure], now: Ts) -> Batch {
        let mut batch = vec![Event::Venue {
            venue: self.venues[0].clone(),
            state: VenueState::Up,
            reason: String::new(),
        }];
        for figure in figures {
            // Every name fits; one that did not would be left out rather than stop the others.
            let Ok(symbol) = Symbol::new(&self.venues[0], &figure.name) else {
                continue;
            };
            batch.push(Event::Listed {
                symbol: symbol.clone(),
                price_decimals: Some(figure.decimals),
                size_decimals: None,
                volume_decimals: None,
            });
            let mut fields = Fields::new();
            match figure.value {
                Said::Value(value) => fields.set(Field::LastPrice, value),
                Said::Nothing => fields.clear(Field::LastPrice),
                Said::AsBefore => continue,
            };
            batch.push(Event::Update(Update {
                symbol,
                fields,
                ts_event: Some(now),
                ts_recv: now,
            }));
        }
        batch
    }
}

impl Feed for Stats {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move { match self.sample(out).await? {} })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(tell_down(&self.venues[0], reason, out))
    }
}
