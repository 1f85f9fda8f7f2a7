//! The store over restarts of the real binary: after a clean stop subscribers resume, after a kill they converge, the last
//! values are there at once, and nothing that is wrong with the folder ends the serving.

mod support;

use std::path::{Path, PathBuf};

use support::follower::Follower;
use support::peer::{Options as PeerOptions, Peer};
use support::process::{self, Process};
use support::server::{QUIET, Server};
use support::{LIMIT, eventually, in_each_encoding, rows};
use tickwire::client::{Notice, Options, Row, Subscriber};
use tickwire::market::{StaleCause, TickerState};
use tickwire::wire::Encoding;
use tokio::time::timeout;
use tokio_stream::StreamExt;

const RESTARTED: (Option<TickerState>, Option<StaleCause>) = (Some(TickerState::Stale), Some(StaleCause::Restart));

/// A folder for the state, removed at the end.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Dir {
        Dir(process::directory().join("state"))
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }

    fn file(&self) -> PathBuf {
        self.0.join("store.state")
    }

    /// Serves what is kept there, and what programs push.
    fn serve(&self, listen: &str) -> Server {
        self.serve_feed(listen, "synthetic?symbols=1&rate=1&venue=calm")
    }

    fn serve_feed(&self, listen: &str, feed: &str) -> Server {
        let args = ["--state", self.text(), "--allow-control", "--feed", feed];
        Server::start_at(listen, &args)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // Left behind in the build's folder at worst.
        let _ = std::fs::remove_dir_all(self.0.parent().unwrap_or(Path::new("")));
    }
}

fn push(server: &Server, lines: &str) {
    let answer = server.post("/v1/updates", lines);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// `AAA` and `BBB`, in the store.
fn pushed(server: &Server) {
    push(
        server,
        "{\"symbol\": \"own:AAA\", \"bid_price\": \"1.25\", \"bid_size\": \"10\"}\n{\"symbol\": \"own:BBB\", \"last_price\": \"7\"}\n",
    );
    eventually("both are there", || {
        (rows::snapshot(server, "own:*").rows.len() == 2).then_some(())
    });
}

fn stop(server: Server) {
    server.process.signal("TERM");
    let ended = server.process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("the store is kept"), "{}", ended.err);
}

fn checkpoints(server: &Server) -> f64 {
    server.metric("tickwire_state_checkpoints_total", "")
}

/// The value of a field and the state of a row.
fn is(row: Option<&Row>, (field, value): (&str, &str), state: (Option<TickerState>, Option<StaleCause>)) -> bool {
    let row = row.unwrap_or_else(|| panic!("no row"));
    row.values.get(field).map(String::as_str) == Some(value) && (row.state, row.cause) == state
}

async fn subscribe(server: &Server, encoding: Encoding, symbols: &str) -> Subscriber {
    let options = Options::new(&server.url()).expect("a URL").encoding(encoding);
    let subscriber = Subscriber::new(options);
    subscriber.subscribe([symbols]).await.expect("a pattern");
    wait(&subscriber, "a whole view", |subscriber| {
        subscriber.view().is_complete()
    })
    .await;
    subscriber
}

/// Looks until it is so.
async fn wait(subscriber: &Subscriber, what: &str, is_so: impl Fn(&Subscriber) -> bool) {
    let met = async {
        while !is_so(subscriber) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, met)
        .await
        .unwrap_or_else(|_| panic!("{what}: {:?}", subscriber.view().dump()));
}

