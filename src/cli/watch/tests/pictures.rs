//! The picture on screens of several sizes.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::style::{Color, Modifier};

use super::{SECOND, instrument, snapshot, view, view_of, view_with};
use crate::cli::link::Link;
use crate::cli::watch::board::Board;
use crate::cli::watch::screen;
use crate::client::View;
use crate::wire::proto::{Snapshot, Ticker};

fn board(now: Instant) -> Board {
    let mut board = Board::new("http://h:1", "protobuf".into(), now);
    board.stream.server = "tickwire/9".into();
    board.stream.interval_ms = Some(10);
    board.stream.link = Link::Connected(now);
    board
}

fn draw(board: &mut Board, view: &View, now: Instant, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    board.take(view, 0, now);
    let picture = board.picture(view, now, (width, height));
    let drawn = terminal.draw(|frame| screen::draw(frame, &picture));
    drawn.expect("drawn").buffer.clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    buffer
        .content()
        .chunks(usize::from(buffer.area.width))
        .map(|cells| line(cells).trim_end().to_owned())
        .collect()
}

/// The cell where a text begins.
fn cell<'a>(buffer: &'a Buffer, text: &str) -> &'a ratatui::buffer::Cell {
    let lines = lines(buffer);
    let found = lines.iter().enumerate().find_map(|(y, line)| {
        let at = line.find(text)?;
        Some((line[..at].chars().count() as u16, y as u16))
    });
    let at = found.unwrap_or_else(|| panic!("no {text} in {lines:#?}"));
    &buffer[at]
}

fn press(board: &mut Board, keys: &str) {
    for key in keys.chars() {
        assert!(!board.choice.press(&KeyEvent::from(KeyCode::Char(key))));
    }
}

#[test]
fn eighty_columns_hold_what_is_looked_at_most() {
    let now = Instant::now();
    let drawn = draw(&mut board(now), &view(), now, (80, 24));
    assert_eq!(
        lines(&drawn)[..9],
        [
            "connected to tickwire/9 at http://h:1",
            "lag -  skipped beats 0  protobuf every 10 ms  seq 9  epoch 7",
            "",
            "kraken stale: silent for 5 s  binance up",
            "symbol               bid      ask       last change 2 min          state",
            "binance:BTCUSDT 61837.62 61837.64 61837.63 B +3.06%              ▄ live",
            "binance:ETHUSDT  2000.00  2000.50          -      -              ▄ live",
            "kraken:BTC/USD         -        -  5940.00 S -1.00%                stale: silent",
            "",
        ]
    );
    assert!(lines(&drawn)[23].starts_with("1-3 of 3 by symbol   q end   ? help   / filter"));
}

#[test]
fn each_width_shows_what_it_has_room_for_and_no_size_is_too_small() {
    let now = Instant::now();
    for (width, head, row) in [
        (
            40,
            "symbol                last change state",
            "binance:BTCUSDT 61837.63 B +3.06% live",
        ),
        (
            120,
            "symbol           bid size       bid       ask  ask size",
            "binance:BTCUSDT     1.500  61837.62  61837.64     0.250",
        ),
        (
            200,
            "symbol           bid size       bid       ask  ask size        last   size  spread  change      high       low  volume      age",
            "binance:BTCUSDT     1.500  61837.62  61837.64     0.250  61837.63 B  0.010    0.02  +3.06%  62000.00  59900.00     100    ≥0 ms",
        ),
    ] {
        let lines = lines(&draw(&mut board(now), &view(), now, (width, 24)));
        assert!(lines.iter().any(|line| line.starts_with(head)), "{lines:#?}");
        assert!(lines.iter().any(|line| line.starts_with(row)), "{lines:#?}");
    }
    for size in [(0, 0), (1, 1), (3, 40), (40, 3), (20, 5), (300, 100)] {
        let mut board = board(now);
        press(&mut board, "?");
        draw(&mut board, &view(), now, size);
    }
}

#[test]
fn stale_and_halted_rows_are_dim_and_say_why() {
    let now = Instant::now();
    let mut of = snapshot();
    of.tickers[1].state = Some(3);
    of.venues[1].state = 3;
    of.tickers[2].state = Some(1);
    of.tickers[2].cause = None;
    let drawn = draw(&mut board(now), &view_of(of), now, (120, 24));
    let is_dim = |text| cell(&drawn, text).modifier.contains(Modifier::DIM);
    assert!(!is_dim("binance:BTCUSDT") && !is_dim("61837.62"));
    assert!(is_dim("binance:ETHUSDT") && is_dim("2000.00") && is_dim("halted"));
    assert!(is_dim("kraken:BTC/USD") && is_dim("venue down"));
    assert_eq!(cell(&drawn, "kraken down: silent for 5 s").fg, Color::Yellow);
    assert_eq!(
        (cell(&drawn, "+3.06%").fg, cell(&drawn, "connected").fg),
        (Color::Green, Color::Green)
    );
}

