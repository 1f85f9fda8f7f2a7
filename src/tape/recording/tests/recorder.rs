//! The thread and its disk.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use metrics_exporter_prometheus::PrometheusBuilder;

use super::super::super::sink::{Create, Sink};
use super::super::super::{OnDamage, TapeReader, TapeWriter, Taped, What};
use super::super::events::bounded;
use super::super::waiting::Limits;
use super::*;

/// Far more than anything here takes.
const LIMIT: Duration = Duration::from_secs(60);

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < until, "not within {LIMIT:?}: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// A file's path in a folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tickwire-recording-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn tape(&self) -> PathBuf {
        self.0.join("x.tape")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> Vec<Taped> {
    let mut reader = TapeReader::open(path, OnDamage::Stop).expect("a tape");
    let (mut all, mut records) = (Vec::new(), Vec::new());
    while reader.read(&mut records).expect("a whole tape") {
        all.append(&mut records);
    }
    all
}

/// Numbers of updates, and the gaps between them as how many are missing.
fn updates_and_gaps(records: &[Taped]) -> Vec<Result<u64, u64>> {
    let told = |taped: &Taped| match &taped.what {
        What::Gap { events } => Some(Err(*events)),
        What::Event(event @ Event::Update(_)) => Some(Ok(id(event))),
        // What follows from a gap.
        What::Event(_) => None,
    };
    records.iter().filter_map(told).collect()
}