/// Reads notices up to the next complete answer; whether it was a resume.
async fn come_back(subscriber: &mut Subscriber) -> bool {
    let mut was_lost = false;
    loop {
        let notice = timeout(LIMIT, subscriber.next()).await.expect("something happens");
        match notice.expect("it does not give up") {
            Notice::Disconnected { .. } => was_lost = true,
            Notice::SnapshotDone { resumed, .. } if was_lost => return resumed,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_clean_stop_subscribers_resume_and_values_wait_for_their_feed() {
    let dir = Dir::new();
    let server = dir.serve("127.0.0.1:0");
    pushed(&server);
    let mut subscribers = Vec::new();
    for encoding in Encoding::ALL {
        subscribers.push(subscribe(&server, encoding, "own:*").await);
    }
    let (addr, epoch, seq) = {
        let view = subscribers[0].view();
        (server.addr, view.epoch(), view.seq())
    };
    stop(server);
    let server = dir.serve(&addr.to_string());
    // The first thing that anyone can ask.
    let there = rows::snapshot(&server, "own:*");
    assert_eq!(Some(there.epoch), epoch);
    assert!(there.seq > seq, "{} after {seq}", there.seq);
    assert!(
        is(there.rows.get("own:AAA"), ("bid_price", "1.25"), RESTARTED),
        "{:?}",
        there.rows
    );
    assert_eq!(there.venues["own"].0, "down");
    for subscriber in &mut subscribers {
        assert!(come_back(subscriber).await, "resumed");
        assert_eq!(subscriber.view().epoch(), epoch);
        let is_so = |subscriber: &Subscriber| subscriber.view().dump() == there.rows;
        wait(subscriber, "what HTTP says", is_so).await;
    }
    // The feed speaks of one of them, and says what was so before.
    push(&server, "{\"symbol\": \"own:AAA\", \"bid_price\": \"1.25\"}\n");
    for subscriber in &subscribers {
        wait(subscriber, "live again", |subscriber| {
            let rows = subscriber.view().dump();
            is(
                rows.get("own:AAA"),
                ("bid_price", "1.25"),
                (Some(TickerState::Live), None),
            )
        })
        .await;
        assert!(is(
            subscriber.view().dump().get("own:BBB"),
            ("last_price", "7"),
            RESTARTED
        ));
        assert_eq!(subscriber.view().breaches(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_under_load_subscribers_come_back_by_themselves_and_converge() {
    const LOAD: &str = "synthetic?symbols=1000&rate=20000&seed=8";
    let dir = Dir::new();
    let server = dir.serve_feed("127.0.0.1:0", LOAD);
    server.until_instruments(1_000);
    let mut subscribers = Vec::new();
    for encoding in Encoding::ALL {
        subscribers.push(subscribe(&server, encoding, "synthetic:*").await);
    }
    // The first, at the start, is of nothing.
    let first = checkpoints(&server);
    eventually("a checkpoint", || (checkpoints(&server) > first).then_some(()));
    let (addr, epoch) = (server.addr, subscribers[0].view().epoch());
    server.process.kill();
    // Its feed is another one: what was is there, and waits.
    let server = dir.serve(&addr.to_string());
    let there = rows::snapshot(&server, "synthetic:*");
    assert_ne!(
        Some(there.epoch),
        epoch,
        "what was sent after the checkpoint is not known"
    );
    assert_eq!(there.rows.len(), 1_000);
    let waits = |row: &Row| (row.state, row.cause) == RESTARTED && row.values.contains_key("bid_price");
    assert!(there.rows.values().all(waits));
    for subscriber in &mut subscribers {
        assert!(!come_back(subscriber).await, "told whole");
        assert_eq!(subscriber.view().epoch(), Some(there.epoch));
        assert_eq!(subscriber.view().dump(), there.rows);
    }
    server.process.kill();
    let server = dir.serve_feed(&addr.to_string(), LOAD);
    for subscriber in &mut subscribers {
        assert!(!come_back(subscriber).await, "told whole");
        wait(subscriber, "all are live", |subscriber| {
            let rows = subscriber.view().dump();
            rows.len() == 1_000 && rows.values().all(|row| row.state == Some(TickerState::Live))
        })
        .await;
        assert_eq!(subscriber.view().breaches(), 0);
    }
    // Beat by beat, against plain HTTP.
    in_each_encoding(|encoding| {
        let mut peer = Peer::connect(server.addr, PeerOptions::of(encoding));
        let mut follower = Follower::subscribe(&mut peer, &["synthetic:S01*"]);
        follower.compare(&mut peer, &server, "synthetic:S01*");
    });
}

#[test]
fn a_damaged_file_is_set_aside_and_named_and_serving_begins_empty() {
    let dir = Dir::new();
    let server = dir.serve("127.0.0.1:0");
    pushed(&server);
    stop(server);
    let mut bytes = std::fs::read(dir.file()).expect("it is kept");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(dir.file(), &bytes).expect("written");
    let server = dir.serve("127.0.0.1:0");
    let line = server.process.log_line("set aside");
    assert!(
        line.contains("store.state.damaged-") && line.contains("checksum"),
        "{line}"
    );
    assert!(rows::snapshot(&server, "own:*").rows.is_empty());
    let entries = std::fs::read_dir(&dir.0)
        .expect("the folder")
        .map(|entry| entry.expect("an entry"));
    let aside = entries.filter(|entry| entry.file_name().to_string_lossy().contains(".damaged-"));
    let aside: Vec<Vec<u8>> = aside
        .map(|entry| std::fs::read(entry.path()).expect("a file"))
        .collect();
    assert_eq!(aside, [bytes], "nothing of it is lost");
}

#[test]
fn a_disk_that_is_full_is_told_once_and_serving_goes_on_with_the_last_whole_file() {
    let dir = Dir::new();
    // 16 KiB a file: enough for the start, not for what is pushed then.
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--state",
        dir.text(),
        "--allow-control",
        "--feed",
        QUIET,
    ];
    let server = Server::of_process(Process::spawn_on_small_disk(32, &args));
    let before = std::fs::read(dir.file()).expect("the first checkpoint");
    let line = |at| format!("{{\"symbol\": \"own:S{at:04}\", \"bid_price\": \"{at}.25\"}}\n");
    push(&server, &(1..=1_000).map(line).collect::<String>());
    let failed = |server: &Server| server.metric("tickwire_state_checkpoints_failed_total", "");
    eventually("it fails again and again", || (failed(&server) >= 2.0).then_some(()));
    assert_eq!(std::fs::read(dir.file()).expect("the same"), before);
    assert!(!dir.0.join("store.state.new").exists(), "no room is taken in vain");
    push(&server, &line(1_001));
    eventually("it serves", || {
        (rows::snapshot(&server, "own:*").rows.len() == 1_001).then_some(())
    });
    server.process.signal("TERM");
    let ended = server.process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(
        ended.err.matches("no checkpoint can be written").count(),
        1,
        "{}",
        ended.err
    );
    assert!(!ended.err.contains("the store is kept"), "{}", ended.err);
}

#[test]
fn a_folder_that_goes_away_and_comes_back_is_told_at_both_edges() {
    let dir = Dir::new();
    let server = dir.serve_feed("127.0.0.1:0", QUIET);
    let away = dir.0.with_extension("away");
    std::fs::rename(&dir.0, &away).expect("renamed");
    server.process.log_line("no checkpoint can be written");
    std::fs::rename(&away, &dir.0).expect("renamed back");
    server.process.log_line("checkpoints are written again");
    assert!(checkpoints(&server) >= 1.0);
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_and_the_first_one_stays() {
    let dir = Dir::new();
    let server = dir.serve("127.0.0.1:0");
    let ended = process::run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--state",
        dir.text(),
        "--feed",
        QUIET,
    ]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(
        ended.err.contains("in use") && ended.err.contains(dir.text()),
        "{}",
        ended.err
    );
    pushed(&server);
    // A lock ends with its process, however that ends.
    server.process.kill();
    drop(dir.serve("127.0.0.1:0"));
}

#[test]
fn a_folder_that_cannot_be_used_ends_the_start_with_what_is_allowed() {
    let dir = Dir::new();
    let file = dir.0.with_extension("file");
    std::fs::write(&file, b"").expect("written");
    let ended = process::run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--state",
        file.to_str().expect("UTF-8"),
    ]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(
        ended.err.contains("is no folder") && ended.err.contains("is needed"),
        "{}",
        ended.err
    );
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--state",
        dir.text(),
        "--feed",
        QUIET,
    ];
    let ended = Process::spawn_on_small_disk(0, &args).wait();
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(
        ended.err.contains(dir.text()) && ended.err.contains("with room"),
        "{}",
        ended.err
    );
    // A recording's state is the recording.
    let ended = process::run(&["replay", "some.tape", "--clock", "tape", "--state", dir.text()]);
    assert_eq!(ended.code, Some(2), "{}", ended.err);
    assert!(ended.err.contains("--state"), "{}", ended.err);
}
