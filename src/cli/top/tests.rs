//! The picture and the lines, from statistics made by hand.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::board::Board;
use super::screen::{self, Choice};
use super::{TopArgs, lines};
use crate::cli::link::Link;
use crate::client::View;
use crate::wire::proto::{Instrument, ServerMessage, Snapshot, Ticker, server_message::Body};

/// A view with these statistics, in tenths; `None` is one without a value.
fn view(stats: &[(&str, Option<i64>)]) -> View {
    let ids = (1..).zip(stats);
    let instruments = ids.clone().map(|(id, (name, _))| Instrument {
        id,
        symbol: format!("$stats:{name}"),
        price_decimals: if name.ends_with("_bytes") || name.ends_with(".state") {
            0
        } else {
            1
        },
        ..Default::default()
    });
    let tickers = ids.map(|(id, (_, value))| Ticker {
        id,
        last_price: *value,
        state: Some(1),
        ..Default::default()
    });
    let snapshot = Snapshot {
        epoch: 7,
        seq: 9,
        instruments: instruments.collect(),
        tickers: tickers.collect(),
        ..Default::default()
    };
    let mut view = View::new();
    let _ = view.apply(&ServerMessage {
        body: Some(Body::Snapshot(snapshot)),
    });
    view
}

const STATS: &[(&str, Option<i64>)] = &[
    ("uptime_s", Some(1_840)),
    ("cpu_percent", Some(96)),
    ("resident_bytes", Some(19_529_728)),
    ("subscribers", Some(120)),
    ("updates_per_s", Some(10_097)),
    ("frames_per_s", Some(900)),
    ("entries_per_s", Some(9_427)),
    ("bytes_per_s", Some(244_673)),
    ("encoding.json.frames_per_s", Some(900)),
    ("encoding.json.entries_per_s", Some(9_427)),
    ("encoding.json.bytes_per_s", Some(244_673)),
    ("hop.queue_p50_us", Some(51_118)),
    ("hop.queue_p99_us", Some(96_993)),
    ("hop.feed_p50_us", None),
    ("venue.kraken.state", Some(2)),
    ("venue.kraken.updates_per_s", Some(7_000)),
    ("venue.kraken.lag_p50_us", Some(-23_000)),
    ("venue.binance.state", Some(1)),
    ("venue.binance.updates_per_s", Some(3_097)),
];

fn board(now: Instant) -> Board {
    let mut board = Board::new("http://h:1");
    board.server = "tickwire/9".into();
    board.link = Link::Connected(now);
    board.take(&view(STATS), now);
    board
}

/// The picture's lines, and whether any value on it is dimmed.
fn picture(board: &Board, choice: &Choice, now: Instant, (width, height): (u16, u16)) -> (Vec<String>, bool) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    let drawn = terminal
        .draw(|frame| screen::draw(frame, board, choice, now))
        .expect("drawn");
    let cells = drawn.buffer.content();
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    let lines: Vec<String> = cells.chunks(usize::from(width)).map(line).collect();
    let cpu = lines.iter().position(|line| line.contains("CPU")).unwrap_or(0);
    (lines, cells[cpu * usize::from(width)].modifier.contains(Modifier::DIM))
}

