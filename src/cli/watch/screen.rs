//! The picture on a full screen.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use super::choice::HELP;
use super::columns::{Column, between};
use super::past::Flash;
use super::picture::{Head, Picture, ShownRow};
use crate::cli::terminal::{heading, help, put_line, shortened};

/// Lines that figures take, whether they fill them or not: the table must not move because a number has grown. Venues,
/// which change seldom, take as many at most.
const LINES_MOST: usize = 2;
/// From so many lines on; else one each.
const TALL: u16 = 12;
/// From so many lines on; else the connection alone stands above the table.
const LOW: u16 = 8;
/// Figures stand on one line from so many columns on.
const WIDE: u16 = 130;

/// Rows of the table that there is room for, beside what stands above it, its heads and the foot.
pub(super) fn room(head: &Head, (width, height): (u16, u16)) -> usize {
    let beside = head_lines(head, width, height).len() + 2;
    usize::from(height).saturating_sub(beside)
}

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, picture: &Picture) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let mut at = area.y;
    for line in head_lines(&picture.head, area.width, area.height) {
        put(buffer, area, &mut at, &line);
    }
    let mut x = area.x;
    for (column, width) in &picture.columns {
        let cell = Rect {
            x,
            y: at,
            width: *width,
            height: 1,
        };
        put_cell(buffer, area, cell, (*column, column.head()), heading());
        x += width + between(area.width);
    }
    at += 1;
    let mut below = at;
    put(buffer, area, &mut below, &Line::raw(picture.nothing.as_str()));
    for row in &picture.rows {
        put_row(buffer, area, at, &picture.columns, row);
        at += 1;
    }
    if area.height > 0 {
        let mut last = area.bottom() - 1;
        // Above a row, where there is no room for both.
        let blank = " ".repeat(usize::from(area.width));
        buffer.set_stringn(area.x, last, blank, usize::from(area.width), Style::reset());
        put(buffer, area, &mut last, &Line::styled(picture.foot.as_str(), heading()));
    }
    if picture.has_help {
        help(frame, &HELP);
    }
}

/// The lines above the table.
fn head_lines(head: &Head, width: u16, height: u16) -> Vec<Line<'static>> {
    let most = if height >= TALL { LINES_MOST } else { 1 };
    let (sentence, is_up) = &head.link;
    let color = if *is_up { Color::Green } else { Color::Red };
    let mut lines = vec![Line::styled(sentence.clone(), Style::new().fg(color))];
    if height < LOW {
        return lines;
    }
    let figures = head.figures.iter().map(|text| Span::raw(text.clone()));
    let figures_most = if width >= WIDE { 1 } else { most };
    lines.extend(flow(figures, width, figures_most));
    lines.resize(1 + figures_most, Line::default());
    let venues = head.venues.iter().map(|(text, is_up)| {
        let color = if *is_up { Color::Reset } else { Color::Yellow };
        Span::styled(text.clone(), Style::new().fg(color))
    });
    lines.extend(flow(venues, width, most));
    lines
}

/// Parts side by side on at most so many lines, as many as fit whole.
fn flow(parts: impl Iterator<Item = Span<'static>>, width: u16, most: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for part in parts {
        let fits = |line: &Line<'_>| line.width() + 2 + part.width() <= usize::from(width);
        let is_full = lines.len() >= most;
        match lines.last_mut() {
            Some(line) if fits(line) => {
                line.push_span("  ");
                line.push_span(part);
            }
            Some(line) if is_full => {
                line.push_span(" …");
                break;
            }
            _ => lines.push(Line::from(part)),
        }
    }
    lines
}

/// A line across the screen, if there is one more.
fn put(buffer: &mut Buffer, area: Rect, at: &mut u16, line: &Line<'_>) {
    if *at < area.bottom() {
        put_line(buffer, (area.x, *at), line, area.width);
        *at += 1;
    }
}

fn put_row(buffer: &mut Buffer, area: Rect, y: u16, columns: &[(Column, u16)], row: &ShownRow) {
    let mut x = area.x;
    for ((column, width), (text, flash)) in columns.iter().zip(&row.cells) {
        let style = match (row.is_live, flash) {
            (false, _) => Style::new().add_modifier(Modifier::DIM),
            (true, Some(flash)) => flashing(*flash),
            (true, None) => plain(*column, text),
        };
        let cell = Rect {
            x,
            y,
            width: *width,
            height: 1,
        };
        put_cell(buffer, area, cell, (*column, text), style);
        x += width + between(area.width);
    }
}

/// Green went up, red went down; without colours it is seen all the same.
fn flashing(flash: Flash) -> Style {
    let color = if flash.is_up { Color::Green } else { Color::Red };
    let style = Style::new().fg(color);
    match flash.is_bright {
        true => style.add_modifier(Modifier::REVERSED),
        false => style.add_modifier(Modifier::BOLD),
    }
}

fn plain(column: Column, text: &str) -> Style {
    match column {
        Column::Change if text.starts_with('-') && text.len() > 1 => Style::new().fg(Color::Red),
        Column::Change if text.starts_with('+') && text != "+0.00%" => Style::new().fg(Color::Green),
        Column::Line => Style::new().fg(Color::Cyan),
        _ => Style::new(),
    }
}

/// A text in its cell, words to the left and numbers to the right. What is too long is cut: names in the middle, words at
/// their end, numbers never, they say that there is no room.
fn put_cell(buffer: &mut Buffer, area: Rect, cell: Rect, (column, text): (Column, &str), style: Style) {
    let cell = cell.intersection(area);
    if cell.is_empty() {
        return;
    }
    let room = usize::from(cell.width);
    let wide = Span::raw(text).width();
    let (x, y) = (cell.x, cell.y);
    if wide <= room {
        let x = if column.is_words() { x } else { x + (room - wide) as u16 };
        buffer.set_stringn(x, y, text, room, style);
    } else if column == Column::Symbol {
        buffer.set_stringn(x, y, shortened(text, room), room, style);
    } else if column.is_words() {
        let (end, _) = buffer.set_stringn(x, y, text, room - 1, style);
        buffer.set_stringn(end, y, "…", 1, style);
    } else {
        buffer.set_stringn(x, y, "…".repeat(room), room, style);
    }
}
