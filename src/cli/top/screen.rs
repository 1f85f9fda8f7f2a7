//! The statistics as a full-screen picture.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;

use super::board::Board;
use super::grid::{Figures, Grid};
use super::words::{SPANS, bytes, connection, head, micros, number, percent, state};
use crate::cli::link::Link;
use crate::cli::terminal::{heading, help, put_line};

/// Load and lag: a head and as many rows.
const LOAD_ROWS: u16 = 1 + 8;
const LAG_ROWS: u16 = 1 + 6;
/// Between them, where they stand side by side.
const BETWEEN: u16 = 2;

const HELP: [&str; 13] = [
    "q, Esc, Ctrl-C  end",
    "up, down        move the list of venues",
    "?               this help, and away again",
    "",
    "feed    from a venue's socket to the engine's queue",
    "queue   until it is applied, the wait for the beat included",
    "beat    until the beat is sealed and encoded",
    "write   until it is written to all whose sockets took it",
    "ping    to a subscriber and back",
    "engine  the work of one beat",
    "venue   lag: from its own stamp to our socket",
    "",
    "p50 is the middle of the last second, p99 what one in a hundred exceeds; below zero a clock is ahead of ours. Bars are \
     of the last minutes, one a second. The wider the screen, the more columns.",
];

/// What the user has chosen to see.
#[derive(Debug, Default)]
pub(super) struct Choice {
    pub(super) has_help: bool,
    /// Venues above the first that is shown.
    pub(super) above: usize,
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, board: &Board, choice: &Choice, now: Instant) {
    let (load, lag) = (load(board), lag(board));
    let width = frame.area().width;
    let left = (width.saturating_sub(BETWEEN) / 2).max(load.width_least());
    let is_beside = left + BETWEEN + lag.width_least() <= width;
    let encodings = board.encodings().len() as u16;
    let parts = [
        Constraint::Length(2),
        Constraint::Length(if is_beside { LOAD_ROWS } else { LOAD_ROWS + LAG_ROWS }),
        Constraint::Length(3 + encodings),
        Constraint::Min(2),
        Constraint::Length(1),
    ];
    let [top, upper, fan_out, venues, keys] = Layout::vertical(parts).areas(frame.area());
    let [load_at, lag_at] = match is_beside {
        true => Layout::horizontal([Constraint::Length(left), Constraint::Fill(1)])
            .spacing(BETWEEN)
            .areas(upper),
        false => Layout::vertical([LOAD_ROWS, LAG_ROWS].map(Constraint::Length)).areas(upper),
    };
    draw_head(frame, top, board, now);
    let style = match board.is_old(now) {
        true => Style::new().add_modifier(Modifier::DIM),
        false => Style::new(),
    };
    for (grid, at) in [
        (load, load_at),
        (lag, lag_at),
        (sent(board), fan_out),
        (venue_rows(board, venues, choice), venues),
    ] {
        frame.render_widget(grid.table(board, at.width).style(style), at);
    }
    frame.render_widget(Line::styled("q end   ? help", heading()), keys);
    if choice.has_help {
        help(frame, &HELP);
    }
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, board: &Board, now: Instant) {
    let color = match board.link {
        Link::Connected(_) if board.is_old(now) || board.is_silent(now) => Color::Yellow,
        Link::Connected(_) => Color::Green,
        Link::Connecting => Color::Yellow,
        Link::Lost { .. } => Color::Red,
    };
    let lines = [
        Line::styled(
            head(board, area.width.into()),
            Style::new().add_modifier(Modifier::BOLD),
        ),
        Line::styled(connection(board, now), Style::new().fg(color)),
    ];
    for (line, y) in lines.iter().zip(area.y..area.bottom()) {
        put_line(frame.buffer_mut(), (area.x, y), line, area.width);
    }
}

fn load(board: &Board) -> Grid {
    let of = |name: &str| number(board, name);
    let mut grid = Grid::new(("load", 11), &[("", 12, 1)]);
    for (word, text, name) in [
        ("CPU", percent(board, "cpu_percent"), "cpu_percent"),
        ("memory", bytes(board, "resident_bytes"), "resident_bytes"),
        ("updates/s", of("updates_per_s"), "updates_per_s"),
        ("instruments", of("instruments"), "instruments"),
        ("subscribers", of("subscribers"), "subscribers"),
        ("slow", of("slow_subscribers"), "slow_subscribers"),
        ("skipped/s", of("skipped_beats_per_s"), "skipped_beats_per_s"),
        ("errors/s", of("errors_per_s"), "errors_per_s"),
    ] {
        grid.push(word, [text], name);
    }
    grid
}

fn lag(board: &Board) -> Grid {
    let mut grid = Grid::new(("lag", 6), &[("p50", 10, 2), ("p99", 10, 1)]);
    for (word, name) in SPANS {
        let [p50, p99] = ["p50", "p99"].map(|rank| format!("{name}_{rank}_us"));
        grid.push(word, [micros(board, &p50), micros(board, &p99)], &p99);
    }
    grid
}

fn sent(board: &Board) -> Grid {
    let columns = [("frames/s", 12, 2), ("entries/s", 12, 3), ("bytes/s", 12, 1)];
    let mut grid = Grid::new(("fan-out", 12), &columns);
    let mut push = |word: &str, of: &str| {
        let [frames, entries, sent] = ["frames", "entries", "bytes"].map(|what| format!("{of}{what}_per_s"));
        let figures = [number(board, &frames), number(board, &entries), bytes(board, &sent)];
        grid.push(word, figures, &sent);
    };
    push("all", "");
    for encoding in board.encodings() {
        push(encoding, &format!("encoding.{encoding}."));
    }
    grid
}

fn venue_rows(board: &Board, area: Rect, choice: &Choice) -> Grid {
    let venues = board.venues();
    let room = usize::from(area.height.saturating_sub(1));
    let above = choice.above.min(venues.len().saturating_sub(room));
    let word = match venues.len() > room {
        true => format!("venue ({} of {})", room, venues.len()),
        false => "venue".to_owned(),
    };
    let columns = [
        ("state", 5, 1),
        ("updates/s", 11, 2),
        ("lag p50", 10, 6),
        ("lag p99", 10, 3),
        ("malformed/s", 11, 5),
        ("gaps/s", 7, 4),
    ];
    let mut grid = Grid::new((&word, 18), &columns);
    grid.columns[1].is_words = true;
    for venue in venues.iter().skip(above).take(room) {
        let of = |name: &str| format!("venue.{venue}.{name}");
        let state = state(board, venue);
        let color = match state {
            "up" => Color::Green,
            "stale" => Color::Yellow,
            _ => Color::Red,
        };
        let plain = |text: String| (text, Style::new());
        grid.rows.push(Figures {
            cells: vec![
                plain((*venue).to_owned()),
                (state.to_owned(), Style::new().fg(color)),
                plain(number(board, &of("updates_per_s"))),
                plain(micros(board, &of("lag_p50_us"))),
                plain(micros(board, &of("lag_p99_us"))),
                plain(number(board, &of("malformed_per_s"))),
                plain(number(board, &of("gaps_per_s"))),
            ],
            bars: of("updates_per_s"),
        });
    }
    grid
}