/// The first line with this word, its white space made one.
fn row(lines: &[String], word: &str) -> String {
    let line = lines.iter().find(|line| line.contains(word));
    let line = line.unwrap_or_else(|| panic!("no {word} in {lines:#?}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn everything_has_its_place_on_a_screen_of_80_by_24() {
    let now = Instant::now();
    let (lines, is_dim) = picture(&board(now), &Choice::default(), now, (80, 24));
    assert_eq!(row(&lines, "tickwire/9"), "tickwire/9 http://h:1 up 3 min 4 s epoch 7");
    assert_eq!(lines[1].trim_end(), "connected");
    assert!(row(&lines, "CPU").starts_with("CPU 9.6 % █ feed - -"));
    assert!(row(&lines, "memory").starts_with("memory 18.6 MiB █ queue 5.1 ms 9.7 ms █"));
    assert!(row(&lines, "updates/s").starts_with("updates/s 1,010 █ beat - -"));
    assert!(row(&lines, "all ").starts_with("all 90 942.7 23.9 KiB █"));
    assert!(row(&lines, "json").starts_with("json 90 942.7 23.9 KiB █"));
    assert!(row(&lines, "kraken").starts_with("kraken stale 700 -2.3 ms - - -"));
    assert!(row(&lines, "binance").starts_with("binance up 309.7 - -"));
    assert!(lines[23].starts_with("q end   ? help"));
    assert!(!is_dim);
}

#[test]
fn no_size_of_a_screen_is_too_small_and_help_is_shown_on_it() {
    let now = Instant::now();
    let choice = Choice {
        has_help: true,
        above: 3,
    };
    for size in [(1, 1), (20, 5), (80, 24), (300, 100)] {
        let (lines, _) = picture(&board(now), &choice, now, size);
        assert_eq!(lines.len(), usize::from(size.1));
        assert!(size.1 < 24 || lines.iter().any(|line| line.contains("this help, and away again")));
    }
    picture(&Board::new("http://h:1"), &choice, now, (80, 24));
}

#[test]
fn a_narrow_screen_leaves_columns_out_and_never_cuts_a_number() {
    let now = Instant::now();
    let mut stats = STATS.to_vec();
    stats.extend([
        ("instruments", Some(12_345_678_901_230)),
        ("venue.binance.lag_p99_us", Some(987_654)),
        ("venue.binance.lag_p50_us", Some(123_456)),
    ]);
    let mut board = board(now);
    board.take(&view(&stats), now);
    // White space between a number and its unit is one of theirs.
    let numbers = |width: u16| -> Vec<String> {
        let (lines, _) = picture(&board, &Choice::default(), now, (width, 40));
        let below = lines[2..]
            .join("\n")
            .replace(['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'], " ");
        let words = below
            .split_whitespace()
            .filter(|word| word.contains(|c: char| c.is_ascii_digit()));
        words
            .filter(|word| *word != "p50" && *word != "p99")
            .map(str::to_owned)
            .collect()
    };
    let all = numbers(200);
    assert!(all.contains(&"1,234,567,890,123".to_owned()), "{all:?}");
    for width in 10..200 {
        let shown = numbers(width);
        assert!(shown.iter().all(|number| all.contains(number)), "{width}: {shown:?}");
        assert!(
            width < 30 || shown.contains(&"1,234,567,890,123".to_owned()),
            "{width}: {shown:?}"
        );
    }
    let (lines, _) = picture(&board, &Choice::default(), now, (50, 24));
    assert_eq!(lines[0].trim_end(), "tickwire/9  http://h:1  up 3 min 4 s  epoch 7");
    assert_eq!(row(&lines, "venue "), "venue state updates/s lag p99");
    assert_eq!(row(&lines, "binance"), "binance up 309.7 98.8 ms");
    assert_eq!(row(&lines, "fan-out"), "fan-out frames/s bytes/s");
}

#[test]
fn what_could_be_pushed_to_and_never_was_is_not_listed() {
    let now = Instant::now();
    let mut board = board(now);
    let mut stats = STATS.to_vec();
    stats.extend([
        ("venue.push.updates_per_s", Some(0)),
        ("venue.push.malformed_per_s", Some(0)),
    ]);
    board.take(&view(&stats), now);
    assert_eq!(board.venues(), ["binance", "kraken"]);
    stats.push(("venue.push.gaps_per_s", Some(10)));
    board.take(&view(&stats), now);
    assert_eq!(board.venues(), ["binance", "kraken", "push"]);
}

#[test]
fn a_list_of_venues_that_does_not_fit_says_so_and_is_moved() {
    let now = Instant::now();
    let names: Vec<String> = (10..40).map(|n| format!("venue.v{n}.state")).collect();
    let mut stats: Vec<(&str, Option<i64>)> = names.iter().map(|name| (name.as_str(), Some(1))).collect();
    stats.extend(STATS);
    let mut board = board(now);
    board.take(&view(&stats), now);
    let (lines, _) = picture(&board, &Choice::default(), now, (100, 24));
    assert_eq!(
        row(&lines, "venue ("),
        "venue (7 of 32) state updates/s lag p50 lag p99 malformed/s gaps/s"
    );
    assert!(lines.iter().any(|line| line.starts_with("v14 ")) && !lines.iter().any(|line| line.starts_with("v15 ")));
    let moved = Choice {
        above: 1_000,
        ..Choice::default()
    };
    let (lines, _) = picture(&board, &moved, now, (100, 24));
    assert!(lines.iter().any(|line| line.starts_with("v39 ")) && !lines.iter().any(|line| line.starts_with("v32 ")));
}

#[test]
fn values_of_a_lost_connection_are_marked_old_and_time_without_any_is_a_gap() {
    let start = Instant::now();
    let s = Duration::from_secs;
    let mut board = board(start);
    assert!(!board.second(start + s(1)));
    board.link = Link::Lost {
        since: start + s(1),
        why: "reset\x1b[2J".into(),
        next: start + s(9),
    };
    assert!(board.second(start + s(2)));
    let (lines, is_dim) = picture(&board, &Choice::default(), start + s(5), (80, 24));
    assert!(is_dim);
    assert_eq!(
        lines[1].trim_end(),
        "no connection for 4 s, values are old, next attempt in 4 s: reset\u{fffd}[2J"
    );
    assert!(row(&lines, "CPU").starts_with("CPU 9.6 %"));
    assert_eq!(board.history("cpu_percent").collect::<Vec<_>>(), [Some(9.6), None]);
    // A server that is there and says nothing is no better.
    board.link = Link::Connected(start + s(3));
    assert!(board.is_old(start + s(5)));
    board.take(&view(STATS), start + s(6));
    assert!(!board.is_old(start + s(7)) && board.is_old(start + s(9)));
}

#[test]
fn what_is_remembered_has_an_end() {
    let now = Instant::now();
    let mut board = board(now);
    (0..1_000).for_each(|_| board.take(&view(STATS), now));
    assert_eq!(board.history("cpu_percent").count(), 180);
    // A venue that is no more is forgotten once nothing of it is shown.
    (0..180).for_each(|_| board.take(&view(&[("uptime_s", Some(1))]), now));
    assert_eq!(board.history("cpu_percent").count(), 0);
    assert!(board.venues().is_empty());
}

#[test]
fn a_sample_is_a_block_of_lines_or_an_object_with_exact_numbers() {
    let now = Instant::now();
    let board = board(now);
    let text = lines::plain(&board, now);
    for line in [
        "server   tickwire/9  http://h:1  up 3 min 4 s  epoch 7  connected",
        "p50/p99  feed - / -, queue 5.1 ms / 9.7 ms, beat - / -, write - / -, ping - / -, engine - / -",
        "fan-out  json: frames/s 90, entries/s 942.7, 23.9 KiB/s",
        "venue    kraken: stale, updates/s 700, lag p50/p99 -2.3 ms / -, malformed/s -, gaps/s -, connects/s -",
    ] {
        assert!(text.lines().any(|found| found == line), "no `{line}` in\n{text}");
    }
    assert!(text.ends_with("\n\n"));
    let json = lines::json(&board, now);
    for part in [
        r#""cpu_percent":9.6"#,
        r#""resident_bytes":19529728"#,
        r#""old":false"#,
        r#""connected":true"#,
    ] {
        assert!(json.contains(part), "no {part} in {json}");
    }
    assert!(!json.contains("hop.feed") && json.ends_with("}\n") && json.lines().count() == 1);
}

#[test]
fn flags_are_read_and_wrong_ones_say_what_is_allowed() {
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        top: TopArgs,
    }

    let parse = |words: &[&str]| Command::try_parse_from(["top"].iter().chain(words)).map(|command| command.top);
    let args = parse(&["http://h", "--count", "2", "--json"]).expect("flags");
    assert_eq!((args.count, args.json), (Some(2), true));
    assert!(parse(&[]).is_err());
    let error = parse(&["http://h", "--count", "0"]).expect_err("none").to_string();
    assert!(error.contains("--count"), "{error}");
}