#[test]
fn a_lost_connection_greys_all_and_says_since_when_and_when_it_is_tried_again() {
    let now = Instant::now();
    let mut board = board(now);
    let mut view = view();
    draw(&mut board, &view, now, (80, 24));
    let _ = view.disconnected();
    board.stream.link = Link::Lost {
        since: now,
        why: "reset\x1b[2J".into(),
        next: now + Duration::from_secs(70),
    };
    let drawn = draw(&mut board, &view, now + Duration::from_secs(65), (100, 24));
    assert_eq!(
        lines(&drawn)[0],
        "no connection for 1 min 5 s, values are old, next attempt in 5 s: reset\u{fffd}[2J"
    );
    assert_eq!(cell(&drawn, "no connection").fg, Color::Red);
    for text in ["binance:BTCUSDT", "61837.63", "+3.06%", "binance:ETHUSDT"] {
        assert!(cell(&drawn, text).modifier.contains(Modifier::DIM), "{text}");
    }
}

#[test]
fn what_changes_flashes_and_fades_where_it_stands() {
    let now = Instant::now();
    let ms = |n| now + Duration::from_millis(n);
    let mut board = board(now);
    draw(&mut board, &view(), now, (80, 24));
    assert!(!board.is_moving(now));
    let after = view_with(&[(1, 6_183_764), (3, 1)]);
    let drawn = draw(&mut board, &after, ms(50), (80, 24));
    let last = cell(&drawn, "61837.64 B");
    assert!(last.fg == Color::Green && last.modifier.contains(Modifier::REVERSED));
    assert!(!cell(&drawn, "61837.62").modifier.contains(Modifier::REVERSED));
    // Of what is not live nothing flashes.
    assert!(cell(&drawn, "0.01 S").modifier.contains(Modifier::DIM));
    let drawn = draw(&mut board, &after, ms(250), (80, 24));
    let last = cell(&drawn, "61837.64 B");
    assert!(last.fg == Color::Green && !last.modifier.contains(Modifier::REVERSED) && board.is_moving(ms(250)));
    let drawn = draw(&mut board, &after, ms(360), (80, 24));
    assert_eq!(cell(&drawn, "61837.64 B").fg, Color::Reset);
    let drawn = draw(&mut board, &view(), ms(800), (80, 24));
    assert_eq!(cell(&drawn, "61837.63 B").fg, Color::Red);
}

#[test]
fn what_is_held_still_stays_while_the_head_goes_on() {
    let now = Instant::now();
    let mut board = board(now);
    let s = Duration::from_secs;
    press(&mut board, " ");
    draw(&mut board, &view(), now, (80, 24));
    let after = view_with(&[(1, 1)]);
    let drawn = lines(&draw(&mut board, &after, now + s(3), (80, 24)));
    assert!(
        drawn[1].starts_with("held still for 3 s, space goes on  lag"),
        "{drawn:#?}"
    );
    assert!(drawn.iter().any(|line| line.contains("61837.63 B")), "{drawn:#?}");
    press(&mut board, " ");
    let drawn = lines(&draw(&mut board, &after, now + s(4), (80, 24)));
    assert!(drawn.iter().any(|line| line.contains(" 0.01 B")), "{drawn:#?}");
}

