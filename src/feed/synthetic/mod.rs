//! A market that is made up: for a first look, for demos, for benches. The same seed gives the same updates.

#[cfg(test)]
mod checks;
mod even;
mod market;
mod quote;
mod schedule;

use std::time::{Duration, Instant};

pub use even::EvenModel;
pub use market::MarketModel;
use quote::{PRICE_DECIMALS, SIZE_DECIMALS};
use schedule::Schedule;

use super::parse::Tally;
use super::{Batch, Feed, FeedClosed, FeedContext, FeedSpec, Outlet, Run, SpecError, Told, tell_down};
use crate::market::{Event, Fields, Symbol, Ts, Update, VenueName, VenueState};

/// The venue unless it is renamed.
pub const VENUE: &str = "synthetic";

/// 512 events of about 300 B are 150 KB: a few of them in the channel stay below a MB.
const BATCH_EVENTS_MAX: usize = 512;

/// Between two looks at the schedule; ten of them in a beat.
const PAUSE: Duration = Duration::from_millis(1);

const KEYS: &[&str] = &["symbols", "rate", "seed", "activity", "venue"];

/// Which market is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Even,
    Market,
}

/// A source of made-up updates; the sequence follows from its seed alone.
pub trait Model: Send {
    /// The instrument's number, from 0, and what changes of it. The first pass over all instruments sets every field.
    fn next_update(&mut self) -> (usize, Fields);
}

/// Makes the feed `synthetic[?symbols=..&rate=..&seed=..&activity=..&venue=..]`.
///
/// # Errors
/// Names the option at fault and what is allowed.
pub(super) fn build(spec: &FeedSpec, context: &FeedContext) -> Result<Vec<Box<dyn Feed>>, SpecError> {
    spec.check_no_target()?;
    spec.check_keys(KEYS)?;
    let feed = Synthetic {
        venues: [spec.venue(VENUE)?],
        symbols: spec.number("symbols", 100, 1, 1_000_000)?,
        rate: spec.number("rate", 1000, 0, 10_000_000)?,
        seed: spec.number("seed", 1, 0, u64::MAX)?,
        activity: spec.option("activity", Activity::Even, "`even` or `market`", |text| match text {
            "even" => Some(Activity::Even),
            "market" => Some(Activity::Market),
            _ => None,
        })?,
    };
    context.claims.take(&feed.venues[0])?;
    Ok(vec![Box::new(feed)])
}

struct Synthetic {
    venues: [VenueName; 1],
    symbols: usize,
    /// Updates a second over all instruments.
    rate: u64,
    seed: u64,
    activity: Activity,
}

impl Feed for Synthetic {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            let mut maker = self.maker();
            maker.announce(out).await?;
            let mut schedule = Schedule::new(self.rate, Instant::now());
            loop {
                let mut due = schedule.take_due(Instant::now());
                while due > 0 {
                    let count = due.min(BATCH_EVENTS_MAX as u64);
                    due -= count;
                    out.send(maker.batch(count as usize)).await?;
                }
                let wait = schedule.wait(Instant::now()).max(PAUSE);
                tokio::time::sleep(wait).await;
            }
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(tell_down(&self.venues[0], reason, out))
    }
}

impl Synthetic {
    fn maker(&self) -> Maker {
        let venue = self.venues[0].clone();
        Maker {
            names: names(&venue, self.symbols),
            model: match self.activity {
                Activity::Even => Box::new(EvenModel::new(self.symbols, self.seed)),
                Activity::Market => Box::new(MarketModel::new(self.symbols, self.seed)),
            },
            tally: Tally::new(&venue),
            venue,
        }
    }
}

/// Makes batches of the model's updates.
struct Maker {
    venue: VenueName,
    names: Vec<Symbol>,
    model: Box<dyn Model>,
    tally: Tally,
}

