//! The live table in a terminal: cursor home, rows, clear to the end. Nothing but plain ANSI.

use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::lines::state_word;
use crate::client::{Notice, Ticker, View};
use crate::market::Field;

const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";
const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// A size that every terminal has, where none can be found out.
const ROWS: usize = 24;
const COLUMNS: usize = 80;
/// Two lines of status, one of heads, one for what does not fit.
const LINES_BESIDE: usize = 4;
/// Ages move on though nothing came.
const REDRAW_AT_LEAST: Duration = Duration::from_secs(1);

/// Heads and widths of the columns after the symbol.
const FIELDS: [(Field, &str, usize); 7] = [
    (Field::BidPrice, "bid", 13),
    (Field::BidSize, "size", 12),
    (Field::AskPrice, "ask", 13),
    (Field::AskSize, "size", 12),
    (Field::LastPrice, "last", 13),
    (Field::LastSize, "size", 12),
    (Field::Volume, "volume", 15),
];

/// What is on the screen beside the view.
pub(super) struct Screen {
    rows: usize,
    columns: usize,
    connection: String,
    drawn: Option<(Instant, u64, usize)>,
    is_dirty: bool,
}

impl Screen {
    pub(super) fn new() -> Screen {
        let (rows, columns) = size().unwrap_or((ROWS, COLUMNS));
        Screen::sized(rows, columns)
    }

    fn sized(rows: usize, columns: usize) -> Screen {
        Screen {
            rows,
            columns,
            connection: "connecting".into(),
            drawn: None,
            is_dirty: true,
        }
    }

    /// Shows the newest sentence that is not shown otherwise.
    pub(super) fn say(&mut self, notice: &Notice, sentence: String) {
        // Venues have a line of their own, out of the view.
        if !matches!(notice, Notice::Venue { .. }) {
            self.connection = sentence;
        }
        self.is_dirty = true;
    }

    /// The next picture, `None` while it would be the same.
    pub(super) fn draw(&mut self, view: &View) -> Option<String> {
        let is_same = self
            .drawn
            .is_some_and(|(at, seq, len)| seq == view.seq() && len == view.len() && at.elapsed() < REDRAW_AT_LEAST);
        if is_same && !self.is_dirty {
            return None;
        }
        let mut text = String::from(HOME);
        if self.drawn.is_none() {
            text = format!("{HIDE_CURSOR}{HOME}");
        }
        self.status(&mut text, view);
        self.heads(&mut text);
        let most = self.rows.saturating_sub(LINES_BESIDE);
        for ticker in view.iter().take(most) {
            self.row(&mut text, view, ticker);
        }
        if view.len() > most {
            let _ = write!(text, "{DIM}… and {} more{PLAIN}", view.len() - most);
        }
        text.push_str(CLEAR_LINE);
        text.push_str(CLEAR_BELOW);
        self.drawn = Some((Instant::now(), view.seq(), view.len()));
        self.is_dirty = false;
        Some(text)
    }

    /// Leaves the cursor below the table.
    pub(super) fn leave(&self) -> String {
        format!("{PLAIN}{SHOW_CURSOR}\n")
    }

    fn status(&self, text: &mut String, view: &View) {
        self.line(text, BOLD, &self.connection);
        let epoch = view.epoch().map_or("-".into(), |e| e.to_string());
        let mut line = format!(
            "epoch {epoch}  seq {}  skipped {}  symbols {}",
            view.seq(),
            view.skipped(),
            view.len()
        );
        for (name, status) in view.venues() {
            let _ = write!(line, "  {name} {}", status.state.word());
            if !status.reason.is_empty() {
                let _ = write!(line, " ({})", status.reason);
            }
        }
        self.line(text, "", &line);
    }

    fn heads(&self, text: &mut String) {
        let mut line = format!("{:<20}", "symbol");
        for (_, head, width) in FIELDS {
            let _ = write!(line, " {head:>width$}");
        }
        let _ = write!(line, "  {:<18} {:>9}", "state", "age");
        self.line(text, DIM, &line);
    }

    fn row(&self, text: &mut String, view: &View, ticker: &Ticker) {
        let mut line = format!("{:<20}", ticker.symbol().as_str());
        for (field, _, width) in FIELDS {
            let value = ticker.value(field).map_or("-".into(), |v| v.to_string());
            let _ = write!(line, " {value:>width$}");
        }
        let is_live = view.is_live(ticker);
        let state = match ticker.cause() {
            Some(cause) => format!("{} ({})", state_word(ticker), cause.word()),
            // Its own state is live, its venue is not: the price is not live (rule 9).
            None if !is_live && state_word(ticker) == "live" => "not up".into(),
            None => state_word(ticker).into(),
        };
        let age = ticker
            .ts_event()
            .map_or("-".into(), |ts| age(view.ts().micros_since(ts)));
        let _ = write!(line, "  {state:<18} {age:>9}");
        self.line(text, if is_live { "" } else { DIM }, &line);
    }

    /// One line, cut at the edge: a wrapped one would push the table out of the screen.
    fn line(&self, text: &mut String, style: &str, line: &str) {
        text.push_str(style);
        text.extend(line.chars().take(self.columns));
        text.push_str(PLAIN);
        text.push_str(CLEAR_LINE);
        text.push_str("\r\n");
    }
}

/// An age in few characters; negative where the venue's clock is ahead: skew is shown, not clamped.
fn age(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    match us.unsigned_abs() {
        us @ ..1_000_000 => format!("{sign}{} ms", us / 1_000),
        us @ ..60_000_000 => format!("{sign}{}.{} s", us / 1_000_000, us / 100_000 % 10),
        us => format!("{sign}{} min", us / 60_000_000),
    }
}

/// Rows and columns from `stty`: asking the terminal itself would need raw mode or unsafe code.
fn size() -> Option<(usize, usize)> {
    let output = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (rows, columns) = text.trim().split_once(' ')?;
    let size = (rows.parse().ok()?, columns.parse().ok()?);
    (size.0 > LINES_BESIDE && size.1 > 0).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short_and_skew_is_shown() {
        for (us, text) in [
            (0, "0 ms"),
            (-1_500, "-1 ms"),
            (1_250_000, "1.2 s"),
            (-61_000_000, "-1 min"),
        ] {
            assert_eq!(age(us), text);
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_is_drawn_twice() {
        let mut screen = Screen::sized(10, 20);
        let view = View::new();
        let text = screen.draw(&view).expect("the first picture");
        for line in text.lines() {
            let shown = line
                .split('\x1b')
                .map(|s| s.trim_start_matches(|c: char| "[?0123456789lhHKJm".contains(c)));
            assert!(
                shown.map(|s| s.trim_end().chars().count()).sum::<usize>() <= 20,
                "{line:?}"
            );
        }
        assert_eq!(screen.draw(&view), None);
    }
}
