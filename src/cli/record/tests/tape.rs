//! Tapes of feeds that do as they are told.

use super::super::feeds::{self, Recorded};
use super::super::tape::{record, summary};
use super::*;
use crate::feed::{Feed, FeedEnd, FeedError, Outlet, Run, Told};
use crate::market::{Decimal, Event, Field, Fields, Symbol, Ts, Update, VenueName};
use crate::tape::{EventTap, TapeRecorder, TapeTotals, TapeWritten, event_queue};

/// Updates in one batch; a queue for the disk holds some hundreds of such batches.
const BATCH: u64 = 1_000;

/// Says so many batches of updates as fast as it can, and ends well or with a fault.
struct Fake {
    venues: [VenueName; 1],
    batches: u64,
    is_faulty: bool,
}

impl Feed for Fake {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            let mut fields = Fields::new();
            fields.set(Field::BidPrice, Decimal::from_int(1));
            let update = Event::Update(Update {
                symbol: Symbol::parse("test:A").expect("a symbol"),
                fields,
                ts_event: None,
                ts_recv: Ts(0),
            });
            for _ in 0..self.batches {
                out.send(vec![update.clone(); BATCH as usize]).await?;
            }
            if self.is_faulty {
                return Err(FeedError::Internal("as asked"));
            }
            let reason = "end of input".into();
            Ok(FeedEnd { reason })
        })
    }

    fn down<'a>(&'a mut self, _reason: String, _out: &'a Outlet) -> Told<'a> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn fake(tap: &EventTap, batches: u64, can_wait: bool) -> Recorded {
    let venues = [VenueName::parse("test").expect("a venue")];
    Recorded {
        feed: Box::new(Fake {
            venues,
            batches,
            is_faulty: false,
        }),
        tap: Some(tap.clone()),
        can_wait,
    }
}

#[tokio::test(start_paused = true)]
async fn who_can_wait_waits_for_the_disk_and_loses_nothing_and_who_cannot_does_not() {
    let (tap, queue) = event_queue();
    let until = Until {
        limit: Some(Duration::from_secs(60)),
        ..without_end()
    };
    // Nobody empties the queue.
    let endings = feeds::run(vec![fake(&tap, 600, true)], || true, &until)
        .await
        .expect("no panic");
    assert_eq!(endings, None, "it waits until the time is up");
    let waiting = queue.waiting() as u64;
    assert!((1 << 18..(1 << 18) + 20 * BATCH).contains(&waiting), "{waiting}");

    let feeds = vec![fake(&tap, 600, false)];
    let endings = feeds::run(feeds, || true, &until).await.expect("no panic");
    assert!(endings.is_some(), "it came to its end");
    let path = path("waiting.tape");
    let recorder = TapeRecorder::start(queue, &path, Rotation::default()).expect("started");
    let totals = recorder.finish().expect("the disk has room");
    assert_eq!(totals.written.updates + totals.dropped, waiting + 600 * BATCH);
    assert!(totals.dropped > 0);
    clean_up(&path);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_all_feeds_is_the_end_of_the_tape_and_a_fault_of_one_is_told() {
    for (is_faulty, want) in [(false, None), (true, Some("internal error: as asked"))] {
        let path = path("ended.tape");
        let (tap, queue) = event_queue();
        let recorder = TapeRecorder::start(queue, &path, Rotation::default()).expect("started");
        let mut other = fake(&tap, 2, true);
        other.feed = Box::new(Fake {
            venues: [VenueName::parse("other").expect("a venue")],
            batches: 3,
            is_faulty,
        });
        let outcome = record(vec![fake(&tap, 5, true), other], recorder, &without_end()).await;
        let (totals, failed) = outcome.expect("the disk has room");
        assert_eq!((totals.written.updates, totals.dropped), (8 * BATCH, 0));
        assert_eq!(failed.as_deref(), want);
        clean_up(&path);
    }
}

#[test]
fn the_summary_has_every_figure() {
    let totals = TapeTotals {
        written: TapeWritten {
            records: 9,
            updates: 7,
            gaps: 1,
            files: 2,
            file_bytes: 90,
        },
        dropped: 3,
    };
    assert_eq!(
        summary(&totals),
        "recorded 9 records, 7 of them updates, in 2 files of 90 bytes, 3 dropped in 1 gap"
    );
}
