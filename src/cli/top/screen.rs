//! The statistics as a full-screen picture.

use std::time::Instant;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Row, Table};

use super::board::Board;
use super::words::{SPANS, bytes, connection, head, micros, number, percent, state};
use crate::cli::link::Link;
use crate::cli::terminal::{Base, heading, help, right, sparkline};

/// Left and right of the upper half: a head and as many rows.
const UPPER_ROWS: u16 = 1 + 8;

const HELP: [&str; 14] = [
    "q, Esc, Ctrl-C   end",
    "up, down         move the list of venues",
    "?                this help, and away again",
    "",
    "feed    from a venue's socket to the engine's queue",
    "queue   until it is applied, the wait for the beat included",
    "beat    until the beat is sealed and encoded",
    "write   until it is written to all whose sockets took it",
    "ping    a ping's way to a subscriber and back",
    "engine  the work of one beat",
    "",
    "p50 is the middle of the last second, p99 what one in a",
    "hundred exceeds; below zero a clock is ahead of ours. The",
    "columns of bars are of the last minutes, one a second.",
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
    let encodings = board.encodings().len() as u16;
    let parts = [
        Constraint::Length(2),
        Constraint::Length(UPPER_ROWS),
        Constraint::Length(3 + encodings),
        Constraint::Min(2),
        Constraint::Length(1),
    ];
    let [top, upper, fan_out, venues, keys] = Layout::vertical(parts).areas(frame.area());
    let style = match board.is_old(now) {
        true => Style::new().add_modifier(Modifier::DIM),
        false => Style::new(),
    };
    draw_head(frame, top, board, now);
    let [left, _, right] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(2), Constraint::Fill(1)]).areas(upper);
    frame.render_widget(load(board, left.width).style(style), left);
    frame.render_widget(lag(board, right.width).style(style), right);
    frame.render_widget(sent(board, fan_out.width).style(style), fan_out);
    frame.render_widget(venue_rows(board, venues, choice).style(style), venues);
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
    let lines = vec![
        Line::styled(head(board), Style::new().add_modifier(Modifier::BOLD)),
        Line::styled(connection(board, now), Style::new().fg(color)),
    ];
    frame.render_widget(Paragraph::new(lines), area);
}

/// A line over the last minutes, in what is left of a width.
fn bars(board: &Board, name: &str, width: u16, used: u16) -> Span<'static> {
    let room = usize::from(width.saturating_sub(used)).min(180);
    Span::styled(
        sparkline(board.history(name), room, Base::Nought),
        Style::new().fg(Color::Cyan),
    )
}

fn load(board: &Board, width: u16) -> Table<'static> {
    let row = |word: &'static str, text: String, name: &str| {
        Row::new([Line::from(word), right(text), Line::from(bars(board, name, width, 25))])
    };
    let of = |name: &str| number(board, name);
    let rows = [
        row("CPU", percent(board, "cpu_percent"), "cpu_percent"),
        row("memory", bytes(board, "resident_bytes"), "resident_bytes"),
        row("updates/s", of("updates_per_s"), "updates_per_s"),
        row("instruments", of("instruments"), "instruments"),
        row("subscribers", of("subscribers"), "subscribers"),
        row("slow", of("slow_subscribers"), "slow_subscribers"),
        row("skipped/s", of("skipped_beats_per_s"), "skipped_beats_per_s"),
        row("errors/s", of("errors_per_s"), "errors_per_s"),
    ];
    let widths = [Constraint::Length(11), Constraint::Length(12), Constraint::Fill(1)];
    Table::new(rows, widths).header(Row::new(["load"]).style(heading()))
}

fn lag(board: &Board, width: u16) -> Table<'static> {
    let rows = SPANS.map(|(word, name)| {
        let (p50, p99) = (format!("{name}_p50_us"), format!("{name}_p99_us"));
        Row::new([
            Line::from(word),
            right(micros(board, &p50)),
            right(micros(board, &p99)),
            Line::from(bars(board, &p99, width, 29)),
        ])
    });
    let widths = [
        Constraint::Length(6),
        Constraint::Length(10),
        Constraint::Length(10),
        Constraint::Fill(1),
    ];
    let head = Row::new([Line::from("lag"), right("p50".into()), right("p99".into())]);
    Table::new(rows, widths).header(head.style(heading()))
}

fn sent(board: &Board, width: u16) -> Table<'static> {
    let row = |word: &str, of: &str| {
        let name = |what: &str| format!("{of}{what}_per_s");
        Row::new([
            Line::from(word.to_owned()),
            right(number(board, &name("frames"))),
            right(number(board, &name("entries"))),
            right(bytes(board, &name("bytes"))),
            Line::from(bars(board, &name("bytes"), width, 52)),
        ])
    };
    let encodings = board.encodings();
    let by_encoding = encodings
        .iter()
        .map(|encoding| row(encoding, &format!("encoding.{encoding}.")));
    let rows: Vec<Row<'_>> = std::iter::once(row("all", "")).chain(by_encoding).collect();
    let widths = [
        Constraint::Length(12),
        Constraint::Length(12),
        Constraint::Length(12),
        Constraint::Length(12),
        Constraint::Fill(1),
    ];
    let head = ["frames/s", "entries/s", "bytes/s"].map(|word| right(word.into()));
    let head = std::iter::once(Line::from("fan-out")).chain(head);
    Table::new(rows, widths).header(Row::new(head).style(heading()))
}

fn venue_rows(board: &Board, area: Rect, choice: &Choice) -> Table<'static> {
    let row = |venue: &&str| {
        let of = |name: &str| format!("venue.{venue}.{name}");
        let state = state(board, venue);
        let color = match state {
            "up" => Color::Green,
            "stale" => Color::Yellow,
            _ => Color::Red,
        };
        Row::new([
            Line::from((*venue).to_owned()),
            Line::styled(state, Style::new().fg(color)),
            right(number(board, &of("updates_per_s"))),
            right(micros(board, &of("lag_p50_us"))),
            right(micros(board, &of("lag_p99_us"))),
            right(number(board, &of("malformed_per_s"))),
            right(number(board, &of("gaps_per_s"))),
            Line::from(bars(board, &of("updates_per_s"), area.width, 79)),
        ])
    };
    let venues = board.venues();
    let room = usize::from(area.height.saturating_sub(1));
    let above = choice.above.min(venues.len().saturating_sub(room));
    let shown = venues.iter().skip(above).take(room).map(row);
    let word = match venues.len() > room {
        true => format!("venue ({} of {})", room, venues.len()),
        false => "venue".to_owned(),
    };
    let widths = [18, 5, 11, 10, 10, 11, 7].map(Constraint::Length);
    let widths = widths.into_iter().chain([Constraint::Fill(1)]);
    let heads = ["updates/s", "lag p50", "lag p99", "malformed/s", "gaps/s"].map(|word| right(word.into()));
    let head = [Line::from(word), Line::from("state")].into_iter().chain(heads);
    Table::new(shown.collect::<Vec<_>>(), widths).header(Row::new(head).style(heading()))
}