impl Maker {
    /// Lists every instrument with all its values, so that subscribers see whole rows at once.
    async fn announce(&mut self, out: &Outlet) -> Result<(), FeedClosed> {
        out.send(vec![Event::Venue {
            venue: self.venue.clone(),
            state: VenueState::Up,
            reason: String::new(),
        }])
        .await?;
        let mut left = self.names.len();
        while left > 0 {
            // Two events each: listed, then its first update.
            let count = left.min(BATCH_EVENTS_MAX / 2);
            left -= count;
            let first = self.batch(count);
            let listed = first.into_iter().flat_map(|event| {
                let listed = match &event {
                    Event::Update(u) => Some(Event::Listed {
                        symbol: u.symbol.clone(),
                        price_decimals: Some(PRICE_DECIMALS),
                        size_decimals: Some(SIZE_DECIMALS),
                        volume_decimals: Some(SIZE_DECIMALS),
                    }),
                    _ => None,
                };
                listed.into_iter().chain([event])
            });
            out.send(listed.collect()).await?;
        }
        Ok(())
    }

    fn batch(&mut self, count: usize) -> Batch {
        // One look at the clock a batch: they are generated together.
        let now = Ts::now();
        self.tally.updates(count as u64);
        let mut batch = Batch::with_capacity(count);
        batch.extend((0..count).map(|_| {
            let (instrument, fields) = self.model.next_update();
            Event::Update(Update {
                symbol: self.names[instrument].clone(),
                fields,
                ts_event: Some(now),
                ts_recv: now,
            })
        }));
        batch
    }
}

/// `synthetic:S0000` and on, with more digits where there are more than 10,000.
fn names(venue: &VenueName, symbols: usize) -> Vec<Symbol> {
    let width = (symbols.saturating_sub(1)).to_string().len().max(4);
    let name = |n: usize| Symbol::new(venue, &format!("S{n:0width$}"));
    (0..symbols).filter_map(|n| name(n).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::channel;
    use super::*;
    use tokio::sync::watch;

    fn feed(spec: &str) -> Box<dyn Feed> {
        let first_subscriber = watch::channel(false).1;
        let spec = FeedSpec::parse(spec).expect("a spec");
        let mut feeds = build(&spec, &FeedContext::new(first_subscriber)).expect("a feed");
        feeds.pop().expect("a feed")
    }

    #[test]
    fn names_have_four_digits_or_as_many_as_are_needed() {
        let venue = VenueName::parse(VENUE).expect("a venue");
        for (symbols, first, last) in [
            (1, "S0000", "S0000"),
            (10_000, "S0000", "S9999"),
            (10_001, "S00000", "S10000"),
        ] {
            let names = names(&venue, symbols);
            assert_eq!(names.len(), symbols);
            assert_eq!((names[0].name(), names[symbols - 1].name()), (first, last));
        }
    }

    #[tokio::test]
    async fn every_instrument_is_listed_with_a_whole_row_before_the_first_change() {
        let mut feed = feed("synthetic?symbols=600&rate=1000&venue=other");
        assert_eq!(feed.venues()[0].as_str(), "other");
        let (out, mut batches) = channel(4);
        let run = tokio::spawn(async move { feed.run(&out).await });
        let (mut listed, mut updates) = (0, 0);
        let mut is_first = true;
        while updates < 700 {
            for event in batches.recv().await.expect("it runs").into_events() {
                match event {
                    Event::Venue { state, .. } => assert!(is_first && state == VenueState::Up),
                    Event::Listed { .. } => listed += 1,
                    Event::Update(u) => {
                        updates += 1;
                        assert!(updates > 600 || (u.fields.named().iter().count() == 12 && listed >= updates));
                        assert_eq!(u.ts_event, Some(u.ts_recv));
                    }
                    other => panic!("{other:?}"),
                }
                is_first = false;
            }
        }
        assert_eq!(listed, 600);
        run.abort();
    }

    #[tokio::test]
    async fn it_ends_when_nobody_takes_its_updates() {
        let (out, batches) = channel(1);
        drop(batches);
        assert!(feed("synthetic").run(&out).await.is_err());
    }
}
