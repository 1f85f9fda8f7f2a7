//! Raw recordings of feeds that do as they are told.

use std::path::Path;

use super::super::raw::{record, summary};
use super::*;
use crate::feed::{Feed, FeedEnd, Outlet, Run, Told};
use crate::market::{Event, Ts, VenueName, VenueState};
use crate::tape::{CaptureReader, FrameTap, Recorder, Totals, frame_queue};

const FRAMES: i64 = 100;

/// Receives so many frames, one each 100 ms, hands over more updates than the channel holds, and ends or waits.
struct Fake {
    tap: FrameTap,
    venues: [VenueName; 1],
    has_end: bool,
}

fn down(venue: &VenueName, reason: String) -> Event {
    Event::Venue {
        venue: venue.clone(),
        state: VenueState::Down,
        reason,
    }
}

impl Feed for Fake {
    fn venues(&self) -> &[VenueName] {
        &self.venues
    }

    fn run<'a>(&'a mut self, out: &'a Outlet) -> Run<'a> {
        Box::pin(async move {
            for n in 0..FRAMES {
                self.tap
                    .record(Ts(n * 100_000_000), format!("{{\"n\":{n}}}").as_bytes());
                out.send(vec![down(&self.venues[0], "not yet".into())]).await?;
            }
            if !self.has_end {
                std::future::pending::<()>().await;
            }
            let reason = "the venue has closed for good".into();
            Ok(FeedEnd { reason })
        })
    }

    fn down<'a>(&'a mut self, reason: String, out: &'a Outlet) -> Told<'a> {
        Box::pin(async move { out.send(vec![down(&self.venues[0], reason)]).await })
    }
}

fn start(path: &Path, rotation: Rotation, has_end: bool) -> (Vec<Box<dyn Feed>>, Recorder) {
    let venue = VenueName::parse("binance").expect("a venue");
    let (tap, queue) = frame_queue(&venue);
    let recorder = Recorder::start(queue, path, rotation).expect("started");
    let venues = [venue];
    (vec![Box::new(Fake { tap, venues, has_end })], recorder)
}

fn frames(path: &Path) -> i64 {
    let mut reader = CaptureReader::open(path).expect("a capture");
    let mut count = 0;
    while let Some(record) = reader.next_record().expect("a whole file") {
        assert_eq!(record.frame, format!("{{\"n\":{count}}}").as_bytes());
        count += 1;
    }
    count
}

#[tokio::test(start_paused = true)]
async fn what_a_feed_receives_is_in_the_file_when_the_time_is_up_or_a_stop_comes() {
    for (name, limit) in [("limit", Some(Duration::from_secs(60))), ("stop", None)] {
        let path = path(&format!("{name}.capture.gz"));
        let (feeds, recorder) = start(&path, Rotation::default(), false);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(120)).await;
            stopped.cancel();
        });
        let until = Until {
            limit,
            stop: stop.clone(),
        };
        let (totals, ended) = record(feeds, recorder, &until).await.expect(name);
        assert_eq!((totals.written.frames, totals.dropped, ended), (100, 0, None), "{name}");
        assert_eq!(stop.is_cancelled(), limit.is_none(), "{name}");
        assert_eq!(frames(&path), FRAMES, "{name}");
        clean_up(&path);
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_ends_by_itself_is_told_with_its_reason_and_its_frames_are_there() {
    let path = path("ended.capture.gz");
    let (feeds, recorder) = start(&path, Rotation::default(), true);
    let outcome = record(feeds, recorder, &without_end()).await;
    let (totals, ended) = outcome.expect("the disk has room");
    assert_eq!(ended.as_deref(), Some("the venue has closed for good"));
    assert_eq!((totals.written.frames, frames(&path)), (100, FRAMES));
    clean_up(&path);
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_cannot_go_on_ends_with_the_disks_error() {
    let path = path("x.capture.gz");
    let rotation = Rotation {
        span_max: Some(Duration::from_secs(5)),
        ..Rotation::default()
    };
    let (feeds, recorder) = start(&path, rotation, false);
    let taken = path.with_file_name("x.0002.capture.gz");
    std::fs::write(&taken, "precious").expect("written");
    let error = record(feeds, recorder, &without_end()).await.err();
    let error = error.expect("the name is taken");
    assert!(error.to_string().contains("x.0002.capture.gz"), "{error}");
    assert!(!error.is_usage());
    assert_eq!(frames(&path.with_file_name("x.0001.capture.gz")), 50);
    clean_up(&path);
}

#[test]
fn the_summary_has_every_figure() {
    let mut totals = Totals {
        dropped: 3,
        ..Totals::default()
    };
    totals.written.frames = 7;
    totals.written.frame_bytes = 700;
    totals.written.files = 1;
    totals.written.file_bytes = 90;
    assert_eq!(
        summary(&totals),
        "recorded 7 frames of 700 bytes in 1 file of 90 bytes, 3 dropped, 0 refused"
    );
}
