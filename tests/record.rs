//! `tickwire record --raw` against a local venue: what it wrote can be replayed, however it ended.

mod support;

use std::path::{Path, PathBuf};

use support::captures;
use support::eventually;
use support::history::History;
use support::process::Process;
use support::server::Server;
use support::venue::{Fault, Kind, Setup, Venue};

const CAPTURE: &str = "kraken/v2_book_btcusd_d25_20260802.capture.gz";
const STREAMS: &[&str] = &["book:BTC/USD", "trade:BTC/USD", "ticker:BTC/USD", "instrument"];

/// A venue, and a recorder of it that has subscribed everything.
struct Recording {
    venue: Venue,
    process: Process,
    file: PathBuf,
}

impl Recording {
    /// `None`, said aloud, where there is no recording to play.
    fn start(name: &str, more: &[&str]) -> Option<Recording> {
        let capture = captures::real(CAPTURE)?;
        let venue = Setup::new(Kind::Kraken, &capture).start();
        let file = folder(name).join("x.capture.gz");
        let feed = format!("kraken:BTC/USD?{}", venue.options());
        let path = file.to_str().expect("UTF-8");
        let process = Process::spawn(&[&["record", "--raw", path, "--feed", &feed], more].concat());
        venue.wait_subscribed(STREAMS);
        Some(Recording { venue, process, file })
    }
}

/// The rows that a replay of a file ends with, and those of the original.
fn replays_to_the_end(file: &PathBuf) {
    let original = captures::real(CAPTURE).expect("it was there");
    let [ours, theirs] = [file, &original].map(|file| {
        let server = Server::of(&captures::replay(file, "speed=max"), &[]);
        let history = History::of(&server);
        history.is("kraken", "down replay ended");
        assert_eq!(server.metric("tickwire_feed_checksums_total", "kraken"), 0.0);
        assert_eq!(server.metric("tickwire_feed_malformed_total", "kraken"), 0.0);
        history.rows()
    });
    let values =
        |rows: &std::collections::BTreeMap<String, tickwire::client::Row>| rows["kraken:BTC/USD"].values.clone();
    assert_eq!(values(&ours), values(&theirs));
}

/// A folder that is empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("record-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// What is in a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Frames of data that the venue has sent to the recorder; acknowledgements and the like come besides.
fn sent(venue: &Venue) -> usize {
    venue.connections().iter().map(|connection| connection.frames).sum()
}

/// Lines that can be read of a capture, whole or cut off.
fn lines(file: &Path) -> usize {
    let Ok(mut reader) = tickwire::tape::CaptureReader::open(file) else {
        return 0;
    };
    let mut count = 0;
    while let Ok(Some(_)) = reader.next_record() {
        count += 1;
    }
    count
}

#[test]
fn what_was_recorded_until_an_interrupt_replays_to_the_same_end() {
    let Some(Recording { venue, process, file }) = Recording::start("interrupt", &[]) else {
        return;
    };
    // A break in the middle belongs to the recording.
    let middle = venue.frame_count() / 2;
    venue.fault_at(middle, Fault::Reset);
    venue.play_to(middle + 1);
    venue.wait_attempts(2);
    venue.wait_subscribed(STREAMS);
    venue.play_rest();
    eventually("all frames are on the disk", || {
        (lines(&file) > sent(&venue)).then_some(())
    });
    process.signal("INT");
    let ended = process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains(" 0 dropped, 0 refused"), "{}", ended.err);
    replays_to_the_end(&file);
}

#[test]
fn what_was_flushed_before_a_kill_can_be_replayed() {
    let Some(Recording { venue, process, file }) = Recording::start("kill", &[]) else {
        return;
    };
    venue.play_rest();
    eventually("all frames are on the disk", || {
        (lines(&file) > sent(&venue)).then_some(())
    });
    process.kill();
    let error = {
        let mut reader = tickwire::tape::CaptureReader::open(&file).expect("a capture");
        loop {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => break None,
                Err(error) => break Some(error.to_string()),
            }
        }
    };
    // The end of the file is told after everything that was flushed.
    assert!(
        error.as_ref().is_none_or(|error| error.contains("x.capture.gz")),
        "{error:?}"
    );
    assert!(lines(&file) > sent(&venue));
}

#[test]
fn a_recording_goes_on_in_the_next_file_and_none_is_overwritten() {
    let Some(Recording { venue, process, file }) = Recording::start("rotate", &["--rotate-seconds", "1"]) else {
        return;
    };
    venue.pace(Some(700.0));
    venue.play_rest();
    let folder = file.parent().expect("a folder");
    let all = || files(folder).iter().map(|file| lines(file)).sum::<usize>();
    eventually("all frames are on the disk", || (all() > sent(&venue)).then_some(()));
    process.signal("INT");
    let ended = process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let files = files(folder);
    assert!(files.len() >= 2, "{files:?}");
    assert!(files[0].ends_with("x.0001.capture.gz") && files[1].ends_with("x.0002.capture.gz"));
    let path = file.to_str().expect("UTF-8").to_owned();
    let feed = format!("kraken:BTC/USD?{}", venue.options());
    let before: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("a file")).collect();
    let again = [
        "record",
        "--raw",
        &path,
        "--feed",
        &feed,
        "--rotate-seconds",
        "60",
        "--for",
        "1",
    ];
    let again = Process::spawn(&again).wait();
    assert_eq!(again.code, Some(0), "{}", again.err);
    let after: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("a file")).collect();
    assert!(before == after, "nothing is overwritten");
    let next = format!("x.{:04}.capture.gz", files.len() + 1);
    assert!(folder.join(&next).exists(), "no {next}: {}", again.err);
}

#[test]
fn a_recording_ends_when_its_time_is_up() {
    let Some(Recording { venue, process, file }) = Recording::start("for", &["--for", "1"]) else {
        return;
    };
    venue.play_to(100);
    let ended = process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(lines(&file) >= 1);
}

#[test]
fn what_cannot_be_recorded_is_refused_before_there_is_a_file() {
    let file = folder("refused").join("x.capture.gz");
    let path = file.to_str().expect("UTF-8");
    for (args, part) in [
        (&["--feed", "synthetic"][..], "has no raw frames"),
        (
            &["--feed", "kraken:BTC/USD", "--feed", "binance:BTCUSDT"],
            "exactly one",
        ),
        (&[], "exactly one"),
        (&["--feed", "kraken:*"], "`*`"),
        (&["--feed", "nasdaq:AAPL"], "unknown feed kind"),
        (&["--feed", "kraken:BTC/USD", "--rotate-bytes", "5"], "65536"),
    ] {
        let ended = Process::spawn(&[&["record", "--raw", path], args].concat()).wait();
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(part), "{args:?}: {}", ended.err);
        assert!(!file.exists());
    }
}