#[test]
fn only_rows_with_room_are_drawn_and_the_foot_says_which() {
    let now = Instant::now();
    let ids = 1..=10_000;
    let many = Snapshot {
        epoch: 1,
        seq: 1,
        ts: SECOND,
        instruments: ids.clone().map(|id| instrument(id, &format!("a:N{id:05}"))).collect(),
        tickers: ids
            .map(|id| Ticker {
                id,
                state: Some(1),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    let view = view_of(many);
    let mut board = board(now);
    board.choice.press(&KeyEvent::from(KeyCode::End));
    let drawn = lines(&draw(&mut board, &view, now, (80, 24)));
    assert!(
        drawn[23].starts_with("9,982-10,000 of 10,000 by symbol   q end"),
        "{drawn:#?}"
    );
    assert!(
        drawn[4].starts_with("a:N09982") && drawn[22].starts_with("a:N10000"),
        "{drawn:#?}"
    );
    press(&mut board, "/n0999");
    let drawn = lines(&draw(&mut board, &view, now, (80, 24)));
    assert!(
        drawn[23].starts_with("/n0999▏ 10 of 10,000   Enter keeps it"),
        "{drawn:#?}"
    );
    assert!(drawn[13].starts_with("a:N09999") && drawn[14].is_empty(), "{drawn:#?}");
    board.choice.press(&KeyEvent::from(KeyCode::Enter));
    press(&mut board, "ssr");
    let drawn = lines(&draw(&mut board, &view, now, (80, 24)));
    assert!(
        drawn[23] == "1-10 of 10 with `n0999` by last update, reversed   q end   ? help   / filter",
        "{drawn:#?}"
    );
    press(&mut board, "/nowhere");
    let drawn = lines(&draw(&mut board, &view, now, (80, 24)));
    assert_eq!(drawn[4], "nothing matches `nowhere`, Esc shows all");
    assert_eq!(drawn[23], "/nowhere▏ 0 of 10,000   Enter keeps it   Esc shows all");
}

#[test]
fn what_was_removed_vanishes_at_the_next_picture() {
    let now = Instant::now();
    let mut board = board(now);
    draw(&mut board, &view(), now, (80, 24));
    let mut of = snapshot();
    of.instruments.remove(1);
    of.tickers.remove(1);
    let drawn = lines(&draw(&mut board, &view_of(of), now, (80, 24)));
    assert!(!drawn.iter().any(|line| line.contains("ETHUSDT")), "{drawn:#?}");
    assert!(drawn[23].starts_with("1-2 of 2 "), "{drawn:#?}");
}

#[test]
fn no_name_breaks_the_columns() {
    let now = Instant::now();
    let names = [
        "a:日本語の銘柄名前長い",
        "a:e\u{301}\u{301}x",
        "a:\u{202e}abc\u{200b}",
        "a:👨\u{200d}👩\u{200d}👧",
        "a:<b>&\u{7fff}",
    ];
    let mut of = snapshot();
    for (id, name) in (10..).zip(names) {
        of.instruments.push(instrument(id, name));
        of.tickers.push(Ticker {
            id,
            last_price: Some(123_456),
            state: Some(1),
            ..Default::default()
        });
    }
    let view = view_of(of);
    assert_eq!(view.len(), 8, "all of them are symbols");
    for width in [40, 80, 200] {
        let drawn = draw(&mut board(now), &view, now, (width, 24));
        let points: Vec<u16> = (0..24)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .filter(|(x, y)| {
                (0..10).all(|n| x + n < width && drawn[(x + n, *y)].symbol() == &"1234.56   "[n as usize..][..1])
            })
            .map(|(x, _)| x)
            .collect();
        assert!(
            points.len() == 5 && points.iter().all(|x| *x == points[0]),
            "{:#?}",
            lines(&drawn)
        );
        assert!(lines(&drawn).iter().all(|line| !line.contains('\u{202e}')));
    }
}

#[test]
fn columns_stand_still_while_rows_move_and_only_become_wider() {
    let now = Instant::now();
    let mut of = snapshot();
    for id in 10..40 {
        of.instruments.push(instrument(id, &format!("a:N{id}")));
        let last_price = Some(1_000_i64.pow(u32::from(id == 39) * 2 + 1));
        of.tickers.push(Ticker {
            id,
            last_price,
            state: Some(1),
            ..Default::default()
        });
    }
    let mut board = board(now);
    let head = |board: &mut Board, of: &Snapshot| lines(&draw(board, &view_of(of.clone()), now, (120, 12)))[4].clone();
    let top = head(&mut board, &of);
    assert!(top.starts_with("symbol "), "{top}");
    board.choice.press(&KeyEvent::from(KeyCode::End));
    assert_eq!(head(&mut board, &of), top);
    // It is out of sight.
    of.tickers[32].last_price = Some(1);
    board.choice.press(&KeyEvent::from(KeyCode::Home));
    assert_eq!(head(&mut board, &of), top);
}

#[test]
fn where_there_is_no_row_it_is_said_why() {
    let now = Instant::now();
    let mut board = board(now);
    let empty = View::new();
    let drawn = lines(&draw(&mut board, &empty, now, (80, 24)));
    assert!(
        drawn.iter().any(|line| line == "waiting for the first values"),
        "{drawn:#?}"
    );
    for (height, foot) in [(4, "1-1 of 3 by symbol"), (2, "no room for 3 rows by symbol")] {
        let drawn = lines(&draw(&mut board, &view(), now, (80, height)));
        assert!(drawn[usize::from(height) - 1].starts_with(foot), "{drawn:#?}");
    }
}

#[test]
fn long_names_differ_beside_whole_numbers() {
    let now = Instant::now();
    let names = [
        "$stats:venue.binance.lag_p50_us",
        "$stats:venue.binance.lag_p99_us",
        "$stats:encoding.json.entries_per_s",
        "$stats:encoding.msgpack.entries_per_s",
    ];
    let mut of = Snapshot {
        epoch: 1,
        seq: 1,
        ts: SECOND,
        ..Default::default()
    };
    for (id, name) in (1..).zip(names) {
        of.instruments.push(instrument(id, name));
        of.tickers.push(Ticker {
            id,
            last_price: Some(123_456_789),
            state: Some(1),
            ..Default::default()
        });
    }
    let view = view_of(of);
    for (width, is_whole) in [(50, false), (80, true), (120, true)] {
        let drawn = lines(&draw(&mut board(now), &view, now, (width, 24)));
        let rows: Vec<&str> = drawn
            .iter()
            .filter_map(|line| Some(line.split_once(" 1234567.89 ")?.0))
            .collect();
        let different: std::collections::BTreeSet<&&str> = rows.iter().collect();
        assert_eq!(different.len(), names.len(), "{drawn:#?}");
        assert_eq!(
            rows.iter()
                .all(|name| name.starts_with("$stats:") && !name.contains('…')),
            is_whole,
            "{drawn:#?}"
        );
    }
}
