//! Recording to tapes with the real binary: the tape has what subscribers were shown, whatever becomes of process and disk.

mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use support::follower::Follower;
use support::peer::{Options, Peer};
use support::process::{Process, run};
use support::server::{QUIET, Server};
use support::{captures, eventually, rows, tape};
use tickwire::market::{Event, Field, Value};
use tickwire::tape::{OnDamage, What};
use tickwire::wire::Encoding::Protobuf;

/// A folder that is empty and removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tape-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Folder(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// A file of lines, and the feed that reads it.
    fn feed(&self, name: &str, lines: &str) -> String {
        std::fs::write(self.0.join(name), lines).expect("written");
        format!("ndjson:{}", self.path(name))
    }

    /// What is in it with this ending, in order.
    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let entries = self.0.read_dir().expect("the folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        let mut files: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
        files.sort();
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Lines of everything that lines can say: quotes, trades, day figures, cleared sides, halts, growing precision.
fn lines(venue: &str, count: usize, random: &mut fastrand::Rng) -> String {
    let mut lines = String::new();
    for n in 0..count {
        let symbol = format!("{venue}:N{}", random.u32(0..20));
        let (price, size) = (random.u32(1..100_000), random.u32(0..1_000));
        let decimals = random.usize(0..4);
        let price = format!("{price}.{}", &"125"[..decimals.min(3)]);
        let price = price.trim_end_matches('.');
        let said = match random.u32(0..10) {
            0 => format!(r#""last_price": "{price}", "last_size": "{size}", "last_side": "sell""#),
            1 => r#""ask_price": null, "ask_size": null"#.to_owned(),
            2 => format!(r#""state": "{}""#, if random.bool() { "halted" } else { "live" }),
            3 => format!(r#""open": "{price}", "volume": "{size}.5", "trade_count": {n}"#),
            _ => format!(r#""bid_price": "{price}", "bid_size": {size}, "ask_price": "{price}1""#),
        };
        writeln!(
            lines,
            r#"{{"symbol": "{symbol}", {said}, "ts_event": "{}"}}"#,
            1_700_000_000_000_000_000 + n
        )
        .expect("a string takes all");
    }
    lines
}

#[test]
fn a_tape_recorded_beside_serving_ends_in_the_state_that_the_stream_showed() {
    const SEED: u64 = 11;
    let (folder, mut random) = (Folder::new("beside"), fastrand::Rng::with_seed(SEED));
    let own = folder.feed("own.ndjson", &lines("own", 20_000, &mut random));
    let other = folder.feed("other.ndjson", &lines("other", 5_000, &mut random));
    let demo = captures::replay(&captures::demo(), "speed=max");
    let path = folder.path("x.tape");
    let feeds = ["--feed", &own, "--feed", &other, "--feed", &demo];
    let server = Server::start(&[&["--record", &path][..], &feeds].concat());

    let mut peer = Peer::connect(server.addr, Options::of(Protobuf));
    let mut follower = Follower::default();
    follower.ask(&mut peer, &["*"]);
    server.until_status("all feeds have ended", |status| {
        let venues = status["venues"].as_array().expect("venues");
        venues.len() == 3 && venues.iter().all(|venue| venue["state"] == "down")
    });
    let shown = eventually("the end of the replay as all see it", || {
        let shown = rows::snapshot(&server, "*:*");
        (shown.venues.get("binance")? == &rows::played()).then_some(shown)
    });
    follower.compare(&mut peer, &server, "*:*");
    let status = &server.json("/v1/status")["recording"];
    assert_eq!((&status["state"], &status["dropped"]), (&"recording".into(), &0.into()));
    assert_eq!(status["file"], path.as_str());
    assert!(status.get("error").is_none(), "{status}");

    server.process.signal("TERM");
    let ended = server.process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("recording finished"), "{}", ended.err);
    let taped = tape::snapshot(&tape::read_whole(Path::new(&path)));
    assert_eq!((taped.rows.len(), taped.rows), (shown.rows.len(), shown.rows));
    assert_eq!(taped.venues, shown.venues);
}

/// The line that says the nth price, from 1.
fn line(n: u64) -> String {
    format!("{{\"symbol\": \"own:ABC\", \"bid_price\": \"{n}\"}}\n")
}

/// The prices of a tape's updates, in order.
fn prices(events: &[&Event]) -> Vec<u64> {
    let price = |event: &&Event| match event {
        Event::Update(update) => match update.fields.get(Field::BidPrice) {
            Some(Value::Set(price)) => Some(price.to_string().parse().expect("whole")),
            other => panic!("no price but {other:?}"),
        },
        _ => None,
    };
    events.iter().filter_map(price).collect()
}

#[test]
fn a_kill_at_any_moment_leaves_a_tape_with_all_that_was_flushed() {
    for seed in 0..10 {
        let (folder, mut random) = (Folder::new("kill"), fastrand::Rng::with_seed(seed));
        let path = folder.path("x.tape");
        let args = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--shards",
            "1",
            "--feed",
            "ndjson:-",
        ];
        let (process, mut stdin) = Process::spawn_piped(&[&args, &["--record", &path][..]].concat());
        let server = Server::of_process(process);
        let recorded = || server.metric("tickwire_record_events_total", "") as u64;
        let mut written = 0;
        let mut write = |count: u64, written: &mut u64| {
            let text: String = (*written + 1..=*written + count).map(line).collect();
            stdin.write_all(text.as_bytes()).expect("it reads");
            *written += count;
        };
        for _ in 0..random.u32(0..3) {
            write(random.u64(1..3_000), &mut written);
            // One event is the venue's, which is up.
            eventually("all is flushed", || (recorded() > written).then_some(()));
        }
        // In the middle of what comes next.
        let mut flushed = recorded();
        for _ in 0..random.u32(0..60) {
            write(random.u64(1..200), &mut written);
            flushed = recorded();
        }
        server.process.kill();

        let file = Path::new(&path);
        let (records, error) = tape::read(file, OnDamage::Salvage);
        assert!(error.is_none(), "seed {seed}: {error:?}");
        let events = tape::events(&records);
        let count = events.len() as u64;
        assert!(count >= flushed, "seed {seed}: {count} of {flushed}");
        let prices = prices(&events);
        let all: Vec<u64> = (1..=prices.len() as u64).collect();
        assert_eq!(prices, all, "seed {seed}: each, in order");
        assert!(prices.len() as u64 <= written);

        // Who wants no damaged tape is told, after everything before the damage.
        let (strict, error) = tape::read(file, OnDamage::Stop);
        assert_eq!(strict.len(), records.len(), "seed {seed}: {error:?}");
        assert!(
            error.is_none_or(|error| error.to_string().contains("x.tape")),
            "seed {seed}"
        );
    }
}

#[test]
fn a_full_disk_stops_the_recording_and_says_so_and_serving_goes_on() {
    let feed = "synthetic?symbols=50&rate=20000";
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--shards",
        "1",
        "--feed",
        feed,
        "--record",
        "x.tape",
    ];
    let server = Server::of_process(Process::spawn_on_small_disk(256, &args));
    let mut peer = Peer::connect(server.addr, Options::of(Protobuf));
    let mut follower = Follower::subscribe(&mut peer, &["synthetic:*"]);
    server.until_status("the recording has failed", |status| {
        status["recording"]["state"] == "failed"
    });
    let line = server.process.log_line("recording has stopped");
    let status = server.json("/v1/status");
    let recording = &status["recording"];
    for said in [&line, recording["error"].as_str().expect("an error")] {
        assert!(said.contains("cannot write `x.tape`"), "{said}");
    }
    let bytes = recording["file_bytes"].as_u64().expect("a number");
    assert!((1..=256 * 512).contains(&bytes), "{recording}");
    assert_eq!(server.metric("tickwire_record_up", ""), 0.0);

    // Served on, and what is not recorded is counted.
    let dropped = || server.metric("tickwire_record_events_dropped_total", "");
    let before = dropped();
    eventually("more is dropped", || (dropped() > before).then_some(()));
    assert_eq!(server.get("/readyz").status, 200);
    follower.compare(&mut peer, &server, "synthetic:*");

    let records = recording["records"].as_u64().expect("a number");
    let (taped, error) = tape::read(&server.process.directory().join("x.tape"), OnDamage::Salvage);
    assert!(error.is_none(), "{error:?}");
    assert!(
        taped.len() as u64 >= records && records > 0,
        "{} of {records}",
        taped.len()
    );
    server.process.signal("TERM");
    let ended = server.process.wait();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
}

#[test]
fn a_recording_alone_ends_with_the_disks_error() {
    let feed = "synthetic?symbols=50&rate=20000";
    let ended = Process::spawn_on_small_disk(256, &["record", "--tape", "x.tape", "--feed", feed]).wait();
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(ended.err.contains("cannot write `x.tape`"), "{}", ended.err);
}

#[test]
fn feeds_with_an_end_are_recorded_to_it_whole_and_that_is_a_success() {
    const SEED: u64 = 12;
    let (folder, mut random) = (Folder::new("finite"), fastrand::Rng::with_seed(SEED));
    let own = folder.feed("own.ndjson", &lines("own", 5_000, &mut random));
    let demo = captures::replay(&captures::demo(), "speed=max");
    let path = folder.path("x.tape");
    let args = ["record", "--tape", &path, "--feed", &own, "--feed", &demo];
    let ended = run(&args);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(
        ended.err.contains(" in 1 file of ") && ended.err.contains(" 0 dropped in 0 gaps"),
        "{}",
        ended.err
    );

    let server = Server::start(&["--feed", &own, "--feed", &demo]);
    let shown = eventually("both have ended", || {
        let shown = rows::snapshot(&server, "*:*");
        let both = shown.venues.values().filter(|(state, _)| state == "down").count() == 2;
        both.then_some(shown)
    });
    let taped = tape::snapshot(&tape::read_whole(Path::new(&path)));
    assert_eq!((&taped.rows, &taped.venues), (&shown.rows, &shown.venues));

    let again = run(&args);
    assert_eq!(again.code, Some(1), "nothing is overwritten");
    assert!(again.err.contains("is there already"), "{}", again.err);
}

#[test]
fn what_a_replay_plays_is_recorded_at_the_times_that_it_has_there() {
    let folder = Folder::new("times");
    let (path, again) = (folder.path("x.tape"), folder.path("again.tape"));
    let demo = captures::replay(&captures::demo(), "speed=max");
    // In two files, so that the second begins with a state.
    let ended = run(&["record", "--tape", &path, "--feed", &demo, "--rotate-seconds", "8"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let stamp = |line: Option<&str>| line.and_then(|line| line.split(' ').next()?.parse::<i64>().ok());
    let text = captures::text(&captures::demo());
    let (first, last) = (stamp(text.lines().nth(1)), stamp(text.lines().last()));
    let range = first.expect("a time")..=last.expect("a time") + 10_000_000;
    let files = folder.files(".tape");
    assert_eq!(files.len(), 2, "{files:?}");
    let records: Vec<_> = files.iter().flat_map(|file| tape::read_whole(file)).collect();
    let outside: Vec<_> = records.iter().filter(|taped| !range.contains(&taped.ts.0)).collect();
    assert!(outside.is_empty(), "not in {range:?}: {outside:?}");

    // What the second begins with is there too where it is played and recorded alone.
    let second = captures::replay(&files[1], "speed=max");
    let ended = run(&["record", "--tape", &again, "--feed", &second]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let [mut all, mut alone] = [records, tape::read_whole(Path::new(&again))].map(|records| tape::snapshot(&records));
    for rows in [&mut all.rows, &mut alone.rows] {
        rows.values_mut().for_each(|row| row.update_count = 0);
    }
    assert_eq!((alone.rows, alone.venues), (all.rows, all.venues));
}

#[test]
fn a_feed_that_cannot_go_on_makes_the_recording_a_failure_and_what_came_is_there() {
    let folder = Folder::new("broken");
    let whole = std::fs::read(captures::demo()).expect("the project's own recording");
    let broken = folder.path("broken.capture.gz");
    std::fs::write(&broken, &whole[..whole.len() / 2]).expect("written");
    let feed = captures::replay(Path::new(&broken), "speed=max");
    let path = folder.path("x.tape");
    let own = folder.feed("own.ndjson", &line(1));
    let ended = run(&["record", "--tape", &path, "--feed", &own, "--feed", &feed]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(
        ended.err.contains("the feed has ended: ") && ended.err.contains("truncated"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("recorded "), "{}", ended.err);
    let taped = tape::snapshot(&tape::read_whole(Path::new(&path)));
    assert!(taped.venues["binance"].1.contains("truncated"), "{:?}", taped.venues);
    assert_eq!(taped.venues["own"], ("down".into(), "end of input".into()));
}

#[test]
fn an_interrupt_or_the_time_that_is_up_ends_a_recording_of_feeds_without_end() {
    let folder = Folder::new("endless");
    let feeds = [
        "--feed",
        "synthetic?symbols=5&rate=500",
        "--feed",
        "synthetic?symbols=5&rate=500&venue=other",
    ];
    for (name, more) in [("interrupt", &[][..]), ("for", &["--for", "1"])] {
        let path = folder.path(name);
        let process = Process::spawn(&[&["record", "--tape", &path][..], &feeds, more].concat());
        process.log_line("recording `synthetic");
        if more.is_empty() {
            // Something of both.
            eventually("a flush", || {
                let (records, _) = tape::read(Path::new(&path), OnDamage::Salvage);
                (tape::events(&records).len() > 100).then_some(())
            });
            process.signal("INT");
        }
        let ended = process.wait();
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        let taped = tape::snapshot(&tape::read_whole(Path::new(&path)));
        assert_eq!(taped.rows.len(), 10, "{name}");
    }
}

#[test]
fn a_tape_goes_on_in_the_next_file() {
    const SEED: u64 = 13;
    let (folder, mut random) = (Folder::new("rotate"), fastrand::Rng::with_seed(SEED));
    let own = folder.feed("own.ndjson", &lines("own", 20_000, &mut random));
    let path = folder.path("x.tape");
    let ended = run(&["record", "--tape", &path, "--feed", &own, "--rotate-bytes", "65536"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let files = folder.files(".tape");
    assert!(files.len() >= 2 && files[0].ends_with("x.0001.tape"), "{files:?}");
    let updates = files.iter().flat_map(|file| tape::read_whole(file));
    let updates = updates.filter(|taped| matches!(&taped.what, What::Event(Event::Update(_))));
    assert_eq!(updates.count(), 20_000, "a line each");
}

#[test]
fn what_cannot_be_recorded_is_refused_before_there_is_a_file() {
    let folder = Folder::new("refused");
    let path = folder.path("x.tape");
    for (args, part) in [
        (&["record", "--tape", &path][..], "no feed is given"),
        (&["record", "--tape", &path, "--raw", "y", "--feed", QUIET], "--raw"),
        (&["record", "--feed", QUIET], "--tape"),
        (
            &["record", "--tape", &path, "--feed", "nasdaq:AAPL"],
            "unknown feed kind",
        ),
        (
            &["record", "--tape", &path, "--feed", QUIET, "--feed", QUIET],
            "two feeds",
        ),
        (
            &["record", "--tape", &path, "--feed", QUIET, "--rotate-bytes", "5"],
            "65536",
        ),
        (&["record", "--tape", &path, "--feed", QUIET, "--for", "0"], "--for"),
        (
            &["serve", "--record", &path, "--record-rotate-seconds", "0"],
            "31622400",
        ),
        (&["serve", "--record-rotate-seconds", "60"], "nothing to rotate"),
        (
            &["serve", "--record", &path, "--feed", "nasdaq:AAPL"],
            "unknown feed kind",
        ),
    ] {
        let ended = run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {}", ended.err);
        assert!(ended.err.contains(part), "{args:?}: {}", ended.err);
        assert!(folder.files("").is_empty(), "{args:?}");
    }
    std::fs::write(&path, "precious").expect("written");
    let ended = run(&["serve", "--listen", "127.0.0.1:0", "--record", &path]);
    assert_eq!(ended.code, Some(1), "{}", ended.err);
    assert!(
        ended.err.contains("is there already") && ended.out.is_empty(),
        "{}",
        ended.err
    );
    assert_eq!(std::fs::read(&path).expect("it is there"), b"precious");
}

#[test]
fn a_tape_to_record_to_can_stand_in_the_file_and_in_the_environment() {
    let text =
        "[record]\nfile = \"file.tape\"\nrotate_seconds = 3600\n[[feed]]\nspec = \"synthetic?symbols=3&rate=50\"\n";
    for (env, want) in [
        (&[][..], "file.0001.tape"),
        (&[("TICKWIRE_RECORD", "env.tape")], "env.0001.tape"),
    ] {
        let directory = support::process::directory_with(("tickwire.toml", text.as_bytes()));
        let server = Server::of_process(Process::spawn_in(directory, &["serve", "--listen", "127.0.0.1:0"], env));
        server.until_status("something is recorded", |status| {
            status["recording"]["records"].as_u64() > Some(0)
        });
        assert!(server.process.directory().join(want).exists(), "{want}");
    }
    let server = Server::quiet(&[]);
    assert!(
        server.json("/v1/status").get("recording").is_none(),
        "nothing is recorded"
    );
}
