//! The thread and its queue.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;

use super::super::queue::bounded;
use super::*;
use crate::tape::tests::SmallDisk;

/// Far more than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < until, "not within {LIMIT:?}: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

fn offer(tap: &FrameTap, (ts, bytes): &Frame) {
    tap.record(*ts, bytes);
}

#[test]
fn frames_of_several_taps_are_all_there_each_taps_in_their_order() {
    let folder = Folder::new();
    let path = folder.file("taps.capture.gz");
    let (tap, queue) = frame_queue(&venue());
    let recorder = Recorder::start(queue, &path, Rotation::default()).expect("started");
    thread::scope(|scope| {
        for at in 0..4 {
            let tap = tap.clone();
            scope.spawn(move || (0..2_000).for_each(|n| offer(&tap, &frame(at * 10_000 + n))));
        }
    });
    let totals = recorder.finish().expect("the disk has room");
    assert_eq!(
        (totals.written.frames, totals.dropped, totals.written.files),
        (8_000, 0, 1)
    );
    let frames = read_whole(&path);
    assert_eq!(frames.len(), 8_000);
    for at in 0..4 {
        let range = frame(at * 10_000).0..frame((at + 1) * 10_000).0;
        let own: Vec<_> = frames.iter().filter(|(ts, _)| range.contains(ts)).cloned().collect();
        assert_eq!(own, (0..2_000).map(|n| frame(at * 10_000 + n)).collect::<Vec<_>>());
    }
}

#[test]
fn a_full_queue_counts_what_it_does_not_take_and_never_waits() {
    let size = frame(1).1.len();
    for (what, frames_max, bytes_max) in [("by frames", 4, usize::MAX), ("by bytes", 100, size * 4)] {
        let folder = Folder::new();
        let path = folder.file("full.capture.gz");
        let (tap, queue) = bounded(&venue(), frames_max, bytes_max);
        // Nobody empties the queue: were the tap to wait, it would wait for ever.
        (1..=9).for_each(|n| offer(&tap, &frame(n)));
        let writer = CaptureWriter::create(&path, &venue(), Rotation::default()).expect("a new file");
        let recorder = Recorder::spawn(queue, writer).expect("started");
        let totals = recorder.finish().expect("the disk has room");
        assert_eq!((totals.written.frames, totals.dropped), (4, 5), "{what}");
        assert_eq!(read_whole(&path), (1..=4).map(frame).collect::<Vec<_>>(), "{what}");
    }
}

#[test]
fn room_in_the_queue_comes_back() {
    let (tap, queue) = bounded(&venue(), 2, 1_000);
    for round in 0..1_000 {
        tap.record(Ts(round), &[b'x'; 600]);
        // Too much beside the first one.
        tap.record(Ts(round), &[b'x'; 600]);
        assert_eq!(queue.next().expect("the first one").ts_recv, Ts(round));
        assert!(queue.next().is_none());
    }
    assert_eq!(queue.tally().offered(), 2_000);
}

#[test]
fn what_was_recorded_can_be_read_while_the_recording_goes_on() {
    let folder = Folder::new();
    let path = folder.file("live.capture.gz");
    let (tap, queue) = frame_queue(&venue());
    let recorder = Recorder::start(queue, &path, Rotation::default()).expect("started");
    for n in 0..3 {
        offer(&tap, &frame(n));
        let want: Vec<_> = (0..=n).map(frame).collect();
        eventually("the frame is in the file", || read(&path).expect("a capture").0 == want);
    }
    assert!(recorder.is_running());
    recorder.finish().expect("the disk has room");
}

#[test]
fn a_disk_that_fails_ends_the_recording_and_taps_count_on() {
    let disk = SmallDisk::new(300);
    let path = Path::new("small.capture.gz");
    let writer = CaptureWriter::with(path, &venue(), Rotation::default(), disk.create()).expect("room for a header");
    let (tap, queue) = frame_queue(&venue());
    let tally = queue.tally().clone();
    let recorder = Recorder::spawn(queue, writer).expect("started");
    (0..2_000).for_each(|n| offer(&tap, &frame(n)));
    eventually("the recording has stopped", || !recorder.is_running());
    (0..10).for_each(|n| offer(&tap, &frame(n)));
    assert_eq!(tally.offered(), 2_010);
    assert!(tally.dropped().load(Relaxed) >= 10);
    let error = recorder.finish().expect_err("the disk is full").to_string();
    assert!(error.contains("`small.capture.gz`"), "{error}");
}

#[test]
fn a_recorder_that_is_dropped_writes_what_waits_and_its_taps_may_live_on() {
    let folder = Folder::new();
    let path = folder.file("dropped.capture.gz");
    let (tap, queue) = frame_queue(&venue());
    let recorder = Recorder::start(queue, &path, Rotation::default()).expect("started");
    (0..100).for_each(|n| offer(&tap, &frame(n)));
    drop(recorder);
    (100..110).for_each(|n| offer(&tap, &frame(n)));
    eventually("the file is whole", || matches!(read(&path), Ok((_, None))));
    assert_eq!(read_whole(&path), (0..100).map(frame).collect::<Vec<_>>());
}

#[test]
fn a_file_that_is_there_refuses_the_start() {
    let folder = Folder::new();
    let path = folder.file("there.capture.gz");
    std::fs::write(&path, "precious").expect("written");
    let (_tap, queue) = frame_queue(&venue());
    let error = Recorder::start(queue, &path, Rotation::default()).expect_err("refused");
    assert!(matches!(error, TapeError::Exists { .. }), "{error}");
}

#[test]
fn metrics_tell_what_was_recorded_and_what_was_not() {
    let metrics = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&metrics, || {
        let folder = Folder::new();
        let (tap, queue) = bounded(&venue(), 3, usize::MAX);
        (0..4).for_each(|_| tap.record(Ts(1), b"{}"));
        let recorder = Recorder::start(queue, &folder.file("x.capture.gz"), Rotation::default()).expect("started");
        recorder.finish().expect("the disk has room");
        // After the end.
        tap.record(Ts(1), b"{}");

        let (tap, queue) = frame_queue(&venue());
        tap.record(Ts(1), b"\xff");
        let recorder = Recorder::start(queue, &folder.file("y.capture.gz"), Rotation::default()).expect("started");
        let totals = recorder.finish().expect("the disk has room");
        assert_eq!((totals.written.refused, totals.dropped), (1, 0));
    });
    let text = metrics.handle().render();
    for line in [
        "tickwire_record_frames_total{venue=\"binance\"} 3",
        "tickwire_record_frame_bytes_total{venue=\"binance\"} 6",
        "tickwire_record_dropped_total{venue=\"binance\"} 3",
    ] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn falling_behind_and_catching_up_are_each_told_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        let (tap, queue) = bounded(&venue(), 1, usize::MAX);
        for _ in 0..2 {
            (0..5).for_each(|n| offer(&tap, &frame(n)));
            assert!(queue.next().is_some());
            (0..3).for_each(|_| queue.tally().tell_caught_up());
        }
    });
    let text = String::from_utf8_lossy(&log.0.lock().expect("no panic")).into_owned();
    let count = |part: &str| text.matches(part).count();
    assert_eq!((count("falls behind"), count("has caught up")), (2, 2), "{text}");
}