#[test]
fn what_several_feeds_say_is_on_the_tape_each_in_its_order() {
    let folder = Folder::new();
    let (tap, queue) = event_queue();
    let recorder = TapeRecorder::start(queue, &folder.tape(), Rotation::default()).expect("started");
    thread::scope(|scope| {
        for at in 0..4 {
            let tap = tap.clone();
            let batch = move |n: u64| updates(at * 100_000 + n * 10..at * 100_000 + n * 10 + 10);
            scope.spawn(move || (0..500).for_each(|n| tap.record(Ts(1), &batch(n))));
        }
    });
    let totals = recorder.finish().expect("the disk has room");
    assert_eq!(
        (totals.written.updates, totals.dropped, totals.written.gaps),
        (20_000, 0, 0)
    );
    let all = updates_and_gaps(&read(&folder.tape()));
    for at in 0..4 {
        let range = at * 100_000..(at + 1) * 100_000;
        let own: Vec<u64> = all.iter().flatten().copied().filter(|id| range.contains(id)).collect();
        assert_eq!(own, (range.start..range.start + 5_000).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_recorded_can_be_read_while_the_recording_goes_on_and_its_state_says_so() {
    let folder = Folder::new();
    let (tap, queue) = event_queue();
    let recorder = TapeRecorder::start(queue, &folder.tape(), Rotation::default()).expect("started");
    let shared = recorder.shared_state();
    for n in 0..3 {
        tap.record(Ts(1), &updates(n..n + 1));
        eventually("it is flushed", || shared.state().records == n + 1);
        let mut reader = TapeReader::open(&folder.tape(), OnDamage::Salvage).expect("a tape");
        let (mut all, mut records) = (Vec::new(), Vec::new());
        while reader.read(&mut records).expect("salvaged") {
            all.append(&mut records);
        }
        assert_eq!(updates_and_gaps(&all), (0..=n).map(Ok).collect::<Vec<_>>());
    }
    let state = recorder.state();
    assert_eq!((state.file, state.is_running, state.error), (folder.tape(), true, None));
    let totals = recorder.finish().expect("the disk has room");
    let state = shared.state();
    assert_eq!((state.is_running, state.error, state.records), (false, None, 3));
    assert_eq!(state.file_bytes, totals.written.file_bytes);
    assert_eq!(state.file_bytes, folder.tape().metadata().expect("a file").len());
}

/// A disk that stands still until it is let go.
#[derive(Clone, Default)]
struct Stall(Arc<(Mutex<bool>, Condvar)>);

impl Stall {
    fn set(&self, is_stalled: bool) {
        *self.0.0.lock().expect("no panic") = is_stalled;
        self.0.1.notify_all();
    }

    fn create(&self) -> Create {
        let stall = self.clone();
        Box::new(move |path| {
            let (file, stall) = (File::create_new(path)?, stall.clone());
            Ok(Box::new(Stalling { file, stall }))
        })
    }
}

struct Stalling {
    file: File,
    stall: Stall,
}

impl Write for Stalling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let is_stalled = self.stall.0.0.lock().expect("no panic");
        let waited = self
            .stall
            .0
            .1
            .wait_timeout_while(is_stalled, LIMIT, |is_stalled| *is_stalled);
        assert!(!waited.expect("no panic").1.timed_out(), "never let go");
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for Stalling {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

#[test]
fn a_disk_that_stands_still_slows_no_feed_and_what_is_lost_is_a_gap_in_its_place() {
    let (folder, stall) = (Folder::new(), Stall::default());
    let writer = TapeWriter::on(&folder.tape(), Rotation::default(), stall.create()).expect("a new file");
    let (tap, queue) = bounded(Limits {
        events_max: 1_000,
        batches_max: 1_000,
        reserve_max: 100,
    });
    let recorder = TapeRecorder::spawn(queue, writer, &folder.tape()).expect("started");
    tap.record(Ts(1), &updates(0..1));
    eventually("the first is flushed", || recorder.state().records == 1);
    stall.set(true);
    // The recorder meets the stall at its next flush, with nothing or some of these in its hands. Were the tap to wait
    // for it, it would wait for ever.
    let mut next = 1;
    let in_memory = tap.clone();
    while recorder.state().dropped == 0 || next < 20_000 || !in_memory.is_crowded() {
        tap.record(Ts(2), &updates(next..next + 10));
        next += 10;
    }
    let state = recorder.state();
    assert!(state.is_running && state.error.is_none(), "{state:?}");
    stall.set(false);
    eventually("it has caught up", || !in_memory.is_crowded());
    tap.record(Ts(3), &updates(next..next + 1));
    let totals = recorder.finish().expect("the disk has room");
    assert!(totals.dropped > 0 && totals.written.gaps >= 1, "{totals:?}");

    let told = updates_and_gaps(&read(&folder.tape()));
    let (mut at, mut lost) = (0, 0);
    for item in &told {
        match item {
            Ok(id) => {
                assert_eq!(*id, at, "what is missing was told before");
                at += 1;
            }
            Err(events) => {
                at += events;
                lost += events;
            }
        }
    }
    assert_eq!((at, lost), (next + 1, totals.dropped));
}

/// A disk in memory with so much room.
#[derive(Clone)]
struct SmallDisk(Arc<Mutex<usize>>);

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.0.lock().expect("no panic");
        let taken = bytes.len().min(*room);
        if taken == 0 && !bytes.is_empty() {
            return Err(ErrorKind::StorageFull.into());
        }
        *room -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for SmallDisk {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_disk_that_is_full_ends_the_recording_and_every_event_is_recorded_or_counted() {
    let metrics = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&metrics, || {
        let disk = SmallDisk(Arc::new(Mutex::new(4_000)));
        let create: Create = Box::new(move |_| Ok(Box::new(disk.clone())));
        let path = Path::new("small.tape");
        let writer = TapeWriter::on(path, Rotation::default(), create).expect("room for a beginning");
        let (tap, queue) = event_queue();
        let tally = queue.tally().clone();
        let recorder = TapeRecorder::spawn(queue, writer, path).expect("started");
        let mut next = 0;
        while recorder.is_running() {
            tap.record(Ts(1), &updates(next..next + 10));
            next += 10;
            thread::park_timeout(Duration::from_micros(50));
        }
        let (records, kept) = (recorder.state().records, updates(next..next + 5));
        tap.record(Ts(1), &kept);
        assert_eq!(Arc::strong_count(&kept), 1, "nothing waits for a recorder that is gone");
        let state = recorder.state();
        assert!(!state.is_running, "{state:?}");
        let error = state.error.expect("the disk is full");
        assert!(error.contains("cannot write `small.tape`"), "{error}");
        assert_eq!(records + state.dropped, next + 5);
        assert_eq!(tally.offered(), next + 5);
        let told = recorder.finish().expect_err("the disk is full").to_string();
        assert_eq!(told, error);
    });
    let text = metrics.handle().render();
    for line in ["tickwire_record_up 0", "tickwire_record_events_waiting 0"] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
}

#[test]
fn metrics_tell_what_is_recorded_what_waits_and_what_is_lost() {
    let metrics = PrometheusBuilder::new().build_recorder();
    let text = || metrics.handle().render();
    let says = |lines: &[&str]| {
        let text = text();
        for line in lines {
            assert!(text.lines().any(|told| told == *line), "no `{line}` in {text}");
        }
    };
    metrics::with_local_recorder(&metrics, || {
        let folder = Folder::new();
        let (tap, queue) = bounded(Limits {
            events_max: 10,
            batches_max: 10,
            reserve_max: 10,
        });
        tap.record(Ts(1), &updates(0..8));
        tap.record(Ts(1), &updates(8..12));
        says(&[
            "tickwire_record_events_waiting 8",
            "tickwire_record_events_dropped_total 4",
        ]);
        let recorder = TapeRecorder::start(queue, &folder.tape(), Rotation::default()).expect("started");
        says(&["tickwire_record_up 1"]);
        recorder.finish().expect("the disk has room");
    });
    says(&[
        "tickwire_record_events_waiting 0",
        "tickwire_record_events_dropped_total 4",
        "tickwire_record_events_total 8",
        "tickwire_record_up 0",
    ]);
}

#[test]
fn records_of_a_recording_beside_those_of_now_do_not_end_a_file_each() {
    let folder = Folder::new();
    let rotation = Rotation {
        span_max: Some(Duration::from_secs(60)),
        ..Rotation::default()
    };
    let (tap, queue) = event_queue();
    let recorder = TapeRecorder::start(queue, &folder.tape(), rotation).expect("started");
    // Updates have times of long ago, as of a replay.
    for second in 0..100 {
        tap.record(
            Ts(1_700_000_000_000_000_000 + second * 1_000_000_000),
            &Arc::new(vec![state(7)]),
        );
        tap.record(Ts(0), &updates(second as u64..second as u64 + 1));
    }
    let totals = recorder.finish().expect("the disk has room");
    assert_eq!((totals.written.records, totals.written.files), (200, 2));
}

#[test]
fn a_file_that_is_there_refuses_the_start() {
    let folder = Folder::new();
    std::fs::write(folder.tape(), "precious").expect("written");
    let (_tap, queue) = event_queue();
    let error = TapeRecorder::start(queue, &folder.tape(), Rotation::default()).expect_err("refused");
    assert!(matches!(error, TapeError::Exists { .. }), "{error}");
}
